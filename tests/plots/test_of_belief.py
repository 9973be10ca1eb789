"""Pictures of a belief hold what the study's driver says, and are about what was named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from assay.errors import UsageError
from assay.plots.acquisition import DEPTH, Promise, acquisition
from assay.plots.of_belief import (
    plot_acquisition,
    plot_corner,
    plot_minima,
    plot_sobol,
    study_curve,
    study_slices,
)
from assay.plots.of_study import draw
from assay.plots.scan import Curve, scan
from assay.plots.style import new_figure
from assay.study.study import Study, create_study

TIMES = np.arange(4.0)
TARGET = (1.1 * np.exp(-0.5 * TIMES)).tolist()


@pytest.fixture(scope="module")
def fit() -> Study:
    """A decay fitted to four points; the logarithm of its rate does not matter for the height."""
    space = [
        {"name": "height", "domain": [0.5, 2.0]},
        {"name": "rate", "domain": [0.1, 1.0], "log": True},
        {"name": "order", "type": "fixed", "domain": 1},
    ]
    study = create_study(space, driver="BayesianLeastSquares", seed=1)
    study.configure(target_vector=TARGET, uncertainty_vector=[0.05] * 4, max_iter=12)
    study.run(lambda height, rate, order: order * height * np.exp(-rate * TIMES))
    return study


def new_axes():
    return new_figure().subplots()


def test_a_scan_shows_the_belief_at_the_best_point_beside_the_target(fit: Study) -> None:
    curve = study_curve(fit)
    expected = fit.driver.predict([fit.driver.best_sample], "surrogate", "loss")["mean"][0]
    assert np.allclose(curve.quantiles[2], expected, atol=1e-6)
    assert curve.target is not None
    assert curve.target.tolist() == TARGET
    drawn = scan(curve, ax=new_axes()).get_lines()
    assert drawn[1].get_ydata().tolist() == TARGET
    with pytest.raises(UsageError, match="has one output: name another"):
        study_curve(fit, name="chisq")
    with pytest.raises(UsageError, match="at least 2 positions"):
        Curve("x", "y", np.arange(1), np.zeros((5, 1)))


def test_slices_of_an_output_are_those_of_the_surrogate(fit: Study) -> None:
    part = study_slices(fit, {"height": 1.0, "rate": 0.5, "order": 1}, "loss0")[0]
    points = [{"height": place, "rate": 0.5, "order": 1} for place in part.positions]
    expected = fit.driver.predict(points, "surrogate", "loss")["mean"][:, 0]
    assert np.allclose(part.quantiles[2], expected, atol=1e-9)


def test_sobol_bars_and_minima_are_about_what_is_named(fit: Study) -> None:
    bars = plot_sobol(fit, "loss0", ax=new_axes())
    names = [label.get_text() for label in bars.get_yticklabels()]
    widths = [patch.get_width() for patch in bars.patches]
    assert names == ["height", "rate"]
    assert widths[0] == pytest.approx(1.0, abs=0.01)
    assert widths[1] == pytest.approx(0.0, abs=0.01)
    (table,) = plot_minima(fit, ax=new_axes()).tables
    found = float(table[1, 1].get_text().get_text().split()[0])
    assert found == pytest.approx(1.1, abs=0.01)


def test_a_corner_plot_has_the_posterior_of_each_parameter(fit: Study) -> None:
    grid = plot_corner(fit, max_time=20.0)
    assert grid.shape == (2, 2)
    assert "height = 1." in grid[0, 0].get_title()


def test_the_acquisition_is_cut_through_its_best_place(fit: Study) -> None:
    panels = plot_acquisition(fit)
    assert [panel.get_xlabel() for panel in panels] == ["height", "rate"]
    assert panels[1].get_xscale() == "log"
    for panel in panels:
        promise, marked = panel.get_lines()
        top = promise.get_xdata()[np.nanargmax(promise.get_ydata())]
        assert marked.get_xdata()[0] == pytest.approx(top, rel=0.2)


def test_an_acquisition_without_a_bottom_is_cut_off_and_forbidden_places_are_left_out() -> None:
    values = np.array([-1e9, -2.0, -np.inf])
    (panel,) = acquisition([Promise("solver", ["a", "b", "c"], values, "b")], figure=new_figure())
    assert panel.get_ylim()[0] == -2.0 - DEPTH
    assert np.isnan(panel.get_lines()[0].get_ydata()[2])


@pytest.mark.parametrize("kind", ["acquisition", "minima", "scan", "slices", "sobol"])
def test_every_kind_can_be_written(kind: str, fit: Study, tmp_path: Path) -> None:
    draw(kind, fit).savefig(tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 5_000


def test_a_name_is_refused_where_the_whole_study_is_drawn(fit: Study) -> None:
    with pytest.raises(UsageError, match="about the whole study"):
        draw("convergence", fit, "loss")
    with pytest.raises(UsageError, match="got 'nothing'"):
        draw("sobol", fit, "nothing")
