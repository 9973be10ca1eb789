"""The pictures of laws hold what the laws say."""

from __future__ import annotations

import numpy as np
import pytest

from assay.discovery.discover import discover
from assay.discovery.laws import Laws
from assay.errors import UsageError
from assay.plots.laws import pareto, parity, residuals
from assay.plots.style import new_figure

X = np.linspace(1.0, 3.0, 30)
DATA = {"x": X, "y": 2.0 * X**2 + 0.05 * np.random.default_rng(0).standard_normal(30)}


@pytest.fixture(scope="module")
def laws() -> Laws:
    return discover(DATA, "y", engines=["deterministic"], unary_operators=[])


def test_the_front_shows_each_law_and_the_recommended_one(laws: Laws) -> None:
    pytest.importorskip("matplotlib")
    ax = pareto(laws, ax=new_figure().subplots())
    fit, left_out, _, chosen = ax.get_lines()
    assert fit.get_xdata().tolist() == laws.table["complexity"].tolist()
    np.testing.assert_allclose(fit.get_ydata() ** 2, laws.table["loss"])
    np.testing.assert_allclose(left_out.get_ydata(), laws.table["cross_validation"])
    assert chosen.get_xdata()[0] == laws.recommended.complexity


def test_parity_shows_predictions_with_intervals(laws: Laws) -> None:
    pytest.importorskip("matplotlib")
    law = laws.recommended
    ax = parity(law, DATA, probability=0.5, ax=new_figure().subplots())
    (bars,) = ax.containers
    np.testing.assert_allclose(bars.lines[0].get_xydata(), np.column_stack([DATA["y"], law.predict(DATA)]))
    low, high = law.predict_interval(DATA, 0.5)
    inside = np.mean((low <= DATA["y"]) & (DATA["y"] <= high))
    assert ax.get_title(loc="left") == f"{inside:.0%} of the rows are inside their 50% intervals"


def test_residuals_are_what_is_left_over(laws: Laws) -> None:
    pytest.importorskip("matplotlib")
    law = laws.recommended
    _, points = residuals(law, DATA, against="x", ax=new_figure().subplots()).get_lines()
    np.testing.assert_allclose(points.get_xydata(), np.column_stack([X, DATA["y"] - law.predict(DATA)]))
    with pytest.raises(UsageError, match="residuals can be drawn against"):
        residuals(law, DATA, against="z", ax=new_figure().subplots())
    with pytest.raises(UsageError, match="the data must hold the response"):
        parity(law, {"x": X}, ax=new_figure().subplots())
