"""How the error of a model falls with the number of rows it learns from, beside other models on the same splits.

A model is a function of training points, training values and test points that returns predictions there: a `SurrogateModel`,
or of an estimator of scikit-learn `lambda x, y, new: clone(estimator).fit(x, y).predict(new)`. All models see the same
splits, so that their difference is known better than either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from assay.analysis.power_law import PowerLaw, fitted_power_law
from assay.errors import UsageError
from assay.surrogates.abstract import AbstractSurrogate
from assay.surrogates.dataset import Dataset

__all__ = [
    "LearningCurve",
    "Model",
    "Split",
    "SurrogateModel",
    "largest_error",
    "learning_curve",
    "mean_absolute_error",
    "median_absolute_error",
    "random_splits",
    "root_mean_square_error",
]

Array = np.ndarray
Split = tuple[Array, Array]  # the row numbers of the training and of the test set
Model = Callable[[Array, Array, Array], Array]
ErrorMeasure = Callable[[Array, Array], float]


class Progress(Protocol):
    """What is told after each split: how many are done, of how many."""

    def __call__(self, done: int, total: int) -> object: ...


def mean_absolute_error(predicted: Array, values: Array) -> float:
    """mean |predicted - values|."""
    return float(np.abs(predicted - values).mean())


def root_mean_square_error(predicted: Array, values: Array) -> float:
    """sqrt(mean (predicted - values)²)."""
    return float(np.sqrt(np.mean((predicted - values) ** 2)))


def median_absolute_error(predicted: Array, values: Array) -> float:
    """median |predicted - values|: what a few wild predictions do not change."""
    return float(np.median(np.abs(predicted - values)))


def largest_error(predicted: Array, values: Array) -> float:
    """max |predicted - values|."""
    return float(np.abs(predicted - values).max())


@dataclass(frozen=True)
class SurrogateModel:
    """A surrogate as a model of one output; it can be sent to other processes.

    Arguments:
        surrogate: a recipe, fitted anew to each training set.
        seed: of its fits.
    """

    surrogate: AbstractSurrogate
    seed: int = 0

    def __call__(self, points: Array, values: Array, new: Array) -> Array:
        fitted = self.surrogate.fit(Dataset.of(points, values), None, np.random.default_rng(self.seed))
        return fitted.posterior.mean_variance(new)[0].reshape(len(new), *values.shape[1:])


@dataclass(frozen=True)
class LearningCurve:
    """The errors of models on the same splits.

    Arguments:
        sizes: (sizes,), the rows of the training sets, ascending.
        errors: of each model, (sizes, splits).
    """

    sizes: Array
    errors: Mapping[str, Array]

    def mean(self, name: str) -> Array:
        """(sizes,)."""
        return self.errors[name].mean(axis=1)

    def median(self, name: str) -> Array:
        """(sizes,)."""
        return np.median(self.errors[name], axis=1)

    def standard_error(self, name: str) -> Array:
        """Of the mean: (sizes,); from two splits on."""
        errors = self.errors[name]
        return errors.std(axis=1, ddof=1) / np.sqrt(errors.shape[1])

    def quantiles(self, name: str, probabilities: Sequence[float]) -> Array:
        """Of the splits: (probabilities, sizes)."""
        return np.quantile(self.errors[name], probabilities, axis=1)

    def interval(self, name: str, *, level: float = 0.95, resamples: int = 2000, seed: int = 0) -> Array:
        """Of the mean, by a bootstrap over the splits: (2, sizes)."""
        errors = self.errors[name]
        return _interval(
            lambda chosen: errors[:, chosen].mean(axis=1), errors.shape[1], level, resamples, seed
        )

    def ratio(
        self, name: str, to: str, *, level: float = 0.95, resamples: int = 2000, seed: int = 0
    ) -> tuple[Array, Array]:
        """The mean error of one model over that of another: (sizes,), and its interval (2, sizes) by a bootstrap that
        draws the same splits for both."""
        one, other = self.errors[name], self.errors[to]

        def statistic(chosen: Array) -> Array:
            return one[:, chosen].mean(axis=1) / other[:, chosen].mean(axis=1)

        splits = one.shape[1]
        return statistic(np.arange(splits)), _interval(statistic, splits, level, resamples, seed)

    def share_better(self, name: str, than: str) -> Array:
        """The share of splits in which a model has the smaller error: (sizes,)."""
        return (self.errors[name] < self.errors[than]).mean(axis=1)

    def power_law(
        self,
        name: str,
        *,
        smallest: int = 0,
        largest: int | None = None,
        weighted: bool = False,
        with_offset: bool = False,
        level: float = 0.95,
    ) -> PowerLaw:
        """The power law of the mean errors over a range of sizes; see `fitted_power_law`.

        Few curves are one power law over all sizes: say the range.

        Arguments:
            smallest, largest: the sizes that count.
            weighted: by (mean/standard error)², the reciprocal variance of log E; from two splits on.
            with_offset: whether an error remains for ever.
            level: of the intervals.
        """
        chosen = (self.sizes >= smallest) & (self.sizes <= (np.inf if largest is None else largest))
        mean = self.mean(name)[chosen]
        deviation = self.standard_error(name)[chosen] / mean if weighted else None
        return fitted_power_law(self.sizes[chosen], mean, deviation, with_offset=with_offset, level=level)


def random_splits(
    rows: int, sizes: Sequence[int], splits: int, *, test_rows: int | None = None, seed: int = 0
) -> list[list[Split]]:
    """For each size so many random training sets, and test sets of what is left.

    Arguments:
        rows: of the data.
        sizes: rows of the training sets, ascending.
        splits: for each size.
        test_rows: of each test set; None: all that are left.
        seed: each size and number of a split has its own stream, which does not depend on the others.

    Raises:
        UsageError: when sizes do not ascend or leave too few rows for a test.

    Example:
        >>> train, test = random_splits(10, [4], 1)[0][0]
        >>> len(train), len(test), len(set(train) & set(test))
        (4, 6, 0)
    """
    needed = 1 if test_rows is None else test_rows
    if list(sizes) != sorted(set(sizes)) or not sizes or sizes[0] < 1 or sizes[-1] + needed > rows:
        raise UsageError(
            f"the sizes of a learning curve must ascend and leave {needed} of {rows} rows for a test, got {list(sizes)!r}"
        )
    result = []
    for size in sizes:
        orders = [np.random.default_rng([seed, size, number]).permutation(rows) for number in range(splits)]
        end = None if test_rows is None else size + test_rows
        result.append([(order[:size], order[size:end]) for order in orders])
    return result


def learning_curve(
    models: Mapping[str, Model],
    points: Array,
    values: Array,
    splits: Sequence[Sequence[Split]],
    *,
    error: ErrorMeasure = mean_absolute_error,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> LearningCurve:
    """Train every model on every split, and measure its error on the rows that it has not seen.

    Use it to say whether a change (a prior, a kernel, a cheaper level of theory) lowers the curve, steepens it, or neither.

    Arguments:
        models: by name; a process pool needs them to be picklable, as `SurrogateModel` is.
        points: (rows, dimension).
        values: (rows,) or (rows, outputs).
        splits: for each size the training and test rows, such as from `random_splits`; as many for each size.
        error: of predictions and values: `mean_absolute_error`, `root_mean_square_error`, `median_absolute_error`,
            `largest_error`, or your own.
        executor: trains several splits at once; the caller's, who ends it.
        progress: is told after each split.

    Returns:
        The errors, which do not depend on the executor.

    Raises:
        UsageError: without models or splits, or where sizes do not ascend or have different numbers of splits.

    Example:
        >>> x = np.linspace(0.0, 1.0, 40)[:, None]
        >>> nearest = lambda x, y, new: y[np.abs(new - x.T).argmin(axis=1)]
        >>> curve = learning_curve({"nearest": nearest}, x, x[:, 0], random_splits(40, [5, 10, 20], 50))
        >>> bool(abs(curve.power_law("nearest").exponent + 1.0) < 0.2)
        True
    """
    x, y = np.asarray(points, dtype=float), np.asarray(values, dtype=float)
    sizes = _checked(models, splits)
    jobs = [
        (place, number, split) for place, of_size in enumerate(splits) for number, split in enumerate(of_size)
    ]
    errors = {name: np.empty((len(splits), len(splits[0]))) for name in models}

    def keep(job: tuple[int, int, Split], found: dict[str, float], done: int) -> None:
        for name, value in found.items():
            errors[name][job[0], job[1]] = value
        if progress is not None:
            progress(done, len(jobs))

    if executor is None:
        for done, job in enumerate(jobs, start=1):
            keep(job, _errors(models, x, y, job[2], error), done)
    else:
        futures = {executor.submit(_errors, models, x, y, job[2], error): job for job in jobs}
        for done, future in enumerate(as_completed(futures), start=1):
            keep(futures[future], future.result(), done)
    return LearningCurve(sizes, errors)


def _errors(
    models: Mapping[str, Model], points: Array, values: Array, split: Split, error: ErrorMeasure
) -> dict[str, float]:
    train, test = split
    return {
        name: error(model(points[train], values[train], points[test]), values[test])
        for name, model in models.items()
    }


def _checked(models: Mapping[str, Model], splits: Sequence[Sequence[Split]]) -> Array:
    if not models or not splits or not splits[0]:
        raise UsageError(
            "a learning curve needs at least one model, one size and one split, got none of some"
        )
    if len({len(of_size) for of_size in splits}) != 1:
        raise UsageError(
            f"a learning curve needs as many splits for each size, got {[len(of_size) for of_size in splits]!r}"
        )
    sizes = np.array([len(of_size[0][0]) for of_size in splits])
    if (np.diff(sizes) <= 0).any():
        raise UsageError(f"the sizes of a learning curve must ascend, got {sizes.tolist()!r}")
    return sizes


def _interval(
    statistic: Callable[[Array], Array], splits: int, level: float, resamples: int, seed: int
) -> Array:
    draws = np.random.default_rng(seed)
    found = [statistic(draws.integers(splits, size=splits)) for _ in range(resamples)]
    return np.quantile(found, [0.5 - 0.5 * level, 0.5 + 0.5 * level], axis=0)
