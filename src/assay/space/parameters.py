"""The kinds of parameters: design parameters are chosen, environment parameters are met."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from types import MappingProxyType
from typing import Any, ClassVar, final

from assay.errors import SpaceError
from assay.records import ParameterValue
from assay.space.schema import as_finite, as_flag, as_interval, as_name, as_whole, set_normal, shown

__all__ = [
    "DESIGN_KINDS",
    "ENVIRONMENT_KINDS",
    "Categorical",
    "Continuous",
    "DesignParameter",
    "Discrete",
    "EnvironmentFixed",
    "EnvironmentParameter",
    "EnvironmentVariable",
    "Fixed",
    "Integer",
    "Text",
]


def _check_words(item: Any) -> None:
    for key in ("unit", "text"):
        value = getattr(item, key)
        if value is not None and not isinstance(value, str):
            raise SpaceError(f"the {key} of parameter {item.name!r} must be a text, got {shown(value)}")


def _entries(item: Any, domain: Any) -> list[Any]:
    if isinstance(domain, str | Mapping) or not isinstance(domain, Sequence):
        raise SpaceError(f"the domain of parameter {item.name!r} must be a list, got {shown(domain)}")
    if len(domain) < 2:
        raise SpaceError(
            f"the domain of parameter {item.name!r} must hold two entries or more, got {shown(domain)}"
        )
    return list(domain)


@final
@dataclass(frozen=True, slots=True)
class Continuous:
    """A number in [lower, upper].

    Arguments:
        name: letters, digits and _; not a word of the expression language.
        domain: (lower, upper).
        log: whether it matters by its ratio, not its difference; the domain is then positive.
        unit, text: for people.

    Example:
        >>> Continuous("thickness_nm", (5, 200), unit="nm").domain
        (5.0, 200.0)
    """

    type: ClassVar[str] = "continuous"
    name: str
    domain: tuple[float, float]
    _: KW_ONLY
    log: bool = False
    unit: str | None = None
    text: str | None = None

    def __post_init__(self) -> None:
        as_name("a design parameter", self.name)
        set_normal(self, "domain", as_interval(f"the domain of parameter {self.name!r}", self.domain))
        as_flag(f"log of parameter {self.name!r}", self.log)
        _check_words(self)
        if self.log and self.domain[0] <= 0:
            raise SpaceError(
                f"the domain of parameter {self.name!r} must be positive with log, got {shown(self.domain)}"
            )

    def validate(self, value: Any) -> float:
        """The value as a float in the domain."""
        number = as_finite(f"parameter {self.name!r}", value)
        lower, upper = self.domain
        if not lower <= number <= upper:
            raise SpaceError(
                f"parameter {self.name!r} must lie in [{lower!r}, {upper!r}], got {shown(value)}"
            )
        return number


@final
@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number from lower to upper, both included.

    Example:
        >>> Integer("layers", (1, 6)).validate(3.0)
        3
    """

    type: ClassVar[str] = "integer"
    name: str
    domain: tuple[int, int]
    _: KW_ONLY
    unit: str | None = None
    text: str | None = None

    def __post_init__(self) -> None:
        as_name("a design parameter", self.name)
        what = f"the domain of parameter {self.name!r}"
        as_interval(what, self.domain)
        set_normal(self, "domain", (as_whole(what, self.domain[0]), as_whole(what, self.domain[1])))
        if max(map(abs, self.domain)) > 2**53:
            raise SpaceError(f"{what} must stay within 2^53, got {shown(self.domain)}")
        _check_words(self)

    def validate(self, value: Any) -> int:
        """The value as an int in the domain."""
        number = as_whole(f"parameter {self.name!r}", value)
        lower, upper = self.domain
        if not lower <= number <= upper:
            raise SpaceError(
                f"parameter {self.name!r} must be a whole number from {lower} to {upper}, got {shown(value)}"
            )
        return number


