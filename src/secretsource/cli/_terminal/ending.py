"""The end of a command's process: all that Python promises, but not the taking apart of its modules.

Python takes every module apart before a process ends, which is a thirtieth of a short command, and the system takes
all memory back anyway. Before that, threads are waited for, and what was registered for the end is called, as ever.
"""

from __future__ import annotations

import atexit
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ended_early"]


class _End:
    """The last function that is called at the end, since it was registered first; it ends the process."""

    def __init__(self) -> None:
        self.code: int | None = None

    def __call__(self) -> None:
        if self.code is None:  # an error that Python shows
            return
        try:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
        except (AttributeError, OSError, ValueError):  # Python tries it once more, and reports it
            return
        os._exit(self.code)


def ended_early(command: Callable[[], int]) -> int:
    """Run the last thing that this process does, and arrange its end.

    Nothing is arranged where a tool around the command, such as a tracer, has registered something for the end before.

    Args:
        command: Returns its exit code, or raises `SystemExit` with it.

    Returns:
        The exit code.
    """
    end = _End()
    if not atexit._ncallbacks():
        atexit.register(end)
    try:
        end.code = command()
    except SystemExit as stop:
        end.code = stop.code if isinstance(stop.code, int) else None
        raise
    return end.code
