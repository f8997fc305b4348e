"""Faults to plant in the issuing half, each of a kind that was made or could be: the simulation must find every one.

A fault is a context manager that puts one wrong thing in the place of a right one, for as long as it is entered.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from tests.simulation.faults import instead
from tests.simulation.issuing.network import SlowStore

from secretsource.issuing import LocalLimiter
from secretsource.issuing._check.entry import Entry
from secretsource.issuing._check.present import Present
from secretsource.issuing._check.record_cache import RecordCache
from secretsource.issuing._check.steps import drawing
from secretsource.issuing._check.verifier import Verifier
from secretsource.issuing._key import lifecycle
from secretsource.issuing._manage.ending import revocations
from secretsource.issuing._manage.ending.revocations import Revocations, RevokedKeys
from secretsource.issuing._manage.flushing.flushes import Flushes
from secretsource.issuing._manage.operations import Operations
from secretsource.issuing._manage.updates import Updates
from secretsource.limiters.base import Draw, Plan, Rate
from secretsource.stores._memory.credits import MemoryCredits
from secretsource.stores.base import KeyQuery, KeyRecord
from secretsource.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from contextlib import AbstractContextManager

    from secretsource.stores.base import Change

__all__ = ["FAULTS"]


def _ttl_counts_from_after_the_read() -> AbstractContextManager[None]:
    def late(fill: Callable[..., Any]) -> Callable[..., Any]:
        def wrong(self: RecordCache, hashed: bytes, record: KeyRecord, mono: float, wall: float, *more: Any) -> Entry:
            now = asyncio.get_running_loop().time()
            return fill(self, hashed, record, now, wall + now - mono, *more)

        return wrong

    return instead(RecordCache, "fill", late)


def _floors_are_off() -> AbstractContextManager[None]:
    return instead(RecordCache, "_is_outdated", lambda _: lambda self, record, mono, begun: begun < self._forgotten)


def _the_fence_of_forgotten_floors_is_off() -> AbstractContextManager[None]:
    return instead(
        RecordCache,
        "_is_outdated",
        lambda right: lambda self, record, mono, begun: right(self, record, mono, max(begun, self._forgotten)),
    )


def _a_reading_does_not_say_when_it_began() -> AbstractContextManager[None]:
    return instead(
        RecordCache,
        "fill",
        lambda fill: (
            lambda self, hashed, record, mono, wall, begun, whole=None: fill(
                self, hashed, record, mono, wall, self.begin(), whole
            )
        ),
    )


def _a_revision_goes_back() -> AbstractContextManager[None]:
    def forgetful(fill: Callable[..., Any]) -> Callable[..., Any]:
        def wrong(self: RecordCache, hashed: bytes, record: KeyRecord, *more: Any) -> Entry:
            known = self._by_key.get(record.key_id)
            if known is not None and known.record.revision > record.revision:
                self._drop(known)
            return fill(self, hashed, record, *more)

        return wrong

    return instead(RecordCache, "fill", forgetful)


def _a_later_record_leaves_the_older_entry() -> AbstractContextManager[None]:
    """Where the later one is not kept."""

    def forgetful(fill: Callable[..., Any]) -> Callable[..., Any]:
        def wrong(
            self: RecordCache, hashed: bytes, record: KeyRecord, mono: float, wall: float, begun: int, *more: Any
        ) -> Entry:
            known = self._by_key.get(record.key_id)
            if known is not None and known.record.revision < record.revision and self._is_outdated(record, mono, begun):
                return Entry(hashed, record, mono, wall, self.ttl)
            return fill(self, hashed, record, mono, wall, begun, *more)

        return wrong

    return instead(RecordCache, "fill", forgetful)


def _an_end_that_was_seen_is_forgotten() -> AbstractContextManager[None]:
    """A clock that is set forward and back brings an expired key to life for the rest of its ttl."""

    def forgetful(init: Callable[..., None]) -> Callable[..., None]:
        def wrong(self: Verifier, *parts: Any) -> None:
            init(self, *parts)
            self._present = Present(self._parts.clock)  # one that never sees the time of a check

        return wrong

    return instead(Verifier, "__init__", forgetful)


def _news_leaves_the_entry() -> AbstractContextManager[None]:
    def lenient(news: Callable[..., Any]) -> Callable[..., Any]:
        def wrong(self: RecordCache, key_id: str | None, revision: int) -> None:
            kept = dict(self._by_key)
            with patch.object(Entry, "end"), patch.object(RecordCache, "_drop"):
                news(self, key_id, revision)
            self._by_key.update(kept)

        return wrong

    return instead(RecordCache, "news", lenient)


def _a_cached_record_is_written_back() -> AbstractContextManager[None]:
    def wrong(self: Flushes, seen: KeyRecord, now: float) -> Any:
        stored: KeyRecord | None = yield self._parts.store.get(seen.key_id)
        if stored is None or stored.pepper_version == seen.pepper_version:
            return ()
        cached = seen._replace(revision=stored.revision)
        change = lifecycle.rehash(cached, seen.hash, seen.pepper_version, now)
        done: bool = yield self._parts.store.update(change)
        return (change.record,) if done else ()

    return instead(Flushes, "_rehash", lambda _: wrong)


def _a_rotation_does_not_compare() -> AbstractContextManager[None]:
    """Two calls make two successors."""

    def careless(rotate: Callable[..., Any]) -> Callable[..., Any]:
        def wrong(self: MemoryStore, predecessor: Change, successor: Change) -> bool:
            stored = self.get(predecessor.record.key_id)
            assert stored is not None
            revision = stored.revision + 1
            change = predecessor._replace(
                record=predecessor.record._replace(revision=revision),
                event=predecessor.event._replace(revision=revision),
            )
            return bool(rotate(self, change, successor))

        return wrong

    return instead(MemoryStore, "rotate", careless)


@contextmanager
def _news_goes_before_the_commit() -> Generator[None]:
    def early(write: Callable[..., Any]) -> Callable[..., Any]:
        async def wrong(self: SlowStore, *changes: Any) -> Any:
            for process in self._world.processes:
                for change in _flat(changes):
                    process.keys._parts.cache.news(change.record.key_id, change.record.revision)
            return await write(self, *changes)

        return wrong

    def silent(_: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *given: iter(())

    with ExitStack() as stack:
        for name in ("insert", "update", "update_all", "rotate"):
            stack.enter_context(instead(SlowStore, name, early))
        stack.enter_context(instead(Operations, "tell", silent))
        yield


def _flat(changes: Sequence[Any]) -> list[Change]:
    return [one for change in changes for one in (change if isinstance(change, list) else [change])]


def _revoke_all_has_no_second_pass() -> AbstractContextManager[None]:
    def wrong(self: Revocations, owner: str, by: Any) -> Any:
        ended = dict[str, Any]()
        left = yield from self._pass(KeyQuery(owner=owner, limit=1000), ended, by)
        return RevokedKeys(ended.values(), left)

    return instead(Revocations, "of_owner", lambda _: wrong)


def _revoke_all_counts_the_revoked_only() -> AbstractContextManager[None]:
    """A key that was rotated and has expired meanwhile does not bring another pass."""

    class Counted(dict[str, Any]):
        def setdefault(self, key: str, default: Any = None) -> Any:
            return super().setdefault(key, default) if default.status.value == "revoked" else None

    def narrow(right: Callable[..., Any]) -> Callable[..., Any]:
        def wrong(self: Revocations, query: KeyQuery, ended: dict[str, Any], by: Any) -> Any:
            counted = Counted(ended)
            left = yield from right(self, query, counted, by)
            ended.update(counted)
            return left

        return wrong

    return instead(revocations.Revocations, "_pass", narrow)


def _a_family_is_the_key_alone() -> AbstractContextManager[None]:
    return instead(Revocations, "_along", lambda _: lambda *given: iter(()))


def _a_refused_draw_takes_from_the_first_rule() -> AbstractContextManager[None]:
    def wrong(self: Plan, levels: Any, cost: int, mono: float, wall: float) -> Draw:
        after: list[Any] = [*(levels or (None,) * len(self.rules))]
        for place, rule in enumerate(self.rules):
            level = rule.take(after[place], cost, mono if isinstance(rule, Rate) else wall)
            if level is None:
                return self.refusal(rule, tuple(after), cost, mono, wall)
            after[place] = level
        return Draw(self, tuple(after), mono, wall)

    return instead(Plan, "draw", lambda _: wrong)


def _a_cached_check_is_charged_twice() -> AbstractContextManager[None]:
    def twice(take: Callable[..., Any]) -> Callable[..., Any]:
        def wrong(self: LocalLimiter, *given: Any) -> Any:
            left = take(self, *given)
            return left and (take(self, *given) or left)

        return wrong

    return instead(LocalLimiter, "take", twice)


def _the_wall_clock_is_believed() -> AbstractContextManager[None]:
    return instead(Present, "both", lambda _: lambda self: self._both())


def _a_lost_race_counts_as_won() -> AbstractContextManager[None]:
    """Whoever is second leaves the record of the first, and says that it is done."""
    return instead(MemoryStore, "update", lambda update: lambda self, change: update(self, change) or True)


def _an_event_is_lost() -> AbstractContextManager[None]:
    def forgetful(made: Callable[..., Any]) -> Callable[..., Any]:
        def wrong(self: MemoryStore, changes: Sequence[Change]) -> Any:
            (events, told), *more = made(self, changes)
            kept = {key_id: happened[-3:] for key_id, happened in told.items()}
            return [(events, kept), *more]

        return wrong

    return instead(MemoryStore, "_made", forgetful)


def _an_update_stops_at_the_old_key() -> AbstractContextManager[None]:
    def short(line: Callable[..., Any]) -> Callable[..., Any]:
        def wrong(self: Updates, record: KeyRecord) -> Any:
            return (yield from line(self, record))[:1]

        return wrong

    return instead(Updates, "_line", short)


def _an_update_is_not_announced() -> AbstractContextManager[None]:
    def silent(update: Callable[..., Any]) -> Callable[..., Any]:
        def wrong(self: Updates, *given: Any) -> Any:
            with patch.object(Operations, "tell", lambda *records: iter(())):
                return (yield from update(self, *given))

        return wrong

    return instead(Updates, "update", silent)


def _a_stamp_leaves_out_the_terms() -> AbstractContextManager[None]:
    """An owner that changes leaves records renewed, where no news of it comes."""
    wrong: Any = property(lambda record: record.revision)
    return instead(KeyRecord, "stamp", lambda _: wrong)


def _a_suspension_is_not_weighed() -> AbstractContextManager[None]:
    def blind(make: Callable[..., None]) -> Callable[..., None]:
        def wrong(self: Entry, *given: Any) -> None:
            make(self, *given)
            self.refusal = None

        return wrong

    return instead(Entry, "__init__", blind)


def _credits_are_not_waited_for() -> AbstractContextManager[None]:
    """A purse that is empty pays all the same."""
    return instead(
        MemoryCredits,
        "spend",
        lambda spend: lambda self, purses, cost: spend(self, purses, cost)._replace(is_granted=True),
    )


def _credits_are_read_before_they_are_written() -> AbstractContextManager[None]:
    """Two that pay at once both find the purse as it was."""

    def split(asked: Callable[..., Any]) -> Callable[..., Any]:
        async def wrong(self: SlowStore, question: Callable[..., Any], *words: Any) -> Any:
            if getattr(question, "__name__", "") != "spend":
                return await asked(self, question, *words)
            credits: Any = self._store.credits
            before = credits._spent
            await self._world.pause()
            now, credits._spent = credits._spent, before
            spending = question(*words)
            credits._spent = {**now, **credits._spent} if spending.is_granted else now
            return spending

        return wrong

    return instead(SlowStore, "_asked", split)


def _a_refused_payment_keeps_the_rate() -> AbstractContextManager[None]:
    return instead(drawing, "undo_quietly", lambda _: lambda parts, receipt: iter(()))


def _a_top_up_that_lost_the_race_counts_as_made() -> AbstractContextManager[None]:
    def wrong(update_all: Callable[..., Any]) -> Callable[..., Any]:
        return lambda self, changes: update_all(self, changes) or changes[0].event.fields == ("credits",)

    return instead(MemoryStore, "update_all", wrong)


FAULTS: tuple[Callable[[], AbstractContextManager[None]], ...] = (
    _ttl_counts_from_after_the_read,
    _floors_are_off,
    _the_fence_of_forgotten_floors_is_off,
    _a_reading_does_not_say_when_it_began,
    _a_revision_goes_back,
    _a_later_record_leaves_the_older_entry,
    _an_end_that_was_seen_is_forgotten,
    _news_leaves_the_entry,
    _a_cached_record_is_written_back,
    _a_rotation_does_not_compare,
    _news_goes_before_the_commit,
    _revoke_all_has_no_second_pass,
    _revoke_all_counts_the_revoked_only,
    _a_family_is_the_key_alone,
    _a_refused_draw_takes_from_the_first_rule,
    _a_cached_check_is_charged_twice,
    _the_wall_clock_is_believed,
    _a_lost_race_counts_as_won,
    _an_event_is_lost,
    _an_update_stops_at_the_old_key,
    _an_update_is_not_announced,
    _a_stamp_leaves_out_the_terms,
    _a_suspension_is_not_weighed,
    _credits_are_not_waited_for,
    _credits_are_read_before_they_are_written,
    _a_refused_payment_keeps_the_rate,
    _a_top_up_that_lost_the_race_counts_as_made,
)
