"""The pictures of the manual, drawn by the blocks of its pages: `python -m tests.docs_pictures [PAGE.md ...]` draws them anew."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import sys
import tempfile
import types
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
PICTURE = re.compile(r"!\[[^\]]*\]\(([\w.-]+\.png)\)")


def blocks(page: Path) -> list[str]:
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def pictures(page: Path) -> set[str]:
    """The pictures beside a page that it shows."""
    return set(PICTURE.findall(page.read_text(encoding="utf-8")))


def draw(page: Path) -> list[str]:
    """Run a page's blocks in an empty folder, and put the pictures that they draw and the page shows beside the page."""
    module = types.ModuleType("page")
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for block in blocks(page):
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(block, str(page), "exec"), module.__dict__)
        drawn = sorted(name for name in pictures(page) if Path(name).is_file())
        for name in drawn:
            shutil.copy(name, page.parent / name)
    return drawn


def main(names: list[str]) -> None:
    pages = [Path(name).resolve() for name in names] or [
        page for page in sorted(DOCS.rglob("*.md")) if pictures(page)
    ]
    for page in pages:
        print(page.relative_to(DOCS), *draw(page), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
