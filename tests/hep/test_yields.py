"""Yields before and after a fit, against what is known without any program."""

from __future__ import annotations

import numpy as np
import pytest
from tests.hep.references import model, workspaces

from assay.errors import UsageError
from assay.hep.build import build_model
from assay.hep.fit import fit
from assay.hep.simple import correlated_background, uncorrelated_background
from assay.hep.yields import expected_yields
from assay.numerics.compile import CompiledFunction, jax_module


def test_one_bin_with_a_free_signal_expects_its_count_with_its_root():
    """The strength takes up what the background does, so that the sum is as well known as the count is."""
    counted = build_model(uncorrelated_background([12.0], [50.0], [3.0], [60.0]))
    before, after = expected_yields(counted), expected_yields(counted, fit(counted))
    assert before.bins.tolist() == [62.0]
    assert before.std == pytest.approx([3.0], rel=1e-12)
    assert after.bins == pytest.approx([60.0], rel=1e-9)
    assert after.std == pytest.approx([np.sqrt(60.0)], rel=1e-9)
    assert after.samples["singlechannel"]["background"] == pytest.approx([50.0], rel=1e-9)


def test_bins_that_move_together_add_up_before_they_are_squared():
    together = build_model(
        correlated_background([1.0, 1.0], [50.0, 60.0], [55.0, 70.0], [45.0, 50.0], [50.0, 60.0])
    )
    before = expected_yields(together)
    assert before.std == pytest.approx([5.0, 10.0], rel=1e-12)
    assert before.totals_std == pytest.approx([15.0], rel=1e-12)
    apart = build_model(uncorrelated_background([1.0, 1.0], [50.0, 60.0], [5.0, 10.0], [50.0, 60.0]))
    assert expected_yields(apart).totals_std == pytest.approx([np.hypot(5.0, 10.0)], rel=1e-12)


def test_channels_and_samples_add_up_to_the_model():
    all_modifiers = model("kitchen_sink_all_modifiers")
    found = fit(all_modifiers)
    after = expected_yields(all_modifiers, found)
    names = [channel.name for channel in workspaces()["kitchen_sink_all_modifiers"].channels]
    assert sorted(after.samples) == sorted(names)
    for place, (channel, _) in enumerate(after.channels):
        inside = after.bins[after.of(channel)]
        np.testing.assert_allclose(sum(after.samples[channel].values()), inside, rtol=1e-12)
        assert after.totals[place] == pytest.approx(inside.sum(), rel=1e-12)
    with pytest.raises(UsageError, match="no channel 'SX'; there are "):
        after.of("SX")


def test_the_uncertainty_is_the_spread_of_yields_over_the_fitted_parameters():
    """Parameters drawn with a hundredth of their covariance, so that the model is linear among them."""
    all_modifiers = model("kitchen_sink_all_modifiers")
    found = fit(all_modifiers)
    after = expected_yields(all_modifiers, found)
    generator = np.random.default_rng(0)
    draws = generator.multivariate_normal(found.values, found.covariance * 1e-4, size=4000)
    many = CompiledFunction(lambda points: jax_module().vmap(all_modifiers.expected_main)(points))
    yields = np.asarray(many(draws))
    np.testing.assert_allclose(yields.std(axis=0) * 100, after.std, rtol=0.05)
