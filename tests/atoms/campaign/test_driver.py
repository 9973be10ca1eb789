"""Campaigns on four atoms of copper, through studies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT

import assay
from assay.atoms.campaign.driver import HyperactiveLearning
from assay.atoms.descriptors.body_ordered import BodyOrderedDescriptor
from assay.atoms.dynamics.schedule import Schedule
from assay.atoms.labels import ReferenceLabels, label_with
from assay.atoms.selection.information import diverse_batch, information_gain
from assay.atoms.structures import structure_key, structure_of, structure_text
from assay.drivers.abstract import History, Request
from assay.errors import AssayError, ConfigurationError, UsageError
from assay.records import Measurement, Outcome, Suggested, Suggestion, Trial
from assay.space.space import Space

SPACE = [{"name": "structure", "type": "text"}]
SMALL = {"radial_count": 2, "angular_count": 2, "cubic_count": 0, "pair_count": 4, "cubic_angular_count": 1}
FIT = {"energy_noise_eV": 1e-3, "force_noise_eV_per_A": 0.02, "virial_noise_eV": 0.01}
START = bulk("Cu", cubic=True)
KEYS: dict[str, Any] = {
    "structures": structure_text(START),
    "descriptor": SMALL,
    "fit": FIT,
    "dynamics": {"steps": 30, "temperature_K": 800.0},
    "bias": {"burn_in": 3, "history": 5},
    "selection": {"delay": 5},
}


def rattled(seed: int, amount: float = 0.1) -> Atoms:
    atoms = START.copy()
    atoms.rattle(amount, seed=seed)
    return atoms


def labelled_text(*seeds: int) -> str:
    return "".join(structure_text(rattled(seed), label_with(EMT(), rattled(seed))) for seed in seeds)


def campaign(store: str | Path | None = None, **keys: Any) -> assay.Study:
    study = assay.create_study(
        SPACE, driver="HyperactiveLearning", seed=1, store=store, study_id="copper" if store else None
    )
    study.configure(**{**KEYS, "max_iter": 4, **keys})
    return study


def structures(study: assay.Study) -> list[str]:
    return [str(trial.suggestion.values["structure"]) for trial in study.trials]


def stories(study: assay.Study) -> list[Any]:
    events = [entry.event for entry in study.events()]
    return [event.info for event in events if isinstance(event, Suggested)]


def history(*texts: str, status: Literal["succeeded", "open"] = "succeeded") -> History:
    label = ReferenceLabels(EMT, "EMT")
    trials = []
    for number, text in enumerate(texts):
        suggestion = Suggestion(number, {"structure": text})
        values = [Measurement(tuple(value), model_name=name) for name, value in label(structure=text).items()]
        outcome = Outcome("succeeded", tuple(values)) if status == "succeeded" else None
        trials.append(Trial(suggestion, status, outcome))
    return History(Space.from_data(SPACE), tuple(trials), seed=1)


def test_a_campaign_labels_what_biased_dynamics_finds() -> None:
    study = campaign(test=labelled_text(11, 12))
    study.run(ReferenceLabels(EMT, "EMT"))
    assert [trial.status for trial in study.trials] == ["succeeded"] * 4
    assert structures(study)[0] == structure_text(START)
    found = stories(study)[1:]
    assert {story["origin"] for story in found} == {"dynamics"}
    assert all(max(story["trace"]["tau"]) > 0.0 for story in found)
    # What was found is away from the start, and was labelled by the reference itself.
    last = structure_of(structures(study)[-1])
    assert np.abs(last.positions - START.positions).max() > 0.02
    outcome = study.trials[-1].outcome
    assert outcome is not None
    assert outcome.measurements[0].value == (label_with(EMT(), last).energy_eV,)
    again = campaign(test=labelled_text(11, 12))
    again.run(ReferenceLabels(EMT, "EMT"))
    assert structures(again) == structures(study)


def test_without_bias_the_dynamics_is_plain() -> None:
    driver = HyperactiveLearning.from_data({**KEYS, "bias": {"relative": 0.0}})
    story = driver.suggest(history(structure_text(START)), Request(1)).info
    assert set(story["trace"]["tau"]) == {0.0}


def test_more_labels_make_fewer_errors() -> None:
    test = [rattled(seed) for seed in range(20, 26)]
    larger = {"radial_count": 4, "angular_count": 3, "cubic_count": 1, "pair_count": 10}
    driver, errors = HyperactiveLearning.from_data({**KEYS, "descriptor": larger}), []
    for count in (2, 12):
        potential = driver.fitted(
            history(*(structure_text(rattled(seed)) for seed in range(count)))
        ).potential
        differences = [potential.prediction(atoms).forces - label_with(EMT(), atoms).forces for atoms in test]
        errors.append(float(np.sqrt(np.mean(np.square(differences)))))
    assert errors[1] < 0.7 * errors[0]


def test_a_structure_whose_label_is_open_is_known_to_be_looked_at() -> None:
    driver = HyperactiveLearning.from_data(KEYS)
    past = history(structure_text(START), structure_text(rattled(3)))
    first = driver.suggest(past, Request(2))
    waiting = Trial(Suggestion(2, first.values), "open")
    second = driver.suggest(History(past.space, (*past.trials, waiting), past.seed), Request(3))
    alone = driver.suggest(past, Request(3))
    assert second.values != first.values
    # The same trajectory's first score, with and without the look: the look leaves less to be learnt.
    assert second.info["trace"]["score"][0] < alone.info["trace"]["score"][0]


def test_failed_labels_are_not_learnt_from() -> None:
    driver = HyperactiveLearning.from_data(KEYS)
    past = history(structure_text(START), structure_text(rattled(3)))
    failed = Trial(
        Suggestion(2, {"structure": structure_text(rattled(4))}), "failed", Outcome("model_failure")
    )
    assert len(driver.known(History(past.space, (*past.trials, failed), past.seed))) == 2


def test_before_the_first_label_start_structures_are_shaken() -> None:
    driver = HyperactiveLearning.from_data(KEYS)
    empty = history()
    first, second, third = (driver.suggest(empty, Request(number)) for number in range(3))
    assert first.values["structure"] == structure_text(START)
    assert second.info["origin"] == "shaken start"
    assert second.values != third.values


def test_labels_that_come_along_are_learnt_from_at_once() -> None:
    driver = HyperactiveLearning.from_data({**KEYS, "structures": labelled_text(1, 2, 3)})
    assert driver.suggest(history(), Request(0)).info["origin"] == "dynamics"


def test_a_pool_is_used_up_by_what_teaches_most_first() -> None:
    pool = "".join(structure_text(rattled(seed, 0.01 + 0.1 * (seed == 7))) for seed in range(5, 9))
    study = campaign(pool=pool, max_iter=5)
    study.run(ReferenceLabels(EMT, "EMT"))
    assert structures(study)[1] == structure_text(rattled(7, 0.11))
    assert len(set(structures(study))) == 5
    study.configure(max_iter=6)
    with pytest.raises(UsageError, match="pool of structures is used up"):
        study.run(ReferenceLabels(EMT, "EMT"))


def test_open_structures_of_a_pool_are_the_batch_that_tells_most_together() -> None:
    pool = [rattled(seed, 0.1) for seed in (5, 5, 6, 7)]
    pool[1].positions[0, 0] += 1e-3  # nearly the same again
    keys = {"pool": "".join(map(structure_text, pool)), "selection": {"score": "information gain"}}
    driver = HyperactiveLearning.from_data({**KEYS, **keys})
    past = history(structure_text(START), structure_text(rattled(3)))
    rows = [driver.fitted(past).potential.whitened_rows(atoms) for atoms in pool]
    chosen, trials = [], past.trials
    for number in (2, 3, 4):
        values = driver.suggest(History(past.space, trials, past.seed), Request(number)).values
        trials = (*trials, Trial(Suggestion(number, values), "open"))
        chosen.append([structure_text(atoms) for atoms in pool].index(str(values["structure"])))
    assert chosen == diverse_batch(rows, 3)


def test_a_potential_may_correct_another_calculator() -> None:
    driver = HyperactiveLearning.from_data({**KEYS, "base": "ase.calculators.emt:EMT"})
    known = driver.known(history(structure_text(rattled(3))))
    assert known[0].energy_eV == pytest.approx(0.0, abs=1e-12)
    assert known[0].forces is not None
    assert np.abs(known[0].forces).max() < 1e-12
    assert driver.suggest(history(structure_text(rattled(3))), Request(1)).info["origin"] == "dynamics"


def test_a_low_enough_error_ends_the_campaign() -> None:
    study = campaign(test=labelled_text(11), target_force_error_eV_per_A=1e6, max_iter=9)
    study.run(ReferenceLabels(EMT, "EMT"))
    assert len(study.trials) == 2  # the error is known with the first suggestion that is learnt
    assert "not above 1e+06 eV/A" in str(study.stop_reason())


def test_a_start_structure_may_have_a_temperature_of_its_own() -> None:
    hot = structure_text(START, temperature_K=3000.0, relative=0.0)
    driver = HyperactiveLearning.from_data(
        {**KEYS, "structures": hot, "dynamics": {"steps": 5, "temperature_K": 1.0}}
    )
    walk = driver.problem.walk(driver.problem.starts[0], [])
    assert isinstance(walk.relative, Schedule)
    assert walk.dynamics.temperature_at(3) == 3000.0
    assert walk.relative.at(3) == 0.0
    assert "3000" not in str(driver.suggest(history(), Request(0)).values)


def test_what_is_like_a_known_structure_is_passed_over() -> None:
    past = history(structure_text(START), structure_text(rattled(3)))
    selection = {"threshold": 1e-6, "pick": "crossing"}
    plain = HyperactiveLearning.from_data({**KEYS, "selection": selection})
    careful = HyperactiveLearning.from_data({**KEYS, "selection": {**selection, "duplicate_distance": 1e9}})
    assert plain.suggest(past, Request(2)).info["picked"]
    assert not careful.suggest(past, Request(2)).info["picked"]
    near = careful.problem.what_is_known([rattled(3)]).fingerprints[0]
    assert np.linalg.norm(near - careful.problem.fingerprint(rattled(3))) == 0.0


@pytest.mark.parametrize(
    "score",
    [
        "information gain",
        "atomic energy uncertainty",
        "bias force",
        "softmax bias force",
        "extrapolation grade",
        "descriptor novelty",
    ],
)
def test_each_score_chooses(score: str) -> None:
    driver = HyperactiveLearning.from_data({**KEYS, "selection": {"score": score, "delay": 5}})
    assert driver.suggest(history(structure_text(START)), Request(1)).info["score"] > 0.0


def test_ramps_go_along_a_trajectory() -> None:
    keys = {"steps": 100, "temperature_K": [100.0, 300.0]}
    driver = HyperactiveLearning.from_data({**KEYS, "dynamics": keys, "bias": {"relative": [0.0, 1.0]}})
    walk = driver.problem.walk(driver.problem.starts[0], [])
    assert isinstance(walk.relative, Schedule)
    assert walk.dynamics.temperature_at(50) == 200.0
    assert walk.relative.at(25) == 0.25


@pytest.mark.parametrize(
    ("keys", "rule"),
    [
        (
            {"structures": "no structure"},
            "must be extended XYZ; structure 0 .* must begin with its number of atoms",
        ),
        ({"descriptor": {"species": ["Ni"]}}, "'descriptor.species' must name all species"),
        ({"dynamics": {"temperature_K": -5.0}}, "temperature_K"),
        ({"dynamics": {"steps": 0}}, "'dynamics.steps'"),
        ({"dynamics": {"temperature_K": [1.0, 2.0, 3.0]}}, "dynamics.temperature_K"),
        ({"bias": {"height_eV": 1.0}}, "needs height_eV and width_eV"),
        ({"selection": {"threshold": 2.0, "highest_score": 1.0}}, "below its highest_score"),
        ({"selection": {"score": "beauty"}}, "'selection.score'"),
        ({"target_force_error_eV_per_A": 0.1}, "needs labelled structures"),
        ({"test_fraction": 1.0}, "'test_fraction'"),
        ({"test": structure_text(START)}, "a labelled structure needs one of"),
        ({"base": "no_module:nothing"}, "no_module"),
        ({"unknown": 1}, "no key 'unknown', got 1"),
        ({"dynamics": {"temprature_K": 1.0}}, r"'dynamics.temprature_K' \(did you mean 'temperature_K'\?\)"),
        ({"targetforce_error_eV_per_A": 1.0}, "did you mean 'target_force_error_eV_per_A'"),
        ({"dynamics": {"barostat": {"time": 1.0}}}, "did you mean 'time_fs'"),
        (
            {"test": labelled_text(1) + structure_text(START)},
            "'test', structure 1 .from 0.: a labelled structure needs",
        ),
        (
            {"test": labelled_text(1).replace("Cu ", "Ni ")},
            "structure 0 .* one of Cu, and the structure holds Ni",
        ),
        (
            {"structures": labelled_text(1) + "4\nx\nCu 0 0 0\n"},
            "structure 1 .from 0., at line 7, must have 4 atoms",
        ),
        ({"structures": labelled_text(1).replace("Cu ", "Xq ")}, "structure 0 .* 'Xq' is no chemical symbol"),
        (
            {"structures": labelled_text(1, 2).replace("REF_energy=", "REF_energy=x", 2)},
            "structure 0 .* must be a number",
        ),
    ],
)
def test_a_wrong_key_is_refused_before_anything_runs(keys: dict[str, Any], rule: str) -> None:
    with pytest.raises(AssayError, match=rule):
        campaign(**keys)


def test_what_is_no_label_is_refused() -> None:
    driver, space = HyperactiveLearning.from_data(KEYS), Space.from_data(SPACE)
    for measurements, rule in (
        ([Measurement((1.0,))], "a label consists of energy, forces, virial"),
        (
            [Measurement((1.0,), model_name="energy"), Measurement((1.0, 2.0), model_name="forces")],
            "three numbers",
        ),
        ([Measurement((1.0,), model_name="energy")], "needs energy and forces"),
    ):
        with pytest.raises(UsageError, match=rule):
            driver.check(space, measurements)


def test_the_descriptor_comes_as_it_is_made() -> None:
    driver = HyperactiveLearning.from_data({"structures": structure_text(START)})
    assert driver.problem.descriptor == BodyOrderedDescriptor(("Cu",))


def test_it_needs_a_space_of_one_text_and_a_start() -> None:
    with pytest.raises(ConfigurationError, match="one text named 'structure'"):
        assay.create_study([{"name": "x", "domain": [0, 1]}], driver="HyperactiveLearning")
    study = assay.create_study(SPACE, driver="HyperactiveLearning")
    with pytest.raises(ConfigurationError, match="'structures' must hold one structure"):
        study.get_suggestion()


RUN = """
import sys
from tests.atoms.campaign.test_driver import campaign
from assay.atoms.labels import ReferenceLabels
from ase.calculators.emt import EMT
study = campaign(sys.argv[1], max_iter=6, dynamics={"steps": 150, "temperature_K": 800.0}, selection={"threshold": 1e9})
print("begun", flush=True)
study.run(ReferenceLabels(EMT, "EMT"))
"""


@pytest.mark.slow
@pytest.mark.timeout(900)  # eight starts of JAX, perhaps on a busy machine
@pytest.mark.skipif(os.name == "nt", reason="kill -9 is of POSIX")
def test_a_campaign_that_is_killed_in_its_dynamics_goes_on_to_the_bit(tmp_path: Path) -> None:
    command = [sys.executable, "-c", RUN]
    subprocess.run([*command, str(tmp_path / "whole.db")], check=True, stdout=subprocess.DEVNULL)
    cut = tmp_path / "cut.db"
    kills = 0
    while kills < 3:
        with subprocess.Popen([*command, str(cut)], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            time.sleep(
                2.0 + 0.7 * kills
            )  # compiling, or amid a trajectory: nearly all of the time is one of them
            process.send_signal(signal.SIGKILL)
        kills += 1
    subprocess.run([*command, str(cut)], check=True, stdout=subprocess.DEVNULL)
    whole, resumed = (assay.open_study(tmp_path / name) for name in ("whole.db", "cut.db"))
    assert len(whole.trials) == 6
    assert structures(resumed) == structures(whole)


def test_a_campaign_may_ramp_the_pressure_under_a_barostat() -> None:
    dynamics = {
        "steps": 60,
        "temperature_K": 800.0,
        "pressure_GPa": [0.0, 60.0],
        "barostat": {"time_fs": 40.0, "shape": "full"},
    }
    keys = {"dynamics": dynamics, "bias": {"relative": 0.0}, "selection": {"threshold": 1e9, "interval": 60}}
    strained = []
    for seed, ratio in enumerate((0.8, 0.9, 1.0, 1.1, 0.7, 1.2)):
        atoms = rattled(seed)
        atoms.set_cell(atoms.cell * ratio ** (1.0 / 3.0), scale_atoms=True)
        strained.append(structure_text(atoms))
    proposal = HyperactiveLearning.from_data({**KEYS, **keys}).suggest(history(*strained), Request(6))
    found = structure_of(str(proposal.values["structure"]))
    assert proposal.info["ended"] == "all steps done"
    assert 0.6 < found.get_volume() / START.get_volume() < 0.9
    assert np.abs(found.cell.array - np.diag(np.diag(found.cell.array))).max() > 1e-3
    narrow = {**keys, "dynamics": {**dynamics, "volume_ratio": [0.95, 1.05]}}
    ended = HyperactiveLearning.from_data({**KEYS, **narrow}).suggest(history(*strained), Request(6)).info
    assert all("the limits are 0.95 and 1.05" in ending for ending in ended["endings"])


def test_the_walkers_of_a_batch_share_a_potential_and_the_first_tells_most() -> None:
    starts = structure_text(START) + structure_text(START, temperature_K=100.0)
    driver = HyperactiveLearning.from_data(
        {**KEYS, "structures": starts, "dynamics": {"steps": 30, "temperature_K": 800.0, "walkers": 3}}
    )
    past = history(structure_text(START), structure_text(rattled(3)))
    first = driver.suggest(past, Request(2))
    assert first.state is not None
    potential = driver.fitted(past).potential
    texts = [str(first.values["structure"]), *(one["structure"] for one in first.state["batch"])]
    gains = [information_gain(potential.whitened_rows(structure_of(text))) for text in texts]
    assert len(set(texts)) == 3
    assert gains[0] == max(gains) > 1.5 * min(gains)  # that of the cold start tells least
    labelled = history(structure_text(START), structure_text(rattled(3)), texts[0])
    second = driver.suggest(replace(labelled, state=first.state), Request(3))
    third = driver.suggest(replace(labelled, state=second.state), Request(4))
    assert [second.values["structure"], third.values["structure"]] == texts[1:]
    assert third.state is not None
    assert not third.state["batch"]
    fourth = driver.suggest(replace(labelled, state=third.state), Request(5))
    assert fourth.info["labels"] == 3


def test_the_first_walker_of_a_batch_goes_where_a_lone_one_would() -> None:
    past = history(structure_text(START), structure_text(rattled(3)))
    lone = HyperactiveLearning.from_data(KEYS).suggest(past, Request(2))
    keys = {**KEYS, "dynamics": {"steps": 30, "temperature_K": 800.0, "walkers": 2}}
    batch = HyperactiveLearning.from_data(keys).suggest(past, Request(2))
    assert batch.state is not None
    assert lone.values["structure"] in (batch.values["structure"], batch.state["batch"][0]["structure"])


def test_labels_that_are_held_out_are_for_errors_alone() -> None:
    study = campaign(test_fraction=0.5, max_iter=8)
    study.run(ReferenceLabels(EMT, "EMT"))
    driver = study.driver.recipe
    assert isinstance(driver, HyperactiveLearning)
    held = [number for number in range(8) if driver.is_held_out(study.history.seed, number)]
    assert 0 < len(held) < 7
    assert held[0] > 0  # something must be learnt from
    keys = {structure_key(one.atoms) for one in driver.test(study.history)}
    assert keys == {structure_key(structure_of(structures(study)[number])) for number in held}
    assert not keys & {structure_key(one.atoms) for one in driver.known(study.history)}
    last = stories(study)[-1]
    atoms_held = 4 * sum(number < 7 for number in held)
    assert [row["count"] for row in last["errors"] if row["kind"] == "forces"] == [3 * atoms_held]
    # A suggestion that is to be held out is not taken as looked at.
    driver = HyperactiveLearning.from_data({**KEYS, "test_fraction": 0.5})
    number = next(number for number in range(2, 99) if driver.is_held_out(1, number))
    past = history(structure_text(START), structure_text(rattled(3)))
    waiting = Trial(Suggestion(number, {"structure": structure_text(rattled(4))}), "open")
    with_it = driver.suggest(History(past.space, (*past.trials, waiting), past.seed), Request(99))
    assert with_it.values == driver.suggest(past, Request(99)).values


@pytest.mark.parametrize("share", [0.05, 0.1, 0.3, 0.5, 0.9])
def test_the_lot_spreads_what_is_held_out(share: float) -> None:
    driver = HyperactiveLearning.from_data({**KEYS, "test_fraction": share})
    held = [number for number in range(1000) if driver.is_held_out(7, number)]
    assert len(held) == pytest.approx(1000 * min(share, 1.0), abs=2)
    assert max(np.diff(held)) <= 2.0 / share
    assert 0 not in held
    assert held != [number for number in range(1000) if driver.is_held_out(8, number)]


def test_a_target_of_energies_is_met_as_well() -> None:
    study = campaign(
        test=labelled_text(11), target_force_error_eV_per_A=1e6, target_energy_error_eV_per_atom=1e-9
    )
    study.run(ReferenceLabels(EMT, "EMT"))
    assert len(study.trials) == 4  # the budget: the forces are good enough, the energies are not
    history_now = replace(
        study.history, state={"force_error_eV_per_A": 0.1, "energy_error_eV_per_atom": 1e-10}
    )
    assert "not above 1e-09 eV/atom" in str(study.driver.recipe.stop_reason(history_now))


def test_a_label_of_forces_alone_is_learnt_from() -> None:
    forces_alone = labelled_text(1).replace("REF_energy", "other")
    driver = HyperactiveLearning.from_data({**KEYS, "structures": forces_alone})
    (known,) = driver.known(history())
    assert known.energy_eV is None
    assert known.forces is not None
    assert not driver.problem.unlabelled


def test_results_under_other_names_are_told_of(caplog: pytest.LogCaptureFixture) -> None:
    renamed = labelled_text(1).replace("REF_energy", "energy").replace("REF_forces", "forces")
    driver = HyperactiveLearning.from_data({**KEYS, "structures": renamed.replace("REF_virial", "virial")})
    assert len(driver.problem.unlabelled) == 1
    assert "labels that are learnt from are called REF_energy" in caplog.text


def test_a_campaign_may_be_calibrated_by_what_is_left_out() -> None:
    past = history(*(structure_text(rattled(seed)) for seed in range(4)))
    plain, calibrated = (
        HyperactiveLearning.from_data({**KEYS, "fit": {**FIT, "calibration": how}}).fitted(past).potential
        for how in ("none", "left out")
    )
    np.testing.assert_allclose(calibrated.weights, plain.weights, rtol=1e-12)
    values = plain.descriptor.evaluate(rattled(9)).values
    ratio = calibrated.energy_uncertainty_eV(values) / plain.energy_uncertainty_eV(values)
    noise = calibrated.noise.force_eV_per_A
    assert noise is not None
    assert ratio == pytest.approx(noise / FIT["force_noise_eV_per_A"], rel=1e-9)
    assert abs(ratio - 1.0) > 0.05
