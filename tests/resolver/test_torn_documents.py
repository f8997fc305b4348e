"""A document that is replaced while its fields are being asked for: all of them are of one version."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from secretsource import AsyncResolver, Resolver, Secret
from secretsource._ground.clock import Instant
from secretsource._secret import Origin
from secretsource._tuning import DEFAULTS
from secretsource.providers.base import Found, NotFound, Provider, SecretRef
from secretsource.providers.env import EnvProvider
from secretsource.providers.memory import MemoryProvider
from secretsource.resolver._walk.agreement import torn
from secretsource.resolver._walk.cache import CachedAnswer
from secretsource.resolver._walk.refresh import schedule
from secretsource.resolver._walk.resolution import Request, Resolution
from secretsource.resolver._walk.route import Route

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from secretsource.providers.base import Outcome

    Ask = Callable[[Resolver], Mapping[str, object]]

USER, PASSWORD, OTHER = "memory://db#user", "PASSWORD", "memory://db#password"
BOTH = (USER, PASSWORD, "slow://x")


@dataclass
class Settings:
    """The same three, as the fields of an object."""

    user: Secret = field(metadata={"secret": USER})
    password: Secret = field(metadata={"secret": PASSWORD})
    slow: Secret = field(metadata={"secret": "slow://x"})


class Slow(Provider):
    """A service that takes its time; meanwhile something happens."""

    scheme = "slow"
    max_age = 0.0

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: list[Callable[[], object]] = []
        self.asked = 0

    def locate(self, name: str) -> NotFound:
        """It has no bare names."""
        return NotFound()

    def fetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        """Let one thing happen, and answer."""
        self.asked += 1
        if self.meanwhile:
            self.meanwhile.pop(0)()
        return Found("done")


class Counted(MemoryProvider):
    """A service whose calls are counted."""

    calls = 0

    def fetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        """Count."""
        self.calls += 1
        return super().fetch(ref, timeout=timeout)


class World:
    """A document, a password behind a reference, and a slow service beside them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(PASSWORD, "ref+memory://db#password")
        self.memory, self.slow = Counted(name="memory"), Slow()
        self.number = 0
        self.put()
        self.resolver = Resolver(["env", self.memory, self.slow])

    def put(self) -> None:
        """Write the next version."""
        self.number += 1
        self.memory.put("db", f'{{"user":"u{self.number}","password":"p{self.number}"}}')

    def rotate(self) -> None:
        """Write the next version, and let the resolver know."""
        self.put()
        self.resolver.invalidate(USER)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """A world of its own for each test."""
    return World(monkeypatch)


def many(resolver: Resolver) -> Mapping[str, object]:
    """All of them, by a thread."""
    return resolver.get_many(BOTH)


def amany(resolver: Resolver) -> Mapping[str, object]:
    """All of them, on an event loop."""
    return asyncio.run(AsyncResolver.of(resolver).get_many(BOTH))


def loaded(resolver: Resolver) -> Mapping[str, object]:
    """All of them, as the fields of an object."""
    made = resolver.load(Settings)
    return {USER: made.user, PASSWORD: made.password}


@pytest.mark.parametrize("ask", [many, amany, loaded])
class TestTearing:
    """A rotation in the middle of one question."""

    def test_a_pair_is_of_one_version(self, ask: Ask, world: World) -> None:
        """The user is not the old one beside the new password."""
        world.slow.meanwhile = [world.rotate]
        found = ask(world.resolver)
        assert (found[USER], found[PASSWORD]) == ("u2", "p2")

    def test_a_second_rotation(self, ask: Ask, world: World) -> None:
        """Nor is it after one more while they were asked for again."""
        world.slow.meanwhile = [world.rotate, world.rotate]
        found = ask(world.resolver)
        assert str(found[USER])[1:] == str(found[PASSWORD])[1:]

    def test_whole_pairs_cost_no_call(self, ask: Ask, world: World) -> None:
        """Without a rotation the document is fetched once, and the others once."""
        ask(world.resolver)
        assert (world.memory.calls, world.slow.asked) == (1, 1)


class Racing(dict[str, Any]):
    """What is remembered, where another thread is at work between two look-ups."""

    def __init__(self, kept: Mapping[str, Any], meanwhile: list[Callable[[], object]]) -> None:
        super().__init__(kept)
        self.meanwhile = meanwhile

    def __getitem__(self, name: str) -> object:
        if name == OTHER and self.meanwhile:
            self.meanwhile.pop()()
        return super().__getitem__(name)


