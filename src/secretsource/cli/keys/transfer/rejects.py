"""Write the rows that an import rejected to a file, with the reasons, to be corrected and imported again (0600)."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import BinaryIO, Self

    from secretsource.issuing import RejectedRow

__all__ = ["Rejects"]


class Rejects:
    """A file of rejected rows, made with the first of them; it may hold keys, as the rows may.

    Args:
        path: The file; None to write no file.
        resume: Whether to add to the file of an earlier run.

    Raises:
        typer.BadParameter: The file exists, and ``resume`` is false.
    """

    def __init__(self, path: Path | None, *, resume: bool) -> None:
        if path is not None and not resume and os.path.lexists(path):
            raise typer.BadParameter(f"{str(path)!r} exists and stays as it is: give --rejects another name")
        self.path = path
        self._flags = os.O_APPEND if resume else os.O_EXCL
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, rows: Iterable[RejectedRow]) -> None:
        """Write rows, one JSON object on each line."""
        for row in rows:
            if self.path is None:
                return
            if self._file is None:
                self._file = self._opened(self.path)
            self._file.write(json.dumps(row.to_mend()).encode("ascii") + b"\n")
        if self._file is not None:
            self._file.flush()

    def _opened(self, path: Path) -> BinaryIO:
        """Open the file; a half-written line stays by itself, for its row is written again."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | self._flags, 0o600)
        os.fchmod(descriptor, 0o600)
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            os.write(descriptor, b"\n")
        return os.fdopen(descriptor, "wb")
