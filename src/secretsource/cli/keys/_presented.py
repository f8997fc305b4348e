"""A key that somebody presents: from standard input or at a prompt, so that no process list and no history has it."""

from __future__ import annotations

import getpass
import sys

import typer

__all__ = ["presented_key"]

MOST_BYTES = 4096
"""What is read of standard input: more than the longest key, and no more than that of a wrong file."""


def presented_key() -> str:
    """Read a key.

    Raises:
        typer.BadParameter: There was none.
    """
    if sys.stdin.isatty():
        try:
            text = getpass.getpass("API key: ")
        except EOFError:
            raise typer.Abort from None
    else:
        text = sys.stdin.buffer.read(MOST_BYTES).decode("utf-8", "replace")
    text = text.strip().strip("\ufeff").strip()
    if text:
        return text
    raise typer.BadParameter("there is no key on standard input: pipe it in, or type it at the prompt")
