"""`ApiKeys`: issue, check and look after API keys, for threads."""

from __future__ import annotations

from secretsource.issuing._chores import Chores
from secretsource.issuing._flow import here, run
from secretsource.issuing._imports import Imports
from secretsource.issuing._lifecycle import Move
from secretsource.issuing._operations import Operations
from secretsource.issuing._pepper_source import PepperSource
from secretsource.issuing._request import by, wanted_owner
from secretsource.issuing._verdict import Accepted, Reason, Rejected
from secretsource.issuing._verifier import Verifier
from secretsource.issuing._wiring import wire
from secretsource.stores._registry import open_store
from secretsource.stores.base import KeyQuery

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import timedelta
    from typing import Any, Self, Unpack

    from secretsource.issuing._health import Health
    from secretsource.issuing._imports import ImportOptions, ImportReport
    from secretsource.issuing._locator import Owner
    from secretsource.issuing._operations import Issued, Rotated, RotationStatus
    from secretsource.issuing._policy import Demand
    from secretsource.issuing._request import KeyRequest
    from secretsource.issuing._row_file import Unreadable
    from secretsource.issuing._verdict import Verdict
    from secretsource.issuing._wiring import Settings, Wiring
    from secretsource.stores.base import KeyEvent, KeyRecord, KeyStore, Page, Status

__all__ = ["ApiKeys"]


