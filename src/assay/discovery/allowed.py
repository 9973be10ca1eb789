"""Which equations may be answers; every engine's go through here, whatever it can be told itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

from assay.discovery.canonical import size
from assay.discovery.operators import BINARY_OPERATORS, WORDS, Operators
from assay.errors import UsageError
from assay.space.syntax import FUNCTIONS, Binary, Call, Node, Number, Unary

__all__ = ["Allowed", "Constraints", "depth"]

ANY = -1
_POWERS = {2.0: "square", 3.0: "cube"}


@final
@dataclass(frozen=True)
class Constraints:
    """Limits on what stands below an operator.

    Arguments:
        sizes: the most nodes of each argument of an operator; -1 for any.
        nested: how often an operator may stand inside another.
    """

    sizes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    nested: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @staticmethod
    def of(sizes: Mapping[str, Any] | None, nested: Mapping[str, Mapping[str, int]] | None) -> Constraints:
        """From `{"pow": (-1, 2), "sin": 5}` and `{"sin": {"cos": 0}}`.

        Raises:
            UsageError: for an operator that is not known, and limits that are no whole numbers from -1 on.
        """
        limits = {}
        for word, given in (sizes or {}).items():
            operator = _operator(word, "constraints")
            entries = tuple(given) if isinstance(given, (tuple, list)) else (given,)
            wanted = 2 if operator in BINARY_OPERATORS else 1
            if len(entries) != wanted or not all(_is_limit(entry) for entry in entries):
                raise UsageError(
                    f"constraints of {word!r} must be {wanted} whole number{'s' if wanted > 1 else ''} from -1 on, got {given!r}"
                )
            limits[operator] = entries
        inside = {}
        for word, given in (nested or {}).items():
            if not isinstance(given, Mapping) or not all(map(_is_limit, given.values())):
                raise UsageError(
                    f"nested_constraints of {word!r} must be like {{'cos': 0}}, with whole numbers from -1 on, got {given!r}"
                )
            inside[_operator(word, "nested_constraints")] = {
                _operator(inner, "nested_constraints"): most for inner, most in given.items()
            }
        return Constraints(limits, inside)

    def permit(self, node: Node) -> bool:
        """Whether an equation keeps them.

        Example:
            >>> from assay.space.expressions import parse
            >>> constraints = Constraints.of({"pow": (-1, 1)}, {"sin": {"cos": 0}})
            >>> [constraints.permit(parse(text, None).tree) for text in ("x^2", "x^(y + 1)", "sin(2*cos(x))")]
            [True, False, False]
        """
        if not self.sizes and not self.nested:
            return True
        words, arguments = _parts(node)
        for word in words:
            limits = self.sizes.get(word, ())
            if any(
                limit != ANY and size(part) > limit for limit, part in zip(limits, arguments, strict=False)
            ):
                return False
            for inner, most in self.nested.get(word, {}).items():
                if most != ANY and any(_nesting(part, inner) > most for part in arguments):
                    return False
        return all(map(self.permit, arguments))


@final
@dataclass(frozen=True)
class Allowed:
    """Which equations may be answers.

    Arguments:
        operators: that they may hold.
        maxsize: the most nodes.
        maxdepth: the most levels; None for any.
        constraints: on what stands below an operator.
        dimensional_constants: whether a constant may have a unit.
        parsimony: by how much the logarithm of the loss must fall for each further node.
    """

    operators: Operators
    maxsize: int
    maxdepth: int | None = None
    constraints: Constraints = field(default_factory=Constraints)
    dimensional_constants: bool = True
    parsimony: float = 0.0

    def __post_init__(self) -> None:
        for name, value, least in (("maxsize", self.maxsize, 1), ("maxdepth", self.maxdepth, 1)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
                raise UsageError(f"{name} must be a whole number from {least} on, got {value!r}")
        if not self.parsimony >= 0:
            raise UsageError(f"parsimony must not be negative, got {self.parsimony!r}")

    def permits(self, node: Node) -> bool:
        """Whether an equation with its numbers is one of them."""
        return (
            self.operators.permit(node)
            and size(node) <= self.maxsize
            and (self.maxdepth is None or depth(node) <= self.maxdepth)
            and self.constraints.permit(node)
        )


def depth(node: Node) -> int:
    """The number of levels; terms of a sum stand beside each other, and so do factors, as one would write them in a tree
    as flat as can be.

    Example:
        >>> from assay.space.expressions import parse
        >>> depth(parse("a + b*c + d", None).tree), depth(parse("sin(a)", None).tree), depth(parse("-2", None).tree)
        (3, 2, 1)
    """
    match node:
        case Unary(operand):
            return depth(operand) + (0 if isinstance(operand, Number) else 1)
        case Binary("+" | "-" | "*"):
            return 1 + _balanced([depth(operand) for operand in _operands(node, node.operator)])
        case Binary(_, left, right):
            return 1 + max(depth(left), depth(right))
        case Call(_, arguments):
            return 1 + max(map(depth, arguments))
        case _:
            return 1


def _operands(node: Node, operator: str) -> list[Node]:
    """Those of a chain of one operator; plus and minus make one chain."""
    chain = "*" if operator == "*" else "+-"
    match node:
        case Binary(found, left, right) if found in chain:
            return [*_operands(left, operator), *_operands(right, operator)]
        case _:
            return [node]


def _balanced(depths: list[int]) -> int:
    """The least depth below the root of a binary tree whose leaves have these depths."""
    heap = sorted(depths)
    while len(heap) > 2:
        first, second = heap.pop(0), heap.pop(0)
        heap.append(max(first, second) + 1)
        heap.sort()
    return max(heap)


def _operator(word: str, owner: str) -> str:
    operator = WORDS.get(word, word)
    if operator not in (*BINARY_OPERATORS, *FUNCTIONS, *_POWERS.values()):
        raise UsageError(
            f"{owner} must name operators such as {' '.join(BINARY_OPERATORS)} or sin, got {word!r}"
        )
    return operator


def _is_limit(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= ANY


def _parts(node: Node) -> tuple[tuple[str, ...], tuple[Node, ...]]:
    """The words for an operator, and its arguments."""
    match node:
        case Binary("^", base, Number(power)) if power in _POWERS:
            return ("^", _POWERS[power]), (base, Number(power))
        case Binary(operator, left, right):
            return (operator,), (left, right)
        case Unary(operand):
            return (), (operand,)
        case Call(function, arguments):
            return (function,), arguments
        case _:
            return (), ()


def _nesting(node: Node, operator: str) -> int:
    """How often an operator occurs along a path down, at most."""
    words, arguments = _parts(node)
    return int(operator in words) + max((_nesting(part, operator) for part in arguments), default=0)
