"""The study file: every key arrives where it belongs, and what is wrong is said in one sentence."""

from __future__ import annotations

import json
import math
import os
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assay.errors import AssayError, ConfigurationError, TooManyFailuresError, UsageError
from assay.executors.abstract import Task
from assay.executors.cluster import Cluster
from assay.executors.command import CommandEvaluator
from assay.executors.local import LocalExecutor
from assay.store.memory import MemoryStore
from assay.study.file import StudyFile, read_study_file
from assay.study.progress import Progress
from assay.study.sections import StudyDocument
from assay.study.study import create_study

DOCUMENT = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
COMPLETE, SMALL = re.findall(r"^```toml\n(.*?)^```$", DOCUMENT, flags=re.MULTILINE | re.DOTALL)

HEAD = 'schema_version = 1\n[study]\nid = "s"\n[[space]]\nname = "x"\ndomain = [0.0, 1.0]\n'
PYTHON = '[evaluator]\npython = "model_of_the_study_file:evaluate"\n'
ECHO = '[evaluator]\ncommand = ["echo", "loss = {{x}}"]\n'
RESULT = 'result = { stdout = true, regex = "loss = (.*)" }\n'


@pytest.fixture(autouse=True)
def same_path_afterwards() -> Iterator[None]:
    before = list(sys.path)
    yield
    sys.path[:] = before


def read(folder: Path, text: str) -> StudyFile:
    path = folder / "STUDY.toml"
    path.write_text(text, encoding="utf-8")
    return read_study_file(path)


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read(folder, text)
    sentence = str(caught.value)
    assert sentence.startswith(f"the study file {folder / 'STUDY.toml'}: ")
    assert "\n" not in sentence
    return sentence.partition(": ")[2]


# -- the examples of the document ----------------------------------------------------------------------------


def test_the_complete_example_is_read_to_the_study_it_describes(tmp_path: Path) -> None:
    file = read(tmp_path, COMPLETE)
    assert file.store == tmp_path / "antireflection.db"
    study = file.open()
    assert (study.id, study.name, study.seed) == ("antireflection", "Four-layer coating", 0)
    assert study.location == tmp_path / "antireflection.db"
    assert study.space == file.space
    assert study.space.design_names == ("d1", "rate", "periods", "lens_mm", "material", "substrate_index")
    assert study.space.environment_names == ("temperature_K", "pressure_bar")
    assert study.settings.model_dump() == {
        "max_iter": 60.0,
        "max_time": 3600.0,
        "num_parallel": 2,
        "timeout_seconds": 600.0,
        "retries": 1,
        "crash_retries": 1,
        "infrastructure_retries": 20,
        "max_failures_in_a_row": 10.0,
    }
    stop = file.stop()
    assert stop is not None
    assert [stop(progress(objective)) for objective in (None, 0.002, 0.001)] == [False, False, True]


def test_the_complete_example_shows_every_key() -> None:
    content = tomllib.loads(COMPLETE)
    for name, field in StudyDocument.model_fields.items():
        assert name in content
        model: Any = field.annotation
        if name in ("study", "executor", "stop"):
            elsewhere = {"scheduler", "hosts", "slurm"} if name == "executor" else set()  # in a table below
            assert set(content[name]) == set(model.model_fields) - elsewhere
    assert set(content["evaluator"]) == set(_fields("evaluator")) - {"python"}


def _fields(section: str) -> dict[str, Any]:
    model: Any = StudyDocument.model_fields[section].annotation
    return model.model_fields


