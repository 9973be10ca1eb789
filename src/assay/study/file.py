"""STUDY.toml: a whole study as one file, described in `docs/formats.md`."""

from __future__ import annotations

import functools
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assay.errors import ConfigurationError
from assay.executors.abstract import AbstractEvaluator, AbstractExecutor
from assay.study.catalog import load
from assay.study.progress import Progress
from assay.study.study import Study, create_study

__all__ = ["StudyFile", "read_study_file"]

SCHEMA_VERSION = 1


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StudySection(_Section):
    """What the study is called and where it is kept."""

    id: str = Field(min_length=1, description="its name in the store")
    name: str | None = Field(default=None, description="its name for people")
    seed: int = Field(default=0, ge=0, description="of everything random")
    store: str | None = Field(default=None, description="file (relative to this one) or database URL")
    output_precision: float = Field(default=1e-10, gt=0, description="suggested values are rounded to this")


class ExecutorSection(_Section):
    """Where evaluations run."""

    type: Literal["serial", "local"] = Field(default="serial", description="this process, or local processes")
    workers: int = Field(default=1, ge=1, description="evaluations at once")
    memory_limit_MB: float | None = Field(default=None, gt=0, description="of each worker process")
    max_tasks_per_worker: int | None = Field(
        default=None, ge=1, description="a worker is replaced after so many"
    )


