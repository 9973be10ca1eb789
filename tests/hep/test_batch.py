"""Many models in one mapped call give what each gives alone, and compile once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from assay.errors import UsageError
from assay.hep import batch, hypothesis
from assay.hep.batch import hypothesis_tests, many_upper_limits, signal_models
from assay.hep.build import build_model
from assay.hep.hypothesis import hypothesis_test
from assay.hep.limits import upper_limits
from assay.hep.patches import PatchSet
from assay.hep.simple import workspace

BACKGROUND = {"background": ([50.0, 52.0], [("shapesys", "uncertainty", [3.0, 7.0])])}


def _whole(signal, name="signal"):
    return workspace({"SR": {name: (signal, [("normfactor", "mu")]), **BACKGROUND}}, {"SR": [51.0, 48.0]})


def _patches(count=7):
    """Signal points as they are published: each replaces the sample by one of another name."""
    generator = np.random.default_rng(100)
    patches = []
    for index in range(count):
        point = _whole(generator.uniform(4.0, 12.0, 2).tolist(), f"signal_{index}")
        channel = point.to_data()["channels"][0]
        patches.append(
            {
                "metadata": {"name": f"m{index}", "values": [index]},
                "patch": [{"op": "replace", "path": "/channels/0", "value": channel}],
            }
        )
    about = {"digests": {}, "labels": ["mass"]}
    return PatchSet.from_data({"metadata": about, "patches": patches, "version": "1.0.0"})


def test_signal_points_of_a_patch_set_are_tested_as_each_alone(monkeypatch):
    models = signal_models(_patches(), _whole([5.0, 5.0]))
    monkeypatch.setattr(batch, "CHUNK", 3)  # the last call is not full
    together = hypothesis_tests(models)
    before = batch._test_program.compilations
    for model, found in zip(models, together, strict=True):
        alone = hypothesis_test(model)
        assert found.status == ""
        assert found.cls == pytest.approx(alone.cls, rel=1e-10)
        np.testing.assert_allclose(found.expected, alone.expected, rtol=1e-10)
    hypothesis_tests(models[::-1], 2.0)
    assert batch._test_program.compilations == before


def test_models_of_different_structure_keep_their_order():
    one_bin = build_model(workspace({"SR": {"signal": ([5.0], [("normfactor", "mu")])}}, {"SR": [4.0]}))
    models = [build_model(_whole([12.0, 11.0])), one_bin, build_model(_whole([6.0, 5.0]))]
    limits = many_upper_limits(models)
    for model, found in zip(models, limits, strict=True):
        assert found.observed == pytest.approx(upper_limits(model).observed, rel=1e-10)
    assert limits[0].observed < limits[2].observed


def test_a_failed_model_has_its_own_status():
    # More than the largest factor of the background, 10, makes up for.
    models = [build_model(_whole(signal)) for signal in ([5.0, 5.0], [5.0, -600.0])]
    good, bad = hypothesis_tests(models)
    assert good.status == ""
    assert "bin 1 of channel 'SR' expects" in bad.status


def test_wrong_use_is_refused():
    unknown: Any = "r"
    with pytest.raises(UsageError, match="got 'r'"):
        hypothesis_tests([build_model(_whole([5.0, 5.0]))], statistic=unknown)
    with pytest.raises(UsageError, match="between 0 and 1, got 2"):
        many_upper_limits([], level=2.0)
    with pytest.raises(UsageError, match="no patch 'm9'"):
        signal_models(_patches(), _whole([5.0, 5.0]), ["m9"])
    assert hypothesis_tests([]) == []


def test_single_calls_share_a_program_too_whatever_the_samples_are_called():
    first, second = (build_model(_whole([6.0, 5.0], name)) for name in ("signal", "signal_of_1_TeV"))
    found = hypothesis_test(first)
    before = hypothesis._one_program.compilations
    assert hypothesis_test(second).cls == found.cls
    assert hypothesis._one_program.compilations == before
