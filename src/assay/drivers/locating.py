"""Where in a configuration something is wrong: refusals from below with the path of the key in front."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from assay.errors import ConfigurationError, NumericalError, UsageError

__all__ = ["at_key"]


@contextmanager
def at_key(path: str) -> Iterator[None]:
    """Refusals of what is built inside name this key of the driver's configuration.

    Example:
        >>> with at_key("variables.0"):
        ...     raise UsageError("a formula must be short, got 9 pages")
        Traceback (most recent call last):
        ...
        assay.errors.ConfigurationError: the driver's key 'variables.0': a formula must be short, got 9 pages

    Raises:
        ConfigurationError: when a UsageError or a NumericalError is raised inside.
    """
    try:
        yield
    except (UsageError, NumericalError) as error:  # numbers that are too large for what is built from them
        sentence = str(error)
        raise ConfigurationError(
            sentence if sentence.startswith("the driver's key") else f"the driver's key {path!r}: {sentence}"
        ) from None
