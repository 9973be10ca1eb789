"""What a configuration means, as nested text generated from its schema."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

__all__ = ["describe"]


def describe(name: str, entry: BaseModel) -> dict[str, Any]:
    """{name, text, members} of a configuration; a leaf has its value and whether it is settable instead of members."""
    members = []
    for key, field in type(entry).model_fields.items():
        value = getattr(entry, key)
        text = field.description or ""
        if isinstance(value, BaseModel):
            members.append({**describe(key, value), "text": text})
        elif isinstance(value, list) and value and isinstance(value[0], BaseModel):
            inner = [describe(str(index), item) for index, item in enumerate(value)]
            members.append({"name": key, "text": text, "members": inner})
        else:
            members.append({"name": key, "text": text, "value": value, "settable": key != "type"})
    return {"name": name, "text": (type(entry).__doc__ or "").strip(), "members": members}
