"""The study below an exploration: begun, or found again where it was kept."""

from __future__ import annotations

import hashlib
from pathlib import Path

from assay.errors import DefinitionConflictError
from assay.space.space import Space
from assay.store.abstract import AbstractStore
from assay.store.memory import MemoryStore
from assay.study.study import Study, create_study

__all__ = ["STUDY_ID", "digest_of", "study_of"]

STUDY_ID = "exploration"
DRIVER = "AdaptiveSampling"


def study_of(space: Space, seed: int, store: str | Path | AbstractStore | None, script: Path | None) -> Study:
    """The study of an exploration, which goes on if it is in the store already.

    Arguments:
        store: None for memory.
        script: which says the parameters; for the error.

    Raises:
        DefinitionConflictError: when the store holds an exploration of other parameters or another seed.
    """
    try:
        return create_study(
            space.design,
            constraints=space.constraints,
            driver=DRIVER,
            study_id=STUDY_ID,
            store=MemoryStore() if store is None else store,
            seed=seed,
        )
    except DefinitionConflictError as error:
        place = store.parent if isinstance(store, Path) else store
        whose = "" if script is None else f" than {script.name} has now"
        raise DefinitionConflictError(
            f"{place} holds an exploration of something else{whose}: {'; '.join(error.differences)}; undo the change, or "
            "explore in another directory, where augment takes over what was evaluated"
        ) from None


def digest_of(script: Path) -> str:
    """A text that tells one version of a script from another."""
    return hashlib.sha256(script.read_bytes()).hexdigest()[:16]
