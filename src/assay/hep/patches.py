"""Patch sets: one background workspace and one patch per signal point.

Source: RFC 6902 (JSON Patch); pyhf's patch set schema 1.0.0.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assay.errors import ConfigurationError, UsageError
from assay.hep.plain_json import broken_rule, read_json
from assay.hep.workspace import Workspace

__all__ = ["PatchSet"]

ALGORITHMS = ("md5", "sha256")  # those of the format


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)  # other keys are allowed by the format


class _AboutPatch(_Part):
    name: str
    values: list[float | int | str]


class _Patch(_Part):
    metadata: _AboutPatch
    patch: list[dict[str, Any]]


class _About(_Part):
    digests: dict[str, str]
    labels: Annotated[list[str], Field(min_length=1)]
    description: str = ""
    references: dict[str, str] = {}


class _File(_Part):
    metadata: _About
    patches: Annotated[list[_Patch], Field(min_length=1)]
    version: Literal["1.0.0"]


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
        description: in words.
        references: to where it was published.
    """

    names: tuple[str, ...]
    values: tuple[tuple[float | str, ...], ...]
    labels: tuple[str, ...]
    operations: tuple[tuple[Mapping[str, Any], ...], ...]
    digests: Mapping[str, str]
    description: str = ""
    references: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> PatchSet:
        """The patch set of plain data.

        Raises:
            ConfigurationError: with the name of the patch, the rule, and what was got.
        """
        try:
            whole = _File.model_validate(data)
        except ValidationError as error:
            raise ConfigurationError(broken_rule("patch set", data, error)) from None
        about, patches = whole.metadata, whole.patches
        names = tuple(patch.metadata.name for patch in patches)
        values = tuple(tuple(patch.metadata.values) for patch in patches)
        _check_unique(names, values)
        for name, some in zip(names, values, strict=True):
            if len(some) != len(about.labels):
                raise ConfigurationError(
                    f"patch set: patch {name!r} must have {len(about.labels)} values, of {', '.join(about.labels)}, "
                    f"got {len(some)}"
                )
        return cls(
            names, values, tuple(about.labels), tuple(tuple(patch.patch) for patch in patches),
            about.digests, about.description, about.references,
        )  # fmt: skip

    def to_data(self) -> dict[str, Any]:
        """Plain data that `from_data` reads back, ready for JSON."""
        rows = zip(self.names, self.values, self.operations, strict=True)
        return {
            "metadata": {
                "references": dict(self.references),
                "digests": dict(self.digests),
                "labels": list(self.labels),
                "description": self.description,
            },
            "patches": [
                {"metadata": {"name": name, "values": list(values)}, "patch": [dict(one) for one in patch]}
                for name, values, patch in rows
            ],
            "version": "1.0.0",
        }

    def write(self, path: str | Path) -> None:
        """Write the JSON file that `read` and pyhf read."""
        Path(path).write_text(json.dumps(self.to_data(), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: str | Path) -> PatchSet:
        """The patch set in a JSON file."""
        data = read_json(path, "a patch set")
        try:
            return cls.from_data(data)
        except ConfigurationError as error:
            raise ConfigurationError(f"{path}: {error}") from None

    def verify(self, workspace: Mapping[str, Any]) -> None:
        """Refuse a workspace, as plain data, that is not the one that the patches were made for.

        Raises:
            UsageError: with the digest wanted and the one got.
        """
        text = json.dumps(workspace, sort_keys=True, ensure_ascii=False).encode()
        for algorithm, wanted in self.digests.items():
            if algorithm not in ALGORITHMS:
                raise UsageError(
                    f"a digest of the patch set must be one of {', '.join(ALGORITHMS)}, got one of {algorithm!r}"
                )
            got = hashlib.new(algorithm, text).hexdigest()
            if got != wanted.lower():
                raise UsageError(
                    f"the patch set must be used with the workspace that it was made for, of {algorithm} {wanted}, "
                    f"got one of {got}"
                )

    def apply(self, workspace: Workspace, name: str) -> Workspace:
        """The workspace of one signal point.

        Raises:
            UsageError: when there is no patch of that name, or it does not fit the workspace.
            ConfigurationError: when the result is no workspace.
        """
        if name not in self.names:
            near = difflib.get_close_matches(name, self.names, n=5, cutoff=0.0)
            shown = ", ".join(near) + (", …" if len(self.names) > len(near) else "")
            raise UsageError(f"the patch set has no patch {name!r}; it has {len(self.names)}: {shown}")
        try:
            return workspace.patched(self.operations[self.names.index(name)])
        except UsageError as error:
            raise type(error)(f"patch {name!r}: {error}") from None


def _check_unique(names: Sequence[str], values: Sequence[tuple[float | str, ...]]) -> None:
    for what, entries in (("name", names), ("values", values)):
        twice = next((entry for entry in entries if entries.count(entry) > 1), None)
        if twice is not None:
            raise ConfigurationError(f"patch set: each patch must have its own {what}, got {twice!r} twice")
