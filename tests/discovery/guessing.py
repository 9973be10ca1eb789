"""A user's engine: it says what it was told to say, and remembers what it was asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import final

from assay.discovery.abstract import AbstractEngine, Request, in_columns
from assay.discovery.problem import Problem
from assay.space.syntax import Node


@final
@dataclass(frozen=True)
class Guessing(AbstractEngine):
    """Equations over the features `x1`, `x2`, ….

    Arguments:
        texts: what it says.
        asked: what it was asked.
    """

    texts: tuple[str, ...]
    asked: list[Request] = field(default_factory=list)

    @property
    def name(self) -> str:
        return "guessing"

    def check(self) -> None:
        pass

    def keywords(self) -> frozenset[str]:
        return frozenset({"luck"})

    def equations(self, problem: Problem, request: Request) -> Iterator[Node]:
        self.asked.append(request)
        for text in self.texts:
            node = in_columns(text, problem, request.operators)
            if node is not None:
                yield node
