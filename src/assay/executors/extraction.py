"""How the result of an external command is read from what it left behind."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Literal, final, get_args

from assay.errors import EvaluationError, UsageError
from assay.executors.evaluators import load_function

__all__ = ["Extraction", "require_inside"]

STDOUT = "stdout.txt"
_Kind = Literal["regex", "json_path", "csv_column", "python"]
_KINDS: tuple[_Kind, ...] = get_args(_Kind)
_JSON_STEP = re.compile(r"(?:^|\.)([^.\[\]]+)|\[(\d+)\]")


@final
@dataclass(frozen=True, slots=True)
class Extraction:
    """Where a command leaves its result, and how it is read.

    Arguments:
        kind: "regex": the first group of the first match, a number. "json_path": the entry at a path such as
            `result.loss` or `runs[0].loss`: a number, a list, or an object of these by surrogate name.
            "csv_column": the last entry of the column of that name. "python": what a function gives for the folder.
        rule: the regular expression, path, column or "module:function".
        file: the file that is read, inside the attempt's folder; standard output by default.

    Raises:
        UsageError: when the rule is not of its kind, or the file lies outside the folder.
    """

    kind: _Kind
    rule: str
    file: str = STDOUT

    def __post_init__(self) -> None:
        require_inside(self.file, "the result's file")
        match self.kind:
            case "regex":
                try:
                    groups = re.compile(self.rule, re.MULTILINE).groups
                except re.error as error:
                    raise UsageError(
                        f"regex of the result must be a regular expression, got {self.rule!r}: {error}"
                    ) from None
                if groups < 1:
                    raise UsageError(
                        f"regex of the result must have a group around the number, got {self.rule!r}"
                    )
            case "json_path":
                _json_steps(self.rule)
            case "python":
                load_function(self.rule)
            case "csv_column":
                if not self.rule.strip():
                    raise UsageError(
                        "csv_column of the result must be the name of a column, got an empty text"
                    )

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Extraction:
        """Read the table of a study file: one of the kinds with its rule, and `file` or `stdout = true`.

        Raises:
            UsageError: when it has another form.

        Example:
            >>> Extraction.from_data({"stdout": True, "regex": "loss = (.*)"})
            Extraction(kind='regex', rule='loss = (.*)', file='stdout.txt')
        """
        kinds: list[_Kind] = [kind for kind in _KINDS if kind in data]
        unknown = set(data) - {*_KINDS, "file", "stdout"}
        if (
            len(kinds) != 1
            or unknown
            or not all(isinstance(data[key], str) for key in set(data) - {"stdout"})
        ):
            raise UsageError(
                f"a result must have exactly one of {', '.join(_KINDS)}, and file or stdout = true, got {dict(data)!r}"
            )
        if data.get("stdout") and data.get("file", STDOUT) != STDOUT:
            raise UsageError(f"a result must be read from file or from stdout, got both in {dict(data)!r}")
        return cls(kinds[0], data[kinds[0]], data.get("file", STDOUT))

    def read(self, folder: Path) -> Any:
        """What the command in that folder resulted in, before it is checked.

        Raises:
            EvaluationError: when it is missing or cannot be read.
            Exception: whatever a "python" function raises.
        """
        if self.kind == "python":
            return load_function(self.rule)(folder)
        try:
            text = (folder / self.file).read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise EvaluationError(f"the result file {self.file} cannot be read: {error.strerror}") from None
        if self.kind == "regex":
            return _from_regex(text, self.rule, self.file)
        if self.kind == "csv_column":
            return _from_csv(text, self.rule, self.file)
        return _from_json(text, self.rule, self.file)


def require_inside(path: str, whose: str) -> None:
    """Refuse a path that could leave the folder that it is meant for.

    Raises:
        UsageError: when it is absolute, empty, or climbs.
    """
    pure = PurePath(path)
    if not pure.parts or pure.is_absolute() or pure.drive or ".." in pure.parts:
        raise UsageError(f"{whose} must be a path inside the attempt's folder, got {path!r}")


def _from_regex(text: str, rule: str, file: str) -> float:
    match = re.search(rule, text, re.MULTILINE)
    if match is None or match[1] is None:
        raise EvaluationError(f"{file} has nothing that matches {rule!r}")
    return _number(match[1], f"the match of {rule!r} in {file}")


def _from_csv(text: str, column: str, file: str) -> float:
    rows = [row for row in csv.reader(text.splitlines(), skipinitialspace=True) if row]
    names = [name.strip() for name in rows[0]] if rows else []
    if column not in names:
        raise EvaluationError(
            f"{file} has no column {column!r}, but {', '.join(map(repr, names)) or 'none at all'}"
        )
    place = names.index(column)
    if len(rows) < 2 or len(rows[-1]) <= place:
        raise EvaluationError(f"{file} has no entry in the last row of column {column!r}")
    return _number(rows[-1][place], f"the last entry of column {column!r} in {file}")


def _from_json(text: str, path: str, file: str) -> Any:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise EvaluationError(f"{file} must hold a JSON document: {error}") from None
    for step in _json_steps(path):
        try:
            found = found[step]
        except (KeyError, IndexError, TypeError):
            raise EvaluationError(f"{file} has no entry {step!r} on the path {path!r}") from None
    return found


def _json_steps(path: str) -> list[str | int]:
    steps: list[str | int] = []
    end = 0
    for match in _JSON_STEP.finditer(path):
        if match.start() != end:
            break
        steps.append(match[1] if match[1] is not None else int(match[2]))
        end = match.end()
    if not steps or end != len(path):
        raise UsageError(f"json_path of the result must be like result.loss or runs[0].loss, got {path!r}")
    return steps


def _number(text: str, what: str) -> float:
    plain = re.sub(r"(?<=\d|\.)[dD](?=[-+]?\d)", "e", text.strip())  # Fortran writes 1.5D-03
    try:
        return float(plain)
    except ValueError:
        raise EvaluationError(f"{what} must be a number, got {text.strip()[:100]!r}") from None
