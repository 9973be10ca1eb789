"""The methods by name, imported when they are asked for: the peers are a benchmark-only extra."""

from __future__ import annotations

from importlib import import_module

from assay.testing.problems import Problem
from benchmarks.methods.abstract import AbstractMethod

__all__ = ["METHODS", "build_method"]

METHODS = {
    "assay": ("benchmarks.methods.assay_method", "AssayMethod"),
    "botorch": ("benchmarks.methods.botorch_method", "BotorchMethod"),
    "optuna_gp": ("benchmarks.methods.optuna_method", "OptunaMethod"),
    "random": ("benchmarks.methods.random_method", "RandomMethod"),
}


def build_method(name: str, problem: Problem, seed: int) -> AbstractMethod:
    """A fresh run of that method on that problem."""
    module, attribute = METHODS[name]
    return getattr(import_module(module), attribute)(problem, seed)
