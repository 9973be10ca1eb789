"""What a training makes small: numbers of the final inference, as functions of JAX, and the usual stand-ins for them.

All of them take a model whose templates may be traced. Those that test a hypothesis do so on the model's own Asimov
data unless observed ones are given, since the data of the measurement must not train it.

Source: N. Simpson, L. Heinrich, J. Phys. Conf. Ser. 2438, 012105 (2023); P. de Castro, T. Dorigo, Comput. Phys. Commun.
244, 170 (2019); G. Cowan et al., Eur. Phys. J. C 71, 1554 (2011), equation 97, and its extension to an uncertain
background by G. Cowan, "Discovery sensitivity for a counting experiment" (2012), equation 20.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from assay.hep.asymptotic import Statistic, asymptotic_test
from assay.hep.likelihood import discrepancy
from assay.hep.limits import asymptotic_limit
from assay.hep.model import Model
from assay.numerics.compile import jax_module
from assay.numerics.decompositions import cholesky, log_determinant, symmetric_inverse

__all__ = [
    "asimov_significance",
    "binary_cross_entropy",
    "fisher_covariance",
    "gaussianity",
    "generalised_variance",
    "interest_std",
    "log_cls",
    "log_limit",
    "log_p0",
    "poisson_covariance",
]

jax = jax_module()
jnp = jax.numpy


def log_cls(model: Model, value: Any = 1.0, statistic: Statistic = "q_tilde") -> Any:
    """log CLs of a value, expected without a signal."""
    data = model.expected_data(_at(model, 0.0))
    return asymptotic_test(model, data, value, statistic).log_cls


def log_p0(model: Model) -> Any:
    """log p0, expected with a signal of strength 1."""
    return asymptotic_test(model, model.expected_data(_at(model, 1.0)), statistic="q0").log_p


def log_limit(model: Model, level: float = 0.05) -> Any:
    """The logarithm of the upper limit, expected without a signal."""
    return jnp.log(asymptotic_limit(model, model.expected_data(_at(model, 0.0)), level=level).point)


def fisher_covariance(model: Model, value: Any = 1.0) -> Any:
    """(parameters, parameters): the inverse of the Fisher information on Asimov data; zero for what is fixed.

    It is the covariance that a fit would have, and by Cramér and Rao the least that any estimator can have.
    """
    point = _at(model, value)
    # The Hessian holds these data fixed; the derivative in the templates does not, as they move with them.
    hessian = jax.hessian(discrepancy)(point, (model, model.expected_data(point)))
    fixed = jnp.asarray(model.layout.fixed).at[model.layout.interest].set(False)
    mixed = fixed[:, None] | fixed[None, :]
    return jnp.where(mixed, 0.0, symmetric_inverse(jnp.where(mixed, jnp.eye(len(fixed)), hessian)))


def interest_std(model: Model, value: Any = 1.0) -> Any:
    """The expected uncertainty of the parameter of interest: the loss of INFERNO."""
    place = model.layout.interest
    return jnp.sqrt(fisher_covariance(model, value)[place, place])


def generalised_variance(model: Model, value: Any = 1.0) -> Any:
    """The logarithm of the determinant of the expected covariance of what is not fixed."""
    covariance = fisher_covariance(model, value)
    fixed = jnp.asarray(model.layout.fixed).at[model.layout.interest].set(False)
    return log_determinant(covariance + jnp.diag(jnp.where(fixed, 1.0, 0.0)))


def poisson_covariance(expected: Callable[[Any], Any], point: Any, precision: Any = 0.0) -> Any:
    """(parameters, parameters): the expected covariance of a fit of Poisson counts, for a model that is any function.

        V^-1 = J^T diag(1/n) J + diag(precision),   n = expected(point),   J = dn/dpoint

    Its entry of the parameter of interest is the loss of INFERNO. Bins that expect nothing say nothing.

    Arguments:
        expected: traceable: (parameters,) to (bins,) expected counts.
        point: (parameters,), where the data are expected.
        precision: (parameters,) or a number, one over the variance that other measurements give each parameter.

    Example:
        >>> from assay.numerics.compile import float64
        >>> templates = jnp.array([[12.0, 11.0], [50.0, 52.0]])
        >>> with float64():
        ...     found = poisson_covariance(lambda scales: scales @ templates, jnp.ones(2), jnp.array([0.0, 100.0]))
        >>> round(float(jnp.sqrt(found[0, 0])), 4)
        0.6561
    """
    point = jnp.asarray(point)
    counts, jacobian = expected(point), jax.jacfwd(expected)(point)
    some = counts > 0
    rows = jnp.where(some[:, None], jacobian, 0.0)
    information = rows.T @ (rows / jnp.where(some, counts, 1.0)[:, None])
    return symmetric_inverse(information + jnp.diag(jnp.broadcast_to(jnp.asarray(precision), point.shape)))


def gaussianity(model: Model, key: Any, samples: int = 1000, value: Any = 1.0) -> Any:
    """The mean squared distance of log L, on Asimov data, from its quadratic approximation; zero for a normal one.

    Arguments:
        key: of JAX, for points drawn from that approximation.
    """
    point = _at(model, value)
    data = model.expected_data(point)
    covariance = fisher_covariance(model, value)
    lowest = 1e-14 * jnp.trace(covariance) * jnp.eye(len(point))
    draws = jax.random.normal(key, (samples, len(point)), point.dtype)
    shifts = draws @ cholesky(covariance + lowest).T
    shifts = jnp.where(jnp.diagonal(covariance) > 0, shifts, 0.0)
    hessian = jax.hessian(discrepancy)(point, (model, data))
    quadratic = 0.5 * jnp.einsum("sp,pq,sq->s", shifts, hessian, shifts)
    low, high = jnp.asarray(model.layout.lower), jnp.asarray(model.layout.upper)
    inside = ((point + shifts >= low) & (point + shifts <= high)).all(axis=1)
    # A negative yield has no likelihood: such points count as outside, and their derivative is cut off.
    places = jnp.where(inside[:, None], point + shifts, point)
    exact = jax.vmap(lambda place: discrepancy(place, (model, data)))(places)
    usable = inside & jnp.isfinite(exact)
    squares = jnp.where(usable, (jnp.where(usable, exact, 0.0) - quadratic) ** 2, 0.0)
    return squares.sum() / jnp.maximum(usable.sum(), 1)


def asimov_significance(signal: Any, background: Any, background_std: Any = None) -> Any:
    """The median significance of a discovery, in standard deviations, all bins together.

    Arguments:
        signal, background: (bins,) or numbers, expected counts; the background positive.
        background_std: the absolute uncertainty of the background, independent in each bin.
    """
    s, b = jnp.asarray(signal, float), jnp.asarray(background, float)
    if background_std is None:
        square = 2 * ((s + b) * jnp.log1p(s / b) - s)
    else:
        variance = jnp.asarray(background_std, float) ** 2
        some = variance > 0
        v = jnp.where(some, variance, 1.0)
        first = (s + b) * jnp.log((s + b) * (b + v) / (b**2 + (s + b) * v))
        second = b**2 / v * jnp.log1p(v * s / (b * (b + v)))
        square = jnp.where(some, 2 * (first - second), 2 * ((s + b) * jnp.log1p(s / b) - s))
    total = square.sum()
    return jnp.where(total > 0, jnp.sqrt(jnp.where(total > 0, total, 1.0)), 0.0)


def binary_cross_entropy(
    signal_logits: Any, background_logits: Any | Sequence[Any], weights: Mapping[str, Any] | None = None
) -> Any:
    """The mean cross entropy of a classifier that puts out logits, signal and background weighing the same.

    Arguments:
        signal_logits: (events,), of the signal.
        background_logits: (events,), of the background; or a list, nominal and varied samples, each weighing the
            same: the background augmented by its systematic variations.
        weights: "signal" and "background", per event, shaped as the logits.
    """
    weights = weights or {}
    samples = background_logits if isinstance(background_logits, list | tuple) else [background_logits]
    factors = weights.get("background", [None] * len(samples))
    factors = factors if isinstance(factors, list | tuple) else [factors]
    background = sum(
        _mean(jax.nn.softplus(logits), factor) for logits, factor in zip(samples, factors, strict=True)
    )
    return 0.5 * (
        _mean(jax.nn.softplus(-jnp.asarray(signal_logits)), weights.get("signal")) + background / len(samples)
    )


def _mean(values: Any, weights: Any) -> Any:
    return (
        jnp.asarray(values).mean()
        if weights is None
        else (values * weights).sum() / jnp.asarray(weights).sum()
    )


def _at(model: Model, value: Any) -> Any:
    """The parameters where a model starts, with one value of the parameter of interest."""
    return jnp.asarray(model.layout.start).at[model.layout.interest].set(value)
