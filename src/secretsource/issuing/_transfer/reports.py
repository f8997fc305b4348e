"""The results of an import: a rejected row, a batch, and the whole. The documents of results load no more than this."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secretsource._ground.namedtuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from secretsource.issuing._transfer.row_file import Unreadable

__all__ = ["LINE", "REASON", "ROW", "ImportBatch", "ImportReport", "RejectedRow"]

ROW, REASON, LINE = "_row", "_reason", "_line"
"""The columns that a file of rejected rows adds to each row; they are ignored when it is imported again."""


class RejectedRow:
    """A row that did not become a key.

    Attributes:
        number: The number of the row, from 1.
        reason: The reason, in words that quote nothing of the row.
        row: The row as it was, or the unreadable line; it may hold a key, and is not in a repr.
    """

    __slots__ = ("number", "reason", "row")

    def __init__(self, number: int, reason: str, row: Mapping[str, Any] | Unreadable) -> None:
        self.number = number
        self.reason = reason
        self.row = row

    def to_mend(self) -> dict[str, Any]:
        """Return the row as it was, with its number and the reason, to be corrected; it may hold a key."""
        cells = self.row if isinstance(self.row, Mapping) else {LINE: self.row.line}
        others = {name: cell for name, cell in cells.items() if name not in (ROW, REASON)}
        return {ROW: self.number, REASON: self.reason, **others}

    def __repr__(self) -> str:
        return f"RejectedRow({self.number}, {self.reason!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a RejectedRow may hold a key and is not pickled")


class ImportBatch(NamedTuple):
    """The result for up to a thousand rows.

    Attributes:
        last: The number of the last of them.
        imported: Number of rows that are stored now.
        rejected: Rows that are not stored.
    """

    last: int
    imported: int
    rejected: Sequence[RejectedRow]


class ImportReport(NamedTuple):
    """The result for all rows.

    Attributes:
        rows: Number of rows.
        imported: Number of rows that are stored now, or would be.
        rejected: Number of rejected rows.
        reasons: Number of rejected rows for each reason.
        first_rejected: The first 100 rejected rows; `ImportOptions.on_batch` receives every one.
        ignored: Columns without a place here, each with the number of rows that had a value in it.
    """

    rows: int
    imported: int
    rejected: int
    reasons: Mapping[str, int]
    first_rejected: Sequence[RejectedRow]
    ignored: Mapping[str, int]
