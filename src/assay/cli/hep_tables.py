"""What `assay hep` prints: tables of parameters, yields and expected bands, as lines."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import Any

__all__ = ["BANDS", "band_lines", "or_dash", "parameter_lines", "scan_lines", "yield_lines", "yields_data"]

BANDS = ("-2σ", "-1σ", "median", "+1σ", "+2σ")


def or_dash(number: float) -> str:
    """A pull or a constraint; a dash for what nothing constrains."""
    return format(number, ".3f") if isfinite(number) else "-"


def parameter_lines(found: Any) -> list[str]:
    """The parameters of a `Fit`."""
    width = max(len("parameter"), *(len(name) for name in found.names))
    lines = [f"{'parameter':{width}}  {'value':>12} {'uncertainty':>12} {'pull':>8} {'constraint':>10}"]
    for name, value, std, held, *rest in zip(
        found.names, found.values, found.uncertainties, found.is_held, found.pulls, found.constraints, strict=True
    ):  # fmt: skip
        spread = "held" if held else format(std, ".4g")
        pull, constraint = (or_dash(number) for number in rest)
        lines.append(f"{name:{width}}  {value:12.6g} {spread:>12} {pull:>8} {constraint:>10}")
    return lines


def yield_lines(before: Any, after: Any, observed: Any) -> list[str]:
    """One line for each bin, and one for the sum of each channel of several bins."""
    width = max(len("channel"), *(len(channel) for channel, _ in after.channels))
    lines = [f"{'channel':{width}}  {'bin':>4} {'observed':>10} {'before the fit':>18} {'after the fit':>18}"]
    for place, (channel, bins) in enumerate(after.channels):
        inside = after.of(channel)
        rows = [
            (str(row), observed[index], (before.bins[index], before.std[index]), (after.bins[index], after.std[index]))
            for row, index in enumerate(range(inside.start, inside.stop))
        ]  # fmt: skip
        if bins > 1:
            sums = [(some.totals[place], some.totals_std[place]) for some in (before, after)]
            rows.append(("sum", observed[inside].sum(), sums[0], sums[1]))
        for row, count, *pairs in rows:
            cells = " ".join(f"{f'{events:.5g} ± {std:.3g}':>18}" for events, std in pairs)
            lines.append(f"{channel:{width}}  {row:>4} {count:10.6g} {cells}")
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


def scan_lines(found: Iterable[Any], interest: str, quantity: str) -> list[str]:
    """One line for each tested value: the observed CLs or p, and the expected ones."""
    width = max(len(interest), 10)
    lines = [f"{interest:>{width}}  {quantity:>10}  " + "  ".join(f"{band:>10}" for band in BANDS)]
    for test in found:
        expected = "  ".join(f"{part:10.4g}" for part in test.expected)
        lines.append(f"{test.value:{width}.4g}  {test.cls:10.4g}  {expected}")
    return lines
