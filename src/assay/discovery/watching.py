"""What can be seen while a search goes on: a line for each step, and the table in a file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from assay.discovery.laws import Law, table_of
from assay.errors import UsageError
from assay.space.syntax import Node

__all__ = ["Watch"]

REPORTED = 100  # equations between two lines


@final
@dataclass(frozen=True)
class Watch:
    """Where to report.

    Arguments:
        say: takes a line; None for silence.
        equation_file: holds the laws found so far as CSV; None for no file.
    """

    say: Callable[[str], None] | None
    equation_file: Path | None

    @staticmethod
    def of(progress: bool | Callable[[str], None], equation_file: str | Path | None) -> Watch:
        """From what users give: True writes lines to the standard error."""
        say = _to_standard_error if progress is True else progress or None
        if say is not None and not callable(say):
            raise UsageError(f"progress must be True, False or a function of a line, got {progress!r}")
        return Watch(say, None if equation_file is None else Path(equation_file))

    def counted(self, step: str, equations: Iterator[Node]) -> Iterator[Node]:
        """The equations as they come, with a line for so many of them."""
        if self.say is None:
            yield from equations
            return
        for count, equation in enumerate(equations, start=1):
            if count % REPORTED == 0:
                self.say(f"{step}: {count} equations")
            yield equation

    def seen(self, step: str, laws: Sequence[Law]) -> None:
        """Report the laws after a step; the file is replaced as a whole."""
        if self.say is not None:
            best = min(laws, key=lambda law: law.fit.loss, default=None)
            found = (
                "nothing yet"
                if best is None
                else f"{len(laws)} laws, least loss {best.fit.loss:.3g}: {best.equation}"
            )
            self.say(f"{step}: {found}")
        if self.equation_file is not None and laws:
            scratch = self.equation_file.with_name(f"{self.equation_file.name}.part")
            try:
                table_of(laws, None).to_csv(scratch, index=False)
                scratch.replace(self.equation_file)
            except OSError as error:
                raise UsageError(
                    f"equation_file must be a file that can be written, got {self.equation_file}: {error}"
                ) from None


def _to_standard_error(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