class ApiKeys:
    """Issues API keys and checks them; one for the whole process, used from any number of threads.

    No thread starts and no store is asked before the first key is checked.

    Args:
        store: Where records are kept.
        settings: See `Settings`; ``peppers`` is the one to give. One that cannot work is a `ConfigurationError`.
    """

    def __init__(self, store: KeyStore, **settings: Unpack[Settings]) -> None:
        self._store = store
        try:
            wiring = wire(store, here, **settings)
        finally:
            del settings  # a traceback shows no pepper
        self._chores = Chores(self, wiring.flush_every, wiring.cache, store, wiring.feed)
        self._adopt(wiring)
        self._peppers: PepperSource | None = None
        self._owns_store = False

    def _adopt(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._operations = Operations(wiring)
        self._imports = Imports(wiring, self._operations)
        self._verifier = Verifier(wiring, self._chores.begin)
        self._glance = self._verifier.glance

    @classmethod
    def open(cls, url: str, **settings: Unpack[Settings]) -> Self:
        """Open a store by its URL, with the peppers from the secret ``SECRETSOURCE_PEPPER``.

        Unless ``peppers`` are given, the secret is followed: a pepper that is rotated is taken up without a restart.

        Args:
            url: Such as ``memory://``, ``sqlite:///keys.db`` or ``postgresql+psycopg://…``.
            settings: See `Settings`.

        Raises:
            ConfigurationError: The URL or a setting cannot work.
            ResolveError: The pepper could not be asked for; that there is none is no error.
        """
        source = None if "peppers" in settings else PepperSource()
        try:
            if source is not None:
                settings["peppers"] = source.read()
            keys = cls(open_store(url), **settings)
        finally:
            del settings  # a traceback shows no pepper
        keys._peppers = source
        keys._owns_store = True
        return keys

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

    def check(
        self,
        text: str | None,
        *,
        scope: Demand,
        ip: str | None = None,
        cost: int = 1,
        fresh: bool = False,
        agent: str | None = None,
    ) -> Verdict:
        """Whether a key is good for what is asked.

        Args:
            text: What the client sent, of any length; None when it sent nothing.
            scope: The scope that is needed, or several that are all needed, or `NO_SCOPE`.
            ip: The client's address.
            cost: How much of its limits the request takes, 0 to 10**9; 0 only looks.
            fresh: Whether to read the record anew, past the cache.
            agent: The client's user agent, of any length.

        Returns:
            `Accepted`, which is true, or `Rejected`, which is false; also when the store cannot answer.

        Raises:
            InvalidRequest: The demand itself is wrong: no scope, a wildcard, a cost out of range.
        """
        try:
            glanced = None if fresh else self._glance(text, scope, ip, cost)
            if type(glanced) is Accepted:
                return glanced
            verdict = run(self._verifier.check(text, glanced, scope, ip, cost, fresh, agent))
            if isinstance(verdict, Rejected) and verdict.reason is Reason.PEPPER_RETIRED and self._follow(refused=True):
                verdict = run(self._verifier.check(text, None, scope, ip, cost, fresh, agent))
        finally:
            del text  # a traceback shows no key
        return verdict

    def verify(
        self,
        text: str | None,
        *,
        scope: Demand,
        ip: str | None = None,
        cost: int = 1,
        fresh: bool = False,
        agent: str | None = None,
    ) -> KeyRecord:
        """As `check`, raising what the outside may know instead of returning a rejection.

        Returns:
            The record of a key that is good for what is asked.

        Raises:
            InvalidKey: The key is not accepted (401).
            InsufficientScope: It may not do this (403).
            RateLimited: It has used up its rate or quota (429).
            StoreError: Keys cannot be checked now (503).
            InvalidRequest: The demand itself is wrong.
        """
        try:
            verdict = self.check(text, scope=scope, ip=ip, cost=cost, fresh=fresh, agent=agent)
        finally:
            del text  # a traceback shows no key
        if isinstance(verdict, Rejected):
            raise verdict.error()
        return verdict.record

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

        Retries and races make one successor, ever; only the call that made it is given its text.

        Args:
            key_id: The old key: 22 characters of ``0-9A-Za-z``.
            overlap: How long both work, as a timedelta or in seconds; 0 ends the old key at once, as after a leak.
            actor: Who rotates it.
            origin: From where.
            reason: Why.

        Returns:
            Both records, and the text of the new key for whoever made it.

        Raises:
            KeyNotFound: There is no such key.
            InvalidTransition: It is not active.
            InvalidRequest: The overlap cannot be.
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
        self, key_id: str, *, reason: str | None = None, actor: str | None = None, origin: str | None = None
    ) -> KeyRecord:
        """End a key by decision, for good; a revoked key stays as it is.

        Args:
            key_id: Which: 22 characters of ``0-9A-Za-z``.
            reason: Why.
            actor: Who revokes it.
            origin: From where.

        Returns:
            The record as it is now.

        Raises:
            KeyNotFound: There is no such key.
            InvalidTransition: It has expired.
            StoreError: The store could not answer.
        """
        return run(self._operations.move(key_id, Move.REVOKE, by(actor, origin, reason)))

    def revoke_all(
        self, *, owner: str | int, reason: str | None = None, actor: str | None = None, origin: str | None = None
    ) -> Sequence[KeyRecord]:
        """Revoke every key of an owner that has not ended, one after the other.

        Args:
            owner: Whose keys: the name or number they were issued for.
            reason: Why.
            actor: Who revokes them.
            origin: From where.

        Returns:
            The records of those that were revoked now.

        Raises:
            StoreError: The store could not answer; those before are revoked, and the call may be repeated.
        """
        return run(self._operations.revoke_owner(owner, by(actor, origin, reason)))

    def surrender(self, text: str, *, reason: str | None = None, origin: str | None = None) -> KeyRecord:
        """Revoke a key by showing it, as who finds a leaked key can; returns its record as it is now.

        Args:
            text: The whole key.
            reason: Why.
            origin: From where.

        Raises:
            InvalidKey: It is not one of our keys.
            InvalidTransition: It has expired.
            StoreError: The store could not answer.
        """
        flow = self._operations.surrender(self._verifier, text, by(None, origin, reason))
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
                KeyQuery(name, environment, prefix, status, after=after, limit=limit, now=self._wiring.clock.now().wall)
            )
        )

    def events(self, key_id: str, *, after: int = 0, limit: int = 100) -> Sequence[KeyEvent]:
        """What happened to a key, oldest first; nothing to one that is not there.

        Args:
            key_id: Which: 22 characters of ``0-9A-Za-z``.
            after: Only events whose revision is greater.
            limit: How many, 1 to 1000.

        Raises:
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

    def count_by_pepper(self) -> Mapping[str, int]:
        """How many living keys are hashed with which pepper, by its version.

        Raises:
            StoreError: The store could not answer.
        """
        return self._store.count_by_pepper(self._wiring.clock.now().wall)

    def health(self) -> Health:
        """Whether news of changes arrives, and whether the store takes flushes; at once, without asking the store."""
        return self._chores.health()

    def flush(self) -> None:
        """Store last-used times and renewed hashes now; they are also stored every few seconds, and by `close`.

        Raises:
            StoreError: The store could not answer; nothing is lost, the next flush has it.
        """
        with self._chores.flushing:
            run(self._operations.flush())

    def _follow(self, *, refused: bool = False) -> bool:
        """Take up peppers that are new; whether there were any."""
        now, source = self._wiring.clock.now().mono, self._peppers
        peppers = None if source is None else source.renewed(now, refused=refused)
        if peppers is not None:
            self._adopt(self._wiring.renewed(peppers))
        return peppers is not None

    def close(self) -> None:
        """Flush, and give back what `open` opened; called once or more.

        Raises:
            StoreError: The last flush was not taken by the store; what `open` opened was given back all the same.
        """
        self._chores.end()
        try:
            self.flush()
        finally:
            if self._owns_store:
                self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"ApiKeys({type(self._store).__name__}, {self._wiring.peppers!r})"
