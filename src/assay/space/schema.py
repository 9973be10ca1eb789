"""Plain data to frozen objects of the space: by the key `type`, with the path of whatever breaks a rule.

The rules themselves stand in the constructors, so data and Python objects are held to the same ones.
"""

from __future__ import annotations

import dataclasses
import keyword
import math
import re
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, TypeVar

from assay.errors import SpaceError
from assay.space.syntax import RESERVED

__all__ = [
    "as_finite",
    "as_flag",
    "as_interval",
    "as_name",
    "as_plain",
    "as_whole",
    "build",
    "set_normal",
    "shown",
]

T = TypeVar("T")

NAME_LIMIT = 100  # characters

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def shown(value: Any) -> str:
    """What was got, short enough for a sentence."""
    try:
        text = repr(value)
    except ValueError:  # Python refuses to write whole numbers of more than 4300 digits
        return "a number of thousands of digits"
    except RecursionError:
        return "lists within lists without end"
    return text if len(text) <= 80 else f"{text[:77]}..."


def as_name(what: str, name: Any) -> str:
    """A name that an expression and a keyword argument can carry."""
    if not isinstance(name, str) or not _IDENTIFIER.fullmatch(name) or len(name) > NAME_LIMIT:
        raise SpaceError(
            f"the name of {what} must be at most {NAME_LIMIT} letters, digits and _, not starting with a digit, got {shown(name)}"
        )
    if name in RESERVED or keyword.iskeyword(name):
        raise SpaceError(
            f"the name of {what} must not be a word of the expression language or of Python, got {shown(name)}"
        )
    return name


def as_finite(what: str, value: Any) -> float:
    """A finite number as a float."""
    try:
        number = math.nan if isinstance(value, bool) or not isinstance(value, Real) else float(value)
    except OverflowError:  # a whole number beyond 1.8e308
        number = math.inf
    if not math.isfinite(number):
        raise SpaceError(f"{what} must be a finite number, got {shown(value)}")
    return number


def as_whole(what: str, value: Any) -> int:
    """A whole number as an int; 3.0 is one."""
    if isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    number = as_finite(what, value)
    if not number.is_integer():
        raise SpaceError(f"{what} must be a whole number, got {shown(value)}")
    return int(number)


def as_interval(what: str, domain: Any) -> tuple[float, float]:
    """Two finite numbers, the lower first."""
    if isinstance(domain, str | Mapping) or not isinstance(domain, Sequence) or len(domain) != 2:
        raise SpaceError(f"{what} must be two numbers [lower, upper], got {shown(domain)}")
    lower, upper = as_finite(what, domain[0]), as_finite(what, domain[1])
    if not lower < upper or not math.isfinite(upper - lower):
        raise SpaceError(f"{what} must have its lower number below its upper one, got {shown(domain)}")
    return lower, upper


def as_flag(what: str, value: Any) -> bool:
    """True or false, and nothing that merely counts as such."""
    if not isinstance(value, bool):
        raise SpaceError(f"{what} must be true or false, got {shown(value)}")
    return value


def set_normal(item: Any, key: str, value: Any) -> None:
    """Put the normal form of a field into a frozen value, while it is made."""
    object.__setattr__(item, key, value)


def build(
    kinds: Mapping[str, type[T]],
    data: Any,
    path: str,
    *,
    default: str | None = None,
    renamed: Mapping[str, Mapping[str, str]] | None = None,
) -> T:
    """The object that plain data describes; an object of one of the kinds is taken as it is.

    Arguments:
        kinds: the classes by the value of the key `type`.
        data: a mapping, or such an object.
        path: where the data stand, for the error.
        default: the `type` where the key is left out.
        renamed: for a type, other names of keys.

    Raises:
        SpaceError: for an unknown type or key, a missing key, or a broken rule; with the path.
    """
    if isinstance(data, tuple(set(kinds.values()))):
        return data
    if not isinstance(data, Mapping):
        raise SpaceError(f"{path} must be a table of keys, got {shown(data)}")
    kind = data.get("type", default)
    if not isinstance(kind, str) or kind not in kinds:
        raise SpaceError(f"{path}.type must be one of {', '.join(sorted(kinds))}, got {shown(kind)}")
    names = (renamed or {}).get(kind, {})
    given = {names.get(key, key): value for key, value in data.items() if key != "type"}
    fields = {field.name: field for field in dataclasses.fields(kinds[kind]) if field.init}  # pyright: ignore[reportArgumentType]
    for key in given:
        if key not in fields:
            raise SpaceError(
                f"{path} has no key {shown(key)} for type {kind!r}, only {', '.join(['type', *fields])}"
            )
    for name, field in fields.items():
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if required and name not in given:
            raise SpaceError(f"{path} needs the key {name!r} for type {kind!r}, got {shown(list(data))}")
    try:
        return kinds[kind](**given)
    except SpaceError as error:
        raise SpaceError(f"{path}: {error}") from None


def as_plain(item: Any) -> dict[str, Any]:
    """The data that build the same object: its type, and every field that differs from its default."""
    data: dict[str, Any] = {"type": item.type}
    for field in dataclasses.fields(item):
        value = getattr(item, field.name)
        if field.init and (field.default is dataclasses.MISSING or value != field.default):
            data[field.name] = _as_lists(value)
    return data


def _as_lists(value: Any) -> Any:
    return [_as_lists(entry) for entry in value] if isinstance(value, tuple) else value
