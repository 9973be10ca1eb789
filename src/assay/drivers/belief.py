"""What the active-learning driver believes after a history, and what can be asked of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, final

import numpy as np

from assay.drivers.deriving import Derivation
from assay.drivers.models import Model, Models
from assay.errors import UsageError
from assay.numerics.coordinates import Coordinates
from assay.numerics.feasibility import FeasibleSet
from assay.quantities.quantity import Quantity
from assay.surrogates.abstract import AbstractPosterior
from assay.surrogates.averaged_gaussian_process import AveragedGaussianProcess
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.transformed import TransformedSurrogate, mapped

__all__ = ["INVERSE_TEMPERATURE", "Belief", "ObjectType", "Selection", "averaged_posteriors"]

Array = np.ndarray
ObjectType = Literal["objective", "variable", "surrogate"]

# With more rows than this the hyperparameters are known well enough, and averaging over them would cost too much.
AVERAGED_ROWS = 500
# Rows that a search has chosen crowd where it looked, and few functions are as rough there as elsewhere: with 1, 95 %
# intervals at fresh points of the coating cover 87 %. Smooth functions are covered more often than stated as it is, and
# a smaller number would overdo it (benchmarks/README.md).
INVERSE_TEMPERATURE = 0.5


@final
@dataclass(frozen=True)
class Selection:
    """A quantity, or some of its outputs.

    Arguments:
        quantity: the random vector.
        columns: which of its outputs.
        names: one for each of those.
    """

    quantity: Quantity
    columns: Array
    names: tuple[str, ...]

    def mean_variance(self, points: Array) -> tuple[Array, Array]:
        """(points, columns) each."""
        mean, variance = self.quantity.mean_variance(points)
        return mean[:, self.columns], variance[:, self.columns]

    def mean_variance_gradient(self, points: Array) -> tuple[Array, Array, Array, Array]:
        """The same with gradients (points, columns, dimension)."""
        mean, variance, by_mean, by_variance = (
            part[:, self.columns] for part in self.quantity.mean_variance_gradient(points)
        )
        return mean, variance, by_mean, by_variance


@final
@dataclass(frozen=True)
class Belief:
    """The models of a history, and all quantities that follow.

    Arguments:
        derivation: the variables and the driver's settings.
        models: of the surrogates.
        posteriors: of the surrogates, by name: what people read.
        feasible: the constraints.
        points: (looks, dimension), where evaluations succeeded, in unit coordinates.
        observed: (looks,), the objective there: measured where it could be, else expected.
        averages: the posteriors that an objective is about while parameters stray; None where none does.
    """

    derivation: Derivation
    models: Models
    posteriors: Mapping[str, AbstractPosterior]
    feasible: FeasibleSet
    points: Array
    observed: Array
    averages: Mapping[str, AbstractPosterior] | None = None

    @property
    def coordinates(self) -> Coordinates:
        """Of the space."""
        return self.derivation.coordinates

    @cached_property
    def graph(self) -> Any:
        """All surrogates and variables."""
        return self.derivation.graph(self.posteriors)

    @property
    def posterior(self) -> AbstractPosterior:
        """That of the surrogate which the objective reads first."""
        return self.posteriors[self.derivation.surrogates_of(self.derivation.objective_names[0])[0]]

    @property
    def column(self) -> int:
        """The output of `posterior` that the objective selects; 0 where it derives from several."""
        selected = self.graph.selected(self.derivation.resolve(self.derivation.objective_names[0])[0])
        return 0 if selected is None else int(selected[1][0])

    def select(self, object_type: ObjectType = "objective", name: str | None = None) -> Selection:
        """What is meant by a kind of object and a name; an objective is about averages while parameters stray.

        Raises:
            UsageError: for an unknown kind or name.
        """
        if object_type not in ("objective", "variable", "surrogate"):
            raise UsageError(
                f"object_type must be 'objective', 'variable' or 'surrogate', got {object_type!r}"
            )
        if object_type == "objective":
            names = self.derivation.variables_of_objective(name)
        else:
            known = self.derivation.surrogate_names if object_type == "surrogate" else None
            if known is not None and name is not None and name not in known:
                raise UsageError(f"the surrogates are {', '.join(known)}, got {name!r}")
            names = [name if name is not None or known is None else known[0]]
        owners = [
            (item, None) if object_type == "surrogate" and item is not None else self.derivation.resolve(item)
            for item in names
        ]
        if len({owner for owner, _ in owners}) > 1:
            raise UsageError(
                f"objective {name!r} is about several variables ({', '.join(map(str, names))}); ask for each by "
                "object_type='variable'"
            )
        graph = self.graph
        if object_type == "objective" and self.averages is not None:
            graph = self.derivation.graph(self.averages)
        quantity = Quantity(graph, owners[0][0])
        outputs = quantity.output_names
        columns = [
            place for _, column in owners for place in (range(len(outputs)) if column is None else [column])
        ]
        return Selection(quantity, np.array(columns), tuple(outputs[place] for place in columns))

    def encode(self, points: Any) -> Array:
        """Points as unit coordinates: mappings from name to value, or rows of values of the parameters that vary.

        Raises:
            UsageError: when a value is missing.
        """
        if hasattr(points, "to_dict"):  # a pandas table
            points = points.to_dict("records")
        rows = [
            row
            if isinstance(row, Mapping)
            else dict(zip((column.name for column in self.coordinates.columns), row, strict=True))
            for row in points
        ]
        return self.coordinates.encode(rows)

    def predict(
        self,
        points: Any,
        object_type: ObjectType = "objective",
        name: str | None = None,
        output_type: Literal["mean_var", "quantiles", "samples"] = "mean_var",
        quantiles: Sequence[float] = (0.16, 0.5, 0.84),
        num_samples: int = 100,
        seed: int = 0,
    ) -> dict[str, Array]:
        """What a quantity is believed to be at points.

        Arguments:
            points: mappings from name to value, of the design and of a variable environment; or rows of values.
            object_type, name: what is asked about; none given: the objective.
            output_type: "mean_var", "quantiles" or "samples".
            quantiles: probabilities, between 0 and 1.
            num_samples: the number of samples.
            seed: of the samples.

        Returns:
            `mean` (points, outputs) and `variance`: (points, outputs, outputs) where the outputs are jointly Gaussian
            and several, else (points, outputs); or `quantiles` (quantiles, points, outputs); or `samples`
            (samples, points, outputs), joint over the outputs of a point.

        Raises:
            UsageError: for an unknown name or type, or a point without a value.
        """
        selection = self.select(object_type, name)
        units, columns = self.encode(points), selection.columns
        match output_type:
            case "mean_var":
                if selection.quantity.is_gaussian and len(columns) > 1:
                    mean, covariance = selection.quantity.mean_covariance(units)
                    return {
                        "mean": mean[:, columns],
                        "variance": covariance[:, columns][:, :, columns],
                    }
                mean, variance = selection.mean_variance(units)
                return {"mean": mean, "variance": variance}
            case "quantiles":
                probabilities = np.asarray(quantiles, dtype=float)
                if not ((probabilities > 0) & (probabilities < 1)).all():
                    raise UsageError(f"quantiles must lie between 0 and 1, got {list(quantiles)!r}")
                return {"quantiles": selection.quantity.quantiles(units, probabilities)[:, :, columns]}
            case "samples":
                normal = np.random.default_rng(seed).standard_normal(
                    (num_samples, selection.quantity.normal_dimension)
                )
                return {"samples": selection.quantity.draw(units, normal)[:, :, columns]}
            case _:
                raise UsageError(
                    f"output_type must be 'mean_var', 'quantiles' or 'samples', got {output_type!r}"
                )


def averaged_posteriors(models: Models) -> dict[str, AbstractPosterior]:
    """The posteriors that people read: those of Gaussian processes averaged over what is unknown of their hyperparameters."""
    return {name: _averaged(model) for name, model in models.by_name.items()}


def _averaged(model: Model) -> AbstractPosterior:
    recipe, data, state = model.recipe, model.data, model.fitted.state
    inner = recipe.recipe if isinstance(recipe, TransformedSurrogate) else recipe
    if (
        not isinstance(inner, GaussianProcess)
        or len(data) > AVERAGED_ROWS
        or inner.is_separate(data)
        or inner.held_length_scales
    ):
        return model.fitted.posterior
    averaged = AveragedGaussianProcess(inner, inverse_temperature=INVERSE_TEMPERATURE)
    if isinstance(recipe, TransformedSurrogate):
        spread = averaged.spread(mapped(recipe.seen, data), state)
        return replace(recipe, recipe=averaged).posterior(data, spread)
    return averaged.posterior(data, averaged.spread(data, state))
