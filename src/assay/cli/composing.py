"""Commands that share arguments: written once, and made into a value that each command takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

__all__ = ["made_by"]


def made_by(maker: Callable[..., Any], command: Callable[..., None]) -> Callable[..., None]:
    """A command that takes the arguments of a maker in the place of its own first one, which the maker makes of them.

    Arguments:
        maker: its arguments carry what typer needs to know of them.
        command: typer sees its other arguments before those of the maker, but for what must be given.
    """
    shared = list(inspect.signature(maker, eval_str=True).parameters.values())
    signature = inspect.signature(command, eval_str=True)
    parts = [*list(signature.parameters.values())[1:], *shared]
    needed = [part for part in parts if part.default is inspect.Parameter.empty]
    optional = [part for part in parts if part.default is not inspect.Parameter.empty]

    @wraps(command)
    def whole(**given: Any) -> None:
        command(maker(**{part.name: given.pop(part.name) for part in shared}), **given)

    vars(whole)["__signature__"] = signature.replace(parameters=[*needed, *optional])
    return whole
