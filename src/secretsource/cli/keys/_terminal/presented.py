"""Read a key from standard input or at a prompt, so that no list of processes and no shell history has it."""

from __future__ import annotations

import getpass
import sys

import typer

__all__ = ["presented_key"]

MOST_BYTES = 4096
"""Greatest length to read from standard input: more than the longest key, and little of a wrong file."""


def presented_key() -> str:
    """Read a key.

    Raises:
        typer.BadParameter: There is no key.
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
