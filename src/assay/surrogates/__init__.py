"""Posteriors over an unknown function."""
