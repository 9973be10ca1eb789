"""An exploration as a folder: saved, loaded, and gone on with."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.study.exploration.explorations import explore, responses_of, total

from assay.errors import DefinitionConflictError, UsageError
from assay.study.exploration.exploration import Exploration
from assay.version import __version__


def test_save_and_load_go_on(tmp_path: Path) -> None:  # bug 5
    exploration = explore(names=["p", "q"], seed=3)
    exploration.sample(4)
    exploration.evaluate(lambda v: [v[0], v[1]])
    exploration.sample(2)
    folder = exploration.save(tmp_path / "kept")
    loaded = Exploration.load(folder, verbose=0)
    assert np.array_equal(loaded.samples, exploration.samples)
    assert np.array_equal(responses_of(loaded), responses_of(exploration))
    assert (loaded.epochs, loaded.seed, loaded.response_names) == ([(0, 4)], 3, ("p", "q"))
    assert loaded.sampler.configuration() == {"type": "Sobol"}
    assert np.array_equal(loaded.sample(1), exploration.sample(1))
    loaded.evaluate(lambda v: [v[0], v[1]])
    assert len(Exploration.load(loaded.save(folder)).evaluated) == 7
    with pytest.raises(UsageError, match="holds another exploration"):
        exploration.save(folder)


def test_what_is_saved_can_be_read_by_people_and_programs(tmp_path: Path) -> None:
    exploration = explore()
    exploration.sample(3)
    exploration.evaluate(total)
    exploration.sample(1)
    exploration.save(tmp_path)
    results = pd.read_csv(tmp_path / "results.csv")
    assert np.array_equal(results[["A", "B"]], exploration.evaluated)
    assert np.array_equal(pd.read_csv(tmp_path / "queue.csv"), exploration.queue)
    settings = json.loads((tmp_path / "exploration.json").read_text())
    assert (settings["seed"], settings["epochs"], settings["response_names"]) == (0, [[0, 3]], ["response"])
    assert "evaluated  3 in 1 epochs" in (tmp_path / "readme.txt").read_text()
    assert settings["assay"] == __version__
    assert {path.suffix for path in tmp_path.iterdir()} == {
        ".db",
        ".json",
        ".csv",
        ".txt",
    }  # no .tmp, no .pickle


def test_an_exploration_that_lives_in_a_folder_goes_on_there(tmp_path: Path) -> None:
    first = explore(directory=tmp_path)
    first.sample(3)
    first.evaluate(total)
    second = explore(directory=tmp_path)
    assert len(second.evaluated) == 3
    with pytest.raises(DefinitionConflictError, match="the seed was 0 and is now 1"):
        explore(directory=tmp_path, seed=1)
