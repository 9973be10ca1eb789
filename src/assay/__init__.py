"""assay: learn, explore and optimise expensive scientific models with few evaluations.

Importing this loads no third-party library: the names below are resolved when they are first used.
"""

# pyright: reportUnsupportedDunderAll=false
from __future__ import annotations

from importlib import import_module
from typing import Any

from assay.version import __version__

_HOME = {
    "create_parameters": "assay.study.exploration.parameters",
    "create_study": "assay.study.study",
    "open_study": "assay.study.study",
    "Study": "assay.study.study",
    "Exploration": "assay.study.exploration.exploration",
    "Observation": "assay.records",
    "Suggestion": "assay.records",
    "Outcome": "assay.records",
    "Continuous": "assay.space.parameters",
    "Integer": "assay.space.parameters",
    "Discrete": "assay.space.parameters",
    "Categorical": "assay.space.parameters",
    "Fixed": "assay.space.parameters",
    "Constraint": "assay.space.constraints",
    "AssayError": "assay.errors",
}

__all__ = [
    "AssayError",
    "Categorical",
    "Constraint",
    "Continuous",
    "Discrete",
    "Exploration",
    "Fixed",
    "Integer",
    "Observation",
    "Outcome",
    "Study",
    "Suggestion",
    "__version__",
    "create_parameters",
    "create_study",
    "open_study",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'assay' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
