"""The public surface is a list that we wrote on purpose."""

from __future__ import annotations

import assay

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


def test_the_list_is_the_list() -> None:
    assert sorted(assay.__all__) == NAMES
    assert dir(assay) == NAMES


def test_every_name_resolves() -> None:
    for name in NAMES:
        assert getattr(assay, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(assay, "creat_study")
