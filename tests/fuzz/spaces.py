"""Random and hostile definitions of a space: each is accepted and round trips, or is refused with one sentence.

Run as `python -m tests.fuzz.spaces --count 10000 --seed 0`.
"""

from __future__ import annotations

import argparse
import copy
import json
import logging
import random
import time
from collections import Counter
from typing import Any

from assay.errors import SpaceError
from assay.space.space import Space

__all__ = ["check", "random_definition", "run"]

GOOD: dict[str, Any] = {
    "design_space": [
        {"name": "x", "domain": [-1, 1], "unit": "mm"},
        {"name": "rate", "type": "continuous", "domain": [1e-6, 1], "log": True},
        {"name": "layers", "type": "integer", "domain": [1, 6]},
        {"name": "voltage_V", "type": "discrete", "values": [12, 3.3, 5]},
        {"name": "metal", "type": "categorical", "domain": ["silver", "gold"], "ordered": True},
        {"name": "width", "type": "fixed", "domain": 2},
    ],
    "environment": [{"name": "t", "scale": 600}, {"name": "p", "type": "fixed", "domain": 1}],
    "constraints": [{"name": "room", "expression": "x + layers <= 2*width + p"}],
    "output_precision": 1e-8,
}
DEEP: list[Any] = []
for _ in range(3000):
    DEEP = [DEEP]
HOSTILE: list[Any] = [
    None, True, False, 0, -1, 1, 2, 0.5, -0.0, 1e308, -1e308, 5e-324, 10**400, -(10**5000), float("nan"), float("inf"),
    1j, "", "x", "E", "sin", "1", "x\n", "\x00", "__class__", "lambda", "é", "a" * 100_000, "continuous", "fixed",
    "categorical", "x <= 1", "x", b"x", [], {}, (), [0], [0, 1], [1, 0], [0, 1, 2], ["a", "b"], [[0, 1]], [None, None],
    [0, float("nan")], [-1e308, 1e308], [0, 10**400], {"name": "y"}, [{}], [{"name": "y"}], set(), object, {1: 2}, DEEP,
]  # fmt: skip
KEYS = [
    "name",
    "type",
    "domain",
    "values",
    "log",
    "ordered",
    "unit",
    "text",
    "scale",
    "expression",
    "",
    "Name",
    3,
    None,
]


def _places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything inside."""
    inner = (
        data.items()
        if isinstance(data, dict)
        else enumerate(data)
        if isinstance(data, list) and data is not DEEP
        else ()
    )
    return [place for key, item in inner for place in ((*path, key), *_places(item, (*path, key)))]


def _hostile(generator: random.Random) -> Any:
    item = generator.choice(HOSTILE)
    return item if item is DEEP else copy.deepcopy(item)


def random_definition(generator: random.Random) -> Any:
    """A good definition with one to three things replaced, removed, added or doubled."""
    data: Any = copy.deepcopy(GOOD)
    for _ in range(generator.choice([1, 1, 1, 2, 3])):
        places = _places(data)
        if not places:
            break
        *path, key = generator.choice(places)
        holder = data
        for step in path:
            holder = holder[step]
        action = generator.random()
        if action < 0.55:
            holder[key] = _hostile(generator)
        elif action < 0.75:
            del holder[key]
        elif isinstance(holder, dict):
            holder[generator.choice(KEYS)] = _hostile(generator)
        else:
            holder.append(holder[key])
    return data


def check(data: Any) -> str:
    """What became of the definition: "accepted" or "refused".

    Raises:
        AssertionError: when it is accepted and does not round trip, or the refusal is not one sentence.
    """
    try:
        space, sentence = Space.from_data(data), ""
    except SpaceError as error:
        space, sentence = None, str(error)
    if space is None:
        assert sentence.isprintable(), repr(sentence[:200])
        assert len(sentence) < 1000, sentence[:200]
        return "refused"
    plain = json.dumps(space.to_data(), allow_nan=False)
    assert Space.from_data(json.loads(plain)) == space, plain[:200]
    return "accepted"


def run(count: int, seed: int) -> Counter[str]:
    """Check that many random definitions; how many were accepted and refused."""
    generator = random.Random(seed)
    return Counter(check(random_definition(generator)) for _ in range(count))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    began = time.process_time()
    tally = run(options.count, options.seed)
    spent = time.process_time() - began
    logging.info("%s; nothing else, in %.1f s of processor time", dict(sorted(tally.items())), spent)
