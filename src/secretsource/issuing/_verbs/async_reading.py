"""The verbs of `AsyncApiKeys` that read, import and export keys, and end no key."""

from __future__ import annotations

from secretsource._ground.flow import arun
from secretsource._traceless import boundaries
from secretsource.issuing._manage.field import by, wanted_owner
from secretsource.issuing._manage.request import label
from secretsource.stores.base import KeyQuery

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
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
    from secretsource.stores.base import AsyncKeyStore, HistoryEvent, KeyEvent, KeyRecord, Page, Status

__all__ = ["AsyncKeyReading"]


@boundaries()
class AsyncKeyReading:
    """The verbs that read, and the parts that they work with; `AsyncApiKeys` inherits both."""

    _parts: Parts
    _operations: Operations
    _overview: Overview
    _revocations: Revocations
    _store: AsyncKeyStore

    if TYPE_CHECKING:

        async def flush(self) -> None: ...

    @property
    def _imports(self) -> Imports:
        """The flows of imports; few processes import keys, so their modules wait for the first."""
        from secretsource.issuing._transfer.imports import Imports

        return Imports(self._parts, self._operations)

    async def get(self, key_id: str) -> KeyRecord:
        """Do as `ApiKeys.get` does."""
        return await arun(self._operations.get(key_id))

    async def get_many(self, key_ids: Sequence[str]) -> Mapping[str, KeyRecord]:
        """Do as `ApiKeys.get_many` does."""
        return await arun(self._overview.get_many(key_ids))

    async def list(
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
        """Do as `ApiKeys.list` does."""
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
        return await arun(self._operations.list(query))

    async def expiring(
        self,
        *,
        within: timedelta | float,
        owner: str | int | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> Page:
        """Do as `ApiKeys.expiring` does."""
        return await arun(self._overview.expiring(within, wanted_owner(owner), after, limit))

    async def unused(
        self,
        *,
        for_: timedelta | float,
        owner: str | int | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> Page:
        """Do as `ApiKeys.unused` does."""
        await self.flush()
        return await arun(self._overview.unused(for_, wanted_owner(owner), after, limit))

    async def events(self, key_id: str, *, after: int = 0, limit: int = 100) -> Sequence[KeyEvent]:
        """Do as `ApiKeys.events` does."""
        return await arun(self._operations.events(key_id, after, limit))

    async def history(
        self,
        *,
        after: int | None = None,
        owner: str | int | None = None,
        actor: str | None = None,
        kind: str | None = None,
        newest_first: bool = False,
        limit: int = 100,
    ) -> Sequence[HistoryEvent]:
        """Do as `ApiKeys.history` does."""
        return await arun(self._overview.history(after, wanted_owner(owner), actor, kind, limit, bool(newest_first)))

    def whose(self, text: str, candidates: Iterable[str | int] = ()) -> Owner | None:
        """Do as `ApiKeys.whose` does."""
        return self._operations.whose(text, candidates)

    async def import_rows(
        self,
        rows: Iterable[Mapping[str, Any] | Unreadable],
        *,
        actor: str | None = None,
        origin: str | None = None,
        **options: Unpack[ImportOptions],
    ) -> ImportReport:
        """Do as `ApiKeys.import_rows` does; a thousand rows hold up the event loop for some tens of milliseconds."""
        work = self._imports.import_rows(rows, by(actor, origin), **options)
        del rows  # a traceback shows no key
        return await arun(work)

    async def export(self, *, owner: str | int | None = None) -> AsyncIterator[dict[str, Any]]:
        """Do as `ApiKeys.export` does."""
        name, after = wanted_owner(owner), None
        while True:
            rows, after = await arun(self._imports.page(name, after))
            for row in rows:
                yield row
            if after is None:
                return

    async def count_living(self, *, owner: str | int) -> int:
        """Do as `ApiKeys.count_living` does."""
        return await arun(self._revocations.count_living(owner))

    async def count_by_pepper(self) -> Mapping[str, int]:
        """Do as `ApiKeys.count_by_pepper` does."""
        return await self._store.count_by_pepper(self._parts.clock.now().wall)
