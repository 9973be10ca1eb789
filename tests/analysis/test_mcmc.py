"""Markov chains against posteriors with known moments and quantiles."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import pytest
from scipy import stats

from assay.analysis.chains import MarkovChains
from assay.analysis.log_density import LogDensity
from assay.analysis.mcmc import run_mcmc
from assay.analysis.nuts import host_program
from assay.errors import MissingExtraError, NumericalError, UsageError

Array = np.ndarray

COVARIANCE = np.array([[0.04, 0.018], [0.018, 0.01]])
MEAN = np.array([1.0, -2.0])
WIDE = np.full(2, -30.0), np.full(2, 30.0)
SAMPLERS: list[Any] = ["nuts", "ensemble"]
AT_NIGHT: list[Any] = [pytest.param("nuts", marks=pytest.mark.slow), "ensemble"]


def normal(points: Array) -> tuple[Array, Array]:
    slope = -np.linalg.solve(COVARIANCE, (points - MEAN).T).T
    return 0.5 * ((points - MEAN) * slope).sum(axis=1), slope


def banana(points: Array) -> tuple[Array, Array]:
    """x0 is standard normal, x1 = x0^2 + 0.5 noise."""
    x, bend = points[:, 0], points[:, 1] - points[:, 0] ** 2
    value = -0.5 * x**2 - 2.0 * bend**2
    return value, np.stack([-x + 8.0 * bend * x, -4.0 * bend], axis=1)


def edged(points: Array) -> tuple[Array, Array]:
    """Falling from one side of [0, 1], and normal around the other side."""
    value = -3.0 * points[:, 0] - 0.5 * ((points[:, 1] - 1.0) / 0.2) ** 2
    return value, np.stack([np.full(len(points), -3.0), (1.0 - points[:, 1]) / 0.04], axis=1)


def bimodal(points: Array) -> tuple[Array, Array]:
    """70 % of the weight at -3, 30 % at 3, with widths 0.3 and 0.5; the other parameter is normal."""
    widths, centres = np.array([0.3, 0.5]), np.array([-3.0, 3.0])
    offsets = (points[:, :1] - centres) / widths
    logs = np.log(np.array([0.7, 0.3]) / widths) - 0.5 * offsets**2
    value = np.logaddexp(*logs.T)
    share = np.exp(logs - value[:, None])
    slope = -(share * offsets / widths).sum(axis=1)
    return value - 0.5 * points[:, 1] ** 2, np.stack([slope, -points[:, 1]], axis=1)


def run(function: Any, seed: int = 0, box: tuple[Array, Array] = WIDE, **settings: Any) -> MarkovChains:
    starts = settings.pop("starts", np.full((1, 2), 0.5))
    return run_mcmc(
        LogDensity(value_gradient=function),
        starts,
        *box,
        **{"max_iter": 20_000, "generator": np.random.default_rng(seed), **settings},
    )


def near(found: MarkovChains, quantiles: Array, probabilities: tuple[float, ...] = (0.16, 0.5, 0.84)) -> bool:
    """Whether the quantiles of the samples are those given, within four of their own errors at the number of draws."""
    for index, ess in enumerate(found.ess):
        column = found.samples[:, index]
        for probability, value in zip(probabilities, quantiles[:, index], strict=True):
            error = np.sqrt(probability * (1 - probability) / ess)
            if abs((column <= value).mean() - probability) > 4 * error:
                return False
    return True


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_normal_posterior_has_its_medians_widths_and_correlation(sampler: Any) -> None:
    found = run(normal, sampler=sampler, rel_error=0.03)
    assert found.stopped == "rel_error"
    widths = np.sqrt(np.diag(COVARIANCE))
    assert near(found, MEAN + stats.norm.ppf([0.16, 0.5, 0.84])[:, None] * widths)
    np.testing.assert_allclose(np.cov(found.samples.T), COVARIANCE, rtol=0.15)
    assert (found.rhat < 1.05).all()
    assert (found.ess >= 1 / 0.03**2).all()
    assert found.chains.shape[0] == (8 if sampler == "nuts" else 32)


@pytest.mark.parametrize("sampler", AT_NIGHT)
def test_a_banana(sampler: Any) -> None:
    found = run(banana, sampler=sampler)
    draws = np.random.default_rng(0).standard_normal((2, 400_000))
    exact = np.quantile(np.stack([draws[0], draws[0] ** 2 + 0.5 * draws[1]]), [0.16, 0.5, 0.84], axis=1)
    assert near(found, exact)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_densities_that_end_at_the_sides_of_the_box(sampler: Any) -> None:
    found = run(edged, box=(np.zeros(2), np.ones(2)), sampler=sampler)
    probabilities = np.array([0.16, 0.5, 0.84])
    falling = -np.log1p(-probabilities * (1 - np.exp(-3.0))) / 3.0
    around = stats.truncnorm(-5.0, 0.0, loc=1.0, scale=0.2).ppf(probabilities)
    assert near(found, np.stack([falling, around], axis=1))
    assert ((found.samples >= 0) & (found.samples <= 1)).all()


@pytest.mark.parametrize("sampler", AT_NIGHT)
def test_a_side_at_infinity_and_a_prior_with_an_edge_inside(sampler: Any) -> None:
    """x0 > 0 falls as exp(-2 x0); x1 is normal, cut where x1 < x0 by minus infinity."""

    def cut(points: Array) -> tuple[Array, Array]:
        value = np.where(points[:, 1] >= 0, -2 * points[:, 0] - 0.5 * points[:, 1] ** 2, -np.inf)
        return value, np.stack([np.full(len(points), -2.0), -points[:, 1]], axis=1)

    box = np.array([0.0, -np.inf]), np.full(2, np.inf)
    found = run(cut, box=box, sampler=sampler)
    probabilities = np.array([0.16, 0.5, 0.84])
    half_normal = stats.norm.ppf(0.5 + probabilities / 2)
    assert near(found, np.stack([-np.log1p(-probabilities) / 2, half_normal], axis=1))


def test_the_ensemble_keeps_the_widths_of_five_parameters() -> None:
    """A move whose acceptance ignores a power of the dimension narrows them, as emcee's snooker move does by 15 %."""
    found = run_mcmc(
        LogDensity(value=lambda points: -0.5 * (points**2).sum(axis=1)),
        np.zeros((1, 5)),
        np.full(5, -30.0),
        np.full(5, 30.0),
        sampler="ensemble",
        rel_error=0.02,
        generator=np.random.default_rng(0),
    )
    np.testing.assert_allclose(found.samples.std(axis=0), 1.0, atol=0.05)


