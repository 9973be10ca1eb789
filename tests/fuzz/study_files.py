"""Random and hostile study files: each is accepted and opens, or is refused with one sentence.

Run as `python -m tests.fuzz.study_files --count 10000 --seed 0`.
"""

from __future__ import annotations

import argparse
import logging
import random
import re
import tempfile
import time
import tomllib
from collections import Counter
from pathlib import Path

from assay.errors import AssayError
from assay.executors.command import CommandEvaluator
from assay.store.memory import MemoryStore
from assay.study.file import read_study_file

__all__ = ["GOOD", "check", "random_file", "run"]

DOCUMENT = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
LIMIT_SECONDS = 5.0
CANARY = "canary-of-the-fuzzer"
EXECUTES = f"__import__('pathlib').Path('{CANARY}').touch()"

SMALL = """schema_version = 1
[study]
id = "random"
[[space]]
name = "x"
domain = [-1.0, 1.0]
[[space]]
name = "n"
type = "integer"
domain = [1, 4]
[[constraint]]
name = "c"
expression = "x <= n"
[driver]
type = "RandomSearch"
min_val = 0.0
[evaluator]
command = ["echo", "{{x}} {{n:.3d}}"]
result = { stdout = true, regex = "(.*) " }
[stop]
target = 1.0
"""
DRIVEN = """schema_version = 1
study.id = "driven"
space = [{ name = "x", domain = [0, 1] }, { name = "y", domain = [0, 1] }]
environment = [{ name = "t", scale = 2.0 }]
evaluator.python = "model:evaluate"
[executor]
type = "local"
[driver]
scaling = 2.0
vary_scaling = true
num_initial = 7
deterministic = true
[driver.acquisition_optimizer]
num_starts = 3
max_steps = 20
[[driver.surrogates]]
type = "GP"
name = "loss"
output_dim = 2
output_names = ["a", "b"]
mean_function = "linear"
num_restarts = 2
min_optimization_interval = 2
optimization_level = 0.1
[driver.surrogates.kernel]
type = "Matern"
matern_order = 5
[[driver.variables]]
name = "v"
input = "loss"
select_by_name = "b"
[[driver.objectives]]
variable = "v"
strategy = "EI"
min_val = 0.01
"""
EXAMPLES = re.findall(r"^```toml\n(.*?)^```$", DOCUMENT, flags=re.MULTILINE | re.DOTALL)
GOOD = [text.replace('"solver"', '"true"') for text in (*EXAMPLES, SMALL, DRIVEN)]  # a program that there is

# As they would stand in a file, so that everything that TOML can say is among them.
HOSTILE = [
    "true", "false", "0", "-1", "1", "2", "0.5", "-0.0", "1e308", "-1e308", "5e-324", "1e400", "1" + "0" * 400,
    "0x" + "f" * 5000, "9" * 5000, "nan", "inf", "-inf", '""', '"x"', '"\\u0000"', '"\\u001b[2J"', '"../../etc/passwd"', '"/"',
    '"é"', "'" + "a" * 50_000 + "'", '"__class__"', f'"{EXECUTES}"', f"'x <= {EXECUTES}'", "'x <= 9**9**9**9'",
    "'x <= " + "(" * 3000 + "1" + ")" * 3000 + "'", "'x <= " + "-" * 3000 + "1'", "'x <= 1; y'", "'{{x.__class__}}'",
    "'{{x:>999999999}}'", "'{{'", "'$(touch " + CANARY + ")'", "'(a+)+$'", "'[['", "'local'", "'serial'", "'RandomSearch'",
    "'ActiveLearning'", "'continuous'", "'categorical'", "'fixed'", "'discrete'", "[]", "{}", "[0, 1]", "[1, 0]", "[0, nan]",
    "[-1e308, 1e308]", "['a', 'b']", "[[], [[]]]", "[{}]", "{ a = { b = { c = 1 } } }", "[" * 50 + "]" * 50, "[" * 3000 + "]" * 3000,
    "1979-05-27", "07:32:00", "1979-05-27T07:32:00Z", '"""\na\nb\n"""', "{ name = 'x' }", "[{ name = 'x', domain = [0, 1] }]",
    "{ stdout = true, json_path = 'a[0].b' }", "{ file = '../x', csv_column = 'a' }", "[{ min_val = 0.1 }]", "[{ type = 'GP' }]",
]  # fmt: skip
# Values that many a key may have: they go deeper than the hostile ones.
MILD = ["1", "2", "3", "0.5", "1e-3", "'b'", "'x'", "true", "false", "[0, 2]", "[1, 4]", "'y <= 1'", "inf"]
KEYS = [
    "id", "name", "type", "domain", "values", "log", "scale", "expression", "seed", "store", "output_precision", "workers",
    "memory_limit_MB", "python", "command", "templates", "result", "timeout_seconds", "retries", "max_evaluations", "target",
    "surrogates", "variables", "objectives", "num_initial", "deterministic", "scaling", "acquisition_optimizer", "min_val",
    '""', '"a b"', "a.b.c", '"\\n"', "x", "schema_version", "method", "environment", "keep",
]  # fmt: skip
HEADERS = [
    "[study]", "[[space]]", "[space]", "[driver]", "[executor]", "[evaluator]", "[stop]", "[[stop]]", "[[environment]]",
    "[[constraint]]", "[driver.surrogates]", "[[driver.surrogates]]", "[[driver.objectives]]", "[oracle]", "[a.b.c]", "[",
    "." .join("a" * 2000).join("[]"),
]  # fmt: skip


