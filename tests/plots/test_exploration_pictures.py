"""The pictures of an exploration: what they show, and that a page computes what the model says."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.errors import UsageError
from assay.numerics.coordinates import Coordinates
from assay.plots.gp_slices import GPSlices
from assay.plots.gp_slices_model import model_data
from assay.space.parameters import Continuous
from assay.space.space import Space
from assay.study.exploration.exploration import Exploration
from assay.study.exploration.parameters import create_parameters
from assay.surrogates.abstract import AbstractPosterior
from assay.surrogates.averaged_gaussian_process import AveragedPosterior
from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess

NODE = shutil.which("node")


def smooth(vector: np.ndarray) -> float:
    return float(np.sin(vector[0]) + vector[1])


@pytest.fixture(scope="module")
def plane() -> Exploration:
    parameters = create_parameters(["A", "B"], [-2.0, 0.1], [2.0, 10.0], log={"B": True})
    exploration = Exploration(parameters, sampler="Sobol", verbose=0)
    exploration.sample(8)
    exploration.evaluate(smooth)
    exploration.sample(4)
    exploration.evaluate(lambda v: smooth(v) if v[0] > -1 else 1 / 0)
    exploration.augment([[0.0, 1.0]], [1.0])
    exploration.sample(2)
    return exploration


@pytest.fixture(scope="module")
def mixed() -> Exploration:
    parameters = create_parameters(
        ["A", "m", "n", "C"], [0.0, None, 1, 0.0], [1.0, None, 4, 1.0],
        choices={"m": ["a", "b", "c"]}, type={"n": "integer"},
    )  # fmt: skip
    exploration = Exploration(parameters, ["p", "q"], "Sobol", verbose=0)
    exploration.sample(24)
    exploration.evaluate(lambda A, m, n, C: [A**2 + (m == "b") + 0.1 * n, C])
    return exploration


def test_samples_are_told_apart(plane: Exploration) -> None:
    figure = plane.plot_samples(colors=["red"], marker_size=9)
    shown = {trace.name: trace for trace in figure.data}
    assert list(shown) == ["epoch 1", "epoch 2", "brought along", "failed", "queue"]
    assert len(shown["epoch 1"].x) == 8
    assert len(shown["epoch 2"].x) + len(shown["failed"].x) == 4
    assert list(shown["brought along"].x) == [0.0]
    assert (shown["epoch 1"].marker.color, shown["epoch 1"].marker.size) == ("red", 9)
    assert np.array_equal(np.column_stack([shown["queue"].x, shown["queue"].y]), plane.queue)


@pytest.mark.parametrize(("dimension", "kind"), [(1, "scatter"), (3, "scatter3d"), (5, "splom")])
def test_samples_of_any_dimension_are_shown(dimension: int, kind: str) -> None:
    names = [f"x{place}" for place in range(dimension)]
    exploration = Exploration(
        create_parameters(names, [0.0] * dimension, [1.0] * dimension), sampler="Sobol", verbose=0
    )
    exploration.sample(4)
    assert [trace.type for trace in exploration.plot_samples().data] == [kind]


def test_the_response_is_what_the_model_says_and_the_truth_stands_beside(plane: Exploration) -> None:
    figure = plane.plot_response(smooth)
    mean, deviation, truth, error = [trace for trace in figure.data if trace.type == "heatmap"]
    assert plane.gp is not None
    point = [mean.x[5], mean.y[7]]
    expected_mean, expected_variance = plane.gp[0].predict([point])
    assert mean.z[7][5] == pytest.approx(expected_mean[0])
    assert deviation.z[7][5] == pytest.approx(np.sqrt(expected_variance[0]))
    assert truth.z[7][5] == pytest.approx(smooth(np.array(point)))
    assert error.z[7][5] == pytest.approx(mean.z[7][5] - truth.z[7][5])
    crosses = [trace for trace in figure.data if trace.type == "scatter"]
    assert len(crosses) == 4 * 5  # on each panel, by epoch and kind


def test_scales_of_colours_of_several_responses_stand_beside_their_panels(mixed: Exploration) -> None:
    figure = mixed.plot_response()
    bars = [trace.colorbar for trace in figure.data if trace.type == "heatmap"]
    ends = [(bar.y - bar.len / 2, bar.y + bar.len / 2) for bar in bars]
    assert ends[0] == ends[1]
    assert ends[2][1] < ends[0][0]  # those of the second response lie below those of the first
    assert [bar.x for bar in bars[:2]] == pytest.approx(
        [figure.layout.xaxis.domain[1], figure.layout.xaxis2.domain[1]]
    )


@pytest.mark.parametrize("dimension", [1, 2, 3, 4])
def test_samples_stand_on_logarithmic_axes_where_the_parameters_do(dimension: int) -> None:
    names = [f"x{place}" for place in range(dimension)]
    logs = [place == 0 for place in range(dimension)]
    table = create_parameters(names, [1.0] * dimension, [100.0] * dimension, log=logs)
    exploration = Exploration(table, sampler="Sobol", verbose=0)
    exploration.sample(4)
    layout = exploration.plot_samples().layout
    axes = [layout.scene.xaxis, layout.scene.yaxis] if dimension == 3 else [layout.xaxis, layout.yaxis]
    if dimension == 4:
        axes[1] = layout.xaxis2
    assert axes[0].type == "log"
    assert axes[1].type != "log"


def test_a_line_has_its_band() -> None:
    exploration = Exploration(create_parameters(["A"], [0.0], [1.0]), sampler="Sobol", verbose=0)
    with pytest.raises(UsageError, match="needs two successful evaluations"):
        exploration.plot_response()
    exploration.sample(4)
    exploration.evaluate(lambda v: v[0])
    low, high, mean, truth, seen = exploration.plot_response(lambda v: v[0]).data
    assert (np.array(low.y) <= mean.y).all()
    assert (np.array(high.y) >= mean.y).all()
    assert np.allclose(truth.y, truth.x)
    assert len(seen.x) == 4


def test_slices_show_every_pair_and_the_samples(mixed: Exploration) -> None:
    slices = mixed.plot_gp(1, resolution=(8, 8), verbose=False)
    surfaces = [trace for trace in slices.figure.data if trace.type == "heatmap"]
    assert len(surfaces) == 6  # three pairs of ranged parameters, mean and deviation
    mean, variance = mixed.posteriors()[1].mean_variance(
        np.array(
            [[surfaces[0].x[3], 0.0, 0.2, 0.5]]
        )  # unit coordinates; C is at its middle, m at its first label
    )
    assert surfaces[0].z[0].shape == (8,)
    assert np.isfinite(mean).all()
    assert np.isfinite(variance).all()
    with pytest.raises(UsageError, match="two successful evaluations"):
        Exploration(create_parameters(["A"], [0.0], [1.0]), verbose=0).plot_gp()


def test_slices_say_what_the_model_says_and_a_line_shows_what_was_evaluated() -> None:
    """The same uncertainty as `gp`, `variances` and `plot_response`: averaged over the hyperparameters."""
    exploration = Exploration(create_parameters(["A"], [0.0], [1.0]), "r", sampler="Sobol", verbose=0)
    exploration.sample(5)
    exploration.evaluate(lambda v: np.exp(v[0]))
    slices = exploration.plot_gp(resolution=(9, 9), verbose=False)
    low, high, _, dots = slices.figure.data
    band = exploration.plot_response().data
    at = [int(np.argmin(np.abs(np.array(band[0].x) - x))) for x in (0.0, 1.0)]
    assert [low.y[0], low.y[-1]] == pytest.approx([band[0].y[place] for place in at], rel=1e-3)
    assert [high.y[0], high.y[-1]] == pytest.approx([band[1].y[place] for place in at], rel=1e-3)
    assert np.allclose(np.exp(dots.x), dots.y)
    assert [sample["value"] for sample in data_of(slices)["samples"]] == list(dots.y)
    assert slices.figure.layout.title.text.startswith("r: ")


def test_slices_that_would_be_slow_are_of_the_most_probable_hyperparameters_and_say_so(
    mixed: Exploration, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = mixed.plot_gp(0, resolution=(6, 6))
    monkeypatch.setattr("assay.plots.gp_slices.AVERAGED_WORK", 1e3)
    slow = mixed.plot_gp(0, resolution=(6, 6))
    assert [len(data_of(one)["model"]["members"]) for one in (quick, slow)] == [16, 1]
    assert "most probable" in slow.figure.layout.title.subtitle.text
    assert "most probable" not in quick.figure.layout.title.subtitle.text


def run_in_node(program: str) -> Any:
    code = (resources.files("assay.plots") / "gp_slices.js").read_text(encoding="utf-8")
    assert NODE is not None
    result = subprocess.run(
        [NODE, "-"], input=f"{code}\n{program}", capture_output=True, text=True, check=True, timeout=60
    )
    return json.loads(result.stdout)


def data_of(slices: GPSlices) -> dict[str, Any]:
    start = slices.script.index("assaySlices(document")
    text = slices.script[start:]
    return json.loads(text[text.index(", {") + 2 : text.rindex(");")])


@pytest.mark.skipif(NODE is None, reason="needs node")
@pytest.mark.parametrize("response", [0, 1])
def test_a_page_computes_what_the_model_says(mixed: Exploration, response: int) -> None:
    draws = np.random.default_rng(0).random((50, 4))
    draws[:, 1] = np.floor(3 * draws[:, 1])  # the index of a label
    assert mixed.gp is not None
    averaged = mixed.gp[response].posterior
    assert isinstance(averaged, AveragedPosterior)
    for posterior in (averaged, mixed.posteriors()[response]):
        check_page(posterior, Coordinates.of(mixed.study.space), draws, 1e-7)


def check_page(
    posterior: AbstractPosterior, coordinates: Coordinates, draws: np.ndarray, precision: float
) -> None:
    """What a page computes is what the posterior says, but for a share of the size of the response."""
    program = (
        f"assayPosterior({json.dumps(model_data(posterior, coordinates))}, {json.dumps(draws.tolist())})"
    )
    found = run_in_node(f"console.log(JSON.stringify({program}))")
    mean, variance = posterior.mean_variance(draws)
    size = float(np.abs(mean).max())
    assert np.allclose(found["mean"], mean[:, 0], rtol=1e-9, atol=1e-9 * size)
    assert np.allclose(found["deviation"], np.sqrt(variance[:, 0]), rtol=1e-6, atol=precision * size)
    low, high = posterior.quantiles(draws, np.array([0.025, 0.975]))[..., 0]
    assert np.allclose(found["low"], low, rtol=1e-6, atol=precision * size)
    assert np.allclose(found["high"], high, rtol=1e-6, atol=precision * size)


@pytest.mark.skipif(NODE is None, reason="needs node")
@pytest.mark.parametrize("warping", ["log", "sinh"])
def test_a_page_computes_warped_responses(warping: str) -> None:
    exploration = Exploration(create_parameters(["A", "B"], [0.0, 0.0], [1.0, 1.0]), "r", "Sobol", verbose=0)
    exploration.study.configure(surrogates=[{"name": "r", "warping_function": warping}])
    exploration.sample(16)
    exploration.evaluate(lambda A, B: np.exp(6.0 * A + B))
    (posterior,) = exploration.posteriors()
    assert not posterior.is_gaussian
    draws = np.random.default_rng(0).random((40, 2))
    check_page(posterior, Coordinates.of(exploration.study.space), draws, 1e-9)


@pytest.mark.skipif(NODE is None, reason="needs node")
def test_a_page_of_many_rows_holds_the_directions_that_matter() -> None:
    space = Space.from_data([Continuous("A", (0.0, 1.0)), Continuous("B", (0.0, 1.0))])
    points = np.random.default_rng(1).random((400, 2))
    values = np.sin(5.0 * points[:, 0]) * np.cos(4.0 * points[:, 1])
    noisy = values + 0.1 * np.random.default_rng(2).standard_normal(len(points))
    data = Dataset.of(points, noisy, noise_variance=0.01)
    posterior = GaussianProcess(noise="none").fit(data, None, np.random.default_rng(3)).posterior
    coordinates = Coordinates.of(space)
    model = model_data(posterior, coordinates)
    assert model is not None
    held = len(base64.b64decode(model["members"][0]["directions"])) / 8 / len(points)
    assert held < 300
    draws = np.concatenate([np.random.default_rng(0).random((30, 2)), np.eye(2), points[:8]])
    check_page(posterior, coordinates, draws, 1e-4)


@pytest.mark.skipif(NODE is None, reason="needs node")
def test_a_page_begins_with_the_figure_and_follows_its_sliders(mixed: Exploration) -> None:
    slices = mixed.plot_gp(0, resolution=(6, 6))
    data = data_of(slices)
    program = (
        f"const data = {json.dumps(data)}; const places = data.axes.map((a) => a.start);"
        "const first = assayTraces(data, places, 1); places[1] = 1;"
        "console.log(JSON.stringify([first, assayTraces(data, places, 0.1)]))"
    )
    first, moved = run_in_node(program)
    for trace, shown in zip(slices.figure.data, first, strict=True):
        for key, values in shown.items():
            assert np.allclose(np.array(values, dtype=float), np.array(trace[key], dtype=float), atol=1e-6)
    surfaces = [place for place, trace in enumerate(data["traces"]) if trace["kind"] == "mean"]
    change = [np.mean(np.array(moved[place]["z"]) - np.array(first[place]["z"])) for place in surfaces]
    assert np.allclose(change, 1.0, atol=0.5)  # m went from "a" to "b", which adds one
    dots = [place for place, trace in enumerate(data["traces"]) if trace["kind"] == "samples"]
    assert len(first[dots[0]]["x"]) == 24
    assert 0 < len(moved[dots[0]]["x"]) < 12  # only those with "b", near the slice


BROWSER = """
const inputs = [], calls = [];
const element = (tag) => ({ tag, style: {}, append() {} });
globalThis.document = { createElement: (tag) => { const made = element(tag); if (tag === "input") inputs.push(made); return made; } };
globalThis.Plotly = { restyle: (figure, update, places) => calls.push({ update, places }) };
let shown = false;
"""


@pytest.mark.skipif(NODE is None, reason="needs node")
def test_a_slider_that_is_moved_redraws_the_panels(mixed: Exploration) -> None:
    data = data_of(mixed.plot_gp(0, resolution=(6, 6)))
    program = (
        f"{BROWSER}assaySlices({{ after: () => {{ shown = true; }} }}, {json.dumps(data)});"
        "inputs[1].value = 2; inputs[1].oninput();"
        "console.log(JSON.stringify([shown, inputs.map((one) => [+one.max, one.value]), calls]))"
    )
    shown, inputs, calls = run_in_node(program)
    assert shown
    assert [top for top, _ in inputs] == [
        5,
        2,
        3,
        5,
        40,
    ]  # A, the labels of m, n, C, and how near a sample must be
    kinds = [trace["kind"] for trace in data["traces"]]
    redrawn = {next(iter(call["update"])): [kinds[place] for place in call["places"]] for call in calls}
    assert set(redrawn["z"]) == {"mean", "deviation"}
    assert set(redrawn["x"]) == {"samples"}
    assert set(redrawn["y"]) == {"low", "high", "middle", "samples"}


def test_the_page_is_whole(plane: Exploration, tmp_path: Path) -> None:
    slices = plane.plot_gp(resolution=(6, 6))
    slices.write_html(tmp_path / "slices.html")
    text = (tmp_path / "slices.html").read_text(encoding="utf-8")
    assert "function assaySlices(figure, data)" in text
    assert "{plot_id}" not in text  # plotly has put its own in place
    assert 'type: "range"' in text
    assert "https://cdn" not in text[:10_000]  # plotly.js is inside
    assert len(slices._repr_html_()) < len(text)
