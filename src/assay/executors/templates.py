"""Text with placeholders: `{{name}}` and `{{name:.6e}}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from assay.errors import UsageError
from assay.records import ParameterValue

__all__ = ["Template"]

_PLACEHOLDER = re.compile(r"\{\{([^{}]*)\}\}")
_CONTENT = re.compile(r"\s*([^\W\d]\w*)\s*(?::(.*))?")
# the part of Python's format language that numbers need; widths are bounded, since they come from a file
_FORMAT = re.compile(r"(?:[ -~]?[<>=^])?[-+ ]?#?0?\d{0,3}[,_]?(?:\.\d{1,3})?[deEfFgGsxX%]?")


@dataclass(frozen=True, slots=True)
class _Placeholder:
    name: str
    specification: str


@final
@dataclass(frozen=True, slots=True)
class Template:
    """A text in which parameters are filled in.

    Without a format a float is written so that it reads back to the same bits. Braces that do not form a pair
    around one word are left alone.

    Example:
        >>> Template.parse("d = {{d1:.3e}} nm, n = {{n}}", "the file").fill({"d1": 95.25, "n": 1.46})
        'd = 9.525e+01 nm, n = 1.46'
    """

    whose: str
    parts: tuple[str | _Placeholder, ...]

    @classmethod
    def parse(cls, text: str, whose: str) -> Template:
        """Find the placeholders.

        Arguments:
            text: the text.
            whose: what it belongs to, for errors.

        Raises:
            UsageError: when something between double braces is not a name, with or without a format.
        """
        parts: list[str | _Placeholder] = []
        end = 0
        for match in _PLACEHOLDER.finditer(text):
            content = _CONTENT.fullmatch(match[1])
            if content is None or not _FORMAT.fullmatch(content[2] or ""):
                raise UsageError(
                    f"a placeholder in {whose} must be {{{{name}}}} or {{{{name:format}}}}, such as {{{{x:.6e}}}}, "
                    f"got {match[0]!r}"
                )
            parts += [text[end : match.start()], _Placeholder(content[1], content[2] or "")]
            end = match.end()
        return cls(whose, (*parts, text[end:]))

    @property
    def names(self) -> frozenset[str]:
        """The names that it asks for."""
        return frozenset(part.name for part in self.parts if isinstance(part, _Placeholder))

    def fill(self, values: Mapping[str, ParameterValue]) -> str:
        """The text with the values in place.

        Raises:
            UsageError: when a name has no value, or the format does not suit the value.
        """
        return "".join(part if isinstance(part, str) else self._format(part, values) for part in self.parts)

    def _format(self, part: _Placeholder, values: Mapping[str, ParameterValue]) -> str:
        if part.name not in values:
            raise UsageError(
                f"a placeholder in {self.whose} must name one of {', '.join(map(repr, values))}, got {part.name!r}"
            )
        value = values[part.name]
        try:
            return format(
                value, part.specification
            )  # without a specification this is str(): exact for floats
        except ValueError as error:
            raise UsageError(
                f"the format {part.specification!r} in {self.whose} does not suit {part.name} = {value!r}: {error}"
            ) from None
