"""Draws that several quantities of one graph ask for are computed once, and are those of each by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np
from tests.quantities.worlds import POINTS, graph

from assay.quantities.abstract import AbstractSampledVariable, Incoming, Place, Pushed
from assay.quantities.quantity import Memory, Quantity

Array = np.ndarray


@final
@dataclass(frozen=True)
class _Exponential(AbstractSampledVariable):
    """exp(a), which notes how many points it was asked at."""

    asked: list[int] = field(default_factory=list)

    @property
    def output_names(self) -> tuple[str, ...]:
        return ("exponential",)

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("a",)

    @property
    def own_normals(self) -> int:
        return 0

    @property
    def reads_moments(self) -> bool:
        return False

    def push(self, inputs: Sequence[Incoming], place: Place, normal: Array) -> Pushed:  # noqa: ARG002
        self.asked.append(len(place.points))
        values = np.exp(inputs[0].values)
        return Pushed(values, lambda bar: ([(bar * values, None, None)], None))


def test_the_latest_three_sets_of_draws_are_remembered() -> None:
    variable = _Exponential()
    whole = graph({"v": variable}, {"a": 1}, samples=8)
    memory, normal = Memory(), whole.fixed_normal
    one, other = Quantity(whole, "v", memory), Quantity(whole, "v", memory)
    places = [POINTS[:1], POINTS[:2], POINTS]
    for points in places:
        one.draw(points, normal)
    assert variable.asked == [1, 2, 3]
    for points in places:
        np.testing.assert_array_equal(other.draw(points, normal), Quantity(whole, "v").draw(points, normal))
    assert variable.asked == [1, 2, 3, 1, 2, 3]  # the second time by the quantity without a memory
    one.draw(POINTS[1:], normal)
    one.draw(places[0], normal)
    assert variable.asked[6:] == [2, 1]  # the oldest was forgotten


def test_other_normals_are_other_draws() -> None:
    variable = _Exponential()
    whole = graph({"v": variable}, {"a": 1}, samples=8)
    quantity = Quantity(whole, "v", Memory())
    first = quantity.draw(POINTS, whole.fixed_normal)
    second = quantity.draw(POINTS, -whole.fixed_normal)
    assert len(variable.asked) == 2
    np.testing.assert_allclose(np.sort(first, axis=0), np.sort(second, axis=0))
    assert (first != second).all()
