import numpy as np
import pytest

from assay.errors import UsageError
from assay.plots.benchmark import benchmark_curves, benchmark_values, plot_benchmark
from assay.plots.style import new_figure
from assay.study.benchmark import Benchmark
from assay.study.study import create_study

DATA = {
    "names": ["a", "b"],
    "X": [np.arange(3.0), np.arange(3.0)],
    "Y": [np.array([np.nan, 2.0, 1.0]), np.array([3.0, 3.0, 0.5])],
    "sdev": [np.array([np.nan, 0.5, 0.25]), np.zeros(3)],
}


def test_lines_begin_where_there_is_an_average_and_bands_are_one_deviation():
    first, second = benchmark_values(DATA)
    assert first.x.tolist() == [1.0, 2.0]
    assert first.lower.tolist() == [1.5, 0.75]
    assert first.upper.tolist() == [2.5, 1.25]
    panel = benchmark_curves(DATA, ax=new_figure().subplots())
    assert [line.get_label() for line in panel.get_lines()] == ["a", "b"]
    assert panel.get_lines()[1].get_ydata().tolist() == second.y.tolist()
    with pytest.raises(UsageError, match="there is none"):
        benchmark_values({"names": [], "X": [], "Y": [], "sdev": []})


def test_the_axes_say_what_was_asked_for():
    study = create_study([{"name": "x", "domain": [0.0, 1.0]}], driver="RandomSearch", study_name="random")
    study.add_many([0.5, 0.25], [{"x": 0.5}, {"x": 0.25}])
    benchmark = Benchmark()
    benchmark.add_study_results(study)
    panel = plot_benchmark(
        benchmark,
        new_figure().subplots(),
        y_type="min_distance",
        minimum=[0.0],
        log_scale=True,
        num_samples=2,
    )
    assert panel.get_ylabel() == "log10 of the min distance"
    assert panel.get_lines()[0].get_ydata() == pytest.approx(np.log10([0.5, 0.25]))
