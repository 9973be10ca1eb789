"""Spaces from data and objects: what they keep, what they refuse and how."""

from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np
import pytest

import assay
from assay.errors import SpaceError
from assay.space.constraints import Constraint
from assay.space.parameters import (
    Categorical,
    Continuous,
    Discrete,
    EnvironmentFixed,
    EnvironmentVariable,
    Fixed,
    Integer,
    Text,
)
from assay.space.space import Space

DATA: dict[str, Any] = {
    "design_space": [
        {"name": "x", "domain": [-1, 1], "unit": "mm"},
        {"name": "rate", "type": "continuous", "domain": [1e-6, 1], "log": True},
        {"name": "layers", "type": "integer", "domain": [1, 6]},
        {"name": "voltage_V", "type": "discrete", "values": [12, 3.3, 5]},
        {"name": "metal", "type": "categorial", "domain": ["silver", "gold"]},
        {"name": "grade", "type": "categorical", "domain": ["low", "middle", "high"], "ordered": True},
        {"name": "width", "type": "fixed", "domain": 2, "text": "given by the maker"},
        {"name": "mode", "type": "fixed", "domain": "TE"},
    ],
    "environment": [
        {"name": "temperature_K", "domain": [280, 320]},
        {"name": "time_s", "type": "variable", "scale": 600},
        {"name": "pressure_Pa", "type": "fixed", "domain": 101325},
    ],
    "constraints": [{"name": "room", "expression": "x + layers <= 2*width + pressure_Pa/1e6"}],
    "output_precision": 1e-8,
}
OBJECTS = Space(
    (
        Continuous("x", (-1, 1), unit="mm"),
        Continuous("rate", (1e-6, 1), log=True),
        Integer("layers", (1, 6)),
        Discrete("voltage_V", [12, 3.3, 5]),
        Categorical("metal", ["silver", "gold"]),
        Categorical("grade", ["low", "middle", "high"], ordered=True),
        Fixed("width", 2, text="given by the maker"),
        Fixed("mode", "TE"),
    ),
    (EnvironmentVariable("temperature_K", (280, 320)), EnvironmentVariable("time_s", scale=600), EnvironmentFixed("pressure_Pa", 101325)),
    (Constraint("room", "x + layers <= 2*width + pressure_Pa/1e6"),),
    1e-8,
)  # fmt: skip
POINT = {"x": 0, "rate": 0.5, "layers": 3.0, "voltage_V": 5.0, "metal": "gold", "grade": "low"}


def test_data_and_objects_are_the_same_space() -> None:
    assert Space.from_data(**DATA) == OBJECTS
    assert Space.from_data(DATA) == OBJECTS
    mixed = [OBJECTS.design[0], *DATA["design_space"][1:]]
    assert Space.from_data(mixed, DATA["environment"], OBJECTS.constraints, 1e-8) == OBJECTS


def test_a_space_survives_json_and_pickling() -> None:
    assert Space.from_data(json.loads(json.dumps(OBJECTS.to_data()))) == OBJECTS
    assert pickle.loads(pickle.dumps(OBJECTS)) == OBJECTS
    assert OBJECTS.differences(Space.from_data(OBJECTS.to_data())) == []


def test_names_and_fixed_values() -> None:
    assert OBJECTS.design_names[:3] == ("x", "rate", "layers")
    assert OBJECTS.environment_names == ("temperature_K", "time_s", "pressure_Pa")
    assert OBJECTS.names == OBJECTS.design_names + OBJECTS.environment_names
    assert OBJECTS.fixed_values == {"width": 2, "mode": "TE", "pressure_Pa": 101325.0}


