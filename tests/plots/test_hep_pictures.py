"""Pictures of an inference: names as physicists write them, limits over masses."""

from __future__ import annotations

import numpy as np
import pytest

from assay.errors import UsageError
from assay.hep.build import build_model
from assay.hep.simple import workspace
from assay.hep.yields import expected_yields
from assay.plots.hep import fitted_yields, p_value_scan
from assay.plots.hep_points import limits_over_points
from assay.plots.style import new_figure

POINTS = [(400.0 + 200 * row, 100.0 * column) for row in range(5) for column in range(4)]


def legend_words(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_yields_of_names_with_underscores_and_broken_formulas_are_drawn(tmp_path):
    made = workspace(
        {
            "$x_{$": {"_fakes": ([20.0, 10.0], []), "Z'": ([1.0, 2.0], [("normfactor", "mu")])},
            "_CR": {r"$t\bar{t}$": ([300.0], [])},
        },
        {"$x_{$": [22.0, 9.0], "_CR": [310.0]},
    )
    model = build_model(made)
    before = expected_yields(model)
    figure = fitted_yields(before, before, model.observed)
    figure.savefig(tmp_path / "yields.png")
    # From the top of the stack down, the largest sample at its foot.
    assert legend_words(figure)[-3:] == ["Z'", " _fakes", r"$t\bar{t}$"]
    assert [ax.get_title("left") for ax in figure.axes[:2]] == [r"\$x_{\$", " _CR"]
    assert not figure.get_suptitle()
    assert fitted_yields(before, before, model.observed, most=1).get_suptitle() == "the first 1 of 2 channels"


def test_a_scan_of_two_sides_shows_its_interval():
    values = np.linspace(0.0, 4.0, 41)
    observed = np.exp(-((values - 2.0) ** 2))
    ax = p_value_scan(values, observed, np.tile(observed[:, None], 5), level=0.5, ax=new_figure().subplots())
    inside = ax.collections[0].get_paths()[0].vertices[:, 0]
    half = np.log(2.0) ** 0.5
    assert (inside.min(), inside.max()) == pytest.approx((2.0 - half, 2.0 + half), abs=0.1)
    with pytest.raises(
        UsageError, match=r"five expected ones for each, got 41 values, and arrays \(41,\) and \(41, 3\)"
    ):
        p_value_scan(values, observed, np.ones((41, 3)))


def _limits(points):
    """Limits that are 1 where the first mass is 800 + (the second one)/2."""
    observed = np.array([np.exp((first - 800.0 - second / 2) / 150.0) for first, second in points])
    return observed, np.outer(observed, [0.25, 0.5, 1.0, 2.0, 4.0])


def test_limits_over_two_masses_are_1_along_a_curve(tmp_path):
    observed, expected = _limits(POINTS)
    observed[0], expected[0] = np.nan, np.nan
    figure = limits_over_points(POINTS, observed, expected, labels=["m_1", "m_2"], interest="mu")
    figure.savefig(tmp_path / "limits.png")
    ax = figure.axes[0]
    lines = {line.get_label(): line for line in ax.lines}
    assert {"no limit", "observed limit 1", "expected limit 1", "expected ± 1σ"} <= set(lines)
    first, second = lines["observed limit 1"].get_data()
    np.testing.assert_allclose(first, 800.0 + np.asarray(second) / 2, atol=1e-6)
    assert np.ptp(second) == pytest.approx(300.0)
    first, second = lines["expected ± 1σ"].get_data()
    np.testing.assert_allclose(first, 800.0 + np.asarray(second) / 2 + 150 * np.log(2.0), atol=1e-6)


def test_limits_over_one_mass_are_a_band_in_its_order():
    points = [(800.0, 1.0), (400.0, 1.0), (600.0, 1.0)]
    observed, expected = _limits(points)
    ax = limits_over_points(points, observed, expected, labels=["mass", "width"], interest="mu").axes[0]
    (line,) = [line for line in ax.lines if line.get_label() == "observed"]
    assert line.get_xdata().tolist() == [400.0, 600.0, 800.0]
    np.testing.assert_allclose(line.get_ydata(), observed[[1, 2, 0]])
    assert ax.get_xlabel() == "mass"


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ([("low",), ("high",)], "one or two parameters vary, as numbers, got the word 'low'"),
        ([(1.0, 1.0, 1.0), (2.0, 2.0, 2.0)], r"got 3: \['a', 'b', 'c'\]"),
        ([(1.0,)], r"got 0: \[\]"),
    ],
)
def test_signal_points_that_no_picture_has_are_refused(points, words):
    observed, expected = np.ones(len(points)), np.ones((len(points), 5))
    with pytest.raises(UsageError, match=words):
        limits_over_points(points, observed, expected, labels=["a", "b", "c"][: len(points[0])])
    with pytest.raises(UsageError, match="an observed and five expected ones for each"):
        limits_over_points(points, observed, expected[:, :3], labels=["a"])


def test_limits_on_one_line_of_masses_have_no_curve():
    points = [(400.0 + 100 * row, 10.0 * row) for row in range(8)]
    observed, expected = _limits(points)
    ax = limits_over_points(points, observed, expected, labels=["m_1", "m_2"]).axes[0]
    assert "observed limit 1" not in {line.get_label() for line in ax.lines}
