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
                flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | self._flags
                descriptor = os.open(self.path, flags, 0o600)
                os.fchmod(descriptor, 0o600)
                self._file = os.fdopen(descriptor, "wb")
            self._file.write(json.dumps(row.to_mend()).encode("ascii") + b"\n")
        if self._file is not None:
            self._file.flush()
