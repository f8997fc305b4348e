"""The command ``secretsource``; without the extra ``cli``, one sentence that says what to install."""

from __future__ import annotations

import gc
import sys
from importlib.util import find_spec

__all__ = ["main"]


def main() -> int:
    """Run the command with the arguments of this process.

    Returns:
        The exit code; see `secretsource.cli._terminal.exit_codes`.
    """
    if find_spec("typer") is None or find_spec("rich") is None:
        print("error: the command line is an extra: run  pip install 'secretsource[cli]'", file=sys.stderr)
        return 2
    gc.disable()  # what is loaded stays, so a search for garbage in it only takes time; `choose` ends this
    from secretsource.cli._commands import app

    return app(prog_name="secretsource") or 0
