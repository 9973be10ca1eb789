"""The manual is a test: every block of Python runs and prints what it says; every name, key and command is there."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import types
from pathlib import Path
from typing import Any

import pytest
import typer.main
from tests.docs_pictures import blocks, pictures
from tests.schema_tables import MODELS, with_tables

import assay
from assay.cli.main import app
from assay.study.file import read_study_file

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
IMAGE = re.compile(r"!\[[^\]]*\]\(([^)]+)\)")
PRINTS = re.compile(r"#\s*prints (.*)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#:]+\.md)(#[\w-]+)?\)")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.timeout(400)  # a page may compile several programs
@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=name_of)
def test_blocks_run_and_print_what_they_say(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    module = types.ModuleType("page")
    for block in blocks(page):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block, name_of(page), "exec"), module.__dict__)
        expected = PRINTS.findall(block)
        if expected:
            assert printed.getvalue().splitlines() == expected
    assert {path.name for path in tmp_path.glob("*.png")} <= pictures(page), (
        "a picture that the page does not show"
    )


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_pictures_are_there(page: Path) -> None:
    for target in IMAGE.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).is_file(), f"{target}: python -m tests.docs_pictures {name_of(page)}"


def test_the_readme_example_is_short_and_prints_a_number() -> None:
    (block,) = blocks(ROOT / "README.md")
    assert len(block.splitlines()) <= 12
    (printed,) = PRINTS.findall(block)
    assert isinstance(ast.literal_eval(printed), float)


def test_the_study_file_of_getting_started_is_accepted(tmp_path: Path) -> None:
    (text,) = re.findall(
        r"^```toml\n(.*?)^```", (DOCS / "getting-started.md").read_text(encoding="utf-8"), re.S | re.M
    )
    place = tmp_path / "STUDY.toml"
    place.write_text(text, encoding="utf-8")
    study = read_study_file(place).open()
    assert (study.id, study.space.design_names, study.settings.max_iter) == (
        "ball",
        ("angle_deg", "speed_mps"),
        25,
    )


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        place = page.parent / target
        assert place.is_file(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", place.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {
                f"#{re.sub(r'[^a-z0-9 -]', '', heading.lower()).replace(' ', '-')}" for heading in headings
            }
            assert anchor in slugs, f"{target}{anchor}"


def test_every_folder_has_a_page_of_its_interfaces() -> None:
    folders = {path.parent.name for path in (ROOT / "src" / "assay").glob("*/__init__.py")}
    assert {page.stem for page in (DOCS / "api").glob("*.md")} == folders - {"cli", "codec"}


def test_every_public_name_has_a_section() -> None:
    headings = re.findall(r"^### `(\w+)`$", (DOCS / "reference.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(headings) == sorted(assay.__all__)


def test_every_command_has_a_section_with_its_options() -> None:
    sections = re.split(r"^## assay ", (DOCS / "cli.md").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    described = {
        section.split()[0]: set(re.findall(r"^\| `(--[\w-]+)`", section, re.MULTILINE))
        for section in sections
    }
    group = typer.main.get_command(app)
    commands = getattr(group, "commands", {})
    assert described == {name: _options(command) - {"--help"} for name, command in commands.items()}


def _options(command: Any) -> set[str]:
    """Those of a command, and of the commands of a group."""
    own = {option for parameter in command.params for option in parameter.opts if option.startswith("--")}
    return own.union(*(_options(below) for below in getattr(command, "commands", {}).values()))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_tables_of_keys_are_those_of_the_schemas(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert with_tables(text) == text, "python tests/schema_tables.py writes them anew"


def test_every_schema_is_in_the_manual() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    for name in MODELS:
        assert f"<!-- keys of {name} -->" in text
