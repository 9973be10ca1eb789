"""The JSON Schema that is shipped is that of the models, and it is what editors understand."""

from __future__ import annotations

import json
from importlib.resources import files

from tests.formats.make_schema import FILE, schema


def test_the_shipped_schema_is_that_of_the_models() -> None:
    assert FILE.read_text(encoding="ascii") == schema()
    assert (files("assay.study") / "study.schema.json").read_text(encoding="ascii") == schema()


def test_it_names_the_keys_as_they_stand_in_the_file() -> None:
    content = json.loads(schema())
    assert set(content["required"]) == {"schema_version", "study", "space", "evaluator"}
    template = content["$defs"]["TemplateSection"]
    assert set(template["properties"]) == {"from", "to"}
    assert template["additionalProperties"] is False
