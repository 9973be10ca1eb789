"""`assay hep`: fits, CLs, limits, scans and impacts of a workspace file. JAX is imported when a command runs."""

from __future__ import annotations

from math import isfinite
from typing import Annotated, Any

import typer

from assay.cli.hep_arguments import (
    Json,
    Level,
    Measurement,
    PatchFile,
    Plot,
    SignalPoints,
    Statistic,
    Value,
    Workspace,
    interest_of,
    of_model,
    of_signal_points,
)
from assay.cli.hep_output import end, print_json, print_lines, write_picture
from assay.errors import UsageError

__all__ = ["app"]

HELP = """Fit, test and limit a workspace of HistFactory, as pyhf writes it in JSON.

\b
    assay hep show workspace.json                      what it holds: channels, samples, parameters, measurements
    assay hep fit workspace.json --plot yields.png     every parameter with its uncertainty, and the yields
    assay hep cls workspace.json --value 1             CLs, observed and expected
    assay hep limit workspace.json --json              upper limits at 95 %
    assay hep scan workspace.json --plot band.png      CLs over the parameter of interest
    assay hep impacts workspace.json --plot pulls.png  what moves the result most
    assay hep limit background.json --patchset signals.json --patch m500
    assay hep limit background.json --patchset signals.json --plot limits.png

The first call compiles a program for the layout of the workspace, in seconds; it is kept for later calls.
"""

SCAN_POINTS = 41

app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)


def _of_limits(statistic: Statistic) -> Statistic:
    if statistic is Statistic.q0 or statistic.of_limits is not statistic:
        raise UsageError(
            f"--statistic of `assay hep limit` must be q_tilde or q, since an upper limit is where CLs falls to a level, "
            f"got {statistic}; `assay hep scan` and `assay hep cls` have others"
        )
    return statistic


def _of_scans(statistic: Statistic) -> Statistic:
    if statistic is Statistic.q0:
        raise UsageError(
            "--statistic of `assay hep scan` must be one that tests any value, of q_tilde, q, t_tilde and t, got q0, which "
            "tests 0 alone; use `assay hep cls --statistic q0`"
        )
    return statistic


@app.command()
def show(
    workspace: Workspace,
    measurement: Measurement = None,
    patchset: PatchFile = None,
    as_json: Json = False,
) -> None:
    """Print what a workspace holds: its measurements, channels and parameters, and the signal points of a patch set."""
    from assay.cli.hep_show import shown_lines, workspace_data
    from assay.hep.patches import PatchSet
    from assay.hep.workspace import Workspace as Whole

    whole = Whole.read(workspace)
    data = workspace_data(whole, measurement, None if patchset is None else PatchSet.read(patchset))
    if as_json:
        print_json(data)
    else:
        print_lines(shown_lines(data))


