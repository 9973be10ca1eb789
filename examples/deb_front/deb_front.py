"""Deb's front: two objectives of two parameters, with local fronts above the true one.

    f1 = x1,   f2 = g(x2)/x1,   g = 20 + x2² - 10 cos(2π x2),   x1 and x2 in [1, 4]

Both are minimised, between the references (0, 0) and (5, 50). The front is x2 = 1, f2 = 11/f1; it dominates a volume of
148.5 + 48.75 - 11 log 4.

    python examples/deb_front/deb_front.py [FOLDER]

makes 50 evaluations, prints the front and draws it into the folder.

Source: K. Deb, "Multi-objective genetic algorithms: problem difficulties and construction of test problems", Evolutionary
Computation 7, 205 (1999).
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import assay

__all__ = ["CONFIGURATION", "LOWER", "SPACE", "UPPER", "WHOLE", "evaluate", "main"]

SPACE = [{"name": "x1", "domain": [1.0, 4.0]}, {"name": "x2", "domain": [1.0, 4.0]}]
LOWER, UPPER = [0.0, 0.0], [5.0, 50.0]
WHOLE = 148.5 + 48.75 - 11.0 * math.log(4.0)
CONFIGURATION = {
    "surrogates": [{"name": name, "mean_function": "quadratic"} for name in ("f1", "f2")],
    "variables": [{"name": f"{name}_value", "input": name} for name in ("f1", "f2")],
    "objectives": [
        {
            "type": "MultiMinimizer",
            "variables": ["f1_value", "f2_value"],
            "lower_reference": LOWER,
            "upper_reference": UPPER,
        }
    ],
    "deterministic": True,
}


def evaluate(x1: float, x2: float) -> dict[str, float]:
    """Both objectives, by the name of the surrogate that learns each."""
    return {"f1": x1, "f2": (20.0 + x2**2 - 10.0 * math.cos(2.0 * math.pi * x2)) / x1}


def main(folder: Path, evaluations: int = 50) -> assay.Study:
    """Run the study, print the front, and draw it."""
    from assay.plots.of_study import plot_front

    study = assay.create_study(SPACE, seed=0)
    study.configure(**CONFIGURATION, max_iter=evaluations)
    study.run(evaluate)
    front = study.driver.front()
    for row in front.to_dict()["front"]:
        print(
            f"evaluation {row['number']:2d}: f1 = {row['objectives'][0]:.3f}, f2 = {row['objectives'][1]:.3f}"
        )
    print(f"{front.hypervolume[-1] / WHOLE:.4f} of the true front's volume after {evaluations} evaluations")
    folder.mkdir(parents=True, exist_ok=True)
    plot_front(study)[0].figure.savefig(folder / "front.png", dpi=130)
    return study


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("runs/deb_front"))
