"""What has been confirmed, by any of the processes: a line for each, in a file that all of them read.

A line is written when a call has returned, and it stands from then on. So a process that reads it before it asks the
store must find it true, whatever has died meanwhile. What a process was killed before it could write is not judged.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

ISSUED, REVOKED, ROTATED, USED = "issued", "revoked", "rotated", "used"
CHANGES = frozenset({ISSUED, REVOKED, ROTATED, USED})
WRONG = "wrong"
"""What was found that must not be; everything else that is written is counted only."""


class Claim(NamedTuple):
    """What has been confirmed of a key.

    Attributes:
        text: The key itself; None for a successor whose text went to somebody else.
        revoked: Whether it was revoked.
        successor: What it was rotated to.
        used: When it was last used, in seconds since 1970 UTC, by a flush that ended; 0 for never.
    """

    text: str | None
    revoked: bool = False
    successor: str | None = None
    used: float = 0.0


class Ledger:
    """The file, as one process writes and reads it; for one thread, and no descriptor of it is the store's.

    Args:
        path: Where it is.

    Attributes:
        claims: What has been read, by ``key_id``, in the order of the lines.
        counts: How many lines of each kind have been read.
        wrong: What was found that must not be.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self.claims: dict[str, Claim] = {}
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []

    def write(self, kind: str, *said: Any) -> None:
        """Add a line, whole, in one call, so that lines of several processes do not mix."""
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, json.dumps([kind, *said]).encode() + b"\n")
        finally:
            os.close(descriptor)

    def read(self) -> dict[str, Claim]:
        """Read what has been added, and answer all claims."""
        with self._path.open("rb") as file:
            file.seek(self._read)
            added, _, _ = file.read().rpartition(b"\n")
        if added:
            self._read += len(added) + 1
        for line in added.splitlines():
            self._take(*json.loads(line))
        return self.claims

    def recent(self, most: int) -> list[str]:
        """The keys of which something was confirmed last."""
        return list(self.claims)[-most:]

    def _take(self, kind: str, key_id: str = "", *said: Any) -> None:
        self.counts[kind] += 1
        if kind == WRONG:
            self.wrong.append(key_id)
        elif kind in CHANGES:
            claim = self.claims.pop(key_id, Claim(None))  # moved to the end
            self.claims[key_id] = _with(claim, kind, said)
            if kind == ROTATED:
                successor, text = said
                known = self.claims.pop(successor, Claim(None))
                self.claims[successor] = known._replace(text=known.text or text)


def _with(claim: Claim, kind: str, said: tuple[Any, ...]) -> Claim:
    if kind == ISSUED:
        return claim._replace(text=said[0])
    if kind == REVOKED:
        return claim._replace(revoked=True)
    if kind == ROTATED:
        return claim._replace(successor=said[0])
    return claim._replace(used=max(claim.used, said[0]))
