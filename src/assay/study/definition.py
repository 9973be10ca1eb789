"""What a study is, for good: its space, the kind of its driver, its seed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assay.errors import DefinitionConflictError, UsageError
from assay.space.schema import shown
from assay.space.space import Space

__all__ = ["SEED_LIMIT", "STUDY_ID", "Definition", "require_seed", "require_study_id"]

# A study's id is also the name of files and folders: no separators, nothing hidden.
STUDY_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
SEED_LIMIT = 2**64


def require_study_id(text: str) -> str:
    """The text, if it can be the id of a study.

    Raises:
        UsageError: when it cannot.
    """
    if not isinstance(text, str) or STUDY_ID.fullmatch(text) is None:
        raise UsageError(
            'the id of a study must be 1 to 100 letters, digits, "_", "-" or ".", and begin with a letter or digit, '
            f"got {shown(text)}"
        )
    return text


def require_seed(seed: int) -> int:
    """The number, if it can be the seed of a study.

    Raises:
        UsageError: when it cannot.
    """
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < SEED_LIMIT:
        raise UsageError(f"the seed of a study must be a whole number from 0 to 2^64 - 1, got {shown(seed)}")
    return seed


@dataclass(frozen=True)
class Definition:
    """The definition of a study, stored with its first event and never changed."""

    space: Space
    driver: str
    seed: int
    name: str

    def to_data(self) -> dict[str, Any]:
        """As plain data."""
        return {"space": self.space.to_data(), "driver": self.driver, "seed": self.seed, "name": self.name}

    @staticmethod
    def from_data(data: Mapping[str, Any]) -> Definition:
        """From plain data, as `to_data` gives it."""
        return Definition(Space.from_data(data["space"]), data["driver"], data["seed"], data["name"])

    def require_same(self, study_id: str, other: Definition) -> None:
        """Refuse another definition of a stored study; the name may differ, since it is only for people.

        Raises:
            DefinitionConflictError: with every difference.
        """
        differences = list(self.space.differences(other.space))
        if self.driver != other.driver:
            differences.append(f"the driver was {self.driver} and is now {other.driver}")
        if self.seed != other.seed:
            differences.append(f"the seed was {self.seed} and is now {other.seed}")
        if differences:
            error = DefinitionConflictError(
                f"study {study_id!r} is stored with another definition: {'; '.join(differences)}; "
                "give the stored one, or another study_id"
            )
            error.differences = tuple(differences)
            raise error
