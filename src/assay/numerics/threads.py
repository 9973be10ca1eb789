"""One BLAS thread around small linear algebra.

Below a few thousand rows the threads of a BLAS spin for longer than they work; on a busy machine they made
Gaussian-process gradients 28 to 190 times slower (docs: performance). The limit is scoped: what the caller had
set is restored.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache

from threadpoolctl import ThreadpoolController

__all__ = ["blas_threads_for", "single_threaded_blas"]

# From so many rows on, a factorisation takes long enough that its threads pay.
_MANY_ROWS = 800

_LOCK = threading.Lock()
_DEPTH = 0
_LIMIT = None


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    """The libraries found once: looking for them takes 8 ms, a limit 20 microseconds."""
    import scipy.linalg.lapack  # noqa: F401  (its library must be loaded before it can be found)

    return ThreadpoolController()


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Limit BLAS to one thread inside the block; nesting and threads are free of surprises.

    The limit belongs to the process, so the first block to enter sets it and the last to leave restores it.

    Example:
        >>> with single_threaded_blas():
        ...     pass
    """
    global _DEPTH, _LIMIT
    with _LOCK:
        if _DEPTH == 0:
            _LIMIT = _controller().limit(limits=1, user_api="blas")
            _LIMIT.__enter__()
        _DEPTH += 1
    try:
        yield
    finally:
        with _LOCK:
            _DEPTH -= 1
            if _DEPTH == 0 and _LIMIT is not None:
                _LIMIT.__exit__(None, None, None)
                _LIMIT = None


def blas_threads_for(rows: int) -> AbstractContextManager[None]:
    """One BLAS thread around matrices of few rows; around those of many, as many as the caller allows.

    Example:
        >>> with blas_threads_for(20):
        ...     pass
    """
    return single_threaded_blas() if rows < _MANY_ROWS else nullcontext()
