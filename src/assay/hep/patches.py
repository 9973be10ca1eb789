"""Patch sets: one background workspace and one patch per signal point.

Source: RFC 6902 (JSON Patch); pyhf's patch set schema 1.0.0.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from assay.errors import ConfigurationError, UsageError
from assay.hep.plain_json import read_json
from assay.hep.workspace import Workspace

__all__ = ["PatchSet"]


@final
@dataclass(frozen=True)
class PatchSet:
    """Named patches of one workspace.

    Arguments:
        names: of the signal points, in the order of the file.
        values: the parameters of each signal point, such as its masses.
        labels: what those parameters are called.
        operations: the patch of each.
        digests: of the workspace that they belong to, by algorithm.
    """

    names: tuple[str, ...]
    values: tuple[tuple[float | str, ...], ...]
    labels: tuple[str, ...]
    operations: tuple[tuple[Mapping[str, Any], ...], ...]
    digests: Mapping[str, str]

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> PatchSet:
        """The patch set of plain data.

        Raises:
            ConfigurationError: with the key that is missing or the name that stands twice.
        """
        try:
            patches, metadata = data["patches"], data["metadata"]
            names = tuple(str(patch["metadata"]["name"]) for patch in patches)
            found = cls(
                names,
                tuple(tuple(patch["metadata"]["values"]) for patch in patches),
                tuple(metadata["labels"]),
                tuple(tuple(patch["patch"]) for patch in patches),
                dict(metadata["digests"]),
            )
        except (KeyError, TypeError) as error:
            raise ConfigurationError(
                f"patch set: it must have {error} as pyhf's schema says, got none"
            ) from None
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigurationError(f"patch set: each patch must have its own name, got {twice[0]!r} twice")
        return found

    @classmethod
    def read(cls, path: str | Path) -> PatchSet:
        """The patch set in a JSON file."""
        return cls.from_data(read_json(path, "a patch set"))

    def verify(self, workspace: Mapping[str, Any]) -> None:
        """Refuse a workspace, as plain data, that is not the one that the patches were made for.

        Raises:
            UsageError: with the digest wanted and the one got.
        """
        text = json.dumps(workspace, sort_keys=True, ensure_ascii=False).encode()
        for algorithm, wanted in self.digests.items():
            got = hashlib.new(algorithm, text).hexdigest()
            if got != wanted:
                raise UsageError(
                    f"the patch set belongs to the workspace of {algorithm} {wanted}, got one of {got}"
                )

    def apply(self, workspace: Workspace, name: str) -> Workspace:
        """The workspace of one signal point.

        Raises:
            UsageError: when there is no patch of that name.
        """
        if name not in self.names:
            shown = ", ".join(self.names[:5]) + (", …" if len(self.names) > 5 else "")
            raise UsageError(f"the patch set has no patch {name!r}; it has {len(self.names)}: {shown}")
        return workspace.patched(self.operations[self.names.index(name)])
