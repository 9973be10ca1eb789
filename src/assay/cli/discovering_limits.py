"""What `assay discover` may find, and how hard it looks: the options that are limits, as keywords of `discover`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from assay.cli.composing import made_by
from assay.errors import UsageError

__all__ = ["of_limits"]

Constraints = Annotated[
    str | None,
    typer.Option(
        help="The most nodes of each argument of an operator, such as 'sin=5, ^=-1:2'; -1 for any; commas between."
    ),
]
NestedConstraints = Annotated[
    str | None,
    typer.Option(help="How often an operator may stand inside another, such as 'sin(cos)=0, exp(exp)=0'."),
]
NESTED = re.compile(r"(?P<outer>[^\s()]+)\s*\(\s*(?P<inner>[^\s()]+)\s*\)\s*=\s*(?P<most>-?\d+)")


def _limits(
    maxsize: Annotated[int, typer.Option(min=1, help="The most nodes of an equation.")] = 50,
    maxdepth: Annotated[
        int | None, typer.Option(min=1, help="The most levels of an equation; left out: any.")
    ] = None,
    constraints: Constraints = None,
    nested_constraints: NestedConstraints = None,
    parsimony: Annotated[
        float,
        typer.Option(min=0.0, help="By how much the logarithm of the loss must fall for each further node."),
    ] = 0.0032,
    dimensionless_constants: Annotated[
        bool, typer.Option("--dimensionless-constants", help="No constant may have a unit.")
    ] = False,
    select_k_features: Annotated[
        int | None, typer.Option(min=1, help="Search only so many columns, those that matter most.")
    ] = None,
    denoise: Annotated[
        bool, typer.Option("--denoise", help="Take the mean of a Gaussian process for the response.")
    ] = False,
    niterations: Annotated[
        int, typer.Option(min=1, help="Generations of each run of symbolic regression.")
    ] = 100,
    populations: Annotated[int, typer.Option(min=1, help="Populations of 16 equations in each run.")] = 32,
    seeds: Annotated[
        int, typer.Option(min=1, help="Runs for each set of operators and form of the response.")
    ] = 2,
    equation_file: Annotated[
        Path | None, typer.Option(help="Keep the laws found so far in this .csv file.")
    ] = None,
) -> dict[str, Any]:
    """The options as keywords of `discover`."""
    return {
        "maxsize": maxsize,
        "maxdepth": maxdepth,
        "constraints": None if constraints is None else _sizes(constraints),
        "nested_constraints": None if nested_constraints is None else _nested(nested_constraints),
        "parsimony": parsimony,
        "dimensional_constants": not dimensionless_constants,
        "select_k_features": select_k_features,
        "denoise": denoise,
        "niterations": niterations,
        "populations": populations,
        "seeds": seeds,
        "equation_file": equation_file,
    }


def of_limits(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose first argument, keywords of `discover`, is made of the limits, which it takes instead."""
    return made_by(_limits, command)


def _sizes(text: str) -> dict[str, tuple[int, ...]]:
    """The most nodes of arguments.

    Example:
        >>> _sizes("sin=5, ^ = -1:2")
        {'sin': (5,), '^': (-1, 2)}
    """
    pairs = [entry.partition("=") for entry in text.split(",")]
    try:
        return {name.strip(): tuple(map(int, value.split(":"))) for name, _, value in pairs}
    except ValueError:
        raise UsageError(
            f"--constraints must be like 'sin=5, ^=-1:2', a whole number for each argument of an operator, got {text!r}"
        ) from None


def _nested(text: str) -> dict[str, dict[str, int]]:
    """How often operators may stand inside others.

    Example:
        >>> _nested("sin(cos)=0, sin(sin)=0, exp(exp) = 1")
        {'sin': {'cos': 0, 'sin': 0}, 'exp': {'exp': 1}}
    """
    nested: dict[str, dict[str, int]] = {}
    for entry in text.split(","):
        found = NESTED.fullmatch(entry.strip())
        if found is None:
            raise UsageError(f"--nested-constraints must be like 'sin(cos)=0, exp(exp)=0', got {text!r}")
        nested.setdefault(found["outer"], {})[found["inner"]] = int(found["most"])
    return nested
