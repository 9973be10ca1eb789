"""The sole entry to JAX: programs in float64, compiled once for each shape, and nothing global left behind.

A compiled function traces and runs inside a scoped x64 context, so that a float32 program of the user is not changed.
Programs are kept on disk between processes, in the user's cache folder, unless the user has chosen a folder or the
environment variable ASSAY_COMPILATION_CACHE is "off". Data are padded to buckets of rows, so that a growing dataset
meets few shapes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, final

import numpy as np

from assay.errors import UsageError, missing_extra

__all__ = ["INLINE_PRODUCTS", "CompiledFunction", "bucket", "compiled", "float64", "jax_module", "pad_rows"]

Array = np.ndarray

CACHE_VARIABLE = "ASSAY_COMPILATION_CACHE"
# Products of small matrices are then computed where they are met, rather than handed to XLA's pool of threads: a biased
# step of 64 atoms takes 8.4 to 10.3 ms of CPU in place of 11.7. Long loops over one array use the pool all the same.
INLINE_PRODUCTS = {"xla_cpu_multi_thread_eigen": False}


@lru_cache(maxsize=1)
def jax_module() -> Any:
    """JAX, imported at first use, with the compilation cache set.

    Raises:
        MissingExtraError: when JAX is not installed; it names the command that installs it.
    """
    try:
        import jax
    except ImportError as error:
        raise missing_extra("JAX", "jax") from error
    if jax.config.values["jax_compilation_cache_dir"] is None and os.environ.get(CACHE_VARIABLE, "") != "off":
        folder = _cache_folder() / "assay" / "jax"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:  # a home that cannot be written: compile again in each process
            return jax
        jax.config.update("jax_compilation_cache_dir", str(folder))
        # By default only programs that compiled for a second are kept; ours are many and small.
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
    return jax


@contextmanager
def float64() -> Iterator[None]:
    """A scope in which JAX computes in float64."""
    with jax_module().enable_x64(True):
        yield


@final
@dataclass(frozen=True)
class CompiledFunction:
    """A JAX program, compiled for each new combination of shapes and static arguments.

    Arguments:
        function: traceable; positional arguments only.
        static: the positions of arguments that are part of the program.
    """

    function: Callable[..., Any]
    static: tuple[int, ...] = ()
    _traces: list[int] = field(default_factory=lambda: [0], repr=False, compare=False)
    _programs: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def __call__(self, *arguments: Any) -> Any:
        """Run in float64, compiling first where needed."""
        if not self._programs:
            self._programs["jit"] = jax_module().jit(
                self._traced, static_argnums=self.static, compiler_options=INLINE_PRODUCTS
            )
        with float64():
            return self._programs["jit"](*arguments)

    @property
    def compilations(self) -> int:
        """How often it was compiled so far."""
        return self._traces[0]

    def _traced(self, *arguments: Any) -> Any:
        self._traces[0] += 1
        return self.function(*arguments)


def compiled(*, static: tuple[int, ...] = ()) -> Callable[[Callable[..., Any]], CompiledFunction]:
    """Decorate a traceable function; JAX is imported when it is first called.

    Arguments:
        static: the positions of arguments that are part of the program; they must be hashable.

    Example:
        >>> @compiled()
        ... def double(x):
        ...     return 2.0 * x
        >>> float(double(np.float64(1.5)))
        3.0
        >>> double.compilations
        1
    """
    return lambda function: CompiledFunction(function, static)


def bucket(rows: int) -> int:
    """The least size of a bucket that holds so many rows: 16, 32, 64, 128, 256, then 1.5 and 2 times a power of two.

    Example:
        >>> [bucket(rows) for rows in (1, 33, 300, 513)]
        [16, 64, 384, 768]
    """
    if rows < 0:
        raise UsageError(f"the number of rows of a bucket must not be negative, got {rows}")
    size = 16
    while size < rows:
        size = size * 3 // 2 if size >= 256 and size & (size - 1) == 0 else 1 << size.bit_length()
    return size


def pad_rows(array: Array, size: int, axes: tuple[int, ...] = (0,)) -> Array:
    """The array with zeros after its rows, so that each of `axes` has `size` entries."""
    widths = [(0, size - length) if axis in axes else (0, 0) for axis, length in enumerate(array.shape)]
    return np.pad(array, widths)


def _cache_folder() -> Path:
    """The user's cache folder, by the custom of the platform."""
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Caches"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local"))
    return Path(os.environ.get("XDG_CACHE_HOME", home / ".cache"))
