"""The duties of a key store with an outbox; a part of `StoreConformance`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest

from secretsource.exceptions import StoreError
from secretsource.stores.base import Backlog, HistoryQuery, Message, OwnerEvent, OwnerEventKind
from secretsource.testing._stores.samples import new

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from secretsource.stores.base import KeyStore, Outbox

__all__ = ["StoreOutbox"]

QUEUE, OTHER = "webhook:shop", "webhook:crm"
FIRST = Message(QUEUE, "msg_1", "key.revoked", '{"ö": 1}', 1000.25, "acme", 1000.25)
SECOND = FIRST._replace(id="msg_2", made=1001.0, due=1001.0, owner=None)
RACERS = 4


def outbox(store: KeyStore) -> Outbox:
    """Return the outbox of a store that has one."""
    assert store.outbox is not None
    return store.outbox


def ids(messages: Sequence[Message]) -> list[str]:
    """Return the identifiers of messages."""
    return [message.id for message in messages]


class StoreOutbox:
    """The cases of the outbox; a store that has none passes by saying so."""

    @pytest.fixture
    def sending(self, store: KeyStore) -> KeyStore:
        """Give the store under test, if it has an outbox."""
        if store.outbox is None:
            pytest.skip("this store has no outbox")
        return store

    def test_a_message_is_kept_as_it_is(self, sending: KeyStore) -> None:
        """It comes back whole; a second message of its name changes nothing, and another queue has its own."""
        outbox(sending).put([FIRST, SECOND])
        outbox(sending).put([FIRST._replace(body="another"), FIRST._replace(queue=OTHER, body="its own")])
        assert list(outbox(sending).list(QUEUE)) == [FIRST, SECOND]
        assert [message.body for message in outbox(sending).list(OTHER)] == ["its own"]
        assert len(outbox(sending).list()) == 3
        assert ids(outbox(sending).list(QUEUE, limit=1)) == ["msg_1"]

    def test_a_taken_message_is_due_again_by_itself(self, sending: KeyStore) -> None:
        """Until then nobody else is given it; each taking counts as an attempt."""
        outbox(sending).put([FIRST, SECOND])
        assert list(outbox(sending).take(QUEUE, 1000.0, 1060.0, 10)) == []
        assert list(outbox(sending).take(OTHER, 2000.0, 2060.0, 10)) == []
        taken = outbox(sending).take(QUEUE, 1000.5, 1060.0, 10)
        assert list(taken) == [FIRST._replace(due=1060.0, attempts=1)]
        assert ids(outbox(sending).take(QUEUE, 1001.5, 1061.0, 10)) == ["msg_2"]
        assert list(outbox(sending).take(QUEUE, 1059.0, 1100.0, 10)) == []
        assert list(outbox(sending).take(QUEUE, 1060.0, 1120.0, 10)) == [FIRST._replace(due=1120.0, attempts=2)]

    def test_those_that_waited_longest_are_taken_first(self, sending: KeyStore) -> None:
        """Of those that are due alike, the oldest; the limit leaves the others."""
        outbox(sending).put([SECOND._replace(id=f"msg_{place}", due=1000.0 + place) for place in (3, 1)])
        outbox(sending).put([FIRST._replace(id="msg_2", made=1001.5, due=1003.0)])
        outbox(sending).put([FIRST._replace(id="msg_0", made=1002.0, due=1001.0)])
        assert ids(outbox(sending).take(QUEUE, 2000.0, 2060.0, 3)) == ["msg_1", "msg_0", "msg_3"]
        assert ids(outbox(sending).take(QUEUE, 2000.0, 2060.0, 3)) == ["msg_2"]

    def test_a_message_is_done_or_put_off_or_given_up(self, sending: KeyStore) -> None:
        """A done one is gone; one that was given up is not taken, and can be made due again from the beginning."""
        outbox(sending).put([FIRST, SECOND, SECOND._replace(id="msg_3")])
        first, second, third = outbox(sending).take(QUEUE, 1002.0, 1060.0, 10)
        assert outbox(sending).settle(first, None)
        assert outbox(sending).settle(second, second._replace(due=1100.0, trouble="answered 500"))
        assert outbox(sending).settle(third, third._replace(due=None, trouble="answered 410"))
        assert outbox(sending).backlog(QUEUE) == Backlog(1, 1, 1001.0)
        assert [(one.id, one.trouble) for one in outbox(sending).list(given_up=True)] == [("msg_3", "answered 410")]
        assert ids(outbox(sending).list(given_up=False)) == ["msg_2"]
        assert ids(outbox(sending).take(QUEUE, 5000.0, 5060.0, 10)) == ["msg_2"]
        assert outbox(sending).resend(QUEUE, 5000.0, "msg_2") == 0
        assert outbox(sending).resend(OTHER, 5000.0) == 0
        assert outbox(sending).resend(QUEUE, 5000.0) == 1
        assert [(one.id, one.attempts) for one in outbox(sending).take(QUEUE, 5000.0, 5060.0, 10)] == [("msg_3", 1)]
        assert outbox(sending).backlog(OTHER) == Backlog(0, 0, None)

    def test_a_late_settlement_changes_nothing(self, sending: KeyStore) -> None:
        """A process that was slower than its turn does not undo the work of the next one."""
        outbox(sending).put([FIRST])
        (late,) = outbox(sending).take(QUEUE, 1002.0, 1060.0, 10)
        (taken,) = outbox(sending).take(QUEUE, 1060.0, 1120.0, 10)
        assert not outbox(sending).settle(late, None)
        assert not outbox(sending).settle(late, late._replace(due=None))
        assert list(outbox(sending).list(QUEUE)) == [taken]
        assert outbox(sending).settle(taken, None)
        assert not outbox(sending).settle(taken, None)

    def test_one_message_is_sent_again_alone(self, sending: KeyStore) -> None:
        """The others that were given up stay."""
        outbox(sending).put([FIRST._replace(due=None), SECOND._replace(due=None)])
        assert outbox(sending).resend(QUEUE, 1100.0, "msg_2") == 1
        assert ids(outbox(sending).list(given_up=True)) == ["msg_1"]

    def test_old_messages_are_forgotten(self, sending: KeyStore) -> None:
        """Those that were made before the instant, of any queue, whether they wait or were given up."""
        outbox(sending).put([FIRST, FIRST._replace(queue=OTHER, due=None), SECOND])
        assert outbox(sending).forget(1001.0) == 2
        assert list(outbox(sending).list()) == [SECOND]

    def test_a_purge_takes_the_messages_about_an_owner(self, sending: KeyStore) -> None:
        """Their bodies are about it; those of other owners stay."""
        if sending.upkeep is None:
            pytest.skip("this store deletes nothing")
        outbox(sending).put([FIRST, SECOND, FIRST._replace(id="msg_3", owner="other")])
        event = OwnerEvent("acme", OwnerEventKind.PURGED, 1002.0)
        assert sending.upkeep.purge("acme", event, always=False)
        assert ids(outbox(sending).list(QUEUE)) == ["msg_3", "msg_2"]

    def test_a_queue_begins_at_the_end_of_the_feed(self, sending: KeyStore, another: Callable[[], KeyStore]) -> None:
        """Earlier events are not its own; from then on it keeps its place, in every process."""
        sending.insert([new(1), new(2)])
        place = outbox(sending).begin(QUEUE)
        sending.insert([new(3)])
        assert outbox(another()).begin(QUEUE) == place == 2
        assert sending.history is not None
        assert [event.position for event in sending.history.read(HistoryQuery(after=place))] == [3]
        assert outbox(sending).begin(OTHER) == 3

    def test_a_queue_moves_on_with_its_messages(self, sending: KeyStore) -> None:
        """From another place it does not, and nothing is stored."""
        place = outbox(sending).begin(QUEUE)
        assert outbox(sending).follow(QUEUE, place, place + 5, [FIRST])
        assert not outbox(sending).follow(QUEUE, place, place + 9, [SECOND])
        assert outbox(sending).begin(QUEUE) == place + 5
        assert outbox(sending).follow(QUEUE, place + 5, place + 6, [])
        assert list(outbox(sending).list()) == [FIRST]

    def test_race_gives_a_message_to_one(self, sending: KeyStore, another: Callable[[], KeyStore]) -> None:
        """Simultaneous takers share the messages: each goes to exactly one of them."""
        stores = [sending, *(another() for _ in range(RACERS - 1))]
        outbox(sending).put([FIRST._replace(id=f"msg_{place:02}") for place in range(20)])
        start = Barrier(RACERS)

        def take(store: KeyStore) -> list[str]:
            start.wait(30)
            mine: list[str] = []
            while taken := outbox(store).take(QUEUE, 1002.0, 1060.0, 3):
                mine += ids(taken)
            return mine

        with ThreadPoolExecutor(RACERS) as pool:
            taken = [id for mine in pool.map(take, stores) for id in mine]
        assert sorted(taken) == [f"msg_{place:02}" for place in range(20)]

    def test_race_follows_the_feed_once(self, sending: KeyStore, another: Callable[[], KeyStore]) -> None:
        """Of simultaneous followers from one place, one moves the queue."""
        stores = [sending, *(another() for _ in range(RACERS - 1))]
        place = outbox(sending).begin(QUEUE)
        start = Barrier(RACERS)

        def follow(number: int) -> bool:
            start.wait(30)
            return outbox(stores[number]).follow(QUEUE, place, place + 1, [FIRST._replace(id=f"msg_{number}")])

        with ThreadPoolExecutor(RACERS) as pool:
            moved = list(pool.map(follow, range(RACERS)))
        assert ids(outbox(sending).list()) == [f"msg_{moved.index(True)}"]
        assert moved.count(True) == 1

    def test_fault_moves_no_queue_on_without_its_messages(
        self, fault: str, sending: KeyStore, harness: Any, another: Callable[[], KeyStore]
    ) -> None:
        """A store that cannot write leaves both as they were: the events are read again."""
        place = outbox(sending).begin(QUEUE)
        many = [FIRST._replace(id=f"{number:064}", body="x" * 2000) for number in range(1000)]
        getattr(harness, fault)()
        try:
            with pytest.raises(StoreError):
                outbox(sending).follow(QUEUE, place, place + 7, many)
        finally:
            harness.heal()
        after = another()
        assert outbox(after).begin(QUEUE) == place
        assert list(outbox(after).list()) == []
        assert outbox(after).follow(QUEUE, place, place + 7, many[:1])
