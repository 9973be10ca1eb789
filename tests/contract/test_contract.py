"""Every implementation of every interface, found by walking the package, against the suite of that interface."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.contract.factories import (
    ACQUISITIONS,
    DESCRIPTORS,
    DRIVERS,
    ENGINES,
    EVALUATORS,
    EXECUTORS,
    STORES,
    SURROGATES,
    WRITERS,
)

from assay.acquisition.abstract import AbstractAcquisition
from assay.atoms.descriptors.abstract import AbstractDescriptor
from assay.discovery.abstract import AbstractEngine
from assay.drivers.abstract import AbstractDriver
from assay.errors import MissingExtraError
from assay.executors.abstract import AbstractEvaluator, AbstractExecutor
from assay.store.abstract import AbstractStore
from assay.surrogates.abstract import AbstractPosterior, AbstractSurrogate
from assay.testing.acquisition_suite import ACQUISITION_CHECKS
from assay.testing.descriptor_suite import DESCRIPTOR_CHECKS
from assay.testing.discovery import discover
from assay.testing.driver_suite import DRIVER_CHECKS, WRITER_CHECKS
from assay.testing.engine_suite import ENGINE_CHECKS
from assay.testing.executor_suite import EVALUATOR_CHECKS, EXECUTOR_CHECKS
from assay.testing.store_suite import STORE_CHECKS
from assay.testing.surrogate_suite import SURROGATE_CHECKS, example_data

Rows = dict[str, tuple[type, Callable[..., Any]]]

TABLES: dict[type, Rows] = {
    AbstractSurrogate: SURROGATES,
    AbstractAcquisition: ACQUISITIONS,
    AbstractExecutor: EXECUTORS,
    AbstractEvaluator: EVALUATORS,
    AbstractStore: STORES,
    AbstractDriver: {**DRIVERS, **WRITERS},
    AbstractEngine: ENGINES,
    AbstractDescriptor: DESCRIPTORS,
}


def each(rows: Rows, checks: Iterable[Callable[..., None]]) -> pytest.MarkDecorator:
    """Every check on every row."""
    pairs = [
        pytest.param(check, make, id=f"{name}-{check.__name__}")
        for name, (_, make) in rows.items()
        for check in checks
    ]
    return pytest.mark.parametrize(("check", "make"), pairs)


@pytest.mark.parametrize("interface", TABLES, ids=lambda interface: interface.__name__)
def test_every_class_found_has_a_row(interface: type) -> None:
    listed = {entry for entry, _ in TABLES[interface].values()}
    missing = [entry.__qualname__ for entry in discover(interface) if entry not in listed]
    assert not missing, f"add a row to tests/contract/factories.py for {missing}"


def test_every_posterior_found_comes_from_a_surrogate_with_a_row() -> None:
    fitted = [make().fit(example_data(), None, np.random.default_rng(0)) for _, make in SURROGATES.values()]
    assert set(discover(AbstractPosterior)) <= {type(entry.posterior) for entry in fitted}


@each(SURROGATES, SURROGATE_CHECKS)
def test_surrogate(check: Callable[..., None], make: Callable[..., Any]) -> None:
    check(make)


@each(ACQUISITIONS, ACQUISITION_CHECKS)
def test_acquisition(check: Callable[..., None], make: Callable[..., Any]) -> None:
    check(make)


@each(EXECUTORS, EXECUTOR_CHECKS)
def test_executor(check: Callable[..., None], make: Callable[..., Any]) -> None:
    check(make)


@each(EVALUATORS, EVALUATOR_CHECKS)
def test_evaluator(check: Callable[..., None], make: Callable[..., Any], tmp_path: Path) -> None:
    check(make, tmp_path)


@each(STORES, STORE_CHECKS)
def test_store(check: Callable[..., None], make: Callable[..., Any], tmp_path: Path) -> None:
    check(make, tmp_path)


@each(DRIVERS, DRIVER_CHECKS)
def test_driver(check: Callable[..., None], make: Callable[..., Any]) -> None:
    check(make)


@each(WRITERS, WRITER_CHECKS)
def test_driver_that_writes_texts(check: Callable[..., None], make: Callable[..., Any]) -> None:
    check(make)


@each(ENGINES, ENGINE_CHECKS)
def test_engine(check: Callable[..., None], make: Callable[..., Any]) -> None:
    try:
        make().check()
    except MissingExtraError as error:
        pytest.skip(str(error))
    check(make)


@each(DESCRIPTORS, DESCRIPTOR_CHECKS)
def test_descriptor(check: Callable[..., None], make: Callable[..., Any]) -> None:
    check(make)
