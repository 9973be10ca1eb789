"""Plain values as JSON text, exactly: what is written is what is read.

Plain values are None, booleans, integers, floats, text, lists and mappings with text as keys. JSON has no NaN
and no infinity, so these become `{"$float": "nan" | "inf" | "-inf"}`; a key that begins with `$` is written
with one more `$` in front, so that nobody's data can be mistaken for ours. Everything else is JSON as it
stands: Python's shortest repr of a float reads back to the same bits, and `1` stays an integer beside `1.0`.
The text is ASCII.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from assay.errors import StoreError, UsageError

__all__ = ["decode", "decode_many", "encode"]

_FLOAT_KEY = "$float"
_SPECIAL_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
# A key that needs attention can only stand where its opening quote does: text without this mark needs no
# second look.
_MARK = '"$'


def encode(value: Any, what: str = "the value") -> str:
    """Write plain values as JSON text.

    Arguments:
        value: plain values; a tuple is written as a list.
        what: whose value this is, for the error.

    Raises:
        UsageError: when something in it is not plain; the sentence names the place.

    Example:
        >>> encode({"x": 0.1, "n": 1, "worst": float("inf")})
        '{"x":0.1,"n":1,"worst":{"$float":"inf"}}'
    """
    plain = _to_json(value, what)
    try:
        return json.dumps(plain, separators=(",", ":"), allow_nan=False)
    except ValueError:  # Python refuses to write more than 4300 digits
        raise UsageError(f"{what} must not hold whole numbers of thousands of digits") from None


def decode(text: str) -> Any:
    """Read what `encode` wrote.

    Raises:
        StoreError: when the text is not what `encode` writes.

    Example:
        >>> decode('{"x":0.1,"n":1,"worst":{"$float":"inf"}}')
        {'x': 0.1, 'n': 1, 'worst': inf}
    """
    hook = _restore if _MARK in text else None
    try:
        return json.loads(text, object_hook=hook)
    except (ValueError, RecursionError) as error:
        raise StoreError(f"stored text must be JSON: {error}") from None


def decode_many(texts: list[str]) -> list[Any]:
    """Read many texts in one call of the parser, which is quicker than one by one."""
    return decode(f"[{','.join(texts)}]")


def _to_json(value: Any, place: str) -> Any:
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else {_FLOAT_KEY: repr(float(value))}
        case list() | tuple():
            return [_to_json(item, f"{place}[{index}]") for index, item in enumerate(value)]
        case Mapping():
            return {_key_to_json(key, place): _to_json(item, f"{place}.{key}") for key, item in value.items()}
    raise UsageError(
        f"{place} must be plain data (None, a boolean, number, text, list or mapping), "
        f"got {type(value).__qualname__}"
    )


def _key_to_json(key: Any, place: str) -> str:
    if not isinstance(key, str):
        raise UsageError(f"the keys of {place} must be text, got {key!r}")
    return f"${key}" if key.startswith("$") else key


def _restore(found: dict[str, Any]) -> Any:
    if _FLOAT_KEY in found:
        name = found[_FLOAT_KEY]
        if len(found) != 1 or not isinstance(name, str) or name not in _SPECIAL_FLOATS:
            raise StoreError(f"a stored special number must be nan, inf or -inf, got {found!r:.200}")
        return _SPECIAL_FLOATS[name]
    return {key.removeprefix("$") if key.startswith("$$") else key: item for key, item in found.items()}