def test_modes_far_apart_have_their_weights() -> None:
    starts = np.random.default_rng(1).uniform(-10, 10, (64, 2))
    box = np.full(2, -10.0), np.full(2, 10.0)
    found = run(bimodal, box=box, starts=starts, multi_modal=True)
    assert found.sampler == "ensemble"
    assert (found.samples[:, 0] < 0).mean() == pytest.approx(0.7, abs=4 * np.sqrt(0.21 / found.ess[0]))
    assert run(bimodal, box=box, sampler="nuts", starts=starts).samples[:, 0].max() < 0


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_chains_go_on_where_they_ended(sampler: Any) -> None:
    first = run(normal, sampler=sampler, max_iter=200, rel_error=1e-3)
    assert (first.stopped, first.num_iterations) == ("max_iter", 200)
    second = run(normal, sampler=sampler, max_iter=200, rel_error=1e-3, append=first)
    assert second.num_iterations == 400
    assert first.continuation is not None
    assert second.continuation is not None
    np.testing.assert_array_equal(second.continuation.chains[:, :200], first.continuation.chains)
    again = run(normal, sampler=sampler, max_iter=200, rel_error=1e-3)
    np.testing.assert_array_equal(again.samples, first.samples)


def test_the_box_is_cut_around_the_highest_point() -> None:
    found = run(normal, sampler="ensemble", max_sigma_dist=1.5)
    reach = np.abs(found.samples - MEAN) / np.sqrt(np.diag(COVARIANCE))
    assert 1.4 < reach.max() < 1.51


def test_a_density_without_gradient_is_sampled_by_the_ensemble() -> None:
    found = run_mcmc(
        LogDensity(value=lambda points: normal(points)[0]),
        np.zeros((1, 2)),
        *WIDE,
        generator=np.random.default_rng(0),
    )
    assert found.sampler == "ensemble"
    np.testing.assert_allclose(found.medians, MEAN, atol=0.03)


def test_new_numbers_compile_nothing() -> None:
    run(normal, sampler="nuts", max_iter=50)
    before = host_program(2).block.compilations
    run(banana, 1, sampler="nuts", max_iter=50)
    assert host_program(2).block.compilations == before


def test_an_error_in_the_density_comes_out_as_it_is() -> None:
    calls = []

    def failing(points: Array) -> tuple[Array, Array]:
        calls.append(len(points))
        if len(calls) > 100:
            raise KeyError("no such file")
        return normal(points)

    with pytest.raises(KeyError, match="no such file"):
        run(failing, sampler="nuts", rel_error=1e-3)