class TemplateSection(BaseModel):
    """A file to be filled in for the external command."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    source: str = Field(alias="from", description="the template, relative to the study file")
    target: str = Field(alias="to", description="the name in the working directory")


class ResultSection(_Section):
    """Where the external command leaves its result."""

    file: str = Field(
        default="stdout.txt", description="in the working directory; stdout.txt holds what was printed"
    )
    regex: str | None = Field(default=None, description="the first group is the value")
    json_path: str | None = Field(default=None, description="such as results.energy or values[0]")
    csv_column: str | None = Field(default=None, description="its last row is the value")
    python: str | None = Field(default=None, description="module:function of the working directory")


class EvaluatorSection(_Section):
    """The expensive model."""

    python: str | None = Field(
        default=None, description="module:function, called with the parameters by name"
    )
    command: list[str] | None = Field(default=None, description="program and arguments; never a shell")
    templates: list[TemplateSection] = Field(default=[], description="input files")
    result: ResultSection | None = Field(default=None, description="how the output is read")
    working_directory: str | None = Field(
        default=None, description="where the attempts' directories are made"
    )
    timeout_seconds: float = Field(default=float("inf"), gt=0, description="longer is a failure")
    retries: int = Field(default=0, ge=0, description="further attempts after a failure")


class StopSection(_Section):
    """When the run ends; at least one rule is needed."""

    max_evaluations: int | None = Field(default=None, ge=1, description="evaluations in all")
    max_time_seconds: float | None = Field(default=None, gt=0, description="of this run")
    target: float | None = Field(default=None, description="stop when the best objective is this low")
    max_failures_in_a_row: int = Field(default=10, ge=1, description="failures that end the run")


class _Document(_Section):
    schema_version: Literal[1]
    study: StudySection
    space: list[dict[str, Any]] = Field(min_length=1)
    environment: list[dict[str, Any]] = []
    constraint: list[dict[str, Any]] = []
    driver: dict[str, Any] = {}
    executor: ExecutorSection = ExecutorSection()
    evaluator: EvaluatorSection | None = None
    stop: StopSection = StopSection()


@dataclass(frozen=True)
class StudyFile:
    """A validated study file.

    Arguments:
        path: where it was read; names inside are relative to its folder.
        document: its content.
    """

    path: Path
    document: _Document

    @property
    def folder(self) -> Path:
        """What the names in the file are relative to."""
        return self.path.parent

    @property
    def store(self) -> str | Path:
        """The place of the journal; `<id>.assay.db` beside the file where none is given."""
        given = self.document.study.store
        if given is not None and "://" in given:
            return given
        return self.folder / (given or f"{self.document.study.id}.assay.db")

    def open(self, store: str | Path | None = None) -> Study:
        """Create or resume the study, with the configuration of the file."""
        section, driver = self.document.study, dict(self.document.driver)
        study = create_study(
            self.document.space,
            self.document.environment or None,
            self.document.constraint or None,
            driver=driver.pop("type", "ActiveLearning"),
            study_id=section.id,
            study_name=section.name,
            store=store if store is not None else self.store,
            output_precision=section.output_precision,
            seed=section.seed,
        )
        study.configure(**self._study_keys(), **driver)
        return study

    def _study_keys(self) -> dict[str, Any]:
        stop, evaluator = self.document.stop, self.document.evaluator
        keys: dict[str, Any] = {
            "num_parallel": self.document.executor.workers,
            "max_iter": stop.max_evaluations if stop.max_evaluations is not None else float("inf"),
            "max_time": stop.max_time_seconds if stop.max_time_seconds is not None else float("inf"),
            "max_failures_in_a_row": stop.max_failures_in_a_row,
        }
        if evaluator is not None:
            keys |= {"timeout_seconds": evaluator.timeout_seconds, "retries": evaluator.retries}
        return keys

    def evaluator(self) -> AbstractEvaluator:
        """The evaluator of the file.

        Raises:
            ConfigurationError: when the file has none, or not exactly one of `python` and `command`.
        """
        section = self.document.evaluator
        if section is None or (section.python is None) == (section.command is None):
            raise ConfigurationError(
                f"{self.path}: [evaluator] needs either python = 'module:function' or command = [...], got "
                f"{'neither' if section is None or section.python is None else 'both'}"
            )
        if section.python is not None:
            from assay.executors.evaluators import PythonEvaluator

            with self._importable():
                return PythonEvaluator(section.python)
        from assay.executors.command import CommandEvaluator

        assert section.command is not None
        if section.result is None:
            raise ConfigurationError(
                f"{self.path}: [evaluator.result] must say where a command leaves its result"
            )
        return CommandEvaluator(
            section.command,
            result=section.result.model_dump(exclude_none=True),
            templates=[(self.folder / template.source, template.target) for template in section.templates],
            working_directory=self.folder / (section.working_directory or f"{self.document.study.id}.runs"),
            folder=self.folder,
        )

    def executor(self) -> Callable[[AbstractEvaluator], AbstractExecutor]:
        """What makes the executor of the file."""
        section = self.document.executor
        factory = load("executors", section.type)
        if section.type == "serial":
            return factory
        return functools.partial(
            factory,
            workers=section.workers,
            memory_limit_MB=section.memory_limit_MB,
            max_tasks_per_worker=section.max_tasks_per_worker,
        )

    def stop(self) -> Callable[[Progress], bool] | None:
        """The stopping rule for the target, None when there is none."""
        target = self.document.stop.target
        if target is None:
            return None
        return lambda progress: progress.best is not None and progress.best["objective"] <= target

    @contextmanager
    def _importable(self) -> Iterator[None]:
        """Modules beside the study file can be imported, here and (through the path) in worker processes."""
        folder = str(self.folder.resolve())
        if folder not in sys.path:
            sys.path.insert(0, folder)
        yield


def read_study_file(path: str | Path) -> StudyFile:
    """Read and validate a study file.

    Raises:
        ConfigurationError: one sentence with the file, the path of the key, the rule and what was got.
    """
    place = Path(path)
    try:
        content = tomllib.loads(place.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(
            f"the study file {place} cannot be read: {error.strerror or error}"
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"the study file {place} is not text in UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigurationError(f"the study file {place} is not valid TOML: {error}") from None
    return StudyFile(place, _validated(place, content))


def _validated(place: Path, content: Mapping[str, Any]) -> _Document:
    version = content.get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise ConfigurationError(
            f"the study file {place} has schema_version {version}, and this version of assay reads up to {SCHEMA_VERSION}"
        )
    try:
        return _Document.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        got = "" if first["type"] == "missing" else f", got {first['input']!r}"
        raise ConfigurationError(
            f"the study file {place}, key {key}: {first['msg'].lower()}{got}"[:600]
        ) from None
