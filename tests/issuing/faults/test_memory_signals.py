"""Signals in the middle of changes of the memory store and the memory provider: each former or new state is whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.signals import CUT, at_each_place, elsewhere, tell

from secretsource.issuing._key import lifecycle
from secretsource.providers.base import Found, SecretRef
from secretsource.providers.memory import MemoryProvider
from secretsource.stores.base import KeyQuery, KeyRecord, Use
from secretsource.stores.memory import MemoryStore
from secretsource.stores.owners import OwnerEvent, OwnerEventKind, OwnerRecord
from secretsource.stores.registers.claims import Claim

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.signals import Places

RECORD = KeyRecord("k" * 22, b"h" * 32, "01234567", "sk_live_kkkk…", "acme", "sk", "live", 0.0)


def record(number: int, revision: int = 1) -> KeyRecord:
    """One of many records."""
    return RECORD._replace(key_id=f"{number:022}", hash=f"{number:032}".encode(), revision=revision)


class Stored:
    """A store with one key."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.store.insert([lifecycle.issue(record(0)._replace(lookup=b"0"), 0.0)])

    def insert(self) -> None:
        self.store.insert([lifecycle.issue(record(number)._replace(lookup=b"%d" % number), 0.0) for number in (1, 2)])

    def revoke(self) -> bool:
        stored = self.store.get(record(0).key_id)
        assert stored is not None
        change = lifecycle.move(stored, lifecycle.Move.REVOKE, 1.0)
        return change is not None and self.store.update(change)

    def rename(self) -> bool:
        stored = self.store.get(record(0).key_id)
        assert stored is not None
        return self.store.update(lifecycle.rehash(stored, b"n" * 32, "01234567", 1.0, b"n"))

    def rotate(self) -> bool:
        stored = self.store.get(record(0).key_id)
        assert stored is not None
        rotation = lifecycle.rotate(stored._replace(status=RECORD.status), record(9).key_id, 5.0, 1.0)
        return self.store.rotate(rotation.predecessor, lifecycle.issue(rotation.successor, 1.0))

    def use(self) -> None:
        self.store.record_uses([Use(record(0).key_id, 5.0, 1)])

    def judge(self) -> None:
        """Each record has as many events as revisions, is listed once and found; two that belong together are both."""
        records = elsewhere(lambda: self.store.list(KeyQuery()).records)
        assert len({each.key_id for each in records}) == len(records)
        assert len(records) in {1, 2, 3, 4}
        for each in records:
            assert [event.revision for event in self.store.events(each.key_id)] == [*range(1, each.revision + 1)]
            assert each.lookup is None or self.store.find([each.lookup]) == each
        renamed = self.store.find([b"n"])
        assert renamed is None or renamed.lookup == b"n"
        known = {each.key_id for each in records}
        assert len(known & {record(1).key_id, record(2).key_id}) in {0, 2}
        first = self.store.get(record(0).key_id)
        assert first is not None
        assert (first.successor in known) if first.successor else record(9).key_id not in known
        self.insert()
        assert self.store.get(record(2).key_id) is not None


STEPS: dict[str, Callable[[Stored], object]] = {
    "insert": Stored.insert,
    "revoke": Stored.revoke,
    "rename": Stored.rename,
    "rotate": Stored.rotate,
    "use": Stored.use,
}


@CUT
@pytest.mark.parametrize("act", STEPS.values(), ids=STEPS)
def test_a_memory_store_outlives_what_is_cut_short(
    act: Callable[[Stored], object], places: Places, record_property: Callable[[str, object], None]
) -> None:
    """All of a change is there, with its events, or nothing of it; it can be made again."""
    count = at_each_place(Stored, act, None, lambda world, _: world.judge(), places)
    tell(record_property, "the memory store", count)


@pytest.mark.parametrize("act", STEPS.values(), ids=STEPS)
@pytest.mark.parametrize("inner", STEPS.values(), ids=STEPS)
def test_a_handler_changes_a_memory_store_in_the_middle_of_a_change(
    act: Callable[[Stored], object], inner: Callable[[Stored], object], record_property: Callable[[str, object], None]
) -> None:
    """Of two changes of one revision one is made; uses add up."""

    def enter(world: Stored) -> None:
        inner(world)
        entered.append(world)

    def judge(world: Stored, _: bool) -> None:
        uses = (act is Stored.use) + (inner is Stored.use and world in entered)
        assert world.store.usage(record(0).key_id).requests == uses
        world.judge()

    entered: list[Stored] = []
    count = at_each_place(Stored, act, enter, judge, "moments")
    tell(record_property, "a handler in the memory store", count)


