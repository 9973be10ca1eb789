"""STUDY.toml: a whole study as one file, described in `docs/formats.md`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

from pydantic import ValidationError

from assay.errors import ConfigurationError, UsageError
from assay.executors.abstract import AbstractEvaluator, AbstractExecutor
from assay.space.schema import shown
from assay.space.space import Space
from assay.store.abstract import AbstractStore
from assay.study.catalog import load
from assay.study.executor_choice import executor_maker, read_executor, toml_content, workers_of
from assay.study.progress import Progress
from assay.study.sections import DriverSection, EvaluatorSection, StudyDocument, refusal
from assay.study.study import Study, create_study

__all__ = ["StudyFile", "read_study_file"]

SCHEMA_VERSION = 1
# The keys of a driver that can end a run; without one of them, or a rule under [stop], nothing would.
_DRIVER_RULES = frozenset({"min_val", "min_PoI", "min_uncertainty", "min_acq_val"})


@final
@dataclass(frozen=True)
class StudyFile:
    """A validated study file; made by `read_study_file`.

    Arguments:
        path: where it was read; names inside are relative to its folder.
        document: its content.
        space: what its study varies.
    """

    path: Path
    document: StudyDocument
    space: Space

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

    def open(self, store: str | Path | AbstractStore | None = None) -> Study:
        """Create or resume the study, with the configuration of the file.

        Arguments:
            store: in place of the file's.

        Raises:
            DefinitionConflictError: when a study of that id is stored with another definition.
            StoreError: when the store cannot be used.
        """
        document = self.document
        study = create_study(
            document.space,
            document.environment,
            document.constraint,
            driver=document.driver.type,
            study_id=document.study.id,
            study_name=document.study.name,
            store=store if store is not None else self.store,
            output_precision=document.study.output_precision,
            seed=document.study.seed,
        )
        study.configure(**document.driver.configuration | self._study_keys())
        return study

    def evaluator(self) -> AbstractEvaluator:
        """The evaluator of the file. Modules beside the file can be imported from now on, here and in workers.

        Raises:
            UsageError: when the function cannot be imported, or the command, a template, a placeholder or the
                result breaks a rule.
        """
        section = self.document.evaluator
        self._make_importable()
        if section.python is not None:
            from assay.executors.evaluators import PythonEvaluator  # only needed by those who run

            return PythonEvaluator(section.python)
        return self._command_evaluator(section)

    def executor(self) -> Callable[[AbstractEvaluator], AbstractExecutor]:
        """What makes the executor of the file."""
        return executor_maker(self.document.executor, self.folder)

    def with_executor(self, choice: str) -> StudyFile:
        """The same file with evaluations elsewhere.

        Arguments:
            choice: "serial", "local" or "dask", with the other keys of the file as far as they fit; or the path of a
                TOML file with the keys of a whole section [executor].

        Raises:
            ConfigurationError: one sentence with the key, the rule and what was got.
        """
        section = read_executor(choice, self.document.executor)
        return replace(self, document=self.document.model_copy(update={"executor": section}))

    def stop(self) -> Callable[[Progress], bool] | None:
        """The rule for `Study.run` that is neither the study's nor the driver's: the target.

        None when nothing in the file but `max_evaluations` and `max_time_seconds` could end a run, so that a run
        without these is refused.
        """
        target = self.document.stop.target
        if target is None:
            return (lambda _: False) if _has_rule(self.document.driver.configuration) else None
        return lambda progress: progress.best is not None and progress.best["objective"] <= target

    def _command_evaluator(self, section: EvaluatorSection) -> AbstractEvaluator:
        from assay.executors.command import CommandEvaluator  # only needed by those who run

        assert section.command is not None
        assert section.result is not None
        evaluator = CommandEvaluator(
            section.command,
            section.result.model_dump(exclude_none=True),
            [(template.source, template.target) for template in section.templates],
            working_directory=section.working_directory or f"{self.document.study.id}.runs",
            environment=section.environment,
            folder=self.folder,
            keep=section.keep,
        )
        evaluator.require_names(self.space.names)
        return evaluator

    def _study_keys(self) -> dict[str, Any]:
        stop, evaluator = self.document.stop, self.document.evaluator
        limits = {
            "max_iter": stop.max_evaluations,
            "max_time": stop.max_time_seconds,
            "timeout_seconds": evaluator.timeout_seconds,
        }
        return {
            **{key: float("inf") if limit is None else limit for key, limit in limits.items()},
            "num_parallel": workers_of(self.document.executor),
            "max_failures_in_a_row": stop.max_failures_in_a_row,
            "retries": evaluator.retries,
        }

    def _make_importable(self) -> None:
        folder = str(self.folder.resolve())
        if folder not in sys.path:
            sys.path.insert(0, folder)


def read_study_file(path: str | Path) -> StudyFile:
    """Read a study file, and validate everything in it that can be without running anything.

    Raises:
        ConfigurationError: one sentence with the file, the path of the key, the rule and what was got.
    """
    place = Path(path)
    content = toml_content(place, "the study file")
    try:
        return _validated(place, content)
    except UsageError as error:
        raise ConfigurationError(f"the study file {place}: {error}") from None


def _validated(place: Path, content: Mapping[str, Any]) -> StudyFile:
    version = content.get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise ConfigurationError(
            f"this version of assay reads schema_version {SCHEMA_VERSION}, got {shown(version)}; upgrade assay"
        )
    try:
        document = StudyDocument.model_validate(content)
    except ValidationError as error:
        raise ConfigurationError(refusal(error)) from None
    driver = _with_texts(document.driver.model_dump(), place.parent, "driver")
    document = document.model_copy(update={"driver": DriverSection.model_validate(driver)})
    space = Space.from_data(
        document.space, document.environment, document.constraint, document.study.output_precision
    )
    load("drivers", document.driver.type).from_data(document.driver.configuration).check_space(space)
    return StudyFile(place, document, space)


def _with_texts(value: Any, folder: Path, path: str) -> Any:
    """The same keys with the text of a file wherever `{ file = "name" }` stands: the store then holds what was meant."""
    if isinstance(value, Mapping):
        if set(value) == {"file"} and isinstance(value["file"], str):
            return _text_of(folder / value["file"], path)
        return {key: _with_texts(item, folder, f"{path}.{key}") for key, item in value.items()}
    if isinstance(value, list):
        return [_with_texts(item, folder, f"{path}.{index}") for index, item in enumerate(value)]
    return value


def _text_of(place: Path, path: str) -> str:
    try:
        return place.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"{path}: the file {place} cannot be read: {error.strerror or error}"
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: the file {place} must be text in UTF-8") from None


def _has_rule(configuration: Any) -> bool:
    """Whether somewhere in the configuration of a driver stands one of its stopping rules."""
    if isinstance(configuration, Mapping):
        return any(key in _DRIVER_RULES or _has_rule(item) for key, item in configuration.items())
    return isinstance(configuration, list) and any(map(_has_rule, configuration))
