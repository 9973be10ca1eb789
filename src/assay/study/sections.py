"""What may stand in a study file: one model for each section, and the sentence for what may not.

`study.schema.json` beside this file is their JSON Schema, made by `python tests/formats/make_schema.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from assay.space.schema import shown
from assay.study.definition import SEED_LIMIT, STUDY_ID, require_study_id

__all__ = [
    "DriverSection",
    "EvaluatorSection",
    "ExecutorSection",
    "ResultSection",
    "StopSection",
    "StudyDocument",
    "StudySection",
    "TemplateSection",
    "refusal",
]

# Beyond this a count is a slip of the pen, and what follows from it may not fit into the machine.
_MANY = 10**9


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class StudySection(_Section):
    """What the study is called and where it is kept."""

    id: Annotated[str, AfterValidator(require_study_id)] = Field(
        description='its name in the store: 1 to 100 letters, digits, "_", "-", "."; begins with a letter or digit',
        json_schema_extra={"pattern": f"^{STUDY_ID.pattern}$"},
    )
    name: str | None = Field(default=None, description="its name for people; default: the id")
    seed: int = Field(default=0, ge=0, lt=SEED_LIMIT, description="of everything random")
    store: str | None = Field(
        default=None,
        min_length=1,
        description='file (relative to this one) or database URL; default: "<id>.assay.db"',
    )
    output_precision: float = Field(
        default=1e-10, gt=0, allow_inf_nan=False, description="suggested values are rounded to this"
    )


class DriverSection(BaseModel):
    """Who suggests: the type, and beside it the keys of that driver's configuration."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    type: str = Field(default="ActiveLearning", description="such as ActiveLearning or RandomSearch")

    @property
    def configuration(self) -> dict[str, Any]:
        """The keys beside the type."""
        return dict(self.model_extra or {})


class ExecutorSection(_Section):
    """Where evaluations run."""

    type: Literal["serial", "local", "dask"] = Field(
        default="serial", description="in this process, in a pool of processes, or on a Dask cluster"
    )
    workers: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="evaluations at once; not serial; default: the processors there are",
    )
    memory_limit_MB: float | None = Field(
        default=None, gt=0, le=_MANY, description="per worker; not serial; default: none"
    )
    max_tasks_per_worker: int | None = Field(
        default=None,
        ge=1,
        le=_MANY,
        description="a worker is replaced after so many; not serial; default: never",
    )
    scheduler: str | None = Field(
        default=None,
        min_length=1,
        description="address or scheduler file (.json) of a scheduler that runs; dask only",
    )
    hosts: list[str] = Field(
        default=[], description="hosts that SSH reaches, the first one for the scheduler; dask only"
    )
    slurm: dict[str, Any] | None = Field(
        default=None, description="arguments of dask_jobqueue.SLURMCluster; dask only"
    )

    @model_validator(mode="after")
    def _require_type(self) -> ExecutorSection:
        clusters = ("scheduler", "hosts", "slurm")
        if self.type == "serial":
            keys = ("workers", "memory_limit_MB", "max_tasks_per_worker")
            _refuse_given(self, keys, 'belongs to type = "local" or "dask" only')
        if self.type != "dask":
            _refuse_given(self, clusters, 'belongs to type = "dask" only')
        elsewhere = _given(self, clusters)
        if len(elsewhere) > 1:
            raise ValueError(
                f"at most one of the keys {', '.join(clusters)} may stand, got {', '.join(elsewhere)}"
            )
        if elsewhere and self.workers is None:
            raise ValueError(f"the key workers is required beside {next(iter(elsewhere))}")
        return self


class TemplateSection(_Section):
    """A file that is filled in for the command."""

    source: str = Field(alias="from", min_length=1, description="the template, relative to the study file")
    target: str = Field(alias="to", min_length=1, description="its name in the attempt's folder")


class ResultSection(_Section):
    """Where the command leaves its result, and how it is read."""

    file: str | None = Field(default=None, min_length=1, description="a path in the attempt's folder")
    stdout: Literal[True] | None = Field(default=None, description="read what the command printed")
    regex: str | None = Field(default=None, description="the first group of the first match is the number")
    json_path: str | None = Field(default=None, description="such as result.loss or runs[0].loss")
    csv_column: str | None = Field(default=None, description="the last entry of the column of this name")
    python: str | None = Field(
        default=None, description="module:function of the folder's path; needs neither file nor stdout"
    )

    @model_validator(mode="after")
    def _require_one_rule(self) -> ResultSection:
        _require_one(self, ("regex", "json_path", "csv_column", "python"))
        if self.python is None:
            _require_one(self, ("file", "stdout"))
        else:
            _refuse_given(self, ("file", "stdout"), "has no use beside python, which finds its files itself")
        return self


