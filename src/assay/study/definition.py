"""What a study is, for good: its space, the kind of its driver, its seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assay.errors import DefinitionConflictError
from assay.space.space import Space

__all__ = ["Definition"]


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
            raise DefinitionConflictError(
                f"study {study_id!r} is stored with another definition: {'; '.join(differences)}; "
                "give the stored one, or another study_id"
            )
