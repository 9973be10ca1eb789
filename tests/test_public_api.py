"""The public surface is a list that we wrote on purpose."""

from __future__ import annotations

import assay
from assay import hep

NAMES = [
    "AssayError",
    "Categorical",
    "Constraint",
    "Continuous",
    "Discrete",
    "Exploration",
    "Fixed",
    "Integer",
    "Observation",
    "Outcome",
    "Study",
    "Suggestion",
    "__version__",
    "create_parameters",
    "create_study",
    "open_study",
]
HEP_NAMES = [
    "Data",
    "Fit",
    "HypothesisTest",
    "Impacts",
    "Model",
    "PatchSet",
    "ToyTest",
    "UpperLimits",
    "Workspace",
    "Yields",
    "asymptotic_limit",
    "asymptotic_test",
    "build_model",
    "correlated_background",
    "expected_yields",
    "hypothesis_scan",
    "hypothesis_test",
    "hypothesis_tests",
    "impacts",
    "many_upper_limits",
    "maximum_likelihood",
    "signal_models",
    "toy_test",
    "uncorrelated_background",
    "upper_limits",
    "with_observed",
    "with_templates",
]


def test_the_list_is_the_list() -> None:
    assert sorted(assay.__all__) == NAMES
    assert dir(assay) == NAMES
    assert hep.__all__ == HEP_NAMES
    assert dir(hep) == HEP_NAMES


def test_every_name_resolves() -> None:
    for name in NAMES:
        assert getattr(assay, name) is not None
    for name in HEP_NAMES:
        assert getattr(hep, name).__name__ == name


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(assay, "creat_study")
    assert not hasattr(hep, "upper_limit")
