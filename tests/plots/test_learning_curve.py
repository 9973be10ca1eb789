"""What a picture of learning curves shows."""

from __future__ import annotations

import numpy as np

from assay.analysis.learning_curve import LearningCurve
from assay.plots.learning_curve import learning_curves
from assay.plots.style import new_figure

SIZES = np.array([10, 20, 40, 80])


def curve(splits: int) -> LearningCurve:
    spread = np.exp(0.1 * np.random.default_rng(0).standard_normal((4, splits)))
    base = 3.0 * SIZES[:, None] ** -0.5 * spread
    return LearningCurve(SIZES, {"plain": base, "with prior": 0.5 * base})


def test_means_laws_and_logarithmic_axes() -> None:
    found = curve(30)
    laws = {name: found.power_law(name) for name in found.errors}
    axes = new_figure().subplots()
    assert learning_curves(found, laws=laws, unit="eV", ax=axes) is axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert axes.get_ylabel() == "error / eV"
    for (line, _, _), name in zip(axes.containers, found.errors, strict=True):
        assert np.allclose(line.get_ydata(), found.mean(name))
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == [f"{name}: N^{law.exponent:.2f}" for name, law in laws.items()]
    assert "mean of 30 splits" in axes.get_title(loc="left")


def test_a_single_split_has_no_interval() -> None:
    axes = learning_curves(curve(1), ax=new_figure().subplots())
    assert axes.get_title(loc="left").startswith("one split")
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["plain", "with prior"]
