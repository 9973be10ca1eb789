"""One row for each implementation: how the conformance suites make it. A class without a row fails a test."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from ase.neighborlist import neighbor_list
from tests.acquisition.drawn import DrawnBeliefs
from tests.acquisition.gaussian import WavyBelief

from assay.acquisition.abstract import AbstractAcquisition
from assay.acquisition.barrier import Barrier
from assay.acquisition.exploration import LogInside, LogTotalUncertainty, LogVarianceReduction
from assay.acquisition.hypervolume import (
    LogExpectedHypervolumeImprovement,
    LogNoisyHypervolumeImprovement,
    LogSampledHypervolumeImprovement,
)
from assay.acquisition.hypervolume_gain import BoxStack
from assay.acquisition.improvement import (
    LogConfidenceBound,
    LogExpectedImprovement,
    LogProbabilityBelow,
    LogUncertainty,
)
from assay.acquisition.product import LogProduct
from assay.acquisition.sampled import (
    SampledConfidenceBound,
    SampledImprovement,
    SampledProbabilityBelow,
    SampledProbabilityInside,
    SampledUncertainty,
)
from assay.acquisition.spread_variance import BatchUncertainty, LogSpreadVariance, SpreadVariance
from assay.acquisition.surprise import LogSurprise
from assay.atoms.campaign.driver import HyperactiveLearning
from assay.atoms.descriptors.adapted import AdaptedDescriptor, FeatureDerivatives
from assay.atoms.descriptors.body_ordered import BodyOrderedDescriptor
from assay.discovery.engines import DeterministicEngine, OperonEngine
from assay.discovery.pysr import PySREngine
from assay.drivers.abstract import AbstractDriver
from assay.drivers.active_learning import ActiveLearning
from assay.drivers.differential_evolution import DifferentialEvolution
from assay.drivers.evolution_strategy import CMAES
from assay.drivers.exploration import AdaptiveSampling
from assay.drivers.law_search import LawSearch
from assay.drivers.presets import BayesianOptimization, Preset
from assay.drivers.random_search import RandomSearch
from assay.drivers.scipy_least_squares import ScipyLeastSquares
from assay.drivers.scipy_minimizer import ScipyMinimizer
from assay.executors.abstract import AbstractEvaluator, AbstractExecutor
from assay.executors.adapter import FuturesExecutor
from assay.executors.command import CommandEvaluator
from assay.executors.distributed import DaskExecutor
from assay.executors.distributed_worker import IsolatedEvaluator, own_folders
from assay.executors.evaluators import PythonEvaluator
from assay.executors.local import LocalExecutor, setup_of
from assay.executors.responses import NamedResponses
from assay.executors.script import ScriptEvaluator
from assay.executors.serial import SerialExecutor
from assay.numerics.coordinates import Coordinates
from assay.numerics.discrepancy import CentredDiscrepancy
from assay.numerics.hypervolume import non_dominated_boxes
from assay.numerics.input_maps import Formula, FormulaMap, SpaceMap
from assay.quantities.chi_squared import ChiSquaredValue
from assay.quantities.graph import Graph
from assay.quantities.parameters import Parameters
from assay.quantities.quantity import Quantity
from assay.quantities.selector import SelectedOutput
from assay.quantities.source import Source
from assay.space.space import Space
from assay.store.abstract import AbstractStore
from assay.store.location import open_store
from assay.store.memory import MemoryStore
from assay.store.sql import SqlStore
from assay.surrogates.abstract import AbstractSurrogate
from assay.surrogates.averaged_gaussian_process import AveragedGaussianProcess
from assay.surrogates.dataset import Dataset
from assay.surrogates.feature_maps import PolynomialFeatures, RandomFourierFeatures
from assay.surrogates.gaussian_process import GaussianProcess
from assay.surrogates.kernel_ridge import KernelRidge
from assay.surrogates.kernels.stationary import gaussian
from assay.surrogates.linear import BayesianLinear
from assay.surrogates.neural_ensemble import NeuralEnsemble
from assay.surrogates.outliers import OutlierDetector
from assay.surrogates.smoothed import SmoothedGaussianProcess
from assay.surrogates.transformed import TransformedSurrogate
from assay.surrogates.variance_reduction import VarianceReduction
from assay.testing.surrogate_suite import example_data

__all__ = ["ACQUISITIONS", "DESCRIPTORS", "DRIVERS", "EVALUATORS", "EXECUTORS", "STORES", "SURROGATES"]


def _quantity() -> SelectedOutput:
    surrogate, data = GaussianProcess(noise="none", warping="identity"), example_data()
    state = surrogate.fit(data, None, np.random.default_rng(1)).state
    return SelectedOutput(surrogate.posterior(data, state))


def _chi_squared() -> tuple[Quantity, np.ndarray]:
    """A quantity that is not Gaussian, and normals for its draws."""
    space = Space.from_data([{"name": name, "domain": [0, 1]} for name in "xy"])
    graph = Graph(
        {"loss": Source(_quantity().posterior)},
        {"chi2": ChiSquaredValue("chi2", "loss", np.array([0.3]), np.ones(1))},
        Parameters(Coordinates.of(space)),
    )
    return Quantity(graph, "chi2"), np.random.default_rng(3).standard_normal((32, 1))


def _command(folder: Path) -> CommandEvaluator:
    script = "import sys; x = float(sys.argv[1]); print('result', x * x) if x >= 0 else sys.exit(3)"
    argv = [sys.executable, "-c", script, "{{x}}"]
    return CommandEvaluator(argv, {"stdout": True, "regex": "result (.*)"}, working_directory=folder)


def _script(folder: Path) -> ScriptEvaluator:
    script = folder / "square.py"
    script.write_text(
        "# ASSAY PARAMETERS START\n"
        "from assay import create_parameters\n"
        'parameters = create_parameters(["x"], [-1.0], [1.0])\n'
        "# ASSAY PARAMETERS END\n"
        'x = parameters["value"]["x"]\n'
        "assert x >= 0\n"
        "response = x * x\n"
    )
    return ScriptEvaluator(script, working_directory=folder)


def _boxes() -> BoxStack:
    front = np.array([[-0.5, 0.4], [0.5, -0.5]])
    return BoxStack.of([non_dominated_boxes(front, np.full(2, -3.0), np.full(2, 2.0))])


def _noisy_front() -> LogNoisyHypervolumeImprovement:
    data = example_data()
    state = GaussianProcess.state(np.full(2, 0.5), 0.05)
    quantity = SelectedOutput(GaussianProcess().posterior(data, state))
    references = np.full(2, -3.0), np.full(2, 2.0)
    looks, generator = data.points[:5], np.random.default_rng(1)
    return LogNoisyHypervolumeImprovement.of((quantity, quantity), looks, *references, 8, generator)


def _sampled_front() -> LogSampledHypervolumeImprovement:
    beliefs = DrawnBeliefs((WavyBelief(), WavyBelief(-1.0)))
    normal = np.random.default_rng(2).standard_normal((32, 2))
    return LogSampledHypervolumeImprovement((beliefs,), normal, _boxes(), np.full(2, 0.05))


def _reduction() -> LogVarianceReduction:
    references = np.random.default_rng(4).random((20, 2))
    part = VarianceReduction.of(_quantity().posterior.blocks[0][1], references)
    return LogVarianceReduction((part, part), np.array([1.0, 2.0]))


def _surprise() -> LogSurprise:
    generator = np.random.default_rng(7)
    points = generator.random((12, 2))
    data = Dataset.of(points, np.stack([np.sin(5.0 * points[:, 0]), points.prod(axis=1)], axis=1))
    fitted = NeuralEnsemble(members=3, hidden_widths=(8,), steps=20).fit(data, None, generator)
    looked = fitted.posterior.condition_on_inputs(np.array([[0.3, 0.6]]))
    return LogSurprise(looked, np.array([0, 1]))


def _spread_variance() -> LogSpreadVariance:
    posterior = _quantity().posterior
    uncertainty = BatchUncertainty.of([posterior], np.empty((0, 2)), 1e-6)
    spread = CentredDiscrepancy(example_data().points, np.zeros(2, dtype=int))
    return LogSpreadVariance(SpreadVariance(spread, 2, uncertainty))


def _transformed() -> TransformedSurrogate:
    space = Space.from_data([{"name": "x", "domain": [0, 1]}, {"name": "y", "domain": [0, 1]}])
    names = ("x", "y")
    seen = {"s": Formula.of("x + y", names, "s"), "t": Formula.of("exp(x) - y^2", names, "t")}
    bounds = np.array([[0.0, 0.0], [2.0, 3.0]])
    return TransformedSurrogate(
        GaussianProcess(noise="none", warping="identity"),
        FormulaMap(SpaceMap(Coordinates.of(space)), seen, bounds),
    )


SURROGATES: dict[str, tuple[type, Callable[[], AbstractSurrogate]]] = {
    "exact": (GaussianProcess, lambda: GaussianProcess(noise="none", warping="identity")),
    "noisy": (GaussianProcess, lambda: GaussianProcess(noise="fit", warping="identity")),
    "warped": (GaussianProcess, lambda: GaussianProcess(noise="none", warping="auto")),
    "outputs alone": (GaussianProcess, lambda: GaussianProcess(joint_hyperparameters=False)),
    "outputs correlated": (GaussianProcess, lambda: GaussianProcess(correlate_outputs=True)),
    "robust": (GaussianProcess, lambda: GaussianProcess(outlier_detector=OutlierDetector())),
    "kernel ridge": (KernelRidge, KernelRidge),
    "kernel ridge through few": (KernelRidge, lambda: KernelRidge(gaussian((0.5, 0.5)), inducing=25)),
    "kernel ridge cross-validated": (KernelRidge, lambda: KernelRidge(criterion="cross_validation")),
    "transformed": (TransformedSurrogate, _transformed),
    "smoothed": (
        SmoothedGaussianProcess,
        lambda: SmoothedGaussianProcess(GaussianProcess(mean="quadratic"), (0.02, 0.0)),
    ),
    "averaged": (AveragedGaussianProcess, lambda: AveragedGaussianProcess(GaussianProcess(), pairs=2)),
    "averaged, outputs alone": (
        AveragedGaussianProcess,
        lambda: AveragedGaussianProcess(GaussianProcess(joint_hyperparameters=False), pairs=2),
    ),
    "polynomials": (BayesianLinear, lambda: BayesianLinear(PolynomialFeatures(6))),
    "random features": (BayesianLinear, lambda: BayesianLinear(RandomFourierFeatures(120), noise="none")),
    "networks": (
        NeuralEnsemble,
        lambda: NeuralEnsemble(members=4, hidden_widths=(16, 16), steps=100, warm_steps=40),
    ),
}

ACQUISITIONS: dict[str, tuple[type, Callable[[], AbstractAcquisition]]] = {
    "expected improvement": (LogExpectedImprovement, lambda: LogExpectedImprovement(_quantity(), -0.5)),
    "probability": (LogProbabilityBelow, lambda: LogProbabilityBelow(_quantity(), -0.5, noise_variance=0.1)),
    "confidence bound": (LogConfidenceBound, lambda: LogConfidenceBound(_quantity(), -0.5)),
    "uncertainty": (LogUncertainty, lambda: LogUncertainty(_quantity())),
    "total uncertainty": (
        LogTotalUncertainty,
        lambda: LogTotalUncertainty(_chi_squared()[0], np.array([0]), np.array([0.5])),
    ),
    "hypervolume": (
        LogExpectedHypervolumeImprovement,
        lambda: LogExpectedHypervolumeImprovement((_quantity(), WavyBelief()), _boxes()),
    ),
    "noisy hypervolume": (LogNoisyHypervolumeImprovement, _noisy_front),
    "sampled hypervolume": (LogSampledHypervolumeImprovement, _sampled_front),
    "sampled improvement": (
        SampledImprovement,
        lambda: SampledImprovement(_chi_squared()[0], 0.1, _chi_squared()[1], 1e-2),
    ),
    "sampled probability": (
        SampledProbabilityBelow,
        lambda: SampledProbabilityBelow(_chi_squared()[0], 0.1, _chi_squared()[1], 1e-2),
    ),
    "sampled probability inside": (
        SampledProbabilityInside,
        lambda: SampledProbabilityInside(_chi_squared()[0], (0.05, 0.2), _chi_squared()[1], 1e-2),
    ),
    "sampled bound": (
        SampledConfidenceBound,
        lambda: SampledConfidenceBound(_chi_squared()[0], 0.1, _chi_squared()[1], 1e-2, 1.0),
    ),
    "sampled uncertainty": (
        SampledUncertainty,
        lambda: SampledUncertainty(*_chi_squared()),
    ),
    "variance reduction": (LogVarianceReduction, _reduction),
    "surprise": (LogSurprise, _surprise),
    "spread and variance": (LogSpreadVariance, _spread_variance),
    "barrier": (Barrier, lambda: Barrier(LogUncertainty(_quantity()), 5.0)),
    "inside": (LogInside, lambda: LogInside(np.array([0.2, 0.4]), np.array([0, 1]))),
    "product": (
        LogProduct,
        lambda: LogProduct((LogExpectedImprovement(_quantity(), 0.0), LogProbabilityBelow(_quantity(), 0.5))),
    ),
}


def _isolated() -> IsolatedEvaluator:
    evaluator = PythonEvaluator("assay.testing.models:square_of_positive")
    return IsolatedEvaluator("conformance", setup_of(evaluator, None, None), own_folders())


EXECUTORS: dict[str, tuple[type, Callable[[AbstractEvaluator], AbstractExecutor]]] = {
    "serial": (SerialExecutor, SerialExecutor),
    "local": (LocalExecutor, lambda evaluator: LocalExecutor(evaluator, workers=1)),
    "dask": (DaskExecutor, lambda evaluator: DaskExecutor(evaluator, workers=1)),
    "futures": (FuturesExecutor, lambda evaluator: FuturesExecutor(evaluator, ThreadPoolExecutor(2), 2)),
}

EVALUATORS: dict[str, tuple[type, Callable[[Path], AbstractEvaluator]]] = {
    "command": (CommandEvaluator, _command),
    "isolated": (IsolatedEvaluator, lambda _: _isolated()),
    "named": (
        NamedResponses,
        lambda _: NamedResponses(PythonEvaluator("assay.testing.models:square_of_positive"), ["square"]),
    ),
    "script": (ScriptEvaluator, _script),
    "python": (PythonEvaluator, lambda _: PythonEvaluator("assay.testing.models:square_of_positive")),
}

STORES: dict[str, tuple[type, Callable[[Path], AbstractStore]]] = {
    "memory": (MemoryStore, lambda _: MemoryStore()),
    "sqlite": (SqlStore, lambda folder: open_store(folder / "study.assay.db")),
}

_SMALL_SEARCH = {"num_initial": 8, "binary_operators": ["+", "*"], "unary_operators": []}
DRIVERS: dict[str, tuple[type, Callable[[dict[str, Any]], AbstractDriver]]] = {
    "active learning": (ActiveLearning, ActiveLearning.from_data),
    "adaptive sampling": (AdaptiveSampling, AdaptiveSampling.from_data),
    "Bayesian optimisation": (Preset, BayesianOptimization.from_data),
    "CMA-ES": (CMAES, CMAES.from_data),
    "differential evolution": (DifferentialEvolution, DifferentialEvolution.from_data),
    "search for a law": (LawSearch, lambda data: LawSearch.from_data({**_SMALL_SEARCH, **data})),
    "random search": (RandomSearch, RandomSearch.from_data),
    "SciPy's least squares": (ScipyLeastSquares, ScipyLeastSquares.from_data),
    "SciPy's minimisers": (ScipyMinimizer, ScipyMinimizer.from_data),
}

WRITERS: dict[str, tuple[type, Callable[[dict[str, Any]], AbstractDriver]]] = {
    "hyperactive learning": (HyperactiveLearning, HyperactiveLearning.from_data),
}

ENGINES = {
    "linear algebra": (DeterministicEngine, DeterministicEngine),
    "pyoperon": (OperonEngine, OperonEngine),
    "PySR": (PySREngine, PySREngine),
}


def _pair_sums(atoms: Any) -> FeatureDerivatives:
    """Of each atom: the sums over its neighbours, with periodic images, of exp(-r²) and exp(-r² / 2)."""
    centres, neighbours, vectors = neighbor_list("ijD", atoms, 9.0)
    decays = np.array([1.0, 0.5])
    terms = np.exp(-decays * (vectors**2).sum(axis=1)[:, None])
    slopes = -2.0 * decays * vectors[:, :, None] * terms[:, None, :]
    values, positions = np.zeros((len(atoms), 2)), np.zeros((len(atoms), 3, 2))
    np.add.at(values, centres, terms)
    np.add.at(positions, neighbours, slopes)
    np.add.at(positions, centres, -slopes)
    return FeatureDerivatives(values, positions, np.einsum("pa,pbn->abn", vectors, slopes))


DESCRIPTORS: dict[str, tuple[type, Callable[[], Any]]] = {
    "body-ordered": (
        BodyOrderedDescriptor,
        lambda: BodyOrderedDescriptor(
            ("H", "O"),
            {("H", "H"): 3.0, ("O", "H"): 3.4, ("O", "O"): 3.7},
            4.0,
            radial_count=2,
            angular_count=3,
            pair_count=3,
            cubic_count=1,
            coupled_count=1,
        ),
    ),
    "adapted": (AdaptedDescriptor, lambda: AdaptedDescriptor(("H", "O"), 2, _pair_sums)),
}
