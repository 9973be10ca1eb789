"""Models that behave and misbehave; at the top level, so that workers can import them."""
# ruff: noqa: ARG001 - every model takes x, and one is noisy on purpose

from __future__ import annotations

import ctypes
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from assay.records import Observation

LEAK: list[bytearray] = []


def square(x: float) -> float:
    return x * x


def process_id(x: float) -> int:
    time.sleep(x)
    return os.getpid()


def segfault_when_negative(x: float) -> float:
    if x < 0:
        ctypes.string_at(0)
    return x


def abort(x: float) -> float:
    os.abort()


def leave(x: float) -> float:
    os._exit(int(x))


def exit_politely(x: float) -> float:
    sys.exit(f"no licence for x = {x:g}")


def sleep(x: float) -> float:
    time.sleep(x)
    return x


def hang_with_children(x: float, file: str) -> float:
    children = [
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], process_group=group)
        for group in (None, 0)
    ]
    Path(file).write_text(" ".join(str(child.pid) for child in children))
    time.sleep(600)
    return x


def hang_in_c(x: float) -> float:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    ctypes.PyDLL(None).usleep(30_000_000)  # PyDLL keeps the interpreter's lock
    return x


def leak(x: float) -> float:
    while True:
        LEAK.append(bytearray(50_000_000))


def leak_megabytes(x: float) -> float:
    LEAK.append(bytearray(int(x * 1e6)))
    return float(os.getpid())


def fail(x: float) -> float:
    raise ValueError(f"no convergence\nat x = {x}")


class UnpicklableError(Exception):
    def __init__(self) -> None:
        super().__init__("cannot travel")
        self.function = lambda: None

    def __reduce__(self):
        raise TypeError("never pickled")


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text either")


def fail_unpicklable(x: float) -> float:
    raise UnpicklableError


def fail_unprintable(x: float) -> float:
    raise UnprintableError


def give_nan(x: float) -> float:
    return math.nan


def give_text(x: float) -> str:
    return "1.5"


def give_many(x: float) -> list[float]:
    return [float(i) for i in range(int(x))]


def give_observation(x: float) -> Observation:
    observation = Observation()
    observation.add([x, 2 * x], uncertainty=0.1, model_name="loss")
    observation.add(-x, derivative="x")
    return observation


def chatter(x: float) -> float:
    print("noise" * 1000)
    sys.stdout.buffer.write(b"\x80\x04\x95 not a message")
    os.write(1, b"\x80\x05garbage\n" * 100)
    subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
    return x


def read_standard_input(x: float) -> float:
    return float(len(sys.stdin.read()))


def threads_variable(x: float) -> float:
    return float(os.environ["OMP_NUM_THREADS"])


def nap_a_while(x: float) -> float:
    time.sleep(1.0)
    return x
