"""A law in another language says the same as in ours."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from assay.discovery.discover import discover
from assay.discovery.printing import to_c, to_jax, to_numpy, to_sympy
from assay.errors import UsageError
from assay.numerics.expressions import compile_numpy
from assay.space.expressions import Expression, parse
from assay.space.syntax import Node

TEXTS = [
    "2.5*x^2*y - 3*sqrt(y)/(1 + x)",
    "exp(-x^1.5)*sin(3*y) + log(y)^3",
    "abs(-x) + tanh(y)*acosh(1 + y)*PI",
    "-(x - y)^-2 + asin(x/4)*cosh(y) - log10(y)",
    "x^y/1e-12 + 1e300*x/y*E",
    "erf(x) + trunc(3*y) + round(x)",
]
X, Y = np.array([0.3, 1.7]), np.array([2.2, 0.9])


def tree(text: str) -> Node:
    return parse(text, ["x", "y"]).tree


def truth(text: str) -> np.ndarray:
    return compile_numpy(Expression(tree(text))).value({"x": X, "y": Y})


@pytest.mark.parametrize("text", TEXTS)
def test_numpy_source_gives_the_same(text: str) -> None:
    import scipy.special

    found = eval(to_numpy(tree(text)), {"np": np, "special": scipy.special, "x": X, "y": Y})
    np.testing.assert_allclose(found, truth(text), rtol=1e-14)


@pytest.mark.parametrize("text", TEXTS)
def test_jax_source_gives_the_same(text: str) -> None:
    jax = pytest.importorskip("jax")
    import jax.numpy as jnp
    from jax.scipy import special

    with jax.enable_x64(True):
        found = eval(
            to_jax(tree(text)),
            {"jnp": jnp, "special": special, "x": jnp.asarray(X), "y": jnp.asarray(Y)},
        )
        np.testing.assert_allclose(found, truth(text), rtol=1e-13)


def test_whole_powers_in_jax_have_derivatives_at_zero() -> None:
    jax = pytest.importorskip("jax")
    import jax.numpy as jnp

    source = to_jax(parse("x^2 + 3*x^1", ["x"]).tree)
    slope = jax.grad(lambda x: eval(source, {"jnp": jnp, "x": x}))
    assert slope(0.0) == 3.0


@pytest.mark.parametrize("text", TEXTS[:-1])
def test_sympy_gives_the_same(text: str) -> None:
    sympy = pytest.importorskip("sympy")
    x, y = (sympy.Symbol(name, real=True) for name in "xy")
    found = [float(to_sympy(tree(text)).subs({x: a, y: b}).evalf(20)) for a, b in zip(X, Y, strict=True)]
    np.testing.assert_allclose(found, truth(text), rtol=1e-13)


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_c_source_compiles_and_gives_the_same(tmp_path: Path) -> None:
    sources = [to_c(tree(text), f"law_{index}", ["x", "y"]) for index, text in enumerate(TEXTS)]
    place = tmp_path / "laws.c"
    place.write_text("\n".join(sources), encoding="utf-8")
    library = tmp_path / "laws.so"
    command = ["cc", "-std=c99", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, place, "-lm"]
    subprocess.run(command, check=True)
    loaded = ctypes.CDLL(str(library))
    for index, text in enumerate(TEXTS):
        function = loaded[f"law_{index}"]
        function.restype, function.argtypes = ctypes.c_double, [ctypes.c_double, ctypes.c_double]
        found = [function(a, b) for a, b in zip(X, Y, strict=True)]
        np.testing.assert_allclose(found, truth(text), rtol=1e-13)


def test_a_law_says_the_same_in_every_language_for_the_units_of_its_data() -> None:
    pytest.importorskip("pint")
    sympy, jnp = pytest.importorskip("sympy"), pytest.importorskip("jax.numpy")
    rows = {"x": np.array([150.0, 250.0]), "t": np.array([1.0, 3.0])}
    generator = np.random.default_rng(0)
    data = {"x": generator.uniform(100.0, 300.0, 30), "t": generator.uniform(1.0, 4.0, 30)}
    v = 0.37e-3 * data["x"] / data["t"] * np.exp(-0.11 * data["t"])
    units = {"x": "mm", "t": "s", "v": "m/s"}
    law = discover({**data, "v": v}, "v", units=units, engines=["deterministic"]).recommended
    truth = 0.37e-3 * rows["x"] / rows["t"] * np.exp(-0.11 * rows["t"])
    np.testing.assert_allclose(law.predict(rows), truth, rtol=1e-9)
    np.testing.assert_allclose(eval(law.numpy, {"np": np, **rows}), truth, rtol=1e-9)
    np.testing.assert_allclose(eval(law.jax, {"jnp": jnp, **rows}), truth, rtol=1e-5)  # in single precision
    assert law.c.splitlines()[0] == "/* t in s, x in mm, v in m/s */"
    assert "(double t, double x)" in law.c
    # For people, in the coherent units: millimetres per second.
    first = {symbol: rows[symbol.name][0] for symbol in law.sympy.free_symbols}
    assert float(law.sympy.subs(first)) == pytest.approx(1e3 * truth[0])
    assert sympy.latex(law.sympy)
    assert law.latex.count("\\mathrm{e}^") + law.latex.count("\\exp") == 1


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [("x", ["double"], "none of its own, got 'double'"), ("erfinv(x)", ["x"], "got 'erfinv'")],
)
def test_what_c_cannot_say_is_refused(text: str, arguments: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        to_c(parse(text, None).tree, "law", arguments)
