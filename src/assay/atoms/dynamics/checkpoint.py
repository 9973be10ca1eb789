"""Values to a file and back to the bit: arrays, numbers, text, and the frozen values of the dynamics. No pickle."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from assay.atoms.dynamics.evaluation import Evaluation
from assay.atoms.dynamics.state import MoveCounts, State, Structure
from assay.atoms.dynamics.walk import Walker
from assay.atoms.selection.selector import Frame, SelectorState
from assay.errors import StoreError, StoreVersionError

__all__ = ["read_checkpoint", "write_checkpoint"]

Array = np.ndarray

FORMAT = 2  # 1 had no rate of strain, which is zero without a barostat
_KINDS = {
    kind.__name__: kind for kind in (Evaluation, Frame, MoveCounts, SelectorState, State, Structure, Walker)
}


def write_checkpoint(path: str | Path, values: Mapping[str, Any]) -> None:
    """Write values durably: a temporary file beside it, fsync, rename, fsync of the folder.

    A reader finds the old file or the new one, whole, whenever the writer dies.

    Arguments:
        path: of the file; its folder exists.
        values: nested mappings, lists and tuples of arrays, numbers, text, None and the frozen values of the dynamics.

    Raises:
        OSError: when the file system refuses.

    Example:
        >>> import tempfile
        >>> place = Path(tempfile.mkdtemp()) / "walker.npz"
        >>> write_checkpoint(place, {"x": np.array([0.1]), "name": "a"})
        >>> read_checkpoint(place)
        {'x': array([0.1]), 'name': 'a'}
    """
    place = Path(path)
    arrays: list[Array] = []
    tree = {"format": FORMAT, "values": _plain(dict(values), arrays)}
    text = np.frombuffer(json.dumps(tree).encode(), dtype=np.uint8)
    members: dict[str, Any] = {f"array_{index}": array for index, array in enumerate(arrays)}
    content = io.BytesIO()
    np.savez(content, tree=text, **members)
    part = place.with_name(f"{place.name}.part")
    with part.open("wb") as file:
        file.write(content.getbuffer())
        file.flush()
        os.fsync(file.fileno())
    part.replace(place)
    if os.name == "posix":  # the rename itself is durable once the folder is
        folder = os.open(place.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """The values of a file that `write_checkpoint` made.

    Raises:
        StoreError: for a file that is none; StoreVersionError for one of a newer version.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            tree = json.loads(bytes(file["tree"]))
            arrays = {name: file[name] for name in file.files if name != "tree"}
    except (ValueError, KeyError) as error:
        raise StoreError(f"{path} is not a checkpoint of a walker: {error}") from error
    if tree["format"] > FORMAT:
        raise StoreVersionError(
            f"{path} is a checkpoint of format {tree['format']}, this version reads up to {FORMAT}"
        )
    return _restored(tree["values"], arrays)


def _plain(value: Any, arrays: list[Array]) -> Any:
    """What JSON can hold; arrays are put aside and named by their place. A list of JSON is [kind, content]."""
    if isinstance(value, np.ndarray) and value.dtype != object:
        arrays.append(value)
        return ["array", f"array_{len(arrays) - 1}"]
    if is_dataclass(value) and type(value).__name__ in _KINDS:
        content = {field.name: _plain(getattr(value, field.name), arrays) for field in fields(value)}
        return [type(value).__name__, content]
    if isinstance(value, Mapping):
        return ["mapping", {str(name): _plain(entry, arrays) for name, entry in value.items()}]
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, [_plain(entry, arrays) for entry in value]]
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"a checkpoint holds arrays, numbers and text, got {type(value).__name__}")


def _restored(value: Any, arrays: Mapping[str, Array]) -> Any:
    if not isinstance(value, list):
        return value
    kind, content = value
    if kind == "array":
        return arrays[content]
    if kind in ("list", "tuple"):
        entries = [_restored(entry, arrays) for entry in content]
        return entries if kind == "list" else tuple(entries)
    entries = {name: _restored(entry, arrays) for name, entry in content.items()}
    return entries if kind == "mapping" else _KINDS[kind](**entries)
