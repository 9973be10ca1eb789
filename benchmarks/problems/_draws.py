"""Draws of noise, one raw file each, so that a measurement that was cut off goes on."""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["draws_of"]

LOGGER = logging.getLogger(__name__)


def draws_of(
    options: argparse.Namespace, problem: str, draws: Iterable[int], run: Callable[[int], dict[str, Any]]
) -> list[dict[str, Any]]:
    """Run the draws that are missing, unless only a summary is asked for, and read all that are there."""
    raw = options.output / "raw/problems" / problem
    found = []
    for number in options.seeds or draws:
        place = raw / f"{number}.json"
        if not place.exists() and not options.summary_only:
            raw.mkdir(parents=True, exist_ok=True)
            place.write_text(json.dumps(run(number)) + "\n")
            LOGGER.info("draw %d", number)
        if place.exists():
            found.append(json.loads(place.read_text()))
    return found