def test_the_small_example_has_the_defaults_and_runs_once_something_stops_it(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text("def evaluate(x):\n    return x**2\n")
    file = read(tmp_path, SMALL)
    study = file.open(MemoryStore())
    assert file.store == tmp_path / "parabola.assay.db"
    assert (study.name, study.settings.num_parallel, study.settings.max_iter) == ("parabola", 1, math.inf)
    assert type(study.driver.recipe).__name__ == "ActiveLearning"
    try:
        evaluator = file.evaluator()
    finally:
        sys.modules.pop("model", None)
    with pytest.raises(
        ConfigurationError, match=r"max_evaluations, max_time_seconds or target under \[stop\]"
    ):
        study.run(evaluator, file.executor(), stop=file.stop())
    study.configure(max_iter=2)
    study.run(evaluator, file.executor(), stop=file.stop())
    assert study.state.succeeded == 2


# -- evaluators ----------------------------------------------------------------------------------------------


def test_a_command_with_all_its_keys_is_run(tmp_path: Path) -> None:
    (tmp_path / "input.template").write_text("x = {{x}}\n")
    (tmp_path / "reader_beside_the_study_file.py").write_text(
        "def read(folder):\n    return [float((folder / 'input.txt').read_text().split()[2]), 1.0]\n"
    )
    text = (
        HEAD
        + '[evaluator]\ncommand = ["sh", "-c", "echo $COLOUR"]\nworking_directory = "here"\nkeep = true\n'
        + 'templates = [{ from = "input.template", to = "input.txt" }]\nenvironment = { COLOUR = "blue" }\n'
        + 'result = { python = "reader_beside_the_study_file:read" }\n'
    )
    evaluator = read(tmp_path, text).evaluator()
    assert isinstance(evaluator, CommandEvaluator)
    outcome = evaluator.evaluate(Task("s", 3, 1, {"x": 0.25}))
    assert outcome.measurements[0].value == (0.25, 1.0)
    assert (tmp_path / "here" / "3-1" / "stdout.txt").read_text() == "blue\n"


@pytest.mark.parametrize(
    "result",
    [
        'stdout = true, regex = "loss = (.*)"',
        'file = "stdout.txt", regex = "loss = (.*)"',
    ],
)
def test_attempts_are_made_beside_the_study_file_and_removed(tmp_path: Path, result: str) -> None:
    evaluator = read(tmp_path, f"{HEAD}{ECHO}result = {{ {result} }}\n").evaluator()
    assert evaluator.evaluate(Task("s", 0, 1, {"x": 0.5})).measurements[0].value == (0.5,)
    assert list((tmp_path / "s.runs").iterdir()) == []


@pytest.mark.parametrize(
    ("evaluator", "sentence"),
    [
        ('command = ["echo", "{{y}}"]\n' + RESULT, "must name one of 'x', got 'y'"),
        ('command = ["no-such-program-anywhere"]\n' + RESULT, "must be an executable on the PATH"),
        ('command = ["echo"]\nresult = { stdout = true, regex = "(" }', "must be a regular expression"),
        (
            'command = ["echo"]\nresult = { file = "../secret", regex = "(.*)" }',
            "inside the attempt's folder",
        ),
        ('python = "no_such_module_anywhere:f"', "no_such_module_anywhere"),
        ('command = ["echo"]\nresult = { python = "no_such_module_anywhere:f" }', "no_such_module_anywhere"),
    ],
)
def test_what_is_wrong_with_an_evaluator_is_said_before_anything_runs(
    tmp_path: Path, evaluator: str, sentence: str
) -> None:
    file = read(tmp_path, f"{HEAD}[evaluator]\n{evaluator}")
    with pytest.raises(UsageError, match=re.escape(sentence)):
        file.evaluator()
    assert list(tmp_path.iterdir()) == [tmp_path / "STUDY.toml"]


# -- executors and stopping ----------------------------------------------------------------------------------


def test_a_cluster_of_the_file_is_the_executors(tmp_path: Path) -> None:
    text = f'{HEAD}{PYTHON}[executor]\ntype = "dask"\nworkers = 4\n'
    for keys, expected in (
        ("", Cluster()),
        ('scheduler = "tcp://head:8786"', Cluster("tcp://head:8786")),
        ('scheduler = "head.json"', Cluster(str(tmp_path / "head.json"))),
        ('hosts = ["a", "b"]', Cluster(hosts=("a", "b"))),
        ('slurm = { queue = "long" }', Cluster(slurm={"queue": "long"})),
    ):
        file = read(tmp_path, text + keys)
        made: Any = file.executor()
        assert made.keywords["cluster"] == expected
        assert made.keywords["workers"] == file.open(MemoryStore()).settings.num_parallel == 4


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ('type = "local"\nhosts = ["a"]', 'the key hosts belongs to type = "dask" only'),
        ('type = "dask"\nhosts = ["a"]', "the key workers is required beside hosts"),
        (
            'type = "dask"\nhosts = ["a"]\nslurm = {}\nworkers = 1',
            "at most one of the keys scheduler, hosts, slurm",
        ),
    ],
)
def test_a_cluster_that_cannot_be_is_refused(keys: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        read(tmp_path, f"{HEAD}{PYTHON}[executor]\n{keys}\n")


def test_a_local_pool_gets_its_keys(tmp_path: Path) -> None:
    keys = "workers = 1\nmemory_limit_MB = 4000\nmax_tasks_per_worker = 7\n"
    file = read(tmp_path, f'{HEAD}{ECHO}{RESULT}[executor]\ntype = "local"\n{keys}')
    made: Any = file.executor()
    assert made.func is LocalExecutor
    assert made.keywords == {"workers": 1, "memory_limit_MB": 4000.0, "max_tasks_per_worker": 7}


def test_a_local_pool_is_as_wide_as_there_are_processors(tmp_path: Path) -> None:
    file = read(tmp_path, f'{HEAD}{PYTHON}[executor]\ntype = "local"\n')
    study = file.open(MemoryStore())
    assert study.settings.num_parallel == len(os.sched_getaffinity(0))


def progress(objective: float | None) -> Progress:
    best = None if objective is None else {"objective": objective}
    return Progress(1, 1, 0, 0, math.inf, best, None, 1.0, 1)


@pytest.mark.parametrize(
    ("text", "stops"),
    [
        ("", False),
        ("[driver]\ndeterministic = true\n", False),
        ("[driver]\nobjectives = [{ min_val = 0.1 }]\n", True),
        ('[driver]\ntype = "RandomSearch"\nmin_val = 0.1\n', True),
    ],
)
def test_a_rule_of_the_driver_is_enough_to_run(tmp_path: Path, text: str, stops: bool) -> None:
    assert (read(tmp_path, HEAD + PYTHON + text).stop() is not None) == stops


def test_failures_in_a_row_end_the_run(tmp_path: Path) -> None:
    text = f"{HEAD}[evaluator]\ncommand = ['false']\n{RESULT}[stop]\nmax_evaluations = 9\nmax_failures_in_a_row = 2\n"
    file = read(tmp_path, text + '[driver]\ntype = "RandomSearch"\n')
    study = file.open(MemoryStore())
    with pytest.raises(TooManyFailuresError):
        study.run(file.evaluator(), file.executor(), stop=file.stop())
    assert study.state.failed == 2


def test_opening_again_resumes_with_the_file_as_it_is_now(tmp_path: Path) -> None:
    text = HEAD + PYTHON + '[driver]\ntype = "RandomSearch"\n[stop]\nmax_evaluations = '
    read(tmp_path, f"{text}3\n").open().add_observation(1.0, design_value={"x": 0.5})
    study = read(tmp_path, f"{text}4\n").open()
    assert (study.settings.max_iter, study.state.succeeded) == (4.0, 1)


def test_a_store_may_be_a_url(tmp_path: Path) -> None:
    text = (HEAD + PYTHON).replace('id = "s"', 'id = "s"\nstore = "postgresql://user@host/studies"')
    assert read(tmp_path, text).store == "postgresql://user@host/studies"


# -- refusals ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("schema_version = 1", "", "key schema_version is required, and missing"),
        ("schema_version = 1", "schema_version = true", "key schema_version must be a whole number, got True"),
        (
            "schema_version = 1",
            "schema_version = 2",
            "this version of assay reads schema_version 1, got 2; upgrade assay",
        ),
        ("schema_version = 1", "schema_version = 0", "key schema_version must be 1 or more, got 0"),
        ("seed = 0 ", "sed = 0 ", "key study.sed is not a key of this format, only id, name, seed, store, output_precision, got 0 for it"),
        ("seed = 0 ", "seed = -1 ", "key study.seed must be 0 or more, got -1"),
        ("seed = 0 ", "seed = 0.5 ", "key study.seed must be a whole number, got 0.5"),
        ("seed = 0 ", 'seed = "0" ', "key study.seed must be a whole number, got '0'"),
        ('store = "antireflection.db"', 'store = ""', "key study.store must be text that is not empty, got ''"),
        ("output_precision = 1e-10", "output_precision = inf", "key study.output_precision must be a finite number, got inf"),
        ("workers = 2", "workers = 0", "key executor.workers must be 1 or more, got 0"),
        ("workers = 2", "workers = 2000", "key executor.workers must be 1024 or less, got 2000"),
        (
            'type = "local"',
            'type = "cloud"',
            "key executor.type must be 'serial', 'local' or 'dask', got 'cloud'",
        ),
        (
            'type = "local"',
            'type = "serial"',
            'key executor: the key workers belongs to type = "local" or "dask" only, got 2',
        ),
        ('{ from = "input.template", to', "{ to", "key evaluator.templates[0].from is required, and missing"),
        ('to = "input.txt" }', 'to = "input.txt", mode = 1 }', "key evaluator.templates[0].mode is not a key of this format, only from, to, got 1 for it"),
        ('file = "output.csv", ', "", "key evaluator.result: exactly one of the keys file, stdout is needed, got none"),
        ('file = "output.csv", ', 'file = "a", stdout = true, ', "key evaluator.result: exactly one of the keys file, stdout is needed, got file, stdout"),
        ('file = "output.csv", ', "stdout = false, ", "key evaluator.result.stdout must be True, got False"),
        ('csv_column = "reflectance"', 'csv_column = "r", regex = "(.)"', "key evaluator.result: exactly one of the keys regex, json_path, csv_column, python is needed, got regex, csv_column"),
        ('csv_column = "reflectance"', 'python = "a:b"', "key evaluator.result: the key file has no use beside python, which finds its files itself, got 'output.csv'"),
        ("retries = 1", 'python = "a:b"', "key evaluator: exactly one of the keys python, command is needed, got python, command"),
        ("timeout_seconds = 600.0", "timeout_seconds = nan", "key evaluator.timeout_seconds must be above 0, got nan"),
        ("keep = false", "keep = 0", "key evaluator.keep must be true or false, got 0"),
        ("target = 0.001", "target = nan", "key stop.target must be a finite number, got nan"),
        ("max_evaluations = 60", "max_evaluations = 1.5", "key stop.max_evaluations must be a whole number, got 1.5"),
        ('type = "ActiveLearning"', 'type = "Oracle"', "there is no driver named 'Oracle'; known are ActiveLearning, AdaptiveSampling, BayesianLeastSquares, BayesianOptimization, BayesianReconstruction, CMAES, DifferentialEvolution, HyperactiveLearning, LawSearch, RandomSearch, ScipyLeastSquares, ScipyMinimizer"),
        ('type = "ActiveLearning"', "type = 3", "key driver.type must be text, got 3"),
    ],
)  # fmt: skip
def test_the_example_with_one_thing_wrong(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    assert COMPLETE.count(old) == 1
    assert refusal(tmp_path, COMPLETE.replace(old, new)) == sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (HEAD, "key evaluator is required, and missing"),
        (HEAD + "[evaluator]\n", "exactly one of the keys python, command is needed, got none"),
        (HEAD + ECHO, "a command needs the key result"),
        (HEAD + PYTHON + RESULT, "the key result belongs to a command only"),
        (HEAD + "[evaluator]\ncommand = []\n" + RESULT, "must be a list with at least 1 entry, got []"),
        (HEAD + "[evaluator]\ncommand = 'rm -rf'\n" + RESULT, "key evaluator.command must be a list"),
        (HEAD + PYTHON + "[driver]\nnum_inital = 3\n", "the driver has no key 'num_inital'"),
        (HEAD + PYTHON + "[driver]\nnum_parallel = 3\n", "the driver has no key 'num_parallel'"),
        (HEAD + PYTHON + "[[constraint]]\nname = 'c'\nexpression = 'x <= y'\n", "y"),
        (HEAD.replace("[[space]]", "[space]") + PYTHON, "key space must be a list, got {"),
        (HEAD.replace("1.0]", "-1.0]") + PYTHON, "the domain of parameter 'x'"),
        ("schema_version = 1\nspace = []\n", "key study is required, and missing"),
        ("schema_version = 1 2", "must be TOML: "),
        ("x = " + "[" * 5000, "must be TOML, got lists without end"),
    ],
)
def test_refused_with_the_path_the_rule_and_what_was_got(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "STUDY.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=re.escape(sentence)) as caught:
        read_study_file(path)
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < len(str(path)) + 300


@pytest.mark.parametrize("content", [b"\xff\xfe", b"\x00", b"SQLite format 3\x00\x10"])
def test_a_file_that_is_not_text_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "STUDY.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="must be "):
        read_study_file(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        read_study_file(tmp_path / "STUDY.toml")
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        read_study_file(tmp_path)


def test_a_text_of_the_driver_may_be_that_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "law.txt").write_text("x^2")
    driver = """[driver]
    surrogates = [{name = "loss"}]
    variables = [{type = "Expression", name = "square", expression = { file = "law.txt" }}]
    """
    study = read(tmp_path, HEAD + PYTHON + driver).open()
    assert study.configuration["variables"][0]["expression"] == "x^2"
    missing = driver.replace("law.txt", "nothing.txt")
    sentence = "driver.variables.0.expression: the file .*nothing.txt cannot be read: No such file"
    with pytest.raises(ConfigurationError, match=sentence):
        read(tmp_path, HEAD + PYTHON + missing)


def test_a_wrong_key_of_the_driver_leaves_no_store_behind(tmp_path: Path) -> None:
    with pytest.raises(AssayError):
        read(tmp_path, HEAD + PYTHON + "[driver]\nnum_initial = 0\n").open()
    assert list(tmp_path.iterdir()) == [tmp_path / "STUDY.toml"]


GOOD_IDS = ["a", "0", "A-b_c.1", "x" * 100]
BAD_IDS = ["", ".", ".hidden", "-x", "_x", "a/b", "a b", "x" * 101, "\u00e9", "a\n", "..", "a\x00"]


@pytest.mark.parametrize("name", BAD_IDS, ids=repr)
def test_an_id_that_breaks_the_rule_is_refused_wherever_it_is_given(tmp_path: Path, name: str) -> None:
    rule = "the id of a study must be 1 to 100 letters, digits"
    text = (HEAD + PYTHON).replace('id = "s"', f"id = {json.dumps(name)}")
    assert refusal(tmp_path, text).startswith(f"key study.id: {rule}")
    with pytest.raises(UsageError, match=rule):
        create_study([{"name": "x", "domain": (0, 1)}], driver="RandomSearch", study_id=name)


@pytest.mark.parametrize("name", GOOD_IDS)
def test_an_id_that_keeps_the_rule_is_taken(tmp_path: Path, name: str) -> None:
    text = (HEAD + PYTHON).replace('id = "s"', f'id = "{name}"')
    assert read(tmp_path, text).open(MemoryStore()).id == name


def test_evaluations_may_be_elsewhere_than_the_file_says(tmp_path: Path) -> None:
    path = tmp_path / "STUDY.toml"
    path.write_text(
        'schema_version = 1\n[study]\nid = "s"\n[[space]]\nname = "x"\ndomain = [0.0, 1.0]\n[driver]\n'
        'type = "RandomSearch"\n[evaluator]\npython = "math:sqrt"\n[stop]\nmax_evaluations = 2\n[executor]\n'
        'type = "dask"\nworkers = 3\nmemory_limit_MB = 500\nscheduler = "tcp://head:8786"\n'
    )
    file = read_study_file(path)
    dask, local, serial = (file.with_executor(name).document.executor for name in ("dask", "local", "serial"))
    assert dask == file.document.executor
    assert (local.type, local.workers, local.memory_limit_MB, local.scheduler) == ("local", 3, 500.0, None)
    assert (serial.type, serial.workers) == ("serial", None)
    place = tmp_path / "slurm.toml"
    place.write_text('type = "dask"\nworkers = 64\n[slurm]\nqueue = "long"\n')
    slurm = file.with_executor(str(place))
    assert slurm.document.executor.slurm == {"queue": "long"}
    assert slurm.document.study == file.document.study
    for content, message in (
        ('type = "dask"\nworkers = 0\n', "slurm.toml'.*workers"),
        ('type = "dask"\nhosts = ["a"]\n', "workers is required beside hosts"),
        ("type = ", "the executor's file .*slurm.toml must be TOML"),
    ):
        place.write_text(content)
        with pytest.raises(ConfigurationError, match=message):
            file.with_executor(str(place))
    with pytest.raises(ConfigurationError, match="the executor's file cloud cannot be read"):
        file.with_executor("cloud")
