"""Walkers run to their end: checkpoints, restarts to the bit, several of them at once."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol, final, runtime_checkable

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator

from assay.atoms.dynamics.checkpoint import read_checkpoint, write_checkpoint
from assay.atoms.dynamics.state import Structure
from assay.atoms.dynamics.walk import Glance, Walk, Walker, set_bias, set_out, stride
from assay.atoms.selection.selector import Frame, SelectorState
from assay.errors import StoreError, UsageError

__all__ = [
    "Observer",
    "Restorable",
    "Run",
    "WalkResult",
    "progress_bar",
    "run_walker",
    "run_walkers",
    "walker_seed",
]

Array = np.ndarray
Observer = Callable[[Walker, Glance], None]

_COLUMNS = tuple(field.name for field in fields(Glance) if field.name != "broken")


@runtime_checkable
class Restorable(Protocol):
    """A calculator whose own state belongs to a checkpoint."""

    def state(self) -> Mapping[str, Any]:
        """What a restart needs: arrays, numbers and text, nested."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state, to the bit."""
        ...


@final
@dataclass(frozen=True)
class Run:
    """One walker's task.

    Arguments:
        atoms: where it starts.
        make_calculator: a calculator that nobody used yet, the same each time it is called, with every calculator inside it.
        walk: what the walker does.
        seed: of its randomness.
        checkpoint: a file; a run that was cut off goes on from it to the bit. None for none.
        checkpoint_interval: steps between checkpoints, at least 1.
        trace_interval: steps between rows of the trace; steps with a selection or a reset have a row too.
        known: what its selector knows already.

    At every checkpoint the calculator is made anew and given its own state, with a file or without. So a run that goes on
    and one that restarts there have neighbour lists and caches of the same age: that is what makes them equal to the bit.
    """

    atoms: Atoms
    make_calculator: Callable[[], Calculator]
    walk: Walk
    seed: int
    checkpoint: str | Path | None = None
    checkpoint_interval: int = 200
    trace_interval: int = 1
    known: SelectorState | None = None

    def __post_init__(self) -> None:
        if self.checkpoint_interval < 1 or self.trace_interval < 1 or self.seed < 0:
            raise UsageError(
                "a run needs intervals of at least 1 and a seed not below 0, got "
                f"{self.checkpoint_interval}, {self.trace_interval} and {self.seed}"
            )


@final
@dataclass(frozen=True)
class WalkResult:
    """What a walker came to.

    Arguments:
        walker: at its end; `walker.selected` are the frames to be labelled, `walker.ended` says why it ended.
        trace: for each name of `Glance` but "broken" a column (rows,).
        breaches: (step, the limit that was broken), for each reset.
    """

    walker: Walker
    trace: Mapping[str, Array]
    breaches: tuple[tuple[int, str], ...]

    def last_atoms(self) -> Atoms:
        """Where the trajectory ended, with momenta; what is labelled where nothing was selected."""
        return self.walker.state.atoms()


def run_walker(
    run: Run, observe: Observer | None = None, selected: Callable[[Frame], None] | None = None
) -> WalkResult:
    """Run a walker to its end, or on from its checkpoint.

    Arguments:
        run: the task.
        observe: called with the walker and a glance after every step; steps since the last checkpoint come again after a
            restart.
        selected: called with every frame that is selected, at once: its label can be computed while the walk goes on.

    Raises:
        UsageError: for a start that breaks the limits.
        StoreError: for a checkpoint that is another walker's.

    Example:
        >>> from ase.build import bulk
        >>> from ase.calculators.emt import EMT
        >>> from assay.atoms.dynamics.step import Dynamics
        >>> result = run_walker(Run(bulk("Cu", cubic=True), EMT, Walk(Dynamics(), steps=5), seed=1))
        >>> result.walker.ended, result.trace["step"].tolist()
        ('all steps done', [1.0, 2.0, 3.0, 4.0, 5.0])
    """
    walker, calculator, rows, breaches = _begun(run)
    while walker.ended is None:
        before = walker
        walker, glance = stride(walker, calculator, run.walk)
        new = walker.selected[len(before.selected) :]
        is_event = bool(new) or glance.broken is not None
        if glance.step % run.trace_interval == 0 or is_event:
            rows.append(_row(glance))
        if glance.broken is not None:
            breaches.append((glance.step, glance.broken))
        if walker.ended is not None or glance.step % run.checkpoint_interval == 0:
            calculator = _kept(run, walker, calculator, rows, breaches)
        if observe is not None:
            observe(walker, glance)
        if selected is not None:
            for frame in new:
                selected(frame)
    return WalkResult(walker, _columns(rows), tuple(breaches))


