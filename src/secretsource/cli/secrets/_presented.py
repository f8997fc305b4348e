"""Read a value at a prompt or from standard input, so that no list of processes and no shell history has it."""

from __future__ import annotations

import sys

import typer

from secretsource.cli._terminal.hidden_line import hidden_line
from secretsource.cli._terminal.output import is_asked, printable

__all__ = ["presented_value"]

MOST_BYTES = 1024 * 1024
"""Greatest length to read from standard input: more than any service keeps, and little of a wrong file."""


def presented_value(name: str, place: str, *, raw: bool, may_be_empty: bool) -> str | bytes:
    """Read the value of a secret.

    Args:
        name: The secret.
        place: The place where it will be stored, for the prompt.
        raw: Whether the line end at the end of a text belongs to the value.
        may_be_empty: Whether a value without a character is meant.

    Returns:
        Text; or bytes, if the input is not UTF-8.

    Raises:
        typer.BadParameter: There is no value, or it is too long.
        typer.Abort: The input ended at the prompt.
    """
    if is_asked():
        value: str | bytes = hidden_line(printable(f"value of {name} for {place} (not shown): "))
    else:
        value = _piped(raw=raw)
    if value or may_be_empty:
        return value
    raise typer.BadParameter(
        "there is no value: pipe it in, or type it at the prompt; --allow-empty stores an empty one"
    )


def _piped(*, raw: bool) -> str | bytes:
    """Read standard input to its end."""
    content = sys.stdin.buffer.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise typer.BadParameter("the value on standard input is longer than 1 MiB: give it the secret alone")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return content
    return text if raw or not text.endswith("\n") else text.removesuffix("\n").removesuffix("\r")
