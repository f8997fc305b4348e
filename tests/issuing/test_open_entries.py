"""A cached record notes its own accepted checks: none is lost, none counted twice, and each falls into its minute."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.issuing.conftest import PEPPER
from tests.signals import at_each_place, elsewhere, tell

from secretsource._ground.clock import Instant
from secretsource.issuing import NO_SCOPE, ApiKeys
from secretsource.issuing._check.noting.uses import Taken, UseLog
from secretsource.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.issuing.conftest import CountingStore

    from secretsource.testing.clock import FakeClock

    MakeKeys = Callable[..., ApiKeys]


def counted(keys: ApiKeys) -> list[int]:
    """Requests of each minute, in order."""
    return [count.requests for count in keys.usage(since=0, by="minute") if count.requests]


def test_a_record_that_takes_the_place_of_another_leaves_its_count(make_keys: MakeKeys) -> None:
    """A change of a key brings a new record; the checks that the old one noted are stored with those of the new."""
    keys = make_keys()
    issued = keys.issue(owner="acme")
    for name in ("one", "two", "three"):
        for _ in range(3):
            assert keys.check(issued.plaintext, scope=NO_SCOPE)
        keys.update(issued.record.key_id, name=name)
    assert counted(keys) == [9]


def test_a_check_falls_into_the_minute_in_which_it_was_made(make_keys: MakeKeys, clock: FakeClock) -> None:
    """However late the flush is, and although one record noted all of them."""
    keys = make_keys(ttl=3600.0)
    text = keys.issue(owner="acme").plaintext
    for checks in (2, 1, 4):
        for _ in range(checks):
            assert keys.check(text, scope=NO_SCOPE)
        clock.advance(60)
    assert counted(keys) == [2, 1, 4]


def test_a_slow_flush_forgets_no_minute_in_which_a_check_is_still_noted(
    make_keys: MakeKeys, store: CountingStore, clock: FakeClock
) -> None:
    """The store takes three minutes for a flush, and a check is made in each of them."""
    keys = make_keys(ttl=3600.0)
    text, other = (keys.issue(owner="acme").plaintext for _ in range(2))
    assert keys.check(text, scope=NO_SCOPE)
    assert store.counts is not None
    add = store.counts.add

    def slow(counts: object) -> None:
        assert keys.check(text, scope=NO_SCOPE)  # noted on its record, from after the flush began
        for _ in range(3):
            clock.advance(60)
            assert keys.check(other, scope=NO_SCOPE)
        add(counts)  # type: ignore[arg-type]

    store.counts.add = slow  # type: ignore[method-assign]
    keys.flush()
    store.counts.add = add  # type: ignore[method-assign]
    assert sum(counted(keys)) == 5


def test_the_last_use_is_that_of_the_last_check(make_keys: MakeKeys, clock: FakeClock) -> None:
    """Also where a check after the flush was noted on the record alone."""
    keys = make_keys(ttl=3600.0)
    issued = keys.issue(owner="acme")
    for _ in range(3):
        assert keys.check(issued.plaintext, scope=NO_SCOPE)
        clock.advance(7)
    keys.flush()
    assert keys.get(issued.record.key_id).last_used == clock.now().wall - 7


class Checked:
    """Keys of which one was checked three times; the last two are noted on its record."""

    def __init__(self) -> None:
        self.keys = ApiKeys(MemoryStore(), peppers=[PEPPER], flush_every=3600.0)
        self.text = self.keys.issue(owner="acme").plaintext
        self.entered = 0
        for _ in range(3):
            self.check()

    def check(self) -> None:
        """One more, as a request makes it."""
        assert self.keys.check(self.text, scope=NO_SCOPE)

    def enter(self) -> None:
        """One more by the handler of a signal."""
        self.entered += 1
        self.check()

    def gather(self) -> None:
        """The part of a flush that closes open entries."""
        uses: UseLog = self.keys._parts.uses
        uses.restore(self.take(uses))

    def take(self, uses: UseLog) -> Taken:
        """Take the uses out, up to the question to the store."""
        taken = Taken()
        uses.take(taken, Instant(0.0, 0.0))
        return taken

    def sum(self) -> int:
        """All that were counted, at the end of this world."""
        with self.keys:
            return elsewhere(lambda: sum(counted(self.keys)))


ACTS = [Checked.gather, Checked.check]


@pytest.mark.parametrize("enter", [Checked.enter, Checked.gather])
@pytest.mark.parametrize("act", ACTS)
def test_a_handler_checks_or_flushes_in_the_middle(
    act: Callable[[Checked], None],
    enter: Callable[[Checked], None],
    record_property: Callable[[str, object], None],
) -> None:
    """Its check is counted once, and so is each of the others."""

    def judge(world: Checked, _: bool) -> None:
        assert world.sum() == 3 + (act is Checked.check) + world.entered

    tell(record_property, "a handler in counts", at_each_place(Checked, act, enter, judge, "moments"))


@pytest.mark.parametrize("act", ACTS)
def test_counts_outlive_a_step_that_is_cut_short(
    act: Callable[[Checked], None], record_property: Callable[[str, object], None]
) -> None:
    """The check that was cut short may be missing; no other one is."""

    def judge(world: Checked, ended: bool) -> None:
        made = 3 + (act is Checked.check)
        assert world.sum() in {made, made if ended else 3}

    tell(record_property, "counts", at_each_place(Checked, act, None, judge, "moments"))
