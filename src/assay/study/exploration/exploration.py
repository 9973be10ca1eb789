"""Exploration: sample a space, evaluate the samples anywhere, learn the responses, sample where little is known."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, final

import numpy as np

from assay.drivers.samplers_abstract import AbstractSampler
from assay.errors import StudyError, UsageError
from assay.executors.abstract import AbstractEvaluator
from assay.executors.responses import SINGLE
from assay.records import Observation, Outcome
from assay.store.abstract import AbstractStore
from assay.store.memory import MemoryStore
from assay.study.catalog import load
from assay.study.evaluation import ExecutorChoice
from assay.study.exploration.creation import STUDY_ID, is_changed, settings_of, study_of
from assay.study.exploration.files import (
    SETTINGS,
    STORE,
    copy_journal,
    load_settings,
    write_tables,
)
from assay.study.exploration.functions import Source, evaluated_alone, named_evaluator, simulation_of
from assay.study.exploration.models import ResponseModel, sensitivity_of, sobol_table
from assay.study.exploration.parameters import space_of_parameters, table_of, units_of
from assay.study.exploration.reports import FAILURES, STEPS, Reports, summary
from assay.study.exploration.responses import names_of_rows, observations_of, told_responses
from assay.study.exploration.rows import (
    EPOCHS,
    Rows,
    chosen_places,
    natural_rows,
    points_of_rows,
    results_table,
    rows_of,
    selected_events,
)
from assay.study.exploration.samplers import configuration_of, own_points, sampler_of, words_of
from assay.study.laws import laws_of_study
from assay.study.progress import Progress
from assay.study.study import Study
from assay.surrogates.abstract import AbstractPosterior

__all__ = ["Exploration"]

Array = np.ndarray

OWN_SAMPLER = {"origin": "sampler"}
CHANGED = (
    "{} has changed since this exploration was last used; the {} rows before stay beside what comes now: where they do not "
    "belong together, explore in another directory"
)


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
        >>> from assay.study.exploration.parameters import create_parameters
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
        self.executor = executor if executor is not None else scheduler
        self.parameters, self._script, folder = simulation_of(parameters, interpreter, directory)
        space = space_of_parameters(self.parameters)
        if response_names is None and self._script is not None:
            response_names = self._script.description.responses
        self._sampler = sampler_of(sampler)
        self.study: Study = study_of(space, seed, store, folder, self.script)
        known = configuration_of(self._sampler)
        self.study.configure(
            num_parallel=parallel,
            timeout_seconds=timeout_seconds,
            retries=retries,
            max_failures_in_a_row=math.inf,
            **({} if known is None else {"sampler": known}),
        )
        self.discovery: Any = None
        self._settings = {
            **settings_of(self.parameters, self.script, interpreter),
            "sampler": known,
            "parallel": parallel,
            "verbose": verbose,
        }
        kept = self.study.state.saved.get(SETTINGS, {})
        if self.script is not None and is_changed(kept, self._settings):
            self._reports.say(FAILURES, CHANGED.format(self.script.name, self.study.state.finished))
        given = [response_names] if isinstance(response_names, str) else response_names
        given = given or kept.get("response_names")
        self._name_responses(None if given is None else list(given))

    def _name_responses(self, names: Sequence[str] | None) -> None:
        """A model for each response; None as long as nobody knows their names."""
        if names is not None:
            self.study.configure(surrogates=[{"name": name} for name in names])
        self._keep(response_names=names)

    def _keep(self, **settings: Any) -> None:
        """Note settings in the journal, where `load` finds them."""
        self._settings.update(settings)
        if self.study.state.saved.get(SETTINGS) != self._settings:
            self.study.save_state(SETTINGS, dict(self._settings))

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
        """The responses, in order; `response` as long as none was evaluated and no names were given."""
        return tuple(self._settings["response_names"] or [SINGLE])

    @property
    def script(self) -> Path | None:
        """The script that is the simulation."""
        return None if self._script is None else self._script.script

    @property
    def sampler(self) -> Any:
        """What says where to look next; it may be set, and counts from the next sample on."""
        return self._sampler

    @sampler.setter
    def sampler(self, choice: Any) -> None:
        self._sampler = sampler_of(choice)
        known = configuration_of(self._sampler)
        if known is not None:
            self.study.configure(sampler=known)
        self._keep(sampler=known)

    @property
    def scheduler(self) -> ExecutorChoice:
        """Another word for `executor`, where evaluations run; both may be set."""
        return self.executor

    @scheduler.setter
    def scheduler(self, choice: ExecutorChoice) -> None:
        self.executor = choice

    @property
    def verbose(self) -> int:
        """How much is told: 0 (nothing) to 5; it may be set."""
        return self._reports.level

    @verbose.setter
    def verbose(self, level: int) -> None:
        self._reports = Reports(level)

    def __repr__(self) -> str:
        return summary(self.study, self.rows, self.response_names, words_of(self.sampler))

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
        return rows.responses(self.response_names) if rows.finished else None

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
        finished, models = self.rows.finished, self.gp
        if models is None:
            return np.full((len(finished), len(self.response_names)), np.nan)
        points = [trial.suggestion.values for trial in finished]
        return np.column_stack([model.predict(points)[1] for model in models])

    @property
    def measured_variances(self) -> Array:
        """(evaluated, responses): of the uncertainties that came with the responses; NaN where none did."""
        return self.rows.measured_variances(self.response_names)

    @property
    def results(self) -> Any:
        """A table: the parameters, the variance and the value of each response, and, where one failed, the errors."""
        return results_table(self.rows, self.names, self.response_names, self.variances)

    @property
    def gp(self) -> list[ResponseModel] | None:
        """The model of each response, fitted to everything that was evaluated; None as long as there is too little."""
        if not self.rows.is_learnable(self.response_names):
            return None
        belief = self.study.driver.belief()
        return [ResponseModel(name, belief, self.names) for name in self.response_names]

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
        if isinstance(self.sampler, AbstractSampler):
            numbers = self.study.propose(n)
        else:
            numbers = self.study.propose(
                own_points(self.sampler, self.study.space, n, self), info=OWN_SAMPLER
            )
        self._reports.say(STEPS, f"{n} samples by {words_of(self.sampler)}")
        trials = self.study.state.trials
        return natural_rows([trials[number].suggestion.values for number in numbers], self.names)

    def posteriors(self) -> list[AbstractPosterior]:
        """The posterior of each response that new samples are chosen by, in unit coordinates: with the hyperparameters of the
        greatest evidence, where `gp` is averaged over them. Empty as long as there is too little."""
        if not self.rows.is_learnable(self.response_names):
            return []
        belief = self.study.driver.belief(as_chosen=True)
        return [belief.posteriors[name] for name in self.response_names]

    def evaluate(
        self,
        responses: Source | Sequence[Any] | Mapping[Any, Any] | Array | None = None,
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
        is_source = responses is None or callable(responses) or isinstance(responses, str | AbstractEvaluator)
        told = {} if is_source else self._told(responses, variances)
        before = self._begin_epoch()
        if is_source:
            self._learn_names(responses)
            self.study.run(
                self._evaluator(responses), self.executor, observers=[self._reports.observe], suggest=False
            )
        else:
            self.study.add_outcomes(told)
        self._reports.brought(self.rows.finished, before)

    def run(
        self,
        n: int,
        function: Source | None = None,
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
        before, parallel = self._begin_epoch(), self.study.settings.num_parallel
        while self._settings["response_names"] is None and self.study.state.finished - before < n:
            if not self.rows.queued:
                self.sample(1)
            self._learn_names(function)

        # Points that need no model are known beforehand: written down together they cost next to nothing.
        ahead = n if isinstance(self.sampler, AbstractSampler) and not self.sampler.uses_models else parallel

        def choose(progress: Progress | None = None) -> None:
            """Samples for the places that are free: one for each evaluation that has ended, together."""
            if progress is not None and progress.trial is None:
                return
            state = self.study.state
            missing = min(ahead, n - (state.finished - before)) - len(state.open)
            if missing > 0:
                self.sample(missing)

        choose()
        self.study.run(
            self._evaluator(function),
            self.executor,
            observers=[self._reports.observe, choose, *observers],
            suggest=False,
            stop=lambda progress: progress.finished - before >= n,
        )
        self._reports.brought(self.rows.finished, before)

    def augment(self, samples: Any, responses: Any, variances: Any = None) -> None:
        """Bring along points that were evaluated elsewhere; they belong to no epoch, and the queue stays.

        Arguments:
            samples: (rows, parameters), or a table with the names of the parameters.
            responses: (rows,) or (rows, responses).
            variances: of the responses, in the same form.

        Raises:
            UsageError: when lengths differ, or a value breaks its rule; nothing is kept then.
        """
        points = points_of_rows(samples, self.names)
        if self._settings["response_names"] is None:
            self._name_responses(names_of_rows(responses))
        observations = observations_of(responses, variances, len(points), self.response_names)
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
            self.response_names,
            self.sampler,
            self.executor,
            self.seed,
            parallel=settings.num_parallel,
            directory=directory,
            store=None if directory is not None else store,
            timeout_seconds=settings.timeout_seconds,
            retries=settings.retries,
            verbose=self.verbose,
        )

    # -- understanding ---------------------------------------------------------------------------------

    def discover(self, response: int | str = 0, **keys: Any) -> Any:
        """Look for the law behind a response; see `assay.discovery.discover.discover`, which gets the further keys.

        Arguments:
            response: its name or place.
            keys: `units` of the response are enough where the table of parameters has a column `unit`.

        Returns: the laws; the last ones stay under `discovery`. Where measured variances are known, they weigh.

        Raises:
            StudyError: before anything was evaluated with success.
            UsageError: for a parameter with labels, which an equation cannot hold, and for keys that break a rule.
        """
        name = self.response_names[self._place(response)]
        if "units" in keys:
            keys["units"] = {**units_of(self.parameters), **keys["units"]}
        self.discovery = laws_of_study(self.study, name, **keys)
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
            return sobol_table(
                self.study.driver.get_sobol_indices("surrogate", self.response_names[place], **keys)
            )
        return sensitivity_of(method, self.study.space, self.rows, self.response_names[place], **keys)

    def _place(self, response: int | str) -> int:
        place = self.response_names.index(response) if response in self.response_names else response
        if not isinstance(place, int) or not -len(self.response_names) <= place < len(self.response_names):
            raise UsageError(f"the responses are {', '.join(self.response_names)}, got {response!r}")
        return place % len(self.response_names)

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
            self._reports.say(STEPS, f"slices of {self.response_names[self._place(response)]}")
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
        settings, seed = load_settings(Path(directory))
        keys = {"parallel": settings["parallel"], "verbose": settings["verbose"], **keys}
        return Exploration(
            settings["script"] or table_of(**settings["table"]),
            settings["response_names"],
            settings["sampler"] if sampler is None else sampler,
            executor,
            seed,
            directory=directory,
            interpreter=settings["interpreter"],
            **keys,
        )

    def _told(self, responses: Any, variances: Any) -> dict[int, Observation | Outcome]:
        if self._settings["response_names"] is None:
            self._name_responses(names_of_rows(responses))
        return told_responses(
            responses, variances, [trial.number for trial in self.rows.queued], self.response_names
        )

    def _learn_names(self, source: Any) -> None:
        """Where nobody has said how the responses are called, the first sample is evaluated alone to learn it."""
        if self._settings["response_names"] is not None:
            return
        for trial in self.rows.queued:
            outcome = evaluated_alone(self._evaluator(source), self.executor, self.study, trial)
            if outcome.status == "succeeded":
                self._name_responses([str(entry.model_name) for entry in outcome.measurements])
            self.study.add_outcomes({trial.number: outcome})
            self._reports.ended(
                replace(trial, status="failed" if outcome.error else "succeeded", outcome=outcome)
            )
            if outcome.status == "succeeded":
                return

    def _evaluator(self, source: Any) -> AbstractEvaluator:
        simulation: Any = self._script if source is None else source
        return named_evaluator(simulation, self.names, self._settings["response_names"])

    def _begin_epoch(self) -> int:
        """Note how many rows have finished; how many."""
        rows = self.rows
        self.study.save_state(EPOCHS, {"starts": [*rows.starts, len(rows.finished)]})
        return len(rows.finished)
