"""What a configuration means, as nested text generated from its schema."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from assay.drivers.overriding import HYPERPARAMETERS, STRUCTURE

__all__ = ["describe", "with_hyperparameters"]


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
            members.append({"name": key, "text": text, "value": value, "settable": key not in STRUCTURE})
    return {"name": name, "text": (type(entry).__doc__ or "").strip(), "members": members}


def with_hyperparameters(described: dict[str, Any]) -> dict[str, Any]:
    """The description of a driver with those hyperparameters of its Gaussian processes that can be overridden."""
    (surrogates,) = [member for member in described["members"] if member["name"] == "surrogates"]
    for entry in surrogates["members"]:
        members = {member["name"]: member for member in entry["members"]}
        if members["type"]["value"] != "GP":
            continue
        for path, text in HYPERPARAMETERS.items():
            holder, _, name = path.rpartition(".")
            owner = members[holder] if holder else entry
            owner["members"].append({"name": name, "text": text, "value": None, "settable": True})
    return described
