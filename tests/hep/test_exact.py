"""CLs against fits of the same likelihood in fifty digits, where the nuisance parameters have a closed form."""

from __future__ import annotations

import pytest
from mpmath import mp

from assay.hep.build import build_model
from assay.hep.hypothesis import hypothesis_test
from assay.hep.simple import uncorrelated_background

DIGITS = 50
MODELS = {
    "one bin": ([5.0], [50.0], [7.0], [55.0]),
    "two bins, a deficit": ([12.0, 11.0], [50.0, 52.0], [3.0, 7.0], [51.0, 48.0]),
    "two bins, as expected": ([5.0, 10.0], [50.0, 60.0], [5.0, 12.0], [50.0, 60.0]),
    "three bins, an excess": ([5.0, 8.0, 3.0], [50.0, 30.0, 10.0], [7.0, 2.0, 3.0], [58.0, 37.0, 12.0]),
}


def _gammas(strength, signal, background, tau, counts, auxiliary):
    """What maximises the likelihood in each bin: the positive root of a quadratic equation."""
    found = []
    for s, b, t, n, a in zip(signal, background, tau, counts, auxiliary, strict=True):
        square, linear, constant = (b + t) * b, (b + t) * strength * s - (n + a) * b, -a * strength * s
        root = mp.sqrt(linear**2 - 4 * square * constant)
        found.append((root - linear) / (2 * square))
    return found


def _nll(strength, given):
    signal, background, tau, counts, auxiliary = given
    total = mp.mpf(0)
    for s, b, t, n, a, g in zip(
        signal, background, tau, counts, auxiliary, _gammas(strength, *given), strict=True
    ):
        rate = strength * s + b * g
        total += rate - n * mp.log(rate) + t * g - a * mp.log(t * g)
    return total


def _best(given):
    """The best strength that is not negative."""
    slope = lambda strength: mp.diff(lambda x: _nll(x, given), strength)  # noqa: E731
    if slope(mp.mpf("1e-20")) >= 0:
        return mp.mpf(0)
    return mp.findroot(slope, (mp.mpf("0.5"), mp.mpf("1.5")), solver="secant")


def _exact_cls(signal, background, uncertainty, observed, strength):
    """CLs observed, and expected at the median, by q~."""
    signal, background, uncertainty, observed = (
        [mp.mpf(number) for number in numbers] for numbers in (signal, background, uncertainty, observed)
    )
    tau = [(b / u) ** 2 for b, u in zip(background, uncertainty, strict=True)]
    given = (signal, background, tau, observed, tau)
    best = _best(given)
    square = 2 * (_nll(strength, given) - _nll(best, given)) if best <= strength else mp.mpf(0)
    gammas = _gammas(mp.mpf(0), *given)
    asimov = (
        signal, background, tau, [b * g for b, g in zip(background, gammas, strict=True)],
        [t * g for t, g in zip(tau, gammas, strict=True)],
    )  # fmt: skip
    square_asimov = 2 * (_nll(strength, asimov) - _nll(mp.mpf(0), asimov))
    root, root_asimov = mp.sqrt(square), mp.sqrt(square_asimov)
    t = root - root_asimov if root <= root_asimov else (square - square_asimov) / (2 * root_asimov)
    return mp.ncdf(-(t + root_asimov)) / mp.ncdf(-t), mp.ncdf(-root_asimov) / mp.ncdf(0)


@pytest.mark.parametrize("name", list(MODELS))
@pytest.mark.parametrize("strength", [0.6, 1.0, 2.5])
def test_cls_is_that_of_fifty_digits(name, strength):
    with mp.workdps(DIGITS):
        observed, median = (float(part) for part in _exact_cls(*MODELS[name], mp.mpf(strength)))
    tested = hypothesis_test(build_model(uncorrelated_background(*MODELS[name])), strength)
    assert tested.status == ""
    assert tested.cls == pytest.approx(observed, abs=1e-12, rel=1e-11)
    assert tested.expected[2] == pytest.approx(median, abs=1e-12, rel=1e-11)
