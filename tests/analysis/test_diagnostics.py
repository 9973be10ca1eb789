"""R-hat and the effective sample size against closed forms and against ArviZ; and the map out of a box."""

from __future__ import annotations

import numpy as np
import pytest

from assay.analysis.diagnostics import effective_sample_size, r_hat, tail_effective_sample_size
from assay.analysis.unconstrained import Unconstrained
from assay.errors import UsageError

Array = np.ndarray


def autoregressive(correlation: float, shape: tuple[int, int], seed: int = 0) -> Array:
    """Stationary normal chains whose neighbouring draws have this correlation."""
    generator = np.random.default_rng(seed)
    chains = np.empty((*shape, 1))
    chains[:, 0] = generator.standard_normal((shape[0], 1))
    for step in range(1, shape[1]):
        noise = np.sqrt(1 - correlation**2) * generator.standard_normal((shape[0], 1))
        chains[:, step] = correlation * chains[:, step - 1] + noise
    return chains


@pytest.mark.parametrize("correlation", [-0.4, 0.0, 0.5, 0.9])
def test_the_autocorrelation_time_of_an_autoregressive_process(correlation: float) -> None:
    chains = autoregressive(correlation, (8, 20_000))
    tau = 160_000 / effective_sample_size(chains)[0]
    assert tau == pytest.approx((1 + correlation) / (1 - correlation), rel=0.06)


def test_both_are_those_of_arviz() -> None:
    arviz = pytest.importorskip("arviz")
    chains = np.concatenate([autoregressive(0.7, (5, 301)), autoregressive(0.2, (5, 301), 1) ** 3], axis=2)
    for index in range(2):
        column = chains[:, :, index]
        assert r_hat(chains)[index] == pytest.approx(float(arviz.rhat(column)), rel=1e-10)
        # ArviZ adds the first half of the pair at which the sum ends.
        assert effective_sample_size(chains)[index] == pytest.approx(float(arviz.ess(column)), rel=0.01)
        theirs = float(arviz.ess(column, method="tail"))
        assert tail_effective_sample_size(chains)[index] == pytest.approx(theirs, rel=0.03)


def test_neither_changes_under_a_rising_map() -> None:
    chains = autoregressive(0.5, (4, 400))
    assert r_hat(np.exp(chains))[0] == pytest.approx(r_hat(chains)[0], abs=0.01)
    assert effective_sample_size(np.exp(chains))[0] == pytest.approx(
        effective_sample_size(chains)[0], rel=1e-12
    )


def test_chains_apart_and_chains_of_other_widths_are_found_out() -> None:
    chains = autoregressive(0.0, (4, 500))
    scale = np.array([1, 1, 1, 4.0])[:, None, None]
    assert r_hat(chains)[0] < 1.01
    assert r_hat(chains + scale)[0] > 1.1
    assert r_hat(chains * scale)[0] > 1.1


def test_a_parameter_that_does_not_move_has_neither() -> None:
    assert np.isnan(r_hat(np.zeros((2, 50, 1)))).all()
    assert np.isnan(effective_sample_size(np.zeros((2, 50, 1)))).all()
    with pytest.raises(UsageError, match="at least 8 draws"):
        r_hat(np.zeros((2, 7, 1)))


BOX = Unconstrained(np.array([-1.0, 2.0, -np.inf, -np.inf]), np.array([3.0, np.inf, 5.0, np.inf]))


def test_the_map_out_of_a_box_and_back() -> None:
    y = np.random.default_rng(0).normal(scale=3, size=(50, 4))
    x = BOX.inside(y)
    assert ((x > BOX.lower) & (x < BOX.upper)).all()
    np.testing.assert_allclose(BOX.inside(BOX.outside(x)), x, rtol=1e-13, atol=1e-13)
    # Further out a side of the box is so near that a point has lost the digits that tell how far.
    near = np.clip(y, -3.0, 3.0)
    np.testing.assert_allclose(BOX.outside(BOX.inside(near)), near, rtol=1e-9, atol=1e-9)
    step = 1e-5
    difference = (BOX.inside(near + step) - BOX.inside(near - step)) / (2 * step)
    np.testing.assert_allclose(difference, BOX.slopes(near)[0], rtol=1e-7)
    slope, bend = BOX.slopes(y)
    by_difference = (BOX.log_volume(y + step) - BOX.log_volume(y - step)) / (2 * step)
    np.testing.assert_allclose(by_difference, bend, atol=1e-6)
    volume = BOX.log_volume(y) + np.log([4.0 / np.sqrt(2 * np.pi), 1, 1, 1])
    np.testing.assert_allclose(np.exp(volume), slope, rtol=1e-9)


def test_the_map_is_finite_far_out_and_on_the_sides() -> None:
    assert np.isfinite(BOX.inside(np.full((1, 4), 1e4))).all()
    assert np.isfinite(BOX.outside(np.array([[-1.0, 2.0, 5.0, 0.0], [3.0, 2.0, 5.0, 0.0]]))).all()
