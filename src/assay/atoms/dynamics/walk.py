"""A walker: a trajectory that controls its bias, scores and picks structures, and knows when it has gone astray."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, final, runtime_checkable

from ase import Atoms
from ase.calculators.calculator import Calculator

from assay.atoms.dynamics.limits import Limits
from assay.atoms.dynamics.schedule import Schedule, schedule_of
from assay.atoms.dynamics.state import State, Structure
from assay.atoms.dynamics.step import Dynamics, Forces, begin, moved, moves_of_monte_carlo
from assay.atoms.selection.scores import Score
from assay.atoms.selection.selector import Frame, Selector, SelectorState
from assay.errors import UsageError

__all__ = [
    "Conditional",
    "Glance",
    "SelfControlled",
    "Walk",
    "Walker",
    "finished",
    "set_bias",
    "set_out",
    "stride",
]


@runtime_checkable
class Conditional(Protocol):
    """A calculator that can take a structure as looked at before its labels are known."""

    def condition(self, atoms: Atoms) -> None:
        """Less uncertainty there, the same mean."""
        ...


@runtime_checkable
class SelfControlled(Protocol):
    """A calculator with a bias whose strength follows the forces."""

    tau: float
    control: Any

    def update_tau(self) -> float:
        """Let the control see the structure evaluated last."""
        ...


@final
@dataclass(frozen=True)
class Walk:
    """What a walker does.

    Arguments:
        dynamics: how atoms move.
        steps: how many, at least 1.
        score: how much a structure could teach; None for no selection.
        selector: which structures are selected.
        score_interval: steps between scores, at least 1.
        stop_after: the number of selections after which the walk ends; None for none.
        learns_from_inputs: whether the calculator is conditioned on a structure that was selected, before its label is
            known, where it can be (`condition(atoms)`).
        tau: the strength of the bias of a calculator that has one, a number or a schedule; None leaves it to the calculator.
        relative: the fraction of the forces that a self-controlled bias adds, a number or a schedule; None leaves it.
        limits: what the trajectory must not do.
        when_broken: "reset" to begin again at the start with new momenta, "stop" to end the walk.
        resets_allowed: one more ends the walk.
        with_stress: whether the stress is evaluated, for the pressure; with a barostat it always is.

    Raises:
        UsageError: for numbers outside their range.
    """

    dynamics: Dynamics
    steps: int
    score: Score | None = None
    selector: Selector = field(default_factory=Selector)
    score_interval: int = 1
    stop_after: int | None = None
    learns_from_inputs: bool = True
    tau: float | Schedule | None = None
    relative: float | Schedule | None = None
    limits: Limits = field(default_factory=Limits)
    when_broken: Literal["reset", "stop"] = "reset"
    resets_allowed: int = 10
    with_stress: bool = False

    def __post_init__(self) -> None:
        if self.steps < 1 or self.score_interval < 1 or (self.stop_after is not None and self.stop_after < 1):
            raise UsageError(
                "a walk needs at least 1 for steps, score_interval and stop_after, got "
                f"{self.steps}, {self.score_interval} and {self.stop_after}"
            )
        if self.when_broken not in ("reset", "stop") or self.resets_allowed < 0:
            raise UsageError(
                "a walk is 'reset' or 'stop' when_broken, with resets_allowed not below 0, got "
                f"{self.when_broken!r} and {self.resets_allowed}"
            )
        if self.tau is not None and self.relative is not None:
            raise UsageError("a walk has tau or relative, got both")

    def forces(self, calculator: Calculator) -> Forces:
        """What is asked of the calculator; a barostat needs the stress."""
        return Forces(calculator, self.with_stress or self.dynamics.barostat is not None)


@final
@dataclass(frozen=True)
class Walker:
    """A walker between two steps: all that the next one needs, beside the calculator's own state.

    Arguments:
        state: of the trajectory.
        start: where a reset leads to.
        start_energy_eV: the energy there.
        selector: what the selector remembers.
        selected: the frames selected so far.
        resets: how often it began again.
        ended: why it ended; None while it goes on.
    """

    state: State
    start: Structure
    start_energy_eV: float
    selector: SelectorState = field(default_factory=SelectorState)
    selected: tuple[Frame, ...] = ()
    resets: int = 0
    ended: str | None = None


@final
@dataclass(frozen=True)
class Glance:
    """What a person wants to see of a step.

    Arguments:
        step: its number.
        energy_eV, kinetic_energy_eV, temperature_K, volume_A3, pressure_GPa: of the trajectory; nan where not known.
        tau: the strength of the bias; nan without one.
        score, threshold: of the selection; nan where the step was not scored.
        selections, resets: how many there were so far.
        broken: the limit that the step broke, if any.
    """

    step: int
    energy_eV: float
    kinetic_energy_eV: float
    temperature_K: float
    volume_A3: float
    pressure_GPa: float
    tau: float
    score: float
    threshold: float
    selections: int
    resets: int
    broken: str | None = None


def set_out(
    atoms: Atoms, calculator: Calculator, walk: Walk, seed: int, known: SelectorState | None = None
) -> Walker:
    """The walker before its first step.

    Arguments:
        atoms: where it starts.
        calculator: any of ASE.
        walk: what it does.
        seed: of this walker.
        known: what its selector knows already, such as fingerprints; nothing where it is left out.

    Raises:
        UsageError: for a start that breaks the limits.
    """
    set_bias(calculator, walk, 0)
    state = begin(atoms, walk.forces(calculator), walk.dynamics, seed)
    walker = Walker(state, state.structure, state.evaluation.energy_eV, known or SelectorState())
    broken = walk.limits.breach(replace(state, momenta=0.0 * state.momenta), state.evaluation.energy_eV)
    if broken is not None:
        raise UsageError(f"a walker cannot start where its limits are broken: {broken}")
    return walker


def stride(walker: Walker, calculator: Calculator, walk: Walk) -> tuple[Walker, Glance]:
    """One step of a walker: dynamics, limits, bias, Monte Carlo, score and selection.

    Its arguments determine what it returns; the calculator changes by `update_tau` and `condition` only.

    Returns:
        The walker after the step, and what there is to see.
    """
    forces = walk.forces(calculator)
    state = moved(walker.state, forces, walk.dynamics)
    freedom = walk.dynamics.degrees_of_freedom(len(state.momenta))
    broken = walk.limits.breach(state, walker.start_energy_eV)
    if broken is not None:
        after = _broken(walker, state, forces, walk, broken)
        return after, _glance(after, calculator, state, freedom, broken=broken)
    state = moves_of_monte_carlo(_with_bias_updated(state, forces, walk), forces, walk.dynamics)
    walker = replace(walker, state=state)
    score = threshold = math.nan
    if walk.score is not None and state.step % walk.score_interval == 0:
        threshold = walk.selector.threshold_at(walker.selector)
        walker, score = _scored(walker, walk.score, forces, walk)
    if walker.ended is None and state.step >= walk.steps:
        walker = finished(walker, walk, "all steps done")
    return walker, _glance(walker, calculator, walker.state, freedom, score, threshold)


def finished(walker: Walker, walk: Walk, reason: str) -> Walker:
    """The walker at its end, where a frame that is still remembered is selected."""
    selector, found = walk.selector.flush(walker.selector)
    selected = walker.selected if found is None else (*walker.selected, found)
    return replace(walker, selector=selector, selected=selected, ended=reason)


def _with_bias_updated(state: State, forces: Forces, walk: Walk) -> State:
    """The same state under the strength of bias that is due; the structure is not evaluated anew."""
    calculator = forces.calculator
    if walk.tau is None and not isinstance(calculator, SelfControlled):
        return state
    set_bias(calculator, walk, state.step)
    if isinstance(calculator, SelfControlled):
        calculator.update_tau()
    return replace(state, evaluation=forces.at(state.structure, walk.dynamics.walls))


def set_bias(calculator: Any, walk: Walk, step: int) -> None:
    """Give the calculator the strength of bias that the walk's schedules say for a step.

    Raises:
        UsageError: for a calculator without the bias that the walk speaks of.
    """
    if walk.tau is not None:
        if not hasattr(calculator, "tau"):
            raise UsageError(
                f"a walk with tau needs a calculator with a bias, got {type(calculator).__name__}"
            )
        calculator.tau = schedule_of(walk.tau).at(step)
    if walk.relative is not None:
        if not isinstance(calculator, SelfControlled) or calculator.control is None:
            raise UsageError(
                "a walk with relative needs a calculator whose bias has a control, got one without"
            )
        calculator.control = replace(calculator.control, relative=schedule_of(walk.relative).at(step))


def _scored(walker: Walker, score_of: Score, forces: Forces, walk: Walk) -> tuple[Walker, float]:
    state, calculator = walker.state, forces.calculator
    atoms = state.structure.atoms()
    score = float(score_of(atoms, calculator))
    frame = Frame(state.step, score, state.structure, state.evaluation.forces)
    selector, found = walk.selector.update(walker.selector, frame)
    walker = replace(walker, selector=selector)
    if found is None:
        return walker, score
    walker = replace(walker, selected=(*walker.selected, found))
    if walk.stop_after is not None and len(walker.selected) >= walk.stop_after:
        return replace(walker, ended=f"{walk.stop_after} selected"), score
    if _learned(found, calculator, walk):
        evaluation = forces.at(state.structure, walk.dynamics.walls)
        selector = walk.selector.rescored(selector, float(score_of(atoms, calculator)))
        walker = replace(walker, state=replace(state, evaluation=evaluation), selector=selector)
    return walker, score


def _learned(frame: Frame, calculator: Calculator, walk: Walk) -> bool:
    """Condition the calculator on a frame, if it is to be and can be."""
    if not (walk.learns_from_inputs and isinstance(calculator, Conditional)):
        return False
    calculator.condition(frame.atoms())
    return True


def _broken(before: Walker, state: State, forces: Forces, walk: Walk, reason: str) -> Walker:
    """What follows a broken limit; the frame that was remembered on the way there is selected."""
    stopped = finished(before, walk, reason)
    enough = walk.stop_after is not None and len(stopped.selected) >= walk.stop_after
    has_resets = walk.when_broken == "reset" and before.resets < walk.resets_allowed
    if enough or not has_resets or state.step >= walk.steps:
        return stopped
    walker = replace(stopped, ended=None, resets=before.resets + 1)
    if len(stopped.selected) > len(before.selected):
        _learned(stopped.selected[-1], forces.calculator, walk)
    again = begin(walker.start.atoms(), forces, walk.dynamics, state.seed, step=state.step)
    again = replace(again, cell_moves=state.cell_moves, swaps=state.swaps)
    return replace(walker, state=again, selector=replace(walker.selector, previous=None))


def _glance(
    walker: Walker,
    calculator: Any,
    state: State,
    freedom: int,
    score: float = math.nan,
    threshold: float = math.nan,
    broken: str | None = None,
) -> Glance:
    return Glance(
        state.step,
        state.evaluation.energy_eV,
        state.kinetic_energy_eV,
        state.temperature_K(freedom),
        state.structure.volume_A3,
        state.pressure_GPa,
        float(getattr(calculator, "tau", math.nan)),
        score,
        threshold,
        len(walker.selected),
        walker.resets,
        broken,
    )
