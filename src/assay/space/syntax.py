"""The tree of an expression: eight kinds of node, frozen, and the words of the language. Data only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import final

__all__ = [
    "COMPARISONS",
    "CONSTANTS",
    "FUNCTIONS",
    "RESERVED",
    "VARIADIC_FUNCTIONS",
    "Binary",
    "Call",
    "Comparison",
    "Constant",
    "Name",
    "Node",
    "Number",
    "Unary",
]

CONSTANTS = MappingProxyType({"PI": math.pi, "E": math.e})
FUNCTIONS = frozenset(
    [
        "sqrt",
        "sin",
        "cos",
        "tan",
        "asin",
        "acos",
        "atan",
        "sinh",
        "cosh",
        "tanh",
        "asinh",
        "acosh",
        "atanh",
        "exp",
        "log",
        "log10",
        "erf",
        "erfinv",
        "abs",
        "trunc",
        "round",
        "sign",
    ]
)
VARIADIC_FUNCTIONS = frozenset({"max", "min"})
COMPARISONS = frozenset({"<=", ">=", "<", ">"})
RESERVED = FUNCTIONS | VARIADIC_FUNCTIONS | CONSTANTS.keys() | {"log_prob"}


@final
@dataclass(frozen=True, slots=True)
class Number:
    """A literal: finite and not negative."""

    value: float


@final
@dataclass(frozen=True, slots=True)
class Constant:
    """`PI` or `E`."""

    name: str


@final
@dataclass(frozen=True, slots=True)
class Name:
    """A parameter, a variable, or `log_prob`."""

    name: str


@final
@dataclass(frozen=True, slots=True)
class Unary:
    """The negative of its operand; a leading plus leaves no node."""

    operand: Node


@final
@dataclass(frozen=True, slots=True)
class Binary:
    """`operator` is one of + - * / ^."""

    operator: str
    left: Node
    right: Node


@final
@dataclass(frozen=True, slots=True)
class Call:
    """A function of one argument, or `max` or `min` of one or more."""

    function: str
    arguments: tuple[Node, ...]


@final
@dataclass(frozen=True, slots=True)
class Comparison:
    """A chain such as a <= b < c: operands one more than operators. Only at the root."""

    operators: tuple[str, ...]
    operands: tuple[Node, ...]


Node = Number | Constant | Name | Unary | Binary | Call | Comparison
