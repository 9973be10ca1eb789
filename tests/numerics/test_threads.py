"""The limit on BLAS threads holds inside a block and is gone after it."""

from __future__ import annotations

import pytest
from threadpoolctl import ThreadpoolController

from assay.numerics.threads import single_threaded_blas


def _threads() -> set[int]:
    return {info["num_threads"] for info in ThreadpoolController().info() if info["user_api"] == "blas"}


def test_blocks_nest_and_restore() -> None:
    controller = ThreadpoolController()
    with controller.limit(limits=2, user_api="blas"):
        before = _threads()
        with single_threaded_blas():
            assert _threads() == {1}
            with single_threaded_blas():
                assert _threads() == {1}
            assert _threads() == {1}
        assert _threads() == before


def test_an_exception_restores_too() -> None:
    with ThreadpoolController().limit(limits=2, user_api="blas"):
        before = _threads()
        with pytest.raises(ZeroDivisionError), single_threaded_blas():
            raise ZeroDivisionError
        assert _threads() == before
