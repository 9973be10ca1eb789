"""What a refusal says, without a test framework: the suites are shipped, pytest is not."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["refusal"]


def refusal(error: type[Exception], action: Callable[[], object]) -> str:
    """The text of the error that an action must raise.

    Raises:
        AssertionError: when the action goes through.

    Example:
        >>> refusal(ZeroDivisionError, lambda: 1 / 0)
        'division by zero'
    """
    try:
        action()
    except error as raised:
        return str(raised)
    raise AssertionError(f"nothing was refused, although {error.__name__} was due")
