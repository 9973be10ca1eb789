"""Each kind of bad input ends in a sentence that says where it is and what to do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from assay.errors import ConfigurationError, NumericalError, UsageError
from assay.hep.batch import hypothesis_tests
from assay.hep.build import build_model
from assay.hep.fit import fit, impacts
from assay.hep.hypothesis import hypothesis_scan, hypothesis_test
from assay.hep.limits import upper_limits
from assay.hep.model import Data
from assay.hep.simple import uncorrelated_background
from assay.hep.templates import with_templates
from assay.hep.toys import toy_test
from assay.hep.workspace import Workspace

MODEL = build_model(uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], [51.0, 48.0]))


def _with_background(*yields):
    return replace(MODEL, nominal=np.array([*yields, 12.0, 11.0]))


def _with_signal(*yields):
    return replace(MODEL, nominal=np.array([50.0, 52.0, *yields]))


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_yield_that_is_no_number_is_refused_when_it_is_read(number):
    with pytest.raises(
        ConfigurationError, match=r"'singlechannel', sample 'signal', data\[1\]: must be a finite"
    ):
        uncorrelated_background([12.0, number], [50.0, 52.0], [3.0, 7.0], [51.0, 48.0])


def test_a_yield_that_is_no_number_in_a_model_is_a_status_that_names_the_bin():
    tested = hypothesis_test(_with_background(50.0, float("nan")))
    assert tested.status.startswith("a fit failed: bin 1 of channel 'singlechannel' expects nan events")
    assert np.isnan(tested.cls)


@pytest.mark.parametrize("background", [0.0, -3.0])
def test_a_bin_with_counts_that_expects_none_or_less_is_a_status_that_names_it(background):
    tested = hypothesis_test(_with_background(50.0, background))
    assert f"bin 1 of channel 'singlechannel' expects {background:.3g} events" in tested.status
    assert "check its samples and variations" in tested.status


def test_a_bin_without_yield_and_without_counts_changes_nothing():
    empty = replace(_with_background(50.0, 0.0), observed=np.array([51.0, 0.0]))
    empty = replace(empty, nominal=np.array([50.0, 0.0, 12.0, 0.0]))
    alone = build_model(uncorrelated_background([12.0], [50.0], [3.0], [51.0]))
    tested = hypothesis_test(empty)
    assert tested.status == ""
    assert tested.cls == pytest.approx(hypothesis_test(alone).cls, rel=1e-9)


def test_a_limit_that_nothing_bounds_is_an_error_that_names_the_parameter():
    with pytest.raises(
        NumericalError, match=r"limit on 'mu' was not found: .* check that the signal's yields"
    ):
        upper_limits(_with_signal(0.0, 0.0))


def test_names_that_do_not_exist_are_refused_with_those_that_do():
    with pytest.raises(UsageError, match="no parameter 'nu'; it has mu, "):
        fit(MODEL, held={"nu": 1.0})
    with pytest.raises(UsageError, match="no sample 'higgs' in a channel 'singlechannel'; it has"):
        with_templates(MODEL, "singlechannel", "higgs", np.ones(2))
    with pytest.raises(UsageError, match="q0, t_tilde, t, got 'q_hat'"):
        hypothesis_test(MODEL, statistic="q_hat")  # pyright: ignore[reportArgumentType]


def test_a_limit_of_a_model_that_cannot_be_names_the_bin():
    with pytest.raises(
        NumericalError, match="bin 0 of channel 'singlechannel' expects -5 events, and 51 are observed"
    ):
        upper_limits(_with_background(-5.0, 52.0))


def _with_settings(**settings):
    data = uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], [51.0, 48.0]).to_data()
    data["measurements"][0]["config"]["parameters"] = [{"name": "mu", **settings}]
    return build_model(Workspace.from_data(data))


@pytest.mark.parametrize(
    "tested", [hypothesis_test, upper_limits, impacts, toy_test, lambda model: hypothesis_tests([model])]
)
def test_a_fixed_parameter_of_interest_is_refused_where_it_must_move(tested):
    fixed = _with_settings(fixed=True)
    assert fit(fixed).status == ""
    with pytest.raises(UsageError, match="must be free, but the measurement fixes 'mu'"):
        tested(fixed)


def test_values_that_no_fit_may_reach_are_refused():
    with pytest.raises(UsageError, match="'mu' must not lie below its lower bound, 0 with q_tilde, got -1"):
        hypothesis_test(MODEL, -1.0)
    with pytest.raises(UsageError, match="lower bound, 2 with q, got 1"):
        hypothesis_scan(_with_settings(bounds=[[2.0, 10.0]], inits=[3.0]), [3.0, 1.0], statistic="q")
    with pytest.raises(UsageError, match="value of 'mu' must be finite, got nan"):
        hypothesis_test(MODEL, float("nan"))
    below = _with_settings(bounds=[[-2.0, 10.0]])
    assert hypothesis_test(below, -1.0, statistic="q").status == ""
    with pytest.raises(UsageError, match="lower bound, 0 with q_tilde, got -1"):
        hypothesis_test(below, -1.0)


@pytest.mark.parametrize("call", [fit, hypothesis_test, upper_limits])
@pytest.mark.parametrize(
    ("main", "auxiliary", "said"),
    [
        ([51.0, -1.0], [1.0, 1.0], "finite and not negative, got -1.0 at place 1"),
        ([51.0, 48.0], [1.0, np.nan], "auxiliary measurements of data must be finite, got nan at place 1"),
        ([51.0], [1.0, 1.0], "must be 2 numbers, got float64 of shape"),
        (["51", "48"], [1.0, 1.0], "must be 2 numbers, got <U2"),
    ],
)
def test_data_that_no_experiment_gives_are_refused(call, main, auxiliary, said):
    with pytest.raises(UsageError, match=said):
        call(MODEL, data=Data(np.array(main), np.array(auxiliary)))


def test_a_model_is_not_built_of_a_path():
    with pytest.raises(UsageError, match="takes a Workspace, got str; read one with Workspace"):
        build_model("workspace.json")  # pyright: ignore[reportArgumentType]
