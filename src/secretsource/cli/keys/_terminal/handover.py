"""Hand a new key over: show it once on a terminal, or write it to a new file.

The file is opened, or the terminal looked for, before the key is made: a key that cannot be handed over is not stored.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from secretsource.cli._terminal.output import is_terminal, say, warn, write_json, write_line
from secretsource.cli._terminal.private_file import STANDARD_OUTPUT
from secretsource.cli.keys._terminal.records import show_record

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from secretsource.issuing import KeyRecord

__all__ = ["Handover", "Out"]

Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Write the key to a new file that only you may read (0600)."),
]

_ROOM = 128
"""Bytes to set aside in the file; more than the longest key."""


class Handover:
    """The place that one new key goes to.

    Args:
        out: The file to write, which must not exist; None for the terminal.
    """

    def __init__(self, out: Path | None) -> None:
        self._out = out
        self._file = -1
        self._key = ""
        self._is_done = False

    def __enter__(self) -> Self:
        """Open the file and fill it, so that a full disk is noticed now.

        Raises:
            typer.BadParameter: The file exists or is ``-``, or there is neither a file nor a terminal.
            OSError: The file could not be written.
        """
        if self._out is None:
            if is_terminal():
                return self
            raise typer.BadParameter("a new key is shown on a terminal only: add  --out FILE")
        if str(self._out) == STANDARD_OUTPUT:
            raise typer.BadParameter("--out must name a new file, not -: a new key goes to a terminal or a file only")
        try:
            self._file = os.open(self._out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            self._file = -1
        if self._file < 0:
            raise typer.BadParameter(f"{str(self._out)!r} exists and stays as it is: give --out another name")
        try:
            os.write(self._file, b" " * _ROOM)
            os.fsync(self._file)
        except OSError as error:
            error.filename = str(self._out)  # a call with a descriptor knows no name
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def take(self, key: str) -> None:
        """Remember the key until it is shown, or write it to the file."""
        if self._out is None:
            self._key = key
        else:
            line = f"{key}\n".encode("ascii")
            os.lseek(self._file, 0, os.SEEK_SET)
            os.write(self._file, line)
            os.ftruncate(self._file, len(line))
            os.fsync(self._file)
        self._is_done = True

    def show(self, document: dict[str, Any], record: KeyRecord, *, as_json: bool) -> None:
        """Show the record of the key, and the key itself or the file that has it.

        Args:
            document: The document for ``--json``, with the key in ``key`` and sentences in ``warnings``.
            record: The record to show to people.
            as_json: Whether to write the document.
        """
        if as_json:
            place = {"key": None, "out": str(self._out)} if self._is_done and self._out is not None else {}
            write_json({**document, **place})
        else:
            show_record(record)
            if self._key:
                write_line(f"\n{self._key}\n")
                say("note", "this key is shown only once: store it now")
            elif self._is_done:
                write_line(f"the key is in {str(self._out)!r}")
        for sentence in document["warnings"]:
            warn(sentence)

    def _close(self) -> None:
        """Close the file; remove it when it has no key."""
        if self._file >= 0 and self._out is not None:
            os.close(self._file)
            self._file = -1
            if not self._is_done:
                self._out.unlink(missing_ok=True)
