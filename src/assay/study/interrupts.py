"""What Ctrl-C, a closed terminal and a batch system that ends the job mean to a run."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, final

__all__ = ["Interrupts"]

logger = logging.getLogger(__name__)


@final
class Interrupts:
    """Counts how often Ctrl-C was pressed; the first asks to stop, the second leaves.

    Arguments:
        open_evaluations: how many are open, for the person who stops.
    """

    def __init__(self, open_evaluations: Callable[[], int]) -> None:
        self.count = 0
        self._open_evaluations = open_evaluations

    @contextmanager
    def heard(self) -> Iterator[None]:
        """The first Ctrl-C is counted, the second raises; so does a closed terminal or a batch system that ends the job,
        so that no command goes on without its runner. Only the main thread can hear them.

        Raises:
            KeyboardInterrupt: as said.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        ends = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
        # what the program handles or ignores by itself (nohup) stays as it is
        ends = [number for number in ends if signal.getsignal(number) is signal.SIG_DFL]
        previous = signal.signal(signal.SIGINT, self._on_interrupt)
        for number in ends:
            signal.signal(number, _on_end)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, previous)
            for number in ends:
                signal.signal(number, signal.SIG_DFL)

    def _on_interrupt(self, signal_number: int, frame: Any) -> None:  # noqa: ARG002 (the signal module's signature)
        self.count += 1
        if self.count > 1:
            raise KeyboardInterrupt
        logger.warning(
            "stopping: waiting for %d open evaluations; Ctrl-C again to leave at once",
            self._open_evaluations(),
        )


def _on_end(signal_number: int, frame: Any) -> None:  # noqa: ARG001
    raise KeyboardInterrupt