@pytest.mark.parametrize("reads", [0, 2])
@pytest.mark.parametrize("shell", ["threads", "event loop"])
def test_what_is_remembered(shell: str, reads: int, world: World) -> None:
    """A value from memory does not stand beside a newer one of its document, remembered or not."""

    def replace() -> None:
        world.rotate()
        for _ in range(reads):  # the second one puts the new value where one look-up finds it
            world.resolver.get(OTHER)

    names, resolver = [USER, OTHER], world.resolver
    for _ in range(2):
        resolver.get_many(names)
    resolver._hot = resolver._engine.state.shortcuts.hot = Racing(resolver._hot, [replace])
    ask = (
        resolver.get_many
        if shell == "threads"
        else lambda names: asyncio.run(AsyncResolver.of(resolver).get_many(names))
    )
    assert ask(names) == {USER: "u2", OTHER: "p2"}


class Pointing(Slow):
    """A slow service, which says that the password is in the document."""

    follows = True

    def fetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        """Let one thing happen, and answer with the reference."""
        super().fetch(ref, timeout=timeout)
        return Found(f"ref+{OTHER}")


@pytest.mark.parametrize("rotations", range(5))
def test_a_document_that_is_replaced_again_and_again(rotations: int, world: World) -> None:
    """It is asked for anew twice; after one more rotation, the caller gets what there is, and no endless search."""
    pointing = Pointing()
    world.resolver = Resolver([world.memory, pointing])
    pointing.meanwhile = [world.rotate] * rotations
    found = world.resolver.get_many([USER, "slow://x"])
    is_whole = str(found[USER])[1:] == str(found["slow://x"])[1:]
    assert (is_whole, pointing.asked) == (rotations < 3, min(rotations, 2) + 1)


def test_values_that_are_the_same(world: World) -> None:
    """A document that was fetched again and is the same is no other version."""
    world.slow.meanwhile = [lambda: world.resolver.invalidate(USER)]
    assert world.resolver.get_many(BOTH)[PASSWORD] == "p1"
    assert world.memory.calls == 2
    kept: Any = world.resolver._engine.state.cache.entry(SecretRef("memory", "db"))
    assert kept.outcome.version == "1"


def answered(entry: CachedAnswer | None, field: str | None = "user") -> Resolution:
    """The end of a walk to a field of the document."""
    result = Resolution(Request("x", PLACE), AT)
    result.route = Route(MemoryProvider())
    result.entry = entry
    return result.ended(Found("v"), PLACE._replace(field=field))


def kept(number: int) -> CachedAnswer:
    """A version of the document, as it is remembered."""
    found = Found(f'{{"user":"u{number}"}}', version=str(number))
    return CachedAnswer(found, AT, schedule(found, DEFAULTS, AT, None, 0.0), set())


def held(number: int, fields: tuple[str, ...] = ("user",)) -> Secret:
    """A secret of that version."""
    return Secret(f"u{number}", Origin("k", fields, PLACE, str(number), AT.wall, None, "fresh"))


PLACE, AT = SecretRef("memory", "db"), Instant(0.0, 1000.0)
ONE = kept(1)


@pytest.mark.parametrize(
    ("known", "entries", "is_torn"),
    [
        ({}, {"a": ONE}, False),
        ({}, {"a": None}, False),
        ({}, {"a": ONE, "b": ONE}, False),
        ({}, {"a": ONE, "b": kept(1)}, False),
        ({}, {"a": ONE, "b": kept(2)}, True),
        ({}, {"a": ONE, "b": None}, True),
        ({}, {"a": None, "b": ONE}, True),
        ({"a": held(1)}, {"b": ONE}, False),
        ({"a": held(2)}, {"b": ONE}, True),
        ({"a": held(1), "b": held(1)}, {}, False),
        ({"a": held(1), "b": held(2)}, {}, True),
        ({"a": "a default", "b": held(2)}, {}, False),
        ({"a": held(1)}, {"b": None}, True),
        ({}, {"a": None, "b": None}, True),
    ],
    ids=range(14),
)
def test_what_is_torn(known: dict[str, object], entries: dict[str, CachedAnswer | None], is_torn: bool) -> None:
    """Parts of several versions are, and one that was not kept beside another; a part alone is not."""
    results = {name: answered(entry) for name, entry in entries.items()}
    assert torn(known, results) == ({*known, *entries} if is_torn else set())


def test_what_is_whole() -> None:
    """An answer that is a document, or comes from a provider that is always asked, or is none, tears nothing."""
    whole, absent, direct = answered(kept(2), field=None), answered(kept(2)), answered(kept(2))
    absent.ended(NotFound(), PLACE)
    direct.route = Route(EnvProvider())
    for other in (whole, absent, direct, Resolution(Request("x", PLACE), AT)):
        assert torn({"c": held(2, ())}, {"a": answered(ONE), "b": other}) == set()
