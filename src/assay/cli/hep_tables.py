"""What `assay hep` prints: tables of parameters, yields and expected bands, as lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import floor, isfinite, log10
from typing import Any

from rich.cells import cell_len

__all__ = [
    "BANDS", "band_lines", "column", "impact_lines", "parameter_lines", "point_lines", "points_data", "scan_lines", "yield_lines",
    "yields_data",
]  # fmt: skip

BANDS = ("-2σ", "-1σ", "median", "+1σ", "+2σ")
DIGITS = 6  # that a number may have beside its uncertainty: what lies below is rounding

Row = tuple[float, Iterable[float], str]


def parameter_lines(found: Any) -> list[str]:
    """The parameters of a `Fit`."""
    names = column("parameter", found.names)
    lines = [f"{next(names)}  {'value':>12} {'uncertainty':>12} {'pull':>8} {'constraint':>10}"]
    for name, value, std, held, *rest in zip(
        names, found.values, found.uncertainties, found.is_held, found.pulls, found.constraints, strict=True
    ):  # fmt: skip
        spread = "held" if held else format(std, ".4g")
        pull, constraint = (_or_dash(number) for number in rest)
        lines.append(f"{name}  {_beside(value, std):12.6g} {spread:>12} {pull:>8} {constraint:>10}")
    return lines


def impact_lines(found: Any) -> list[str]:
    """The `Impacts` of all nuisance parameters."""
    names = column("parameter", found.names)
    lines = [f"{next(names)}  {'up':>10} {'down':>10} {'pull':>8} {'constraint':>10}"]
    largest = max(map(abs, (*found.up, *found.down)))
    for name, up, down, *rest in zip(
        names, found.up, found.down, found.pulls, found.constraints, strict=True
    ):
        pull, constraint = (_or_dash(number) for number in rest)
        shifts = " ".join(f"{_beside(shift, largest):10.4g}" for shift in (up, down))
        lines.append(f"{name}  {shifts} {pull:>8} {constraint:>10}")
    return lines


def yield_lines(before: Any, after: Any, observed: Any, channels: Sequence[str]) -> list[str]:
    """One line for each bin of the channels, and one for the sum of each channel of several bins."""
    places = {channel: place for place, (channel, _) in enumerate(after.channels)}
    names = column("channel", channels)
    lines = [f"{next(names)}  {'bin':>4} {'observed':>10} {'before the fit':>18} {'after the fit':>18}"]
    for name, channel in zip(names, channels, strict=True):
        inside = after.of(channel)
        rows = [
            (str(row), observed[index], (before.bins[index], before.std[index]), (after.bins[index], after.std[index]))
            for row, index in enumerate(range(inside.start, inside.stop))
        ]  # fmt: skip
        if len(rows) > 1:
            place = places[channel]
            sums = [(some.totals[place], some.totals_std[place]) for some in (before, after)]
            rows.append(("sum", observed[inside].sum(), sums[0], sums[1]))
        for row, count, *pairs in rows:
            cells = " ".join(f"{f'{events:.5g} ± {std:.3g}':>18}" for events, std in pairs)
            lines.append(f"{name}  {row:>4} {count:10.6g} {cells}")
    return lines


def yields_data(before: Any, after: Any, observed: Any) -> list[dict[str, Any]]:
    """The same for JSON, with the samples."""
    return [
        {
            "channel": channel,
            "observed": observed[after.of(channel)],
            **{
                when: {
                    "expected": some.bins[some.of(channel)],
                    "uncertainty": some.std[some.of(channel)],
                    "sum": some.totals[place],
                    "sum_uncertainty": some.totals_std[place],
                    "samples": some.samples[channel],
                }
                for when, some in (("before", before), ("after", after))
            },
        }
        for place, (channel, _) in enumerate(after.channels)
    ]


def band_lines(expected: Iterable[float]) -> list[str]:
    """What is expected without a signal (for q0 with one), one line for each band."""
    return [
        f"{'expected' if row == 0 else '':8}  {band:>6}  {part:.6g}"
        for row, (band, part) in enumerate(zip(BANDS, expected, strict=True))
    ]


def scan_lines(found: Sequence[Any], interest: str, quantity: str) -> list[str]:
    """One line for each tested value: the observed CLs or p, and the expected ones."""
    step = (found[-1].value - found[0].value) / len(found)
    values = column(interest, [f"{_beside(test.value, step):10.4g}" for test in found], at_right=True)
    lines = [f"{next(values)}  {quantity:>10}  {_heads()}"]
    return lines + [
        f"{value}  {test.cls:10.4g}  {_cells(test.expected)}"
        for value, test in zip(values, found, strict=True)
    ]


def point_lines(points: Any, quantity: str, rows: Sequence[Row]) -> list[str]:
    """One line for each of `SignalPoints`: its name and values, and what was observed and expected."""
    names = column("signal point", points.names)
    columns = [
        column(label, [str(values[place]) for values in points.values], at_right=True)
        for place, label in enumerate(points.labels)
    ]
    lines = [quantity, f"{'  '.join(map(next, (names, *columns)))}  {'observed':>10}  {_heads()}"]
    for name, *values, (observed, expected, _) in zip(names, *columns, rows, strict=True):
        lines.append(f"{'  '.join((name, *values))}  {observed:10.4g}  {_cells(expected)}")
    return lines


def points_data(points: Any, quantity: str, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The same for JSON."""
    return [
        {
            "name": name,
            "values": dict(zip(points.labels, values, strict=True)),
            quantity: observed,
            "expected": expected,
            "status": status,
        }
        for name, values, (observed, expected, status) in zip(points.names, points.values, rows, strict=True)
    ]


def _heads() -> str:
    return "  ".join(f"{band:>10}" for band in BANDS)


def _cells(expected: Iterable[float]) -> str:
    return "  ".join(f"{part:10.4g}" for part in expected)


def _or_dash(number: float) -> str:
    """A pull or a constraint; a dash for what nothing constrains."""
    return format(number, "z.3f") if isfinite(number) else "-"


def column(head: str, cells: Sequence[str], *, at_right: bool = False) -> Iterator[str]:
    """A head and its cells, filled up to one width on the terminal, where letters may be wide or have none.

    Example:
        >>> list(column("name", ["mu", "tt\u0304"]))
        ['name', 'mu  ', 'tt\u0304  ']
    """
    width = max(map(cell_len, (head, *cells)))
    for text in (head, *cells):
        space = " " * (width - cell_len(text))
        yield space + text if at_right else text + space


def _beside(number: float, scale: float) -> float:
    """A number without digits that mean nothing beside an uncertainty.

    Example:
        >>> _beside(-8.3e-14, 1.0), _beside(0.60872712345, 0.7)
        (0.0, 0.608727)
    """
    if not (isfinite(number) and isfinite(scale) and scale > 0):
        return number
    return round(float(number), DIGITS - 1 - floor(log10(scale))) + 0.0
