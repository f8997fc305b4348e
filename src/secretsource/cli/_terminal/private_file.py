"""Write to standard output, or to a file that only this user may read; a file is whole, or not there."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from secretsource.cli._terminal.output import write

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["STANDARD_OUTPUT", "is_file", "opened"]

STANDARD_OUTPUT = "-"
"""The name for standard output, where the name of a file may stand."""


def is_file(out: str | None) -> bool:
    """Return whether ``--out`` names a file."""
    return out not in {None, STANDARD_OUTPUT}


@contextmanager
def opened(out: str | None, *, overwrite: bool = False) -> Generator[Callable[[bytes], object]]:
    """Open standard output, or a file of mode 0600, which is removed when the work fails.

    Args:
        out: The name of the file; None or ``-`` for standard output.
        overwrite: Whether the file may take the place of another one, which stays until the work is done.

    Yields:
        A function that writes bytes.

    Raises:
        typer.BadParameter: The file exists and stays as it is.
        OSError: The file could not be written.
    """
    if out is None or out == STANDARD_OUTPUT:
        yield write
        return
    path = Path(os.path.realpath(out)) if overwrite else Path(out)
    is_taken = overwrite and path.exists()
    if is_taken and not path.is_file():
        raise typer.BadParameter(f"{out!r} must be a regular file to be replaced")
    place = path.with_name(f".secretsource-{os.getpid():x}-{os.urandom(6).hex()}") if is_taken else path
    try:
        descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        descriptor = -1
    if descriptor < 0:
        raise typer.BadParameter(f"{out!r} exists and stays as it is: give --out another name")
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file.write
            file.flush()
            os.fsync(descriptor)
        if is_taken:
            place.replace(path)
    except BaseException:
        place.unlink(missing_ok=True)
        raise
