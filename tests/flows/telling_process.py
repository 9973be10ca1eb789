"""A process that tells a study many results: `python tests/flows/telling_process.py STORE COUNT`."""

import sys
from pathlib import Path

from assay.study.study import open_study


def main() -> None:
    study = open_study(Path(sys.argv[1]))
    print("ready", flush=True)
    sys.stdin.readline()  # all begin at once
    for _ in range(int(sys.argv[2])):
        suggestion = study.get_suggestion(block=True)
        study.add_observation(float(suggestion.values["x"]), suggestion_id=suggestion.number)


if __name__ == "__main__":
    main()
