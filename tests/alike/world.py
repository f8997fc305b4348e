"""Stores that are told the same, at the same time and with the same random bytes; so their answers must be the same."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any

from secretsource.exceptions import SecretSourceError
from secretsource.issuing import ApiKeys, PepperSet
from secretsource.issuing._manage.ending.revocations import RevokedKeys
from secretsource.issuing._manage.issued import Issued, Rotated
from secretsource.issuing._transfer.reports import RejectedRow
from secretsource.issuing._verdict import Accepted, Rejected
from secretsource.stores.base import Page
from secretsource.testing import FakeClock

if TYPE_CHECKING:
    from tests.alike.acts import Act

    from secretsource.stores.base import KeyStore

__all__ = ["Worlds"]

PEPPERS = PepperSet(["a pepper of the tests, long enough", "an older pepper of the tests"])


class World:
    """An `ApiKeys` on one of the stores."""

    def __init__(self, name: str, store: KeyStore, clock: FakeClock) -> None:
        self.name = name
        self.store = store
        self.keys = ApiKeys(store, peppers=PEPPERS, clock=clock, imported=True, flush_every=1e9)
        assert store.outbox is not None
        self.outbox = store.outbox
        self.verdicts: list[Any] = []

    def close(self) -> None:
        """Close the keys, and then the store."""
        self.keys.close(flush=False)
        self.store.close()


class Worlds:
    """The stores, one clock for all of them, and what they have said so far.

    Args:
        stores: The stores by name; the first one says what the others must say.
        seed: Of all that is drawn.
        wall: The time at which it begins, in seconds since 1970 UTC.
    """

    def __init__(self, stores: dict[str, KeyStore], seed: int, wall: float) -> None:
        self.clock = FakeClock(wall=wall)
        self.worlds = [World(name, store, self.clock) for name, store in stores.items()]
        self.told: list[str] = []
        self._seed = seed

    def wait(self, seconds: float) -> None:
        """Let time pass for all of them."""
        self.clock.advance(seconds)
        self.told.append(f"wait {seconds:g}")

    def do(self, act: Act, bytes_from: Callable[[Callable[[int], bytes]], None]) -> Any:
        """Tell every store the same, and return what the first one said.

        Raises:
            AssertionError: Another one said something else.
        """
        self.told.append(str(act))
        said: list[Any] = []
        for world in self.worlds:
            bytes_from(Random(f"{self._seed} {len(self.told)}").randbytes)
            said.append(_answer(world, act))
        first = _plain(said[0])
        for world, other in zip(self.worlds[1:], said[1:], strict=True):
            if _plain(other) != first:
                raise AssertionError(self._difference(world, first, _plain(other)))
        return said[0]

    def _difference(self, world: World, first: object, other: object) -> str:
        where, one, two = _apart(first, other)
        return "\n".join([*self.told, f"at {where}", f"{self.worlds[0].name}: {one!r}", f"{world.name}: {two!r}"])

    def close(self) -> None:
        """Close every store."""
        for world in self.worlds:
            world.close()


def _answer(world: World, act: Act) -> Any:
    """Return what a store says, or the error that it raises."""
    try:
        said = act.do(world)
    except (SecretSourceError, NotImplementedError) as error:
        return type(error).__name__, str(error)
    return list(said) if hasattr(said, "__next__") else said


def _plain(said: Any) -> Any:
    """Return an answer as values that can be compared; what says which store it is from is left out."""
    parts = _PARTS.get(type(said))
    if parts is not None:
        return type(said).__name__, _plain(parts(said))
    fields: Callable[[], dict[str, Any]] | None = getattr(said, "_asdict", None)
    if fields is not None:
        return type(said).__name__, _plain(fields())
    if isinstance(said, (list, tuple)):
        return [*map(_plain, said)]
    return {name: _plain(value) for name, value in said.items()} if isinstance(said, dict) else said


_PARTS: dict[type, Callable[[Any], Any]] = {
    Issued: lambda said: (said.plaintext, said.record),
    Rotated: lambda said: (said.plaintext, said.predecessor, said.successor),
    RevokedKeys: lambda said: ([*said], dict(said.left)),
    Page: lambda said: (said.records, said.next),
    Accepted: lambda said: (said.record, said.limits, said.rotated, said.sunset),
    Rejected: lambda said: (said.reason, said.record, said.limits, said.retry_after),
    RejectedRow: lambda said: (said.number, said.reason),
}
"""What counts of an answer that is no tuple or mapping."""


def _apart(one: Any, two: Any, where: str = "") -> tuple[str, Any, Any]:
    """Return where two answers differ first, and how."""
    if isinstance(one, dict) and isinstance(two, dict) and one.keys() == two.keys():
        return next(_apart(one[name], two[name], f"{where}.{name}") for name in one if one[name] != two[name])
    if isinstance(one, (list, tuple)) and isinstance(two, (list, tuple)) and len(one) == len(two):
        pairs = enumerate(zip(one, two, strict=True))
        return next((_apart(left, right, f"{where}[{place}]") for place, (left, right) in pairs if left != right))
    return where, one, two
