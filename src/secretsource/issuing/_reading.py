"""What is read of API keys, and how they come in and go out: the verbs of `ApiKeys` that end no key."""

from __future__ import annotations

from secretsource._flow import run
from secretsource._traceless import boundaries
from secretsource.issuing._manage.request import by, wanted_owner
from secretsource.stores.base import KeyQuery

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import timedelta
    from typing import Any, Unpack

    from secretsource.issuing._check.parts import Parts
    from secretsource.issuing._key.locator import Owner
    from secretsource.issuing._manage.operations import Operations
    from secretsource.issuing._manage.overview import Overview
    from secretsource.issuing._manage.revocations import Revocations
    from secretsource.issuing._transfer.imports import ImportOptions, ImportReport, Imports
    from secretsource.issuing._transfer.row_file import Unreadable
    from secretsource.stores.base import HistoryEvent, KeyEvent, KeyRecord, KeyStore, Page, Status

__all__ = ["KeyReading"]


@boundaries()
class KeyReading:
    """The verbs; `ApiKeys` has them, and what they work with."""

    _parts: Parts
    _operations: Operations
    _overview: Overview
    _revocations: Revocations
    _imports: Imports
    _store: KeyStore

    if TYPE_CHECKING:

        def flush(self) -> None: ...

    def get(self, key_id: str) -> KeyRecord:
        """The record of a key, from the store.

        Args:
            key_id: Which: 22 characters of ``0-9A-Za-z``.

        Raises:
            KeyNotFound: There is no such key.
            StoreError: The store could not answer.
        """
        return run(self._operations.get(key_id))

    def list(
        self,
        *,
        owner: str | int | None = None,
        environment: str | None = None,
        prefix: str | None = None,
        status: Status | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> Page:
        """One page of records, oldest first; what is None does not narrow.

        Args:
            owner: Exactly this owner.
            environment: Exactly this environment.
            prefix: Exactly this prefix.
            status: Exactly this status, as of now.
            after: `Page.next` of the page before.
            limit: Records per page, 1 to 1000.

        Raises:
            InvalidRequest: The limit is out of range, the cursor is not one of ours, or no key can have what narrows.
            StoreError: The store could not answer.
        """
        name = wanted_owner(owner)
        return run(
            self._operations.list(
                KeyQuery(name, environment, prefix, status, after=after, limit=limit, now=self._parts.clock.now().wall)
            )
        )

    def expiring(
        self,
        *,
        within: timedelta | float,
        owner: str | int | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> Page:
        """One page of the keys that have not ended and will expire soon, oldest first.

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
        """One page of the keys that have not ended and were not used for a time, oldest first.

        A key that was never used counts from its creation. What this process has seen is flushed first; other
        processes flush every few seconds.

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
        """Give the history of a key, oldest first.

        Args:
            key_id: Which: 22 characters of ``0-9A-Za-z``.
            after: Only events whose revision is greater.
            limit: How many, 1 to 1000.

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
        limit: int = 100,
    ) -> Sequence[HistoryEvent]:
        """Give one feed of what happened to all keys, owners and plans; remember the last position, and go on there.

        An event gets its position when it is first read. So a position never passes over an event, however late its
        transaction commits.

        Args:
            after: Only events behind this position; None for the beginning.
            owner: Only events of this owner and of its keys.
            actor: Only events of exactly this author.
            kind: Only events of this kind, such as ``revoked``; see `EventKind` and `OwnerEventKind`.
            limit: How many, 1 to 1000.

        Raises:
            ConfigurationError: The store has no such feed.
            InvalidRequest: A number is out of range, or there is no such kind.
            StoreError: The store could not answer.
        """
        return run(self._overview.history(after, wanted_owner(owner), actor, kind, limit))

    def whose(self, text: str, candidates: Iterable[str | int] = ()) -> Owner | None:
        """Whose key it is, by the key alone; no store is asked, and revoked keys answer like any other.

        Args:
            text: A whole key, or its locator of 22 characters of ``0-9A-Za-z``.
            candidates: Owners to match a key against whose owner's name is too long to be in it.

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

        Rows that cannot be keys, or are there already, are rejected with a reason; they may all be given again.

        Args:
            rows: Mappings of column to cell, in any number, or what `read_rows` gives of a file.
            actor: Who imports them.
            origin: From where.
            options: See `ImportOptions`.

        Raises:
            ConfigurationError: There is no such format or column, or no pepper; nothing was stored.
            StoreError: The store could not answer; what ``on_batch`` was told of is stored.
        """
        work = self._imports.import_rows(rows, by(actor, origin), **options)
        del rows  # a traceback shows no key
        return run(work)

    def export(self, *, owner: str | int | None = None) -> Iterator[dict[str, Any]]:
        """All keys, or one owner's, as rows that `import_rows` takes; they hold hashes, so keep them as the store."""
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
        """How many living keys are hashed with which pepper, by its version.

        Raises:
            StoreError: The store could not answer.
        """
        return self._store.count_by_pepper(self._parts.clock.now().wall)
