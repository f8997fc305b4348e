"""The verbs of `ApiKeys` that read, import and export keys, and end no key."""

from __future__ import annotations

from secretsource._ground.flow import run
from secretsource._traceless import boundaries
from secretsource.issuing._manage.field import by, wanted_owner
from secretsource.issuing._manage.request import label
from secretsource.stores.base import KeyQuery

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import timedelta
    from typing import Any, Unpack

    from secretsource.issuing._check.parts import Parts
    from secretsource.issuing._key.locator import Owner
    from secretsource.issuing._manage.ending.revocations import Revocations
    from secretsource.issuing._manage.operations import Operations
    from secretsource.issuing._manage.overview import Overview
    from secretsource.issuing._transfer.imports import ImportOptions, Imports
    from secretsource.issuing._transfer.reports import ImportReport
    from secretsource.issuing._transfer.row_file import Unreadable
    from secretsource.stores.base import HistoryEvent, KeyEvent, KeyRecord, KeyStore, Page, Status

__all__ = ["KeyReading"]


@boundaries()
class KeyReading:
    """The verbs that read, and the parts that they work with; `ApiKeys` inherits both."""

    _parts: Parts
    _operations: Operations
    _overview: Overview
    _revocations: Revocations
    _store: KeyStore

    if TYPE_CHECKING:

        def flush(self) -> None: ...

    @property
    def _imports(self) -> Imports:
        """The flows of imports; few processes import keys, so their modules wait for the first."""
        from secretsource.issuing._transfer.imports import Imports

        return Imports(self._parts, self._operations)

    def get(self, key_id: str) -> KeyRecord:
        """Read the record of a key from the store.

        Args:
            key_id: The key: 22 characters of ``0-9A-Za-z``.

        Raises:
            KeyNotFound: There is no such key.
            StoreError: The store could not answer.
        """
        return run(self._operations.get(key_id))

    def get_many(self, key_ids: Sequence[str]) -> Mapping[str, KeyRecord]:
        """Return the records of several keys by one question to the store.

        Args:
            key_ids: Up to 1000; each 22 characters of ``0-9A-Za-z``.

        Returns:
            The records by ``key_id``; a key that is not there is left out.

        Raises:
            InvalidRequest: They are too many, or no list.
            StoreError: The store could not answer.
        """
        return run(self._overview.get_many(key_ids))

    def list(
        self,
        *,
        owner: str | int | None = None,
        environment: str | None = None,
        prefix: str | None = None,
        status: Status | None = None,
        name: str | None = None,
        metadata: Mapping[str, str] | None = None,
        beginning: str | None = None,
        newest_first: bool = False,
        after: str | None = None,
        limit: int = 100,
    ) -> Page:
        """List one page of records, the oldest or the newest first; an argument of None does not narrow.

        Args:
            owner: Only this owner.
            environment: Only this environment.
            prefix: Only this prefix.
            status: Only this status, as of now.
            name: Only exactly this name.
            metadata: Only keys whose metadata has this field with this text, such as ``{"team": "red"}``; needs an
                owner. A page may be short if few of its keys have it.
            beginning: Only keys whose ``key_id`` begins with this: 1 to 22 characters of ``0-9A-Za-z``.
            newest_first: Whether to begin with the newest key; keep it while you go on behind a page.
            after: `Page.next` of the page before.
            limit: Records per page, 1 to 1000.

        Raises:
            InvalidRequest: The limit is out of range, the cursor is not one of ours, or no key can match a filter.
            StoreError: The store could not answer.
        """
        whose = wanted_owner(owner)
        query = KeyQuery(
            whose,
            environment,
            prefix,
            status,
            after=after,
            limit=limit,
            name=name,
            label=label(metadata, whose),
            beginning=beginning,
            newest=bool(newest_first),
        )
        return run(self._operations.list(query))

    def expiring(
        self,
        *,
        within: timedelta | float,
        owner: str | int | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> Page:
        """Return one page of the keys that have not ended and will expire soon, oldest first.

        A key whose overlap ends is not among them: it has a successor.

        Args:
            within: How soon, over 0 seconds.
            owner: Only keys of this owner.
            after: `Page.next` of the page before.
            limit: Records per page, 1 to 1000.

        Raises:
            InvalidRequest: A number is out of range, or the cursor is not one of ours.
            StoreError: The store could not answer.
        """
        return run(self._overview.expiring(within, wanted_owner(owner), after, limit))

    def unused(
        self,
        *,
        for_: timedelta | float,
        owner: str | int | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> Page:
        """Return one page of the keys that have not ended and were not used for a time, oldest first.

        A key that was never used counts from its creation. The uses seen by this process are flushed first; other
        processes flush every few seconds. A page looks at 5,000 keys at most, so it may be short, or empty, and yet
        have a next one.

        Args:
            for_: How long, over 0 seconds.
            owner: Only keys of this owner.
            after: `Page.next` of the page before.
            limit: Records per page, 1 to 1000.

        Raises:
            InvalidRequest: A number is out of range, or the cursor is not one of ours.
            StoreError: The store could not answer.
        """
        self.flush()
        return run(self._overview.unused(for_, wanted_owner(owner), after, limit))

    def events(self, key_id: str, *, after: int = 0, limit: int = 100) -> Sequence[KeyEvent]:
        """Return the history of a key, oldest first.

        Args:
            key_id: The key: 22 characters of ``0-9A-Za-z``.
            after: Only events whose revision is greater.
            limit: Greatest number of events, 1 to 1000.

        Raises:
            KeyNotFound: There is no such key.
            InvalidRequest: A number is out of range.
            StoreError: The store could not answer.
        """
        return run(self._operations.events(key_id, after, limit))

    def history(
        self,
        *,
        after: int | None = None,
        owner: str | int | None = None,
        actor: str | None = None,
        kind: str | None = None,
        newest_first: bool = False,
        limit: int = 100,
    ) -> Sequence[HistoryEvent]:
        """Give one feed of what happened to all keys, owners and plans; remember the last position, and go on there.

        An event gets its position when it is first read. So a position never passes over an event, however late its
        transaction commits.

        Args:
            after: Only events behind this position, in the order of the answer; None for its beginning.
            owner: Only events of this owner and of its keys.
            actor: Only events of exactly this author.
            kind: Only events of this kind, such as ``revoked``; see `EventKind` and `OwnerEventKind`.
            newest_first: Whether the answer begins with the newest event, for a page that people read.
            limit: How many, 1 to 1000.

        Raises:
            ConfigurationError: The store has no such feed.
            InvalidRequest: A number is out of range, or there is no such kind.
            StoreError: The store could not answer.
        """
        return run(self._overview.history(after, wanted_owner(owner), actor, kind, limit, bool(newest_first)))

    def whose(self, text: str, candidates: Iterable[str | int] = ()) -> Owner | None:
        """Read the owner from the key, offline; revoked keys answer like any other.

        Args:
            text: A whole key, or its locator of 22 characters of ``0-9A-Za-z``.
            candidates: Owners to match against a key that cannot hold the long name of its owner.

        Returns:
            The owner, or None when the key is not one of ours.
        """
        return self._operations.whose(text, candidates)

    def import_rows(
        self,
        rows: Iterable[Mapping[str, Any] | Unreadable],
        *,
        actor: str | None = None,
        origin: str | None = None,
        **options: Unpack[ImportOptions],
    ) -> ImportReport:
        """Store keys of another system by their hashes, a thousand in each transaction; see also ``imported``.

        Rows that cannot be keys, or are stored already, are rejected with a reason; you may pass them all again.

        Args:
            rows: Mappings of column to cell, in any number, or the result of `read_rows`.
            actor: The person or program that imports them.
            origin: Its address or host name.
            options: See `ImportOptions`.

        Raises:
            ConfigurationError: The format or a column is unknown, or there is no pepper; nothing was stored.
            InvalidRequest: The rows are of a wrong type; nothing was stored.
            StoreError: The store could not answer; batches reported to ``on_batch`` are stored.
        """
        work = self._imports.import_rows(rows, by(actor, origin), **options)
        del rows  # a traceback shows no key
        return run(work)

    def export(self, *, owner: str | int | None = None) -> Iterator[dict[str, Any]]:
        """Yield all keys, or those of an owner, as rows for `import_rows`; their hashes need the store's protection.

        Args:
            owner: Only keys of this owner.

        Raises:
            InvalidRequest: No key can have such an owner.
            StoreError: The store could not answer; rows that were yielded before are good.
        """
        name, after = wanted_owner(owner), None
        while True:
            rows, after = run(self._imports.page(name, after))
            yield from rows
            if after is None:
                return

    def count_living(self, *, owner: str | int) -> int:
        """Count the keys of an owner that have not ended: those that `revoke_all` would revoke.

        Args:
            owner: The name or number that the keys were issued for.

        Raises:
            InvalidRequest: No key can have such an owner.
            StoreError: The store could not answer.
        """
        return run(self._revocations.count_living(owner))

    def count_by_pepper(self) -> Mapping[str, int]:
        """Count the living keys under each pepper, by its version.

        Raises:
            StoreError: The store could not answer.
        """
        return self._store.count_by_pepper(self._parts.clock.now().wall)