@app.command()
@of_model
def fit(
    model: Any,
    channel: Annotated[
        list[str] | None,
        typer.Option(help="Show only this one in the table and the picture; may be given again."),
    ] = None,
    as_json: Json = False,
    plot: Plot = None,
) -> None:
    """Print every parameter with its uncertainty and its pull, the yields, and how well the model fits."""
    import numpy as np

    from assay.cli.hep_tables import parameter_lines, yield_lines, yields_data
    from assay.cli.progress import working
    from assay.hep.fit import fit as fitted
    from assay.hep.yields import expected_yields

    channels = [name for name, _ in model.layout.channels]
    unknown = next((name for name in channel or () if name not in channels), None)
    if unknown is not None:
        raise UsageError(f"--channel must be one of {', '.join(map(repr, channels))}, got {unknown!r}")
    with working("fitting"):
        found = fitted(model)
        yields = expected_yields(model), expected_yields(model, found)
    observed = np.asarray(model.observed)
    if plot is not None:
        from assay.plots.hep import fitted_yields

        write_picture(fitted_yields(*yields, observed, channels=channel or None), plot)
    if as_json:
        keys = ("name", "value", "uncertainty", "pull", "constraint", "is_held")
        rows = zip(
            found.names, found.values, found.uncertainties, found.pulls, found.constraints, found.is_held, strict=True
        )  # fmt: skip
        print_json(
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
    else:
        chance = f", p-value {found.p_value:.3g}" if isfinite(found.p_value) else ""
        print_lines([*parameter_lines(found), "", *yield_lines(*yields, observed, channel or channels), ""])
        typer.echo(
            f"-2 log L {found.twice_nll:.8g}; goodness of fit {found.goodness:.4g} for {found.degrees_of_freedom} "
            f"degrees of freedom{chance}"
        )
    end(found.status)


@app.command()
@of_signal_points
def cls(
    points: SignalPoints,
    value: Value = 1.0,
    statistic: Annotated[
        Statistic,
        typer.Option(help="q_tilde and q for limits, q0 for a discovery, t_tilde and t for two sides."),
    ] = Statistic.q_tilde,
    toys: Annotated[
        int, typer.Option(min=0, help="Simulated experiments instead of asymptotic formulas; 0: none.")
    ] = 0,
    seed: Annotated[int, typer.Option(help="Of the simulated experiments.")] = 0,
    as_json: Json = False,
) -> None:
    """Test one value of the parameter of interest: CLs observed and expected, or p0; of all signal points where none is named."""
    tested = 0.0 if statistic is Statistic.q0 else value
    if points.names:
        from assay.cli.hep_points import cls_of_points

        cls_of_points(points, value, tested, statistic, toys, as_json)
        return
    from assay.cli.hep_tables import band_lines
    from assay.cli.progress import working
    from assay.hep.hypothesis import hypothesis_test

    (model,) = points.models
    if toys:
        found = _with_toys(model, value, statistic.value, toys, seed)
        error, status = found.cls_std, f"{found.failed} fits failed" if found.failed else ""
    else:
        with working("testing"):
            found = hypothesis_test(model, value, statistic=statistic.value)
        error, status = None, found.status
    name = statistic.quantity
    if as_json:
        print_json(
            {
                name: found.cls,
                "standard_error": error,
                "expected": found.expected,
                "statistic": found.observed,
                "test_statistic": statistic.value,
                "value": tested,
                "status": status,
            }
        )
    else:
        is_significance = name == "p0" and not toys and found.observed >= 0
        significance = f", {found.observed**0.5:.3g}σ" if is_significance else ""
        spread = "" if error is None else f" ± {error:.2g}"
        typer.echo(f"{name} {found.cls:.8g}{spread} of {points.interest} = {tested:g}{significance}")
        print_lines(band_lines(found.expected))
    end(status, is_failure=not toys)


@app.command()
@of_signal_points
def limit(
    points: SignalPoints,
    level: Level = 0.05,
    statistic: Annotated[
        Statistic,
        typer.Option(
            help="q_tilde, or q where the parameter of interest may be negative.",
            metavar="[q_tilde|q]",
            callback=_of_limits,
        ),
    ] = Statistic.q_tilde,
    as_json: Json = False,
    plot: Plot = None,
) -> None:
    """Print the observed and the expected upper limits on the parameter of interest; of all signal points where none is named."""
    if points.names:
        from assay.cli.hep_points import limits_of_points

        limits_of_points(points, level, statistic, as_json, plot)
        return
    if plot is not None:
        raise UsageError(
            f"--plot of `assay hep limit` must come with the signal points of --patchset, whose limits it draws, got {plot} "
            "with one model; `assay hep scan` draws CLs of one"
        )
    from assay.cli.hep_tables import band_lines
    from assay.cli.progress import working
    from assay.hep.limits import upper_limits

    with working("looking for limits"):
        found = upper_limits(points.models[0], level=level, statistic=statistic.value)
    if as_json:
        about = {"level": level, "test_statistic": statistic.value}
        print_json({"observed": found.observed, "expected": found.expected, **about})
        return
    typer.echo(f"{points.interest} < {found.observed:.8g} observed, at a CLs of {level:g}")
    print_lines(band_lines(found.expected))


@app.command()
@of_model
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
        Statistic,
        typer.Option(
            help="q_tilde and q for CLs, t_tilde and t for p of two sides.",
            metavar="[q_tilde|q|t_tilde|t]",
            callback=_of_scans,
        ),
    ] = Statistic.q_tilde,
    as_json: Json = False,
    plot: Plot = None,
) -> None:
    """Print CLs, or p of two sides, over values of the parameter of interest, and draw it with what is expected."""
    import numpy as np

    from assay.cli.hep_tables import scan_lines
    from assay.cli.progress import working
    from assay.hep.hypothesis import hypothesis_scan

    first, last = _range(model, statistic, low, high, level)
    with working(f"testing {points} values"):
        found = hypothesis_scan(model, np.linspace(first, last, points).tolist(), statistic=statistic.value)
    name = statistic.quantity
    if plot is not None:
        write_picture(_scan_picture(found, name, level, interest_of(model)), plot)
    failures = (f"at {interest_of(model)} = {test.value:g} {test.status}" for test in found if test.status)
    status = next(failures, "")
    if as_json:
        rows = [{"value": test.value, name: test.cls, "expected": test.expected} for test in found]
        about = {"best": found[0].best, "test_statistic": statistic.value, "status": status}
        print_json({"scan": rows, **about})
    else:
        print_lines(scan_lines(found, interest_of(model), name))
    end(status)


