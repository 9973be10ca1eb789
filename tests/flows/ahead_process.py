"""A process whose study suggests in advance, to be killed: `python -m tests.flows.ahead_process STORE COUNT`."""

import functools
import sys
import time
from pathlib import Path

from assay.executors.local import LocalExecutor
from assay.study import pacing
from assay.study.study import create_study

SPACE = [{"name": "x", "domain": [-2.0, 2.0]}, {"name": "y", "domain": [-2.0, 2.0]}]


def evaluate(x: float, y: float) -> float:
    """Rosenbrock's valley, with a nap in which the next suggestion is made."""
    time.sleep(0.15)
    return (1 - x) ** 2 + 10 * (y - x * x) ** 2


def always() -> None:
    """Suggest in advance however short an evaluation is."""
    pacing.LONG_SECONDS = 0.0
    pacing.WAITING_SHARE = -1.0


def main() -> None:
    always()
    study = create_study(SPACE, study_id="ahead", store=Path(sys.argv[1]), seed=11)
    study.configure(max_iter=int(sys.argv[2]), deterministic=True, num_initial=4)
    print("ready", flush=True)

    def acknowledge(progress) -> None:
        if progress.trial is not None:
            print(f"told {progress.trial.number}", flush=True)

    study.run(evaluate, functools.partial(LocalExecutor, workers=1), observers=[acknowledge])


if __name__ == "__main__":
    main()
