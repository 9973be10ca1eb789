"""Text to tree, by a whitelist: a tokenizer that knows 20 characters and words, and precedence climbing (Pratt, 1973).

Python's own parser is not used: it can exhaust memory or the stack, and warns, on text that nobody meant as a
formula. Here every step is bounded before it is taken: length, nesting, nodes, depth of the tree.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import NoReturn, final

from assay.errors import ExpressionError
from assay.space.syntax import (
    COMPARISONS,
    CONSTANTS,
    FUNCTIONS,
    RESERVED,
    VARIADIC_FUNCTIONS,
    Binary,
    Call,
    Comparison,
    Constant,
    Name,
    Node,
    Number,
    Unary,
)

__all__ = ["DEPTH_LIMIT", "LENGTH_LIMIT", "NESTING_LIMIT", "NODE_LIMIT", "parse_tree"]

LENGTH_LIMIT = 2000  # characters
NODE_LIMIT = 500
DEPTH_LIMIT = 200  # of the tree; a sum of n terms has depth n
NESTING_LIMIT = 60  # of parentheses, signs and powers of powers: what the parser recurses into

_TOKEN = re.compile(
    r"(?P<space>[ \t\r\n]+)"
    r"|(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![A-Za-z0-9_.]))"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<symbol>\*\*|<=|>=|[-+*/^(),<>])"
)
# Precedences as in Python: a sign binds weaker than a power on its right, so -x^2 is -(x^2) and 2^-1 is 1/2.
_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "^": 4}
_SIGN_PRECEDENCE = 3


@final
@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    column: int


def _shortened(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


@final
class _Parser:
    """One pass over the tokens of one text."""

    def __init__(
        self, text: str, names: Collection[str] | None, owner: str, operators: Collection[str]
    ) -> None:
        self._text = text
        self._names = names
        self._operators = operators
        self._owner = owner
        self._nodes = 0
        self._nesting = 0
        self._next = 0
        self._tokens = self._tokenize()

    def parse(self, allow_comparison: bool) -> Node:
        tree, depth = self._expression(0)
        if self._peek().text in COMPARISONS:
            if not allow_comparison:
                self._refuse("may not hold a comparison", self._peek())
            tree, depth = self._comparison(tree, depth)
        if self._peek().kind != "end":
            self._refuse("expects an operator or its end", self._peek())
        return tree

    def _tokenize(self) -> list[_Token]:
        tokens: list[_Token] = []
        position = 0
        while position < len(self._text):
            match = _TOKEN.match(self._text, position)
            if match is None:
                self._refuse(
                    "allows only numbers, names, + - * / ^, comparisons and parentheses",
                    self._odd_token(position),
                )
            if match.lastgroup != "space":
                symbol = "^" if match.group() == "**" else match.group()
                tokens.append(_Token(str(match.lastgroup), symbol, position + 1))
            position = match.end()
        tokens.append(_Token("end", "", len(self._text) + 1))
        return tokens

    def _odd_token(self, position: int) -> _Token:
        run = re.compile(r"[A-Za-z0-9_.]+|.", re.DOTALL).match(self._text, position)
        return _Token("odd", run.group() if run else "", position + 1)

    def _refuse(self, rule: str, token: _Token) -> NoReturn:
        got = f"{_shortened(token.text)} at column {token.column}" if token.text else "its end"
        raise ExpressionError(f"{self._owner} {_shortened(self._text)} {rule}, got {got}")

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        self._next += 1
        return token

    def _expect(self, symbol: str) -> None:
        if self._peek().text != symbol:
            self._refuse(f"expects '{symbol}'", self._peek())
        self._next += 1

    def _grow(self, depth: int, token: _Token) -> int:
        """Count a new node above children of that depth; its own depth comes back."""
        self._nodes += 1
        if self._nodes > NODE_LIMIT:
            self._refuse(f"may have at most {NODE_LIMIT} operations, numbers and names", token)
        if depth >= DEPTH_LIMIT:
            self._refuse(f"may be at most {DEPTH_LIMIT} operations deep", token)
        return depth + 1

    def _expression(self, minimum: int) -> tuple[Node, int]:
        """Everything whose operators bind at least as tight as `minimum`, with its depth."""
        self._nesting += 1
        if self._nesting > NESTING_LIMIT:
            self._refuse(f"may be nested at most {NESTING_LIMIT} deep", self._peek())
        left, depth = self._operand()
        while (precedence := _PRECEDENCE.get(self._peek().text, -1)) >= minimum:
            token = self._take()
            # The right side of a power may be a power or a sign; those of the others must bind tighter.
            right, right_depth = self._expression(_SIGN_PRECEDENCE if token.text == "^" else precedence + 1)
            left, depth = Binary(token.text, left, right), self._grow(max(depth, right_depth), token)
        self._nesting -= 1
        return left, depth

    def _operand(self) -> tuple[Node, int]:
        token = self._take()
        if token.text in ("-", "+"):
            operand, depth = self._expression(_SIGN_PRECEDENCE)
            return (operand, depth) if token.text == "+" else (Unary(operand), self._grow(depth, token))
        if token.text == "(":
            inside = self._expression(0)
            self._expect(")")
            return inside
        if token.kind == "number":
            return self._number(token), self._grow(0, token)
        if token.kind != "word":
            self._refuse("expects a number, a name or '('", token)
        return self._word(token)

    def _number(self, token: _Token) -> Number:
        value = float(token.text)
        if not math.isfinite(value):
            self._refuse("may hold only numbers below 1.8e308", token)
        return Number(value)

    def _word(self, token: _Token) -> tuple[Node, int]:
        callable_words = FUNCTIONS | VARIADIC_FUNCTIONS | set(self._operators)
        if token.text in callable_words:
            return self._call(token)
        if self._peek().text == "(":
            self._refuse(f"may call only {', '.join(sorted(callable_words))}", token)
        if token.text in CONSTANTS:
            return Constant(token.text), self._grow(0, token)
        if self._names is None:
            known = token.text not in RESERVED
        else:
            known = token.text in self._names
        if not known:
            allowed = ", ".join(sorted(self._names or ())[:20]) or "none"
            self._refuse(f"may use only the names known here ({allowed})", token)
        return Name(token.text), self._grow(0, token)

    def _call(self, token: _Token) -> tuple[Node, int]:
        self._expect("(")
        arguments, depth = [], 0
        while True:
            argument, argument_depth = self._expression(0)
            arguments.append(argument)
            depth = max(depth, argument_depth)
            if self._peek().text != ",":
                break
            if token.text in FUNCTIONS:
                self._refuse(f"takes one argument for '{token.text}'", self._peek())
            self._next += 1
        self._expect(")")
        return Call(token.text, tuple(arguments)), self._grow(depth, token)

    def _comparison(self, first: Node, depth: int) -> tuple[Node, int]:
        operators: list[str] = []
        operands = [first]
        token = self._peek()
        while self._peek().text in COMPARISONS:
            operators.append(self._take().text)
            operand, operand_depth = self._expression(0)
            operands.append(operand)
            depth = max(depth, operand_depth)
        return Comparison(tuple(operators), tuple(operands)), self._grow(depth, token)


def parse_tree(
    text: str,
    names: Collection[str] | None,
    allow_comparison: bool,
    owner: str,
    operators: Collection[str] = (),
) -> Node:
    """The tree of a text; the rules are those of `assay.space.expressions.parse`.

    Arguments:
        operators: further words that may be called, with any number of arguments; a value is known only to who defined them.
    """
    if not isinstance(text, str):
        raise ExpressionError(f"{owner} must be a text, got an object of type {type(text).__name__}")
    if len(text) > LENGTH_LIMIT:
        raise ExpressionError(
            f"{owner} {_shortened(text)} may have at most {LENGTH_LIMIT} characters, got {len(text)}"
        )
    return _Parser(text, names, owner, operators).parse(allow_comparison)
