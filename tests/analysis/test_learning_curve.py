"""Learning curves: the Lennard-Jones study's table, paired splits, power laws, executors."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from examples.lennard_jones_kernel.lennard_jones import DISTANCES, ENERGIES, MODELS, study_splits
from scipy.stats import linregress

from assay.analysis.learning_curve import (
    LearningCurve,
    largest_error,
    learning_curve,
    mean_absolute_error,
    median_absolute_error,
    random_splits,
    root_mean_square_error,
)
from assay.analysis.power_law import fitted_power_law
from assay.errors import UsageError

# The table of the study: mean errors of 500 splits without and with the wall, and the deviation of a split.
SIZES = np.array([5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0, 45.0, 47.0])
NONE = np.array([0.48772, 0.37795, 0.29764, 0.25432, 0.20322, 0.17846, 0.15705, 0.12162, 0.10921, 0.09585])
NONE_ERROR = np.array(
    [0.00428, 0.00525, 0.00612, 0.00699, 0.00709, 0.00736, 0.00810, 0.00757, 0.00992, 0.01144]
)
WITH = np.array([0.28769, 0.21179, 0.17049, 0.14720, 0.12401, 0.11314, 0.09525, 0.08365, 0.07458, 0.06910])


def study(splits: int, places: range | list[int]) -> LearningCurve:
    """As many splits of the study's own, at some of its ratios."""
    chosen = [study_splits(place, range(splits)) for place in places]
    return learning_curve(MODELS, DISTANCES, ENERGIES, chosen)


def test_the_first_splits_of_the_study_lie_within_three_standard_errors() -> None:
    curve = study(60, [0, 4, 8])
    for name, means, spreads in (
        ("no prior", NONE[[0, 4, 8]], [0.0956, 0.1586, 0.2219]),
        ("wall", WITH[[0, 4, 8]], [0.0727, 0.0581, 0.0968]),
    ):
        assert (np.abs(curve.mean(name) - means) < 3.0 * np.array(spreads) / np.sqrt(60)).all()


@pytest.mark.slow
def test_the_table_of_the_study() -> None:
    """All 500 splits of all ratios: the very splits of the table, so that its digits come back."""
    curve = study(500, range(10))
    assert np.allclose(curve.mean("no prior"), NONE, rtol=0, atol=5.1e-6)
    assert np.allclose(curve.mean("wall"), WITH, rtol=0, atol=5.1e-6)


def test_the_slope_agrees_and_the_offset_falls() -> None:
    """The claim of the study, on other splits than its own."""
    curve = learning_curve(MODELS, DISTANCES, ENERGIES, random_splits(50, [5, 10, 20, 30, 40], 40, seed=1))
    laws = {name: curve.power_law(name) for name in MODELS}
    low, high = laws["no prior"].exponent_interval
    assert low < laws["wall"].exponent < high
    ratio, interval = curve.ratio("wall", "no prior")
    assert (interval[1][:3] < 0.8).all()
    assert (ratio < 0.9).all()
    assert laws["wall"].scale < 0.8 * laws["no prior"].scale


# -- power laws --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("errors", "first", "scale", "exponent", "half_width"),
    [
        (NONE, 0, 1.902, -0.724, 0.149),
        (WITH, 0, 0.893, -0.633, 0.091),
        (NONE, 4, 9.79, -1.186, 0.314),
        (WITH, 4, 2.65, -0.939, 0.168),
    ],
)
def test_the_power_laws_of_the_table(
    errors, first: int, scale: float, exponent: float, half_width: float
) -> None:
    law = fitted_power_law(SIZES[first:], errors[first:])
    assert law.scale == pytest.approx(scale, rel=3e-3)  # three digits, the last of 2.65 being one too many
    assert law.exponent == pytest.approx(exponent, abs=6e-4)
    assert 0.5 * np.ptp(law.exponent_interval) == pytest.approx(half_width, abs=6e-4)


def test_the_weighted_power_law_of_the_table() -> None:
    law = fitted_power_law(SIZES, NONE, NONE_ERROR / NONE)
    assert (law.scale, law.exponent) == (pytest.approx(1.183, rel=1e-3), pytest.approx(-0.532, abs=6e-4))
    # The residuals are too large for the deviations: it is no power law, and the interval is widened by that.
    chi_squared = law.aic - 4.0
    assert chi_squared > 100.0
    assert law.exponent_error / np.sqrt(chi_squared / 8) == pytest.approx(0.010, abs=5e-4)


def test_a_straight_line_is_scipys() -> None:
    law = fitted_power_law(SIZES, NONE)
    slope, _, _, _, error = tuple(linregress(np.log(SIZES), np.log(NONE)))
    assert law.exponent == pytest.approx(slope, rel=1e-12)
    assert law.exponent_error == pytest.approx(error, rel=1e-10)


def test_an_error_that_remains_is_found_and_preferred_only_where_it_is() -> None:
    draws = np.random.default_rng(0)
    sizes = np.geomspace(10, 3000, 12)
    for offset in (0.0, 0.05):
        errors = (offset + 2.0 * sizes**-0.8) * np.exp(0.01 * draws.standard_normal(12))
        deviations = np.full(12, 0.01)
        plain, other = (
            fitted_power_law(sizes, errors, deviations, with_offset=with_it) for with_it in (False, True)
        )
        assert (other.aic < plain.aic) == (offset > 0.0)
        assert other.offset == pytest.approx(offset, abs=2e-3)
        assert np.allclose(other(sizes), errors, rtol=0.05)


