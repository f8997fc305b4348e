"""The command ``secretsource``; without the extra ``cli``, one sentence that says what to install."""

from __future__ import annotations

import atexit
import gc
import sys
from importlib.util import find_spec

__all__ = ["main", "run"]

SEARCHED_AFTER = 100_000
"""New objects after which the collector looks for garbage. A command loads up to 70,000 that stay, so it only loses
time if it looks after 700 of them, as Python does. A command that goes on, such as ``serve``, is still searched."""


def run() -> int:
    """Run the command, in a process of its own; see `main`."""
    from secretsource.cli._terminal.ending import ended_early

    return ended_early(main)


def main() -> int:
    """Run the command with the arguments of this process.

    Returns:
        The exit code; see `secretsource.cli._terminal.exit_codes`.
    """
    if find_spec("typer") is None or find_spec("rich") is None:
        print("error: the command line is an extra: run  pip install 'secretsource[cli]'", file=sys.stderr)
        return 2
    gc.set_threshold(SEARCHED_AFTER)
    atexit.register(gc.freeze)  # a process that ends looks for no garbage: the system takes all its memory back
    try:
        from secretsource.cli._commands import app
    except KeyboardInterrupt:  # the loading takes a tenth of a second
        from secretsource.cli._terminal.exit_codes import INTERRUPTED

        return INTERRUPTED

    return app(prog_name="secretsource") or 0
