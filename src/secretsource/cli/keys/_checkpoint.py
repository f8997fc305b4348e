"""How far an import has come: a small file beside the one that is read, 0600, gone when the import is at its end.

It is written after each thousand rows, when they are stored. It has counts and reasons, and nothing of a row.
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
    """The place of one import in its file.

    Args:
        file: The file that is imported.
        store: The URL of the store that it goes into; only where it leads to is kept of it.
        format: The format of the file.

    Attributes:
        rows: How many rows have been read and stored, or rejected.
        imported: How many of them are stored.
        reasons: How many of them were rejected, and why.
    """

    def __init__(self, file: Path, store: str, format: str) -> None:
        self.path = file.with_name(f"{file.name}.progress")
        of = file.stat()
        self._marks = {"size": of.st_size, "modified": of.st_mtime_ns, "store": _place(store), "format": format}
        self.rows = 0
        self.imported = 0
        self.reasons: Counter[str] = Counter()

    def resume(self) -> None:
        """Go on where an earlier import of the same file into the same store ended.

        Raises:
            typer.BadParameter: There is none, or it was of another file or store.
        """
        kept = self._read()
        if kept is None:
            raise typer.BadParameter(f"there is nothing to resume: {str(self.path)!r} is not there, or cannot be read")
        changed = [mark for mark, value in self._marks.items() if kept.get(mark) != value]
        if changed:
            raise typer.BadParameter(
                f"the earlier import had another {' and '.join(changed)}: start anew, without --resume, "
                "and what is there already is rejected as such"
            )
        self.rows, self.imported = kept["rows"], kept["imported"]
        self.reasons.update(kept["reasons"])

    def keep(self, batch: ImportBatch) -> None:
        """Write down that a batch is stored."""
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
        """The import is at its end."""
        self.path.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any] | None:
        try:
            kept = json.loads(self.path.read_bytes())
            whole = isinstance(kept["rows"], int) and isinstance(kept["imported"], int)
            return kept if whole and isinstance(kept["reasons"], dict) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None


def _place(store: str) -> str:
    """Where a store's URL leads, without a user, a password or an option."""
    parts = urlsplit(store)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