def test_intervals_of_an_exponent_cover_it() -> None:
    """Coverage, of 95 % intervals with an unknown and with a known spread, with and without an error that remains."""
    draws, sizes = np.random.default_rng(1), np.geomspace(10, 1000, 8)
    for with_offset in (False, True):
        for deviations in (None, np.full(8, 0.05)):
            inside = 0
            for _ in range(100):
                errors = (0.1 * with_offset + 2.0 * sizes**-0.7) * np.exp(0.05 * draws.standard_normal(8))
                low, high = fitted_power_law(
                    sizes, errors, deviations, with_offset=with_offset
                ).exponent_interval
                inside += low < -0.7 < high
            assert 88 <= inside <= 100


def test_units_of_the_error_scale_the_law() -> None:
    one, other = (
        fitted_power_law(SIZES, NONE, with_offset=True),
        fitted_power_law(SIZES, 1e6 * NONE, with_offset=True),
    )
    assert other.exponent == pytest.approx(one.exponent, rel=1e-6)
    assert other.scale == pytest.approx(1e6 * one.scale, rel=1e-6)


# -- splits, statistics, executors -------------------------------------------------------------------------


def test_splits_are_disjoint_and_those_of_a_size_do_not_depend_on_others() -> None:
    splits = random_splits(30, [5, 10], 4, test_rows=12, seed=3)
    for size, of_size in zip((5, 10), splits, strict=True):
        for train, test in of_size:
            assert (len(train), len(test), len({*train, *test})) == (size, 12, size + 12)
    assert np.array_equal(random_splits(30, [10], 6, test_rows=12, seed=3)[0][3][0], splits[1][3][0])


def test_statistics_are_numpys_and_the_interval_covers_the_mean() -> None:
    errors = np.random.default_rng(0).gamma(2.0, size=(3, 400))
    curve = LearningCurve(np.array([1, 2, 3]), {"a": errors, "b": 2.0 * errors})
    assert np.array_equal(curve.median("a"), np.median(errors, axis=1))
    assert np.allclose(curve.standard_error("a"), errors.std(axis=1, ddof=1) / 20.0)
    assert np.array_equal(curve.quantiles("a", [0.25]), np.quantile(errors, [0.25], axis=1))
    low, high = curve.interval("a")
    assert np.allclose(0.5 * (high - low), 1.96 * curve.standard_error("a"), rtol=0.1)
    ratio, (least, most) = curve.ratio("a", "b")
    # The splits are paired: a ratio that is the same in every split has no spread.
    assert np.allclose([ratio, least, most], 0.5, rtol=1e-12)
    assert np.array_equal(curve.share_better("a", "b"), np.ones(3))


def test_executors_give_the_same_errors_and_progress_is_told() -> None:
    splits = random_splits(50, [5, 10], 3)
    told: list[tuple[int, int]] = []
    one = learning_curve(
        MODELS, DISTANCES, ENERGIES, splits, progress=lambda done, total: told.append((done, total))
    )
    assert told == [(done, 6) for done in range(1, 7)]
    with ThreadPoolExecutor(2) as threads, ProcessPoolExecutor(1, get_context("spawn")) as processes:
        for executor in (threads, processes):
            told.clear()
            other = learning_curve(
                MODELS,
                DISTANCES,
                ENERGIES,
                splits,
                executor=executor,
                progress=lambda done, total: told.append((done, total)),
            )
            assert told[-1] == (6, 6)
            for name in MODELS:
                assert np.array_equal(one.errors[name], other.errors[name])


@pytest.mark.parametrize(
    ("measure", "expected"),
    [
        (mean_absolute_error, 2.25),
        (root_mean_square_error, np.sqrt(31 / 4)),
        (median_absolute_error, 1.5),
        (largest_error, 5.0),
    ],
)
def test_measures_of_errors(measure, expected: float) -> None:
    def zero(points: np.ndarray, values: np.ndarray, new: np.ndarray) -> np.ndarray:  # noqa: ARG001
        return np.zeros(len(new))

    values = np.array([9.0, -1.0, 2.0, 1.0, -5.0])
    split = np.array([0]), np.arange(1, 5)
    curve = learning_curve({"zero": zero}, np.zeros((5, 1)), values, [[split]], error=measure)
    assert curve.errors["zero"][0, 0] == pytest.approx(expected)


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(UsageError, match="must ascend and leave 1 of 50 rows"):
        random_splits(50, [10, 50], 1)
    with pytest.raises(UsageError, match="as many splits for each size"):
        learning_curve(
            MODELS, DISTANCES, ENERGIES, [random_splits(50, [5], 2)[0], random_splits(50, [6], 1)[0]]
        )
    with pytest.raises(UsageError, match="at least one model"):
        learning_curve({}, DISTANCES, ENERGIES, random_splits(50, [5], 2))
    with pytest.raises(UsageError, match="must ascend, got"):
        learning_curve(MODELS, DISTANCES, ENERGIES, random_splits(50, [5], 1) * 2)
    with pytest.raises(UsageError, match="needs 4 positive sizes"):
        fitted_power_law(SIZES[:3], NONE[:3], with_offset=True)
