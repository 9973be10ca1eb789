"""`assay hep`: fits, CLs, limits, scans and impacts of a workspace file. JAX is imported when a command runs."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from math import isfinite
from pathlib import Path
from typing import Annotated, Any

import typer

from assay.errors import UsageError

__all__ = ["app"]

HELP = """Fit, test and limit a workspace of HistFactory, as pyhf writes it in JSON.

\b
    assay hep fit workspace.json --plot yields.png     every parameter with its uncertainty, and the yields
    assay hep cls workspace.json --value 1             CLs, observed and expected
    assay hep limit workspace.json --json              upper limits at 95 %
    assay hep scan workspace.json --plot band.png      CLs over the parameter of interest
    assay hep impacts workspace.json --plot pulls.png  what moves the result most
    assay hep limit background.json --patchset signals.json --patch m500

The first call compiles a program for the layout of the workspace, in seconds; it is kept for later calls.
"""

PICTURES = (".png", ".svg", ".pdf")
SCAN_POINTS = 41

app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)


class Test(StrEnum):
    """The test statistics."""

    q_tilde = "q_tilde"
    q = "q"
    q0 = "q0"
    t_tilde = "t_tilde"
    t = "t"


# Tests of two sides have no CLs; theirs is the p-value.
NUMBERS = {Test.q_tilde: "CLs", Test.q: "CLs", Test.q0: "p0", Test.t_tilde: "p", Test.t: "p"}
ONE_SIDED = {Test.q_tilde: Test.q_tilde, Test.q: Test.q, Test.t_tilde: Test.q_tilde, Test.t: Test.q}


def _checked_picture(plot: Path | None) -> Path | None:
    if plot is not None and plot.suffix not in PICTURES:
        raise UsageError(f"the output of a picture must end in {', '.join(PICTURES)}, got {plot}")
    return plot


Workspace = Annotated[
    Path, typer.Argument(metavar="WORKSPACE.json", help="A workspace in pyhf's JSON format.")
]
Measurement = Annotated[str | None, typer.Option(help="By name; left out: the first one.")]
Interest = Annotated[str | None, typer.Option(help="Another parameter of interest than the measurement's.")]
PatchFile = Annotated[
    Path | None, typer.Option("--patchset", help="Signal points, in pyhf's patch set format.")
]
Patch = Annotated[str | None, typer.Option(help="The signal point, by name; needs --patchset.")]
Json = Annotated[bool, typer.Option("--json", help="Print everything as JSON.")]
Plot = Annotated[
    Path | None,
    typer.Option(help="Draw a picture into this .png, .svg or .pdf file.", callback=_checked_picture),
]
Value = Annotated[float, typer.Option(help="Of the parameter of interest, that is tested.")]
Level = Annotated[float, typer.Option(help="The CLs at which a value is excluded.")]


def _model(
    workspace: Workspace,
    measurement: Measurement = None,
    interest: Interest = None,
    patchset: PatchFile = None,
    patch: Patch = None,
) -> Any:
    """The model of the arguments that all commands share."""
    from assay.hep.build import build_model
    from assay.hep.patches import PatchSet
    from assay.hep.plain_json import read_json
    from assay.hep.workspace import Workspace as Whole

    if (patchset is None) != (patch is None):
        raise UsageError(
            "--patchset and --patch belong together: the file of signal points, and the name of one"
        )
    whole = Whole.read(workspace)
    if patchset is not None and patch is not None:
        patches = PatchSet.read(patchset)
        patches.verify(read_json(workspace, "a workspace"))
        whole = patches.apply(whole, patch)
    return build_model(whole, measurement=measurement, interest=interest)


def _of_model(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose first argument, the model, is made of the arguments of `_model`, which it takes instead."""
    place, *shared = inspect.signature(_model, eval_str=True).parameters.values()
    signature = inspect.signature(command, eval_str=True)
    own = list(signature.parameters.values())[1:]

    @wraps(command)
    def whole(**given: Any) -> None:
        command(_model(**{part.name: given.pop(part.name) for part in (place, *shared)}), **given)

    vars(whole)["__signature__"] = signature.replace(parameters=[place, *own, *shared])
    return whole


