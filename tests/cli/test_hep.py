"""`assay hep`, as a user types it."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from rich.cells import cell_len
from scipy.stats import norm
from typer.testing import CliRunner

from assay.cli.hep import app
from assay.errors import ConfigurationError, UsageError
from assay.hep.build import build_model
from assay.hep.hypothesis import hypothesis_test
from assay.hep.simple import uncorrelated_background
from assay.hep.simple import workspace as build_workspace
from assay.hep.workspace import Workspace

WORKSPACE = uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], [51.0, 48.0]).to_data()
PATCHES = {
    "metadata": {
        "name": "signals",
        "description": "two",
        "digests": {},
        "labels": ["mass"],
        "references": {},
    },
    "patches": [
        {
            "metadata": {"name": "m500", "values": [500]},
            "patch": [{"op": "replace", "path": "/channels/0/samples/0/data", "value": [24.0, 22.0]}],
        }
    ],
    "version": "1.0.0",
}


@pytest.fixture
def workspace(tmp_path):
    place = tmp_path / "workspace.json"
    place.write_text(json.dumps(WORKSPACE))
    return place


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False).output


def test_what_a_workspace_holds_is_shown_without_a_model(workspace, signals):
    lines = run("show", workspace, "--patchset", signals).splitlines()
    tables = [line.split() for line in lines]
    assert tables[:2] == [["measurement", "of", "interest", "sets"], ["measurement", "mu", "-"]]
    assert tables[4] == ["singlechannel", "2", "99", *["signal", "23,", "background", "102"]]
    assert ["mu", "1", "normfactor", "none", "1", "0", "to", "10"] in tables
    assert ["uncorr_bkguncrt", "2", "shapesys", "poisson", "1", "1e-10", "to", "10"] in tables
    assert tables[-4:] == [["signal", "point", "mass"], ["weak", "400"], ["strong", "500"], ["none", "600"]]
    data = json.loads(run("show", workspace, "--patchset", signals, "--json"))
    assert data["signal_points"][0] == {"name": "weak", "values": {"mass": 400}}
    assert json.loads(run("show", workspace, "--json"))["signal_points"] == []
    with pytest.raises(UsageError, match="no measurement 'other'"):
        run("show", workspace, "--measurement", "other")
    script = (
        "import sys; from assay.cli.main import app; app(['hep', 'show', sys.argv[1]], standalone_mode=False)"
    )
    loaded = "; print('jax' in sys.modules, file=sys.stderr)"
    told = subprocess.run(
        [sys.executable, "-c", script + loaded, str(workspace)], capture_output=True, text=True, check=True
    )
    assert told.stderr == "False\n"


def test_cls_and_its_bands_are_printed(workspace):
    lines = run("cls", workspace).splitlines()
    assert lines[0] == "CLs 0.052515525 of mu = 1"
    assert lines[1].split() == ["expected", "-2σ", "0.0026064"]
    assert run("cls", workspace, "--statistic", "q0").splitlines()[0].startswith("p0 0.5 of mu = 0, ")
    two_sided = json.loads(run("cls", workspace, "--statistic", "t", "--json"))
    assert two_sided["p"] == pytest.approx(2 * norm.sf(two_sided["statistic"] ** 0.5), rel=1e-12)
    found = json.loads(run("cls", workspace, "--statistic", "q0", "--json"))
    assert found["p0"] == pytest.approx(0.5, abs=1e-9)
    assert found["status"] == ""


def test_toys_say_their_error(workspace):
    words = run("cls", workspace, "--toys", "2000", "--seed", "1").split()
    assert abs(float(words[1]) - 0.0525) < 5 * float(words[3])


def test_a_fit_prints_each_parameter_and_the_yields(workspace, tmp_path):
    lines = run("fit", workspace).splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["mu", "uncorr_bkguncrt[0]", "uncorr_bkguncrt[1]"]
    assert lines[1].split()[2] == "held"  # the best strength is 0, its bound
    sums = next(line.split() for line in lines if " sum " in line)
    assert sums[:6] == ["singlechannel", "sum", "99", "125", "±", "7.62"]
    assert lines[1].split()[3:] == ["-", "-"]
    picture = tmp_path / "yields.svg"
    data = json.loads(run("fit", workspace, "--json", "--plot", picture))
    assert b"</svg>" in picture.read_bytes()
    assert data["yields"][0]["before"]["expected"] == [62.0, 63.0]
    assert data["yields"][0]["before"]["uncertainty"] == pytest.approx([3.0, 7.0], rel=1e-12)
    assert data["yields"][0]["after"]["samples"]["signal"] == [0.0, 0.0]
    assert np.shape(data["correlation"]) == (3, 3)
    assert data["parameters"][0]["pull"] is None
    assert data["twice_nll"] == pytest.approx(24.98393520, abs=1e-7)


def test_limits_of_a_signal_point_scale_with_its_yields(workspace, tmp_path):
    patchset = tmp_path / "signals.json"
    patchset.write_text(json.dumps(PATCHES))
    plain = json.loads(run("limit", workspace, "--json"))
    assert plain["observed"] == pytest.approx(1.01157188, rel=1e-6)
    twice = json.loads(run("limit", workspace, "--json", "--patchset", patchset, "--patch", "m500"))
    assert twice["observed"] == pytest.approx(plain["observed"] / 2, rel=1e-9)


def test_a_file_with_a_json_patch_makes_a_signal_point(workspace, tmp_path):
    patch = tmp_path / "patch.json"
    patch.write_text(json.dumps(PATCHES["patches"][0]["patch"]))
    patchset = tmp_path / "signals.json"
    patchset.write_text(json.dumps(PATCHES))
    found = run("cls", workspace, "--patch", patch)
    assert found == run("cls", workspace, "--patchset", patchset, "--patch", "m500")
    assert found != run("cls", workspace)


def test_signal_points_of_another_workspace_are_refused(workspace, tmp_path):
    patchset = tmp_path / "signals.json"
    patchset.write_text(
        json.dumps(PATCHES | {"metadata": PATCHES["metadata"] | {"digests": {"sha256": "0" * 64}}})
    )
    with pytest.raises(UsageError, match="the workspace that it was made for, of sha256 0000"):
        run("limit", workspace, "--patchset", patchset, "--patch", "m500")


def test_a_failed_fit_is_null_in_json_with_a_status_and_ends_with_1(tmp_path):
    place = tmp_path / "broken.json"
    uncorrelated_background([12.0, 11.0], [50.0, -52.0], [3.0, 7.0], [51.0, 48.0]).write(place)
    result = CliRunner().invoke(app, ["cls", str(place), "--json"])
    found = json.loads(result.stdout)
    assert found["CLs"] is None
    assert "bin 1 of channel 'singlechannel' expects" in found["status"]
    assert result.stderr == f"assay: {found['status']}\n"
    assert result.exit_code == 1


def test_a_failed_fit_of_a_scan_is_said_with_its_value(tmp_path):
    place = tmp_path / "empty.json"
    uncorrelated_background([12.0, 11.0], [50.0, 0.0], [3.0, 0.0], [51.0, 8.0]).write(place)
    options = ["scan", str(place), "--low", "0", "--high", "2", "--points", "3"]
    result = CliRunner().invoke(app, options)
    assert result.stderr.startswith(
        "assay: at mu = 0 a fit failed: bin 1 of channel 'singlechannel' expects 0 events"
    )
    assert result.exit_code == 1


def test_what_cannot_be_drawn_is_refused_before_the_work(workspace, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "assay.hep.batch.many_upper_limits", lambda *_, **__: pytest.fail("limits were looked for")
    )
    place = tmp_path / "signals.json"
    place.write_text(json.dumps(PATCHES))
    with pytest.raises(UsageError, match="of which one or two parameters vary, as numbers, got 0"):
        run("limit", workspace, "--patchset", place, "--plot", tmp_path / "limits.png")


SIGNALS = {"weak": (400, [6.0, 5.5]), "strong": (500, [24.0, 22.0]), "none": (600, [0.0, 0.0])}


@pytest.fixture
def signals(tmp_path):
    """Three signal points, the last of which has no signal."""
    place = tmp_path / "signals.json"
    patches = [
        {
            "metadata": {"name": name, "values": [mass]},
            "patch": [{"op": "replace", "path": "/channels/0/samples/0/data", "value": yields}],
        }
        for name, (mass, yields) in SIGNALS.items()
    ]
    place.write_text(json.dumps(PATCHES | {"patches": patches}))
    return place


def test_all_signal_points_are_tested_where_none_is_named(workspace, signals):
    found = json.loads(run("cls", workspace, "--patchset", signals, "--json"))
    alone = json.loads(run("cls", workspace, "--patchset", signals, "--patch", "strong", "--json"))
    assert [row["name"] for row in found["points"]] == list(SIGNALS)
    assert found["points"][1]["values"] == {"mass": 500}
    assert found["points"][1]["CLs"] == pytest.approx(alone["CLs"], rel=1e-8)
    np.testing.assert_allclose(found["points"][1]["expected"], alone["expected"], rtol=1e-8)
    lines = run("cls", workspace, "--patchset", signals).splitlines()
    assert lines[0] == "CLs of mu = 1"
    assert lines[1].split()[:4] == ["signal", "point", "mass", "observed"]
    assert lines[3].split()[:3] == ["strong", "500", f"{alone['CLs']:.4g}"]
    with pytest.raises(UsageError, match=r"--toys must come with --patch, .* got 10 without"):
        run("cls", workspace, "--patchset", signals, "--toys", "10")


def test_limits_of_all_signal_points_survive_one_without_and_are_drawn(workspace, signals, tmp_path):
    picture = tmp_path / "limits.svg"
    options = ["limit", workspace, "--patchset", signals, "--json", "--plot", picture]
    result = CliRunner().invoke(app, [str(option) for option in options])
    weak, strong, none = json.loads(result.stdout)["points"]
    assert strong["observed"] == pytest.approx(1.01157188 / 2, rel=1e-6)
    assert weak["observed"] == pytest.approx(1.01157188 * 2, rel=1e-6)
    assert none["observed"] is None
    assert none["status"].startswith("the observed limit on 'mu' was not found")
    assert result.exit_code == 1
    assert result.stderr == f"assay: signal point 'none': {none['status']}\n"
    assert b"mu = 1" in picture.read_bytes()


def test_impacts_on_a_parameter_at_its_bound_are_said_to_be_cut_off(workspace, signed):
    result = CliRunner().invoke(app, ["impacts", str(workspace)])
    assert result.stderr.startswith(
        "assay: the best fit of 'mu' lies at its bound 0, beyond which no impact is seen;"
    )
    assert result.exit_code == 0
    assert CliRunner().invoke(app, ["impacts", str(signed)]).stderr == ""


def test_one_channel_is_shown_on_demand(tmp_path):
    place = tmp_path / "two.json"
    made = {
        name: {"signal": ([1.0], [("normfactor", "mu")]), "background": ([50.0], [])}
        for name in ("SR", "CR, 1")
    }
    build_workspace(made, {"SR": [51.0], "CR, 1": [49.0]}).write(place)
    lines = run("fit", place, "--channel", "CR, 1", "--plot", tmp_path / "one.svg").splitlines()
    assert [line.split()[:1] for line in lines[2:]] == [[], ["channel"], ["CR,"], [], ["-2"]]
    drawn = (tmp_path / "one.svg").read_bytes()
    assert b"CR, 1" in drawn
    assert b"SR" not in drawn
    with pytest.raises(UsageError, match="--channel must be one of 'CR, 1', 'SR', got 'VR'"):
        run("fit", place, "--channel", "VR")


def test_columns_stand_below_each_other_whatever_the_letters(tmp_path):
    """A combining letter takes no place on a terminal; digits below the uncertainty are not shown."""
    data = uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], [62.0, 63.0]).to_data()
    data["channels"][0]["samples"][0]["modifiers"][0]["name"] = "k_tt\u0304"
    data["measurements"][0]["config"]["poi"] = "k_tt\u0304"
    place = tmp_path / "letters.json"
    place.write_text(json.dumps(data))
    head, *rows = run("fit", place).splitlines()[:4]
    for row in rows:
        assert cell_len(row) == cell_len(head)
    assert [rows[1].split()[place] for place in (0, 1, 3)] == ["uncorr_bkguncrt[0]", "1", "0.000"]


def test_scans_and_impacts_are_drawn(workspace, tmp_path):
    band, pulls = tmp_path / "band.png", tmp_path / "pulls.svg"
    rows = json.loads(run("scan", workspace, "--points", "5", "--plot", band, "--json"))["scan"]
    assert next(row["value"] for row in rows) == 0.0
    assert rows[0]["CLs"] == pytest.approx(1.0)
    assert rows[-1]["expected"][-1] < 0.05
    assert "uncorr_bkguncrt[1]" in run("impacts", workspace, "--plot", pulls)
    assert band.stat().st_size > 5000
    assert b"</svg>" in pulls.read_bytes()


@pytest.fixture
def signed(tmp_path):
    """An excess, and a signal that may be negative."""
    data = uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], [61.0, 68.0]).to_data()
    data["measurements"][0]["config"]["parameters"] = [{"name": "mu", "bounds": [[-5.0, 10.0]]}]
    place = tmp_path / "signed.json"
    place.write_text(json.dumps(data))
    return place


def test_limits_of_another_statistic(tmp_path):
    """With a deficit and a strength that may be negative, q knows a best fit below 0 and q_tilde does not."""
    data = uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], [40.0, 42.0]).to_data()
    data["measurements"][0]["config"]["parameters"] = [{"name": "mu", "bounds": [[-5.0, 10.0]]}]
    place = tmp_path / "deficit.json"
    place.write_text(json.dumps(data))
    found = {
        name: json.loads(run("limit", place, "--statistic", name, "--json")) for name in ("q", "q_tilde")
    }
    model = build_model(Workspace.from_data(data))
    for name in ("q", "q_tilde"):
        assert found[name]["test_statistic"] == name
        at_limit = hypothesis_test(model, found[name]["observed"], statistic=name).cls
        assert at_limit == pytest.approx(0.05, rel=1e-6)
    assert found["q"]["observed"] != pytest.approx(found["q_tilde"]["observed"], rel=1e-3)


def test_a_scan_of_two_sides_reaches_beyond_its_interval(signed, tmp_path):
    picture = tmp_path / "p.svg"
    options = ["--points", "9", "--level", "0.3", "--plot", picture, "--json"]
    found = json.loads(run("scan", signed, "--statistic", "t", *options))
    rows = found["scan"]
    assert rows[0]["p"] < 0.3
    assert rows[-1]["p"] < 0.3
    assert max(row["p"] for row in rows) > 0.8
    assert rows[4]["value"] == pytest.approx(found["best"], rel=1e-6)  # as far below it as above
    assert b"not excluded" in picture.read_bytes()
    words = run("scan", signed, "--statistic", "t_tilde", "--points", "2").splitlines()
    assert words[0].split()[:2] == ["mu", "p"]
    assert words[1].split()[0] == "0"


def test_a_scan_ends_beyond_an_excess(tmp_path):
    place = tmp_path / "excess.json"
    uncorrelated_background([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], [90.0, 95.0]).write(place)
    rows = json.loads(run("scan", place, "--points", "3", "--json"))["scan"]
    assert rows[-1]["CLs"] < 0.05


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (["limit", "nowhere.json"], ConfigurationError, "there is no such file"),
        (
            ["limit", "{workspace}", "--patch", "m500"],
            UsageError,
            "must name a signal point of --patchset, .* got 'm500'",
        ),
        (
            ["limit", "{workspace}", "--patch", "no.json"],
            ConfigurationError,
            "a JSON patch is read from a JSON",
        ),
        (["limit", "{workspace}", "--patch", "{workspace}"], UsageError, "must be a list of operations, got"),
        (
            ["scan", "{workspace}", "--patchset", "s.json"],
            UsageError,
            "--patch must name one signal point of --patchset",
        ),
        (
            ["limit", "{workspace}", "--plot", "limits.png"],
            UsageError,
            "must come with the signal points of --patchset",
        ),
        (
            ["fit", "{workspace}", "--plot", "nowhere/a.png"],
            UsageError,
            "must lie in a folder that is there, got nowhere",
        ),
        (["limit", "{workspace}", "--level", "1.5"], UsageError, "between 0 and 1, got 1.5"),
        (
            ["cls", "{workspace}", "--measurement", "other"],
            UsageError,
            "no measurement 'other'; it has 'measurement'",
        ),
        (["fit", "{workspace}", "--interest", "nu"], UsageError, "no parameter 'nu'"),
        (["scan", "{workspace}", "--plot", "band.gif"], UsageError, r"must end in .png"),
        (["scan", "{workspace}", "--low", "3", "--high", "1"], UsageError, "must lie below the last one"),
        (["scan", "{workspace}", "--low", "0", "--high", "inf"], UsageError, "both be finite, got 0 and inf"),
        (
            ["scan", "{workspace}", "--statistic", "q0"],
            UsageError,
            "got q0, which tests 0 alone; use `assay hep cls",
        ),
        (
            ["limit", "{workspace}", "--statistic", "t"],
            UsageError,
            "must be q_tilde or q, since .* got t; `assay",
        ),
    ],
)
def test_wrong_use_is_one_sentence(workspace, arguments, error, words):
    with pytest.raises(error, match=words):
        run(*[argument.format(workspace=workspace) for argument in arguments])
