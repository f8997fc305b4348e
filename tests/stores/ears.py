"""A listener that a test can ask what it was told."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from secretsource.stores.base import KeyChange


class Ear:
    """A listener that waits for what it is told."""

    def __init__(self) -> None:
        self._heard: queue.Queue[KeyChange] = queue.Queue()

    def __call__(self, change: KeyChange) -> None:
        self._heard.put(change)

    def next(self, timeout: float = 30.0) -> KeyChange:
        """The next change."""
        return self._heard.get(timeout=timeout)

    def is_quiet(self, seconds: float) -> bool:
        """Whether nothing is heard for so long."""
        try:
            self._heard.get(timeout=seconds)
        except queue.Empty:
            return True
        return False