@pytest.mark.slow
def test_a_jax_program_gives_the_same_law() -> None:
    inverse = np.linalg.inv(COVARIANCE)
    found = run_mcmc(
        LogDensity(program=lambda point: -0.5 * (point - MEAN) @ inverse @ (point - MEAN)),
        np.zeros((1, 2)),
        *WIDE,
        generator=np.random.default_rng(0),
    )
    assert found.sampler == "nuts"
    widths = np.sqrt(np.diag(COVARIANCE))
    assert near(found, MEAN + stats.norm.ppf([0.16, 0.5, 0.84])[:, None] * widths)


def test_results_are_plain_data_and_can_be_mapped() -> None:
    found = run(normal, sampler="ensemble", names=["a", "b"])
    doubled = found.mapped(lambda samples: 2 * samples + 1)
    np.testing.assert_allclose(doubled.medians, 2 * found.medians + 1)
    np.testing.assert_allclose(doubled.lower_uncertainty, 2 * found.lower_uncertainty)
    np.testing.assert_allclose(found.interval(0.68)[1] - found.medians, found.upper_uncertainty)
    json.dumps(found.to_dict())
    thinned = run(normal, sampler="ensemble", thin_chains=True)
    assert thinned.thin == np.ceil(thinned.tau.max())


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")  # of ArviZ at its import
def test_the_draws_go_to_arviz() -> None:
    arviz = pytest.importorskip("arviz")
    found = run(normal, sampler="ensemble", names=["a", "b"])
    data = found.to_arviz()
    assert data.posterior["a"].shape == found.chains.shape[:2]
    summary = arviz.summary(data)
    np.testing.assert_allclose(summary["mean"], MEAN, atol=0.03)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"num_walkers": 5, "sampler": "ensemble"}, "must be even and at least 6 for 2 parameters, got 5"),
        ({"multi_modal": True, "sampler": "nuts"}, "multi_modal needs the sampler 'ensemble'"),
        ({"sampler": "gibbs"}, "sampler must be 'nuts' or 'ensemble', got 'gibbs'"),
        ({"max_iter": 0}, "max_iter of run_mcmc must be positive, got 0"),
        ({"max_sigma_dist": 0}, "max_sigma_dist must be positive"),
        ({"names": ["a"]}, "one name for each of 2 parameters, got 1"),
        ({"starts": np.full((1, 2), 99.0)}, "must lie in the box"),
        ({"box": (np.zeros(1), np.ones(1))}, "as many lower ends"),
    ],
)
def test_wrong_use_is_refused(settings: dict[str, Any], match: str) -> None:
    with pytest.raises(UsageError, match=match):
        run(normal, **settings)


def test_other_chains_are_not_continued() -> None:
    found = run(normal, sampler="ensemble", max_iter=50)
    with pytest.raises(UsageError, match="the same names, sampler and number of walkers"):
        run(normal, sampler="ensemble", names=["a", "b"], append=found)
    with pytest.raises(UsageError, match="mapped to other coordinates"):
        run(normal, sampler="ensemble", append=found.mapped(np.exp))
    with pytest.raises(UsageError, match="must give that shape"):
        found.mapped(lambda samples: samples[:, 0])


def test_a_start_outside_the_support_is_an_error() -> None:
    def nowhere(points: Array) -> tuple[Array, Array]:
        return np.full(len(points), -np.inf), np.zeros_like(points)

    with pytest.raises(NumericalError, match="finite at one of the 1 starts"):
        run(nowhere)
    with pytest.raises(UsageError, match="needs a value, a value_gradient or a program"):
        LogDensity()


@pytest.mark.parametrize(("library", "sampler"), [("emcee", "ensemble"), ("blackjax", "nuts")])
def test_a_missing_library_is_named_with_its_cure(
    library: str, sampler: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    host_program.cache_clear()
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'assay\[mcmc\]'"):
        run(normal, sampler=sampler)
    host_program.cache_clear()


def test_many_walkers_go_on_until_each_has_gone_far() -> None:
    normal = LogDensity(value=lambda x: -0.5 * (((x - 1.0) / 0.1) ** 2).sum(axis=1))
    found = run_mcmc(
        normal,
        np.full((1, 2), 0.9),
        np.zeros(2),
        np.full(2, 2.0),
        num_walkers=128,
        rel_error=0.2,
        generator=np.random.default_rng(0),
    )
    # 25 draws would do, and 128 walkers bring more in a few steps; but nobody knows yet how far they have gone
    assert found.stopped == "rel_error"
    assert found.ess.min() > 10 * 128
