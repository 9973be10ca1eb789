"""The language: what is accepted, what it means, what is refused and how."""

from __future__ import annotations

import math
import pickle

import pytest
import scipy.special

from assay.errors import ExpressionError
from assay.space.expressions import evaluate, is_satisfied, parse
from assay.space.syntax import FUNCTIONS

NAMES = ("a", "b", "c", "x", "y")
POINT = {"a": 0.3, "b": -1.7, "c": 2.5, "x": 0.6, "y": -0.4}


def value(text: str, **values: float) -> float:
    return evaluate(parse(text, NAMES, allow_comparison=True), {**POINT, **values})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-3^2", -9),
        ("2^-1", 0.5),
        ("2^3^2", 512),
        ("2**3**2", 512),
        ("(2^3)^2", 64),
        ("-2^-2", -0.25),
        ("8/4/2", 1),
        ("8 - 4 - 2", 2),
        ("2 + 3*4", 14),
        ("-(-3)", 3),
        ("+3 - -2", 5),
        ("2*-3", -6),
        (".5e1 + 1.", 6),
        ("max(1, 3, 2) - min(4)", -1),
        ("PI + E", math.pi + math.e),
        ("round(2.5) + trunc(-2.7) + sign(-3)", -1),
        ("log10(1000) + log(E)", 4),
        ("1e3*1E-3", 1),
    ],
)
def test_the_meaning_of_an_expression_is_the_usual_one(text: str, expected: float) -> None:
    assert value(text) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    "text",
    [
        "-x^2", "(-x)^2", "x--y", "x-(y-a)", "x/(y*a)", "x/y*a", "(x^y)^a", "x^y^a", "x^-y", "2*-x", "-(x+y)*3",
        "a <= b < c", "a*x + b >= sqrt(c)", "max(x, -y, 1e-7)", "1e300*x + 1e16 + 123456789012345678", "+x + (+y)",
        "a-b+c", "a-(b+c)", "--x", "(-x)*y", "-(x*y)",
    ],
)  # fmt: skip
def test_the_canonical_text_parses_to_the_same_tree(text: str) -> None:
    expression = parse(text, NAMES, allow_comparison=True)
    again = parse(expression.text, NAMES, allow_comparison=True)
    assert again == expression
    assert again.text == expression.text
    assert pickle.loads(pickle.dumps(expression)) == expression


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("alpha_1/2", r"\frac{\alpha_{\mathrm{1}}}{2}"),
        ("-x^(a+1)", "-x^{a + 1}"),
        ("sqrt(x) <= PI", r"\sqrt{x} \leq \pi"),
        ("2e-7*width", r"2 \cdot 10^{-7} \cdot \mathrm{width}"),
        ("(a+b)*abs(c)", r"\left(a + b\right) \cdot \left|c\right|"),
        ("log10(x) + erfinv(y)", r"\log_{10}\left(x\right) + \operatorname{erf}^{-1}\left(y\right)"),
    ],
)
def test_latex(text: str, latex: str) -> None:
    assert parse(text, None, allow_comparison=True).latex() == latex


HOSTILE = [
    "__import__('os').system('true')", "().__class__.__bases__[0].__subclasses__()", "x.__class__", "x.real",
    "lambda x: x", "(x := 3)", "f'{x}'", "[x for x in (1,)]", "max(*(x, y))", "max(x, key=y)", "{1: 2}", "x[0]",
    "open('/etc/passwd')", "exec('1')", "eval(x)", "getattr(x, y)", "'a'*10^9", "b'x'", "1 if x else 2", "1if 1else 2",
    "x and y", "not x", "x is y", "x in y", "yield x", "await x", "x; y", "x # y", "x\\\ny", "x\x00", "\ufeffx",
    "ｘ + 1", "x² + 1", "sin（x）", "1_000", "0x10", "1j", "1e400", "nan", "inf", "x % 2", "x // 2", "x @ y", "~x",
    "x & y", "x | y", "x << 2", "x == y", "x != y", "x = y", "a <= (b <= c)", "sqrt(a <= b)", "(a <= b)", "sin",
    "sin()", "sin(x, y)", "max()", "max(x,)", "x y", "2x", "x(3)", "3(x)", "()", "", " ", "+", "x +", "* x", "(x",
    "x)", "x,y", "unknown", "log_prob", "__x__", "...", "1..2", "1.2.3", "<= x", "x <=", "x => y", "x <> y",
    "(" * 1500 + "x" + ")" * 400, "-" * 1999 + "x", "x^" * 999 + "x", "+".join(["x"] * 900), "x" * 2001,
    "sin(" * 300 + "x" + ")" * 300, "max(" + ",".join(["x"] * 600) + ")",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:20]))
