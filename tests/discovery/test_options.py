"""Every option of `discover` changes what it says it changes."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
from tests.discovery.guessing import Guessing

from assay.discovery.abstract import Budget
from assay.discovery.discover import discover
from assay.discovery.portfolio import Portfolio

Array = np.ndarray

X = np.linspace(1.0, 3.0, 24)
Z = 2.0 + np.cos(5.0 * X)
DATA = {"x": X, "z": Z, "y": X + np.sin(2.0 * X * Z) ** 3}
TRUTH = "x + sin(2*x*z)^3"


def guessed(**options: Any) -> list[str]:
    """The equations of the table, from guesses among which the truth is."""
    engine = Guessing(("x1 + sin(2*x1*x2)^3", "x1 + sin(x2)", "x1"))
    return [law.equation for law in discover(DATA, "y", engines=[engine], **options).laws]


@pytest.mark.parametrize(
    ("option", "kept", "dropped"),
    [
        ("maxsize", 10, 9),
        ("maxdepth", 6, 5),
        ("constraints", {"sin": 5, "pow": (6, 1)}, {"sin": 4}),
        ("constraints", {"cube": -1}, {"cube": 3}),
        ("nested_constraints", {"sin": {"sin": 0}}, {"cube": {"sin": 0}}),
        ("binary_operators", ["+", "*", "^"], ["*", "^"]),
        ("unary_operators", ["sin"], ["cos"]),
    ],
)
def test_a_limit_drops_the_equations_that_break_it_and_no_others(
    option: str, kept: Any, dropped: Any
) -> None:
    assert TRUTH in guessed(**{option: kept})
    assert TRUTH not in guessed(**{option: dropped})


def test_amounts_of_search_reach_every_engine() -> None:
    engine = Guessing(("x1",))
    amounts = {"niterations": 3, "populations": 5, "seeds": 4, "seed": 6, "parsimony": 0.5}
    discover(DATA, "y", engines=[engine], **amounts)
    assert {name: getattr(engine.asked[0], name) for name in amounts} == amounts


def test_amounts_of_search_are_those_of_runs_of_pyoperon(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyoperon")
    asked: list[Portfolio] = []
    monkeypatch.setattr(
        "assay.discovery.engines.searched_laws", lambda _, portfolio: asked.append(portfolio) or iter(())
    )
    engines = ["operon", Guessing(("x1",))]
    discover(
        DATA, "y", engines=engines, niterations=3, populations=5, seeds=4, seed=6, maxsize=20, maxdepth=4
    )
    (portfolio,) = asked
    assert (portfolio.population, portfolio.evaluations) == (80, 240)
    assert (portfolio.seeds, portfolio.seed) == (4, 6)
    assert (portfolio.max_length, portfolio.max_depth) == (20, 4)


def symbolic(**options: Any) -> list[str]:
    few: dict[str, Any] = {"niterations": 5, "populations": 2, "seeds": 1, "maxsize": 12}
    few |= {"binary_operators": ["+", "*"], "unary_operators": ["sin"]}
    return [law.equation for law in discover(DATA, "y", engines=["operon"], **few, **options).laws]


def test_the_same_seed_gives_the_same_laws_on_any_number_of_threads() -> None:
    pytest.importorskip("pyoperon")
    once = symbolic(seed=3)
    assert symbolic(seed=3) == once
    assert symbolic(seed=3, n_threads=2) == once
    assert symbolic(seed=4) != once


def test_a_budget_ends_the_search_by_its_own_clock() -> None:
    ticks = iter(range(1000))
    engine = Guessing(("x1", "x1 + sin(x2)", "x1 + sin(2*x1*x2)^3"))
    budget = Budget(3.0, clock=lambda: float(next(ticks)))
    laws = discover(DATA, "y", engines=[engine], time_budget=budget)
    assert TRUTH not in [law.equation for law in laws.laws]


def test_progress_is_written_to_the_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    guessed(progress=True)
    written = capsys.readouterr()
    assert written.err == f"guessing: 1 laws, least loss {guessed_loss():.3g}: {TRUTH}\n"
    assert written.out == ""


def test_a_long_search_says_that_it_goes_on() -> None:
    lines: list[str] = []
    texts = tuple(f"x1 + 0.01*x2^{power}" for power in range(1, 251))
    laws = discover(DATA, "y", engines=[Guessing(texts)], progress=lines.append)
    assert lines[:2] == ["guessing: 100 equations", "guessing: 200 equations"]
    assert lines[2].startswith(f"guessing: {len(laws.laws)} laws")


def guessed_loss() -> float:
    engine = Guessing(("x1 + sin(2*x1*x2)^3",))
    return discover(DATA, "y", engines=[engine]).recommended.fit.loss


def test_a_standard_error_weighs_the_rows() -> None:
    y = np.where(X > 2.0, 3.0, 2.0) * X
    engine = Guessing(("x1",))
    errors = np.where(X > 2.0, 1e6, 1.0)
    law = discover({"x": X, "y": y}, "y", engines=[engine], standard_error=errors).recommended
    assert law.constants[0].value == pytest.approx(2.0, abs=1e-6)
    law = discover({"x": X, "y": y}, "y", engines=[engine], standard_error=1.0).recommended
    assert law.constants[0].value == pytest.approx(float(X @ y / (X @ X)))


def test_a_denoised_response_is_what_the_law_is_fitted_to() -> None:
    noise = 0.2 * np.random.default_rng(0).standard_normal(len(X))
    data = {"x": X, "y": np.sin(2.0 * X) + noise}
    rough, smooth = (
        discover(data, "y", engines=[Guessing(("sin(2*x1)",))], denoise=denoise).recommended
        for denoise in (False, True)
    )
    assert smooth.fit.loss < 0.3 * rough.fit.loss


def test_only_the_columns_that_matter_most_are_offered() -> None:
    engine = Guessing(("x1", "x2"))
    data = {"idle": np.cos(9.0 * X), "x": X, "y": 3.0 * X}
    laws = discover(data, "y", engines=[engine], select_k_features=1)
    assert [law.equation for law in laws.laws] == ["3*x"]


def test_repeated_rows_say_how_large_errors_are() -> None:
    x = np.repeat(X, 2)
    error = np.tile([-0.1, 0.1], len(X))
    laws = discover({"x": x, "y": 2.0 * x + error}, "y", engines=[Guessing(("x1",))])
    assert laws.replicate_error == pytest.approx(0.1 * np.sqrt(2.0))


def test_an_equation_that_comes_again_in_another_writing_is_there_once() -> None:
    texts = ("x1*(1 + x2)", "x1 + x1*x2", "2*(x1 + x2*x1)/2", "x1/(1/(x2 + 1))")
    data = {"x": X, "z": Z, "y": X + X * Z + 0.1 * np.cos(30.0 * X)}
    laws = discover(data, "y", engines=[Guessing(texts)], unary_operators=[], parsimony=0.0)
    signatures = [law.form.signature for law in laws.laws]
    assert len(signatures) == len(set(signatures)) <= 2


def test_defaults_are_those_known_from_the_field() -> None:
    known = {"maxsize": 50, "niterations": 100, "populations": 32, "parsimony": 0.0032, "maxdepth": None}
    given = inspect.signature(discover).parameters
    assert {name: given[name].default for name in known} == known
    assert given["binary_operators"].default == ("+", "-", "*", "/", "^")


def portfolio(binary: str, unary: str) -> Portfolio:
    return Portfolio(tuple(binary.split()), tuple(unary.split()), 20, 5, 10, 100, 1, 0)


def test_sets_of_operators_hold_only_what_is_permitted_from_all_to_few() -> None:
    full, arithmetic, *others = portfolio("+ - * / ^", "sqrt exp log sin asin").ladder
    assert set(full.split(",")) == {
        *("add", "sub", "mul", "div", "sqrt", "exp", "log", "sin", "asin", "constant", "variable")
    }
    assert set(arithmetic.split(",")) == {"add", "sub", "mul", "div", "constant", "variable"}
    assert [name for step in others for name in ("pow", "sin", "asin") if name in step.split(",")] == [
        *("pow", "sin", "asin")
    ]
    assert portfolio("+ *", "").ladder == ["add,mul,constant,variable"]
