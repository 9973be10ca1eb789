"""Random and hostile expressions: each is accepted and right, or refused with one sentence; nothing else.

Run as `python -m tests.fuzz.expressions --count 10000 --seed 0`. Three kinds of text: trees written at random
together with an answer of their own (in fractions, or by mpmath-free plain formulas); such texts with random
damage; and attacks known from other parsers. Whatever is accepted must print to a text with the same tree, and give
equal numbers from the plain and the NumPy evaluation.
"""

from __future__ import annotations

import argparse
import logging
import math
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from assay.errors import ExpressionError
from assay.numerics.expressions import compile_numpy
from assay.space.expressions import Expression, evaluate, parse
from assay.space.syntax import Binary, Call, Comparison, Constant, Name, Node, Number, Unary

__all__ = ["check", "random_text", "run"]

VALUES = {"x": 0.7, "y": -1.3, "width": 2.5, "n_2": 3.0}
SECONDS_LIMIT = 1.0  # of processor time for one text; a hang is a failure


@dataclass(frozen=True)
class Written:
    """A text, and its value computed along the way without our parser."""

    text: str
    value: float


def _safe(function: Callable[..., float], *arguments: float) -> float:
    """Python's own answer; NaN where it raises or is complex."""
    try:
        answer = function(*arguments)
    except (ValueError, OverflowError, ZeroDivisionError):
        return math.nan
    return math.nan if isinstance(answer, complex) else float(answer)


FUNCTIONS: dict[str, Callable[[float], float]] = {
    **{name: getattr(math, name) for name in ["sin", "cos", "tan", "atan", "sinh", "cosh", "tanh", "asinh"]},
    **{
        name: getattr(math, name)
        for name in ["sqrt", "exp", "log", "log10", "asin", "acos", "acosh", "atanh", "erf"]
    },
    "abs": abs,
    "trunc": math.trunc,
    "round": round,
    "sign": lambda x: x / abs(x) if x else 0.0,
}
OPERATORS: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "^": lambda a, b: a**b,
    "**": lambda a, b: a**b,
}


def write(generator: random.Random, depth: int) -> Written:
    """A random tree, every operation in parentheses, so that precedence does not enter the expected value."""
    kind = generator.random()
    if depth == 0 or kind < 0.15:
        return _leaf(generator)
    gap = generator.choice(["", "", " ", "\t"])
    if kind < 0.6:
        left, right = write(generator, depth - 1), write(generator, depth - 1)
        operator = generator.choice(list(OPERATORS))
        value = _safe(OPERATORS[operator], left.value, right.value)
        return Written(f"({left.text}{gap}{operator}{gap}{right.text})", value)
    inside = write(generator, depth - 1)
    if kind < 0.7:
        return Written(f"(-{inside.text})", -inside.value)
    if kind < 0.8:
        other = write(generator, depth - 1)
        name, function = generator.choice([("max", max), ("min", min)])
        pair = (inside.value, other.value)
        return Written(
            f"{name}({inside.text},{gap}{other.text})",
            math.nan if any(map(math.isnan, pair)) else function(pair),
        )
    name = generator.choice(list(FUNCTIONS))
    return Written(f"{name}{gap}({inside.text})", _safe(FUNCTIONS[name], inside.value))


def _leaf(generator: random.Random) -> Written:
    if generator.random() < 0.5:
        name, value = generator.choice([*VALUES.items(), ("PI", math.pi), ("E", math.e)])
        return Written(name, value)
    text = generator.choice(
        [
            str(generator.randint(0, 9)),
            f"{generator.uniform(0, 4):.3f}",
            f"{generator.random():.2e}",
            "2.",
            ".5",
            "1E+1",
        ]
    )
    return Written(text, float(text))


ATTACKS = [
    "__import__('os').system('touch /tmp/never')", "().__class__.__mro__[1].__subclasses__()", "x.__init__.__globals__",
    "9**9**9**9", "9^9^9^9^9^9", "1e308*1e308", "(lambda: 0)()", "(x:=9)", "f'{open(1)}'", "[i for i in (1,2)]",
    "max(*[1])", "max(**{})", "max(x, default=y)", "eval('1')", "exec(\"1\")", "open('/etc/hostname').read()", "x\x00y",
    "x\n\n+y", "\u202ex", "ｅｖａｌ(x)", "𝑥", "x²", "ⅷ", "٣", "x\u00a0+y", "sin\u200b(x)", "\ud800", "´x", "0b11", "0x1p3",
    "1__0", "1if 1else 2", "x if y else 1", "not x", "x or y", "await x", "yield", "import os", "x;y", "#x", "x=1",
    "x==y", "x!=y", "x<y<0.3", "x<=>y", "((((((((x", "x))))))", "globals()", "__builtins__", "self", "None", "True",
    "x@y", "x%y", "x//y", "x<<9", "~x", "{x}", "x[0]", "'x'", '"x"', "\\x", "x`y`", "$x", "x!", "1..real", "1.real",
    "..", ".", "e", "E()", "PI(x)", "PI.x", "sin", "sin(sin)", "max", "log_prob", "%s%s%n", "${x}", "{{x}}", "<script>",
    "' OR 1=1 --", "../../x", "nan", "inf", "-inf", "1e999", "0/0", "sqrt(-1)", "log(0)", "0^-1", "(-8)^(1/3)",
]  # fmt: skip
BOMBS: list[Callable[[int], str]] = [
    lambda size: "(" * size + "x" + ")" * size,
    lambda size: "-" * size + "x",
    lambda size: "x^" * size + "2",
    lambda size: "9**" * size + "9",
    lambda size: "+".join(["x"] * (size + 1)),
    lambda size: "sin(" * size + "x" + ")" * size,
    lambda size: "max(" + "x," * size + "y)",
    lambda size: "x" * (size + 1),
    lambda size: "1" * (size + 1),
    lambda size: "x<" * size + "y",
    lambda size: "(" * size,
    lambda size: "\x00" * size,
    lambda size: "max(x," * size + "x" + ")" * size,
]
ALPHABET = "xyEPI0123456789.+-*/^()<>=, \t\n_abeilmnoqrstw\"'[]{}:;!@#%&|~\\\x00é²∞ｘ"


