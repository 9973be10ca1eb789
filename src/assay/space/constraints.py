"""Constraints between parameters that are known beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from assay.errors import ExpressionError, SpaceError
from assay.space.expressions import Expression, parse
from assay.space.schema import as_name, shown

__all__ = ["Constraint"]


@final
@dataclass(frozen=True, slots=True)
class Constraint:
    """An inequality that every suggestion satisfies exactly.

    Arguments:
        name: letters, digits and _.
        expression: `lhs <= rhs` or `lhs >= rhs` over design parameters and fixed environment parameters.

    Example:
        >>> Constraint("disc", "sqrt(x^2 + y^2) <= 1.5").parsed(["x", "y"]).names
        ('x', 'y')
    """

    type: ClassVar[str] = "inequality"
    name: str
    expression: str

    def __post_init__(self) -> None:
        as_name("a constraint", self.name)
        self.parsed(None)

    def parsed(self, names: list[str] | None) -> Expression:
        """The tree, if the expression uses only these names (None: any).

        Raises:
            SpaceError: when the expression is not in the language, or is not a comparison.
        """
        owner = f"the expression of constraint {self.name!r}"
        try:
            expression = parse(self.expression, names, allow_comparison=True, owner=owner)
        except ExpressionError as error:
            raise SpaceError(str(error)) from None
        if not expression.is_comparison:
            raise SpaceError(f"{owner} must be an inequality such as 'a <= b', got {shown(self.expression)}")
        return expression
