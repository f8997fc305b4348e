"""The suite for key stores catches the store that does not keep the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from secretsource.exceptions import StoreError
from secretsource.stores._memory.credits import MemoryCredits
from secretsource.stores._memory.passes import MemoryPasses
from secretsource.stores.base import KeyQuery, KeyRecord, Page, Pass, Purse, Spending, Use
from secretsource.stores.memory import MemoryStore
from secretsource.testing import StoreConformance, StoreHarness
from secretsource.testing._stores.samples import CANARY, FULL, record
from secretsource.testing.store_harness import STORE_FAULTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsource.stores.base import Change


class Piecemeal(MemoryStore):
    """Stores what it can of a batch."""

    def insert(self, changes: Sequence[Change]) -> frozenset[str]:
        return frozenset().union(*(super(Piecemeal, self).insert([change]) for change in changes))


class LastWriterWins(MemoryStore):
    """Does not compare before it sets."""

    def _follows(self, change: Change) -> bool:
        return change.record.key_id in self._records


class HalfRotated(MemoryStore):
    """Marks the old key before it sees whether the new one can be stored."""

    def rotate(self, predecessor: Change, successor: Change) -> bool:
        return self.update(predecessor) and not self.insert([successor])


class Backward(MemoryStore):
    """Takes the last word for the latest."""

    def record_uses(self, uses: Sequence[Use]) -> None:
        for use in uses:
            if use.key_id in self._records:
                self._records[use.key_id] = self._records[use.key_id]._replace(last_used=use.last_used)


class Rounded(MemoryStore):
    """Keeps instants in whole seconds."""

    def get(self, key_id: str) -> KeyRecord | None:
        found = super().get(key_id)
        return None if found is None else found._replace(created=float(int(found.created)))


class Unmoved(MemoryStore):
    """Says that nothing has changed when something has."""

    def revision(self, key_id: str) -> int | None:
        return None if super().revision(key_id) is None else 1


class Mute(MemoryStore):
    """Writes no events."""

    def events(self, key_id: str, *, after: int = 0, limit: int = 100) -> list[Any]:
        return []


class Endless(MemoryStore):
    """Says that there is more when there is not."""

    def list(self, query: KeyQuery) -> Page:
        page = super().list(query)
        return Page(page.records, page.next or "9e9 z")


class Lending(MemoryStore):
    """Spends more than was granted."""

    def __init__(self) -> None:
        super().__init__()
        self.credits = LendingCredits()


class LendingCredits(MemoryCredits):
    """Looks at the first purse only."""

    def spend(self, purses: Sequence[Purse], cost: int) -> Spending:
        return super().spend([purses[0], *(purse._replace(granted=10**9) for purse in purses[1:])], cost)


class Halving(MemoryStore):
    """Pays from one purse, and then sees whether the other has enough."""

    def __init__(self) -> None:
        super().__init__()
        self.credits = HalvingCredits()


class HalvingCredits(MemoryCredits):
    """Spends one by one."""

    def spend(self, purses: Sequence[Purse], cost: int) -> Spending:
        paid = [super(HalvingCredits, self).spend([purse], cost) for purse in purses]
        return Spending(all(one.is_granted for one in paid), tuple(one.spent[0] for one in paid))


class Indebted(MemoryStore):
    """Gives back more than was spent."""

    def __init__(self) -> None:
        super().__init__()
        self.credits = IndebtedCredits()


class IndebtedCredits(MemoryCredits):
    """Counts below nothing."""

    def refund(self, purses: Sequence[Purse], cost: int) -> None:
        self._spent = {**self._spent, **{one.account: self._spent.get(one.account, 0) - cost for one in purses}}


class Resentful(MemoryStore):
    """Holds a deleted owner's debts against the next one of its name."""

    def __init__(self) -> None:
        super().__init__()
        self._book._forget = lambda _: None


class Unforgetting(MemoryStore):
    """Keeps what deleted keys and owners have spent."""

    def __init__(self) -> None:
        super().__init__()
        vars(self.upkeep)["_credits"] = MemoryCredits()


class Forgetful(MemoryStore):
    """Forgets what a chain has spent with the first of its keys that is deleted."""

    def __init__(self) -> None:
        super().__init__()
        vars(self.upkeep)["_records"] = list


class Reusable(MemoryPasses):
    """Leaves a taken pass in the store."""

    def take(self, token: str, kind: str) -> Pass | None:
        found = self.get(token)
        return found if found is not None and found.kind == kind else None


