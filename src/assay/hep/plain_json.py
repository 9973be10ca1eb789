"""Plain data of JSON files: read, and changed by a JSON patch.

Source: RFC 6902 (JSON Patch).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.errors import ConfigurationError, UsageError, missing_extra

__all__ = ["applied", "read_json"]


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
