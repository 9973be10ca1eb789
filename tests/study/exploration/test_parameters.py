"""The table of parameters and the space are one thing."""

from __future__ import annotations

from typing import Any

import pytest
from tests.study.exploration.explorations import table

from assay.errors import SpaceError
from assay.study.exploration.parameters import create_parameters, space_of_parameters, table_of_space


def test_the_table_has_the_familiar_columns() -> None:
    assert table().to_dict() == {
        "value": {"A": 2.5, "B": 2.5},
        "min": {"A": -5.0, "B": -5.0},
        "max": {"A": 10.0, "B": 10.0},
    }


def test_a_table_and_a_space_are_the_same_thing() -> None:
    rich = create_parameters(
        ["speed", "cells", "gas", "voltage"],
        [0.1, 4, None, None],
        [10.0, 64, None, None],
        type={"cells": "integer"},
        log={"speed": True},
        choices={"gas": ["argon", "helium"], "voltage": [3.3, 5.0, 12.0]},
        unit={"speed": "m/s"},
        my_own=["a", "b", "c", "d"],
        constraints=["speed * cells <= 100"],
    )
    space = space_of_parameters(rich)
    assert [item.type for item in space.design] == ["continuous", "integer", "categorical", "discrete"]
    assert rich["value"].tolist() == [5.05, 34, "argon", 3.3]
    assert not space.is_feasible({"speed": 9.0, "cells": 60, "gas": "argon", "voltage": 5.0})
    assert space_of_parameters(table_of_space(space)) == space


@pytest.mark.parametrize(
    ("arguments", "keys", "message"),
    [
        ((["A"], [0.0], [1.0, 2.0]), {}, "need 1 entries in the column 'max', got 2"),
        ((["A"], [0.0], [1.0], [2.0]), {}, "'A' must lie in"),
        ((["A"], [None], [1.0]), {}, "'A' needs a minimum and a maximum"),
        ((["A"], [0.0], [1.0]), {"unit": {"B": "m"}}, "the column 'unit' names 'B'"),
        ((["A"], [0.0], [1.0]), {"type": "whole"}, "must be one of continuous, integer, fixed"),
        ((["A"], [0.0], [1.0]), {"constraints": ["A + C <= 1"]}, "'C'"),
    ],
)
def test_wrong_parameters_are_refused(arguments: Any, keys: Any, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        create_parameters(*arguments, **keys)