@final
@dataclass(frozen=True, slots=True)
class Discrete:
    """One of a list of numbers; kept in ascending order.

    Example:
        >>> Discrete("voltage_V", [5, 3.3, 12]).domain
        (3.3, 5, 12)
    """

    type: ClassVar[str] = "discrete"
    name: str
    domain: Sequence[float]
    _: KW_ONLY
    unit: str | None = None
    text: str | None = None

    def __post_init__(self) -> None:
        as_name("a design parameter", self.name)
        what = f"an entry of the domain of parameter {self.name!r}"
        numbers = []
        for entry in _entries(self, self.domain):
            number = as_finite(what, entry)
            numbers.append(int(number) if number.is_integer() and not isinstance(entry, float) else number)
        if len(set(numbers)) < len(numbers):
            raise SpaceError(
                f"the domain of parameter {self.name!r} must not repeat a number, got {shown(self.domain)}"
            )
        set_normal(self, "domain", tuple(sorted(numbers)))
        _check_words(self)

    def validate(self, value: Any) -> float:
        """The entry of the domain that equals the value."""
        number = as_finite(f"parameter {self.name!r}", value)
        for entry in self.domain:
            if entry == number:
                return entry
        raise SpaceError(f"parameter {self.name!r} must be one of {list(self.domain)!r}, got {shown(value)}")


@final
@dataclass(frozen=True, slots=True)
class Categorical:
    """One of a list of labels: exchangeable, unless `ordered` says that neighbours are alike.

    Example:
        >>> Categorical("material", ["silver", "gold", "copper"]).validate("gold")
        'gold'
    """

    type: ClassVar[str] = "categorical"
    name: str
    domain: Sequence[str]
    _: KW_ONLY
    ordered: bool = False
    unit: str | None = None
    text: str | None = None

    def __post_init__(self) -> None:
        as_name("a design parameter", self.name)
        labels = _entries(self, self.domain)
        for label in labels:
            if not isinstance(label, str) or not label:
                raise SpaceError(f"a label of parameter {self.name!r} must be a text, got {shown(label)}")
        if len(set(labels)) < len(labels):
            raise SpaceError(
                f"the domain of parameter {self.name!r} must not repeat a label, got {shown(labels)}"
            )
        set_normal(self, "domain", tuple(map(str, labels)))
        as_flag(f"ordered of parameter {self.name!r}", self.ordered)
        _check_words(self)

    def validate(self, value: Any) -> str:
        """The label."""
        if not isinstance(value, str) or value not in self.domain:
            raise SpaceError(
                f"parameter {self.name!r} must be one of {list(self.domain)!r}, got {shown(value)}"
            )
        return str(value)


@final
@dataclass(frozen=True, slots=True)
class Text:
    """A text of any content, such as an atomic structure or an input file, for drivers that write such texts.

    The other drivers choose numbers and labels, and refuse a space that holds one.

    Example:
        >>> Text("structure").validate("H 0 0 0")
        'H 0 0 0'
    """

    type: ClassVar[str] = "text"
    name: str
    domain: int = 1_000_000
    _: KW_ONLY
    unit: str | None = None
    text: str | None = None

    def __post_init__(self) -> None:
        as_name("a design parameter", self.name)
        what = f"the domain of parameter {self.name!r}, the most characters that it may have,"
        set_normal(self, "domain", as_whole(what, self.domain))
        if self.domain < 1:
            raise SpaceError(f"{what} must be at least 1, got {shown(self.domain)}")
        _check_words(self)

    def validate(self, value: Any) -> str:
        """The text."""
        if not isinstance(value, str) or not 0 < len(value) <= self.domain:
            raise SpaceError(
                f"parameter {self.name!r} must be a text of at most {self.domain} characters that is not empty, got {shown(value)}"
            )
        return str(value)


