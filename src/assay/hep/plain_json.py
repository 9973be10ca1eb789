"""Plain data of JSON files: read, changed by a JSON patch, and what is said where they break a schema.

Source: RFC 6902 (JSON Patch).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from assay.errors import ConfigurationError, UsageError, missing_extra

__all__ = ["applied", "broken_rule", "read_json", "shortened"]

SINGULAR = {
    "channels": "channel",
    "samples": "sample",
    "modifiers": "modifier",
    "observations": "observation",
    "measurements": "measurement",
    "parameters": "parameter",
    "patches": "patch",
}


LONGEST = 120
PAIR = "must be a pair such as [0.0, 10.0]"

# What pydantic says of Python, said of JSON.
RULES = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "dict_type": "must be an object with keys",
    "float_type": "must be a number",
    "list_type": "must be a list",
    "model_attributes_type": "must be an object with keys",
    "model_type": "must be an object with keys",
    "none_required": "must be null or left out",
    "string_type": "must be a text",
    "too_long": "must have at most {max_length} entries",
    "too_short": "must have at least {min_length} entry",
    "tuple_type": PAIR,
}
# By keys, the first that is there; of those of a workspace a model of pyhf has only channels.
KINDS = {
    "patches": "a patch set",
    "observations": "a workspace",
    "measurements": "a workspace",
    "distributions": "a file of HS3",
    "channels": "a model without observations and measurements",
}


def read_json(path: str | Path, what: str) -> Any:
    """What a JSON file holds.

    Raises:
        ConfigurationError: when it is missing, is not JSON, or says something twice.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8-sig"), object_pairs_hook=_said_once)
    except FileNotFoundError:
        raise ConfigurationError(
            f"{path}: {what} is read from a JSON file, and there is no such file"
        ) from None
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from None
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path}: {what} must be a JSON file in UTF-8, got {error}") from None


def _said_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; of two values of a key one would be lost without a word."""
    whole = dict(pairs)
    if len(whole) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        whose = (
            f"the object named {whole['name']!r}"
            if "name" in whole
            else f"an object with the keys {sorted(whole)}"
        )
        raise ConfigurationError(f"{whose} must have each key once, got {twice!r} twice")
    return whole


def applied(data: Mapping[str, Any], operations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Plain data with a JSON patch applied; the data given are left as they are."""
    try:
        import jsonpatch
        import jsonpointer
    except ImportError as error:
        raise missing_extra("jsonpatch", "hep") from error
    if not isinstance(operations, list | tuple):
        raise UsageError(f"a JSON patch must be a list of operations, got {shortened(operations)}")
    changed = copy.deepcopy(dict(data))
    for index, operation in enumerate(operations):
        if not isinstance(operation, Mapping):
            raise UsageError(
                f"operation {index} of the patch must be an object with keys, got {shortened(operation)}"
            )
        try:
            changed = jsonpatch.JsonPatch([dict(operation)]).apply(changed, in_place=True)
        except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException) as error:
            what = f"{operation.get('op')} at {operation.get('path')!r}"
            raise UsageError(
                f"operation {index} of the patch, {what}, does not fit the workspace: {str(error)[:LONGEST]}"
            ) from None
    return changed


def broken_rule(what: str, data: Any, error: ValidationError) -> str:
    """The first failure as one sentence, with names where the path has numbers."""
    first = error.errors()[0]
    path, kind, got = first["loc"], first["type"], first["input"]
    if not path or (len(path) == 1 and kind == "missing"):
        found = _kind(data)
        if found not in ("", f"a {what}"):
            return f"{what}: the whole must be a {what}, got {found}"
    if kind == "missing" and isinstance(path[-1], int):
        path, rule = path[:-1], f"{PAIR}, got {shortened(got)}"
    elif kind in ("missing", "extra_forbidden"):
        path, key = path[:-1], path[-1]
        rule = f"the key {key!r} is missing" if kind == "missing" else f"the format has no key {key!r}"
    elif kind == "union_tag_not_found":
        rule = "the key 'type' is missing"
    elif kind == "union_tag_invalid":
        allowed = first.get("ctx", {})["expected_tags"]
        rule = f"its type must be one of {allowed}, got {got.get('type')!r}"
    elif kind == "literal_error":
        rule = f"must be {first.get('ctx', {})['expected']}, got {shortened(got)}"
    elif kind in RULES:
        rule = f"{RULES[kind].format(**first.get('ctx', {}))}, got {shortened(got)}"
    else:
        said = first["msg"].removeprefix("Value error, ")
        rule = f"{said[0].lower()}{said[1:]}, got {shortened(got)}"
    return f"{what}: {', '.join(_names(data, path)) or 'the whole'}: {rule}"


def shortened(value: Any) -> str:
    """What was got, of a length that fits a sentence."""
    words = repr(value)
    return words if len(words) <= LONGEST else f"{words[:LONGEST]}…"


def _kind(data: Any) -> str:
    """What a file seems to hold in the place of what was wanted; "" where nothing is known of it."""
    if isinstance(data, list) and data and isinstance(data[0], Mapping) and "op" in data[0]:
        return "a JSON patch"
    if not isinstance(data, Mapping):
        return shortened(data)
    return next((kind for key, kind in KINDS.items() if key in data), "")


def _names(data: Any, path: Sequence[int | str]) -> list[str]:
    """The keys on a path, numbers replaced by the names of what they lead to."""
    words: list[str] = []
    node = data
    for key in path:
        if isinstance(key, int) and isinstance(node, list | tuple) and key < len(node):
            node = node[key]
            name = _name(node)
            words[-1:] = [f"{SINGULAR.get(words[-1], words[-1])} {name!r}" if name else f"{words[-1]}[{key}]"]
        elif isinstance(node, Mapping) and key in node:
            node = node[key]
            words.append(str(key))
    return words


def _name(node: Any) -> str | None:
    """What an entry of a list is called; patches have their names in their metadata."""
    if not isinstance(node, Mapping):
        return None
    inner = node.get("metadata", node)
    return inner.get("name") if isinstance(inner, Mapping) else None
