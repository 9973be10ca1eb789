"""Conformance suites and problems with known optima, shipped for those who extend the package."""
