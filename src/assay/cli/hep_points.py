"""What `assay hep` says of all signal points of a patch set, from a few mapped calls."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from pathlib import Path
from typing import Any

from assay.cli.hep_arguments import SignalPoints, Statistic
from assay.cli.hep_output import end, print_json, print_lines, write_picture
from assay.cli.hep_tables import point_lines, points_data
from assay.cli.progress import working
from assay.errors import NumericalError, UsageError

__all__ = ["cls_of_points", "limits_of_points"]


def cls_of_points(
    points: SignalPoints, value: float, tested: float, statistic: Statistic, toys: int, as_json: bool
) -> None:
    """CLs of each signal point, in mapped calls."""
    from assay.hep.batch import hypothesis_tests

    if toys:
        raise UsageError(
            f"--toys must come with --patch, since they test one signal point, got {toys} without"
        )
    with working(f"testing {len(points.names)} signal points"):
        found = hypothesis_tests(points.models, value, statistic=statistic.value)
    rows = [(test.cls, test.expected, test.status) for test in found]
    name = statistic.quantity
    if as_json:
        about = {"value": tested, "test_statistic": statistic.value}
        print_json({"points": points_data(points, name, rows), **about})
    else:
        print_lines(point_lines(points, f"{name} of {points.interest} = {tested:g}", rows))
    _end_all(points, [status for *_, status in rows])


def limits_of_points(
    points: SignalPoints, level: float, statistic: Statistic, as_json: bool, plot: Path | None
) -> None:
    """Limits of each signal point, in mapped calls."""
    if plot is not None:
        from assay.plots.hep_points import varying_labels

        varying_labels(points.values, points.labels)  # refuses now what could not be drawn later
    with working(f"looking for limits of {len(points.names)} signal points"):
        rows = _all_limits(points, level, statistic)
    if plot is not None:
        from assay.plots.hep_points import limits_over_points

        observed, expected, _ = zip(*rows, strict=True)
        figure = limits_over_points(
            points.values, observed, expected, labels=points.labels, interest=points.interest
        )
        write_picture(figure, plot)
    if as_json:
        about = {"level": level, "test_statistic": statistic.value}
        print_json({"points": points_data(points, "observed", rows), **about})
    else:
        print_lines(point_lines(points, f"limit on {points.interest}", rows))
    _end_all(points, [status for *_, status in rows])


def _all_limits(points: SignalPoints, level: float, statistic: Statistic) -> list[tuple[float, Any, str]]:
    """Observed and expected limits with what there is to say of each point; one without a limit does not stop the others."""
    from assay.hep.batch import CHUNK, many_upper_limits

    def found(models: Sequence[Any]) -> list[Any]:
        return many_upper_limits(models, level=level, statistic=statistic.value)

    try:
        return [(limits.observed, limits.expected, "") for limits in found(points.models)]
    except NumericalError:  # of one point, and the mapped call does not say which
        rows = []
    copies = min(len(points.models), CHUNK)  # calls of the size for which the program is compiled
    for model in points.models:
        try:
            limits = found([model] * copies)[0]
            rows.append((limits.observed, limits.expected, ""))
        except NumericalError as error:
            rows.append((nan, (nan,) * 5, str(error)))
    return rows


def _end_all(points: SignalPoints, states: list[str]) -> None:
    named = [
        f"signal point {name!r}: {status}"
        for name, status in zip(points.names, states, strict=True)
        if status
    ]
    end("\nassay: ".join(named))
