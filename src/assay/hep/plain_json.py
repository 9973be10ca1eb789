"""Plain data of JSON files: read, changed by a JSON patch, and what is said where they break a schema.

Source: RFC 6902 (JSON Patch).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from assay.errors import ConfigurationError, UsageError, missing_extra

__all__ = ["applied", "broken_rule", "read_json"]

SINGULAR = {
    "channels": "channel",
    "samples": "sample",
    "modifiers": "modifier",
    "observations": "observation",
    "measurements": "measurement",
    "parameters": "parameter",
    "patches": "patch",
}


def read_json(path: str | Path, what: str) -> Any:
    """What a JSON file holds.

    Raises:
        ConfigurationError: when it is missing or is not JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(
            f"{path}: {what} is read from a JSON file, and there is no such file"
        ) from None
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path}: {what} must be a JSON file, got {error}") from None


def applied(data: Mapping[str, Any], operations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Plain data with a JSON patch applied; the data given are left as they are."""
    try:
        import jsonpatch
        import jsonpointer
    except ImportError as error:
        raise missing_extra("jsonpatch", "hep") from error
    try:
        return jsonpatch.JsonPatch([dict(operation) for operation in operations]).apply(dict(data))
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException) as error:
        raise UsageError(f"the patch does not fit the workspace: {error}") from None


def broken_rule(what: str, data: Any, error: ValidationError) -> str:
    """The first failure as one sentence, with names where the path has numbers."""
    first = error.errors()[0]
    path, kind, got = first["loc"], first["type"], first["input"]
    if kind in ("missing", "extra_forbidden"):
        path, key = path[:-1], path[-1]
        rule = f"the key {key!r} is missing" if kind == "missing" else f"the format has no key {key!r}"
    elif kind == "union_tag_not_found":
        rule = "the key 'type' is missing"
    elif kind == "union_tag_invalid":
        allowed = first.get("ctx", {})["expected_tags"]
        rule = f"its type must be one of {allowed}, got {got.get('type')!r}"
    else:
        said = first["msg"].removeprefix("Value error, ")
        rule = f"{said[0].lower()}{said[1:]}, got {repr(got)[:80]}"
    return f"{what}: {', '.join(_names(data, path)) or 'the whole'}: {rule}"


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
