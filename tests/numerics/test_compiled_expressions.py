"""Compiled expressions: values and gradients against SymPy, finite differences and JAX."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy

from assay.numerics.expressions import compile_jax, compile_numpy
from assay.space.expressions import evaluate, parse

NAMES = ["x", "y"]
TEXTS = [
    "x^3*y - y^2/x",
    "-x^2",
    "x^-2 + 2^x",
    "x^y",
    "(x + y)^0.5",
    "(x - 2*y)^3",
    "x^(1 + 2)*PI^2 - E",
    "sqrt(x) + sin(y)*cos(x) - tan(x*y)",
    "asin(x) + acos(y) - atan(x/y)",
    "sinh(x) + cosh(y) - tanh(x - y)",
    "asinh(x) + acosh(1 + y) + atanh(x*y)",
    "exp(-x^2)*log(y) + log10(x + y)",
    "erf(x) - erfinv(y)",
    "abs(x - 2*y)*sign(y - 1)",
    "max(x, y, x*y) + min(x^2, y)",
    "trunc(3*x) + round(5*y)",
    "((x*y + 1)/(x - 3))^2/(1 + exp(x*y))",
]
X, Y = np.random.default_rng(4).uniform(0.05, 0.95, (2, 40))


def sympy_function(text: str, wrt: str | None):
    words = {
        name: getattr(sympy, name) for name in ("asin", "acos", "atan", "asinh", "acosh", "atanh", "erfinv")
    }
    words |= {"PI": sympy.pi, "E": sympy.E, "abs": sympy.Abs, "max": sympy.Max, "min": sympy.Min}
    words |= {"x": sympy.Symbol("x", real=True), "y": sympy.Symbol("y", real=True)}
    words |= {"log10": lambda z: sympy.log(z, 10)}
    expression = sympy.sympify(text.replace("^", "**"), locals=words)  # pyright: ignore[reportCallIssue]
    if wrt is not None:
        expression = sympy.diff(expression, words[wrt])
    return sympy.lambdify([words["x"], words["y"]], expression, ["scipy", "numpy"])


SMOOTH = [text for text in TEXTS if not any(word in text for word in ("max", "trunc", "abs"))]


@pytest.mark.parametrize("text", SMOOTH)
def test_values_and_gradients_agree_with_sympy(text: str) -> None:
    value, gradient = compile_numpy(parse(text, NAMES)).value_gradient({"x": X, "y": Y}, NAMES)
    np.testing.assert_allclose(value, sympy_function(text, None)(X, Y), rtol=1e-12, atol=1e-13)
    for name in NAMES:
        np.testing.assert_allclose(
            gradient[name], sympy_function(text, name)(X, Y) + 0 * X, rtol=1e-11, atol=1e-12
        )


@pytest.fixture(scope="module")
def by_jax() -> dict[str, tuple[np.ndarray, ...]]:
    """Value and both slopes of every text, by one program, since compiling takes longer than running."""

    def all_of_them(x: jax.Array, y: jax.Array) -> list:
        answers = []
        for text in TEXTS:
            function = compile_jax(parse(text, NAMES))
            value, pull = jax.vjp(lambda x, y, function=function: function({"x": x, "y": y}), x, y)
            answers.append((value, *pull(jnp.ones_like(value))))
        return answers

    with jax.enable_x64(True):
        answers = jax.jit(all_of_them)(jnp.array(X), jnp.array(Y))
        return {text: tuple(map(np.asarray, answer)) for text, answer in zip(TEXTS, answers, strict=True)}


@pytest.mark.parametrize("text", TEXTS)
def test_values_and_gradients_agree_with_jax(text: str, by_jax: dict) -> None:
    compiled = compile_numpy(parse(text, NAMES))
    value, gradient = compiled.value_gradient({"x": X, "y": Y}, NAMES)
    expected, *slopes = by_jax[text]
    np.testing.assert_allclose(value, expected, rtol=1e-13, atol=1e-14)
    np.testing.assert_array_equal(value, compiled.value({"x": X, "y": Y}))
    for name, slope in zip(NAMES, slopes, strict=True):
        np.testing.assert_allclose(gradient[name], slope, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("text", SMOOTH)
def test_central_differences_converge_to_the_gradient_at_second_order(text: str) -> None:
    compiled = compile_numpy(parse(text, NAMES))
    _, gradient = compiled.value_gradient({"x": X, "y": Y}, ["x"])
    errors = []
    for step in (4e-4, 2e-4):
        ends = [compiled.value({"x": X + sign * step, "y": Y}) for sign in (1, -1)]
        errors.append(np.abs((ends[0] - ends[1]) / (2 * step) - gradient["x"]))
    seen = errors[0] > 1e-7 * (1 + np.abs(gradient["x"]))  # the others are rounding
    if not seen.any():
        assert errors[1].max() < 1e-6
        return
    assert np.median(errors[0][seen] / errors[1][seen]) == pytest.approx(4, abs=0.2)


@pytest.mark.parametrize("text", TEXTS)
def test_the_plain_value_is_the_array_value(text: str) -> None:
    expression = parse(text, NAMES)
    value = compile_numpy(expression).value({"x": X, "y": Y})
    plain = [evaluate(expression, {"x": x, "y": y}) for x, y in zip(X, Y, strict=True)]
    np.testing.assert_allclose(value, plain, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize(
    ("text", "value", "slope"),
    [
        ("x^2", [4, 0], [-4, 0]),
        ("x^3", [-8, 0], [12, 0]),
        ("x^1", [-2, 0], [1, 1]),
        ("x^0", [1, 1], [0, 0]),
        ("x^-1", [-0.5, np.inf], [-0.25, -np.inf]),
        ("x^(3-1)", [4, 0], [-4, 0]),
        ("abs(x)", [2, 0], [-1, 0]),
        ("max(x, -x)", [2, 0], [-1, 0]),
    ],
)
def test_whole_powers_have_finite_gradients_at_zero_and_below(text: str, value: list, slope: list) -> None:
    x = np.array([-2.0, 0.0])
    got, gradient = compile_numpy(parse(text, ["x"])).value_gradient({"x": x}, ["x"])
    np.testing.assert_array_equal(got, value)
    np.testing.assert_array_equal(gradient["x"], slope)


def test_a_variable_exponent_has_a_gradient_at_base_zero() -> None:
    value, gradient = compile_numpy(parse("x^y", NAMES)).value_gradient({"x": 0.0, "y": 2.5}, NAMES)
    assert (value, gradient["x"], gradient["y"]) == (0, 0, 0)


def test_a_comparison_compiles_to_its_slack_and_a_chain_to_the_smallest() -> None:
    x = np.array([-1.0, 0.25, 0.5, 2.0])
    value, gradient = compile_numpy(parse("0 <= x < 1", ["x"], allow_comparison=True)).value_gradient(
        {"x": x}, ["x"]
    )
    np.testing.assert_array_equal(value, [-1, 0.25, 0.5, -1])
    np.testing.assert_array_equal(gradient["x"], [1, 1, 0, -1])
    value = compile_numpy(parse("x >= 1", ["x"], allow_comparison=True)).value({"x": x})
    np.testing.assert_array_equal(value, x - 1)


def test_arrays_broadcast_and_absent_names_have_no_slope() -> None:
    compiled = compile_numpy(parse("x^2 + PI", NAMES))
    value, gradient = compiled.value_gradient({"x": np.ones((3, 1)), "y": np.ones(4)}, NAMES)
    assert value.shape == gradient["x"].shape == gradient["y"].shape == (3, 4)
    assert not gradient["y"].any()
    assert compile_numpy(parse("2*PI", [])).value({}).shape == ()


def test_no_warning_leaves_and_no_setting_stays() -> None:
    before = np.geterr()
    compiled = compile_numpy(parse("log(x) + 1/x + x^0.5 + exp(1000*x)", ["x"]))
    value, _ = compiled.value_gradient({"x": np.array([-1.0, 0.0, 1.0])}, ["x"])
    assert np.isnan(value[:2]).all()
    assert value[2] == np.inf
    assert np.geterr() == before


def test_a_deep_sum_still_has_its_gradient() -> None:
    compiled = compile_numpy(parse(" + ".join(["x*y"] * 120), NAMES))
    value, gradient = compiled.value_gradient({"x": 2.0, "y": 3.0}, NAMES)
    assert value == pytest.approx(720)
    assert gradient["x"] == pytest.approx(360)


def test_a_compiled_jax_function_is_traced_once_for_new_numbers() -> None:
    traces = []
    function = compile_jax(parse("exp(-x)*y", NAMES))

    def counted(x: jax.Array) -> jax.Array:
        traces.append(1)
        return function({"x": x, "y": 2.0})

    jitted = jax.jit(counted)
    for number in (1.0, 2.0, 3.0):
        assert float(jitted(jnp.asarray(number))) == pytest.approx(2 * np.exp(-number), rel=1e-6)
    assert len(traces) == 1
