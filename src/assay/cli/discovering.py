"""`assay discover`: the law behind a table. What it needs is imported where it is used, so that help comes at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, final

import typer

from assay.cli.discovering_limits import of_limits
from assay.errors import UsageError

__all__ = ["discover"]

PICTURES = (".png", ".svg", ".pdf")
STUDIES = (".toml", ".db")


class Language(StrEnum):
    """What the recommended law can be written in."""

    text = "text"
    latex = "latex"
    sympy = "sympy"
    numpy = "numpy"
    jax = "jax"
    c = "c"


Response = Annotated[
    str | None, typer.Option(help="The column to be explained, by name; left out: the last one.")
]
StandardError = Annotated[
    str | None,
    typer.Option(help="The column that holds the standard errors of the response, or a number for all rows."),
]
Ignore = Annotated[
    str | None,
    typer.Option(help="Columns that are not to be in the law, such as 'run, comment'; commas between."),
]
Units = Annotated[
    str | None,
    typer.Option(help="Units of columns, such as 'speed=m/s, length=mm'; those not named are plain numbers."),
]
Features = Annotated[
    str | None,
    typer.Option(help="What else may be in the law, such as 'solid=1 - porosity'; commas between."),
]
Binary = Annotated[str | None, typer.Option(help="The binary operators, such as '+ *'; left out: + - * / ^.")]
Unary = Annotated[
    str | None,
    typer.Option(help="The functions, such as 'exp sin'; '' for none; left out: the usual ones."),
]
Own = Annotated[
    list[str] | None, typer.Option(help="An own operator, such as 'f(x, y) = x^2*y'; may be given again.")
]
TimeBudget = Annotated[float | None, typer.Option(help="Seconds, after which what was found is shown.")]
As = Annotated[
    Language | None,
    typer.Option(
        "--as",
        help="Print only the recommended law, in this language; source code is for the units of the table.",
    ),
]
Plot = Annotated[
    Path | None,
    typer.Option(help="Draw the front, the law beside the data and what it leaves over into this file."),
]


@of_limits
def discover(
    permitted: dict[str, Any],
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA.csv",
            help="A table with names in its first line; or what was observed: the folder of an exploration, a study file, a store.",
        ),
    ],
    response: Response = None,
    standard_error: StandardError = None,
    ignore: Ignore = None,
    units: Units = None,
    features: Features = None,
    binary: Binary = None,
    unary: Unary = None,
    own: Own = None,
    engines: Annotated[
        str, typer.Option(help="Of deterministic, operon and pysr, in their order.")
    ] = "deterministic operon",
    time_budget: TimeBudget = None,
    seed: Annotated[int, typer.Option(help="Of all chance.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    language: As = None,
    plot: Plot = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Do not say what is done.")] = False,
) -> None:
    """Look for the equation behind a table: every law that no other is both simpler and better than, and which to take.

    \b
        assay discover pendulum.csv --units "length=m, gravity=m/s^2, period=s"
        assay discover data.csv --response drag --standard-error drag_error --ignore "run, comment"
        assay discover data.csv --unary "exp log" --maxdepth 5 --nested-constraints "exp(exp)=0" --time-budget 60
        assay discover data.csv --as c > law.h
        assay discover model.exploration --response period
    """
    from assay.discovery.discover import discover as found_in
    from assay.discovery.operators import BINARY_OPERATORS, UNARY_OPERATORS

    if plot is not None and plot.suffix not in PICTURES:
        raise UsageError(f"the output of a picture must end in {', '.join(PICTURES)}, got {plot}")
    table = _Table.of(data, response).without(ignore).with_standard_error(standard_error)
    given = _pairs(units, "units")
    laws = found_in(
        table.columns,
        table.response,
        standard_error=table.standard_error,
        units=None if given is None else {**table.units, **given},
        extra_features=_pairs(features, "features"),
        binary_operators=[*(BINARY_OPERATORS if binary is None else binary.split()), *(own or ())],
        unary_operators=UNARY_OPERATORS if unary is None else unary.split(),
        engines=engines.replace(",", " ").split(),
        time_budget=time_budget,
        seed=seed,
        progress=False if quiet else lambda line: typer.echo(line, err=True),
        **permitted,
    )
    if plot is not None:
        _draw(plot, laws, table.columns)
    if as_json:
        typer.echo(json.dumps(laws.to_data(), indent=1, allow_nan=False))
    elif language is not None:
        law = laws.recommended
        typer.echo(law.equation if language is Language.text else str(getattr(law, language.value)))
    else:
        typer.echo(_report(laws))


@final
@dataclass(frozen=True)
class _Table:
    """What a law is looked for in.

    Arguments:
        columns: by name.
        response: the name of its column.
        standard_error: of the response; None where unknown.
        units: that parameters came with.
    """

    columns: dict[str, Any]
    response: str
    standard_error: Any = None
    units: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def of(place: Path, response: str | None) -> _Table:
        """From a CSV file, or from what a study observed."""
        if not place.is_dir() and place.suffix not in STUDIES:
            from assay.discovery.data import columns_of

            columns = columns_of(place)
            return _Table(columns, list(columns)[-1] if response is None else response)
        from assay.cli.target import open_target
        from assay.study.exploration.files import STORE
        from assay.study.laws import columns_of_study

        study = open_target(str(place / STORE if place.is_dir() else place), None)
        columns, name, errors = columns_of_study(study, response)
        known = (*study.space.design, *study.space.environment)
        units = {one.name: one.unit for one in known if one.name in columns and one.unit}
        return _Table(columns, name, errors, units)

    def without(self, ignore: str | None) -> _Table:
        """Without the columns of a list with commas."""
        left_out = [] if ignore is None else [name.strip() for name in ignore.split(",")]
        for name in left_out:
            if name not in self.columns:
                raise UsageError(f"--ignore must name columns of {sorted(self.columns)}, got {name!r}")
        kept = {name: values for name, values in self.columns.items() if name not in left_out}
        units = {name: unit for name, unit in self.units.items() if name in kept}
        return replace(self, columns=kept, units=units)

    def with_standard_error(self, text: str | None) -> _Table:
        """With a column, which leaves the table, or a number as the standard error."""
        if text is None:
            return self
        if text in self.columns:
            return replace(self.without(text), standard_error=self.columns[text])
        try:
            return replace(self, standard_error=float(text))
        except ValueError:
            raise UsageError(
                f"--standard-error must be a number or one of the columns {sorted(self.columns)}, got {text!r}"
            ) from None


def _pairs(text: str | None, owner: str) -> dict[str, str] | None:
    """`a=x, b=y` as a mapping.

    Example:
        >>> _pairs("rho=kg/m^3, v = m/s", "units")
        {'rho': 'kg/m^3', 'v': 'm/s'}
    """
    if text is None:
        return None
    pairs = [entry.partition("=") for entry in text.split(",")]
    if not all(name.strip() and sign and value.strip() for name, sign, value in pairs):
        raise UsageError(f"--{owner} must be like 'a=..., b=...', got {text!r}")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _report(laws: Any) -> str:
    """The table, the recommended law, its constants, and the groups with a name."""
    from assay.discovery.printing import rounded
    from assay.space.expressions import Expression, parse

    law = laws.recommended
    lines = [str(laws), "", f"recommended: {law}"]
    for constant in law.constants:
        unit = "" if constant.unit in (None, "1") else f" {constant.unit}"
        width = constant.interval(0.95)[1] - constant.value
        certainty = f"+- {width:.2g} (95 %)" if constant.standard_error else "held"
        lines.append(f"  {constant.value:.10g}{unit}  {certainty}")
    reach = law.ranges_of_data.items()
    lines.append("fitted in " + ", ".join(f"{name} {low:.5g} to {high:.5g}" for name, (low, high) in reach))
    if laws.units:
        lines.append("in " + ", ".join(f"{name} [{unit}]" for name, unit in laws.units.items()))
        given = Expression(rounded(parse(law.in_units_of_data, None).tree)).text
        if given != law.equation:
            lines.append(f"in the units of the table: {law.response_name} = {given}")
    if laws.replicate_error is not None:
        lines.append(f"rows with equal inputs scatter by {laws.replicate_error:.3g}, a standard deviation")
    named = [f"{group.name} {_product(group.exponents)}" for group in laws.groups if group.name]
    if named:
        lines.append(f"groups: {', '.join(named)}")
    return "\n".join(lines)


def _product(exponents: Mapping[str, float]) -> str:
    """A product of powers as text.

    Example:
        >>> _product({"rho": 1.0, "v": 1.0, "d": 1.0, "mu": -1.0})
        'rho*v*d/mu'
    """

    def powers(sign: int) -> str:
        some = {name: abs(power) for name, power in exponents.items() if sign * power > 0}
        return "*".join(name if power == 1 else f"{name}^{power:g}" for name, power in some.items())

    above, below = powers(1) or "1", powers(-1)
    return f"{above}/({below})" if "*" in below else f"{above}/{below}" if below else above


def _draw(place: Path, laws: Any, table: dict[str, Any]) -> None:
    from assay.cli.target import writing
    from assay.plots import laws as pictures
    from assay.plots.style import new_figure

    figure = new_figure(13.0, 4.2)
    panels = figure.subplots(1, 3)
    pictures.pareto(laws, ax=panels[0])
    pictures.parity(laws.recommended, table, ax=panels[1])
    pictures.residuals(laws.recommended, table, ax=panels[2])
    with writing(place):
        figure.savefig(place)