@app.command()
@_of_model
def fit(
    model: Any,
    as_json: Json = False,
    plot: Plot = None,
) -> None:
    """Print every parameter with its uncertainty and its pull, the yields, and how well the model fits."""
    import numpy as np

    from assay.cli.hep_tables import parameter_lines, yield_lines, yields_data
    from assay.hep.fit import fit as fitted
    from assay.hep.yields import expected_yields

    found = fitted(model)
    observed = np.asarray(model.observed)
    yields = expected_yields(model), expected_yields(model, found)
    if plot is not None:
        from assay.plots.hep import fitted_yields

        _write(fitted_yields(*yields, observed), plot)
    if as_json:
        keys = ("name", "value", "uncertainty", "pull", "constraint", "is_held")
        rows = zip(
            found.names, found.values, found.uncertainties, found.pulls, found.constraints, found.is_held, strict=True
        )  # fmt: skip
        _print_json(
            {
                "parameters": [dict(zip(keys, row, strict=True)) for row in rows],
                "correlation": found.correlation,
                "yields": yields_data(*yields, observed),
                "twice_nll": found.twice_nll,
                "goodness": found.goodness,
                "degrees_of_freedom": found.degrees_of_freedom,
                "p_value": found.p_value,
                "status": found.status,
            }
        )
        return
    chance = f", p-value {found.p_value:.3g}" if isfinite(found.p_value) else ""
    for line in [*parameter_lines(found), "", *yield_lines(*yields, observed), ""]:
        typer.echo(line)
    typer.echo(
        f"-2 log L {found.twice_nll:.8g}; goodness of fit {found.goodness:.4g} for {found.degrees_of_freedom} "
        f"degrees of freedom{chance}"
    )
    _warn(found.status)


@app.command()
@_of_model
def cls(
    model: Any,
    value: Value = 1.0,
    statistic: Annotated[
        Test, typer.Option(help="q_tilde and q for limits, q0 for a discovery, t_tilde and t for two sides.")
    ] = Test.q_tilde,
    toys: Annotated[
        int, typer.Option(help="Simulated experiments instead of asymptotic formulas; 0: none.")
    ] = 0,
    seed: Annotated[int, typer.Option(help="Of the simulated experiments.")] = 0,
    as_json: Json = False,
) -> None:
    """Test one value of the parameter of interest: CLs observed and expected, or p0."""
    from assay.cli.hep_tables import band_lines

    tested = 0.0 if statistic is Test.q0 else value
    if toys:
        found = _with_toys(model, value, statistic.value, toys, seed)
        error, status = found.cls_std, f"{found.failed} fits failed" if found.failed else ""
    else:
        from assay.hep.hypothesis import hypothesis_test

        found = hypothesis_test(model, value, statistic=statistic.value)
        error, status = None, found.status
    name = NUMBERS[statistic]
    if as_json:
        _print_json(
            {
                name: found.cls,
                "standard_error": error,
                "expected": found.expected,
                "statistic": found.observed,
                "value": tested,
                "status": status,
            }
        )
        return
    significance = (
        f", {found.observed**0.5:.3g}σ" if name == "p0" and not toys and found.observed >= 0 else ""
    )
    typer.echo(
        f"{name} {found.cls:.8g}{'' if error is None else f' ± {error:.2g}'} of {_interest(model)} = {tested:g}{significance}"
    )
    for line in band_lines(found.expected):
        typer.echo(line)
    _warn(status)


@app.command()
@_of_model
def limit(
    model: Any,
    level: Level = 0.05,
    statistic: Annotated[
        Test,
        typer.Option(
            help="q_tilde, or q where the parameter of interest may be negative.", metavar="[q_tilde|q]"
        ),
    ] = Test.q_tilde,
    as_json: Json = False,
) -> None:
    """Print the observed and the expected upper limits on the parameter of interest."""
    from assay.cli.hep_tables import band_lines
    from assay.hep.limits import upper_limits

    if ONE_SIDED.get(statistic) is not statistic:
        raise UsageError(
            f"--statistic of `assay hep limit` must be q_tilde or q, since an upper limit is where CLs falls to a level, "
            f"got {statistic}; `assay hep scan` and `assay hep cls` have the others"
        )
    found = upper_limits(model, level=level, statistic=statistic.value)
    if as_json:
        _print_json(
            {
                "observed": found.observed,
                "expected": found.expected,
                "level": level,
                "statistic": statistic.value,
            }
        )
        return
    typer.echo(f"{_interest(model)} < {found.observed:.8g} observed, at a CLs of {level:g}")
    for line in band_lines(found.expected):
        typer.echo(line)


@app.command()
@_of_model
def scan(
    model: Any,
    low: Annotated[
        float | None,
        typer.Option(
            help="The first value; left out: 0, with t as far below the best fit as the last lies above it."
        ),
    ] = None,
    high: Annotated[
        float | None, typer.Option(help="The last one; left out: beyond the highest limit.")
    ] = None,
    points: Annotated[int, typer.Option(min=2, help="How many values.")] = SCAN_POINTS,
    level: Level = 0.05,
    statistic: Annotated[
        Test,
        typer.Option(
            help="q_tilde and q for CLs, t_tilde and t for p of two sides.", metavar="[q_tilde|q|t_tilde|t]"
        ),
    ] = Test.q_tilde,
    as_json: Json = False,
    plot: Plot = None,
) -> None:
    """Print CLs, or p of two sides, over values of the parameter of interest, and draw it with what is expected."""
    import numpy as np

    from assay.cli.hep_tables import scan_lines
    from assay.hep.hypothesis import hypothesis_scan

    if statistic is Test.q0:
        raise UsageError(
            "--statistic of `assay hep scan` must be one that tests any value, of q_tilde, q, t_tilde and t, got q0, which "
            "tests 0 alone; use `assay hep cls --statistic q0`"
        )
    begin, end = _range(model, statistic, low, high, level)
    found = hypothesis_scan(model, np.linspace(begin, end, points).tolist(), statistic=statistic.value)
    name = NUMBERS[statistic]
    if plot is not None:
        _write(_scan_picture(found, name, level, _interest(model)), plot)
    status = next((test.status for test in found if test.status), "")
    if as_json:
        rows = [{"value": test.value, name: test.cls, "expected": test.expected} for test in found]
        _print_json({"scan": rows, "statistic": statistic.value, "best": found[0].best, "status": status})
        return
    for line in scan_lines(found, _interest(model), name):
        typer.echo(line)
    _warn(status)