def damage(generator: random.Random, text: str) -> str:
    """Some characters taken out, put in, doubled or moved."""
    letters = list(text)
    for _ in range(generator.randint(1, 4)):
        place = generator.randrange(len(letters) + 1)
        action = generator.random()
        if action < 0.4:
            letters.insert(place, generator.choice(ALPHABET))
        elif action < 0.7 and letters:
            del letters[place - 1]
        elif action < 0.85:
            letters[place:place] = letters[: generator.randint(0, 12)]
        else:
            letters.insert(
                place,
                generator.choice(["**", "__", "max(", "sin", "lambda ", ".__class__", "<=", "1e", "()"]),
            )
    return "".join(letters)


def random_text(generator: random.Random) -> tuple[str, float | None]:
    """A text, and its value where that is known."""
    kind = generator.random()
    if kind < 0.45:
        written = write(generator, generator.randint(0, 5))
        return written.text, written.value
    if kind < 0.75:
        return damage(generator, write(generator, generator.randint(0, 4)).text), None
    if kind < 0.85:
        return generator.choice(BOMBS)(
            generator.choice([1, 5, 30, 59, 61, 150, 250, 500, 1000, 5000, 10**6])
        ), None
    if kind < 0.95:
        attack = generator.choice(ATTACKS)
        return generator.choice([attack, f"x + {attack}", f"sin({attack})", damage(generator, attack)]), None
    return "".join(generator.choices(ALPHABET, k=generator.randint(0, 60))), None


def check(text: str, expected: float | None) -> str:
    """What became of the text: "accepted", "accepted, ill-conditioned" or "refused".

    Raises:
        AssertionError: when it is accepted and wrong, or refused otherwise than with one sentence, or slow.
    """
    start = time.process_time()
    try:
        expression, sentence = parse(text, VALUES, allow_comparison=True), ""
    except ExpressionError as error:
        expression, sentence = None, str(error)
    if expression is None:
        assert expected is None or len(text) > 2000, f"a valid text was refused: {sentence}"
        assert sentence.isprintable(), repr(sentence)
        assert sentence.startswith(("the expression '", 'the expression "')), sentence
        assert ", got " in sentence, sentence
        assert len(sentence) < 600, sentence
        assert time.process_time() - start < SECONDS_LIMIT, f"refused slowly: {text[:60]!r}"
        return "refused"
    plain = evaluate(expression, VALUES)
    array = float(compile_numpy(expression).value(VALUES))
    assert parse(expression.text, VALUES, allow_comparison=True) == expression, expression.text
    assert expression.latex().isprintable()
    is_conditioned = agree(plain, array, 1e-9)
    if not is_conditioned:  # sin(1e18) is chaos: then each operation by itself must agree
        check_operations(expression.tree)
    # Python raises where the standard goes on with infinity, so NaN in `expected` says nothing about the answer.
    if expected is not None and math.isfinite(expected):
        assert agree(plain, expected, 1e-9), f"{text!r}: {plain!r}, expected {expected!r}"
    assert time.process_time() - start < SECONDS_LIMIT, f"accepted slowly: {text[:60]!r}"
    return "accepted" if is_conditioned else "accepted, ill-conditioned"


def check_operations(node: Node) -> float:
    """Compare plain and array evaluation of every operation on the same plain operands; the plain value."""
    match node:
        case Unary(operand):
            children = (operand,)
        case Binary(_, left, right):
            children = (left, right)
        case Call(_, parts) | Comparison(_, parts):
            children = parts
        case _:
            return evaluate(Expression(node), VALUES)
    values = dict(VALUES)
    operands: list[Node] = []
    for index, child in enumerate(children):
        value = check_operations(child)
        is_leaf = isinstance(child, Name | Number | Constant)
        operands.append(child if is_leaf else Name(f"operand{index}"))
        values[f"operand{index}"] = value
    match node:
        case Unary():
            operation: Node = Unary(*operands)
        case Binary(operator):
            operation = Binary(operator, *operands)
        case Call(function):
            operation = Call(function, tuple(operands))
        case Comparison(operators):
            operation = Comparison(operators, tuple(operands))
    plain = evaluate(Expression(operation), values)
    array = float(compile_numpy(Expression(operation)).value(values))
    assert agree(plain, array, 1e-12), f"{operation!r} at {values!r}: {plain!r} plain, {array!r} as an array"
    return plain


def agree(left: float, right: float, tolerance: float) -> bool:
    """Equal up to rounding; NaN and infinities agree with themselves."""
    return (
        (math.isnan(left) and math.isnan(right))
        or left == right
        or math.isclose(left, right, rel_tol=tolerance, abs_tol=1e-12)
    )


def run(count: int, seed: int) -> Counter[str]:
    """Check that many random texts; how many were accepted and refused."""
    generator = random.Random(seed)
    with np.errstate(all="raise"):  # whatever is computed shields itself
        return Counter(check(*random_text(generator)) for _ in range(count))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    began = time.process_time()
    tally = run(options.count, options.seed)
    spent = time.process_time() - began
    logging.info("%s; nothing else, in %.1f s of processor time", dict(sorted(tally.items())), spent)
