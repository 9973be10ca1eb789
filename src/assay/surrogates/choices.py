"""Words that a recipe is told by, checked where it is made: one that is misspelt must not be taken for another."""

from __future__ import annotations

from typing import Any, Literal, get_args

from assay.errors import UsageError

__all__ = ["NoiseName", "require_choice"]

NoiseName = Literal["fit", "none"]
"""Whether a noise is fitted, or the model is deterministic."""


def require_choice(whose: str, key: str, given: Any, choices: Any) -> None:
    """Refuse a word that is none of the choices.

    Arguments:
        whose: the recipe, with its article.
        key: of the recipe.
        given: the word.
        choices: a `Literal` type.

    Raises:
        UsageError: when it is none of them.

    Example:
        >>> from typing import Literal
        >>> require_choice("a model", "noise", "fitted", Literal["fit", "none"])
        Traceback (most recent call last):
            ...
        assay.errors.UsageError: the noise of a model must be one of 'fit', 'none', got 'fitted'
    """
    known = get_args(choices)
    if given not in known:
        raise UsageError(f"the {key} of {whose} must be one of {', '.join(map(repr, known))}, got {given!r}")
