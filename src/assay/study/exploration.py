"""Exploration: sample a space, evaluate the samples anywhere, learn the responses, sample where little is known."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, final

import numpy as np

from assay.drivers.samplers_abstract import AbstractSampler
from assay.errors import StudyError, UsageError
from assay.executors.abstract import AbstractEvaluator
from assay.executors.script import ScriptEvaluator
from assay.store.abstract import AbstractStore
from assay.store.memory import MemoryStore
from assay.study.catalog import load
from assay.study.evaluation import ExecutorChoice
from assay.study.exploration_files import (
    RUNS,
    SCRIPT,
    SETTINGS,
    STORE,
    copy_journal,
    load_settings,
    write_tables,
)
from assay.study.exploration_functions import named_evaluator
from assay.study.exploration_models import ResponseModel, sensitivity_of, sobol_table
from assay.study.exploration_parameters import plain_table, space_of_parameters, table_of, table_of_space
from assay.study.exploration_reports import STEPS, SUMMARIES, Reports
from assay.study.exploration_responses import observations_of, told_responses
from assay.study.exploration_rows import (
    EPOCHS,
    Rows,
    chosen_places,
    known_columns,
    natural_rows,
    results_table,
    rows_of,
    selected_events,
)
from assay.study.exploration_samplers import own_points, sampled_points, sampler_of
from assay.study.progress import Progress
from assay.study.study import Study, create_study

__all__ = ["STUDY_ID", "Exploration"]

Array = np.ndarray

STUDY_ID = "exploration"
DRIVER = "ActiveLearning"
SMALLEST_FIT = 2


@final
class Exploration:
    """The responses of a simulation over its parameters: where to look, what was seen, what is believed.

    Use it to learn how something depends on its parameters, rather than where it is best. It is a face of a study: the
    same journal, executors and resumption, under `study`.

    Arguments:
        parameters: a table from `create_parameters`, a list of parameters as for `create_study`, or the path of a script
            (see `ScriptEvaluator`), which is the simulation then.
        response_names: of the responses, in the order in which lists of them come; left out, `response`, or what the script
            says.
        sampler: a name or an object; or anything with `sample(n, exploration)`, which gives n rows in the unit cube.
        executor: where evaluations run, as for `Study.run`.
        seed: of everything random.
        scheduler: another word for `executor`.
        parallel: evaluations at once.
        directory: a folder in which the exploration lives from the beginning, and goes on if it is there already. Left out,
            it lives in memory until `save`, and for a script in `<script>.exploration` beside it.
        store: a database URL or a store, in place of the folder's.
        interpreter: for a script, the command of the Python that runs it.
        timeout_seconds: of an evaluation.
        retries: further attempts at an evaluation that failed.
        verbose: 0 (silent) to 5; see `Reports`.

    Raises:
        UsageError: when an argument breaks a rule.
        DefinitionConflictError: when the folder holds an exploration of other parameters or another seed.

    Example:
        >>> from assay.study.exploration_parameters import create_parameters
        >>> exploration = Exploration(create_parameters(["A", "B"], [-5, -5], [10, 10]), verbose=0)
        >>> exploration.sample(5).shape
        (5, 2)
        >>> exploration.evaluate(lambda v: v[0] + v[1])
        >>> exploration.responses.shape, exploration.epochs
        ((5, 1), [(0, 5)])
    """

    def __init__(
        self,
        parameters: Any,
        response_names: str | Sequence[str] | None = None,
        sampler: Any = None,
        executor: ExecutorChoice = None,
        seed: int = 0,
        *,
        scheduler: ExecutorChoice = None,
        parallel: int = 1,
        directory: str | Path | None = None,
        store: str | Path | AbstractStore | None = None,
        interpreter: str | Sequence[str] | None = None,
        timeout_seconds: float = math.inf,
        retries: int = 0,
        verbose: int = 3,
    ) -> None:
        if executor is not None and scheduler is not None:
            raise UsageError("executor and scheduler are two words for the same thing; give one of them")
        self._reports = Reports(verbose)
        self._executor = executor if executor is not None else scheduler
        self._script: ScriptEvaluator | None = None
        folder = None if directory is None else Path(directory)
        if isinstance(parameters, str | Path):
            folder = Path(parameters).with_suffix(".exploration") if folder is None else folder
            parameters = ScriptEvaluator(parameters, interpreter, folder / RUNS)
        if isinstance(parameters, ScriptEvaluator):
            self._script = parameters
            said = self._script.description
            parameters = table_of(said.index, said.columns, said.attrs)
            response_names = response_names or said.responses
        space = space_of_parameters(parameters)
        self.parameters = parameters if hasattr(parameters, "to_dict") else table_of_space(space)
        self.sampler = sampler_of(sampler)
        if folder is not None and store is None:
            folder.mkdir(parents=True, exist_ok=True)
            store = folder / STORE
        self.study: Study = create_study(
            space.design,
            constraints=space.constraints,
            driver=DRIVER,
            study_id=STUDY_ID,
            store=MemoryStore() if store is None else store,
            seed=seed,
        )
        self._names = tuple(
            [response_names] if isinstance(response_names, str) else response_names or ["response"]
        )
        self.study.configure(
            surrogates=[{"name": name, "warping_function": "identity"} for name in self._names],
            num_parallel=parallel,
            timeout_seconds=timeout_seconds,
            retries=retries,
            max_failures_in_a_row=math.inf,
        )
        self.discovery: Any = None
        self._keep_settings(interpreter)

    # -- what it is ------------------------------------------------------------------------------------

    @property
    def seed(self) -> int:
        """The seed of everything random."""
        return self.study.seed

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters, in order."""
        return tuple(self.study.space.design_names)

    @property
    def response_names(self) -> tuple[str, ...]:
        """The responses, in order."""
        return self._names

    @property
    def script(self) -> Path | None:
        """The script that is the simulation."""
        return None if self._script is None else self._script.script

    @property
    def verbose(self) -> int:
        """How much is told: 0 (nothing) to 5."""
        return self._reports.level

    @verbose.setter
    def verbose(self, level: int) -> None:
        self._reports = Reports(level)

    def __repr__(self) -> str:
        rows, models = self.rows, "no model yet"
        failed = sum(trial.status == "failed" for trial in rows.finished)
        if self._is_learnable(rows):
            models = f"a Gaussian process for each of {', '.join(self._names)}"
        ranges = ", ".join(f"{item.name} in {item.domain}" for item in self.study.space.design)
        lines = [
            f"Exploration of {', '.join(self._names)} over {ranges}",
            f"  evaluated  {len(rows.finished)} in {len(rows.epochs)} epochs, {failed} failed",
            f"  queue      {len(rows.queued)}",
            f"  sampler    {self.sampler!r}",
            f"  models     {models}",
            f"  seed       {self.seed}",
            f"  kept in    {self.study.location or 'memory'}",
        ]
        return "\n".join(lines)

    # -- what it has seen ------------------------------------------------------------------------------

    @property
    def rows(self) -> Rows:
        """Everything that was sampled or brought along."""
        return rows_of(self.study.state)

    @property
    def samples(self) -> Array:
        """(samples, parameters): the evaluated ones in the order in which they ended, then the queue."""
        return self.rows.samples(self.names)

    @property
    def evaluated(self) -> Array:
        """(evaluated, parameters), failed ones included."""
        rows = self.rows
        return rows.samples(self.names)[: len(rows.finished)]

    @property
    def queue(self) -> Array:
        """(queued, parameters): sampled and not evaluated."""
        rows = self.rows
        return rows.samples(self.names)[len(rows.finished) :]

    @property
    def responses(self) -> Array | None:
        """(evaluated, responses), NaN where an evaluation failed or did not measure one; None before the first."""
        rows = self.rows
        return rows.responses(self._names) if rows.finished else None

    @property
    def extras(self) -> list[Any]:
        """What a script set as `extra`, for each evaluated sample."""
        return [None if trial.outcome is None else trial.outcome.extra for trial in self.rows.finished]

    @property
    def errors(self) -> list[str | None]:
        """Why an evaluation failed, for each evaluated sample; None where it did not."""
        return self.rows.errors

    @property
    def epochs(self) -> list[tuple[int, int]]:
        """The rows that each call of `evaluate` or `run` brought: the first one, and the one after the last."""
        return self.rows.epochs

    @property
    def variances(self) -> Array:
        """(evaluated, responses): the posterior variance of each response where it was evaluated; NaN without a model."""
        rows = self.rows
        models = self.gp
        if models is None or not rows.finished:
            return np.full((len(rows.finished), len(self._names)), np.nan)
        points = [trial.suggestion.values for trial in rows.finished]
        return np.column_stack([model.predict(points)[1] for model in models])

    @property
    def measured_variances(self) -> Array:
        """(evaluated, responses): of the uncertainties that came with the responses; NaN where none did."""
        return self.rows.measured_variances(self._names)

    @property
    def results(self) -> Any:
        """A table: the parameters, the variance and the value of each response, and, where one failed, the errors."""
        return results_table(self.rows, self.names, self._names, self.variances)

    @property
    def gp(self) -> list[ResponseModel] | None:
        """The model of each response, fitted to everything that was evaluated; None as long as there is too little."""
        if not self._is_learnable(self.rows):
            return None
        belief = self.study.driver.belief()
        return [ResponseModel(name, belief, self.names) for name in self._names]

    def _is_learnable(self, rows: Rows) -> bool:
        seen = np.isfinite(rows.responses(self._names)).sum(axis=0)
        return bool((seen >= SMALLEST_FIT).all())

    # -- sampling and evaluating -----------------------------------------------------------------------

    def sample(self, n: int) -> Array:
        """Put `n` new points of the sampler into the queue. They are chosen together, and know what is evaluated and what
        is queued.

        Returns: (n, parameters).

        Raises:
            UsageError: when n is not positive, or a sampler of your own returns something else than points.
            NumericalError: when no feasible point is found.
        """
        if n < 1:
            raise UsageError(f"a number of samples must be positive, got {n!r}")
        history = self.study.history
        if isinstance(self.sampler, AbstractSampler):
            first = self.study.state.next_number
            points = sampled_points(self.sampler, history, first, n, self._posteriors)
            info = {"sampler": self.sampler.configuration()}
        else:
            points = own_points(self.sampler, history, n, self)
            info = {"sampler": {"type": type(self.sampler).__name__}}
        self.study.propose(points, info=info)
        self._reports.say(STEPS, f"{n} samples by {info['sampler']['type']}")
        return natural_rows(points, self.names)

    def _posteriors(self) -> list[Any]:
        if not self._is_learnable(self.rows):
            return []
        # the models that suggestions are made by: averaging over hyperparameters is for what people read
        belief = self.study.driver.recipe.belief(self.study.history, as_chosen=True)  # type: ignore[attr-defined]
        return [belief.posteriors[name] for name in self._names]

    def evaluate(
        self,
        responses: Callable[..., Any]
        | AbstractEvaluator
        | str
        | Sequence[Any]
        | Mapping[Any, Any]
        | Array
        | None = None,
        variances: Any = None,
    ) -> None:
        """Evaluate the queue.

        Arguments:
            responses: a function of the vector of parameters, or of the parameters by their names; an evaluator, such as a
                command; the responses themselves, in the order of the queue, perhaps of its first samples only, with None
                for one that is not known yet and NaN for one that failed; or a mapping from the place in the queue to the
                response. Nothing for the script. With several responses, an entry is a list or a mapping by name.
            variances: with responses themselves, their variance, in the same form.

        A function or script that fails makes a row with its reason; running this again goes on where it was cut off.

        Raises:
            UsageError: when there are more responses than samples in the queue, or they are no numbers.
            StudyError: when nothing is given and there is no script.
        """
        if responses is None and self._script is None:
            raise StudyError(
                "evaluate needs responses or a function, since the exploration was not made of a script"
            )
        self._begin_epoch()
        before = len(self.rows.finished)
        if responses is None or callable(responses) or isinstance(responses, str | AbstractEvaluator):
            self.study.run(
                self._evaluator(responses), self._executor, observers=[self._reports.observe], suggest=False
            )
        else:
            told = told_responses(
                responses, variances, [trial.number for trial in self.rows.queued], self._names
            )
            self.study.add_outcomes(told)
        self._report_since(before)

    def run(
        self,
        n: int,
        function: Callable[..., Any] | AbstractEvaluator | str | None = None,
        observers: Sequence[Callable[[Progress], None]] = (),
    ) -> None:
        """Sample and evaluate `n` points, a new one being chosen as each evaluation ends; what is queued comes first and
        counts.

        Arguments:
            n: how many evaluations.
            function: as in `evaluate`; nothing for the script.
            observers: called with a `Progress` after each evaluation.
        """
        if function is None and self._script is None:
            raise StudyError("run needs a function, since the exploration was not made of a script")
        self._begin_epoch()
        rows = self.rows
        before, chosen = len(rows.finished), len(rows.queued)
        first = min(n, self.study.settings.num_parallel) - chosen
        if first > 0:
            self.sample(first)
            chosen += first

        def choose_the_next(progress: Progress) -> None:
            nonlocal chosen
            if progress.trial is not None and chosen < n:
                self.sample(1)
                chosen += 1

        self.study.run(
            self._evaluator(function),
            self._executor,
            observers=[self._reports.observe, choose_the_next, *observers],
            suggest=False,
            stop=lambda progress: progress.done_here >= n,
        )
        self._report_since(before)

    def augment(self, samples: Any, responses: Any, variances: Any = None) -> None:
        """Bring along points that were evaluated elsewhere; they belong to no epoch, and the queue stays.

        Arguments:
            samples: (rows, parameters), or a table with the names of the parameters.
            responses: (rows,) or (rows, responses).
            variances: of the responses, in the same form.

        Raises:
            UsageError: when lengths differ, or a value breaks its rule; nothing is kept then.
        """
        if hasattr(samples, "to_dict"):
            points = [{name: row[name] for name in self.names} for row in samples.to_dict("records")]
        else:
            points = [
                dict(zip(self.names, row, strict=False)) for row in np.asarray(samples, dtype=object).tolist()
            ]
        observations = observations_of(responses, variances, len(points), self._names)
        self.study.add_many(observations, points)

    def subset(self, select: Any, directory: str | Path | None = None) -> Exploration:
        """Another exploration, of some of the samples; epochs and the queue are kept.

        Arguments:
            select: a mask, places or a slice, of `samples` or, leaving the queue out, of `evaluated`; or a function from the
                table of `results` to a mask.
            directory: where it is to live; None for memory.

        Raises:
            UsageError: when the mask has another length.
        """
        rows = self.rows
        chosen = select(self.results) if callable(select) else select
        places = chosen_places(chosen, len(rows.finished), len(rows.queued))
        store = MemoryStore()
        store.append(STUDY_ID, selected_events(self.study.state, places))
        if directory is not None:
            Path(directory).mkdir(parents=True, exist_ok=True)
            copy_journal(store, STUDY_ID, Path(directory))
        settings = self.study.settings
        return Exploration(
            self.parameters if self._script is None else self._script,
            self._names,
            self.sampler,
            self._executor,
            self.seed,
            parallel=settings.num_parallel,
            directory=directory,
            store=None if directory is not None else store,
            timeout_seconds=settings.timeout_seconds,
            retries=settings.retries,
            verbose=self.verbose,
        )

    # -- understanding ---------------------------------------------------------------------------------

    def discover(self, response: int | str = 0, *, denoise: bool = False, **keys: Any) -> Any:
        """Look for the law behind a response; see `assay.discovery.discover.discover`, which gets the further keys.

        Arguments:
            response: its name or place.
            denoise: take what the model believes in place of what was measured.

        Returns: the laws; the last ones stay under `discovery`. Where measured variances are known, they weigh.

        Raises:
            StudyError: before anything was evaluated with success.
        """
        from assay.discovery.discover import discover

        place = self._place(response)
        data, standard_error = known_columns(self.rows, self.names, self._names, place)
        if standard_error is not None and not denoise:
            keys.setdefault("standard_error", standard_error)
        if denoise and self.gp is not None:
            data[self._names[place]] = self.gp[place].predict(self.rows.known_points(self._names[place]))[0]
        self.discovery = discover(data, self._names[place], **keys)
        return self.discovery

    def sensitivity(self, method: str = "sobol", response: int | str = 0, **keys: Any) -> Any:
        """How much of the variance of a response each parameter causes, as a table.

        Arguments:
            method: `sobol`: the indices of the model over the whole space; `rbd_fast`, `delta`, `pawn` or `hdmr`: of what
                was evaluated, by SALib.
            response: its name or place.
            keys: further ones of the method.

        Raises:
            UsageError: for another method, or before two evaluations succeeded.
            StudyError: before anything was evaluated with success.
        """
        place = self._place(response)
        if method == "sobol":
            return sobol_table(self.study.driver.get_sobol_indices("surrogate", self._names[place], **keys))
        data, _ = known_columns(self.rows, self.names, self._names, place)
        return sensitivity_of(method, self.study.space, data, self._names[place], **keys)

    def _place(self, response: int | str) -> int:
        place = self._names.index(response) if response in self._names else response
        if not isinstance(place, int) or not -len(self._names) <= place < len(self._names):
            raise UsageError(f"the responses are {', '.join(self._names)}, got {response!r}")
        return place % len(self._names)

    # -- pictures --------------------------------------------------------------------------------------

    def plot_samples(self, colors: Sequence[str] | None = None, marker_size: float = 7) -> Any:
        """Where the samples lie, by epoch, as a plotly figure; see `assay.plots.samples`."""
        return load("plots", "samples")(self, colors, marker_size)

    def plot_response(self, f: Callable[..., Any] | None = None, colors: Sequence[str] | None = None) -> Any:
        """The mean and the variance of each model over two parameters, beside the truth `f` where it is known, as a plotly
        figure; see `assay.plots.response`."""
        return load("plots", "response")(self, f, colors)

    def plot_gp(
        self, response: int | str = 0, resolution: tuple[int, int] = (32, 32), verbose: bool = True
    ) -> Any:
        """Slices of a response and its uncertainty through all pairs of parameters, with sliders for the others, as a plotly
        figure; see `assay.plots.gp_slices`."""
        if verbose:
            self._reports.say(STEPS, f"slices of {self._names[self._place(response)]}")
        return load("plots", "gp_slices")(self, self._place(response), resolution)

    # -- keeping ---------------------------------------------------------------------------------------

    def save(self, directory: str | Path) -> Path:
        """Write everything into a folder: the journal, from which `load` goes on, and tables and settings that people read.

        Saving again adds what is new. Each file is written whole or not at all.

        Returns: the folder.

        Raises:
            UsageError: when the folder holds another exploration.
        """
        folder = Path(directory)
        folder.mkdir(parents=True, exist_ok=True)
        if self.study.location is None or Path(self.study.location).resolve() != (folder / STORE).resolve():
            copy_journal(self.study.store, self.study.id, folder)
        queue = type(self.results)(self.queue, columns=list(self.names))
        settings = {"seed": self.seed, "epochs": self.epochs, **self.study.state.saved[SETTINGS]}
        write_tables(folder, settings, self.results, queue, repr(self), self.script)
        return folder

    @staticmethod
    def load(
        directory: str | Path, sampler: Any = None, executor: ExecutorChoice = None, **keys: Any
    ) -> Exploration:
        """The exploration of a folder; it goes on there.

        Arguments:
            directory: as it was given to `save`, or from the beginning.
            sampler: in place of the one that is noted; needed for one of your own.
            executor: where evaluations run from now on.
            keys: further ones of `Exploration`.

        Raises:
            StoreError: when the folder holds none.
        """
        folder = Path(directory)
        settings, seed = load_settings(folder)
        script = settings.get("script")
        if script is not None and not Path(script).is_file():
            script = str(folder / SCRIPT)
        table = settings["table"]
        keys = {"parallel": settings["parallel"], "verbose": settings["verbose"], **keys}
        return Exploration(
            script or table_of(table["index"], table["columns"], table["attrs"]),
            settings["response_names"],
            sampler if sampler is not None else settings["sampler"],
            executor,
            seed,
            directory=folder,
            interpreter=settings["interpreter"],
            **keys,
        )

    def _keep_settings(self, interpreter: str | Sequence[str] | None) -> None:
        """What `load` needs, in the journal."""
        own = isinstance(self.sampler, AbstractSampler)
        state = {
            "table": plain_table(self.parameters),
            "response_names": list(self._names),
            "sampler": self.sampler.configuration() if own else None,
            "script": None if self._script is None else str(self._script.script),
            "interpreter": [interpreter] if isinstance(interpreter, str) else interpreter,
            "parallel": self.study.settings.num_parallel,
            "verbose": self.verbose,
        }
        if self.study.state.saved.get(SETTINGS) != state:
            self.study.save_state(SETTINGS, state)

    def _evaluator(self, source: Any) -> AbstractEvaluator:
        simulation: Any = self._script if source is None else source
        return named_evaluator(simulation, self.names, self._names)

    def _begin_epoch(self) -> None:
        rows = self.rows
        self.study.save_state(EPOCHS, {"starts": [*rows.starts, len(rows.finished)]})

    def _report_since(self, before: int) -> None:
        finished = self.rows.finished[before:]
        failed = sum(trial.status == "failed" for trial in finished)
        tail = f", {failed} of them failed" if failed else ""
        self._reports.say(SUMMARIES, f"{len(finished)} evaluations{tail}; {len(self.rows.finished)} in all")
