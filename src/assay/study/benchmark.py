"""Benchmark: several studies on one evaluator, repeated, and what they came to on average."""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np

from assay.errors import TooManyFailuresError, UsageError
from assay.executors.abstract import AbstractEvaluator
from assay.records import ParameterValue, Trial
from assay.study.curves import AverageType, XType, YType, averaged, curve
from assay.study.evaluation import ExecutorChoice
from assay.study.progress import Progress
from assay.study.study import Study, create_study

__all__ = ["Benchmark"]

logger = logging.getLogger(__name__)

SAVED = "benchmark"  # the name under which a repetition notes that its run has ended


class Benchmark:
    """Compare drivers, or configurations of one, by repeated studies on one evaluator.

    Each study that is added is a pattern: `num_average` studies like it are run, with seeds that follow the pattern's.
    With a folder each of them lies in a store of its own, and running again goes on where it was.

    Arguments:
        benchmark_id: begins the ids of the repetitions.
        num_average: how often each study is repeated.
        folder: where the stores lie; None: in memory.
        objective: what is compared, of one trial, None for a failure; left out: what the driver minimises. Give it to compare drivers that observe a vector with others.

    Example:
        >>> from assay.study.study import create_study
        >>> space = [{"name": "x", "domain": [0.0, 1.0]}]
        >>> benchmark = Benchmark(num_average=2)
        >>> for driver in ("RandomSearch", "DifferentialEvolution"):
        ...     study = create_study(space, driver=driver, study_name=driver)
        ...     study.configure(max_iter=5)
        ...     benchmark.add_study(study)
        >>> benchmark.set_evaluator(lambda x: (x - 0.3) ** 2)
        >>> benchmark.run(progress=False)
        >>> benchmark.get_data(num_samples=5)["names"]
        ['RandomSearch', 'DifferentialEvolution']
    """

    def __init__(
        self,
        benchmark_id: str = "benchmark",
        num_average: int = 6,
        folder: str | Path | None = None,
        objective: Callable[[Trial], float | None] | None = None,
    ) -> None:
        if num_average < 1:
            raise UsageError(f"the num_average of a benchmark must be at least 1, got {num_average!r}")
        self._id = benchmark_id
        self._num_average = num_average
        self._folder = None if folder is None else Path(folder)
        self._objective = objective
        self._evaluate: Callable[..., Any] | str | AbstractEvaluator | None = None
        self._groups: dict[str, list[Study]] = {}

    @property
    def studies(self) -> dict[str, list[Study]]:
        """The repetitions of each study, by its name."""
        return {name: list(group) for name, group in self._groups.items()}

    def add_study(self, study: Study) -> None:
        """Add a study as a pattern: its space, driver and configuration; its own trials do not count.

        Raises:
            UsageError: when a study of that name was added before.
            DefinitionConflictError: when the folder holds a repetition of that id with another definition.
        """
        if study.name in self._groups:
            raise UsageError(f"the names of a benchmark's studies must differ, got {study.name!r} twice")
        self._groups[study.name] = [self._repetition(study, index) for index in range(self._num_average)]

    def add_study_results(self, study: Study) -> None:
        """Add a study that was run elsewhere, with its trials, as one more repetition under its name."""
        self._groups.setdefault(study.name, []).append(study)

    def set_evaluator(self, evaluate: Callable[..., Any] | str | AbstractEvaluator) -> None:
        """What all studies evaluate, as `Study.run` takes it."""
        self._evaluate = evaluate

    def run(self, executor: ExecutorChoice = None, *, progress: bool | None = None) -> None:
        """Run every repetition until it is done, the first of every study, then the second, and so on.

        A repetition in which too many evaluations failed is left as it is, and the next one begins. Ctrl-C ends the
        benchmark; running it again goes on.

        Arguments:
            executor: as `Study.run` takes it.
            progress: whether a bar is shown; left out: where there is a terminal.

        Raises:
            UsageError: when no evaluator is set.
            ConfigurationError: when nothing would ever stop a study.
        """
        if self._evaluate is None:
            raise UsageError("the benchmark needs an evaluator before it runs; give it by set_evaluator")
        rounds = max((len(group) for group in self._groups.values()), default=0)
        turns = [
            group[index] for index in range(rounds) for group in self._groups.values() if index < len(group)
        ]
        shown = sys.stderr.isatty() if progress is None else progress
        with _bar(len(turns)) if shown else _nothing() as (begin, observer):
            for study in turns:
                begin(study.name)
                if SAVED not in study.state.saved and not self._run_one(study, executor, observer):
                    return

    def get_data(
        self,
        x_type: XType = "num_evaluations",
        y_type: YType = "objective",
        average_type: AverageType = "mean",
        invert: bool = False,
        log_scale: bool = False,
        minimum: Mapping[str, ParameterValue] | Sequence[ParameterValue] | None = None,
        scales: Mapping[str, float] | Sequence[float] | None = None,
        norm: float = 2.0,
        num_samples: int = 100,
    ) -> dict[Literal["names", "X", "Y", "sdev"], list[Any]]:
        """How far each study came, averaged over its repetitions.

        Arguments:
            x_type: against the number of evaluations, or against the seconds that the study worked.
            y_type: "objective", the lowest so far; "distance", the least distance of any point so far to `minimum`;
                "min_distance", the distance of the best point so far to `minimum`.
            average_type: over the repetitions.
            invert: change the sign of y, for an objective that is the negative of what is wanted.
            log_scale: average log10 y, and give that; NaN where a y is not positive.
            minimum: the position of the minimum, by name or in the order of the space; for the distances.
            scales: what a difference in each parameter is divided by; left out: 1. Two labels differ by 1.
            norm: the order of the norm of these differences.
            num_samples: how many x, evenly spaced, to the end of the longest repetition.

        Returns:
            names: of the studies; X, Y, sdev: an array (num_samples,) for each study, of x, average, and standard deviation between
            the repetitions. Y is NaN as long as a repetition has had no success. A repetition that ended earlier keeps its last value.

        Raises:
            UsageError: when a distance is asked for without `minimum`, or no repetition has a success.
        """
        data: dict[Literal["names", "X", "Y", "sdev"], list[Any]] = {
            "names": [],
            "X": [],
            "Y": [],
            "sdev": [],
        }
        sign = -1.0 if invert else 1.0
        for name, group in self._groups.items():
            curves = [curve(study, self._objective, x_type, y_type, minimum, scales, norm) for study in group]
            curves = [(x, sign * y) for x, y in curves]
            if log_scale:
                curves = [(x, np.log10(np.where(y > 0, y, np.nan))) for x, y in curves]
            if not any(np.isfinite(y).any() for _, y in curves):
                raise UsageError(f"study {name!r} of the benchmark has no value to average; run it first")
            x, y, sdev = averaged(curves, average_type, num_samples)
            data["names"].append(name)
            data["X"].append(x)
            data["Y"].append(y)
            data["sdev"].append(sdev)
        return data

    def _repetition(self, pattern: Study, index: int) -> Study:
        text = re.sub(r"[^A-Za-z0-9_-]+", "-", pattern.name)
        study_id = f"{self._id}.{text}.{index}"
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
        definition = pattern.state.definition
        assert definition is not None
        study = create_study(
            **definition["space"],
            driver=definition["driver"],
            study_id=None if self._folder is None else study_id,
            study_name=pattern.name,
            store=None if self._folder is None else self._folder / f"{study_id}.assay.db",
            seed=pattern.seed + index,
        )
        study.configure(**pattern.configuration)
        return study

    def _run_one(
        self, study: Study, executor: ExecutorChoice, observer: Callable[[Progress], None] | None
    ) -> bool:
        """Whether the run came to its end, and the next may begin."""
        assert self._evaluate is not None
        began = time.monotonic()
        try:
            study.run(self._evaluate, executor, observers=() if observer is None else (observer,))
        except TooManyFailuresError as error:
            logger.warning("the benchmark goes on without the rest of study %s: %s", study.id, error)
            return True
        if study.stop_reason() is None and time.monotonic() - began < study.settings.max_time:
            logger.warning("the benchmark was interrupted in study %s", study.id)
            return False
        study.save_state(SAVED, {"ended": True})
        return True


@contextmanager
def _nothing() -> Iterator[tuple[Callable[[str], None], None]]:
    yield lambda _: None, None


@contextmanager
def _bar(count: int) -> Iterator[tuple[Callable[[str], None], Callable[[Progress], None]]]:
    """A bar of all repetitions: what to call at the beginning of one, and while it runs."""
    from rich.console import Console  # only those who look at a terminal need it
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True)) as bar:
        task = bar.add_task("benchmark", total=count)
        done = -1

        def begin(name: str) -> None:
            nonlocal done
            done += 1
            bar.update(task, completed=done, description=name)

        def observer(progress: Progress) -> None:
            bar.update(task, completed=done + min(progress.finished / max(progress.total, 1.0), 1.0))

        yield begin, observer
        bar.update(task, completed=count)
