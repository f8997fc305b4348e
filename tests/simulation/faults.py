"""Faults to plant in the resolver, each of a kind that was made or could be: the simulation must find every one.

A fault is a context manager that puts one wrong thing in the place of a right one, for as long as it is entered.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch

from secretsource.providers.base import Failed
from secretsource.resolver import _async_resolver
from secretsource.resolver._call import abandon
from secretsource.resolver._crew import Crew
from secretsource.resolver._engine import state
from secretsource.resolver._engine.board import Board
from secretsource.resolver._engine.engine import Engine
from secretsource.resolver._engine.flight import Flight
from secretsource.resolver._engine.state import State
from secretsource.resolver._walk import cache
from secretsource.resolver._walk.cache import Age, Cache, CachedAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from contextlib import AbstractContextManager

__all__ = ["FAULTS", "instead"]


@contextmanager
def instead(owner: Any, name: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Generator[None]:
    """Put what ``make`` makes of the right thing in its place."""
    with patch.object(owner, name, make(getattr(owner, name))):
        yield


def _forced_reads_join_older_calls() -> AbstractContextManager[None]:
    return instead(Board, "find", lambda find: lambda self, ask, mono: find(self, ask._replace(since=0), mono))


def _nobody_joins() -> AbstractContextManager[None]:
    return instead(Board, "find", lambda find: lambda self, ask, mono: None)


def _a_late_answer_replaces_a_newer_one() -> AbstractContextManager[None]:
    return instead(Board, "answered", lambda answered: lambda self, flight: None)


def _news_does_not_reach_calls_under_way() -> AbstractContextManager[None]:
    return instead(Board, "disown", lambda disown: lambda self, ref: None)


def _news_of_a_pointer_stays_there() -> AbstractContextManager[None]:
    return instead(State, "since", lambda since: lambda self, name, fresh: since(self, "", fresh))


def _a_refusal_joins_an_older_one() -> AbstractContextManager[None]:
    def joining(refuse: Callable[..., Any]) -> Callable[..., Any]:
        def wrong(self: State, secret: Any) -> int:
            refuse(self, secret)
            return 0

        return wrong

    return instead(State, "refuse", joining)


def _only_the_first_reader_is_woken() -> AbstractContextManager[None]:
    def forgetful(land: Callable[..., Any]) -> Callable[..., Any]:
        def wrong(self: Flight, reply: Any) -> None:
            del self._callbacks[1:]
            land(self, reply)

        return wrong

    return instead(Flight, "land", forgetful)


def _a_cancelled_reader_takes_the_call_along() -> AbstractContextManager[None]:
    def taking(awaited: Callable[..., Any]) -> Callable[..., Any]:
        async def wrong(self: Any, engine: Engine, ask: Any, flight: Flight | None, until: float) -> Any:
            try:
                return await awaited(self, engine, ask, flight, until)
            except asyncio.CancelledError:
                if flight is not None:
                    abandon(engine, [flight])
                raise

        return wrong

    return instead(_async_resolver.AsyncResolver, "_awaited", taking)


def _a_call_is_never_cut_off() -> AbstractContextManager[None]:
    return instead(Crew, "_cut_off", lambda cut_off: lambda self: None)


def _jitter_lengthens_the_ttl() -> AbstractContextManager[None]:
    def longer(schedule: Callable[..., Any]) -> Callable[..., Any]:
        def wrong(found: Any, policy: Any, *rest: Any) -> Any:
            return schedule(found, policy._replace(jitter=-policy.jitter), *rest)

        return wrong

    return instead(cache, "schedule", longer)


def _nothing_is_too_stale() -> AbstractContextManager[None]:
    def patient(age: Callable[..., Age]) -> Callable[..., Age]:
        return lambda self, now: found if (found := age(self, now)) is not Age.GONE else Age.STALE

    return instead(CachedAnswer, "age", patient)


def _a_denial_leaves_the_value() -> AbstractContextManager[None]:
    def lenient(keep: Callable[..., Any]) -> Callable[..., Any]:
        def wrong(self: Cache, ref: Any, outcome: Any, *rest: Any, **more: Any) -> Any:
            before = self._entries.get(ref)
            kept = keep(self, ref, outcome, *rest, **more)
            if isinstance(outcome, Failed) and before is not None:
                cast("OrderedDict[Any, CachedAnswer]", self._entries)[ref] = before
            return kept

        return wrong

    return instead(Cache, "keep", lenient)


def _news_hides_a_denial() -> AbstractContextManager[None]:
    return instead(state, "_ends", lambda ends: lambda *given: False)


def _two_answers_are_not_doubted() -> AbstractContextManager[None]:
    return instead(State, "_doubt", lambda doubt: lambda self, *given: None)


def _a_frozen_process_notices_nothing() -> AbstractContextManager[None]:
    return instead(Engine, "now", lambda now: lambda self: self.clock.now())


FAULTS: tuple[Callable[[], AbstractContextManager[None]], ...] = (
    _forced_reads_join_older_calls,
    _nobody_joins,
    _a_late_answer_replaces_a_newer_one,
    _news_does_not_reach_calls_under_way,
    _news_of_a_pointer_stays_there,
    _a_refusal_joins_an_older_one,
    _only_the_first_reader_is_woken,
    _a_cancelled_reader_takes_the_call_along,
    _a_call_is_never_cut_off,
    _jitter_lengthens_the_ttl,
    _nothing_is_too_stale,
    _a_denial_leaves_the_value,
    _news_hides_a_denial,
    _two_answers_are_not_doubted,
    _a_frozen_process_notices_nothing,
)
