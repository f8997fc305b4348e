"""Waiting for what happens in another thread or process, which tells nobody."""

from __future__ import annotations

from time import monotonic, sleep
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def wait_until(condition: Callable[[], object]) -> None:
    """Wait until something is so, for half a minute at most."""
    end = monotonic() + 30
    while not condition():
        assert monotonic() < end, "it has not happened"
        sleep(0.005)
