"""Laws that are known are found in data that follow them; what cannot be a law's data is refused in words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from assay.discovery.discover import discover
from assay.discovery.laws import Laws
from assay.errors import NumericalError, UsageError
from assay.numerics.expressions import compile_numpy
from assay.space.expressions import parse

Array = np.ndarray
LINEAR_ALGEBRA = ("deterministic",)
FAST: dict[str, Any] = {"engines": LINEAR_ALGEBRA, "unary_operators": []}


def drawn(seed: int, rows: int, **ranges: tuple[float, float]) -> dict[str, Array]:
    generator = np.random.default_rng(seed)
    return {name: generator.uniform(low, high, rows) for name, (low, high) in ranges.items()}


def error_beyond(laws: Laws, law: Callable[..., Array], **ranges: tuple[float, float]) -> float:
    """The relative error of the recommended law in a box a fifth wider."""
    wider = {name: (low, high + 0.2 * (high - low)) for name, (low, high) in ranges.items()}
    data = drawn(99, 500, **wider)
    truth = law(**data)
    return float(np.abs(laws.recommended.predict(data) - truth).max() / np.abs(truth).max())


def barometric(n0: Array, m: Array, g: Array, x: Array, k: Array, T: Array) -> Array:
    return n0 * np.exp(-m * g * x / (k * T))


def clausius_mossotti(n: Array, a: Array) -> Array:
    return 1 + n * a / (1 - n * a / 3)


def relativistic_momentum(m: Array, v: Array, c: Array) -> Array:
    return m * v / np.sqrt(1 - v**2 / c**2)


def damped_product(A: Array, t: Array, x: Array) -> Array:
    return A * x * np.exp(-0.7 * t)


@pytest.mark.parametrize(
    ("law", "ranges"),
    [
        (barometric, dict.fromkeys(["n0", "m", "g", "x", "k", "T"], (1.0, 5.0))),
        (clausius_mossotti, dict.fromkeys(["n", "a"], (0.0, 1.0))),
        (relativistic_momentum, {"m": (1.0, 5.0), "v": (1.0, 2.0), "c": (3.0, 10.0)}),
        (damped_product, dict.fromkeys(["A", "t", "x"], (1.0, 5.0))),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_linear_algebra_finds_laws_to_rounding(
    law: Callable[..., Array], ranges: dict[str, tuple[float, float]]
) -> None:
    data = drawn(0, 60, **ranges)
    laws = discover({**data, "y": law(**data)}, "y", engines=LINEAR_ALGEBRA)
    assert error_beyond(laws, law, **ranges) < 1e-10


def test_five_points_of_a_sum_give_the_sum() -> None:
    data = drawn(0, 5, A=(0.0, 1.0), B=(0.0, 1.0))
    with pytest.warns(UserWarning, match="5 rows determine few laws"):
        laws = discover(
            {**data, "y": data["A"] + data["B"]}, "y", binary_operators=["+", "*"], unary_operators=[]
        )
    assert laws.recommended.equation == "A + B"
    assert list(laws.table)[:3] == ["complexity", "loss", "score"]
    assert laws.recommended.complexity == 3


def test_ergun_in_si_units() -> None:
    ranges = {"mu": (1e-5, 1e-3), "v": (0.01, 1.0), "e": (0.3, 0.6), "d": (1e-4, 5e-3), "rho": (1.0, 1e3)}
    data = drawn(0, 200, **ranges)
    viscous = 150 * data["mu"] * data["v"] * (1 - data["e"]) ** 2 / (data["e"] ** 3 * data["d"] ** 2)
    inertial = 1.75 * data["rho"] * data["v"] ** 2 * (1 - data["e"]) / (data["e"] ** 3 * data["d"])
    units = {"mu": "Pa*s", "v": "m/s", "d": "m", "rho": "kg/m^3", "y": "Pa/m"}
    laws = discover({**data, "y": viscous + inertial}, "y", units=units, engines=LINEAR_ALGEBRA)
    assert laws.recommended.equation == "1.75*rho*v^2*(1 - e)/(d*e^3) + 150*mu*v*(1 - e)^2/(d^2*e^3)"
    assert "Reynolds" in [group.name for group in laws.groups]


def test_kepler_from_published_elements() -> None:
    # Semi-major axes and sidereal periods: P. K. Seidelmann, Explanatory Supplement to the Astronomical Almanac, 1992.
    axis = [0.38709893, 0.72333199, 1.00000011, 1.52366231, 5.20336301, 9.53707032, 19.19126393, 30.06896348]
    period = [0.2408467, 0.61519726, 1.0000174, 1.8808476, 11.862615, 29.447498, 84.016846, 164.79132]
    laws = discover({"a": axis, "T": period}, "T", units={"a": "au", "T": "year"}, engines=LINEAR_ALGEBRA)
    (constant,) = laws.recommended.constants
    assert laws.recommended.equation.endswith("*a^1.5")
    assert constant.unit == "year/au^1.5"
    assert constant.value == pytest.approx(1.0, abs=1e-3)


def test_dittus_boelter_from_noisy_data() -> None:
    data = drawn(0, 100, Re=(1e4, 1e5), Pr=(0.7, 100.0))
    noise = 1 + 0.05 * np.random.default_rng(1).standard_normal(100)
    laws = discover(
        {**data, "Nu": 0.023 * data["Re"] ** 0.8 * data["Pr"] ** 0.4 * noise},
        "Nu",
        engines=LINEAR_ALGEBRA,
        unary_operators=[],
    )
    law = laws.recommended
    assert re.fullmatch(r"[\d.]+\*Pr\^[\d.]+\*Re\^[\d.]+", law.equation)
    for constant, truth in zip(law.constants, (0.023, 0.4, 0.8), strict=True):
        low, high = constant.interval(0.999)
        assert low <= truth <= high


@pytest.mark.parametrize(
    "second",
    [pytest.param(False, id="one wave"), pytest.param(True, id="two waves", marks=pytest.mark.slow)],
)
def test_symbolic_regression_finds_what_linear_algebra_cannot(second: bool) -> None:
    pytest.importorskip("pyoperon")
    ranges = dict.fromkeys(["v", "m", "r"], (1.0, 3.0))

    def law(v: Array, m: Array, r: Array) -> Array:
        return v * np.sin(0.5 * m) + (np.cos(1.1 * r) if second else r)

    data = drawn(0, 60, **ranges)
    laws = discover(
        {**data, "y": law(**data)},
        "y",
        engines=["operon"],
        unary_operators=["sin", "cos"],
        binary_operators=["+", "*"],
        niterations=100 if second else 20,
    )
    assert error_beyond(laws, law, **ranges) < 1e-9


def test_predictions_are_in_the_units_of_the_data() -> None:
    data = drawn(0, 30, length=(100.0, 900.0), time=(1.0, 5.0))
    speed = data["length"] / data["time"]
    units = {"length": "mm", "time": "s", "speed": "m/s"}
    laws = discover({**data, "speed": speed * 1e-3}, "speed", units=units, engines=LINEAR_ALGEBRA)
    np.testing.assert_allclose(laws.recommended.predict(data), speed * 1e-3, rtol=1e-12)
    assert laws.recommended.equation == "length/time"
    assert laws.recommended.in_units_of_data == "0.001*length/time"
    assert laws.recommended.c.startswith("/* length in mm, time in s, speed in m/s */\n#include <math.h>")
    assert "return ((0.001 * length) / time);" in laws.recommended.c


def test_a_law_in_the_units_of_the_data_predicts_the_same() -> None:
    data = drawn(0, 60, length=(100.0, 900.0), time=(1.0, 5.0), rate=(0.1, 0.9))
    truth = 0.25 * data["length"] * 1e-3 / (1 + 2 * data["rate"] * data["time"])
    units = {"length": "mm", "time": "hour", "rate": "1/hour", "path": "m"}
    law = discover({**data, "path": truth}, "path", units=units, engines=LINEAR_ALGEBRA).recommended
    text = compile_numpy(parse(law.in_units_of_data, list(data)))
    np.testing.assert_allclose(text.value(data), truth, rtol=1e-12)
    np.testing.assert_allclose(eval(law.numpy, {"np": np, **data}), truth, rtol=1e-12)
    np.testing.assert_allclose(law.predict(data), truth, rtol=1e-12)


def test_an_equation_with_wrong_dimensions_is_never_recommended() -> None:
    data = drawn(0, 60, length=(1.0, 9.0), width=(1.0, 9.0))
    units = {"length": "m", "width": "m", "area": "m^2"}
    table = {**data, "area": data["length"] * data["width"] + 3.0 * np.sin(data["length"])}
    options: dict[str, Any] = {"units": units, "dimensional_constants": False, "engines": LINEAR_ALGEBRA}
    options["binary_operators"] = ["+", "*"]
    laws = discover(table, "area", extra_features={"wave": "sin(length)"}, unary_operators=["sin"], **options)
    best = min(laws.laws, key=lambda law: law.fit.loss)
    assert best.equation == "length*width + 3*sin(length)"
    assert not best.is_consistent
    assert laws.recommended.is_consistent
    table["area"] = np.exp(data["length"])
    with pytest.raises(
        NumericalError, match="no equation whose dimensions are right was found, the best other is"
    ):
        discover(table, "area", unary_operators=["exp"], **{**options, "binary_operators": ["+"]})


def test_intervals_cover_new_observations() -> None:
    def noisy(seed: int, rows: int) -> dict[str, Array]:
        data = drawn(seed, rows, x=(1.0, 3.0))
        return {**data, "y": 2 * data["x"] ** 2 + 0.1 * np.random.default_rng(seed + 1).standard_normal(rows)}

    law = discover(noisy(0, 60), "y", engines=LINEAR_ALGEBRA).recommended
    new = noisy(7, 2000)
    low, high = law.predict_interval(new, 0.9)
    assert np.mean((low <= new["y"]) & (new["y"] <= high)) == pytest.approx(0.9, abs=0.06)


def test_intervals_grow_with_errors_that_are_relative() -> None:
    def noisy(seed: int, rows: int) -> dict[str, Array]:
        data = drawn(seed, rows, x=(1.0, 30.0))
        factor = 1 + 0.1 * np.random.default_rng(seed + 1).standard_normal(rows)
        return {**data, "y": 2 * data["x"] * factor}

    law = discover(
        noisy(0, 400), "y", engines=LINEAR_ALGEBRA, binary_operators=["+", "*"], unary_operators=[]
    ).recommended
    assert law.is_relative
    for low_x, high_x in ((1.0, 5.0), (20.0, 30.0)):
        new = noisy(7, 6000)
        chosen = (new["x"] >= low_x) & (new["x"] <= high_x)
        low, high = law.predict_interval({"x": new["x"][chosen]}, 0.9)
        inside = np.mean((low <= new["y"][chosen]) & (new["y"][chosen] <= high))
        assert inside == pytest.approx(0.9, abs=0.04)


X = np.linspace(1.0, 2.0, 12)


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        ({"x": X, "y": np.where(X > 1.9, np.nan, X)}, {}, "column 'y' must be finite, got nan in row 10"),
        ({"x": X, "g": 0 * X + 9.81, "y": X}, {}, "column 'g' must vary"),
        ({"x": X, "y": X}, {"unary_operators": ["sinus"]}, "a unary operator must be one of .* got 'sinus'"),
        (
            {"x": X, "y": X},
            {"units": {"x": "m", "y": "parsnips"}},
            "the unit of column 'y' must be one that is known",
        ),
        ({"x": X, "y": X}, {"units": {"x": "degC"}}, "must have the zero of its dimension"),
        ({"x": X, "y": X}, {"units": {"z": "m"}}, "units must be those of columns"),
        (
            {"x": X, "y": X},
            {"units": {"x": "m", "y": "s"}, "dimensional_constants": False},
            "the unit of the response must follow",
        ),
        ({"x": X, "y": X}, {"extra_features": {"f": "log(x - 1.5)"}}, "the feature 'f' must be finite"),
        ({"sin": X, "y": X}, {}, "the name of a column must be a word"),
        ({"x": X[:1], "y": X[:1] + 1}, {}, "from two rows at least, got 1"),
        (
            {"x": X, "y": 0 * X + 3},
            {},
            "the response 'y' must vary for a law to explain it, got 3.0 in every row",
        ),
        (
            {"x": X, "y": X},
            {"units": ["m", "s"]},
            r"units must be a mapping from names to texts, got \['m', 's'\]",
        ),
        ({"x": X, "y": X}, {"units": {"x": 3}}, "units must be a mapping from names to texts"),
        ({"x": X, "y": X}, {"extra_features": "x^2"}, "extra_features must be a mapping from names to texts"),
        ({"x": X, "y": X}, {"standard_error": -1.0}, "standard_error must be positive, got -1.0"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(
    data: dict[str, Array], options: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        discover(data, "y", **options)  # pyright: ignore[reportArgumentType]


def test_columns_that_no_law_can_tell_apart_are_said() -> None:
    with pytest.warns(UserWarning, match="columns 'x' and 'z' are in a fixed ratio"):
        discover({"x": X, "z": -1e20 * X, "y": 2 * X}, "y", engines=LINEAR_ALGEBRA)


def test_zeros_and_negative_numbers_in_the_data_give_no_warnings() -> None:
    x = np.linspace(-2.0, 2.0, 21)  # with a zero, where many powers are infinite
    law = discover({"x": x, "y": 2.0 * np.sin(1.3 * x) + x**2}, "y", engines=LINEAR_ALGEBRA).recommended
    assert law.equation == "x^2 + 2*sin(1.3*x)"


def test_units_of_many_columns_are_checked_though_there_are_no_groups() -> None:
    pytest.importorskip("pint")
    data = drawn(0, 40, **{f"x{index}": (1.0, 2.0) for index in range(12)})
    units = {**dict.fromkeys(data, "m"), "x0": "s", "y": "m/s"}
    laws = discover({**data, "y": data["x1"] / data["x0"]}, "y", units=units, **FAST)
    assert (laws.recommended.equation, laws.groups) == ("x1/x0", ())
