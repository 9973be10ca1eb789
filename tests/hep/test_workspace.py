"""Workspaces that break a rule are refused by the names of channel, sample, modifier or parameter."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import numpy as np
import pytest
from tests.hep.references import NUMBERS, workspaces

from assay.errors import ConfigurationError, UsageError
from assay.hep.build import build_model
from assay.hep.hypothesis import hypothesis_test
from assay.hep.patches import PatchSet
from assay.hep.plain_json import applied
from assay.hep.workspace import Workspace

WHOLE = NUMBERS["kitchen_sink_workspace"]


def _sample(data, channel, sample):
    whole = next(item for item in data["channels"] if item["name"] == channel)
    return next(item for item in whole["samples"] if item["name"] == sample)


def _modifier(data, channel, sample, name):
    return next(item for item in _sample(data, channel, sample)["modifiers"] if item["name"] == name)


MISTAKES = {
    "no channels": (lambda data: data.update(channels=[]), "workspace: channels: must have at least 1 entry, got"),
    "a missing key": (lambda data: data.pop("observations"), "the whole: the key 'observations' is missing"),
    "an unknown key": (lambda data: data.update(extra=1), "the whole: the format has no key 'extra'"),
    "a word for a yield": (
        lambda data: _sample(data, "SR", "bkgA")["data"].__setitem__(1, "many"),
        r"channel 'SR', sample 'bkgA', data\[1\]: must be a finite number, got 'many'",
    ),
    "a number as a word": (
        lambda data: _sample(data, "SR", "bkgA")["data"].__setitem__(1, "5.0"),
        r"data\[1\]: must be a finite number, got '5.0'",
    ),
    "a number beyond all": (
        lambda data: _sample(data, "SR", "bkgA")["data"].__setitem__(1, 10**400),
        r"data\[1\]: must be a finite number, got 1000.*…",
    ),
    "a number for a list": (
        lambda data: _sample(data, "SR", "bkgA").update(data=5.0), "sample 'bkgA', data: must be a list, got 5.0",
    ),
    "a list for a variation": (
        lambda data: _modifier(data, "SR", "bkgA", "JES").update(data=[1.0, 2.0, 3.0]),
        "modifier 'JES', data: must be an object with keys, got",
    ),
    "data of a free factor": (
        lambda data: _modifier(data, "SR", "bkgA", "kA").update(data=[1.0]), "must be null or left out, got",
    ),
    "bounds that are no pairs": (
        lambda data: data["measurements"][0]["config"]["parameters"][1].update(bounds=[0.0, 10.0]),
        r"parameter 'mu', bounds\[0\]: must be a pair such as \[0.0, 10.0\], got 0.0",
    ),
    "one bound": (
        lambda data: data["measurements"][0]["config"]["parameters"][1].update(bounds=[[0.0]]),
        r"parameter 'mu', bounds\[0\]: must be a pair such as \[0.0, 10.0\], got \[0.0\]",
    ),
    "a word for a truth": (
        lambda data: data["measurements"][0]["config"]["parameters"][1].update(fixed="yes"),
        "parameter 'mu', fixed: must be true or false, got 'yes'",
    ),
    "another version": (lambda data: data.update(version="2.0"), "version: must be '1.0.0', got '2.0'"),
    "a luminosity of another name": (
        lambda data: _sample(data, "SR", "bkgA")["modifiers"].append({"name": "lumi_18", "type": "lumi", "data": None}),
        "modifier 'lumi_18', name: must be 'lumi', got 'lumi_18'",
    ),
    "an infinite yield": (
        lambda data: _sample(data, "SR", "bkgA")["data"].__setitem__(1, float("inf")),
        r"channel 'SR', sample 'bkgA', data\[1\]: must be a finite number, got inf",
    ),
    "an unknown modifier": (
        lambda data: _modifier(data, "SR", "bkgA", "kA").update(type="normfaktor"),
        "channel 'SR', sample 'bkgA', modifier 'kA': its type must be one of 'histosys', .*got 'normfaktor'",
    ),
    "a modifier without its type": (
        lambda data: _modifier(data, "SR", "bkgA", "kA").pop("type"),
        "channel 'SR', sample 'bkgA', modifier 'kA': the key 'type' is missing",
    ),
    "a misspelt key of a variation": (
        lambda data: _modifier(data, "SR", "bkgA", "JES").update(data={"hi": [1.0], "lo_data": [1.0]}),
        "channel 'SR', sample 'bkgA', modifier 'JES', data: the key 'hi_data' is missing",
    ),
    "too few bins": (
        lambda data: _sample(data, "SR", "bkgA")["data"].pop(), "sample 'bkgA' of channel 'SR' must have 3 bins",
    ),
    "too few counts": (
        lambda data: data["observations"][0]["data"].pop(), "observation of channel 'SR' must have 3 bins, as its samples",
    ),
    "a negative count": (
        lambda data: data["observations"][0]["data"].__setitem__(1, -2.0),
        "observation of channel 'SR' must hold counts of at least 0, got -2",
    ),
    "too few varied bins": (
        lambda data: _modifier(data, "SR", "bkgA", "JES")["data"]["hi_data"].pop(),
        "histosys 'JES' of sample 'bkgA' of channel 'SR' must have 3 bins, as its sample has, got 2",
    ),
    "a negative uncertainty": (
        lambda data: _modifier(data, "SR", "bkgB", "bkgB_shape").update(data=[1.0, -1.0, 1.0]),
        "shapesys 'bkgB_shape' of sample 'bkgB' of channel 'SR' must hold uncertainties of at least 0, got -1.0",
    ),
    "a factor of zero": (
        lambda data: _modifier(data, "SR", "bkgA", "bkgA_norm").update(data={"hi": 1.1, "lo": 0.0}),
        "normsys 'bkgA_norm' of sample 'bkgA' of channel 'SR' must have positive factors",
    ),
    "a name twice": (
        lambda data: data["channels"].append(copy.deepcopy(data["channels"][0])), "each channel .* got 'SR' twice",
    ),
    "no observation": (
        lambda data: data["observations"].pop(),
        r"channel 'CR' must have an observation of its name, got only those of \['SR'\]",
    ),
    "an observation of nothing": (
        lambda data: data["observations"].append({"name": "XX", "data": [1.0]}), "must be that of a channel, got 'XX'",
    ),
}  # fmt: skip

MODEL_MISTAKES = {
    "an unknown setting": (
        lambda data: data["measurements"][0]["config"]["parameters"].append({"name": "nobody"}), "got 'nobody'",
    ),
    "a setting twice": (
        lambda data: data["measurements"][0]["config"]["parameters"].append({"name": "mu"}), "set once, got 'mu' twice",
    ),
    "no such parameter of interest": (
        lambda data: data["measurements"][0]["config"].update(poi=""),
        "parameter of interest must be a parameter of the model, got ''; name another one as `interest`, of ",
    ),
    "no luminosity": (
        lambda data: data["measurements"][0]["config"].update(parameters=[]), "'lumi' must have 'inits' set",
    ),
    "bounds the wrong way": (
        lambda data: data["measurements"][0]["config"]["parameters"][1].update(bounds=[[10.0, 0.0]]),
        "bounds of parameter 'mu' must have the lower first",
    ),
    "a start outside": (
        lambda data: data["measurements"][0]["config"]["parameters"][1].update(inits=[20.0]),
        "'mu' must start within its bounds 0.0 to 10.0, got 20.0",
    ),
    "a width for a free one": (
        lambda data: data["measurements"][0]["config"]["parameters"][1].update(sigmas=[1.0]), "which has no 'sigmas'",
    ),
    "one name for two things": (
        lambda data: _modifier(data, "SR", "bkgA", "kA").update(name="JES"), "must not share its name with a histosys",
    ),
    "a shapesys shared": (
        lambda data: _sample(data, "SR", "signal")["modifiers"].append(
            {"name": "bkgB_shape", "type": "shapesys", "data": [1.0, 1.0, 1.0]}
        ),
        "shapesys 'bkgB_shape' of sample 'signal' of channel 'SR' must be the only one",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(MISTAKES))
def test_a_broken_workspace_is_refused_in_one_sentence(name):
    broken, words = MISTAKES[name]
    data = copy.deepcopy(WHOLE)
    broken(data)
    with pytest.raises(ConfigurationError, match=words) as caught:
        Workspace.from_data(data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", list(MODEL_MISTAKES))
def test_a_model_that_cannot_be_is_refused_in_one_sentence(name):
    broken, words = MODEL_MISTAKES[name]
    data = copy.deepcopy(WHOLE)
    broken(data)
    with pytest.raises(ConfigurationError, match=words):
        build_model(Workspace.from_data(data))


def test_names_that_do_not_exist_are_refused_with_those_that_do():
    workspace = workspaces()["uncorr_1bin"]
    with pytest.raises(UsageError, match="no measurement 'other'; it has 'measurement'"):
        build_model(workspace, measurement="other")
    with pytest.raises(UsageError, match="no parameter 'nu'; it has mu"):
        build_model(workspace, interest="nu")
    with pytest.raises(UsageError, match="code0, code2, code4p, got 'code5'"):
        build_model(workspace, histosys="code5")


def test_a_negative_expectation_is_a_status_that_names_the_bin():
    from assay.hep.simple import workspace

    model = build_model(
        workspace(
            {"SR": {"signal": ([5.0, -60.0], [("normfactor", "mu")]), "background": ([50.0, 50.0], [])}},
            {"SR": [55.0, 52.0]},
        )
    )
    tested = hypothesis_test(model, 1.0)
    assert "bin 1 of channel 'SR' expects -10 events, and 52 are observed" in tested.status
    assert np.isnan(tested.cls)


def test_files_that_are_not_there_or_no_json_are_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="no such file"):
        Workspace.read(tmp_path / "nothing.json")
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    with pytest.raises(ConfigurationError, match="must be a JSON file"):
        Workspace.read(broken)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"patches": [], "metadata": {}, "version": "1.0.0"}, "got a patch set"),
        ({"metadata": {"hs3_version": "0.2"}, "distributions": []}, "got a file of HS3"),
        (
            {"channels": WHOLE["channels"], "parameters": []},
            "got a model without observations and measurements",
        ),
        ([{"op": "remove", "path": "/channels/0"}], "got a JSON patch"),
        ([1, 2], r"got \[1, 2\]"),
        ("hello", "got 'hello'"),
    ],
)
def test_another_thing_than_a_workspace_is_said_to_be_one(data, words):
    with pytest.raises(ConfigurationError, match=f"workspace: the whole must be a workspace, {words}"):
        Workspace.from_data(data)
    with pytest.raises(ConfigurationError, match="patch set: the whole must be a patch set, got a workspace"):
        PatchSet.from_data(WHOLE)


def test_errors_begin_with_the_file(tmp_path):
    place = tmp_path / "search.json"
    place.write_text(json.dumps(WHOLE | {"version": "2"}))
    with pytest.raises(ConfigurationError, match=r"search\.json: workspace: version: must be '1.0.0'"):
        Workspace.read(place)
    with pytest.raises(
        ConfigurationError, match=r"search\.json: patch set: the whole must be a patch set, got a work"
    ):
        PatchSet.read(place)


def test_a_key_that_stands_twice_is_refused_and_a_mark_of_byte_order_is_not(tmp_path):
    place = tmp_path / "twice.json"
    text = json.dumps(WHOLE)
    place.write_text(text.replace('"version":', '"version": "2", "version":'))
    with pytest.raises(
        ConfigurationError, match=r"twice\.json: an object with the keys \['channels', .*got 'version' twice"
    ):
        Workspace.read(place)
    place.write_text(text.replace('"name": "bkgA",', '"name": "bkgA", "name": "bkgA",', 1))
    with pytest.raises(
        ConfigurationError, match="the object named 'bkgA' must have each key once, got 'name' twice"
    ):
        Workspace.read(place)
    place.write_text(text, encoding="utf-8-sig")
    assert Workspace.read(place) == Workspace.from_data(WHOLE)
    place.write_text(text, encoding="utf-16")
    with pytest.raises(ConfigurationError, match="must be a JSON file in UTF-8, got 'utf-8' codec"):
        Workspace.read(place)


def _patch_set(workspace):
    import hashlib

    text = json.dumps(workspace.to_data(), sort_keys=True, ensure_ascii=False).encode()
    return {
        "metadata": {
            "references": {"hepdata": "ins1234567"},
            "digests": {"sha256": hashlib.sha256(text).hexdigest()},
            "labels": ["mass"],
            "description": "two points",
        },
        "patches": [
            {
                "metadata": {"name": "m1", "values": [1]},
                "patch": [{"op": "replace", "path": "/channels/0/samples/0/data", "value": [7.0]}],
            },
            {"metadata": {"name": "bad", "values": [2]}, "patch": [{"op": "remove", "path": "/nowhere"}]},
        ],
        "version": "1.0.0",
    }


def test_a_patch_set_makes_one_workspace_per_signal_and_knows_its_own():
    workspace = workspaces()["uncorr_1bin"]
    patches = PatchSet.from_data(_patch_set(workspace))
    patches.verify(workspace.to_data())
    other = patches.apply(workspace, "m1")
    assert other.channels[0].samples[0].data == [7.0]
    assert workspace.channels[0].samples[0].data == [5.0]
    with pytest.raises(UsageError, match="no patch 'm2'; it has 2: m1, bad"):
        patches.apply(workspace, "m2")
    with pytest.raises(
        UsageError, match="patch 'bad': operation 0 of the patch, remove at '/nowhere', does not fit"
    ):
        patches.apply(workspace, "bad")
    with pytest.raises(UsageError, match="with the workspace that it was made for, of sha256"):
        patches.verify(other.to_data())
    loud = {name: digest.upper() for name, digest in patches.digests.items()}
    replace(patches, digests=loud).verify(workspace.to_data())
    with pytest.raises(UsageError, match="must be one of md5, sha256, got one of 'shake_128'"):
        replace(patches, digests={"shake_128": "00"}).verify(workspace.to_data())
    scalar = {"op": "replace", "path": "/channels/0/samples/0/data", "value": 7.0}
    broken = replace(patches, operations=((scalar,), ()))
    with pytest.raises(
        ConfigurationError,
        match=r"patch 'm1': workspace: channel 'singlechannel', sample 'signal', data: must",
    ):
        broken.apply(workspace, "m1")


def test_the_nearest_names_are_shown_for_a_signal_point_that_is_not_there():
    names = tuple(f"stop_{mass}" for mass in range(400, 1200, 10))
    patches = PatchSet(names, tuple((float(row),) for row in range(80)), ("m",), ((),) * 80, {})
    with pytest.raises(UsageError, match=r"no patch 'stop_1151'; it has 80: stop_1150, .*, …"):
        patches.apply(workspaces()["uncorr_1bin"], "stop_1151")


@pytest.mark.parametrize(
    ("operations", "words"),
    [
        ({"op": "remove", "path": "/version"}, "a JSON patch must be a list of operations, got"),
        (["remove"], "operation 0 of the patch must be an object with keys, got 'remove'"),
        (
            [{"op": "test", "path": "/version", "value": "2"}],
            "operation 0 of the patch, test at '/version', does not",
        ),
        (
            [
                {"op": "test", "path": "/version", "value": "1.0.0"},
                {"op": "add", "path": "/channels/7", "value": 1},
            ],
            "operation 1 of the patch, add at '/channels/7', does not fit the workspace: can't insert outside of list",
        ),
    ],
)
def test_an_operation_that_cannot_be_done_is_named(operations, words):
    with pytest.raises(UsageError, match=words) as caught:
        workspaces()["uncorr_1bin"].patched(operations)
    assert len(str(caught.value)) < 250


def test_a_patch_leaves_the_data_as_they_are():
    data = {"yields": [1.0]}
    assert applied(data, [{"op": "add", "path": "/yields/0", "value": 2.0}]) == {"yields": [2.0, 1.0]}
    assert data == {"yields": [1.0]}


@pytest.mark.filterwarnings("ignore:jsonschema.RefResolver:DeprecationWarning")
def test_what_is_written_is_read_back_and_is_in_the_schema_of_pyhf(tmp_path):
    import pyhf

    workspace = Workspace.from_data(WHOLE)
    workspace.write(tmp_path / "workspace.json")
    assert Workspace.read(tmp_path / "workspace.json") == workspace
    pyhf.schema.validate(json.loads((tmp_path / "workspace.json").read_text()), "workspace.json")
    small = workspaces()["uncorr_1bin"]
    PatchSet.from_data(_patch_set(small)).write(tmp_path / "signals.json")
    assert PatchSet.read(tmp_path / "signals.json") == PatchSet.from_data(_patch_set(small))
    theirs = pyhf.PatchSet(json.loads((tmp_path / "signals.json").read_text()))
    ours = PatchSet.read(tmp_path / "signals.json").apply(small, "m1")
    assert dict(theirs.apply(small.to_data(), "m1")) == ours.to_data()  # it verifies the digest


PATCH_MISTAKES = {
    "no version": (lambda data: data.pop("version"), "patch set: the whole: the key 'version' is missing"),
    "no values": (
        lambda data: data["patches"][0]["metadata"].pop("values"),
        "patch set: patch 'm1', metadata: the key 'values' is missing",
    ),
    "no patches": (lambda data: data.update(patches=[]), "patch set: patches: must have at least 1 entry"),
    "too many values": (
        lambda data: data["patches"][0]["metadata"].update(values=[1, 2]),
        "patch 'm1' must have 1 values, of mass, got 2",
    ),
    "a name twice": (
        lambda data: data["patches"][1]["metadata"].update(name="m1"), "must have its own name, got 'm1' twice",
    ),
    "values twice": (
        lambda data: data["patches"][1]["metadata"].update(values=[1]), r"must have its own values, got \(1,\) twice",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(PATCH_MISTAKES))
def test_a_broken_patch_set_is_refused_in_one_sentence(name):
    broken, words = PATCH_MISTAKES[name]
    data = _patch_set(workspaces()["uncorr_1bin"])
    broken(data)
    with pytest.raises(ConfigurationError, match=words):
        PatchSet.from_data(data)


@pytest.mark.parametrize(("code", "kind"), [("code0", "histosys"), ("code2", "histosys"), ("code4p", "histosys"),
                                            ("code1", "normsys"), ("code4", "normsys")])  # fmt: skip
def test_interpolations_are_those_of_pyhf_inside_and_continuous_everywhere(code, kind):
    """pyhf's code2 jumps at +-1, where ours goes on as ROOT's does."""
    from pyhf.interpolators import get

    from assay.hep.interpolation import additive, multiplicative
    from assay.numerics.compile import float64

    low, middle, high = 8.0, 10.0, 13.0
    alphas = np.linspace(-2.0, 2.0, 401)
    other = get(int(code[4:]) if code[4:].isdigit() else code[4:])
    if kind == "histosys":
        wanted = np.asarray(other([[[[low], [middle], [high]]]])(np.array([alphas]))).ravel()
        with float64():
            found = np.asarray(additive(code, alphas, high - middle, middle - low))
    else:
        wanted = np.asarray(other([[[[0.8], [1.0], [1.3]]]])(np.array([alphas]))).ravel()
        with float64():
            found = np.asarray(multiplicative(code, alphas, 1.3, 0.8))
    compared = np.abs(alphas) < 0.999 if code == "code2" else np.full(len(alphas), True)
    np.testing.assert_allclose(found[compared], wanted[compared], rtol=1e-12, atol=1e-12)
    assert np.abs(np.diff(found)).max() < 0.08
