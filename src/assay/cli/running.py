"""`assay run` and `assay resume`."""

from __future__ import annotations

from pathlib import Path

import typer

from assay.cli.progress import observing
from assay.cli.target import open_target
from assay.errors import StudyError
from assay.study.file import StudyFile, read_study_file
from assay.study.study import Study

__all__ = ["resume_study", "run_study_file"]

STUDY_FILE = "study_file"


def run_study_file(
    path: Path, store: str | None, max_evaluations: int | None, executor: str | None = None
) -> None:
    """Create or go on with the study of a file, and run it."""
    file = read_study_file(path)
    if executor is not None:
        file = file.with_executor(executor)
    evaluator = file.evaluator()  # what is wrong with it is said before anything is stored
    study = file.open(store)
    if max_evaluations is not None:
        study.configure(max_iter=max_evaluations)
    _remember(study, file)
    typer.echo(f"study {study.id!r} in {study.location}")
    with observing(study.name) as observer:
        study.run(evaluator, file.executor(), stop=file.stop(), observers=[observer])
    _say_how_it_ended(study)


def resume_study(
    target: str | None, study_id: str | None, max_evaluations: int | None, executor: str | None = None
) -> None:
    """Go on with a study that has begun.

    Raises:
        StudyError: when it has not begun, or its study file is not where it was.
    """
    study = open_target(target, study_id)
    if target is not None and target.endswith(".toml"):
        return run_study_file(Path(target), None, max_evaluations, executor)
    known = study.state.saved.get(STUDY_FILE)
    if known is None or not Path(known["path"]).is_file():
        where = "it was not begun by `assay run`" if known is None else f"{known['path']} is gone"
        raise StudyError(
            f"the study file of study {study.id!r} is not known, since {where}; give it: assay run STUDY.toml --store STORE"
        )
    return run_study_file(Path(known["path"]), str(study.location), max_evaluations, executor)


def _remember(study: Study, file: StudyFile) -> None:
    """Note in the journal where the study file lies, so that `assay resume STORE` finds it."""
    state = {"path": str(file.path.resolve())}
    if study.state.saved.get(STUDY_FILE) != state:
        study.save_state(STUDY_FILE, state)


def _say_how_it_ended(study: Study) -> None:
    best, state = study.best, study.state
    failures = f", {state.failed} failed" if state.failed else ""
    typer.echo(f"{state.finished} evaluations{failures}; {study.stop_reason() or 'stopped'}")
    if best is None:
        if state.finished == state.failed:
            typer.echo("no evaluation has succeeded")
            failed = [
                trial.outcome.error
                for trial in study.trials
                if trial.outcome is not None and trial.outcome.error
            ]
            if failed:
                typer.echo(f"the last one failed: {failed[-1]}")
        return
    typer.echo(f"best {best['objective']:.8g} at suggestion {best['number']}:")
    for name, value in best["values"].items():
        typer.echo(f"  {name} = {value}")
