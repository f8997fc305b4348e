"""How the text of a new key reaches its owner: shown once on a terminal, or written to a new file.

Whether that can be done is found out before the key is made: nothing is stored of a key that nobody could be given.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from secretsource.cli._output import is_terminal, say, write_json, write_line
from secretsource.cli.keys._records import described, show_record

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
    """Takes the text of one new key.

    Args:
        out: The file to write, which must not exist; None for the terminal.
    """

    def __init__(self, out: Path | None) -> None:
        self._out = out
        self._file = -1
        self._key = ""
        self._is_done = False

    def __enter__(self) -> Self:
        """Open the file, and fill it, so that a full disk is noticed now.

        Raises:
            typer.BadParameter: The file exists, or there is neither a file nor a terminal.
            OSError: The file cannot be written.
        """
        if self._out is None:
            if is_terminal():
                return self
            raise typer.BadParameter("a new key is shown on a terminal only: give  --out FILE")
        try:
            self._file = os.open(self._out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            self._file = -1
        if self._file < 0:
            raise typer.BadParameter(f"{str(self._out)!r} exists, and is not overwritten: give  --out  another name")
        try:
            os.write(self._file, b" " * _ROOM)
            os.fsync(self._file)
        except OSError:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def take(self, key: str) -> None:
        """Keep the key to show it, or write it to the file."""
        if self._out is None:
            self._key = key
        else:
            line = f"{key}\n".encode("ascii")
            os.lseek(self._file, 0, os.SEEK_SET)
            os.write(self._file, line)
            os.ftruncate(self._file, len(line))
            os.fsync(self._file)
        self._is_done = True

    def show(self, record: KeyRecord, *, as_json: bool, more: dict[str, Any] | None = None) -> None:
        """Show the record of the key, and the key itself or where it was written."""
        if as_json:
            place = {"key": self._key} if self._out is None else {"out": str(self._out)}
            write_json({**described(record), **place, **(more or {})})
            return
        show_record(record)
        if self._out is not None:
            write_line(f"the key is in {str(self._out)!r}")
        else:
            write_line(f"\n{self._key}\n")
            say("note", "this is the only time that the key is shown: keep it now")

    def _close(self) -> None:
        """Close the file; without a key in it, it is removed."""
        if self._file >= 0 and self._out is not None:
            os.close(self._file)
            self._file = -1
            if not self._is_done:
                self._out.unlink(missing_ok=True)
