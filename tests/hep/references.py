"""The models of `tests/oracles/hep.json`, whose numbers are pyhf's with tight optimisers."""

from __future__ import annotations

import json
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from assay.hep.build import build_model
from assay.hep.model import Model
from assay.hep.simple import correlated_background, uncorrelated_background
from assay.hep.workspace import Workspace

NUMBERS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "oracles" / "hep.json").read_text(encoding="utf-8")
)

SMALL = (
    "uncorr_2bin_docs",
    "uncorr_2bin_example_json",
    "uncorr_1bin",
    "corr_2bin_docs",
    "kitchen_sink_all_modifiers",
)


def _ten_bins() -> Workspace:
    given = NUMBERS["big_10bins_5samples_20np"]
    return Workspace.from_data(
        {
            "channels": given["spec"]["channels"],
            "observations": [{"name": "c", "data": given["obs"]}],
            "measurements": [{"name": "m", "config": {"poi": given["poi"], "parameters": []}}],
            "version": "1.0.0",
        }
    )


@lru_cache(maxsize=1)
def workspaces() -> dict[str, Workspace]:
    """By the name of the reference."""
    return {
        "uncorr_2bin_docs": uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], [51.0, 48.0]),
        "uncorr_2bin_example_json": uncorrelated_background(
            [5.0, 10.0], [50.0, 60.0], [5.0, 12.0], [50.0, 60.0]
        ),
        "uncorr_1bin": uncorrelated_background([5.0], [50.0], [7.0], [55.0]),
        "corr_2bin_docs": correlated_background(
            [12.0, 11.0], [50.0, 52.0], [45.0, 57.0], [55.0, 47.0], [51.0, 48.0]
        ),
        "kitchen_sink_all_modifiers": Workspace.from_data(NUMBERS["kitchen_sink_workspace"]),
        "big_10bins_5samples_20np": _ten_bins(),
    }


@cache
def model(name: str) -> Model:
    """The model of a reference."""
    return build_model(workspaces()[name])
