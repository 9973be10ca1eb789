"""Conformance suites and problems with known optima, shipped for those who extend the package.

A suite is a tuple of checks; a check takes a factory of the thing under test and raises AssertionError where a promise
of its interface is broken. To hold a class of your own to its interface, run every check:

    from assay.testing.surrogate_suite import SURROGATE_CHECKS
    for check in SURROGATE_CHECKS:
        check(MySurrogate)
"""