def run_walkers(
    runs: Sequence[Run],
    executor: Executor | None = None,
    done: Callable[[int, WalkResult], None] | None = None,
) -> list[WalkResult]:
    """Run several walkers; what each comes to does not depend on the others, nor on the order in which they run.

    Arguments:
        runs: the tasks; each with a seed and a checkpoint of its own.
        executor: of `concurrent.futures` or like it, such as a `ProcessPoolExecutor`; the calculators' makers are then
            sent to processes. None for one after the other.
        done: called with the index and the result of each walker that ends, in order.

    Returns:
        The results in the order of the tasks.

    Raises:
        UsageError: for tasks that share a checkpoint.
    """
    places = [str(run.checkpoint) for run in runs if run.checkpoint is not None]
    if len(set(places)) < len(places):
        raise UsageError("each walker needs a checkpoint of its own, got one for several of them")
    results = []
    for index, result in enumerate((executor.map if executor else map)(run_walker, runs)):
        results.append(result)
        if done is not None:
            done(index, result)
    return results


def walker_seed(seed: int, walker: int) -> int:
    """The seed of a walker in a campaign with a seed.

    Example:
        >>> len({walker_seed(0, walker) for walker in range(1000)})
        1000
    """
    return int(np.random.SeedSequence([seed, walker, zlib.crc32(b"walker")]).generate_state(1, np.uint64)[0])


@contextmanager
def progress_bar(steps: int, name: str = "walk") -> Iterator[Observer]:
    """An observer for `run_walker` that draws a bar with temperature, score and selections; it vanishes at the end.

    Arguments:
        steps: of the walk.
        name: what stands before the bar.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), TextColumn("{task.fields[line]}"), transient=True) as bar:
        task = bar.add_task(name, total=steps, line="")

        def observe(walker: Walker, glance: Glance) -> None:
            line = f"{glance.temperature_K:.0f} K  {len(walker.selected)} selected  {walker.resets} resets"
            bar.update(task, completed=glance.step, line=line)

        yield observe


def _begun(run: Run) -> tuple[Walker, Calculator, list[Array], list[tuple[int, str]]]:
    if run.checkpoint is None or not Path(run.checkpoint).exists():
        calculator = run.make_calculator()
        return set_out(run.atoms, calculator, run.walk, run.seed, run.known), calculator, [], []
    kept = read_checkpoint(run.checkpoint)
    walker: Walker = kept["walker"]
    start = Structure.of(run.atoms)
    is_same = walker.state.seed == run.seed and all(
        np.array_equal(getattr(start, name), getattr(walker.start, name))
        for name in ("numbers", "positions", "cell")
    )
    if not is_same:
        raise StoreError(f"{run.checkpoint} is the checkpoint of a walker with another start or another seed")
    return (
        walker,
        _made(run, kept["calculator"], walker.state.step),
        list(kept["rows"]),
        list(kept["breaches"]),
    )


def _kept(
    run: Run, walker: Walker, calculator: Calculator, rows: list[Array], breaches: list[tuple[int, str]]
) -> Calculator:
    """Write a checkpoint, and give back the calculator that a restart from it would have."""
    own = calculator.state() if isinstance(calculator, Restorable) else None
    if run.checkpoint is not None:
        table = np.array(rows).reshape(-1, len(_COLUMNS))
        values = {"walker": walker, "calculator": own, "rows": table, "breaches": tuple(breaches)}
        write_checkpoint(run.checkpoint, values)
    return _made(run, own, walker.state.step)


def _made(run: Run, own: Mapping[str, Any] | None, step: int) -> Calculator:
    calculator = run.make_calculator()
    if isinstance(calculator, Restorable) and own is not None:
        calculator.restore(own)
    set_bias(calculator, run.walk, step)
    return calculator


def _row(glance: Glance) -> Array:
    return np.array([getattr(glance, name) for name in _COLUMNS], dtype=np.float64)


def _columns(rows: list[Array]) -> dict[str, Array]:
    table = np.array(rows).reshape(-1, len(_COLUMNS))
    return {name: table[:, index] for index, name in enumerate(_COLUMNS)}