def test_hostile_text_is_refused_with_one_sentence(text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text, NAMES, allow_comparison=True, owner="the expression of constraint 'k'")
    message = str(caught.value)
    assert message.startswith("the expression of constraint 'k' ")
    assert "got " in message
    assert "\n" not in message
    assert len(message) < 400


@pytest.mark.parametrize("text", [None, 3, b"x", ["x"]])
def test_only_text_is_parsed(text: object) -> None:
    with pytest.raises(ExpressionError, match="must be a text"):
        parse(text, NAMES)  # pyright: ignore[reportArgumentType]


def test_a_refusal_names_the_column_in_the_users_own_text() -> None:
    with pytest.raises(ExpressionError, match="got 'z' at column 8"):
        parse("x**2 + z", NAMES)


def test_a_comparison_is_refused_where_it_has_no_meaning() -> None:
    with pytest.raises(ExpressionError, match="may not hold a comparison"):
        parse("x <= y", NAMES)


def test_a_comparison_is_its_smallest_slack() -> None:
    assert value("a <= x <= y", a=1, x=2, y=2.5) == 0.5
    assert value("a >= x", a=1, x=2) == -1


def test_a_bound_itself_satisfies_a_weak_comparison_only() -> None:
    weak, strict = (parse(text, NAMES, allow_comparison=True) for text in ("0 <= x <= 1", "0 <= x < 1"))
    assert is_satisfied(weak, {"x": 1.0})
    assert not is_satisfied(strict, {"x": 1.0})
    assert not is_satisfied(weak, {"x": math.nextafter(1.0, 2.0)})
    assert not is_satisfied(parse("sqrt(x) <= 1", NAMES, allow_comparison=True), {"x": -1.0})


def test_numbers_outside_a_domain_give_the_ieee_answer_and_no_error() -> None:
    assert value("9**9**9**9") == math.inf
    assert value("1/0") == math.inf
    assert value("-1/0") == -math.inf
    assert value("log(0)") == -math.inf
    assert value("exp(1000) + sinh(1000) + cosh(-1000)") == math.inf
    assert value("sinh(-1000)") == -math.inf
    assert value("0^-1") == math.inf
    assert value("(-2)^1025") == -math.inf
    for text in (
        "0/0",
        "sqrt(-1)",
        "(-1)^0.5",
        "log(-1)",
        "asin(2)",
        "max(0/0, 1)",
        "min(1, 0/0)",
        "erfinv(2)",
        "round(0/0)",
    ):
        assert math.isnan(value(text)), text


@pytest.mark.parametrize("x", [0.0, 1e-300, 1e-9, 1e-4, 0.1, 0.5, 0.51, 0.9, 1 - 1e-10, 1 - 2**-53, 1.0])
def test_the_inverse_error_function_agrees_with_scipy(x: float) -> None:
    expected = float(scipy.special.erfinv(x))
    assert value("erfinv(x)", x=x) == pytest.approx(expected, rel=1e-15)
    assert value("erfinv(x)", x=-x) == pytest.approx(-expected, rel=1e-15)


def test_every_function_has_a_plain_value() -> None:
    for function in FUNCTIONS:
        assert math.isfinite(value(f"{function}(x)", x=1.5 if function == "acosh" else 0.5))


def test_the_names_are_those_used() -> None:
    assert parse("x*sin(b) + PI <= max(a, x)", NAMES, allow_comparison=True).names == ("a", "b", "x")


def test_log_prob_is_a_name_only_where_it_is_defined() -> None:
    assert parse("x - log_prob", ["x", "log_prob"]).names == ("log_prob", "x")
    with pytest.raises(ExpressionError):
        parse("log_prob", None)
