#!/usr/bin/env python3
"""The coating as an external program that crashes: reads an input file, writes a result file, dies on 20 % of its calls.

    python reflectance.py input.txt

It stands for the solvers that everybody has met: right when they end, and killed by a segmentation fault on one call
in five, whatever the input.
"""

import faulthandler
import json
import os
import secrets
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "film"))

CRASH_PROBABILITY = 0.2


def main() -> None:
    lines = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
    thicknesses_nm = {
        name.strip(): float(value) for name, _, value in (line.partition("=") for line in lines)
    }
    if secrets.randbelow(1000) < 1000 * CRASH_PROBABILITY:
        faulthandler.disable()
        os.kill(os.getpid(), signal.SIGSEGV)
    from film import evaluate

    Path("result.json").write_text(
        json.dumps({"mean": {"reflectance": evaluate(**thicknesses_nm)}}), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
