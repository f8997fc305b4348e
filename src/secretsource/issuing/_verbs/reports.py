"""The reports of `ApiKeys` and `AsyncApiKeys` on counted requests and limits."""

from __future__ import annotations

from secretsource._ground.flow import arun, run
from secretsource._traceless import boundaries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Literal

    from secretsource.issuing._manage.recent_use import RecentUse
    from secretsource.issuing._manage.reports import Reports
    from secretsource.limiters.base import LimitState
    from secretsource.stores.base import Count

    By = Literal["minute", "hour", "day"]

__all__ = ["AsyncKeyReports", "KeyReports"]


@boundaries()
class KeyReports:
    """The reports of `ApiKeys`."""

    _reports: Reports

    if TYPE_CHECKING:

        def flush(self) -> None: ...

    def usage(
        self,
        *,
        owner: str | int | None = None,
        key_id: str | None = None,
        key_ids: Sequence[str] | None = None,
        plan: str | int | None = None,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        by: By = "hour",
        per_key: bool = True,
    ) -> Sequence[Count]:
        """Count checks by key, time and outcome; the counts of this process are flushed first.

        Other processes are behind by up to one flush. Minutes are kept for 2 days, hours for 90, days for 2 years.

        Args:
            owner: Only this owner's keys.
            key_id: Only this key.
            key_ids: Only these keys of the owner, up to 1000, over up to 1000 units of time.
            plan: Only keys of owners that are on this plan now.
            since: From when, as an aware datetime or in seconds since 1970 UTC; by default, one unit before the end.
            until: Up to when; now by default.
            by: ``minute``, ``hour`` or ``day``, in UTC.
            per_key: Whether each key has its own counts; otherwise the store adds up those of an owner's keys.

        Returns:
            Counts by start, key and outcome. With none of the first three, foreign texts are among them, under an empty
            ``key_id``.

        Raises:
            InvalidRequest: The time ends before it begins, or these would be over 100,000 counts.
            KeyNotFound: There is no such key.
            ConfigurationError: The store counts no requests.
            StoreError: The store could not answer.
        """
        self.flush()
        return run(self._reports.usage(owner, key_id, key_ids, plan, since, until, by, per_key))

    def recent_use(self, key_id: str) -> RecentUse:
        """Return the clients and the requests of a key in the last 24 hours: ask before you revoke it.

        The uses that this process has seen are flushed first; other processes are behind by up to one flush.

        Args:
            key_id: The key: 22 characters of ``0-9A-Za-z``.

        Returns:
            The addresses, the user agents and the number of requests. With ``note_clients=False`` no address and no
            user agent is known.

        Raises:
            KeyNotFound: There is no such key.
            StoreError: The store could not answer.
        """
        self.flush()
        return run(self._reports.recent_use(key_id))

    def remaining(self, key_id: str) -> Sequence[LimitState]:
        """Return the state of each limit of a key, of its owner and of the owner's plan, without the key.

        Args:
            key_id: The key: 22 characters of ``0-9A-Za-z``.

        Returns:
            The key's own limits first, and credits last; none for a key without limits. Limits that are counted in
            memory are those that this process has counted.

        Raises:
            KeyNotFound: There is no such key.
            StoreError: The store, or the shared limiter, could not answer.
        """
        return run(self._reports.remaining(key_id))


@boundaries()
class AsyncKeyReports:
    """The reports of `AsyncApiKeys`."""

    _reports: Reports

    if TYPE_CHECKING:

        async def flush(self) -> None: ...

    async def usage(
        self,
        *,
        owner: str | int | None = None,
        key_id: str | None = None,
        key_ids: Sequence[str] | None = None,
        plan: str | int | None = None,
        since: datetime | float | None = None,
        until: datetime | float | None = None,
        by: By = "hour",
        per_key: bool = True,
    ) -> Sequence[Count]:
        """Do as `ApiKeys.usage` does."""
        await self.flush()
        return await arun(self._reports.usage(owner, key_id, key_ids, plan, since, until, by, per_key))

    async def recent_use(self, key_id: str) -> RecentUse:
        """Do as `ApiKeys.recent_use` does."""
        await self.flush()
        return await arun(self._reports.recent_use(key_id))

    async def remaining(self, key_id: str) -> Sequence[LimitState]:
        """Do as `ApiKeys.remaining` does."""
        return await arun(self._reports.remaining(key_id))
