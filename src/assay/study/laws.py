"""From a study to its laws, and from a law back into a study: its equation as the prior mean of a surrogate."""

from __future__ import annotations

import math
from typing import Any

from assay.discovery.discover import discover
from assay.discovery.laws import Law, Laws
from assay.drivers.law_search import LawSearch
from assay.errors import StudyError, UsageError
from assay.study.study import Study

__all__ = ["adopt_law", "columns_of_study", "laws_of_study"]

DEFAULT_RESPONSE = "loss"


def laws_of_study(study: Study, response: str | None = None, **options: Any) -> Laws:
    """The laws behind what a study observed.

    Arguments:
        study: any; of one whose driver is `LawSearch`, the driver's settings hold unless others are given.
        response: the name of what is to be explained, where observations have several; with several outputs, and their
            number behind a dot, such as `curve.3`.
        options: those of `discover`.

    Raises:
        StudyError: before anything was observed with success.
        UsageError: for an unknown response, and options that break a rule.
        NumericalError: when no law describes the observations.

    Example:
        >>> import assay
        >>> study = assay.create_study([assay.Continuous("x", (1.0, 3.0))], driver="RandomSearch")
        >>> study.configure(max_iter=10)
        >>> study.run(lambda x: 0.5 * x**2)
        >>> laws_of_study(study, engines=["deterministic"]).recommended.equation
        '0.5*x^2'
    """
    driver = study.driver.recipe
    if isinstance(driver, LawSearch) and response is None and not options:
        return driver.laws(study.history)
    columns, name, standard_error = columns_of_study(study, response)
    return discover(columns, name, **{"standard_error": standard_error, **options})


def columns_of_study(
    study: Study, response: str | None = None
) -> tuple[dict[str, list[float]], str, list[float] | None]:
    """What a study observed as columns: the parameters that are numbers and vary, the environment, and a response.

    Returns:
        The columns by name, the name of the response's, and the standard errors where all observations have one.

    Raises:
        StudyError: before anything was observed with success.
        UsageError: for an unknown response, and a category, which an equation cannot hold.
    """
    from pandas.api.types import is_numeric_dtype

    table = study.to_dataframe()
    table = table[table["status"] == "succeeded"]
    known = [column.removeprefix("value.") for column in table if column.startswith("value.")]
    if not known:
        raise StudyError(
            f"laws are looked for in what was observed, and study {study.id!r} has no observations"
        )
    name = response or known[0]
    if name not in known:
        raise UsageError(f"the response must be one of {' '.join(known)}, got {name!r}")
    table = table[table[f"value.{name}"].notna()]
    columns: dict[str, list[float]] = {}
    for column in table:
        kind, _, parameter = column.partition(".")
        if kind not in ("param", "env") or table[column].nunique() < 2:
            continue
        if not is_numeric_dtype(table[column]):
            raise UsageError(
                f"a law can hold parameters that are numbers, got the category {parameter!r}; use LawSearch, or keep to one"
                " of its labels"
            )
        columns[parameter] = table[column].astype(float).tolist()
    columns[name.replace(".", "_")] = table[f"value.{name}"].tolist()
    errors = table[f"std.{name}"].tolist() if f"std.{name}" in table else [math.nan]
    known_errors = all(math.isfinite(error) and error > 0 for error in errors)
    return columns, name.replace(".", "_"), errors if known_errors else None


def adopt_law(study: Study, law: Law, surrogate: str | None = None) -> None:
    """Make a law the prior mean of a surrogate: it then learns only what the law leaves over.

    It is a change of the configuration like any other: kept in the journal, and counting from the next suggestion on.

    Arguments:
        study: with a driver that has Gaussian processes.
        law: found in the units of the study's parameters.
        surrogate: its name; the first one where none is given.

    Raises:
        UsageError: when the driver has no surrogates, or none of that name.
        ConfigurationError: when the law holds what is no parameter, or the surrogate is no Gaussian process.

    Example:
        >>> import assay
        >>> study = assay.create_study([assay.Continuous("x", (1.0, 3.0))])
        >>> study.configure(max_iter=10)
        >>> study.run(lambda x: 0.5 * x**2)
        >>> adopt_law(study, laws_of_study(study, engines=["deterministic"]).recommended)
        >>> study.configuration["surrogates"][0]["prior_mean"]
        '0.5*x^2'
    """
    surrogates = study.configuration.get("surrogates")
    if not surrogates:
        kind = type(study.driver.recipe).__name__
        raise UsageError(
            f"a law is the prior mean of a surrogate, and the driver {kind} of study {study.id!r} has none"
        )
    names = [entry["name"] for entry in surrogates]
    if surrogate is not None and surrogate not in names:
        raise UsageError(f"the surrogate must be one of {' '.join(names)}, got {surrogate!r}")
    place = 0 if surrogate is None else names.index(surrogate)
    entries = [
        {**entry, "prior_mean": law.in_units_of_data} if index == place else entry
        for index, entry in enumerate(surrogates)
    ]
    study.configure(surrogates=entries)
