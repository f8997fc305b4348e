"""Signals in the middle of draws and of notes of uses: no account is locked, and no use is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.signals import CUT, at_each_place, elsewhere, tell

from secretsource._ground.clock import Instant
from secretsource.issuing._check.noting.uses import Taken, UseLog
from secretsource.issuing.limits import LocalLimiter, Plan, parse
from secretsource.stores.base import Use

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.signals import Places

PLANS = {"rate": ("5/hour", None), "rates": ("5/hour, 9/day", None), "quota": (None, "5/day")}


def plan(name: str) -> Plan:
    """One of the plans."""
    made = parse(*PLANS[name])
    assert made is not None
    return made


class Limited:
    """A limiter whose account has been drawn on once, under the first plan."""

    def __init__(self, first: str, then: str) -> None:
        self.limiter, self.plan = LocalLimiter(max_accounts=2), plan(then)
        assert self.limiter.draw("k", plan(first), 1, 0.0, 0.0)
        self.kept = 1 if set(plan(first).rules) & set(self.plan.rules) else 0

    def left(self) -> int:
        """How many more are granted."""
        return elsewhere(lambda: sum(bool(self.limiter.draw("k", self.plan, 1, 0.0, 0.0)) for _ in range(9)))


@CUT
@pytest.mark.parametrize("way", ["draw", "take"])
@pytest.mark.parametrize(
    ("first", "then"), [("rate", "rate"), ("quota", "quota"), ("rate", "rates"), ("rates", "rate")]
)
def test_an_account_outlives_a_draw_that_is_cut_short(
    way: str, first: str, then: str, places: Places, record_property: Callable[[str, object], None]
) -> None:
    """Only the draw that was cut short may be charged or not; what was drawn before is, whatever rules came since."""

    def judge(world: Limited, ended: bool) -> None:
        assert world.left() in ({4 - world.kept} if ended else {4 - world.kept, 5 - world.kept})

    def act(world: Limited) -> object:
        return getattr(world.limiter, way)("k", world.plan, 1, 0.0, 0.0)

    count = at_each_place(lambda: Limited(first, then), act, None, judge, places)
    tell(record_property, "limits", count)


@pytest.mark.parametrize("ways", [("draw", "take"), ("take", "draw"), ("draw", "draw")], ids=" in ".join)
@pytest.mark.parametrize(("first", "then"), [("rate", "rate"), ("quota", "quota"), ("rate", "rates")])
def test_a_handler_draws_in_the_middle_of_a_draw(
    ways: tuple[str, str], first: str, then: str, record_property: Callable[[str, object], None]
) -> None:
    """Both are charged, each once."""
    inner, outer = ways

    entered: list[Limited] = []

    def judge(world: Limited, _: bool) -> None:
        assert world.left() == 3 - world.kept + (0 if world in entered else 1)

    def enter(world: Limited) -> None:
        entered.append(world)
        assert getattr(world.limiter, inner)("k", world.plan, 1, 0.0, 0.0)

    def act(world: Limited) -> object:
        return getattr(world.limiter, outer)("k", world.plan, 1, 0.0, 0.0)

    count = at_each_place(lambda: Limited(first, then), act, enter, judge, "moments")
    tell(record_property, "a handler in limits", count)


@CUT
def test_accounts_outlive_making_room_that_is_cut_short(
    places: Places, record_property: Callable[[str, object], None]
) -> None:
    """Every key can be drawn on afterwards, and their number is bounded."""

    def full() -> LocalLimiter:
        limiter = LocalLimiter(max_accounts=2)
        for key in "ab":
            limiter.draw(key, plan("rate"), 1, 0.0, 0.0)
        return limiter

    def draw_another(limiter: LocalLimiter) -> None:
        limiter.draw("d", plan("rate"), 1, 0.0, 0.0)

    def judge(limiter: LocalLimiter, _: bool) -> None:
        assert all(limiter.draw(key, plan("rate"), 1, 0.0, 0.0) for key in "abcd")
        assert len(limiter) <= 2

    count = at_each_place(full, lambda world: world.draw("c", plan("rate"), 1, 0.0, 0.0), None, judge, places)
    count += at_each_place(
        full,
        lambda world: world.draw("c", plan("rate"), 1, 0.0, 0.0),
        draw_another,
        judge,
        "moments",
    )
    tell(record_property, "limits", count)


def watched() -> UseLog:
    """A log with two uses of a key that is watched, and one of another."""
    log = UseLog()
    for _ in range(2):
        log.watch(Use("k", 5.0, 1))
    log.seen["other"] = 7.0
    return log


def flushed(log: UseLog) -> dict[str, int]:
    """How many requests a flush stores of each key."""
    taken = Taken()
    uses = log.take(taken, Instant(0.0, 0.0))
    log.stored(taken)
    return {use.key_id: use.requests for use in uses}


def flush(log: UseLog) -> None:
    """A flush that is refused by its store."""
    taken = Taken()
    try:
        log.take(taken, Instant(0.0, 0.0))
    finally:
        log.restore(taken)


def note(log: UseLog) -> None:
    """One more use of the watched key."""
    log.watch(Use("k", 6.0, 1))


@CUT
def test_uses_outlive_one_that_is_cut_short(places: Places, record_property: Callable[[str, object], None]) -> None:
    """The use that was being noted may be missing; no other one is."""

    def judge(log: UseLog, ended: bool) -> None:
        assert elsewhere(lambda: flushed(log)) in [{"k": 2, "other": 0}, {"k": 3, "other": 0}][ended:]
        assert flushed(log) == {}

    tell(record_property, "uses", at_each_place(watched, note, None, judge, places))


@pytest.mark.parametrize("act", [flush, note])
def test_a_handler_notes_a_use_in_the_middle(
    act: Callable[[UseLog], None], record_property: Callable[[str, object], None]
) -> None:
    """It is counted, and so is all that was there."""
    entered: list[UseLog] = []

    def enter(log: UseLog) -> None:
        note(log)
        entered.append(log)

    def judge(log: UseLog, _: bool) -> None:
        assert flushed(log)["k"] == 2 + (act is note) + (log in entered)

    tell(record_property, "a handler in uses", at_each_place(watched, act, enter, judge, "moments"))