def test_a_point_comes_back_exact_and_in_order() -> None:
    values = OBJECTS.validate_design(dict(reversed(POINT.items())))
    assert list(values.items()) == [
        ("x", 0.0), ("rate", 0.5), ("layers", 3), ("voltage_V", 5), ("metal", "gold"), ("grade", "low"),
        ("width", 2), ("mode", "TE"),
    ]  # fmt: skip
    assert [type(value) for value in values.values()] == [float, float, int, int, str, str, int, str]
    numpy_point = {**POINT, "x": np.float64(0.25), "layers": np.int64(2), "rate": np.float32(0.5)}
    exact = OBJECTS.validate_design(numpy_point)
    assert [type(exact[name]) for name in ("x", "layers", "rate")] == [float, int, float]
    assert OBJECTS.validate_environment({"temperature_K": 300, "time_s": -1e9}) == {
        "temperature_K": 300.0, "time_s": -1e9, "pressure_Pa": 101325.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"x": 1.0000001}, "must lie in [-1.0, 1.0]"),
        ({"x": float("nan")}, "must be a finite number"),
        ({"x": "0"}, "must be a finite number"),
        ({"x": True}, "must be a finite number"),
        ({"layers": 2.5}, "must be a whole number"),
        ({"layers": 7}, "from 1 to 6"),
        ({"voltage_V": 4}, "must be one of [3.3, 5, 12]"),
        ({"metal": "lead"}, "must be one of ['silver', 'gold']"),
        ({"metal": 0}, "must be one of"),
        ({"width": 3}, "must be 2"),
        ({"z": 1}, "has no parameter 'z'"),
    ],
)
def test_a_point_outside_is_refused(change: dict[str, Any], rule: str) -> None:
    with pytest.raises(SpaceError) as caught:
        OBJECTS.validate_design({**POINT, **change})
    assert rule in str(caught.value)
    assert next(iter(change)) in str(caught.value)


def test_a_text_is_for_drivers_that_write_texts() -> None:
    space = Space.from_data([{"name": "structure", "type": "text", "domain": 12}])
    assert Space.from_data(json.loads(json.dumps(space.to_data()))) == space
    assert space.validate_design({"structure": "H 0 0 0\n"}) == {"structure": "H 0 0 0\n"}
    for wrong in ("", "H 0 0 0.123456", 3):
        with pytest.raises(SpaceError, match="'structure' must be a text of at most 12 characters"):
            space.validate_design({"structure": wrong})
    with pytest.raises(SpaceError, match="'structure' is a text, which this driver cannot choose"):
        assay.create_study([Text("structure")]).get_suggestion()
    with pytest.raises(SpaceError, match="at least 1"):
        Space.from_data([{"name": "structure", "type": "text", "domain": 0}])


def test_a_missing_value_is_refused() -> None:
    with pytest.raises(SpaceError, match="needs a value for parameter 'rate'"):
        OBJECTS.validate_design({"x": 0})
    with pytest.raises(SpaceError, match="needs a value for parameter 'time_s'"):
        OBJECTS.validate_environment({"temperature_K": 300})


