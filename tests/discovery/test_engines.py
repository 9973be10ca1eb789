"""Engines behind one interface: what each is told, and what becomes of what it gives."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
import pytest
from tests.discovery.guessing import Guessing

from assay.discovery.abstract import AbstractEngine, Request, in_columns
from assay.discovery.discover import discover
from assay.discovery.engines import chosen_engines
from assay.discovery.problem import Problem
from assay.errors import NumericalError, UsageError
from assay.space.syntax import Node

Array = np.ndarray


def data() -> dict[str, Array]:
    x = np.linspace(1.0, 3.0, 20)
    return {"x": x, "z": np.sin(7.0 * x) + 2.0}


def test_a_users_engine_is_fitted_filtered_and_judged() -> None:
    columns = data()
    engine = Guessing(("2*x1", "3*sin(x1)*x2", "inf*x1", "1.2*x1*square(x2)"))
    laws = discover(
        {**columns, "y": 5.0 * columns["x"] * columns["z"] ** 2},
        "y",
        engines=[engine],
        unary_operators=[],
        luck=7,
        niterations=3,
    )
    assert laws.recommended.equation == "5*x*z^2"
    assert not any("sin" in law.equation for law in laws.laws)
    assert engine.asked[0].options == {"luck": 7}
    assert engine.asked[0].niterations == 3


def test_parsimony_drops_laws_that_gain_little_for_their_size() -> None:
    columns = data()
    noise = 0.1 * np.random.default_rng(0).standard_normal(20)
    table = {**columns, "y": 2.0 * columns["x"] + noise}
    engine = Guessing(("x1", "x1 + 0.1*x1*x2 + 0.1*x2^2 + 0.3*x1^3 + 0.7"))
    dearest, few, many = (
        discover(table, "y", engines=[engine], parsimony=price) for price in (1e4, 10.0, 0.0)
    )
    assert len(few.laws) == 1 < len(many.laws)
    assert few.recommended.complexity == min(law.complexity for law in many.laws)
    assert [law.complexity for law in dearest.laws] == [law.complexity for law in few.laws]


def test_time_is_not_exceeded_by_an_engine_that_never_ends() -> None:
    columns = data()

    @final
    @dataclass(frozen=True)
    class Endless(AbstractEngine):
        @property
        def name(self) -> str:
            return "endless"

        def check(self) -> None:
            pass

        def keywords(self) -> frozenset[str]:
            return frozenset()

        def equations(self, problem: Problem, request: Request) -> Iterator[Node]:
            while True:
                node = in_columns("2*x1 + x2", problem, request.operators)
                assert node is not None
                yield node

    table = {**columns, "y": np.exp(columns["x"]) + columns["z"]}
    laws = discover(table, "y", engines=[Endless()], time_budget=0.3)
    assert laws.recommended.complexity <= 7


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engines": ["eureqa"]}, "an engine must be one of deterministic operon pysr or an AbstractEngine"),
        ({"engines": []}, "engines must be a list of one at least"),
        ({"engines": ["deterministic"], "tournament_size": 3}, "a further keyword .* got 'tournament_size'"),
        ({"niterations": 0}, "niterations must be a whole number from 1 on, got 0"),
        ({"maxsize": 2.5}, "maxsize must be a whole number"),
        ({"maxdepth": 0}, "maxdepth must be a whole number"),
        ({"parsimony": -1.0}, "parsimony must not be negative"),
        ({"time_budget": 0}, "time_budget must be a positive number of seconds"),
        ({"progress": "yes"}, "progress must be"),
        ({"select_k_features": 0}, "select_k_features must be a whole number"),
        ({"binary_operators": ["%"]}, "a binary operator must be one of"),
        ({"constraints": {"sinus": 1}}, "constraints must name operators"),
    ],
)
def test_wrong_settings_are_refused_in_one_sentence(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        discover({**data(), "y": np.arange(20.0)}, "y", **options)


def test_nothing_allowed_is_said() -> None:
    with pytest.raises(NumericalError, match="allow more operators"):
        discover(
            {**data(), "y": np.arange(20.0)}, "y", engines=[Guessing(("x1*x2",))], binary_operators=["+"]
        )


def test_a_keyword_of_pyoperon_reaches_it() -> None:
    pytest.importorskip("pyoperon")
    ((engine, options),) = chosen_engines(["operon"], {"tournament_size": 3})
    assert (engine.name, options) == ("operon", {"tournament_size": 3})
    with pytest.raises(UsageError, match="got 'max_length'"):
        chosen_engines(["operon"], {"max_length": 3})


def test_pyoperon_left_out_where_it_is_missing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("assay.discovery.engines.find_spec", lambda _: None)
    assert [engine.name for engine, _ in chosen_engines(["deterministic", "operon"], {})] == ["deterministic"]
    assert "the engine 'operon' is left out: pyoperon is not installed" in caplog.text
    with pytest.raises(ImportError, match="pyoperon is not installed"):
        chosen_engines(["operon"], {})


# -- PySR: a stand-in with the arguments of PySRRegressor 2.7 that are used here -----------------------------------


class _PySRRegressor:
    made: ClassVar[list[_PySRRegressor]] = []

    def __init__(
        self,
        *,
        binary_operators: list[str],
        unary_operators: list[str],
        extra_sympy_mappings: dict[str, Any],
        niterations: int,
        populations: int,
        maxsize: int,
        parsimony: float,
        constraints: dict[str, Any],
        nested_constraints: dict[str, Any],
        random_state: int,
        deterministic: bool,
        parallelism: str,
        progress: bool,
        verbosity: int,
        temp_equation_file: bool,
        maxdepth: int | None = None,
        timeout_in_seconds: float | None = None,
        population_size: int = 27,
    ) -> None:
        self.settings = {**locals()}
        self.made.append(self)

    def fit(self, X: Array, y: Array, *, weights: Array, variable_names: list[str]) -> None:
        assert X.shape == (len(y), len(variable_names))
        assert weights.shape == y.shape
        self.equations_ = {"equation": ["1.3", "x1 + -0.4", "g(x1, x2) * 1.1", "square(x2) * (x1 ^ 0.5)"]}


@pytest.fixture
def pysr(monkeypatch: pytest.MonkeyPatch) -> type[_PySRRegressor]:
    module = types.ModuleType("pysr")
    module.PySRRegressor = _PySRRegressor  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, "pysr", module)
    monkeypatch.setattr("assay.discovery.pysr.find_spec", lambda _: object())
    _PySRRegressor.made.clear()
    return _PySRRegressor


def test_pysr_is_told_what_was_asked_and_its_equations_are_taken(pysr: type[_PySRRegressor]) -> None:
    pytest.importorskip("sympy")
    columns = data()
    laws = discover(
        {**columns, "y": 3.0 * columns["x"] ** 2 / columns["z"]},
        "y",
        engines=["pysr"],
        binary_operators=["+", "*", "^", "g(a, b) = a^2/b"],
        unary_operators=["square"],
        constraints={"pow": (-1, 2), "sin": 3},
        nested_constraints={"square": {"square": 0, "sin": 0}, "sin": {"square": 0}},
        maxdepth=6,
        niterations=5,
        time_budget=60,
        population_size=40,
        seed=4,
    )
    assert laws.recommended.equation == "3*x^2/z"
    settings = pysr.made[0].settings
    assert settings["binary_operators"] == ["+", "*", "^", "g(a, b) = a^2/b"]
    assert settings["constraints"] == {"pow": (-1, 2)}
    assert settings["nested_constraints"] == {"square": {"square": 0}}
    assert (settings["maxdepth"], settings["niterations"], settings["population_size"]) == (6, 5, 40)
    assert 0 < settings["timeout_in_seconds"] <= 60
    assert settings["random_state"] == 4
    assert settings["extra_sympy_mappings"]["g"](2, 4) == 1


def test_a_keyword_that_pysr_does_not_have_is_refused(pysr: type[_PySRRegressor]) -> None:
    with pytest.raises(UsageError, match="got 'population'"):
        chosen_engines(["pysr"], {"population": 3})
    assert not pysr.made
