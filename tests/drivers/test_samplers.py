"""Samplers: exactly as many points as are wanted, in the space, never twice, and better than chance at what they are for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
import pytest

from assay.acquisition.spread_variance import BatchUncertainty
from assay.drivers.exploration import AdaptiveSampling
from assay.drivers.samplers import sampler_of
from assay.drivers.samplers_abstract import AbstractSampler, SamplingTask
from assay.drivers.samplers_discrepancy_variance import DiscrepancyVariance
from assay.drivers.samplers_space_filling import RULES, SpaceFilling
from assay.errors import ConfigurationError
from assay.numerics.coordinates import Coordinates
from assay.numerics.discrepancy import CentredDiscrepancy
from assay.numerics.energy_distance import EnergyDistance
from assay.numerics.feasibility import FeasibleSet
from assay.space.parameters import Categorical, Continuous, Discrete, EnvironmentVariable, Integer
from assay.space.space import Space
from assay.surrogates.abstract import AbstractPosterior
from assay.surrogates.dataset import Dataset
from assay.surrogates.gaussian_process import GaussianProcess

SAMPLERS = [sampler_of(name) for name in ("DiscrepancyVariance", *RULES)]
SQUARE = [Continuous("x", (-1.0, 1.0)), Continuous("y", (1.0, 100.0), log=True)]
MIXED = [*SQUARE, Integer("n", (1, 4)), Discrete("d", [1, 2, 10]), Categorical("c", ["a", "b", "c"])]
EDGE = [{"name": "edge", "expression": "x + y / 100 <= 0.5"}]

each_sampler = pytest.mark.parametrize(
    "sampler", SAMPLERS, ids=lambda sampler: sampler.configuration()["type"]
)


def task_of(
    parameters: Sequence[Any],
    placed: np.ndarray | None = None,
    constraints: Sequence[Any] = (),
    posteriors: Sequence[AbstractPosterior] = (),
    number: int = 0,
    seed: int = 3,
) -> SamplingTask:
    """A task in a space with one environment parameter, which stands at 0.25."""
    space = Space.from_data(parameters, [EnvironmentVariable("t", (0.0, 1.0))], constraints)
    coordinates = Coordinates.of(space)
    if placed is None:
        placed = np.empty((0, coordinates.dimension))
    feasible = FeasibleSet.of(space, coordinates)
    return SamplingTask(
        coordinates, feasible, np.array([0.25]), placed, seed, number or len(placed), posteriors
    )


def model_of(points: np.ndarray, categories: tuple[int, ...] = ()) -> AbstractPosterior:
    values = np.sin(3.0 * points[:, :1]) + points[:, 1:2] ** 2
    recipe = GaussianProcess(noise="none", restarts=0, categories=categories)
    return recipe.fit(Dataset.of(points, values), None, np.random.default_rng(0)).posterior


def check(task: SamplingTask, points: np.ndarray, count: int) -> None:
    assert points.shape == (count, task.coordinates.dimension)
    np.testing.assert_allclose(task.coordinates.snap(points), points, atol=1e-12)
    assert (points[:, -1] == 0.25).all()
    for point in points:
        assert task.coordinates.space.is_feasible(task.coordinates.decode(point))
    everything = np.concatenate([task.placed, points])
    assert len(np.unique(everything, axis=0)) == len(everything)


@each_sampler
@pytest.mark.parametrize("count", [1, 8, 10, 20, 27, 30])
def test_as_many_points_as_are_wanted(sampler: AbstractSampler, count: int) -> None:
    task = task_of([*SQUARE, Continuous("z", (0.0, 1.0))])
    points = sampler.propose(task, count)
    check(task, points, count)
    np.testing.assert_array_equal(points, sampler.propose(task, count))


@each_sampler
@pytest.mark.parametrize("constraints", [(), EDGE], ids=["box", "constrained"])
@pytest.mark.parametrize("parameters", [SQUARE, MIXED], ids=["numbers", "mixed"])
def test_two_calls_in_a_row_never_repeat(
    sampler: AbstractSampler, parameters: list[Any], constraints: list[Any]
) -> None:
    first_task = task_of(parameters, constraints=constraints)
    first = sampler.propose(first_task, 7)
    check(first_task, first, 7)
    categories = tuple(map(int, np.flatnonzero(first_task.coordinates.is_category)))
    models = [model_of(first, categories)] if sampler.uses_models else []
    for count in (1, 6):
        task = task_of(parameters, first, constraints, models)
        check(task, sampler.propose(task, count), count)


@each_sampler
def test_a_space_with_no_more_points_repeats_some(sampler: AbstractSampler) -> None:
    task = task_of([Integer("a", (0, 2)), Categorical("b", ["u", "v"])])
    points = sampler.propose(task, 9)
    assert points.shape == (9, 3)
    assert len(np.unique(points, axis=0)) == 6


@each_sampler
def test_a_sampler_is_its_configuration(sampler: AbstractSampler) -> None:
    data = sampler.configuration()
    assert sampler_of(data) == sampler
    assert sampler_of(data["type"]) == sampler
    assert sampler_of(sampler) is sampler


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("Nonsense", "key 'sampler.type' must be one of 'DiscrepancyVariance', 'Sobol', .* got 'Nonsense'"),
        ({"type": "Sobol", "size": 3}, "the driver has no key 'sampler.size', got 3 for it"),
        ({"weight": -1.0}, "key 'sampler.weight': input should be greater than or equal to 0, got -1.0"),
    ],
)
def test_what_no_sampler_knows_is_refused(given: Any, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        sampler_of(given)
    with pytest.raises(ConfigurationError, match=sentence):
        AdaptiveSampling.from_data({"sampler": given})


def test_every_rule_has_a_name_and_every_name_a_rule() -> None:
    assert set(get_args(SpaceFilling.model_fields["type"].annotation)) == set(RULES)


@pytest.mark.parametrize(
    "sampler",
    [sampler_of("Sobol"), sampler_of("Halton")],
    ids=lambda sampler: sampler.configuration()["type"],
)
def test_a_sequence_goes_on(sampler: AbstractSampler) -> None:
    whole = sampler.propose(task_of(SQUARE), 12)
    first = sampler.propose(task_of(SQUARE), 5)
    rest = sampler.propose(task_of(SQUARE, first), 7)
    np.testing.assert_array_equal(np.concatenate([first, rest]), whole)


def test_a_latin_hypercube_is_extended() -> None:
    first = sampler_of("LatinHypercube").propose(task_of(SQUARE), 6)
    second = sampler_of("LatinHypercube").propose(task_of(SQUARE, first), 6)
    # The first lie in different twelfths already, so that together they are a Latin hypercube of twelve.
    for column in range(2):
        parts = np.floor(12 * np.concatenate([first, second])[:, column]).astype(int)
        assert len(set(parts)) == 12


def test_a_grid_of_a_power_has_all_corners_and_middles() -> None:
    points = sampler_of("Grid").propose(task_of(SQUARE), 9)[:, :2]
    assert sorted(map(tuple, points)) == [(a, b) for a in (0.0, 0.5, 1.0) for b in (0.0, 0.5, 1.0)]


def test_maximin_keeps_farther_apart_than_a_latin_hypercube() -> None:
    def least(points: np.ndarray) -> float:
        distances = np.linalg.norm(points[:, None] - points, axis=2)
        return float(distances[~np.eye(len(points), dtype=bool)].min())

    task = task_of(SQUARE)
    # The best known for 10 points in the square is 0.4213 (packomania.com).
    assert 0.95 * 0.4213 < least(sampler_of("Maximin").propose(task, 10)) <= 0.42128
    assert least(sampler_of("LatinHypercube").propose(task, 10)) < 0.3


def test_labels_and_levels_are_counted_evenly() -> None:
    task = task_of(MIXED)
    first = DiscrepancyVariance().propose(task, 5)
    later = task_of(MIXED, first, posteriors=[model_of(first, (4,))])
    points = np.concatenate([first, DiscrepancyVariance().propose(later, 7)])
    for column, size in ((2, 4), (4, 3)):
        _, counts = np.unique(points[:, column], return_counts=True)
        assert len(counts) == size
    assert np.unique(points[:, 4], return_counts=True)[1].tolist() == [4, 4, 4]


def test_a_batch_beside_others_is_more_even_than_one_that_does_not_know_them() -> None:
    first = DiscrepancyVariance().propose(task_of(SQUARE), 10)
    beside = CentredDiscrepancy(first[:, :2], np.zeros(2, dtype=int))
    knowing = DiscrepancyVariance().propose(task_of(SQUARE, first), 10)
    assert beside.value(knowing[:, :2]) < 0.5 * beside.value(first[:, :2])
    sequence = sampler_of("Sobol").propose(task_of(SQUARE), 20)[:, :2]
    alone = CentredDiscrepancy(sequence[:0], np.zeros(2, dtype=int))
    assert beside.value(knowing[:, :2]) < 0.8 * alone.value(sequence)


@pytest.mark.parametrize("seed", range(3))
def test_in_a_constrained_space_a_batch_is_closer_to_the_whole_space_than_a_sequence(seed: int) -> None:
    task = task_of(SQUARE, constraints=EDGE, seed=seed)
    everywhere = np.column_stack([np.random.default_rng(9).random((4000, 2)), np.full(4000, 0.25)])
    reference = everywhere[task.feasible.contains(everywhere), :2]
    first = DiscrepancyVariance().propose(task, 12)
    beside = task_of(SQUARE, first, EDGE, seed=seed)
    batches = (first, DiscrepancyVariance().propose(beside, 8))
    sequences = sampler_of("Sobol").propose(task, 12), sampler_of("Sobol").propose(beside, 8)
    for placed, ours, theirs in zip((first[:0], first), batches, sequences, strict=True):
        distance = EnergyDistance(reference, placed[:, :2], np.zeros(2, dtype=int))
        assert distance.value(ours[:, :2]) < 0.7 * distance.value(theirs[:, :2])


def test_in_a_constrained_space_labels_and_levels_are_counted_evenly() -> None:
    first = DiscrepancyVariance().propose(task_of(MIXED, constraints=EDGE), 5)
    points = np.concatenate([first, DiscrepancyVariance().propose(task_of(MIXED, first, EDGE), 7)])
    assert np.unique(points[:, 4], return_counts=True)[1].tolist() == [4, 4, 4]
    assert np.unique(points[:, 2], return_counts=True)[1].min() >= 2  # of 12 on four levels


@pytest.mark.parametrize("constraints", [(), EDGE], ids=["box", "constrained"])
def test_a_batch_goes_where_the_model_knows_least(constraints: list[Any]) -> None:
    generator = np.random.default_rng(1)
    placed = np.column_stack([0.4 * generator.random((12, 2)), np.full(12, 0.25)])
    model = model_of(placed)
    task = task_of(SQUARE, placed, constraints, [model])
    points = DiscrepancyVariance().propose(task, 4)
    check(task, points, 4)
    even = DiscrepancyVariance(weight=0.0).propose(task, 4)

    def unknown(batch: np.ndarray) -> float:
        return float(np.linalg.slogdet(model.joint(batch)[1][0])[1])

    assert unknown(points) > unknown(even)


def test_a_batch_weighs_ignorance_more_the_larger_it_is() -> None:
    """With w (n + 1)/2 in place of w, as points that are chosen one by one do."""
    placed = np.column_stack([np.random.default_rng(1).random((8, 2)), np.full(8, 0.25)])
    task = task_of(SQUARE, placed, posteriors=[model_of(placed)])
    batch, plain = (
        DiscrepancyVariance().propose(task, 4),
        DiscrepancyVariance(weight=1 / 2.5).propose(task, 4),
    )

    def evenness(points: np.ndarray) -> float:
        return CentredDiscrepancy(placed[:, :2], np.zeros(2, dtype=int)).value(points[:, :2])

    assert evenness(plain) < evenness(batch)
    covariance = BatchUncertainty.of([model_of(placed)], np.empty((0, 3)), 1e-6)
    worth = [
        np.log(evenness(points)) - 2.5 * covariance.value_gradient(points)[0] for points in (batch, plain)
    ]
    assert worth[0] < worth[1]  # what is minimised, with the weight that is meant


def test_one_point_after_another_is_about_as_good_as_a_batch() -> None:
    placed = np.column_stack([np.random.default_rng(1).random((8, 2)), np.full(8, 0.25)])
    model = model_of(placed)
    batch = DiscrepancyVariance(weight=2 / 5).propose(task_of(SQUARE, placed, posteriors=[model]), 4)
    single, known = placed, model
    for _ in range(4):
        point = DiscrepancyVariance().propose(task_of(SQUARE, single, posteriors=[known]), 1)
        single, known = np.concatenate([single, point]), known.condition_on_inputs(point)

    def worth(points: np.ndarray) -> float:
        evenness = CentredDiscrepancy(placed[:, :2], np.zeros(2, dtype=int)).value(points[:, :2])
        return np.log(evenness) - np.linalg.slogdet(model.joint(points)[1][0])[1] / len(points)

    assert worth(batch) < worth(single[8:]) + 0.02