def test_feasibility_is_exact_at_the_bound() -> None:
    space = Space.from_data(
        [Continuous("x", (0, 1)), Continuous("y", (0, 1))], constraints=[Constraint("k", "x + y <= 0.5")]
    )
    assert space.is_feasible({"x": 0.25, "y": 0.25})
    assert not space.is_feasible({"x": 0.0, "y": np.nextafter(0.5, 1)})


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"name": "x", "domain": [1, 0]}, "design_space.1: the domain of parameter 'x' must have its lower number below"),
    ({"name": "x", "domain": [0, 0]}, "lower number below"),
    ({"name": "x", "domain": [0, float("inf")]}, "finite number, got inf"),
    ({"name": "x", "domain": [0, "1"]}, "finite number, got '1'"),
    ({"name": "x", "domain": [0, 1, 2]}, "two numbers"),
    ({"name": "x", "domain": "01"}, "two numbers"),
    ({"name": "x", "domain": [0, 1], "log": True}, "must be positive with log"),
    ({"name": "x", "domain": [1, 2], "log": 1}, "must be true or false"),
    ({"name": "x", "domain": [0, 1], "unit": 3}, "must be a text"),
    ({"name": "x", "domain": [0, 1e-10]}, "ten steps of output_precision"),
    ({"name": "x", "domian": [0, 1]}, "no key 'domian'"),
    ({"name": "x"}, "needs the key 'domain'"),
    ({"domain": [0, 1]}, "needs the key 'name'"),
    ({"name": "x", "type": "real", "domain": [0, 1]}, "design_space.1.type must be one of"),
    ({"name": "x", "type": ["integer"], "domain": [0, 1]}, "design_space.1.type must be one of"),
    ({"name": "sin", "domain": [0, 1]}, "a word of the expression language"),
    ({"name": "E", "domain": [0, 1]}, "a word of the expression language"),
    ({"name": "lambda", "domain": [0, 1]}, "of Python"),
    ({"name": "2x", "domain": [0, 1]}, "letters, digits and _"),
    ({"name": "ｘ", "domain": [0, 1]}, "letters, digits and _"),
    ({"name": 3, "domain": [0, 1]}, "letters, digits and _"),
    ({"name": "w", "domain": [0, 1]}, "must differ from one another, got 'w' twice"),
    ({"name": "t", "domain": [0, 1]}, "must differ from one another, got 't' twice"),
    ({"name": "x", "type": "integer", "domain": [0.5, 2]}, "whole number, got 0.5"),
    ({"name": "x", "type": "integer", "domain": [2, 2]}, "lower number below"),
    ({"name": "x", "type": "discrete", "domain": [1, 1.0]}, "must not repeat a number"),
    ({"name": "x", "type": "discrete", "domain": [1]}, "two entries or more"),
    ({"name": "x", "type": "categorical", "domain": ["a", "a"]}, "must not repeat a label"),
    ({"name": "x", "type": "categorical", "domain": ["a", 1]}, "must be a text, got 1"),
    ({"name": "x", "type": "categorical", "domain": "ab"}, "must be a list"),
    ({"name": "x", "type": "fixed", "domain": [1]}, "must be a finite number"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("item", "rule"), BROKEN, ids=lambda part: part[:30] if isinstance(part, str) else ""
)
def test_a_broken_definition_is_refused_with_its_path_and_rule(item: dict[str, Any], rule: str) -> None:
    with pytest.raises(SpaceError) as caught:
        Space.from_data([{"name": "w", "domain": [0, 1]}, item], [{"name": "t", "scale": 1}])
    assert rule in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("environment", "constraints", "rule"),
    [
        ([{"name": "t"}], [], "needs a domain, or a scale"),
        ([{"name": "t", "scale": 0}], [], "must be positive"),
        (
            [{"name": "t", "scale": 1}],
            [{"name": "k", "expression": "w <= t"}],
            "only the names known here (w)",
        ),
        ([], [{"name": "k", "expression": "w + 1"}], "must be an inequality"),
        ([], [{"name": "k", "expression": "w <= 1"}, {"name": "k", "expression": "w <= 2"}], "got 'k' twice"),
        ([], [{"name": "k", "expression": "w <="}], "constraints.0: the expression of constraint 'k'"),
        ([], [{"name": "k", "expression": 3}], "must be a text"),
        ([], [{"name": "k", "expression": "2 <= 1"}], "holds nothing that varies and is broken"),
        ([], {"name": "k"}, "constraints must be a list of tables"),
    ],
)
def test_a_broken_environment_or_constraint_is_refused(environment: Any, constraints: Any, rule: str) -> None:
    with pytest.raises(SpaceError) as caught:
        Space.from_data([{"name": "w", "domain": [0, 1]}], environment, constraints)
    assert rule in str(caught.value)


@pytest.mark.parametrize("design", [[], [Fixed("x", 1)], "x", 3, [3], {"design": []}])
def test_a_space_without_anything_that_varies_is_refused(design: Any) -> None:
    with pytest.raises(SpaceError):
        Space.from_data(design)


def test_the_objects_hold_the_same_rules() -> None:
    with pytest.raises(SpaceError, match="lower number below"):
        Continuous("x", (1, 0))
    with pytest.raises(SpaceError, match="must be an inequality"):
        Constraint("k", "x")


def test_differences_are_plain_sentences() -> None:
    other = Space.from_data([Integer("layers", (1, 7)), Continuous("x", (-1, 1)), Continuous("z", (0, 1))])
    sentences = OBJECTS.differences(other)
    assert "the domain of parameter 'layers' was [1, 6] and is now [1, 7]" in sentences
    assert "parameter 'z' is new" in sentences
    assert "constraint 'room' is gone" in sentences
    assert "output_precision was 1e-08 and is now 1e-10" in sentences
    assert any("the order of the parameters was" in sentence for sentence in sentences)
