"""What is done with API keys beside checking them: the verbs of `ApiKeys` that its operators and customers use."""

from __future__ import annotations

from secretsource._flow import run
from secretsource._traceless import boundaries
from secretsource.issuing._key.lifecycle import Move
from secretsource.issuing._manage.request import by, wanted_owner
from secretsource.stores.base import KeyQuery

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import timedelta
    from typing import Any, Unpack

    from secretsource.issuing._check.parts import Parts
    from secretsource.issuing._check.verifier import Verifier
    from secretsource.issuing._key.locator import Owner
    from secretsource.issuing._manage.operations import Issued, Operations, Rotated, RotationStatus
    from secretsource.issuing._manage.request import KeyRequest
    from secretsource.issuing._manage.revocations import Revocations, RevokedKeys
    from secretsource.issuing._transfer.imports import ImportOptions, ImportReport, Imports
    from secretsource.issuing._transfer.row_file import Unreadable
    from secretsource.stores.base import KeyEvent, KeyRecord, KeyStore, Page, Status

__all__ = ["KeyAdministration"]


@boundaries()
class KeyAdministration:
    """The verbs; `ApiKeys` has them, and what they work with."""

    _parts: Parts
    _operations: Operations
    _revocations: Revocations
    _imports: Imports
    _verifier: Verifier
    _store: KeyStore

    if TYPE_CHECKING:

        def flush(self) -> None: ...

    def issue(self, *, actor: str | None = None, origin: str | None = None, **request: Unpack[KeyRequest]) -> Issued:
        """Make a key and store its record.

        Args:
            actor: Who issues it, in the application's words.
            origin: From where: an address, a host name.
            request: What to issue; see `KeyRequest`.

        Returns:
            The key, 68 to 89 characters of ``0-9A-Za-z`` and ``_``, and its record.

        Raises:
            InvalidRequest: Something of it cannot be; nothing was stored.
            ConfigurationError: There is no pepper.
            StoreError: The store could not answer.
        """
        return run(self._operations.issue([request], by(actor, origin)))[0]

    def issue_many(
        self, requests: Sequence[KeyRequest], *, actor: str | None = None, origin: str | None = None
    ) -> Sequence[Issued]:
        """Make several keys in one transaction, all or none.

        Args:
            requests: What to issue, 1 to 10,000 of them; see `KeyRequest`.
            actor: Who issues them.
            origin: From where.

        Returns:
            The keys and their records, in the order of the requests.

        Raises:
            InvalidRequest: One of them cannot be, or their number; nothing was stored.
            ConfigurationError: There is no pepper.
            StoreError: The store could not answer.
        """
        return run(self._operations.issue(requests, by(actor, origin)))

    def rotate(
        self,
        key_id: str,
        *,
        overlap: timedelta | float,
        actor: str | None = None,
        origin: str | None = None,
        reason: str | None = None,
    ) -> Rotated:
        """Give a key a successor with the same rights; both work until the overlap ends.

        Retries and races make one successor, ever; only the call that made it is given its text. Rotate a key again to
        end it earlier: an overlap is shortened, never prolonged.

        Args:
            key_id: The old key: 22 characters of ``0-9A-Za-z``.
            overlap: How long both work, as a timedelta or in seconds; 0 ends the old key at once, as after a leak.
            actor: Who rotates it; this and the next two are cut to 255 characters.
            origin: From where.
            reason: Why.

        Returns:
            Both records, and the text of the new key for the call that made it.

        Raises:
            KeyNotFound: There is no such key.
            InvalidTransition: It is not active; or it is rotating, and would end later than it does.
            InvalidRequest: The overlap is negative, or is no length of time.
            StoreError: The store could not answer.
        """
        return run(self._operations.rotate(key_id, overlap, by(actor, origin, reason)))

    def rotation_status(self, key_id: str) -> RotationStatus:
        """Who still uses a rotated key; what this process has seen is flushed first.

        Args:
            key_id: The old key: 22 characters of ``0-9A-Za-z``.

        Returns:
            Both records, and what was seen of the old key since.

        Raises:
            KeyNotFound: There is no such key.
            InvalidTransition: It has not been rotated.
            StoreError: The store could not answer.
        """
        self.flush()
        return run(self._operations.rotation_status(key_id))

    def finish_rotation(
        self,
        key_id: str,
        *,
        quiet_for: timedelta | float | None = None,
        actor: str | None = None,
        origin: str | None = None,
        reason: str | None = None,
    ) -> KeyRecord:
        """End an overlap early.

        Args:
            key_id: The old key: 22 characters of ``0-9A-Za-z``.
            quiet_for: Refuse when it was used less long ago than this, as a timedelta or in seconds.
            actor: Who ends it.
            origin: From where.
            reason: Why.

        Returns:
            The record of the old key, which is revoked now.

        Raises:
            KeyNotFound: There is no such key.
            InvalidTransition: It is not being rotated, or is still in use.
            StoreError: The store could not answer.
        """
        self.flush()
        return run(self._operations.finish_rotation(key_id, quiet_for, by(actor, origin, reason)))

    def revoke(
        self,
        key_id: str,
        *,
        family: bool = False,
        reason: str | None = None,
        actor: str | None = None,
        origin: str | None = None,
    ) -> KeyRecord:
        """End a key by decision, for good; a key that has ended stays as it is.

        Args:
            key_id: Which: 22 characters of ``0-9A-Za-z``.
            family: Whether to end the whole chain of its rotations too. After a theft, the thief may hold a successor.
            reason: Why; this and the next two are cut to 255 characters.
            actor: Who revokes it.
            origin: From where.

        Returns:
            The record as it is now: revoked, or ended before.

        Raises:
            KeyNotFound: There is no such key.
            StoreError: The store could not answer; call again.
        """
        return run(self._revocations.one(key_id, by(actor, origin, reason), family=family))

    def revoke_all(
        self, *, owner: str | int, reason: str | None = None, actor: str | None = None, origin: str | None = None
    ) -> RevokedKeys:
        """Revoke every key of an owner that has not ended, also those that appear while this runs.

        Args:
            owner: Whose keys: the name or number they were issued for.
            reason: Why; this and the next two are cut to 255 characters.
            actor: Who revokes them.
            origin: From where.

        Returns:
            The records of the keys that were revoked now, and in ``left`` the keys that could not be revoked.

        Raises:
            InvalidRequest: No key can have such an owner.
            StoreError: The store is down; the keys before are revoked, and the call may be repeated.
        """
        return run(self._revocations.of_owner(owner, by(actor, origin, reason)))

    def surrender(self, text: str, *, reason: str | None = None, origin: str | None = None) -> KeyRecord:
        """Revoke a key by showing it, as a scanner that found it can; a key that has ended stays as it is.

        Args:
            text: The whole key.
            reason: Why; this and the next are cut to 255 characters.
            origin: From where.

        Returns:
            The record as it is now: revoked, or ended before.

        Raises:
            InvalidKey: It is not one of our keys.
            StoreError: The store could not answer; call again.
        """
        flow = self._revocations.by_text(self._verifier, text, by(None, origin, reason))
        del text  # a traceback shows no key
        return run(flow)

    def disable(
        self, key_id: str, *, reason: str | None = None, actor: str | None = None, origin: str | None = None
    ) -> KeyRecord:
        """Switch a key off until it is enabled again; arguments, and other errors, as for `revoke`.

        Raises:
            InvalidTransition: It is rotating, or has ended.
        """
        return run(self._operations.move(key_id, Move.DISABLE, by(actor, origin, reason)))

    def enable(
        self, key_id: str, *, reason: str | None = None, actor: str | None = None, origin: str | None = None
    ) -> KeyRecord:
        """Switch a disabled key on again; arguments, and other errors, as for `revoke`.

        Raises:
            InvalidTransition: It is rotating, or has ended; a revoked key stays revoked.
        """
        return run(self._operations.move(key_id, Move.ENABLE, by(actor, origin, reason)))

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
