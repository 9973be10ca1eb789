"""The models of all surrogates after some data: fitted where new rows pay for it, else as they were."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from assay.drivers.overriding import Held
from assay.drivers.recipes import recipes
from assay.numerics.coordinates import Coordinates
from assay.numerics.input_maps import FormulaMap
from assay.surrogates.abstract import AbstractPosterior, AbstractSurrogate, Fitted
from assay.surrogates.configuration import GP, SurrogateEntry
from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.gaussian_process_posterior import GaussianProcessPosterior
from assay.surrogates.thinning import latest, sparsified

__all__ = ["Model", "Models", "fit_models", "fit_or_keep"]

Generators = Callable[[str], np.random.Generator]

# So many rows before a fit, and any number of rows is enough for a new one.
FIT_ANYWAY = -(10**9)


@final
@dataclass(frozen=True)
class Model:
    """One surrogate after data.

    Arguments:
        recipe: that its posterior was made by.
        data: that it has seen.
        fitted: the posterior with its state.
        kept: what the next fit starts from; plain data.
    """

    recipe: AbstractSurrogate
    data: Dataset
    fitted: Fitted[AbstractPosterior]
    kept: Mapping[str, Any]


@final
@dataclass(frozen=True)
class Models:
    """All of them, by the names of the surrogates."""

    by_name: Mapping[str, Model]

    @property
    def posteriors(self) -> dict[str, AbstractPosterior]:
        """The posterior of each."""
        return {name: model.fitted.posterior for name, model in self.by_name.items()}

    @property
    def info(self) -> dict[str, Any]:
        """What a person wants to see of each fit."""
        return {name: dict(model.fitted.info) for name, model in self.by_name.items()}

    def of_rows(self, counts: Mapping[str, int]) -> Models:
        """The same, some as if they had been fitted to so many rows, by name: from there the next fit is counted."""
        counted = {name: {**self.by_name[name].kept, "rows": count} for name, count in counts.items()}
        return Models(
            {name: replace(model, kept=counted.get(name, model.kept)) for name, model in self.by_name.items()}
        )

    def state(self, before: Mapping[str, Any], warpings: Mapping[str, str]) -> dict[str, Any]:
        """What the next suggestion starts from: by surrogate and warping, the others as they were before."""
        return {
            name: {**before.get(name, {}), warpings[name]: dict(model.kept)}
            for name, model in self.by_name.items()
        }


def fit_models(
    entries: Mapping[str, SurrogateEntry],
    datasets: Mapping[str, Dataset],
    coordinates: Coordinates,
    deterministic: bool | None,
    warpings: Mapping[str, str],
    kept: Mapping[str, Any],
    generators: Generators,
    transformations: Mapping[str, FormulaMap],
    *,
    first_only: bool = False,
    held: Mapping[str, Held] | None = None,
    refit: Collection[str] = (),
) -> Models:
    """Fit, or keep, every surrogate.

    Arguments:
        entries: their configuration, by name.
        datasets: what each learns from, by name.
        coordinates: of the space.
        deterministic: what the driver was told.
        warpings: the warping of each, by name.
        kept: what earlier fits left, by name and warping.
        generators: purpose to generator.
        transformations: what the surrogates see, by the name of the transformation.
        first_only: take the first recipe of each surrogate instead of the one that the data choose.
        held: hyperparameters that are held, by name of the surrogate.
        refit: names of surrogates that are fitted, whether it pays or not.
    """
    models = {}
    for name, entry in entries.items():
        candidates = recipes(entry, coordinates, deterministic, warpings[name], transformations)
        own = (held or {}).get(name, Held())
        candidates = {kernel: own.of_recipe(recipe) for kernel, recipe in candidates.items()}
        data = own.of_data(latest(datasets[name], entry.horizon))
        before = kept.get(name, {}).get(warpings[name])
        if first_only:
            first = next(iter(candidates))
            candidates = {first: candidates[first]}
            before = None if before is None or first not in before["states"] else {**before, "kernel": first}
        if before is not None and (name in refit or before.get("held") != own.key):
            before = {**before, "rows": FIT_ANYWAY}
        # The first surrogate's purpose has no name in it, so that a study of one draws as it always did.
        purpose = "fit" if len(entries) == 1 else f"fit {name}"
        model = fit_or_keep(candidates, entry, data, before, generators(purpose))
        if own.key is not None:
            model = replace(model, kept={**model.kept, "held": own.key})
        models[name] = _sparse(model, entry)
    return Models(models)


def fit_or_keep(
    candidates: Mapping[str, AbstractSurrogate],
    entry: SurrogateEntry,
    data: Dataset,
    kept: Mapping[str, Any] | None,
    generator: np.random.Generator,
) -> Model:
    """Fit the hyperparameters when enough rows are new, else keep them.

    Of several recipes, by kernel, the one of the greatest posterior density is taken. Whether to fit depends on
    numbers of rows alone, so that a replay decides the same.
    """
    if kept is not None and not _pays(entry, len(data), kept["rows"]):
        recipe = candidates[kept["kernel"]]
        state = kept["states"][kept["kernel"]]
        return Model(recipe, data, Fitted(recipe.posterior(data, state), state, {}), dict(kept))
    before = {} if kept is None else kept["states"]
    fits = {name: recipe.fit(data, before.get(name), generator) for name, recipe in candidates.items()}
    best = next(iter(fits))
    if len(fits) > 1:
        best = max(fits, key=lambda name: fits[name].info["log_posterior"])
    states = {name: dict(fitted.state) for name, fitted in fits.items()}
    return Model(candidates[best], data, fits[best], {"rows": len(data), "kernel": best, "states": states})


def _sparse(model: Model, entry: SurrogateEntry) -> Model:
    """The model without rows that stand closer to others than `min_dist` length scales; the fit has seen them all."""
    recipe, posterior = model.recipe, model.fitted.posterior
    if not isinstance(entry, GP) or not entry.min_dist or not isinstance(recipe, GaussianProcess):
        return model
    assert isinstance(posterior, GaussianProcessPosterior)
    data = sparsified(model.data, posterior.length_scales, entry.min_dist, recipe.categories)
    kept = Fitted(recipe.posterior(data, model.fitted.state), model.fitted.state, model.fitted.info)
    return replace(model, data=data, fitted=kept)


def _pays(entry: SurrogateEntry, rows: int, fitted_rows: int) -> bool:
    """Whether so many rows are enough for a new fit after one to fewer."""
    if not isinstance(entry, GP):
        return rows != fitted_rows
    wanted = math.ceil(entry.optimization_level * rows)
    interval = min(max(wanted, entry.min_optimization_interval), entry.max_optimization_interval)
    return rows - fitted_rows >= interval and fitted_rows < entry.optimization_step_max
