"""The tables of keys in the manual, made from the schemas: `python tests/schema_tables.py` writes them anew."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from assay.acquisition.configuration import (
    AcquisitionFunction,
    AcquisitionOptimizer,
    Constrainer,
    Explorer,
    Minimizer,
    MultiMinimizer,
    ParameterUncertainty,
)
from assay.atoms.campaign.configuration import (
    BarostatEntry,
    BiasEntry,
    CellMovesEntry,
    DescriptorEntry,
    DynamicsEntry,
    FitEntry,
    HyperactiveLearningConfiguration,
    SelectionEntry,
    SwapsEntry,
    WallEntry,
)
from assay.drivers.configuration import ActiveLearningConfiguration
from assay.drivers.differential_evolution import DifferentialEvolutionConfiguration
from assay.drivers.evolution_strategy import CMAESConfiguration
from assay.drivers.exploration import AdaptiveSamplingConfiguration
from assay.drivers.law_search import LawSearchConfiguration
from assay.drivers.presets import (
    BayesianLeastSquaresConfiguration,
    BayesianOptimizationConfiguration,
    BayesianReconstructionConfiguration,
)
from assay.drivers.random_search import RandomSearchConfiguration
from assay.drivers.samplers_discrepancy_variance import DiscrepancyVariance
from assay.drivers.scipy_least_squares import ScipyLeastSquaresConfiguration
from assay.drivers.scipy_minimizer import ScipyMinimizerConfiguration
from assay.quantities.configuration import (
    ChiSquaredValue,
    Collector,
    ErrorModel,
    Expression,
    Fit,
    Interpolation,
    LinearCombination,
    MultiSelector,
    NegLogProbability,
    ParameterDistribution,
    Scan,
    SingleSelector,
)
from assay.study.configuration import StudyConfiguration
from assay.surrogates.configuration import (
    GP,
    NN,
    CovarianceMatrix,
    ExpressionParameter,
    Kernel,
    Linear,
    MappingParameter,
    OutlierDetector,
    Transformation,
)

DOCS = Path(__file__).parents[1] / "docs"
MODELS: dict[str, type[BaseModel]] = {
    model.__name__: model
    for model in (
        StudyConfiguration,
        ActiveLearningConfiguration,
        *(GP, Kernel, OutlierDetector, CovarianceMatrix, NN, Linear),
        *(Transformation, ExpressionParameter, MappingParameter),
        *(
            SingleSelector,
            MultiSelector,
            Collector,
            LinearCombination,
            ChiSquaredValue,
            NegLogProbability,
            ErrorModel,
        ),
        *(Expression, Interpolation, Scan, Fit, ParameterDistribution),
        *(Minimizer, MultiMinimizer, Explorer, Constrainer),
        *(AcquisitionFunction, ParameterUncertainty, AcquisitionOptimizer),
        *(
            BayesianOptimizationConfiguration,
            BayesianLeastSquaresConfiguration,
            BayesianReconstructionConfiguration,
        ),
        RandomSearchConfiguration,
        AdaptiveSamplingConfiguration,
        DiscrepancyVariance,
        LawSearchConfiguration,
        HyperactiveLearningConfiguration,
        *(
            DescriptorEntry,
            FitEntry,
            DynamicsEntry,
            BarostatEntry,
            CellMovesEntry,
            SwapsEntry,
            WallEntry,
            BiasEntry,
            SelectionEntry,
        ),
        CMAESConfiguration,
        DifferentialEvolutionConfiguration,
        ScipyMinimizerConfiguration,
        ScipyLeastSquaresConfiguration,
    )
}
MARKED = re.compile(r"(<!-- keys of (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def _default(value: object) -> str:
    if value is None or value is PydanticUndefined or isinstance(value, BaseModel | list):
        return ""
    if isinstance(value, float) and math.isinf(value):
        return "no limit"
    return f"`{json.dumps(value)}`"


def table(model: type[BaseModel]) -> str:
    """One row for each key; those that are only accepted for the sake of pasted configurations stand last."""
    fields = [
        (name, field) for name, field in model.model_fields.items() if name != "type" and field.description
    ]
    fields.sort(key=lambda item: str(item[1].description).startswith("Accepted:"))
    rows = [
        f"| `{name}` | {_default(field.get_default(call_default_factory=True, validated_data={}))} | {field.description} |"
        for name, field in fields
    ]
    return "\n".join(["", "| key | default | meaning |", "|---|---|---|", *rows, "", ""])


def with_tables(text: str) -> str:
    """A page with its marked tables as the schemas have them."""
    return MARKED.sub(lambda found: f"{found[1]}{table(MODELS[found[2]])}{found[3]}", text)


if __name__ == "__main__":
    for page in DOCS.rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        if with_tables(text) != text:
            page.write_text(with_tables(text), encoding="utf-8")
