"""The engines that come with the package, by the names that users give."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, final

from assay.discovery.abstract import AbstractEngine, Request
from assay.discovery.deterministic import deterministic_laws
from assay.discovery.portfolio import OWN_KEYWORDS, Portfolio, searched_laws
from assay.discovery.problem import Problem
from assay.discovery.pysr import PySREngine
from assay.errors import MissingExtraError, UsageError, missing_extra
from assay.space.syntax import Node

__all__ = ["ENGINES", "DeterministicEngine", "OperonEngine", "chosen_engines"]

_log = logging.getLogger(__name__)

INDIVIDUALS = 16  # of each population, in the words of PySR
DEEPEST = 10  # what pyoperon searches where nothing is said


@final
@dataclass(frozen=True)
class DeterministicEngine(AbstractEngine):
    """Linear algebra: power laws, sums of monomials, exponentials, rational forms; in seconds and without chance."""

    @property
    def name(self) -> str:
        return "deterministic"

    def check(self) -> None:
        pass

    def keywords(self) -> frozenset[str]:
        return frozenset()

    def equations(self, problem: Problem, request: Request) -> Iterator[Node]:
        return deterministic_laws(problem, request.operators.permitted)


@final
@dataclass(frozen=True)
class OperonEngine(AbstractEngine):
    """Symbolic regression by pyoperon.

    One generation of `16 populations` equations is one of `niterations`, for each set of operators, form of the response and
    seed. These runs take turns; each is stopped by that number, and all when none has gained anything for long, so that the
    same seed gives the same equations on any number of threads, unless there is a budget of time.
    """

    @property
    def name(self) -> str:
        return "operon"

    def check(self) -> None:
        if find_spec("pyoperon") is None:
            raise missing_extra("pyoperon", "discovery")

    def keywords(self) -> frozenset[str]:
        from pyoperon.sklearn import SymbolicRegressor

        return frozenset(inspect.signature(SymbolicRegressor).parameters) - OWN_KEYWORDS

    def equations(self, problem: Problem, request: Request) -> Iterator[Node]:
        size = INDIVIDUALS * request.populations
        portfolio = Portfolio(
            request.operators.binary,
            request.operators.unary,
            max_length=request.maxsize,
            max_depth=request.maxdepth or DEEPEST,
            population=size,
            evaluations=request.niterations * size,
            seeds=request.seeds,
            seed=request.seed,
            budget=request.budget,
            options=request.options,
        )
        return searched_laws(problem, portfolio)


ENGINES: Mapping[str, AbstractEngine] = {
    engine.name: engine for engine in (DeterministicEngine(), OperonEngine(), PySREngine())
}


def chosen_engines(
    engines: Sequence[str | AbstractEngine], options: Mapping[str, Any]
) -> list[tuple[AbstractEngine, dict[str, Any]]]:
    """The engines in the order given, each with those of the options that its library knows.

    An engine whose library is not installed is left out with a warning while another one searches.

    Raises:
        UsageError: for an engine that is not known, and an option that none of them knows.
        MissingExtraError: when none of them is installed.
    """
    if isinstance(engines, str) or not engines:
        raise UsageError(f"engines must be a list of one at least of {' '.join(ENGINES)}, got {engines!r}")
    found: list[tuple[AbstractEngine, dict[str, Any]]] = []
    missing: MissingExtraError | None = None
    known: set[str] = set()
    for entry in engines:
        engine = ENGINES.get(entry) if isinstance(entry, str) else entry
        if not isinstance(engine, AbstractEngine):
            raise UsageError(
                f"an engine must be one of {' '.join(ENGINES)} or an AbstractEngine, got {entry!r}"
            )
        try:
            engine.check()
        except MissingExtraError as error:
            missing = error
            _log.warning("the engine %r is left out: %s", engine.name, error)
            continue
        keywords = engine.keywords() if options else frozenset()
        known |= keywords
        found.append((engine, {key: value for key, value in options.items() if key in keywords}))
    if missing is not None and not found:
        raise missing
    unknown = sorted(set(options) - known)
    if unknown and missing is None:
        names = " ".join(engine.name for engine, _ in found)
        raise UsageError(f"a further keyword must be one of the libraries behind {names}, got {unknown[0]!r}")
    return found
