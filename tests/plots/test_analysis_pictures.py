"""The pictures of sensitivities, chains and minima hold what they are given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from assay.analysis.chains import MarkovChains
from assay.analysis.minima import Minima
from assay.analysis.sobol import SobolIndices
from assay.errors import UsageError
from assay.plots.corner import Joint, Marginal, corner
from assay.plots.minima import MinimaTable, minima_table
from assay.plots.sobol import SobolBars, sobol_bars
from assay.plots.style import new_figure

ERRORS = np.full((2, 2), 0.01)
INDICES = SobolIndices(
    ("x", "y"),
    np.array([[0.2, np.nan], [0.5, np.nan]]),
    np.array([[0.4, np.nan], [0.8, np.nan]]),
    ERRORS,
    ERRORS,
    np.zeros(2),
    np.ones(2),
    1000,
    "precision",
)


def chains_of(samples: np.ndarray) -> MarkovChains:
    count = samples.shape[1]
    return MarkovChains(
        tuple("abc"[:count]),
        samples[None],
        np.zeros((1, len(samples))),
        np.ones(count),
        np.ones(count),
        np.full(count, float(len(samples))),
        "nuts",
        len(samples),
        0,
        1,
        0,
        "rel_error",
    )


MINIMA = Minima(
    ("x", "s"),
    np.array([[0.5, 0.0]]),
    ({"x": 1.25, "s": "direct", "k": 2.0},),
    np.array([3.5]),
    np.array([0.25]),
    np.array([[0.125, np.nan]]),
    np.array([False]),
)


def test_bars_stand_in_the_order_of_their_totals() -> None:
    bars = SobolBars.of(INDICES)
    assert bars.names == ("y", "x")
    assert bars.first_order.tolist() == [0.5, 0.2]
    ax = sobol_bars(INDICES, ax=new_figure().subplots())
    assert [label.get_text() for label in ax.get_yticklabels()] == ["y", "x"]
    assert [patch.get_width() for patch in ax.patches] == [0.8, 0.4, 0.5, 0.2]
    with pytest.raises(UsageError, match="does not vary"):
        SobolBars.of(INDICES, 1)
    with pytest.raises(UsageError, match="must be below 2, got 2"):
        SobolBars.of(INDICES, 2)


def test_contours_hold_their_share_of_a_normal_law() -> None:
    samples = np.random.default_rng(0).standard_normal((100_000, 2))
    marginals = [Marginal.of(column) for column in samples.T]
    np.testing.assert_allclose(marginals[0].central, [-0.994, 0, 0.994], atol=0.02)
    joint = Joint.of(samples[:, 0], samples[:, 1], marginals[0].edges, marginals[1].edges)
    inside = [joint.density[joint.density >= level].sum() / joint.density.sum() for level in joint.levels]
    np.testing.assert_allclose(inside, [0.95, 0.68], atol=0.01)
    # The level that holds 95 % is exp(-chi2 / 2) of the top, with chi2 = 5.99 for two parameters.
    assert joint.levels[0] / joint.density.max() == pytest.approx(0.05, abs=0.015)


def test_a_corner_has_a_panel_for_each_pair_and_marks_truths() -> None:
    samples = np.random.default_rng(0).standard_normal((2000, 3))
    grid = corner(chains_of(samples), truths={"b": 0.5})
    assert grid.shape == (3, 3)
    assert [[ax.get_visible() for ax in row] for row in grid] == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]
    assert grid[1, 1].get_title().startswith("b = ")
    assert [line.get_xdata()[0] for line in grid[2, 1].get_lines()] == [0.5]
    with pytest.raises(UsageError, match="must name its parameters a, b, c"):
        corner(chains_of(samples), truths={"z": 0.0})


def test_a_corner_of_one_parameter_that_does_not_move() -> None:
    assert corner(chains_of(np.ones((50, 1)))).shape == (1, 1)


def test_the_table_says_values_widths_and_edges() -> None:
    table = MinimaTable.of(MINIMA)
    assert table.header == ("value", "x", "s", "lies")
    assert table.rows == (("3.5 ± 0.25", "1.25 ± 0.12", "direct", "on an edge"),)
    empty = Minima(("x",), np.empty((0, 1)), (), np.empty(0), np.empty(0), np.empty((0, 1)), np.empty(0))
    with pytest.raises(UsageError, match="at least one"):
        minima_table(empty)


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_every_picture_can_be_saved(ending: str, tmp_path: Path) -> None:
    samples = np.random.default_rng(0).standard_normal((2000, 2))
    figures = {
        "corner": corner(chains_of(samples))[0, 0].figure,
        "sobol": sobol_bars(INDICES, ax=new_figure().subplots()).figure,
        "minima": minima_table(MINIMA, ax=new_figure().subplots()).figure,
    }
    for name, figure in figures.items():
        place = tmp_path / f"{name}.{ending}"
        figure.savefig(place)
        assert place.stat().st_size > 3_000