class Claimed:
    """A store with a key and an owner, each with 5 credits; additions of 2 with a claim."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        assert self.store.owners is not None
        assert self.store.claims is not None
        self.owners, self.claims = self.store.owners, self.store.claims
        self.store.insert([lifecycle.issue(record(0)._replace(credits=5), 0.0)])
        self.owners.put(OwnerRecord("acme", 0.0, credits=5), OwnerEvent("acme", OwnerEventKind.REGISTERED, 0.0))
        self.claim = Claim("root", "token", "request", "", 1.0)
        self.answers: list[object] = []

    def add_to_key(self) -> None:
        stored = self.store.get(record(0).key_id)
        assert stored is not None
        change = lifecycle.rehash(stored._replace(credits=7), b"n" * 32, "01234567", 1.0, b"n")
        self.answers.append(self.claims.change_keys(self.claim, 0.0, [change]))

    def add_to_owner(self) -> None:
        stored = self.owners.get("acme")
        assert stored is not None
        event = OwnerEvent("acme", OwnerEventKind.CHANGED, 1.0)
        done = self.claims.change_owner(self.claim, 0.0, stored._replace(credits=7), event)
        self.answers.append(isinstance(done, OwnerRecord))

    def judge(self, act: Callable[[Claimed], None]) -> None:
        """The claim is there with the sum, or neither; a further attempt makes both."""
        for _ in range(2):
            key, owner = self.store.get(record(0).key_id), self.owners.get("acme")
            assert key is not None
            assert owner is not None
            found = elsewhere(lambda: self.claims.find(self.claim, 0.0))
            assert (found is not None) == (7 in {key.credits, owner.credits})
            act(self)
        assert self.answers.count(True) <= 1


@pytest.mark.parametrize("act", [Claimed.add_to_key, Claimed.add_to_owner])
def test_a_claim_and_its_sum_are_stored_together(
    act: Callable[[Claimed], None], record_property: Callable[[str, object], None]
) -> None:
    """Wherever Ctrl-C or a soft time limit cuts an addition short, a repeat adds what is missing, and adds once."""
    count = at_each_place(Claimed, act, None, lambda world, _: world.judge(act), "moments")
    tell(record_property, "claims in memory", count)


@pytest.mark.parametrize("act", [Claimed.add_to_key, Claimed.add_to_owner])
def test_a_handler_repeats_an_addition_in_the_middle_of_it(
    act: Callable[[Claimed], None], record_property: Callable[[str, object], None]
) -> None:
    """One of the two is made, and the other one is refused."""

    def judge(world: Claimed, _: bool) -> None:
        world.judge(act)
        assert world.answers.count(True) == 1

    count = at_each_place(Claimed, act, act, judge, "moments")
    tell(record_property, "a handler in a claim", count)


def secret(provider: MemoryProvider, version: str | None = None) -> object:
    """The value of the secret."""
    found = provider.fetch(SecretRef("memory", "a", version=version), timeout=1)
    return found.value if isinstance(found, Found) else None


@CUT
def test_a_memory_provider_outlives_what_is_cut_short(
    places: Places, record_property: Callable[[str, object], None]
) -> None:
    """The former value or the new one is there; a deleted secret does not come back; a handler may put another."""

    def judge(provider: MemoryProvider, _: bool) -> None:
        assert elsewhere(lambda: secret(provider)) in {"1", "2", None}
        number = provider.put("a", "3")
        assert secret(provider) == secret(provider, number) == "3"

    def make() -> MemoryProvider:
        return MemoryProvider({"a": "1"})

    def make_two() -> MemoryProvider:
        provider = make()
        provider.put("a", "2")
        return provider

    def judge_deleted(provider: MemoryProvider, _: bool) -> None:
        assert secret(provider) is None or secret(provider, "1") == "1"  # the current one goes first
        judge(provider, _)

    def judge_numbers(provider: MemoryProvider, _: bool) -> None:
        assert {secret(provider, number) for number in ("1", "2", "3")} <= {"1", "2", "4", None}
        assert all(secret(provider, number) == value for value, number in numbers)
        numbers.clear()

    numbers: list[tuple[str, str]] = []
    count = at_each_place(make, lambda provider: provider.put("a", "2"), None, judge, places)
    count += at_each_place(make_two, lambda provider: provider.delete("a"), None, judge_deleted, places)
    count += at_each_place(
        make,
        lambda provider: numbers.append(("2", provider.put("a", "2"))),
        lambda provider: numbers.append(("4", provider.put("a", "4"))),
        judge_numbers,
        "moments",
    )
    tell(record_property, "the memory provider", count)
