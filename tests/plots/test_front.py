"""The pictures of a front hold what they are given, and the band says what draws say."""

import numpy as np
import pytest

from assay.errors import UsageError
from assay.plots.front import Attainment, front, hypervolume_over_time
from assay.plots.style import new_figure

VALUES = [[1.0, 3.0], [2.0, 2.0], [np.nan, 0.0], [3.0, 2.5], [3.0, 1.0]]
UPPER = [4.0, 4.0]


def lines(ax):
    return {line.get_label(): line for line in ax.get_lines()}


def test_the_stairs_run_through_the_front_from_reference_to_reference():
    ax = front(VALUES, UPPER, std=np.full((5, 2), 0.1), ax=new_figure().subplots())
    (stairs,) = [line for line in ax.get_lines() if line.get_drawstyle() == "steps-post"]
    assert stairs.get_xydata().tolist() == [[1, 4], [1, 3], [2, 2], [3, 1], [4, 1]]
    assert lines(ax)["dominated"].get_xydata()[
        ~np.isnan(lines(ax)["dominated"].get_xydata()[:, 0])
    ].tolist() == [[3, 2.5]]
    assert ax.get_title(loc="left") == "3 of 4 points are on the front"
    (bars,) = ax.containers
    assert bars.has_xerr
    assert bars.has_yerr


def test_a_front_above_the_reference_has_no_stairs():
    ax = front(VALUES, [0.5, 0.5], ax=new_figure().subplots())
    assert not [line for line in ax.get_lines() if line.get_drawstyle() == "steps-post"]


def test_the_band_covers_the_front_as_often_as_it_says():
    """Fronts y = level of a uniform level: the quantiles of the band are those of the level."""
    generator = np.random.default_rng(0)
    x = np.linspace(0.0, 1.0, 5)
    heights = generator.random(4000)
    draws = np.stack([np.broadcast_to(x, (4000, 5)), np.repeat(heights[:, None], 5, axis=1)], axis=2)
    belief = Attainment.of(draws, [1.0, 1.0])
    expected = np.array([0.025, 0.16, 0.5, 0.84, 0.975])
    np.testing.assert_allclose(belief.quantiles[:, 0], expected, atol=4 * 0.5 / np.sqrt(4000))
    assert (np.diff(belief.quantiles, axis=1) <= 0).all()


def test_a_band_is_drawn_and_cut_at_the_reference():
    draws = np.array([[[0.0, 2.0], [1.0, 1.0]], [[0.5, 9.0], [1.0, 1.0]]])
    belief = Attainment.of(draws, UPPER)
    assert belief.quantiles[-1, 0] == np.inf
    ax = front(VALUES, UPPER, belief=belief, ax=new_figure().subplots())
    assert len(ax.collections) >= 2
    assert ax.collections[0].get_datalim(ax.transData).y1 == 4.0


def test_hypervolume_over_time_shows_every_evaluation_and_failures():
    ax = hypervolume_over_time(VALUES, UPPER, reference=8.0, ax=new_figure().subplots())
    assert lines(ax)["hypervolume"].get_ydata().tolist() == [3.0, 5.0, 5.0, 5.0, 6.0]
    assert lines(ax)["failed"].get_xdata().tolist() == [3]
    assert ax.get_title(loc="left") == "hypervolume 6 after 5 evaluations"
    three = hypervolume_over_time(
        np.full((2, 3), 0.5), np.ones(3), lower=np.zeros(3), ax=new_figure().subplots()
    )
    assert lines(three)["hypervolume"].get_ydata().tolist() == [0.125, 0.125]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: front(np.ones((2, 3)), np.ones(3)), r"values \(rows, 2\), got shape \(2, 3\)"),
        (lambda: front([[np.nan, 1.0]], UPPER), "at least one row without NaN"),
        (lambda: Attainment.of(np.ones((2, 2)), UPPER), r"draws \(draws, points, 2\)"),
    ],
)
def test_what_is_no_front_of_two_objectives_is_refused(call, message):
    with pytest.raises(UsageError, match=message):
        call()
