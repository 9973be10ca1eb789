"""Covariance functions, written against the array namespace."""
