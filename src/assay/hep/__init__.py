"""Differentiable inference for high-energy physics: a collider analysis as one program with exact gradients.

The names below are resolved when they are first used, so that importing this loads neither JAX nor anything else. The
function `fit` is imported from its file, `assay.hep.fit`, whose name it shares.
"""

# pyright: reportUnsupportedDunderAll=false
from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "Data": "assay.hep.model",
    "Fit": "assay.hep.fit",
    "HypothesisTest": "assay.hep.hypothesis",
    "Impacts": "assay.hep.fit",
    "Model": "assay.hep.model",
    "PatchSet": "assay.hep.patches",
    "ToyTest": "assay.hep.toys",
    "UpperLimits": "assay.hep.limits",
    "Workspace": "assay.hep.workspace",
    "Yields": "assay.hep.yields",
    "asymptotic_limit": "assay.hep.limits",
    "asymptotic_test": "assay.hep.asymptotic",
    "build_model": "assay.hep.build",
    "correlated_background": "assay.hep.simple",
    "expected_yields": "assay.hep.yields",
    "hypothesis_scan": "assay.hep.hypothesis",
    "hypothesis_test": "assay.hep.hypothesis",
    "hypothesis_tests": "assay.hep.batch",
    "impacts": "assay.hep.fit",
    "many_upper_limits": "assay.hep.batch",
    "maximum_likelihood": "assay.hep.likelihood",
    "signal_models": "assay.hep.batch",
    "toy_test": "assay.hep.toys",
    "uncorrelated_background": "assay.hep.simple",
    "upper_limits": "assay.hep.limits",
    "with_observed": "assay.hep.templates",
    "with_templates": "assay.hep.templates",
}

__all__ = [
    "Data",
    "Fit",
    "HypothesisTest",
    "Impacts",
    "Model",
    "PatchSet",
    "ToyTest",
    "UpperLimits",
    "Workspace",
    "Yields",
    "asymptotic_limit",
    "asymptotic_test",
    "build_model",
    "correlated_background",
    "expected_yields",
    "hypothesis_scan",
    "hypothesis_test",
    "hypothesis_tests",
    "impacts",
    "many_upper_limits",
    "maximum_likelihood",
    "signal_models",
    "toy_test",
    "uncorrelated_background",
    "upper_limits",
    "with_observed",
    "with_templates",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'assay.hep' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
