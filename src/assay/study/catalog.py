"""The one registry: names to import paths, as text, so that nothing is imported before it is used.

Third parties add to it by entry points in the group `assay.drivers`, `assay.executors` or `assay.stores`.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from assay.errors import ConfigurationError
from assay.space.schema import shown

__all__ = ["load", "names"]

_BUILT_IN: dict[str, dict[str, str]] = {
    "drivers": {
        "ActiveLearning": "assay.drivers.active_learning:ActiveLearning",
        "AdaptiveSampling": "assay.drivers.exploration:AdaptiveSampling",
        "BayesianLeastSquares": "assay.drivers.presets:BayesianLeastSquares",
        "BayesianOptimization": "assay.drivers.presets:BayesianOptimization",
        "BayesianReconstruction": "assay.drivers.presets:BayesianReconstruction",
        "CMAES": "assay.drivers.evolution_strategy:CMAES",
        "DifferentialEvolution": "assay.drivers.differential_evolution:DifferentialEvolution",
        "HyperactiveLearning": "assay.atoms.campaign.driver:HyperactiveLearning",
        "LawSearch": "assay.drivers.law_search:LawSearch",
        "RandomSearch": "assay.drivers.random_search:RandomSearch",
        "ScipyLeastSquares": "assay.drivers.scipy_least_squares:ScipyLeastSquares",
        "ScipyMinimizer": "assay.drivers.scipy_minimizer:ScipyMinimizer",
    },
    "executors": {
        "dask": "assay.executors.distributed:DaskExecutor",
        "serial": "assay.executors.serial:SerialExecutor",
        "local": "assay.executors.local:LocalExecutor",
    },
    "plots": {  # of an exploration: this row is below the pictures
        "gp_slices": "assay.plots.gp_slices:plot_gp",
        "response": "assay.plots.response:plot_response",
        "samples": "assay.plots.samples:plot_samples",
    },
}


def names(group: str) -> list[str]:
    """Everything registered in a group, built in or by entry points."""
    return sorted(
        {*_BUILT_IN.get(group, {}), *(point.name for point in entry_points(group=f"assay.{group}"))}
    )


def load(group: str, name: str) -> Any:
    """The object registered under that name.

    Raises:
        ConfigurationError: when nothing is.
    """
    path = _BUILT_IN.get(group, {}).get(name)
    if path is not None:
        module, _, attribute = path.partition(":")
        return getattr(import_module(module), attribute)
    for point in entry_points(group=f"assay.{group}"):
        if point.name == name:
            return point.load()
    known = ", ".join(names(group))
    raise ConfigurationError(f"there is no {group.removesuffix('s')} named {shown(name)}; known are {known}")