def random_file(generator: random.Random) -> bytes:
    """A good file with one to four things replaced, removed, added, doubled or broken."""
    lines = generator.choice(GOOD).splitlines()
    for _ in range(generator.choice([1, 1, 1, 1, 2, 2, 3])):
        with_keys = [index for index, line in enumerate(lines) if " = " in line]
        if not with_keys:
            break
        at = generator.choice(with_keys)
        key = lines[at].partition(" = ")[0]
        action = generator.random()
        if action < 0.35:
            lines[at] = f"{key} = {generator.choice(MILD)}"
        elif action < 0.65:
            lines[at] = f"{key} = {generator.choice(HOSTILE)}"
        elif action < 0.72:
            lines[at] = generator.choice(KEYS) + lines[at].removeprefix(key)
        elif action < 0.82:
            del lines[at : at + generator.choice([1, 1, 1, 4])]
        elif action < 0.93:
            lines.insert(at, f"{generator.choice(KEYS)} = {generator.choice(HOSTILE)}")
        elif action < 0.97:
            lines.insert(at, generator.choice(HEADERS))
        else:
            lines.insert(at, generator.choice(lines))
    content = "\n".join(lines).encode()
    if generator.random() < 0.1 and content:
        return _broken(content, generator)
    return content


def _broken(content: bytes, generator: random.Random) -> bytes:
    """The bytes with some of them cut away, changed or put in."""
    at = generator.randrange(len(content))
    junk = generator.randbytes(generator.choice([1, 1, 4, 200]))
    match generator.randrange(4):
        case 0:
            return content[:at]
        case 1:
            return content[:at] + junk + content[at + 1 :]
        case 2:
            return junk
        case _:
            return (
                content[:at]
                + generator.choice([b'"', b"[", b"]", b"{", b"=", b"\n", b"'''", b"#"])
                + content[at:]
            )


def check(content: bytes, folder: Path) -> str:
    """What became of the file: "accepted" or "refused".

    Raises:
        AssertionError: when the refusal is not one sentence, or it took too long.
        Exception: whatever is raised that is not a refusal.
    """
    path = folder / "STUDY.toml"
    path.write_bytes(content)
    began = time.process_time()
    sentence = None
    try:
        _use(path)
    except AssayError as error:
        sentence = str(error)
    spent = time.process_time() - began
    assert spent < LIMIT_SECONDS, f"{spent} s"
    assert not list(folder.rglob(CANARY))
    if sentence is None:
        return "accepted"
    assert 0 < len(sentence) < len(str(folder)) + 1000, sentence
    assert sentence.isprintable(), repr(sentence)  # which a line break is not
    return "refused"


def _use(path: Path) -> None:
    """All that is done with a file before the first evaluation, the user's own modules aside."""
    file = read_study_file(path)
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    assert file.document.study.id == content["study"]["id"]
    study = file.open(MemoryStore())
    assert study.space == file.space
    assert study.driver.configuration() == study.state.configuration["driver"]
    file.executor()
    file.stop()
    evaluator = file.document.evaluator
    if evaluator.result is not None and evaluator.result.python is None:
        assert isinstance(file.evaluator(), CommandEvaluator)


def run(count: int, seed: int) -> Counter[str]:
    """Check that many random files; how many were accepted and refused."""
    generator = random.Random(seed)
    tally: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "input.template").touch()
        for index in range(count):
            content = random_file(generator)
            try:
                tally[check(content, Path(folder))] += 1
            except Exception as error:
                error.add_note(f"file {index} of seed {seed}: {content[:3000]!r}")
                raise
    return tally


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
