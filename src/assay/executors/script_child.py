"""The other side of a user's script: a program of the standard library alone, run by path with any Python from 3.10 on.

`describe SCRIPT` prints what the block of parameters defines, and whether the script sets `response`.
`run SCRIPT TASK.json OUTCOME.json` runs the script with `parameters` replaced, and writes what it has set of `response`,
`response_uncertainty` and `extra`.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    sys.path.pop(0)  # the folder of this file, whose modules are not the script's business

import ast
import importlib
import importlib.util
import json
import re
import types
from pathlib import Path
from typing import Any

__all__ = ["Table", "block_of", "create_parameters", "describe", "main", "run"]

_KEPT = ("response", "response_uncertainty", "extra")
_MARK = r"^[ \t]*#+\s*(?:ASSAY|MED)\s+PARAMETERS\s+{}\b.*$"


class Column:
    """A column of parameters: read by name or place; whatever else a pandas series can do, it does by becoming one."""

    def __init__(self, index: list[str], values: list[Any]) -> None:
        self.index = index
        self._values = values

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            if key not in self.index:
                raise KeyError(key)
            return self._values[self.index.index(key)]
        return self.series()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._values[self.index.index(key)] = value

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name] if name in self.index else getattr(self.series(), name)

    def __iter__(self) -> Any:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __array__(self, *arguments: Any, **keys: Any) -> Any:
        return self.series().to_numpy().__array__(*arguments, **keys)

    def items(self) -> Any:
        """Name and value."""
        return zip(self.index, self._values, strict=True)

    def keys(self) -> list[str]:
        """The names."""
        return self.index

    def series(self) -> Any:
        """As a pandas series, which needs pandas."""
        import pandas

        return pandas.Series(self._values, index=self.index)


class Table:
    """The parameters: `parameters["value"]["A"]`, `parameters.value.A`, `parameters.loc["A", "value"]`, and, by becoming a
    pandas table, all that such a table can do."""

    def __init__(self, index: list[str], columns: dict[str, list[Any]]) -> None:
        self.index = index
        self._columns = columns
        self.attrs: dict[str, Any] = {}

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(self._columns)

    @property
    def loc(self) -> Any:
        """By name and column."""
        return _Places(self)

    at = loc

    def __getitem__(self, name: Any) -> Any:
        if not isinstance(name, str):
            return self.frame()[name]
        return Column(self.index, self._columns[name])

    def __setitem__(self, name: str, values: Any) -> None:
        scalar = isinstance(values, str) or not hasattr(values, "__iter__")
        self._columns[name] = [values] * len(self.index) if scalar else list(values)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name] if name in self._columns else getattr(self.frame(), name)

    def __len__(self) -> int:
        return len(self.index)

    def __iter__(self) -> Any:
        return iter(self._columns)

    def frame(self) -> Any:
        """As a pandas table, which needs pandas."""
        import pandas

        return pandas.DataFrame(self._columns, index=self.index)


class _Places:
    def __init__(self, table: Table) -> None:
        self._table = table

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, tuple) and len(key) == 2 and all(isinstance(part, str) for part in key):
            return self._table[key[1]][key[0]]
        if isinstance(key, str):
            return Column(self._table.columns, [self._table[name][key] for name in self._table.columns])
        return self._table.frame().loc[key]


def create_parameters(
    names: Any, minimums: Any, maximums: Any, values: Any = None, constraints: Any = (), **columns: Any
) -> Table:
    """What stands in for the function of this name, so that a run needs no other package; what it is given is checked where
    the script is read. A `value` of None stands for the usual one."""
    index = [str(name) for name in names]
    lower, upper = list(minimums), list(maximums)
    numbers = [
        isinstance(low, int | float) and isinstance(high, int | float)
        for low, high in zip(lower, upper, strict=True)
    ]
    middle = [(lower[place] + upper[place]) / 2 if known else None for place, known in enumerate(numbers)]
    table = Table(index, {"value": middle if values is None else list(values), "min": lower, "max": upper})
    for name, column in columns.items():
        table[name] = [column.get(key) for key in index] if isinstance(column, dict) else column
    if constraints:
        table.attrs["constraints"] = list(constraints)
    return table


def block_of(text: str) -> tuple[int, int]:
    """The lines between the two marks, from 1, both excluded.

    Raises:
        ValueError: when there is not exactly one such block.
    """
    lines = text.splitlines()
    places = []
    for word in ("START", "END"):
        mark = re.compile(_MARK.format(word), re.IGNORECASE)
        found = [number for number, line in enumerate(lines, start=1) if mark.match(line)]
        if len(found) != 1:
            raise ValueError(f"it must have one line '# ASSAY PARAMETERS {word}', got {len(found)}")
        places += found
    if places[0] > places[1]:
        raise ValueError("'# ASSAY PARAMETERS START' must come before END")
    return places[0], places[1]


def describe(path: str) -> dict[str, Any]:
    """What the block of parameters defines: names, columns, and what the rest of the script sets.

    Raises:
        ValueError: when the script breaks a rule.
    """
    text, tree = _read(path)
    first, last = block_of(text)
    stored = [
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]
    if "response" not in stored:
        raise ValueError("it must set the variable 'response' somewhere")
    block = ast.Module([node for node in tree.body if first < node.lineno < last], [])
    module = _module(path)
    exec(compile(block, path, "exec"), module.__dict__)
    parameters = module.__dict__.get("parameters")
    if parameters is None:
        raise ValueError("the block of parameters must set the variable 'parameters'")
    return {"parameters": _described(parameters), "responses": _literal_keys(tree)}


def run(path: str, task_path: str, outcome_path: str) -> None:
    """Run the script with the parameters of a task, and write what it set; whole or not at all."""
    task = json.loads(Path(task_path).read_text(encoding="utf-8"))
    text, tree = _read(path)
    first, last = block_of(text)
    for node in tree.body:
        if first < node.lineno < last and isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id == "parameters" for target in targets):
                node.value = ast.copy_location(ast.Name("__parameters__", ast.Load()), node)
    module = _module(path)
    module.__dict__["__parameters__"] = Table(task["index"], task["columns"])
    module.__dict__["assay_id"] = module.__dict__["med_id"] = task["number"]
    sys.argv = [path]
    try:
        exec(compile(ast.fix_missing_locations(tree), path, "exec"), module.__dict__)
    except SystemExit as end:
        if end.code not in (None, 0):
            raise
    if "response" not in module.__dict__:
        raise SystemExit("the script ended without setting the variable 'response'")
    outcome = {name: _plain(module.__dict__.get(name)) for name in _KEPT}
    unfinished = Path(outcome_path + ".tmp")
    unfinished.write_text(json.dumps(outcome, default=repr), encoding="utf-8")
    unfinished.replace(outcome_path)


def main() -> None:
    """The program."""
    command, path, *rest = sys.argv[1:]
    sys.path.insert(0, str(Path(path).resolve().parent))
    if command == "run":
        run(path, *rest)
    else:
        json.dump(describe(path), sys.stdout, default=repr)


def _read(path: str) -> tuple[str, ast.Module]:
    text = Path(path).read_text(encoding="utf-8")
    return text, ast.parse(text, path)


def _module(path: str) -> types.ModuleType:
    """The module that the script runs as, with stand-ins for what it imports for its parameters alone."""
    for name in ("medeq", "assay"):
        known = (
            name == "assay" and importlib.util.find_spec(name) is not None
        )  # importing it loads nothing else
        package = importlib.import_module(name) if known else types.ModuleType(name)
        vars(package)["create_parameters"] = create_parameters
        sys.modules[name] = package
    module = types.ModuleType("__main__")
    module.__file__ = path
    sys.modules["__main__"] = module
    return module


def _described(parameters: Any) -> dict[str, Any]:
    index = [str(name) for name in parameters.index]
    columns = {str(name): list(map(_plain, parameters[name])) for name in parameters.columns}
    return {"index": index, "columns": columns, "attrs": _plain(dict(getattr(parameters, "attrs", {})))}


def _literal_keys(tree: ast.Module) -> list[str] | None:
    """The names of the responses where the script says them: `response = {"a": ..., "b": ...}`."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Assign)
            and any(isinstance(target, ast.Name) and target.id == "response" for target in node.targets)
            and isinstance(node.value, ast.Dict)
        ):
            keys = [key.value for key in node.value.keys if isinstance(key, ast.Constant)]
            names = [key for key in keys if isinstance(key, str)]
            if len(names) == len(node.value.keys):
                return names
    return None


def _plain(value: Any) -> Any:
    """Arrays and tables as lists and dicts."""
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(part) for part in value]
    for method in ("to_dict", "tolist"):
        if hasattr(value, method) and not isinstance(value, type):
            return _plain(getattr(value, method)())
    return value


if __name__ == "__main__":
    if sys.argv[1] == "run":
        main()  # what the script raises is shown as it is
    else:
        try:
            main()
        except (OSError, SyntaxError) as error:
            sys.exit(f"{type(error).__name__}: {error}")
        except ValueError as error:
            sys.exit(str(error))
