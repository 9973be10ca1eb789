"""Coulomb matrices by hand, and their invariances; the archive that the example reads, in miniature."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from examples.qm7.qm7 import FEATURES, MODELS, coulomb_matrix, molecules

CHARGES = np.array([8.0, 1.0, 1.0])
POSITIONS = np.array([[0.0, 0.0, 0.0], [0.76, 0.59, 0.0], [-0.7, 0.65, 0.1]])


def test_the_matrix_of_water_by_hand() -> None:
    triangle = coulomb_matrix(CHARGES, POSITIONS)
    to_first, to_second = np.hypot(0.76, 0.59), np.sqrt(0.7**2 + 0.65**2 + 0.1**2)
    between = np.linalg.norm(POSITIONS[1] - POSITIONS[2])
    # The oxygen comes first, then the hydrogen that is nearer to it.
    assert to_first > to_second
    expected = [0.5 * 8**2.4, 8 / to_second, 0.5, 8 / to_first, 1 / between, 0.5]
    assert np.allclose(triangle[:6], expected, rtol=1e-12)
    assert triangle.shape == (FEATURES,)
    assert not triangle[6:].any()


def test_it_does_not_depend_on_place_turn_or_order() -> None:
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    order = [2, 0, 1]
    moved = coulomb_matrix(CHARGES[order], (POSITIONS @ rotation.T + 3.0)[order])
    assert np.allclose(moved, coulomb_matrix(CHARGES, POSITIONS), rtol=1e-12)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    files = {"hof_qm7.txt": "0002.xyz -20.0 -18.5\n0001.xyz -10.0 -9.0\n"}
    for number in (1, 2):
        body = "\n".join(f" {name} {0.9 * number * place} 0 0" for place, name in enumerate("OHH"))
        files[f"qm7/000{number}.xyz"] = f"3\ncharge = 0\n{body}\n"
    path = tmp_path / "package.tar.gz"
    with tarfile.open(path, "w:gz") as made:
        for name, text in files.items():
            member = tarfile.TarInfo(f"qmllib-1.2.0/tests/assets/{name}")
            member.size = len(text)
            made.addfile(member, io.BytesIO(text.encode()))
    return path


def test_the_package_is_read(archive: Path) -> None:
    data = molecules(archive)
    assert data.reference.tolist() == [-10.0, -20.0]
    assert data.cheap.tolist() == [-9.0, -18.5]
    assert data.points.shape == (2, FEATURES + 1)
    assert data.points[0, 1] == pytest.approx(8 / 0.9)
    assert data.points[1, 1] == pytest.approx(8 / 1.8)


def test_the_difference_is_what_the_cheap_level_lacks(archive: Path) -> None:
    """A molecule unlike all others is predicted as the cheap level has it; the plain model says zero."""
    data = molecules(archive)
    far = data.points[:1] + 1e9
    far[0, -1] = -7.0
    predicted = {name: model(data.points, data.reference, far)[0] for name, model in MODELS.items()}
    assert predicted["direct"] == pytest.approx(0.0, abs=1e-9)
    assert predicted["difference"] == pytest.approx(-7.0)
    again = MODELS["difference"](data.points, data.reference, data.points)
    assert np.allclose(again, data.reference, rtol=1e-6)
