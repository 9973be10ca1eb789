"""The direction of imports: the rows of pyproject.toml, and what import-linter cannot see."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src"


def modules() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted((SOURCE / "assay").rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def own_names(tree: ast.Module) -> set[str]:
    """The names that a module defines itself, rather than imports."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names.update(target.id for target in targets if isinstance(target, ast.Name))
    return names


def test_contracts_hold() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run(
        [program, "--no-cache"], cwd=SOURCE.parent, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout


def test_names_are_imported_from_the_file_that_defines_them() -> None:
    trees = {
        ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): tree
        for path, tree in modules()
    }
    detours = []
    for path, tree in modules():
        if path.name == "__init__.py":  # an explicit re-export is what these are for
            continue
        for node in ast.walk(tree):
            if not isinstance(node, ast.ImportFrom) or node.module not in trees:
                continue
            for alias in node.names:
                is_module = f"{node.module}.{alias.name}" in trees
                if not is_module and alias.name not in own_names(trees[node.module]):
                    detours.append(
                        f"{path.relative_to(SOURCE)}:{node.lineno} {alias.name} from {node.module}"
                    )
    assert detours == []


def test_no_import_hides_behind_type_checking() -> None:
    hidden = [
        f"{path.relative_to(SOURCE)}:{node.lineno}"
        for path, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and any(alias.name == "TYPE_CHECKING" for alias in node.names)
    ]
    assert hidden == []
