"""Makes `src/assay/study/study.schema.json`, the JSON Schema of study files: `python tests/formats/make_schema.py`.

Run after every change of `assay.study.sections`; a test holds the two equal.
"""

from __future__ import annotations

import json
from pathlib import Path

import assay.study.sections
from assay.study.sections import StudyDocument

FILE = Path(assay.study.sections.__file__).with_name("study.schema.json")


def schema() -> str:
    content = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **StudyDocument.model_json_schema(),
        "title": "STUDY.toml of assay",
    }
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=True) + "\n"


if __name__ == "__main__":
    FILE.write_text(schema(), encoding="ascii")
