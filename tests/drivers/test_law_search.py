"""The search for a law goes where laws disagree, and ends when one of them is right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from tests.discovery.guessing import Guessing

from assay.discovery.discover import discover
from assay.drivers.abstract import History, Request
from assay.drivers.law_rivals import Rivals, columns_of_points
from assay.drivers.law_search import LawSearch
from assay.errors import ConfigurationError, StudyError
from assay.numerics.coordinates import Coordinates
from assay.records import Measurement, Outcome, Suggestion, Trial
from assay.space.space import Space

Array = np.ndarray

SPACE = Space.from_data([{"name": "a", "domain": [0.5, 3.0]}, {"name": "b", "domain": [0.5, 3.0]}])
SMALL: dict[str, Any] = {"num_initial": 8, "unary_operators": []}


def seen(number: int, values: Mapping[str, Any], value: float) -> Trial:
    outcome = Outcome("succeeded", (Measurement((value,)),), 0.1)
    return Trial(Suggestion(number, dict(values)), "succeeded", outcome, 1)


def searched(
    driver: LawSearch, law: Callable[..., float], looks: int, space: Space = SPACE
) -> tuple[History, list[str]]:
    history, origins = History(space, (), 0), []
    for number in range(looks):
        if driver.stop_reason(history) is not None:
            break
        proposal = driver.suggest(history, Request(number))
        origins.append(proposal.info["origin"])
        trial = seen(number, proposal.values, law(**proposal.values))
        history = History(space, (*history.trials, trial), 0, proposal.state)
    return history, origins


def test_it_ends_with_the_law_when_there_is_one() -> None:
    driver = LawSearch.from_data(SMALL)
    history, origins = searched(driver, lambda a, b: 2 * a**2 / b, 20)
    assert origins == ["starting design"] * 8 + ["rival laws"]
    assert str(driver.laws(history).recommended) == "loss = 2*a^2/b"
    reason = driver.stop_reason(history)
    assert reason is not None
    assert "the law 2*a^2/b predicts rows that it has not seen" in reason


def test_units_and_several_kinds_of_parameters_are_in_the_law() -> None:
    pytest.importorskip("pint")
    space = Space.from_data(
        [
            {"name": "length", "domain": [100.0, 900.0]},
            {"name": "time", "domain": [1, 9], "type": "integer"},
            {"name": "fixed", "type": "fixed", "domain": 2.0},
        ]
    )
    driver = LawSearch.from_data({**SMALL, "units": {"length": "mm", "time": "s", "loss": "m/s"}})
    driver.check_space(space)
    history, _ = searched(driver, lambda length, time, fixed: 5e-4 * length / time * fixed, 12, space)
    (constant,) = driver.laws(history).recommended.constants
    assert history.state is not None
    assert history.state["equations"][0] == "0.001*length/time"
    assert (constant.value, constant.unit) == (1.0, "1")


def test_a_category_enters_by_whether_it_has_a_label() -> None:
    space = Space.from_data(
        [
            {"name": "x", "domain": [0.0, 1.0]},
            {"name": "kind", "type": "categorical", "domain": ["round", "flat"]},
        ]
    )
    coordinates = Coordinates.of(space)
    points = coordinates.encode([{"x": 0.25, "kind": "round"}, {"x": 1.0, "kind": "flat"}])
    columns = columns_of_points(coordinates, points)
    assert {name: values.tolist() for name, values in columns.items()} == {
        "x": [0.25, 1.0],
        "kind_is_1": [0.0, 1.0],
    }
    driver = LawSearch.from_data({**SMALL, "binary_operators": ["+", "*"]})
    history, _ = searched(driver, lambda x, kind: 3 * x + (kind == "flat"), 16, space)
    assert str(driver.laws(history).recommended) == "loss = kind_is_1 + 3*x"


RIVALS = Rivals(("x", "2*x"), (0.5, 0.5), 0.1, 8)
LIMITS = (-10.0, 10.0)


def at(*values: float) -> dict[str, Array]:
    return {"x": np.array(values)}


def test_disagreement_is_the_variance_of_what_the_laws_say() -> None:
    # x and 2x with equal weights: the variance is (x / 2)².
    found = RIVALS.disagreement(at(0.0, 1.0, 4.0), at(), LIMITS, 1.0)
    np.testing.assert_allclose(found, [0.0, 0.25, 4.0], atol=1e-12)


def test_a_look_takes_what_it_will_tell_from_all_points() -> None:
    # One direction is unknown, with prior variance 1: a look at x = 2 with noise s² = 1 leaves 1 / (1 + 1) of it.
    np.testing.assert_allclose(RIVALS.disagreement(at(4.0), at(2.0), LIMITS, 1.0), [2.0])
    np.testing.assert_allclose(RIVALS.disagreement(at(4.0), at(2.0), LIMITS, 1e-12), [0.0], atol=1e-6)


def test_poles_are_cut() -> None:
    rivals = Rivals(("1/x", "x"), (0.5, 0.5), 0.1, 8)
    found = rivals.disagreement(at(0.0, 1e-9), at(), (0.0, 2.0), 1.0)
    np.testing.assert_allclose(found, [1.0, 1.0], rtol=1e-6)


def test_rivals_survive_the_journal() -> None:
    assert Rivals.from_data(RIVALS.to_data()) == RIVALS


def noisy(unit: float = 1.0) -> dict[str, Array]:
    generator = np.random.default_rng(0)
    x, z = generator.uniform(1.0, 2.0, (2, 30))
    return {"x": x, "z": z, "y": unit * (x * np.tanh(z) + 0.06 * generator.standard_normal(30))}


def test_the_error_of_a_law_does_not_depend_on_the_units() -> None:
    pytest.importorskip("pint")
    found = []
    for unit, name in ((1.0, "m"), (1e3, "mm"), (1e-3, "km")):
        data = noisy(unit)
        units = {"x": "m", "y": name}
        laws = discover(data, "y", engines=[Guessing(("x1*tanh(x2)",))], units=units)
        found.append(Rivals.of(laws, data["y"], 4).error)
    assert found[0] == pytest.approx(0.04, rel=0.5)  # the noise beside the response
    assert found == pytest.approx([found[0]] * 3)


def test_open_looks_move_the_next_one() -> None:
    driver = LawSearch.from_data({**SMALL, "num_refresh": 100})
    history, _ = searched(driver, lambda a, b: float(np.sin(2 * a) * b + b**2), 10)
    points = []
    for number in range(10, 14):
        proposal = driver.suggest(history, Request(number))
        points.append([proposal.values["a"], proposal.values["b"]])
        waiting = Trial(Suggestion(number, dict(proposal.values)), "open")
        history = History(SPACE, (*history.trials, waiting), 0, proposal.state)
    gaps = [np.linalg.norm(np.subtract(one, other)) for one in points for other in points if one is not other]
    assert min(gaps) > 0.25  # of a square with sides of 2.5


def test_laws_are_not_looked_for_in_too_little() -> None:
    driver = LawSearch.from_data(SMALL)
    history, _ = searched(driver, lambda a, b: a * b, 5)
    with pytest.raises(StudyError, match="laws are looked for in 8 observations at least, got 5"):
        driver.laws(history)


def test_the_process_goes_on_where_no_law_holds() -> None:
    driver = LawSearch.from_data({**SMALL, "binary_operators": ["+"], "maxsize": 1})
    history, origins = searched(driver, lambda a, b: float(np.sin(5 * a) * b), 10)
    assert origins[-2:] == ["rival laws"] * 2
    assert driver.stop_reason(history) is None


def test_the_process_goes_on_while_the_response_is_constant() -> None:
    history, origins = searched(LawSearch.from_data(SMALL), lambda a, b: 3.0 + 0 * a * b, 10)
    assert origins[-2:] == ["rival laws"] * 2
    assert len({tuple(trial.suggestion.values.values()) for trial in history.trials}) == 10


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"tolerance": -1.0}, "tolerance"),
        ({"num_initial": 3}, "num_initial"),
        ({"engines": []}, "engines"),
        ({"operators": ["+"]}, "operators"),
    ],
)
def test_wrong_settings_are_refused(data: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        LawSearch.from_data(data)


def test_units_of_what_is_no_parameter_are_refused() -> None:
    with pytest.raises(
        ConfigurationError, match="'units' must name parameters that vary or the response, got 'speed'"
    ):
        LawSearch.from_data({"units": {"speed": "m/s"}}).check_space(SPACE)
