"""The study below an exploration: begun, or found again where it was kept."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.errors import DefinitionConflictError
from assay.space.space import Space
from assay.store.abstract import AbstractStore
from assay.store.memory import MemoryStore
from assay.study.exploration.files import STORE
from assay.study.exploration.parameters import plain_table
from assay.study.study import Study, create_study

__all__ = ["STUDY_ID", "is_changed", "settings_of", "study_of"]

STUDY_ID = "exploration"
DRIVER = "AdaptiveSampling"


def study_of(
    space: Space,
    seed: int,
    store: str | Path | AbstractStore | None,
    folder: Path | None,
    script: Path | None,
) -> Study:
    """The study of an exploration, which goes on if it is in the store already.

    Arguments:
        store: None for the folder's, or memory.
        folder: where the exploration lives, which is made; None where it has none.
        script: which says the parameters; for the error.

    Raises:
        DefinitionConflictError: when the store holds an exploration of other parameters or another seed.
    """
    if store is None and folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        store = folder / STORE
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


def settings_of(
    parameters: Any, script: Path | None, interpreter: str | Sequence[str] | None
) -> dict[str, Any]:
    """What `load` needs to make the same exploration again, as plain data.

    Arguments:
        parameters: the table.
        script: the simulation, with its interpreter.
    """
    return {
        "table": plain_table(parameters),
        "response_names": None,
        "script": None if script is None else str(script),
        "script_digest": None if script is None else _digest(script),
        "interpreter": [interpreter] if isinstance(interpreter, str) else interpreter,
    }


def is_changed(kept: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    """Whether the script is another one than when the exploration was last used."""
    return kept.get("script_digest") not in (None, settings["script_digest"])


def _digest(script: Path) -> str:
    """A text that tells one version of a script from another."""
    return hashlib.sha256(script.read_bytes()).hexdigest()[:16]
