"""A process that runs a study, to be killed: `python tests/flows/study_process.py STORE COUNT EXECUTOR DRIVER`.

It prints one line for each outcome that the journal has acknowledged.
"""

import functools
import sys
import time
from pathlib import Path

from assay.study.study import create_study

SPACE = [
    {"name": "x", "type": "continuous", "domain": [-2.0, 2.0]},
    {"name": "y", "type": "continuous", "domain": [-2.0, 2.0]},
]


def evaluate(x: float, y: float) -> float:
    """Rosenbrock's valley, with a nap so that there is a middle to be killed in; infeasible in one corner."""
    time.sleep(0.03)
    if x > 1.5 and y > 1.5:
        raise ValueError("no convergence in this corner")
    return (1 - x) ** 2 + 10 * (y - x * x) ** 2


def main() -> None:
    store, count, executor, driver = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    study = create_study(SPACE, driver=driver, study_id="crash", store=Path(store), seed=11)
    study.configure(max_iter=count, max_failures_in_a_row=count)
    choice = "serial"
    if executor == "local":
        from assay.executors.local import LocalExecutor

        choice = functools.partial(LocalExecutor, workers=1)
    print("ready", flush=True)

    def acknowledge(progress) -> None:
        if progress.trial is not None and progress.trial.outcome is not None:
            print(f"told {progress.trial.number}", flush=True)

    study.run(evaluate, choice, observers=[acknowledge])
    print("done", flush=True)


if __name__ == "__main__":
    main()
