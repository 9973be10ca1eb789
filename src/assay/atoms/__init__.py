"""Hyperactive learning of interatomic potentials: descriptors, linear potentials, biased dynamics, campaigns."""
