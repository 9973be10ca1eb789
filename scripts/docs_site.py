"""Steps of mkdocs beside its own.

Formulas become MathML, which browsers draw by themselves; examples of docstrings become blocks of code; the pictures of
`benchmarks/results` are part of the site.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import griffe
from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
RESULT = re.compile(r"\]\(\.\./((?:\.\./)*benchmarks/results/[\w/.-]+\.png)\)")
EXAMPLE = re.compile(r"^(?P<indent> *)>>> .*(?:\n(?! *$).*)*", re.MULTILINE)
FORMULA = re.compile(r'<(?P<tag>span|div) class="arithmatex">(?P<text>.*?)</(?P=tag)>', re.DOTALL)


class FencedExamples(griffe.Extension):
    """`>>>` would be a quotation of a quotation in Markdown."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = EXAMPLE.sub(_fenced, obj.docstring.value)


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    for path in sorted((ROOT / "benchmarks" / "results").rglob("*.png")):
        files.append(File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path)))
    return files


def on_page_markdown(text: str, **_: Any) -> str:
    """A page shows a result by its place in the project, which in the site is one folder nearer."""
    return RESULT.sub(r"](\1)", text)


def on_page_content(html: str, **_: Any) -> str:
    return FORMULA.sub(_mathml, html)


def _fenced(found: re.Match[str]) -> str:
    indent = found["indent"]
    return f"{indent}```pycon\n{found[0]}\n{indent}```"


def _mathml(found: re.Match[str]) -> str:
    text = re.sub(r"<[^>]*>", "", found["text"]).strip()
    for entity, sign in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(entity, sign)
    return convert(text[2:-2], display="block" if found["tag"] == "div" else "inline")
