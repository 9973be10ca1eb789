"""The pictures hold what they are given, and their errors name the cure."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.errors import MissingExtraError, UsageError
from assay.plots.calibration import predicted_observed, standardised_residuals
from assay.plots.convergence import convergence
from assay.plots.interactive import convergence_figure, parallel_coordinates_figure, slices_figure
from assay.plots.of_belief import study_slices
from assay.plots.of_study import draw, draw_interactive, plot_convergence
from assay.plots.parallel import parallel_coordinates
from assay.plots.slices import slices
from assay.plots.style import axes_for, new_figure
from assay.plots.values import Slice
from assay.study.study import Study, create_study

VALUES = [5.0, float("nan"), 2.0, 3.0]
LEVELS = np.array([[-2.0], [-1.0], [0.0], [1.0], [2.0]])
SMOOTH = Slice("x", np.linspace(0, 1, 11).tolist(), LEVELS * np.ones(11), 0.3)
LABELS = Slice("solver", ["direct", "iterative"], LEVELS * np.ones(2), "iterative")


@pytest.fixture(scope="module")
def study() -> Study:
    """Ten evaluations of a smooth function of a number, a whole number and a label, one of them failed."""
    space = [
        {"name": "x", "domain": [0.01, 10.0], "log": True},
        {"name": "layers", "type": "integer", "domain": [1, 4]},
        {"name": "solver", "type": "categorical", "domain": ["direct", "iterative"]},
        {"name": "index", "type": "fixed", "domain": 1.5},
    ]

    def evaluate(x: float, layers: int, solver: str, index: float) -> float:
        if x > 5:
            raise ValueError("diverged")
        return (np.log(x) + layers) ** 2 + index + (solver == "direct")

    study = create_study(space, seed=1)
    study.configure(max_iter=10, deterministic=True)
    study.run(evaluate)
    return study


def new_axes() -> Any:
    return new_figure().subplots()


def test_convergence_shows_values_best_and_failures() -> None:
    ax = convergence(VALUES, reference=1.0, ax=new_axes())
    lines = {line.get_label(): line for line in ax.get_lines()}
    assert lines["best so far"].get_ydata().tolist() == [5.0, 5.0, 2.0, 2.0]
    assert lines["failed"].get_xdata().tolist() == [2]
    assert lines["reference"].get_ydata() == [1.0, 1.0]
    assert ax.get_yscale() == "linear"


def test_the_axis_is_logarithmic_where_that_says_more() -> None:
    values = [100.0, 1.0]
    assert convergence(values, ax=new_axes()).get_yscale() == "log"
    assert convergence(values, scale="linear", ax=new_axes()).get_yscale() == "linear"
    assert convergence(values, reference=-1.0, ax=new_axes()).get_yscale() == "linear"


def test_slices_have_one_panel_each() -> None:
    panels = slices([SMOOTH, LABELS])
    assert [ax.get_xlabel() for ax in panels] == ["x", "solver"]
    assert [label.get_text() for label in panels[1].get_xticklabels()] == ["direct", "iterative"]
    outer = panels[0].collections[0].get_datalim(panels[0].transData)
    assert (outer.y0, outer.y1) == (-2.0, 2.0)


def test_no_slice_is_refused() -> None:
    for picture in (slices, slices_figure):
        with pytest.raises(UsageError, match="at least one parameter"):
            picture([])


def test_parallel_coordinates_draw_every_point_and_the_best_last() -> None:
    ax = parallel_coordinates({"x": [1.0, 2.0, 3.0, 4.0], "s": ["a", "b", "a", "b"]}, VALUES, ax=new_axes())
    paths = [line for line in ax.get_lines() if len(line.get_xdata()) == 3]
    assert len(paths) == 3
    assert paths[-1].get_label() == "best"
    assert paths[-1].get_ydata().tolist() == pytest.approx([2 / 3, 0.0, 0.0])


def test_calibration_pictures_say_the_coverage() -> None:
    data = ([0.0, 0.5, 3.0, 0.1], [0.0] * 4, [1.0] * 4)
    for picture in (predicted_observed, standardised_residuals):
        title = picture(*data, ax=new_axes()).get_title(loc="left")
        assert title == "68 % intervals cover 75 %, 95 % intervals 75 %"


def test_interactive_pictures_hold_the_same_values() -> None:
    figure = convergence_figure(VALUES)
    assert list(figure.data[1].y) == [5.0, 5.0, 2.0, 2.0]
    figure = slices_figure([SMOOTH, LABELS])
    assert [trace.visible for trace in figure.data] == [True] * 5 + [False] * 5
    figure = parallel_coordinates_figure({"x": [1.0, 2.0, 3.0, 4.0]}, VALUES)
    assert [dimension.label for dimension in figure.data[0].dimensions] == ["x", "objective"]


@pytest.mark.parametrize("kind", ["convergence", "slices", "parallel", "calibration"])
@pytest.mark.parametrize("ending", ["png", "svg"])
def test_every_kind_of_a_study_can_be_saved(study: Study, kind: str, ending: str, tmp_path: Path) -> None:
    place = tmp_path / f"{kind}.{ending}"
    draw(kind, study).savefig(place)
    assert place.stat().st_size > 5_000


def test_interactive_kinds_of_a_study(study: Study) -> None:
    for kind in ("convergence", "slices", "parallel"):
        assert draw_interactive(kind, study).data
    with pytest.raises(UsageError, match="cannot be written as"):
        draw_interactive("calibration", study)


def test_slices_of_a_study_run_through_the_best_point(study: Study) -> None:
    parts = {part.name: part for part in study_slices(study)}
    best = study.best
    assert best is not None
    assert list(parts) == ["x", "layers", "solver"]
    assert parts["layers"].positions == [1, 2, 3, 4]
    assert parts["x"].is_log
    at_best = parts["layers"].positions.index(best["values"]["layers"])
    assert parts["layers"].quantiles[2, at_best] == pytest.approx(best["objective"], abs=0.05)


def test_a_driver_without_a_model_has_no_slices() -> None:
    study = create_study([{"name": "x", "domain": [0.0, 1.0]}], driver="RandomSearch")
    study.configure(max_iter=2)
    study.run(lambda x: x)
    assert plot_convergence(study, ax=new_axes()).get_lines()
    with pytest.raises(UsageError, match="needs a driver with a model"):
        study_slices(study)


@pytest.mark.parametrize(
    ("library", "call"),
    [
        ("matplotlib.pyplot", lambda: axes_for(None)),
        ("matplotlib.figure", new_figure),
        ("plotly.graph_objects", lambda: convergence_figure([1.0])),
    ],
)
def test_a_missing_library_is_named_with_its_cure(
    library: str, call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'assay\[plots\]'"):
        call()