class KindBlind(MemoryPasses):
    """Spends a session as a link."""

    def take(self, token: str, kind: str) -> Pass | None:
        found = self.get(token)
        return None if found is None else super().take(token, found.kind)


class LastUse(MemoryPasses):
    """Moves a use backward."""

    def touch(self, token: str, seen: float) -> None:
        found = self.get(token)
        if found is not None:
            self._passes[token] = found._replace(seen=seen)


class Hoarding(MemoryPasses):
    """Forgets no pass."""

    def put(self, new: Pass) -> None:
        self._passes[new.token] = new


class Hasty(MemoryPasses):
    """Forgets a pass that ends at this very instant."""

    def put(self, new: Pass) -> None:
        super().put(new)
        self._passes = {token: each for token, each in self._passes.items() if each is None or each.ends > new.made}


class EndsAll(MemoryPasses):
    """Ends the sessions of everybody."""

    def take_all(self, kinds: Any, holder: str, event: Any = None) -> int:
        holders = {each.holder for each in [*self._passes.values()] if each is not None}
        return sum(super(EndsAll, self).take_all(kinds, each, event) for each in holders)


class Untold(MemoryPasses):
    """Writes no event."""

    def take_all(self, kinds: Any, holder: str, event: Any = None) -> int:
        return super().take_all(kinds, holder)


class AlwaysTold(MemoryPasses):
    """Writes an event also where no pass was."""

    def take_all(self, kinds: Any, holder: str, event: Any = None) -> int:
        self._book.note("owner", [event] if event else [])
        return super().take_all(kinds, holder)


@pytest.mark.parametrize(
    ("dishonest", "case"),
    [
        (Reusable, "a_pass_is_taken_once"),
        (KindBlind, "a_pass_of_another_kind_is_not_taken"),
        (LastUse, "a_use_moves_forward_only"),
        (Hoarding, "what_has_ended_is_forgotten"),
        (Hasty, "what_has_ended_is_forgotten"),
        (EndsAll, "every_pass_of_a_holder_is_taken"),
        (Untold, "an_event_is_stored_with_the_passes_that_are_taken"),
        (AlwaysTold, "an_event_is_stored_with_the_passes_that_are_taken"),
    ],
)
def test_a_store_of_links_and_sessions_that_cheats_is_caught(dishonest: type[MemoryPasses], case: str) -> None:
    """By the case that is named for it; an honest one passes the same case."""
    suite: Any = StoreConformance()
    fixtures: Any = StoreConformance

    def play(passes: type[MemoryPasses]) -> None:
        store = MemoryStore()
        store.passes = passes(store._book)
        getattr(suite, f"test_{case}")(fixtures.passing.__wrapped__(suite, store))

    play(MemoryPasses)
    with pytest.raises(AssertionError):
        play(dishonest)


@pytest.mark.parametrize(
    ("dishonest", "case"),
    [
        (Unforgetting, "a_deleted_key_takes_its_spent_credits_along"),
        (Unforgetting, "the_last_key_of_a_chain_takes_its_spent_credits_along"),
        (Forgetful, "the_last_key_of_a_chain_takes_its_spent_credits_along"),
        (Unforgetting, "a_chain_that_is_deleted_at_once_takes_its_spent_credits_along"),
        (Unforgetting, "a_purged_owner_leaves_no_spent_credits"),
    ],
)
def test_a_store_that_remembers_or_forgets_too_much_is_caught(dishonest: type[MemoryStore], case: str) -> None:
    """By the case that is named for it; an honest one passes the same case."""
    suite: Any = StoreConformance()
    fixtures: Any = StoreConformance

    def play(store: MemoryStore) -> None:
        tended = fixtures.tended.__wrapped__(suite, store)
        getattr(suite, f"test_{case}")(fixtures.spent.__wrapped__(suite, tended))

    play(MemoryStore())
    with pytest.raises(AssertionError):
        play(dishonest())


