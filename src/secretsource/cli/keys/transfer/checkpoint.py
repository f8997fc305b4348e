"""Remember how far an import has come, in a small file beside the one that it reads (0600).

The file is written after each thousand rows, once they are stored, and removed at the end. It has counts and reasons,
without any cell of a row.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import typer

if TYPE_CHECKING:
    from secretsource.issuing import ImportBatch

__all__ = ["Checkpoint"]


class Checkpoint:
    """How far one import has come in its file.

    Args:
        file: The file that is imported.
        store: The URL of the store; the checkpoint keeps it without user, password and options.
        format: The format of the file.

    Attributes:
        rows: Number of rows that were stored or rejected.
        imported: Number of rows that were stored.
        reasons: Number of rejected rows for each reason.
    """

    def __init__(self, file: Path, store: str, format: str) -> None:
        self.path = file.with_name(f"{file.name}.progress")
        of = file.stat()
        self._marks = {"size": of.st_size, "modified": of.st_mtime_ns, "store": _place(store), "format": format}
        self.rows = 0
        self.imported = 0
        self.reasons: Counter[str] = Counter()

    def resume(self) -> None:
        """Go on where an earlier import of the same file into the same store stopped.

        Raises:
            typer.BadParameter: There was no such import, or it was of another file or store.
        """
        kept = self._read()
        if kept is None:
            raise typer.BadParameter(
                f"there is nothing to resume: {str(self.path)!r} is missing or unreadable, so start without --resume"
            )
        changed = [mark for mark, value in self._marks.items() if kept.get(mark) != value]
        if changed:
            raise typer.BadParameter(
                f"the earlier import had another {' and '.join(changed)}: start without --resume; "
                "rows that are stored already are then rejected as such"
            )
        self.rows, self.imported = kept["rows"], kept["imported"]
        self.reasons.update(kept["reasons"])

    def keep(self, batch: ImportBatch) -> None:
        """Note that a batch is stored."""
        self.rows = batch.last
        self.imported += batch.imported
        self.reasons.update(row.reason for row in batch.rejected)
        written = {**self._marks, "rows": self.rows, "imported": self.imported, "reasons": self.reasons}
        fresh = self.path.with_name(f"{self.path.name}.new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            json.dump(written, file)
        fresh.replace(self.path)

    def forget(self) -> None:
        """Remove the file, because the import is at its end."""
        self.path.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any] | None:
        try:
            kept = json.loads(self.path.read_bytes())
            whole = isinstance(kept["rows"], int) and isinstance(kept["imported"], int)
            return kept if whole and isinstance(kept["reasons"], dict) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None


def _place(store: str) -> str:
    """Return the URL of a store without user, password and options."""
    parts = urlsplit(store)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
