#!/usr/bin/env python3
"""Set up, check, test, docs, example: the same words at a desk and in CI.

    python3 dev.py setup          make .venv and install everything that the other words need
    python3 dev.py check          ruff, ruff format, basedpyright, import-linter
    python3 dev.py test [ARGS]    the tests; ARGS go to pytest (`-m slow` for the long ones)
    python3 dev.py docs           run every block of the manual, then build it with mkdocs in strict mode (`--build-only`:
                                  the tests run the blocks too)
    python3 dev.py example NAME   run an example to a result and a plot (film, mgh17)
    python3 dev.py all            check, docs --build-only, test

It needs Python 3.11 or newer and nothing else: each word installs what it needs into .venv, once.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
PROGRAMS = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
STAMP = ENVIRONMENT / "assay-setup.json"
DEVELOPMENT = ("dev", "jax", "plots", "postgres", "cluster")
EXAMPLES = ("examples",)


class Stop(Exception):
    """Ends the script with one sentence."""


def say(text: str) -> None:
    print(f"dev.py: {text}", flush=True)


def run(*command: str, **settings: str) -> int:
    """Run a program of the environment in the project's root, and give back its exit code."""
    say(" ".join(command))
    environment = {**os.environ, **settings, "PATH": f"{PROGRAMS}{os.pathsep}{os.environ.get('PATH', '')}"}
    program = shutil.which(command[0], path=environment["PATH"]) or command[0]
    return subprocess.run([program, *command[1:]], cwd=ROOT, env=environment, check=False).returncode


def installed() -> set[str]:
    """The extras that were installed for the present pyproject.toml."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return set()
    return set(stamp["extras"]) if stamp["pyproject"] == pyproject_hash() else set()


def pyproject_hash() -> str:
    return hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()


def set_up(extras: tuple[str, ...]) -> None:
    """Make .venv hold the package with these extras; nothing happens where it already does."""
    present = installed()
    if present.issuperset(extras):
        return
    started = time.monotonic()
    if not (ENVIRONMENT / "pyvenv.cfg").exists():
        say("making .venv")
        made = subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=False)
        if made.returncode:
            shutil.rmtree(ENVIRONMENT, ignore_errors=True)
            raise Stop("python3 -m venv failed; on Debian and Ubuntu: apt install python3-venv")
    wanted = sorted(present.union(extras))
    say(f"installing assay[{','.join(wanted)}] into .venv; the first time this downloads its dependencies")
    install = ("python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--editable")
    if run(*install, f".[{','.join(wanted)}]"):
        raise Stop("the installation failed; the lines above say why")
    STAMP.write_text(json.dumps({"pyproject": pyproject_hash(), "extras": wanted}), encoding="utf-8")
    say(f"set up in {time.monotonic() - started:.0f} s")


def check() -> int:
    """Every checker runs, so that one round shows all that is wrong."""
    set_up(DEVELOPMENT)
    commands = (
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("lint-imports",),
        ("basedpyright",),
    )
    failed = [command[0] for command in commands if run(*command)]
    if failed:
        say(f"failed: {', '.join(failed)}")
    return int(bool(failed))


def test(arguments: list[str]) -> int:
    """All fast tests share the processors, as tests/shares.py says; what is asked for by name runs in one process."""
    set_up(DEVELOPMENT)
    return run("python", "-m", "pytest", *(arguments or ("-q", "-n", "auto")))


def docs(build_only: bool) -> int:
    set_up(DEVELOPMENT)
    blocks = 0 if build_only else run("python", "-m", "pytest", "-q", "-n", "auto", "tests/test_docs.py")
    return blocks or run("mkdocs", "build", "--strict", "--quiet")


def example(name: str) -> int:
    """Run an example from scratch, show what it found and draw it: its study file, or else its program."""
    study, program = (ROOT / "examples" / name / file for file in ("STUDY.toml", f"{name}.py"))
    if not study.is_file() and not program.is_file():
        known = sorted(path.name for path in (ROOT / "examples").iterdir() if path.is_dir())
        raise Stop(f"there is no example {name!r}; there are: {', '.join(known) or 'none'}")
    set_up(EXAMPLES)
    folder = ROOT / "runs" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if not study.is_file():
        return run("python", f"examples/{name}/{name}.py", f"runs/{name}")
    store, picture = f"runs/{name}/study.assay.db", f"runs/{name}/convergence.png"
    code = run("assay", "run", str(study.relative_to(ROOT)), "--store", store)
    code = code or run("assay", "plot", "convergence", store, "--output", picture)
    if not code:
        say(f"the plot is {picture}, everything recorded is in {store}")
    return code


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="dev.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    words = parser.add_subparsers(dest="word", required=True, metavar="WORD")
    for word in ("setup", "check", "all"):
        words.add_parser(word)
    words.add_parser("docs").add_argument("--build-only", action="store_true")
    words.add_parser("test", add_help=False)
    words.add_parser("example").add_argument("name")
    options, rest = parser.parse_known_args()
    if rest and options.word != "test":
        parser.error(f"unexpected: {' '.join(rest)}")
    if options.word == "setup":
        set_up((*DEVELOPMENT, *EXAMPLES))
        return 0
    if options.word == "example":
        return example(options.name)
    build_only = options.word == "all" or getattr(options, "build_only", False)
    steps = {"check": check, "docs": lambda: docs(build_only), "test": lambda: test(rest)}
    names = ("check", "docs", "test") if options.word == "all" else (options.word,)
    codes = [steps[name]() for name in names]
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036 - whoever runs this may have an older one
        sys.exit(f"dev.py: assay needs Python 3.11 or newer, this is {sys.version.split()[0]}")
    try:
        sys.exit(main())
    except Stop as stop:
        sys.exit(f"dev.py: {stop}")
