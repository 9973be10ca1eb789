"""The exception tree.

AssayError
├── UsageError (ValueError)          the caller gave something that breaks a rule
│   ├── SpaceError                   a parameter, environment or constraint
│   ├── ExpressionError              the text of an expression
│   ├── ConfigurationError           a configuration, with the path of the offending key
│   └── DefinitionConflictError      a stored study and the definition given for it differ
├── MissingExtraError (ImportError)  an optional dependency is not installed
├── StudyError (RuntimeError)        the study cannot do that now
│   ├── NoFreeSlotError              every parallel slot holds an open suggestion
│   ├── UnknownSuggestionError       no open suggestion has that number
│   └── TooManyFailuresError         the run met its limit of failures in a row
├── StoreError (RuntimeError)        the journal cannot be read or written
│   ├── StoreVersionError            it was written by a newer version
│   └── StoreBusyError               another process held it for too long
├── EvaluationError (RuntimeError)   an evaluation could not be carried out or understood
└── NumericalError (ArithmeticError) a computation failed; the text names the cure

Every message is one sentence: what, whose, the rule, what was got. All of them survive pickling, since
they travel between processes.
"""

from __future__ import annotations

__all__ = [
    "AssayError",
    "ConfigurationError",
    "DefinitionConflictError",
    "EvaluationError",
    "ExpressionError",
    "MissingExtraError",
    "NoFreeSlotError",
    "NumericalError",
    "SpaceError",
    "StoreBusyError",
    "StoreError",
    "StoreVersionError",
    "StudyError",
    "TooManyFailuresError",
    "UnknownSuggestionError",
    "UsageError",
]


class AssayError(Exception):
    """The root: everything that this package raises on purpose."""


class UsageError(AssayError, ValueError):
    """The caller gave something that breaks a rule; raised before anything is stored or sent."""


class SpaceError(UsageError):
    """A parameter, an environment parameter or a constraint breaks a rule."""


class ExpressionError(UsageError):
    """The text of an expression is not in the language."""


class ConfigurationError(UsageError):
    """A configuration breaks its schema."""


class DefinitionConflictError(UsageError):
    """A stored study and the definition given for it differ; `differences` has each of them in words."""

    differences: tuple[str, ...] = ()


class MissingExtraError(AssayError, ImportError):
    """An optional dependency is not installed."""

    def __reduce__(self):  # ImportError.__reduce__ would drop the arguments of a subclass
        return type(self), self.args


class StudyError(AssayError, RuntimeError):
    """The study cannot do that in its present state."""


class NoFreeSlotError(StudyError):
    """Every parallel slot holds an open suggestion."""


class UnknownSuggestionError(StudyError):
    """No open suggestion has that number."""


class TooManyFailuresError(StudyError):
    """The run met its limit of failed evaluations in a row."""


class StoreError(AssayError, RuntimeError):
    """The journal cannot be read or written."""


class StoreVersionError(StoreError):
    """The journal was written by a newer version of the package."""


class StoreBusyError(StoreError):
    """Another process held the journal for longer than we were willing to wait."""


class EvaluationError(AssayError, RuntimeError):
    """An evaluation could not be carried out, or its result could not be understood."""


class NumericalError(AssayError, ArithmeticError):
    """A computation failed; the text names the cure."""


def missing_extra(package: str, extra: str) -> MissingExtraError:
    """The error for an optional dependency that is not installed, with the command that installs it."""
    return MissingExtraError(f"{package} is not installed; install it with: pip install 'assay[{extra}]'")
