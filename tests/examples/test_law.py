"""The simulation of the page on laws is the one in the examples."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_shows_the_example() -> None:
    script = (ROOT / "examples" / "laws" / "orbit.py").read_text(encoding="utf-8")
    assert script in (ROOT / "docs" / "problems" / "law.md").read_text(encoding="utf-8")
