"""Which descriptor labels ask for: the one under which they are most probable."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import final

from assay.atoms.descriptors.abstract import AbstractDescriptor
from assay.atoms.potential.design import Design
from assay.atoms.potential.fit import FittedPotential, PotentialFit
from assay.atoms.potential.labelled import LabelledStructure
from assay.errors import UsageError

__all__ = ["DescriptorChoice", "descriptors_by_evidence"]


@final
@dataclass(frozen=True)
class DescriptorChoice:
    """A descriptor, with the potential that labels make of it.

    Arguments:
        descriptor: that was tried.
        fitted: its potential; `fitted.log_evidence` is what it was judged by.
    """

    descriptor: AbstractDescriptor
    fitted: FittedPotential


def descriptors_by_evidence(
    structures: Sequence[LabelledStructure],
    descriptors: Iterable[AbstractDescriptor],
    fit: PotentialFit | None = None,
) -> list[DescriptorChoice]:
    """Descriptors in the order of the evidence of their potentials, ln p(labels | descriptor), the best first.

    Use it before a campaign, or when it has grown, to choose cutoffs and counts: the evidence weighs how well labels are met
    against how many other labels would have been met as well, so that more features win only where labels ask for them. It needs no
    test. To search rather than to compare, give its negative to a study over cutoffs and counts.

    Arguments:
        structures: labelled, at least one.
        descriptors: that know their species.
        fit: the recipe; the evidence decides what it leaves open. Fixed noises compare descriptors at those noises.

    Raises:
        UsageError: for no descriptor, or no label.

    Source: D. J. C. MacKay, Neural Comput. 4, 415 (1992).
    """
    recipe = PotentialFit() if fit is None else fit
    found = [
        DescriptorChoice(descriptor, recipe.fit(Design.none(descriptor).given(structures)))
        for descriptor in descriptors
    ]
    if not found:
        raise UsageError("a choice needs at least one descriptor, got none")
    return sorted(found, key=lambda choice: -choice.fitted.log_evidence)
