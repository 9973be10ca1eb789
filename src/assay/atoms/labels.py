"""Labels of structures by a reference: any calculator of ASE, with a cache that is keyed by structure.

A label is what an evaluation of a study returns, so that it runs on any executor, and is kept by any store.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, final

import numpy as np
from ase import Atoms
from ase.stress import voigt_6_to_full_3x3_stress

from assay.atoms.structures import (
    Label,
    label_of,
    read_structures,
    structure_key,
    structure_of,
    structure_text,
)
from assay.errors import EvaluationError, UsageError
from assay.records import Measurement

__all__ = ["LabelCache", "ReferenceLabels", "label_of_measurements", "label_with", "measurements_of_label"]

NAMES = ("energy", "forces", "virial")


@final
class ReferenceLabels:
    """A function for `Study.run`: from the text of a structure to its label, by a calculator, or from a cache.

    Arguments:
        calculator: makes the calculator, without arguments. None for a cache alone.
        source: names the reference and its settings; a cached label counts only where the names agree.
        cache: a folder, to which labels are added; or a file of extended XYZ, which is only read.
        with_stress: whether the reference gives a stress; None to find out.
        reuse: whether one calculator makes all labels of a process. Then a label may depend in its last digits on those
            before it (neighbour lists, wave functions), and a campaign that was killed goes on with structures that differ.

    Example:
        >>> from ase.calculators.emt import EMT
        >>> from ase.build import bulk
        >>> label = ReferenceLabels(EMT, source="EMT")
        >>> sorted(label(structure=structure_text(bulk("Cu"))))
        ['energy', 'forces', 'virial']
    """

    def __init__(
        self,
        calculator: Callable[[], Any] | None,
        source: str,
        cache: str | Path | None = None,
        with_stress: bool | None = None,
        *,
        reuse: bool = False,
    ) -> None:
        if calculator is None and cache is None:
            raise UsageError(f"labels by {source!r} need a calculator or a cache, got neither")
        self._make, self._source, self._with_stress, self._reuse = calculator, source, with_stress, reuse
        self._cache = LabelCache(cache, source) if cache is not None else None

    def __call__(self, structure: str) -> dict[str, list[float]]:
        """The label of a structure, as `Study.run` takes it.

        Raises:
            EvaluationError: when the calculator gives what is not finite, or none is at hand and the cache lacks the structure.
        """
        atoms = structure_of(structure)
        label = self._cache.get(atoms) if self._cache is not None else None
        if label is None:
            label = self._computed(atoms)
            if self._cache is not None:
                self._cache.put(atoms, label)
        return measurements_of_label(label)

    def __reduce__(self) -> tuple[Any, ...]:
        cache = self._cache.path if self._cache is not None else None
        again = partial(ReferenceLabels, reuse=self._reuse)
        return again, (self._make, self._source, cache, self._with_stress)

    def _computed(self, atoms: Atoms) -> Label:
        if self._make is None:
            raise EvaluationError(
                f"the cache {self._cache and self._cache.path} has no label by {self._source!r} of this structure of "
                f"{len(atoms)} atoms, and no calculator is given"
            )
        label = label_with(self._kept if self._reuse else self._make(), atoms, self._with_stress)
        if not (np.isfinite(label.energy_eV) and np.isfinite(label.forces).all()):
            raise EvaluationError(
                f"the reference {self._source!r} gave an energy or a force that is not finite"
            )
        return label

    @cached_property
    def _kept(self) -> Any:
        assert self._make is not None
        return self._make()


@final
class LabelCache:
    """Labels that were paid for.

    Arguments:
        path: a file of extended XYZ with labels, which is only read; or a folder of such files, which grows, and which many
            processes may use at once.
        source: of the labels; others in it are not looked at.

    Raises:
        UsageError: when the file cannot be read.
    """

    def __init__(self, path: str | Path, source: str) -> None:
        self.path, self.source = Path(path), source
        if self.path.suffix and not self.path.is_file():
            raise UsageError(f"the cache of labels {self.path} must be a file that is there, or a folder")

    def get(self, atoms: Atoms) -> Label | None:
        """The label of a structure; None where there is none."""
        key = structure_key(atoms)
        if not self._grows:
            return self._frozen.get(key)
        place = self.path / f"{key}.xyz"
        return self._labels_of(place).get(key) if place.is_file() else None

    def put(self, atoms: Atoms, label: Label) -> None:
        """Keep a label, durably, where the cache is a folder."""
        if not self._grows:
            return
        self.path.mkdir(parents=True, exist_ok=True)
        text = structure_text(atoms, label, REF_source=self.source)
        with tempfile.NamedTemporaryFile(
            "w", dir=self.path, suffix=".part", delete=False, encoding="utf-8"
        ) as part:
            part.write(text)
            part.flush()
            os.fsync(part.fileno())
        Path(part.name).replace(self.path / f"{structure_key(atoms)}.xyz")

    @property
    def _grows(self) -> bool:
        return not self.path.is_file()

    @cached_property
    def _frozen(self) -> Mapping[str, Label]:
        return self._labels_of(self.path)

    def _labels_of(self, path: Path) -> dict[str, Label]:
        found = {}
        for atoms in read_structures(path):
            label = label_of(atoms)
            if label is not None and atoms.info.get("REF_source", self.source) == self.source:
                found[structure_key(atoms)] = label
        return found


def label_with(calculator: Any, atoms: Atoms, with_stress: bool | None = None) -> Label:
    """Ask a calculator of ASE.

    Where it gives a free energy, that one is taken: it is what its forces are the gradient of.

    Arguments:
        calculator: of ASE.
        atoms: the structure; it is not changed.
        with_stress: None asks for the stress of a structure with a cell, and does without it where it is not implemented.

    Raises:
        EvaluationError: when a stress is wanted and there is none.
    """
    forces = np.array(calculator.get_property("forces", atoms), dtype=float)
    energy = float(calculator.get_property("energy", atoms))
    energy = float(calculator.results.get("free_energy", energy))
    virial = None
    if with_stress or (with_stress is None and bool(atoms.pbc.all())):
        try:
            stress = np.array(calculator.get_property("stress", atoms), dtype=float)
        except NotImplementedError:  # ASE's own exception is one, and some calculators raise the plain one
            if with_stress:
                name = type(calculator).__name__
                raise EvaluationError(f"the calculator {name} gives no stress of this structure") from None
        else:
            virial = -atoms.get_volume() * voigt_6_to_full_3x3_stress(stress)
    return Label(energy, forces, virial)


def measurements_of_label(label: Label) -> dict[str, list[float]]:
    """A label as what an evaluation returns: lists of numbers by name, in eV and A."""
    found = {"energy": [label.energy_eV], "forces": label.forces.ravel().tolist()}
    return found if label.virial is None else {**found, "virial": label.virial.ravel().tolist()}


def label_of_measurements(measurements: Sequence[Measurement], atoms: int) -> Label:
    """The way back.

    Arguments:
        measurements: with the model_name "energy", "forces" and perhaps "virial".
        atoms: the number of atoms of the structure.

    Raises:
        UsageError: when one is missing, is something else, or has another length than the structure asks for.
    """
    wanted = {"energy": 1, "forces": 3 * atoms, "virial": 9}
    found = {}
    for measurement in measurements:
        name = measurement.model_name
        if name not in wanted or measurement.derivative is not None:
            raise UsageError(f"a label consists of {', '.join(NAMES)}, got {name!r}")
        if len(measurement.value) != wanted[name]:
            raise UsageError(
                f"the {name} of a label of {atoms} atoms must hold {wanted[name]} numbers, got {len(measurement.value)}"
            )
        found[name] = np.array(measurement.value)
    if "energy" not in found or "forces" not in found:
        raise UsageError(f"a label needs energy and forces, got {', '.join(found) or 'nothing'}")
    virial = found.get("virial")
    return Label(
        float(found["energy"][0]),
        found["forces"].reshape(-1, 3),
        None if virial is None else virial.reshape(3, 3),
    )
