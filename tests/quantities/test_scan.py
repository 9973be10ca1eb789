"""Scans: a selector of shifted points, its names, its order, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from assay.errors import UsageError
from assay.numerics.coordinates import Coordinates
from assay.quantities.graph import Graph
from assay.quantities.parameters import Parameters
from assay.quantities.quantity import Quantity
from assay.quantities.scan import Scan, ScanPlan, plan_scans
from assay.space.space import Space
from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.gaussian_process_posterior import GaussianProcessPosterior

COORDINATES = Coordinates.of(
    Space.from_data(
        [{"name": "x", "domain": [0, 2]}, {"name": "angle", "domain": [0, 90]}],
        [{"name": "length", "type": "variable", "domain": [10, 1000]}],
    )
)
POINTS = np.random.default_rng(4).random((6, 3))
NAMES = {"loss": ("a", "b")}


def posterior() -> GaussianProcessPosterior:
    points = np.random.default_rng(0).random((12, 3))
    values = np.stack(
        [np.sin(5.0 * points[:, 0]) + points[:, 1], np.exp(points[:, 1] - points[:, 2])], axis=1
    )
    recipe = GaussianProcess(noise="none", mean="linear")
    return recipe.fit(Dataset.of(points, values), None, np.random.default_rng(1)).posterior


def plan(**scans: Scan) -> ScanPlan:
    return plan_scans(NAMES, scans, COORDINATES)


def graph(belief: GaussianProcessPosterior, planned: ScanPlan) -> Graph:
    return Graph(planned.sources({"loss": belief}), planned.variables, Parameters(COORDINATES))


SPECTRUM = Scan("loss", ("angle", "length"), ((0.0, 10.0), (45.0, 505.0), (90.0, 10.0)))
UNIT = np.array([[0.0, 0.0], [0.5, 0.5], [1.0, 0.0]])


def test_a_scan_is_the_surrogate_at_the_shifted_points() -> None:
    belief = posterior()
    nodes = graph(belief, plan(spectrum=SPECTRUM))
    mean, covariance = Quantity(nodes, "spectrum").mean_covariance(POINTS)
    for place, point in enumerate(POINTS):
        shifted = np.repeat(point[None], 3, axis=0)
        shifted[:, 1:] = UNIT
        expected_mean, expected = belief.joint(shifted)
        np.testing.assert_allclose(mean[place], expected_mean.T.ravel(), rtol=1e-9)
        np.testing.assert_allclose(covariance[place, :3, :3], expected[0], rtol=1e-6, atol=1e-12)
        np.testing.assert_allclose(covariance[place, 3:, 3:], expected[1], rtol=1e-6, atol=1e-12)
        assert (covariance[place, :3, 3:] == 0.0).all()


def test_the_surrogate_itself_keeps_its_name_and_is_drawn_jointly() -> None:
    """A scan that shares its place with the point is equal to it, draw by draw."""
    belief, place = posterior(), Scan("loss", ("angle",), ((45.0,), (9.0,)))
    nodes = graph(belief, plan(profile=place))
    loss, profile = Quantity(nodes, "loss"), Quantity(nodes, "profile")
    assert loss.output_names == ("a", "b")
    assert profile.output_names == ("profile0", "profile1", "profile2", "profile3")
    at = POINTS.copy()
    at[:, 1] = 0.5
    for mine, theirs in zip(loss.mean_variance(at), belief.mean_variance(at), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-9)
    normal = np.random.default_rng(0).standard_normal((7, loss.normal_dimension))
    scale = np.sqrt(loss.mean_variance(at)[1]).max()
    np.testing.assert_allclose(
        loss.draw(at, normal), profile.draw(at, normal)[..., [0, 2]], rtol=0, atol=1e-4 * scale
    )


def test_scans_share_places_and_independent_ones_share_nothing() -> None:
    alone = Scan("loss", ("angle",), ((30.0,), (30.5,)), correlate_outputs=False)
    both = Scan("loss", ("angle",), ((30.0,), (30.5,)))
    planned = plan(one=both, two=alone, three=Scan("loss", ("angle",), ((30.5,),)))
    assert len(planned.placements["loss"]) == 1 + 2 + 2
    nodes = graph(posterior(), planned)
    together = Quantity(nodes, "one").mean_covariance(POINTS)[1]
    apart = Quantity(nodes, "two").mean_covariance(POINTS)[1]
    np.testing.assert_allclose(np.einsum("pkk->pk", together), np.einsum("pkk->pk", apart), rtol=1e-12)
    correlation = together[:, 0, 1] / np.sqrt(together[:, 0, 0] * together[:, 1, 1])
    assert (correlation > 0.99).all()
    assert (apart[:, 0, 1] == 0.0).all()


def test_without_scans_the_surrogate_is_its_own_source() -> None:
    planned = plan()
    assert planned.variables == {}
    assert list(planned.sources({"loss": posterior()})) == ["loss"]


@pytest.mark.parametrize(
    ("scan", "text"),
    [
        (Scan("gain", ("angle",), ((1.0,),)), "input_surrogate of the variable 'v' must be one of loss"),
        (Scan("loss", ("width",), ((1.0,),)), "'width'"),
        (Scan("loss", ("angle",), ((91.0,),)), "may scan 'angle' from 0 to 90, got 91.0"),
        (
            Scan("loss", ("angle", "x"), ((1.0,),)),
            r"scan_values\[0\] of the variable 'v' needs a value for each",
        ),
        (Scan("loss", ("angle",), ((1.0,),), output_names=("a",)), "needs 2 output names, got 1"),
    ],
)
def test_what_is_refused(scan: Scan, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        plan(v=scan)
