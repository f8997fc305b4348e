"""The rules for several writers at once; a part of `StoreConformance`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import TYPE_CHECKING, Any, ClassVar

from secretsource.stores.base import KeyQuery, Usage, Use
from secretsource.testing._stores.samples import changed, new, record, rotated

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.stores.base import KeyStore

__all__ = ["ROUNDS", "StoreRaces"]

ROUNDS = 8


class StoreRaces:
    """The cases of races; `StoreConformance` has them.

    Attributes:
        patience: Seconds after which racing threads are abandoned.
    """

    patience: ClassVar[float] = 20.0

    def test_race_loses_no_update(self, store: KeyStore, another: Callable[[], KeyStore]) -> None:
        """Two writers that add to one record many times add up; a writer that was too slow starts again."""
        store.insert([new(1, metadata={"sum": 0})])

        def add(mine: KeyStore) -> int:
            lost = 0
            for _ in range(ROUNDS):
                while True:
                    old = mine.get(record(1).key_id)
                    assert old is not None
                    if mine.update(changed(old, metadata={"sum": old.metadata["sum"] + 1})):
                        break
                    lost += 1
            return lost

        self.race([lambda: add(store), lambda: add(another())])
        final = store.get(record(1).key_id)
        assert final is not None
        assert (final.metadata["sum"], final.revision) == (2 * ROUNDS, 2 * ROUNDS + 1)
        assert [event.revision for event in store.events(final.key_id)] == [*range(1, 2 * ROUNDS + 2)]

    def test_race_makes_one_successor(self, store: KeyStore, another: Callable[[], KeyStore]) -> None:
        """If two rotate one key at once, one succeeds, and nothing of the other's attempt is stored."""
        other = another()
        for start in range(100, 100 + 10 * ROUNDS, 10):
            store.insert([new(start)])
            rotations = [rotated(record(start), start + 1), rotated(record(start), start + 2)]
            won = self.race([partial(store.rotate, *rotations[0]), partial(other.rotate, *rotations[1])])
            assert sorted(won) == [False, True]
            winner, loser = (0, 1) if won[0] else (1, 0)
            assert store.get(record(start).key_id) == rotations[winner][0].record
            assert store.get(rotations[winner][1].record.key_id) == rotations[winner][1].record
            assert store.get(rotations[loser][1].record.key_id) is None

    def test_race_inserts_each_identifier_once(self, store: KeyStore, another: Callable[[], KeyStore]) -> None:
        """If two insert overlapping batches at once, one is stored whole; the other learns the taken identifiers."""
        other = another()
        for start in range(0, 10 * ROUNDS, 10):
            batches = [[new(start + 1), new(start + 2)], [new(start + 2), new(start + 3)]]
            taken = self.race([partial(store.insert, batches[0]), partial(other.insert, batches[1])])
            assert sorted(map(len, taken)) == [0, 1]
            assert frozenset().union(*taken) == {record(start + 2).key_id}
            assert len(store.list(KeyQuery(owner="acme", limit=1000)).records) == 2 * (start // 10 + 1)

    def test_race_counts_every_use(self, store: KeyStore, another: Callable[[], KeyStore]) -> None:
        """Two writers that report uses of the same keys, in opposite orders, lose nothing and do not deadlock."""
        store.insert([new(number) for number in range(20)])

        def report(mine: KeyStore, step: int) -> None:
            for time in range(ROUNDS):
                mine.record_uses([Use(record(number).key_id, 100.0 + time, 1) for number in range(20)[::step]])

        self.race([lambda: report(store, 1), lambda: report(another(), -1)])
        usages = [store.usage(record(number).key_id) for number in range(20)]
        assert usages == 20 * [Usage(99.0 + ROUNDS, 2 * ROUNDS)]

    def race(self, runners: list[Callable[[], Any]]) -> list[Any]:
        """Run functions at once, and return their answers."""
        start = Barrier(len(runners), timeout=self.patience)

        def run(runner: Callable[[], Any]) -> Any:
            start.wait()
            return runner()

        with ThreadPoolExecutor(len(runners)) as threads:
            futures = [threads.submit(run, runner) for runner in runners]
            return [future.result(self.patience) for future in futures]