@app.command()
@of_model
def impacts(
    model: Any,
    as_json: Json = False,
    plot: Plot = None,
) -> None:
    """Print how much each nuisance parameter moves the parameter of interest, the largest first."""
    from assay.cli.hep_tables import impact_lines
    from assay.cli.progress import working
    from assay.hep.fit import fit as fitted
    from assay.hep.fit import impacts as moved

    with working("fitting with each parameter held"):
        best, found = fitted(model), moved(model)
    if plot is not None:
        from assay.plots.hep import pulls_and_impacts

        figure = pulls_and_impacts(
            found.names, found.pulls, found.constraints, found.up, found.down, interest=interest_of(model)
        )
        write_picture(figure, plot)
    if as_json:
        keys = ("name", "up", "down", "pull", "constraint")
        rows = zip(found.names, found.up, found.down, found.pulls, found.constraints, strict=True)
        print_json({"impacts": [dict(zip(keys, row, strict=True)) for row in rows], "status": found.status})
    else:
        print_lines(impact_lines(found))
    place = model.layout.interest
    if best.is_held[place]:
        at = f"the best fit of {best.names[place]!r} lies at its bound {best.values[place]:g}"
        end(f"{at}, beyond which no impact is seen; widen its bounds in the measurement", is_failure=False)
    end(found.status)


def _range(
    model: Any, statistic: Statistic, low: float | None, high: float | None, level: float
) -> tuple[float, float]:
    """The first and the last value of a scan, where they are not given."""
    from assay.cli.progress import working
    from assay.hep.asymptotic import lower_bounds
    from assay.hep.fit import fit as fitted
    from assay.hep.limits import upper_limits

    place = model.layout.interest
    if high is None:
        one_sided = statistic.of_limits
        tail = level if one_sided is statistic else level / 2  # of each side
        with working("looking for limits"):
            limits = upper_limits(model, level=tail, statistic=one_sided.value)
        high = 1.1 * max(limits.observed, *limits.expected.tolist())
    if low is None:
        low = float(lower_bounds(model, "q_tilde")[place])
        if statistic is Statistic.t:
            with working("fitting"):
                best = float(fitted(model).values[place])
            low = max(float(model.layout.lower[place]), 2 * best - high)
    if not (isfinite(low) and isfinite(high) and low < high):
        raise UsageError(
            f"the first value of a scan must lie below the last one, and both be finite, got {low:g} and {high:g}"
        )
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


def _with_toys(model: Any, value: float, statistic: Any, toys: int, seed: int) -> Any:
    """A test by simulated experiments, with a bar on a terminal."""
    from assay.cli.progress import counting
    from assay.hep.toys import toy_test

    with counting("simulated experiments", 2 * toys) as count:
        return toy_test(
            model, value, toys=toys, seed=seed, statistic=statistic, progress=lambda done, _: count(done)
        )
