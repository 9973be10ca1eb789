"""A script as the simulation of an exploration."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.study.exploration.explorations import explore, responses_of

from assay.errors import DefinitionConflictError
from assay.study.exploration.exploration import Exploration

SCRIPT = """
# ASSAY PARAMETERS START
from assay import create_parameters
parameters = create_parameters(["A", "B"], minimums=[-5, -5], maximums=[10, 10])
# ASSAY PARAMETERS END
A, B = parameters["value"]["A"], parameters["value"]["B"]
response = {"sum": A + B, "product": A * B}
extra = {"A": A}
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "model.py"
    path.write_text(SCRIPT)
    return path


def test_a_script_is_the_simulation(script: Path) -> None:
    exploration = explore(script)
    assert exploration.response_names == ("sum", "product")
    points = exploration.sample(3)
    exploration.evaluate()
    assert np.allclose(responses_of(exploration), np.column_stack([points.sum(axis=1), points.prod(axis=1)]))
    assert [extra["A"] for extra in exploration.extras] == points[:, 0].tolist()
    assert (script.parent / "model.exploration" / "runs" / "2-1" / "stdout.txt").is_file()


def test_a_script_of_medeq_is_explored_as_it_is(tmp_path: Path) -> None:
    """Everything of today's tool that such a script may say, with that package not installed."""
    assert importlib.util.find_spec("medeq") is None
    path = tmp_path / "shear.py"
    path.write_text(
        "#### MED PARAMETERS START\n"
        "import medeq\n"
        "import numpy as np\n"
        'parameters = medeq.create_parameters(["A", "B"], minimums=[-5, -5], maximums=np.array([10, 10]), values=[1, 2])\n'
        "#### MED PARAMETERS END\n"
        'A = parameters["value"]["A"]\n'
        'response = [A + parameters["value"]["B"], A]\n'
        'extra = {"number": med_id}\n'
    )
    exploration = explore(path, ["sum", "first"])
    assert exploration.parameters["value"].tolist() == [1, 2]
    points = exploration.sample(2)
    exploration.evaluate()
    assert np.allclose(responses_of(exploration), np.column_stack([points.sum(axis=1), points[:, 0]]))
    assert exploration.extras == [{"number": 0}, {"number": 1}]


def test_a_script_goes_on_after_save_and_load(script: Path, tmp_path: Path) -> None:  # bug 5, with a script
    exploration = explore(script)
    exploration.sample(1)
    exploration.evaluate()
    folder = exploration.save(tmp_path / "kept")
    script.unlink()  # the copy does
    loaded = Exploration.load(folder, verbose=0)
    loaded.sample(1)
    loaded.evaluate()
    assert len(loaded.evaluated) == 2
    loaded.save(tmp_path / "again")


def test_scripts_run_at_once_under_a_cap_with_retries_and_time_outs(script: Path) -> None:
    body = "import time, pathlib\nflag = pathlib.Path(__file__).with_suffix('.flag')\n"
    body += (
        "if A > 2.5: time.sleep(60)\nfirst = not flag.exists()\nflag.touch()\nassert not first, 'not yet'\n"
    )
    script.write_text(SCRIPT.replace("response =", f"{body}response ="))
    exploration = explore(script, parallel=2, timeout_seconds=3.0, retries=1)
    points = exploration.sample(4)
    exploration.evaluate()
    slow = exploration.evaluated[:, 0] > 2.5
    assert 0 < slow.sum() < 4
    assert np.isnan(responses_of(exploration)[:, 0]).tolist() == slow.tolist()
    assert {error for error in exploration.errors if error} == {"timed out after 3 s"}
    assert len(points) == 4


def test_a_runner_that_is_killed_loses_nothing(script: Path) -> None:
    script.write_text(SCRIPT.replace("response =", "import time; time.sleep(0.3)\nresponse ="))
    code = (
        "from assay import Exploration\n"
        f"exploration = Exploration({str(script)!r}, sampler='Sobol', parallel=2, verbose=0)\n"
        "exploration.sample(12)\n"
        "report = lambda progress: progress.trial and print(progress.finished, flush=True)\n"
        "exploration.run(12, observers=[report])\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while int(process.stdout.readline()) < 4:
            pass
        process.kill()
    exploration = explore(script, parallel=2)
    done = len(exploration.evaluated)
    assert 4 <= done < 12
    exploration.evaluate()
    assert len(exploration.evaluated) == 12
    assert not any(exploration.errors)
    attempts = [trial.attempts for trial in exploration.study.trials]
    assert sum(attempts) <= 12 + 2  # only what was running was begun again


def test_uncertainties_of_a_script_reach_the_models(script: Path) -> None:
    body = "response = {'sum': A + B, 'product': A * B}\nresponse_uncertainty = {'sum': 8.0 if A > 2.5 else 0.01}\n"
    script.write_text(SCRIPT.partition("response")[0] + body)
    exploration = explore(script)
    exploration.sample(8)
    exploration.evaluate()
    is_uncertain = exploration.evaluated[:, 0] > 2.5
    measured = exploration.measured_variances
    assert np.allclose(measured[:, 0], np.where(is_uncertain, 64.0, 1e-4))
    assert np.isnan(measured[:, 1]).all()
    believed = exploration.variances[:, 0]
    assert believed[is_uncertain].min() > 2 * believed[~is_uncertain].max()


def test_a_script_whose_parameters_changed_is_told_what_to_do(script: Path) -> None:
    explore(script)
    script.write_text(SCRIPT.replace("[10, 10]", "[10, 12]").replace('"A", "B"', '"A", "C"'))
    with pytest.raises(DefinitionConflictError) as caught:
        explore(script)
    assert str(caught.value) == (
        f"{script.with_suffix('.exploration')} holds an exploration of something else than model.py has now: parameter 'B' is "
        "gone; parameter 'C' is new; undo the change, or explore in another directory, where augment takes over what "
        "was evaluated"
    )


def test_a_script_that_computes_otherwise_goes_on_with_a_word(
    script: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exploration = explore(script)
    exploration.sample(1)
    exploration.evaluate()
    explore(script, verbose=1)
    assert capsys.readouterr().err == ""
    script.write_text(SCRIPT.replace("A * B", "2 * A * B"))
    explore(script, verbose=1)
    assert "model.py has changed since this exploration was last used; the 1 rows" in capsys.readouterr().err
    explore(script, verbose=1)
    assert capsys.readouterr().err == ""  # said once
