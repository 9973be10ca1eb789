"""Many models of one structure in one mapped call: the signal points of a patch set, the steps of a study."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np

from assay.hep.asymptotic import Statistic, Tested, asymptotic_test, check_interest
from assay.hep.build import build_model
from assay.hep.hypothesis import HypothesisTest, check_test, plain_tests
from assay.hep.layout import Layout
from assay.hep.limits import UpperLimits, check_limit, plain_limits, six_limits
from assay.hep.model import Model
from assay.hep.patches import PatchSet
from assay.hep.workspace import Workspace
from assay.numerics.compile import jax_module
from assay.numerics.implicit_root import Root
from assay.numerics.packing import PackedFunction

__all__ = ["hypothesis_tests", "many_upper_limits", "signal_models"]

jax = jax_module()

Result = TypeVar("Result")

LEAVES = tuple(field.name for field in fields(Model) if field.name != "layout")
CHUNK = 50  # models in one call: more of them wait longer for the slowest


def _tests(models: Model, value: Any, statistic: Statistic) -> Tested:
    return jax.vmap(lambda model: asymptotic_test(model, model.observed_data(), value, statistic))(models)


def _limits(models: Model, level: Any, statistic: Statistic) -> Root:
    return jax.vmap(lambda model: six_limits(model, None, level, statistic))(models)


_test_program = PackedFunction(_tests, static=(2,))
_limit_program = PackedFunction(_limits, static=(2,))


def hypothesis_tests(
    models: Sequence[Model], value: float = 1.0, *, statistic: Statistic = "q_tilde"
) -> list[HypothesisTest]:
    """Test a value of the parameter of interest in each of many models.

    Use it for the signal points of a patch set. Models of one structure (the same bins, parameters and modifiers,
    whatever the samples are called) go through one mapped program, with other numbers; nothing is compiled for a new
    point. Otherwise as `hypothesis_test`, for the observed data of each model.

    Arguments:
        models: from `build_model` or `signal_models`.

    Example:
        >>> from assay.hep.build import build_model
        >>> from assay.hep.simple import uncorrelated_background
        >>> points = [[6.0, 5.0], [12.0, 11.0]]
        >>> models = [
        ...     build_model(uncorrelated_background(signal, [50.0, 52.0], [3.0, 7.0], [51.0, 48.0]))
        ...     for signal in points
        ... ]
        >>> [round(tested.cls, 6) for tested in hypothesis_tests(models)]
        [0.334263, 0.052516]
    """
    for model in models:
        check_test(model, statistic, [value])
    return _mapped(
        models,
        lambda some: _test_program(some, float(value), statistic),
        lambda members, parts: plain_tests(members, Tested(*parts), [value] * len(members), statistic),
    )


def many_upper_limits(
    models: Sequence[Model], *, level: float = 0.05, statistic: Statistic = "q_tilde"
) -> list[UpperLimits]:
    """The upper limits of each of many models, as `upper_limits` finds them; see `hypothesis_tests`.

    Raises:
        NumericalError: when nothing bounds the parameter of interest of one of them.
    """
    check_limit(statistic, level)
    for model in models:
        check_interest(model, statistic)
    return _mapped(
        models,
        lambda some: _limit_program(some, float(level), statistic),
        lambda members, parts: [
            plain_limits(model, Root(*row), level)
            for model, row in zip(members, zip(*parts, strict=True), strict=True)
        ],
    )


def signal_models(
    patches: PatchSet, workspace: Workspace, names: Sequence[str] | None = None, **options: Any
) -> list[Model]:
    """The models of the signal points of a patch set.

    Arguments:
        workspace: of the background.
        names: of the signal points; all of them where they are left out.
        options: of `build_model`, the same for all.

    Raises:
        UsageError: for a name that the patch set does not have.
    """
    chosen = patches.names if names is None else names
    return [build_model(patches.apply(workspace, name), **options) for name in chosen]


def _mapped(
    models: Sequence[Model],
    call: Callable[[Model], Any],
    plain: Callable[[Sequence[Model], list[np.ndarray]], list[Result]],
) -> list[Result]:
    """What a mapped program says of each model, in their order; `plain` puts what it says of some into words."""
    alike: dict[Layout, list[int]] = {}
    for index, model in enumerate(models):
        alike.setdefault(model.layout.unnamed, []).append(index)
    results: dict[int, Result] = {}
    for layout, members in alike.items():
        for first in range(0, len(members), CHUNK):
            chosen = members[first : first + CHUNK]
            # The last call is filled up, so that it has the shape of the others.
            size = min(CHUNK, len(members))
            filled = [models[index] for index in [*chosen, *[chosen[-1]] * (size - len(chosen))]]
            leaves = {name: np.stack([getattr(model, name) for model in filled]) for name in LEAVES}
            parts = [
                np.asarray(part)[: len(chosen)] for part in call(replace(filled[0], layout=layout, **leaves))
            ]
            found = plain(filled[: len(chosen)], parts)
            results.update(zip(chosen, found, strict=True))
    return [results[index] for index in range(len(models))]
