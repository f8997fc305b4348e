"""The listings of a key store: a query goes in, a page of records comes out."""

from __future__ import annotations

from secretsource._ground.namedtuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from secretsource.stores.records import KeyRecord, Status

__all__ = ["KeyQuery", "Page"]


class KeyQuery(NamedTuple):
    """The filters of a listing; a field that is None does not filter.

    Attributes:
        owner: Exactly this owner.
        environment: Exactly this environment.
        prefix: Exactly this prefix.
        status: Exactly this stored status; with ``now``, the effective status at that instant (`KeyRecord.status_at`).
        pepper_version: Keys hashed with this pepper.
        expires_before: Keys that end by time before this instant, in seconds since 1970 UTC.
        unused_since: Keys not used since this instant, in seconds since 1970 UTC; a key never used counts by its
            creation.
        after: Start behind this cursor, taken from `Page.next`.
        limit: Records per page, 1 to 1000.
        now: The instant for ``status`` and ``living``, in seconds since 1970 UTC.
        living: Only keys that have not ended by ``now``, neither by time nor by revocation.
        name: Exactly this name.
        label: A field of the metadata, and the text that it has; with an ``owner`` only.
        newest: Whether the page has the newest keys first; a cursor belongs to its order.
        beginning: Keys whose ``key_id`` begins with this.
    """

    owner: str | None = None
    environment: str | None = None
    prefix: str | None = None
    status: Status | None = None
    pepper_version: str | None = None
    expires_before: float | None = None
    unused_since: float | None = None
    after: str | None = None
    limit: int = 100
    now: float | None = None
    living: bool = False
    name: str | None = None
    label: tuple[str, str] | None = None
    newest: bool = False
    beginning: str | None = None


class Page:
    """Some records in the order of their query (equal instants by ``key_id``), and a cursor; iterates over them.

    A page may be short, or empty, and yet have a next one: a store stops where few of many keys are asked for.

    Attributes:
        records: The records of this page.
        next: The value of `KeyQuery.after` for the next page; None at the end.
    """

    __slots__ = ("next", "records")

    def __init__(self, records: list[KeyRecord], next: str | None) -> None:
        self.records = records
        self.next = next

    def __iter__(self) -> Iterator[KeyRecord]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Page) and (self.records, self.next) == (other.records, other.next)

    __hash__ = None  # type: ignore[assignment]  # a page compares its records, which have mappings

    def __repr__(self) -> str:
        return f"Page({self.records!r}, {self.next!r})"