@final
@dataclass(frozen=True, slots=True)
class Fixed:
    """A number or a label that does not vary; the evaluator gets it, and expressions may use the number.

    Example:
        >>> Fixed("wavelength_nm", 550).validate(550.0)
        550
    """

    type: ClassVar[str] = "fixed"
    name: str
    domain: ParameterValue
    _: KW_ONLY
    unit: str | None = None
    text: str | None = None

    def __post_init__(self) -> None:
        as_name("a design parameter", self.name)
        if not isinstance(self.domain, str):
            number = as_finite(f"the value of fixed parameter {self.name!r}", self.domain)
            is_whole = number.is_integer() and not isinstance(self.domain, float)
            set_normal(self, "domain", int(number) if is_whole else number)
        _check_words(self)

    def validate(self, value: Any) -> ParameterValue:
        """The fixed value; another is refused."""
        if isinstance(value, bool) or value != self.domain:
            raise SpaceError(f"fixed parameter {self.name!r} must be {self.domain!r}, got {shown(value)}")
        return self.domain


@final
@dataclass(frozen=True, slots=True)
class EnvironmentVariable:
    """A condition that varies and is chosen by nobody, such as a temperature or the time.

    Arguments:
        name: as for a design parameter.
        domain: (lower, upper), or None when it is unbounded.
        scale: the change over which the function changes; needed where there is no domain.

    Example:
        >>> EnvironmentVariable("time_s", scale=600).scale
        600.0
    """

    type: ClassVar[str] = "variable"
    name: str
    domain: tuple[float, float] | None = None
    scale: float | None = None
    _: KW_ONLY
    unit: str | None = None
    text: str | None = None

    def __post_init__(self) -> None:
        as_name("an environment parameter", self.name)
        if self.domain is None and self.scale is None:
            raise SpaceError(
                f"environment parameter {self.name!r} needs a domain, or a scale when unbounded, got neither"
            )
        if self.domain is not None:
            set_normal(
                self, "domain", as_interval(f"the domain of environment parameter {self.name!r}", self.domain)
            )
        if self.scale is not None:
            scale = as_finite(f"the scale of environment parameter {self.name!r}", self.scale)
            if scale <= 0:
                raise SpaceError(
                    f"the scale of environment parameter {self.name!r} must be positive, got {shown(scale)}"
                )
            set_normal(self, "scale", scale)
        _check_words(self)

    def validate(self, value: Any) -> float:
        """The value as a float, in the domain where there is one."""
        number = as_finite(f"environment parameter {self.name!r}", value)
        lower, upper = self.domain or (-math.inf, math.inf)
        if not lower <= number <= upper:
            raise SpaceError(
                f"environment parameter {self.name!r} must lie in [{lower!r}, {upper!r}], got {shown(value)}"
            )
        return number


@final
@dataclass(frozen=True, slots=True)
class EnvironmentFixed:
    """A condition that stays as it is.

    Example:
        >>> EnvironmentFixed("pressure_Pa", 101325).domain
        101325.0
    """

    type: ClassVar[str] = "fixed"
    name: str
    domain: float
    _: KW_ONLY
    unit: str | None = None
    text: str | None = None

    def __post_init__(self) -> None:
        as_name("an environment parameter", self.name)
        set_normal(
            self, "domain", as_finite(f"the value of fixed environment parameter {self.name!r}", self.domain)
        )
        _check_words(self)

    def validate(self, value: Any) -> float:
        """The fixed value; another is refused."""
        if as_finite(f"fixed environment parameter {self.name!r}", value) != self.domain:
            raise SpaceError(
                f"fixed environment parameter {self.name!r} must be {self.domain!r}, got {shown(value)}"
            )
        return self.domain


DesignParameter = Continuous | Integer | Discrete | Categorical | Text | Fixed
EnvironmentParameter = EnvironmentVariable | EnvironmentFixed

DESIGN_KINDS: Mapping[str, type[DesignParameter]] = MappingProxyType(
    {
        "continuous": Continuous,
        "integer": Integer,
        "discrete": Discrete,
        "categorical": Categorical,
        "categorial": Categorical,  # as the field's best-known optimiser spells it
        "text": Text,
        "fixed": Fixed,
    }
)
ENVIRONMENT_KINDS: Mapping[str, type[EnvironmentParameter]] = MappingProxyType(
    {"variable": EnvironmentVariable, "continuous": EnvironmentVariable, "fixed": EnvironmentFixed}
)
