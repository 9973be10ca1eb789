"""From a section [executor], in a study file or in a file of its own, to what makes an executor."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from assay.errors import ConfigurationError
from assay.executors.abstract import AbstractEvaluator, AbstractExecutor
from assay.executors.cluster import Cluster
from assay.study.catalog import load
from assay.study.sections import ExecutorSection, refusal

__all__ = ["executor_maker", "read_executor", "toml_content", "workers_of"]

_POOL_KEYS = {"workers", "memory_limit_MB", "max_tasks_per_worker"}
# What holds of a section when another type takes its place by name.
_KEPT_KEYS = {"serial": set(), "local": _POOL_KEYS, "dask": {*_POOL_KEYS, "scheduler", "hosts", "slurm"}}


def read_executor(choice: str, present: ExecutorSection) -> ExecutorSection:
    """A section by name or from a file.

    Arguments:
        choice: "serial", "local" or "dask", with the keys of the present section as far as they fit; or the path of a TOML
            file with the keys of a whole section [executor].
        present: the section that it takes the place of.

    Raises:
        ConfigurationError: one sentence with the key, the rule and what was got.
    """
    if choice in _KEPT_KEYS:
        given = present.model_dump(include=_KEPT_KEYS[choice], exclude_unset=True)
        keys: Mapping[str, Any] = {**given, "type": choice}
    else:
        keys = toml_content(Path(choice), "the executor's file")
    try:
        return ExecutorSection.model_validate(keys)
    except ValidationError as error:
        raise ConfigurationError(f"the executor {choice!r}: {refusal(error)}") from None


def workers_of(section: ExecutorSection) -> int:
    """How many evaluations run at once."""
    if section.type == "serial":
        return 1
    from assay.executors.local import processor_count  # only needed by those who run there

    return section.workers if section.workers is not None else processor_count()


def executor_maker(section: ExecutorSection, folder: Path) -> Callable[[AbstractEvaluator], AbstractExecutor]:
    """What makes the executor.

    Arguments:
        folder: what a scheduler file is relative to.
    """
    factory = load("executors", section.type)
    if section.type == "serial":
        return factory
    pool = partial(
        factory,
        workers=workers_of(section),
        memory_limit_MB=section.memory_limit_MB,
        max_tasks_per_worker=section.max_tasks_per_worker,
    )
    if section.type == "local":
        return pool
    scheduler = section.scheduler
    if scheduler is not None and scheduler.endswith(".json"):
        scheduler = str(folder / scheduler)
    return partial(pool, cluster=Cluster(scheduler, tuple(section.hosts), section.slurm))


def toml_content(place: Path, what: str) -> Mapping[str, Any]:
    """The content of a TOML file.

    Arguments:
        what: it is, for errors.

    Raises:
        ConfigurationError: when it cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(place.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{what} {place} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{what} {place} must be text in UTF-8") from None
    except RecursionError:
        raise ConfigurationError(f"{what} {place} must be TOML, got lists without end") from None
    except (
        ValueError
    ) as error:  # tomllib's own error is one, and so is Python's for numbers of too many digits
        raise ConfigurationError(f"{what} {place} must be TOML: {error}") from None