def _range(
    model: Any, statistic: Test, low: float | None, high: float | None, level: float
) -> tuple[float, float]:
    """The first and the last value of a scan, where they are not given."""
    from assay.hep.asymptotic import lower_bounds
    from assay.hep.fit import fit as fitted
    from assay.hep.limits import upper_limits

    place = model.layout.interest
    if high is None:
        one_sided = ONE_SIDED[statistic]
        tail = level if one_sided is statistic else level / 2  # of each side
        limits = upper_limits(model, level=tail, statistic=one_sided.value)
        high = 1.1 * max(limits.observed, *limits.expected.tolist())
    if low is None:
        low = float(lower_bounds(model, "q_tilde")[place])
        if statistic is Test.t:
            low = max(float(model.layout.lower[place]), 2 * float(fitted(model).values[place]) - high)
    if not low < high:
        raise UsageError(f"the first value of a scan must lie below the last one, got {low:g} and {high:g}")
    return low, high


def _scan_picture(found: Any, quantity: str, level: float, interest: str) -> Any:
    import numpy as np

    from assay.plots.hep import brazil_band, p_value_scan
    from assay.plots.style import new_figure

    figure = new_figure()
    values, observed = [test.value for test in found], [test.cls for test in found]
    expected = np.array([test.expected for test in found])
    drawn = brazil_band if quantity == "CLs" else p_value_scan
    drawn(values, observed, expected, level=level, name=interest, ax=figure.subplots())
    return figure


@app.command()
@_of_model
def impacts(
    model: Any,
    as_json: Json = False,
    plot: Plot = None,
) -> None:
    """Print how much each nuisance parameter moves the parameter of interest, the largest first."""
    from assay.cli.hep_tables import or_dash
    from assay.hep.fit import impacts as moved

    found = moved(model)
    if plot is not None:
        from assay.plots.hep import pulls_and_impacts

        figure = pulls_and_impacts(
            found.names, found.pulls, found.constraints, found.up, found.down, interest=_interest(model)
        )
        _write(figure, plot)
    rows = list(zip(found.names, found.up, found.down, found.pulls, found.constraints, strict=True))
    if as_json:
        keys = ("name", "up", "down", "pull", "constraint")
        _print_json(
            {
                "impacts": [dict(zip(keys, row, strict=True)) for row in rows],
                "status": found.status,
            }
        )
        return
    width = max(len(name) for name in found.names)
    typer.echo(f"{'parameter':{width}}  {'up':>10} {'down':>10} {'pull':>8} {'constraint':>10}")
    for name, up, down, *rest in rows:
        pull, constraint = (or_dash(number) for number in rest)
        typer.echo(f"{name:{width}}  {up:10.4g} {down:10.4g} {pull:>8} {constraint:>10}")
    _warn(found.status)


def _with_toys(model: Any, value: float, statistic: Any, toys: int, seed: int) -> Any:
    """A test by simulated experiments, with a bar on a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    from assay.hep.toys import toy_test

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("simulated experiments", total=2 * toys)
        return toy_test(
            model, value, toys=toys, seed=seed, statistic=statistic,
            progress=lambda done, _: bar.update(task, completed=done),
        )  # fmt: skip


def _interest(model: Any) -> str:
    from assay.hep.parameters import parameter_names

    return parameter_names(model.layout.sets)[model.layout.interest]


def _write(figure: Any, plot: Path) -> None:
    from assay.cli.target import writing

    with writing(plot):
        figure.savefig(plot)


def _plain(value: Any) -> Any:
    """A number, a word or a truth for JSON; what is no number is null."""
    if isinstance(value, str):
        return value
    number = value.item() if hasattr(value, "item") else value
    return None if isinstance(number, float) and not isfinite(number) else number


def _print_json(data: Any) -> None:
    typer.echo(json.dumps(_all_plain(data), indent=1, allow_nan=False))


def _all_plain(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _all_plain(value) for key, value in data.items()}
    if hasattr(data, "tolist"):
        data = data.tolist()
    return [_all_plain(value) for value in data] if isinstance(data, list | tuple) else _plain(data)


def _warn(status: str) -> None:
    if status:
        typer.echo(f"assay: {status}", err=True)
