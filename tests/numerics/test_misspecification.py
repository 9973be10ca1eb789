"""Models that cannot follow their data know how wrong they are."""

from __future__ import annotations

import numpy as np
import pytest

from assay.errors import UsageError
from assay.numerics.linear_model import LinearModel
from assay.numerics.misspecification import pointwise_shifts, widened_for_misfit

Array = np.ndarray


def cubic(rows: int, seed: int = 0) -> tuple[Array, Array, Array]:
    """A cubic in x with the exact values of a function that is none; the noise is that of the residuals."""
    x = np.random.default_rng(seed).uniform(-1.0, 1.0, rows)
    design = x[:, None] ** np.arange(4)
    target = np.sin(6.0 * x)[:, None]
    residual = target - design @ np.linalg.lstsq(design, target)[0]
    return design, target, np.full(rows, 1.0 / residual.var())


def test_a_shift_meets_its_row_and_leaves_as_much_as_it_can() -> None:
    design, target, precision = cubic(30)
    model = LinearModel.prior(np.full(4, 1e-6)).given(design, target, precision)
    shifts = pointwise_shifts(model, design, target, precision, least_share=0.0)
    met = np.einsum("ij,ij->i", design, model.mean[:, 0] + shifts)
    np.testing.assert_allclose(met, target[:, 0], rtol=1e-10)
    # Among all changes that meet the row it is the shortest in the metric of the precision.
    matrix = model.root.T @ model.root
    other = shifts[3] + np.array([design[3, 1], -design[3, 0], 0.0, 0.0])
    assert design[3] @ other == pytest.approx(design[3] @ shifts[3])
    assert shifts[3] @ matrix @ shifts[3] < other @ matrix @ other


def test_errors_in_units_of_the_uncertainty_do_not_grow_with_the_number_of_rows() -> None:
    ratio: dict[str, list[float]] = {"posterior": [], "ensemble": [], "hypercube": []}
    new, truth, _ = cubic(2000, seed=9)
    for rows in (50, 5000):
        design, target, precision = cubic(rows)
        model = LinearModel.prior(np.full(4, 1e-6)).given(design, target, precision)
        shifts = pointwise_shifts(model, design, target, precision)
        beliefs = {
            "posterior": model,
            "ensemble": widened_for_misfit(model, shifts, "ensemble"),
            "hypercube": widened_for_misfit(model, shifts),
        }
        for name, belief in beliefs.items():
            mean, variance = belief.mean_variance(new)
            ratio[name].append(float(np.sqrt(np.mean((truth - mean)[:, 0] ** 2 / variance))))
    # One is right; the posterior's own grows like the root of the number of rows.
    assert ratio["posterior"][1] / ratio["posterior"][0] == pytest.approx(10.0, rel=0.05)
    assert max(ratio["ensemble"]) < 2.0
    assert max(ratio["hypercube"]) < 1.7


def test_the_order_of_rows_and_the_unit_of_the_target_do_not_count() -> None:
    design, target, precision = cubic(40)
    model = LinearModel.prior(np.full(4, 1e-6)).given(design, target, precision)
    one = widened_for_misfit(model, pointwise_shifts(model, design, target, precision)).covariance
    order = np.random.default_rng(3).permutation(40)
    other_model = LinearModel.prior(np.full(4, 1e-12)).given(
        design[order], 1e3 * target[order], 1e-6 * precision
    )
    shifts = pointwise_shifts(other_model, design[order], 1e3 * target[order], 1e-6 * precision)
    np.testing.assert_allclose(widened_for_misfit(other_model, shifts).covariance, 1e6 * one, rtol=1e-7)


def test_a_share_of_all_rows_is_refused() -> None:
    design, target, precision = cubic(10)
    model = LinearModel.prior(np.full(4, 1e-6)).given(design, target, precision)
    with pytest.raises(UsageError, match="share"):
        pointwise_shifts(model, design, target, precision, least_share=1.0)
