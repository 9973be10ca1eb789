"""JAX through one door: float64 inside, nothing changed outside, compilations counted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from assay.errors import UsageError
from assay.numerics.compile import bucket, compiled, float64, pad_rows


def test_a_users_float32_program_is_unchanged() -> None:
    program = jax.jit(lambda x: jnp.sin(x) / 3.0)
    before = program(jnp.arange(4.0))

    @compiled()
    def ours(x: np.ndarray) -> jax.Array:
        return jnp.sum(jnp.exp(x))

    assert ours(np.ones(3)).dtype == jnp.float64
    after = program(jnp.arange(4.0))
    assert before.dtype == after.dtype == jnp.float32
    np.testing.assert_array_equal(np.asarray(before), np.asarray(after))
    assert not jax.config.read("jax_enable_x64")


def test_new_numbers_compile_nothing_and_new_shapes_do() -> None:
    @compiled(static=(1,))
    def power(x: np.ndarray, exponent: int) -> jax.Array:
        return jnp.asarray(x) ** exponent

    for _ in range(3):
        power(np.random.default_rng().random(5), 2)
    assert power.compilations == 1
    power(np.ones(6), 2)
    power(np.ones(5), 3)
    assert power.compilations == 3


def test_the_scope_is_float64() -> None:
    with float64():
        assert jnp.ones(2).dtype == jnp.float64
    assert jnp.ones(2).dtype == jnp.float32


@pytest.mark.parametrize("rows", [0, 1, 16, 17, 257, 385, 10_000])
def test_a_bucket_holds_its_rows_and_wastes_at_most_half(rows: int) -> None:
    size = bucket(rows)
    assert size >= rows
    assert size <= max(16, 2 * rows)
    assert bucket(size) == size


def test_a_negative_bucket_is_refused() -> None:
    with pytest.raises(UsageError, match="negative"):
        bucket(-1)


def test_padding_adds_zeros() -> None:
    np.testing.assert_array_equal(pad_rows(np.ones((2, 2)), 3), [[1, 1], [1, 1], [0, 0]])
    assert pad_rows(np.ones((2, 2)), 3, axes=(0, 1)).sum() == 4.0


@pytest.mark.parametrize(("own", "off"), [(False, False), (True, False), (False, True)])
def test_the_cache_is_set_unless_the_user_has(tmp_path: Path, own: bool, off: bool) -> None:
    script = (
        "from assay.numerics.compile import jax_module; print(jax_module().config.jax_compilation_cache_dir)"
    )
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    environment.pop("ASSAY_COMPILATION_CACHE", None)
    if own:
        environment["JAX_COMPILATION_CACHE_DIR"] = "/somewhere"
    if off:
        environment["ASSAY_COMPILATION_CACHE"] = "off"
    output = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    ).stdout.strip()
    assert output == ("/somewhere" if own else "None" if off else str(tmp_path / "assay" / "jax"))
