"""The suites themselves: each check refuses an implementation that was spoiled in the way that it looks for."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.acquisition.abstract import AbstractAcquisition
from assay.drivers.abstract import AbstractDriver
from assay.drivers.random_search import RandomSearch
from assay.executors.evaluators import PythonEvaluator
from assay.executors.serial import SerialExecutor
from assay.records import Outcome, SuggestionCleared
from assay.store.abstract import AbstractStore
from assay.store.memory import MemoryStore
from assay.surrogates.abstract import AbstractSurrogate, Fitted
from assay.surrogates.gaussian_process import GaussianProcess
from assay.testing import acquisition_suite, driver_suite, executor_suite, store_suite, surrogate_suite
from assay.testing.discovery import discover

Spoil = Callable[[Callable[..., Any]], Callable[..., Any]]


def spoiled(thing: Any, method: str, spoil: Spoil) -> Any:
    """The same object with one method replaced; `spoil` gets the honest one."""
    object.__setattr__(thing, method, spoil(getattr(thing, method)))
    return thing


class Bowl(AbstractAcquisition):
    """-|x|^2."""

    def value(self, points: np.ndarray) -> np.ndarray:
        return -np.sum(points**2, axis=1)

    def value_gradient(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return -np.sum(points**2, axis=1), -2 * points


def test_an_honest_acquisition_passes() -> None:
    for check in acquisition_suite.ACQUISITION_CHECKS:
        check(Bowl)


NOISE = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("check", "method", "spoil"),
    [
        (acquisition_suite.check_shapes, "value_gradient", lambda f: lambda x: (f(x)[0], f(x)[1][:, :1])),
        (
            acquisition_suite.check_shapes,
            "value_gradient",
            lambda f: lambda x: (np.log(f(x)[0] * 0), f(x)[1]),
        ),
        (acquisition_suite.check_the_two_values_agree, "value", lambda f: lambda x: f(x) + 1e-3),
        (acquisition_suite.check_gradient, "value_gradient", lambda f: lambda x: (f(x)[0], -f(x)[1])),
        (acquisition_suite.check_points_do_not_meet, "value", lambda f: lambda x: f(x) - f(x).mean()),
        (
            acquisition_suite.check_it_is_a_function,
            "value_gradient",
            lambda f: lambda x: (f(x)[0] + NOISE.random() * 1e-9, f(x)[1]),
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_a_spoiled_acquisition_fails(check: Callable[..., None], method: str, spoil: Spoil) -> None:
    with pytest.raises(AssertionError):
        check(lambda: spoiled(Bowl(), method, spoil))


@pytest.mark.parametrize(
    ("check", "method", "spoil"),
    [
        (store_suite.check_events_come_back, "read", lambda f: lambda study, after=0: f(study, after)[::-1]),
        (store_suite.check_studies_are_apart, "study_ids", lambda f: lambda: sorted(f())),
        (
            store_suite.check_transactions_see_what_is_new,
            "transact",
            lambda f: lambda study, _after, decide: f(study, 0, decide),
        ),
        (
            store_suite.check_an_exception_rolls_back,
            "transact",
            lambda f: lambda study, after, _: f(study, after, lambda _: [SuggestionCleared(0)]),
        ),
        (
            store_suite.check_decisions_are_one_transaction,
            "transact",
            lambda f: lambda study, after, *asked: [f(study, after, decide) for decide in asked][-1],
        ),
        (store_suite.check_leases, "release_leases", lambda _: lambda *_key: None),
        (store_suite.check_snapshots, "load_snapshot", lambda _: lambda _study: None),
    ],
)
def test_a_spoiled_store_fails(check: Callable[..., None], method: str, spoil: Spoil, tmp_path: Path) -> None:
    def make(_: Path) -> AbstractStore:
        return spoiled(MemoryStore(), method, spoil)

    with pytest.raises(AssertionError):
        check(make, tmp_path)


def ignoring_lock(transact: Callable[..., Any]) -> Callable[..., Any]:
    """Decides before the write lock is held, as a careless store would."""

    def careless(study: str, after: int, decide: Callable[..., Any]) -> Any:
        decided: list[Any] = []
        transact(study, after, lambda unseen: decided.extend(decide(unseen)) or [])
        return transact(study, after, lambda _: decided[:1] * 2)

    return careless


def test_a_store_whose_transactions_mix_fails(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        store_suite.check_transactions_do_not_mix(
            lambda _: spoiled(MemoryStore(), "transact", ignoring_lock), tmp_path
        )


def wrong_posterior(method: str, spoil: Spoil) -> Callable[[], AbstractSurrogate]:
    """A surrogate whose fitted posterior has one method spoiled."""

    def respoil(fit: Callable[..., Fitted]) -> Callable[..., Fitted]:
        def fitted(*arguments: Any) -> Fitted:
            honest = fit(*arguments)
            return replace(honest, posterior=spoiled(honest.posterior, method, spoil))

        return fitted

    return lambda: spoiled(GaussianProcess(noise="none"), "fit", respoil)


def doubled_variance(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda points: (function(points)[0], 2 * function(points)[1])


@pytest.mark.parametrize(
    ("check", "method", "spoil"),
    [
        (surrogate_suite.check_shapes, "mean_variance", lambda f: lambda x: (f(x)[0][:, 0], f(x)[1])),
        (surrogate_suite.check_it_learns, "mean_variance", lambda f: lambda x: (0 * f(x)[0], f(x)[1])),
        (
            surrogate_suite.check_uncertainty_grows_away_from_the_data,
            "mean_variance",
            lambda f: lambda x: (f(x)[0], np.ones_like(f(x)[1])),
        ),
        (
            surrogate_suite.check_gradients,
            "mean_variance_gradient",
            lambda f: lambda x: (*f(x)[:3], -f(x)[3]),
        ),
        (surrogate_suite.check_the_state_is_all, "mean_variance", doubled_variance),
        (
            surrogate_suite.check_conditioning,
            "condition",
            lambda f: lambda data: f(replace(data, values=data.values + 0.1)),
        ),
        (surrogate_suite.check_conditioning_on_inputs, "condition_on_inputs", lambda f: lambda x: f(x[:1])),
        (surrogate_suite.check_joint, "joint", doubled_variance),
        (surrogate_suite.check_draws, "draw", lambda f: lambda x, n, g: f(x, n, g) + 1.0),
        (surrogate_suite.check_quantiles, "quantiles", lambda f: lambda x, p: f(x, p)[::-1]),
    ],
)
def test_a_spoiled_posterior_fails(check: Callable[..., None], method: str, spoil: Spoil) -> None:
    with pytest.raises(AssertionError):
        check(wrong_posterior(method, spoil))


def restless(fit: Callable[..., Fitted]) -> Callable[..., Fitted]:
    """A fit that ends a little elsewhere each time."""

    def fitted(*arguments: Any) -> Fitted:
        honest = fit(*arguments)
        return replace(honest, state={**honest.state, "noise_ratio": float(NOISE.random())})

    return fitted


@pytest.mark.parametrize(
    ("check", "method", "spoil"),
    [
        (
            surrogate_suite.check_a_fit_is_a_function,
            "fit",
            restless,
        ),
        (
            surrogate_suite.check_row_order,
            "posterior",
            lambda f: lambda data, state: f(replace(data, values=np.sort(data.values, axis=0)), state),
        ),
    ],
)
def test_a_spoiled_surrogate_fails(check: Callable[..., None], method: str, spoil: Spoil) -> None:
    with pytest.raises(AssertionError):
        check(lambda: spoiled(GaussianProcess(noise="fit"), method, spoil))


def done(outcome: Outcome) -> Future[Outcome]:
    future: Future[Outcome] = Future()
    future.set_result(outcome)
    return future


@pytest.mark.parametrize(
    ("check", "spoil"),
    [
        (executor_suite.check_results, lambda f: lambda task: f(replace(task, kwargs={"x": 1.0}))),
        (
            executor_suite.check_failures_are_values,
            lambda _: lambda _task: done(Outcome("crash", error="gone")),
        ),
        (executor_suite.check_outcomes_are_durable, lambda f: lambda task: f(replace(task, outbox=None))),
    ],
)
def test_a_spoiled_executor_fails(check: Callable[..., None], spoil: Spoil) -> None:
    with pytest.raises(AssertionError):
        check(lambda evaluator: spoiled(SerialExecutor(evaluator), "submit", spoil))


def test_an_evaluator_that_does_not_fail_fails(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        executor_suite.check_evaluation(lambda _: PythonEvaluator("assay.testing.models:square"), tmp_path)


def shifted(suggest: Callable[..., Any]) -> Callable[..., Any]:
    """Suggestions that leave the space."""

    def leaving(history: Any, request: Any) -> Any:
        proposal = suggest(history, request)
        return replace(proposal, values={**proposal.values, "x": proposal.values["x"] + 1.0})

    return leaving


def frozen(suggest: Callable[..., Any]) -> Callable[..., Any]:
    """The first suggestion again and again."""
    return lambda history, request: suggest(replace(history, trials=()), replace(request, number=0))


@pytest.mark.parametrize(
    ("check", "method", "spoil"),
    [
        (driver_suite.check_configuration, "describe", lambda _: dict),
        (driver_suite.check_suggestions_are_in_the_space, "suggest", shifted),
        (driver_suite.check_suggestions_are_in_the_space, "suggest", frozen),
        (
            driver_suite.check_a_suggestion_is_a_function,
            "suggest",
            lambda f: lambda history, request: f(replace(history, seed=int(NOISE.integers(1000))), request),
        ),
        (driver_suite.check_open_points_are_not_repeated, "suggest", frozen),
        (driver_suite.check_failures_are_not_repeated, "suggest", frozen),
        (driver_suite.check_best, "best", lambda _: lambda _history: None),
        (driver_suite.check_stopping, "stop_reason", lambda _: lambda _history: "enough"),
        (driver_suite.check_measurements_are_checked, "check", lambda _: lambda *_given: None),
    ],
)
def test_a_spoiled_driver_fails(check: Callable[..., None], method: str, spoil: Spoil) -> None:
    def make(data: dict[str, Any]) -> AbstractDriver:
        return spoiled(RandomSearch.from_data(data), method, spoil)

    with pytest.raises((AssertionError, ValueError)):
        check(make)


def test_discovery_finds_classes_and_leaves_out_what_is_abstract_or_imported() -> None:
    found = discover(AbstractStore)
    assert MemoryStore in found
    assert AbstractStore not in found
    assert len(found) == len(set(found))
