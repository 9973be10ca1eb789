"""The operators that a law may be made of: those of the language, shorthands for them, and the user's own."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

from assay.errors import ExpressionError, UsageError
from assay.space.parser import parse_tree
from assay.space.syntax import FUNCTIONS, RESERVED, Binary, Call, Name, Node, Number, Unary

__all__ = ["BINARY_OPERATORS", "UNARY_OPERATORS", "WORDS", "Operators", "OwnOperator", "used_operators"]

BINARY_OPERATORS = ("+", "-", "*", "/", "^")
UNARY_OPERATORS = ("sqrt", "exp", "log", "sin", "cos", "tanh", "square")

WORDS: Mapping[str, str] = {
    "pow": "^",
    "plus": "+",
    "add": "+",
    "sub": "-",
    "mult": "*",
    "mul": "*",
    "div": "/",
    "**": "^",
}
_SHORTHANDS = ("square", "cube", "inv", "neg")
_KNOWN_UNARY = tuple(sorted(FUNCTIONS)) + _SHORTHANDS
_DEFINITION = re.compile(r"\s*([A-Za-z]\w*)\s*\(([^()]*)\)\s*=(?!=)(.*)", re.DOTALL)

# What an operator can be written with instead, so that it need not be named as well.
_IMPLIED: Mapping[str, frozenset[str]] = {
    "+": frozenset({"-"}),
    "*": frozenset({"square", "cube", "whole power"}),
    "/": frozenset({"inv"}),
    "^": frozenset({"square", "cube", "whole power", "sqrt", "exp", "/", "inv"}),
    "log10": frozenset({"log"}),
}


@final
@dataclass(frozen=True)
class OwnOperator:
    """An operator that a user defined.

    Arguments:
        name: as it is called.
        parameters: the names in its body, in order.
        body: what it stands for.
    """

    name: str
    parameters: tuple[str, ...]
    body: Node

    @staticmethod
    def of(text: str) -> OwnOperator:
        """From a definition such as `f(x, y) = x^2*y`.

        Raises:
            UsageError: for text that is no definition, and names that are taken.

        Example:
            >>> OwnOperator.of("f(x, y) = x^2*y").parameters
            ('x', 'y')
        """
        found = _DEFINITION.fullmatch(text)
        if found is None:
            raise UsageError(f"an own operator must read like 'f(x, y) = x^2*y', got {text!r}")
        name, arguments, body = found.groups()
        parameters = tuple(word.strip() for word in arguments.split(","))
        if name in RESERVED or name in _SHORTHANDS or name in WORDS:
            raise UsageError(f"an own operator must have a name that is not taken, got {name!r} in {text!r}")
        if len(set(parameters)) < len(parameters) or not all(map(_is_free, parameters)):
            raise UsageError(
                f"the arguments of an own operator must be different words, got {arguments!r} in {text!r}"
            )
        try:
            tree = parse_tree(body.strip(), parameters, False, f"the own operator {name!r}", _SHORTHANDS)
        except ExpressionError as error:
            raise UsageError(str(error)) from None
        return OwnOperator(name, parameters, _without_shorthands(tree))

    def applied(self, arguments: Sequence[Node]) -> Node:
        """Its body with these arguments.

        Raises:
            ExpressionError: for a wrong number of arguments.
        """
        if len(arguments) != len(self.parameters):
            raise ExpressionError(
                f"the own operator {self.name!r} takes {len(self.parameters)} arguments, got {len(arguments)}"
            )
        return _substituted(self.body, dict(zip(self.parameters, arguments, strict=True)))


@final
@dataclass(frozen=True)
class Operators:
    """The operators of a search.

    Arguments:
        binary: of + - * / ^.
        unary: functions of the language of expressions, and `square`, `cube`, `inv`, `neg`.
        own: defined by the user.
        definitions: the texts of `own`.
    """

    binary: tuple[str, ...]
    unary: tuple[str, ...]
    own: tuple[OwnOperator, ...] = ()
    definitions: tuple[str, ...] = ()

    @staticmethod
    def of(binary: Sequence[str], unary: Sequence[str]) -> Operators:
        """From two lists, each of words and definitions of own operators.

        Raises:
            UsageError: for an operator that is not known, twice the same own one, and where nothing is allowed.

        Example:
            >>> operators = Operators.of(["+", "pow", "f(x, y) = x^2*y"], ["sin"])
            >>> operators.binary, [own.name for own in operators.own]
            (('+', '^'), ['f'])
        """
        for kind, given in (("binary_operators", binary), ("unary_operators", unary)):
            if isinstance(given, str) or not all(isinstance(entry, str) for entry in given):
                raise UsageError(f"{kind} must be a list of texts, got {given!r}")
        definitions = tuple(dict.fromkeys(entry for entry in (*binary, *unary) if "=" in entry))
        own = tuple(map(OwnOperator.of, definitions))
        if len({one.name for one in own}) < len(own):
            raise UsageError(f"own operators must have different names, got {[one.name for one in own]}")
        return Operators(
            _known(
                [WORDS.get(entry, entry) for entry in binary if "=" not in entry], "binary", BINARY_OPERATORS
            ),
            _known([entry for entry in unary if "=" not in entry], "unary", _KNOWN_UNARY),
            own,
            definitions,
        )

    @cached_property
    def permitted(self) -> frozenset[str]:
        """What may be in an equation: these, what they imply, and what own ones are made of."""
        found = {*self.binary, *self.unary}
        for one in self.own:
            found |= used_operators(one.body)
        for operator in tuple(found):
            found |= _IMPLIED.get(operator, frozenset())
        return frozenset(found)

    def permit(self, node: Node) -> bool:
        """Whether an equation is made of them.

        Example:
            >>> Operators.of(["+", "*"], []).permit(Binary("^", Name("x"), Number(2.0)))
            True
        """
        return used_operators(node) <= self.permitted

    def parsed(self, text: str, names: Sequence[str] | None, owner: str) -> Node:
        """The tree of a text that may use shorthands and own operators, written out.

        Raises:
            ExpressionError: for text that is not in the language.
        """
        words = (*_SHORTHANDS, "pow", *(one.name for one in self.own))
        return self.written_out(parse_tree(text, names, False, owner, words))

    def written_out(self, node: Node) -> Node:
        """The tree without shorthands and own operators."""
        own = {one.name: one for one in self.own}

        def replaced(call: Call) -> Node:
            return own[call.function].applied(call.arguments) if call.function in own else _shorthand(call)

        return _mapped(node, replaced)

    def applications(self, nodes: Sequence[Node], functions: Sequence[str], most: int) -> list[Node]:
        """Own operators, and functions that are named, of all nodes, so that engines without them can use them.

        Arguments:
            functions: of one argument.
            most: more than so many are left out.
        """
        found: list[Node] = [Call(function, (node,)) for function in functions for node in nodes]
        for one in self.own:
            count = len(one.parameters)
            found += map(one.applied, itertools.islice(itertools.product(nodes, repeat=count), most))
        return found[:most]


def used_operators(node: Node) -> set[str]:
    """The operators of an equation; whole powers, and what has only a number above the line, by names of their own.

    Example:
        >>> from assay.space.expressions import parse
        >>> sorted(used_operators(parse("x^2 + sin(y)", None).tree))
        ['+', 'sin', 'square']
    """
    match node:
        case Unary(operand):
            return used_operators(operand)
        case Binary("^", base, Number(power)) if power.is_integer():
            return {{2.0: "square", 3.0: "cube"}.get(power, "whole power")} | used_operators(base)
        case Binary("/", Number(), right):
            return {"inv"} | used_operators(right)
        case Binary(operator, left, right):
            return {operator} | used_operators(left) | used_operators(right)
        case Call(function, arguments):
            return {function}.union(*map(used_operators, arguments))
        case _:
            return set()


def _known(given: Sequence[str], kind: str, known: Sequence[str]) -> tuple[str, ...]:
    unknown = [name for name in given if name not in known]
    if unknown:
        raise UsageError(
            f"a {kind} operator must be one of {' '.join(known)}, or a definition such as 'f(x, y) = x^2*y',"
            f" got {unknown[0]!r}"
        )
    return tuple(dict.fromkeys(given))


def _is_free(word: str) -> bool:
    return word.isidentifier() and word not in RESERVED


def _shorthand(call: Call) -> Node:
    match call:
        case Call("square", (argument,)):
            return Binary("^", argument, Number(2.0))
        case Call("cube", (argument,)):
            return Binary("^", argument, Number(3.0))
        case Call("inv", (argument,)):
            return Binary("/", Number(1.0), argument)
        case Call("neg", (argument,)):
            return Unary(argument)
        case Call("pow", (base, exponent)):
            return Binary("^", base, exponent)
        case Call("log10", (argument,)):
            return Binary("/", Call("log", (argument,)), Call("log", (Number(10.0),)))
        case Call(function, arguments) if function not in FUNCTIONS or len(arguments) != 1:
            raise ExpressionError(
                f"an operator takes a fixed number of arguments, got {len(arguments)} for {function!r}"
            )
        case _:
            return call


def _without_shorthands(node: Node) -> Node:
    return _mapped(node, _shorthand)


def _mapped(node: Node, of_call: Callable[[Call], Node]) -> Node:
    """The tree with each call, its arguments first, replaced."""
    match node:
        case Unary(operand):
            return Unary(_mapped(operand, of_call))
        case Binary(operator, left, right):
            return Binary(operator, _mapped(left, of_call), _mapped(right, of_call))
        case Call(function, arguments):
            return of_call(Call(function, tuple(_mapped(argument, of_call) for argument in arguments)))
        case _:
            return node


def _substituted(node: Node, values: Mapping[str, Node]) -> Node:
    match node:
        case Name(name):
            return values.get(name, node)
        case Unary(operand):
            return Unary(_substituted(operand, values))
        case Binary(operator, left, right):
            return Binary(operator, _substituted(left, values), _substituted(right, values))
        case Call(function, arguments):
            return Call(function, tuple(_substituted(argument, values) for argument in arguments))
        case _:
            return node