@pytest.mark.parametrize(
    ("dishonest", "case"),
    [
        (Piecemeal, "insert_is_all_or_none"),
        (LastWriterWins, "update_compares_and_sets"),
        (Unmoved, "update_compares_and_sets"),
        (LastWriterWins, "rotate_twice_makes_one_successor"),
        (HalfRotated, "rotate_to_a_taken_identifier_changes_nothing"),
        (Backward, "last_used_moves_forward_only"),
        (Backward, "uses_add_up"),
        (Mute, "events_come_whole_and_in_order"),
        (Endless, "list_narrows_by_each_field"),
        (Lending, "two_purses_are_all_or_nothing"),
        (Halving, "two_purses_are_all_or_nothing"),
        (Indebted, "credits_are_refunded_and_never_more_than_were_spent"),
        (Resentful, "an_owner_that_is_registered_anew_has_spent_nothing"),
    ],
)
def test_a_dishonest_store_is_caught(dishonest: type[MemoryStore], case: str) -> None:
    """By the case that is named for what it does; an honest one passes the same case."""
    suite: Any = StoreConformance()
    getattr(suite, f"test_{case}")(MemoryStore())
    with pytest.raises((AssertionError, IndexError)):
        getattr(suite, f"test_{case}")(dishonest())


def test_a_rounded_instant_is_caught() -> None:
    """Whole seconds are not enough."""
    StoreConformance().test_record_comes_back_as_it_was_stored(MemoryStore(), FULL)
    with pytest.raises(AssertionError):
        StoreConformance().test_record_comes_back_as_it_was_stored(Rounded(), FULL)


class Breakable(MemoryStore):
    """Fails when told to; what it does and says then is for a test to plan."""

    broken = False
    half_made = False
    says = "the key store is down: try again"

    def _put(self, stages: Sequence[Any], beside: Any) -> bool:
        if self.broken and self.half_made:
            super()._put(stages, beside)
        if self.broken:
            raise StoreError(self.says)
        return super()._put(stages, beside)

    def record_uses(self, uses: Sequence[Use]) -> None:
        if self.broken:
            raise StoreError(self.says)
        super().record_uses(uses)


class Harness(StoreHarness):
    """Breaks a `Breakable`."""

    hidden = ("hunter2",)

    def __init__(self, **plan: Any) -> None:
        self.store = Breakable()
        vars(self.store).update(plan)

    def open(self) -> Breakable:
        return self.store

    def lose(self) -> None:
        self.store.broken = True

    def heal(self) -> None:
        self.store.broken = False


def test_a_fault_that_leaves_something_behind_is_caught() -> None:
    """An event or a record that was stored although the call failed."""
    honest, dishonest = Harness(), Harness(half_made=True)
    StoreConformance().test_fault_leaves_nothing_half_made("lose", honest, honest.store)
    with pytest.raises(AssertionError):
        StoreConformance().test_fault_leaves_nothing_half_made("lose", dishonest, dishonest.store)


@pytest.mark.parametrize("said", [f"owner {CANARY} not stored", "no connection to db://user:hunter2@host"])
def test_a_fault_that_quotes_is_caught(said: str, caplog: pytest.LogCaptureFixture) -> None:
    """A row, or the password of the URL."""
    honest, dishonest = Harness(), Harness(says=said)
    StoreConformance().test_fault_shows_nothing("lose", honest, honest.store, caplog)
    with pytest.raises(AssertionError):
        StoreConformance().test_fault_shows_nothing("lose", dishonest, dishonest.store, caplog)


def test_what_is_impossible_needs_a_name_and_a_reason() -> None:
    """A misspelled fault would leave a test out unseen."""
    for impossible in ({"loose": "a reason"}, {"lose": ""}):
        with pytest.raises(TypeError, match="is not a fault, or lacks a reason"):
            type("Wrong", (StoreConformance,), {"impossible": impossible})


@pytest.mark.parametrize("fault", [*STORE_FAULTS, "heal"])
def test_a_fault_that_is_not_written_says_so(fault: str) -> None:
    """With what to do about it."""

    class Bare(StoreHarness):
        def open(self) -> MemoryStore:
            return MemoryStore()

    with pytest.raises(NotImplementedError, match=f"declare '{fault}' in `impossible`"):
        getattr(Bare(), fault)()


def test_a_suite_without_a_harness_says_so() -> None:
    """The fixture is there to be overridden."""
    fixture: Any = StoreConformance.harness
    with pytest.raises(NotImplementedError, match="override the fixture"):
        fixture.__wrapped__(StoreConformance())


def test_records_of_the_suite_are_distinct() -> None:
    """Each number is another key, with another hash."""
    assert record(1) == record(1)
    assert {record(number).key_id for number in range(9)} != {record(1).key_id}
    assert record(1).hash != record(2).hash