class EvaluatorSection(_Section):
    """The model: `python` or `command`, exactly one of them."""

    python: str | None = Field(
        default=None, description="module:function, called with the parameters by name"
    )
    command: list[str] | None = Field(
        default=None, min_length=1, description="program and arguments; never a shell"
    )
    templates: list[TemplateSection] = Field(
        default=[], description="filled in, in each attempt's own folder; command only"
    )
    result: ResultSection | None = Field(default=None, description="where the result is; command only")
    working_directory: str | None = Field(
        default=None,
        min_length=1,
        description='where the folders of the attempts are made; command only; default: "<id>.runs"',
    )
    environment: dict[str, str] = Field(default={}, description="further environment variables; command only")
    keep: bool = Field(
        default=False, description="whether the folders of successful attempts are kept; command only"
    )
    timeout_seconds: float | None = Field(
        default=None, gt=0, description="longer is a failure of the model; default: none"
    )
    retries: int = Field(
        default=0, ge=0, le=_MANY, description="further attempts after a failure of the model"
    )

    @model_validator(mode="after")
    def _require_one_model(self) -> EvaluatorSection:
        _require_one(self, ("python", "command"))
        if self.python is not None:
            keys = ("templates", "result", "working_directory", "environment", "keep")
            _refuse_given(self, keys, "belongs to a command only")
        elif self.result is None:
            raise ValueError("a command needs the key result, which says where its result is")
        return self


class StopSection(_Section):
    """When to stop; the first rule that is met counts, and the driver may have rules of its own."""

    max_evaluations: int | None = Field(default=None, ge=1, le=_MANY, description="evaluations in all")
    max_time_seconds: float | None = Field(default=None, gt=0, description="of one run")
    target: float | None = Field(
        default=None, allow_inf_nan=False, description="stop once the best objective is at or below this"
    )
    max_failures_in_a_row: int = Field(
        default=10, ge=1, le=_MANY, description="failures in a row that end the run"
    )


class StudyDocument(_Section):
    """A study file."""

    schema_version: int = Field(ge=1, le=1, description="the version of this format")
    study: StudySection
    space: list[dict[str, Any]] = Field(min_length=1, description="parameters to choose")
    environment: list[dict[str, Any]] = Field(default=[], description="what nobody chooses")
    constraint: list[dict[str, Any]] = Field(
        default=[], description="conditions that every suggestion satisfies"
    )
    driver: DriverSection = Field(default_factory=DriverSection)
    executor: ExecutorSection = Field(default_factory=ExecutorSection)
    evaluator: EvaluatorSection
    stop: StopSection = Field(default_factory=StopSection)


def refusal(error: ValidationError) -> str:
    """The first thing that is wrong: the path of the key, the rule, and what was got."""
    first = error.errors(include_url=False)[0]
    path, kind, context = _path(first["loc"]), first["type"], first.get("ctx", {})
    if kind == "value_error":
        return f"{path}: {context['error']}"
    if kind == "missing":
        return f"{path} is required, and missing"
    if kind == "extra_forbidden":
        known = ", ".join(_keys_at(first["loc"][:-1]))
        return f"{path} is not a key of this format, only {known}, got {shown(first['input'])} for it"
    rule = (
        _RULES[kind].format(**context) if kind in _RULES else first["msg"].replace("Input should", "must", 1)
    )
    return f"{path} must be {rule}, got {shown(first['input'])}" if kind in _RULES else f"{path}: {rule}"


_RULES = {
    "string_type": "text",
    "string_too_short": "text that is not empty",
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "too_short": "a list with at least {min_length} entry",
    "literal_error": "{expected}",
    "greater_than": "above {gt:g}",
    "greater_than_equal": "{ge} or more",
    "less_than": "below {lt}",
    "less_than_equal": "{le} or less",
}


def _path(location: Sequence[str | int]) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{shown(step)[1:-1]}" for step in location)
    return f"key {text.removeprefix('.')}"


def _given(section: BaseModel, keys: Sequence[str]) -> Mapping[str, Any]:
    return {key: getattr(section, key) for key in keys if key in section.model_fields_set}


def _require_one(section: BaseModel, keys: Sequence[str]) -> None:
    given = _given(section, keys)
    if len(given) != 1:
        raise ValueError(
            f"exactly one of the keys {', '.join(keys)} is needed, got {', '.join(given) or 'none'}"
        )


def _refuse_given(section: BaseModel, keys: Sequence[str], rule: str) -> None:
    for key, value in _given(section, keys).items():
        raise ValueError(f"the key {key} {rule}, got {shown(value)}")


def _keys_at(path: tuple[int | str, ...]) -> list[str]:
    """The keys of the table at a path of the document."""
    model: type[BaseModel] = StudyDocument
    for part in path:
        if isinstance(part, str) and part in model.model_fields:
            inner = _model_of(model.model_fields[part].annotation)
            if inner is None:
                break
            model = inner
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_of(annotation: Any) -> type[BaseModel] | None:
    """The table that a type holds, if it holds one."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_of(part)) is not None), None)
