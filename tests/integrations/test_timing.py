"""How long a refusal takes does not tell why a key was refused: a statistical test, over HTTP, with a control.

Requests of all kinds are sent in random order and timed. Two kinds are compared by two measures: how often one of the
first takes longer than one of the second, where one half says that they do not differ; and how much more often than
by chance somebody who knows both distributions, and chooses the best limit, could tell from one answer which it was.
"""

from __future__ import annotations

import asyncio
import http.client
import random
import time
from bisect import bisect_left, bisect_right
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from threading import local
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from tests.integrations.conftest import PEPPER, shop
from tests.lengths import length
from tests.servers.postgres import postgres

from secretsource.integrations.asgi import ApiKeyMiddleware
from secretsource.issuing import ApiKeys, AsyncApiKeys, KeyFormat
from secretsource.stores import sql
from secretsource.stores.memory import MemoryStore
from secretsource.testing.asgi_server import asgi_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Self

CROWD: dict[str, Any] = {"each": length(200, 600), "clients": 8}
"""Many requests of each kind, some at once: a small difference would show."""
LONE: dict[str, Any] = {"each": length(60, 150), "clients": 1}
"""One request at a time, so that nothing but the pace hides when a check has ended."""
FEW: dict[str, Any] = {"each": 40, "clients": 1, "refuse_after": 0}
"""Where the difference is large."""
APART = 0.6
"""What the second measure is at least when a difference is put in: more than chance gives to so few."""
SLOW = 0.05
"""Seconds that a look-up takes in the control."""
FORGED, UNKNOWN, WRONG, IN_USE = "right CRC, not sealed by us", "unknown", "wrong secret", "wrong secret, key in use"


def longer(first: Sequence[float], second: Sequence[float]) -> float:
    """How often a member of the first is greater than one of the second; a tie counts half (Mann and Whitney 1947)."""
    ranked = sorted(second)
    wins = sum(bisect_left(ranked, value) + bisect_right(ranked, value) for value in first)
    return wins / (2 * len(first) * len(second))


def told(first: Sequence[float], second: Sequence[float]) -> float:
    """The greatest distance of two distribution functions (Kolmogorov and Smirnov): 0 for the same, 1 for two apart."""
    ranked, others = sorted(first), sorted(second)
    return max(
        abs(bisect_right(ranked, value) / len(ranked) - bisect_right(others, value) / len(others))
        for value in [*ranked, *others]
    )


def chance(each: int) -> tuple[float, float]:
    """How far so many requests of two kinds may be from one half and from 0, if they are alike: all but 1 in 50,000."""
    return 4.2 / (6 * each) ** 0.5, (12.2 / each) ** 0.5


def refused(keys: ApiKeys, each: int) -> dict[str, list[str]]:
    """Keys of every kind that is refused; none comes twice, so that nothing but a key in use is cached."""
    mint = KeyFormat().mint
    seal, forge = (
        one._operations._locator for one in (keys, ApiKeys(MemoryStore(), peppers=["somebody else's pepper"]))
    )
    issued = keys.issue_many([{"owner": "acme"} for _ in range(each)])
    return {
        FORGED: [mint("sk", "live", forge("acme")) for _ in range(each)],
        UNKNOWN: [mint("sk", "live", seal("acme")) for _ in range(each)],
        WRONG: [mint("sk", "live", one.record.key_id) for one in issued],
    }


class SlowLookups:
    """A store whose look-ups take longer by a known time."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def peek(self, key_id: str) -> Any:
        """As `get`; a check asks so."""
        return self.get(key_id)

    def get(self, key_id: str) -> Any:
        """Look a record up, later."""
        if isinstance(self._store, sql.SqlStore):
            time.sleep(SLOW)
            return self._store.get(key_id)
        return self._get_on_a_loop(key_id)

    async def _get_on_a_loop(self, key_id: str) -> Any:
        await asyncio.sleep(SLOW)
        return await self._store.get(key_id)


class Client:
    """Somebody outside with a stopwatch, who keeps a connection open in each thread.

    Args:
        url: Where the server is.
    """

    def __init__(self, url: str) -> None:
        self._place = urlsplit(url).netloc
        self._local = local()
        self._connections: list[http.client.HTTPConnection] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._connections:
            connection.close()

    def ask(self, key: str) -> tuple[float, Any]:
        """How long an answer takes, in seconds, and all of it that does not name the day."""
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = http.client.HTTPConnection(self._place, timeout=30)
            connection.connect()
            self._connections.append(connection)
        began = time.perf_counter()
        connection.request("GET", "/", headers={"X-API-Key": key})
        answer = connection.getresponse()
        body = answer.read()
        took = time.perf_counter() - began
        headers = [header for header in answer.getheaders() if header[0] != "date"]
        return took, (answer.status, headers, body)


class Seen:
    """What somebody outside has seen of refusals.

    Attributes:
        times: How long they took, by their reason.
        answers: The different answers there were.
    """

    def __init__(self, url: str, texts: Mapping[str, Sequence[str]], clients: int) -> None:
        asked = [(kind, text) for kind, several in texts.items() for text in several]
        random.shuffle(asked)
        with Client(url) as client, ThreadPoolExecutor(clients) as pool:
            answers = list(pool.map(lambda each: client.ask(each[1]), asked))
        self.times: dict[str, list[float]] = {kind: [] for kind in texts}
        self.answers: list[Any] = []
        for (kind, _), (took, answer) in zip(asked, answers, strict=True):
            self.times[kind].append(took)
            if answer not in self.answers:
                self.answers.append(answer)

    def measured(self, measure: Callable[[Sequence[float], Sequence[float]], float]) -> dict[tuple[str, str], float]:
        """How two kinds differ, for every two of them."""
        return {pair: measure(*map(self.times.__getitem__, pair)) for pair in combinations(self.times, 2)}

    def __str__(self) -> str:
        shifts, guesses = self.measured(longer).values(), self.measured(told).values()
        return (
            f"one kind takes longer than another in {min(shifts):.3f} to {max(shifts):.3f} of all pairs, "
            f"and is told from it in {max(guesses):.3f} over chance"
        )


class Desk:
    """A shop that can be opened on one store, for threads or for an event loop, to be asked by somebody outside.

    Args:
        store: Where keys are looked up.
        keys: What issues them.
        kind: `ApiKeys` or `AsyncApiKeys`, as the store needs it.
    """

    def __init__(self, store: Any, keys: ApiKeys, kind: Any) -> None:
        self.store = store
        self._keys = keys
        self._kind = kind

    def __str__(self) -> str:
        return "threads on SQLite" if self._kind is ApiKeys else "event loop on PostgreSQL"

    def seen(self, store: Any, *, each: int, clients: int, **settings: Any) -> Seen:
        """Ask for refusals of all kinds, while one key is in use."""
        used = self._keys.issue(owner="acme", scopes=["a:b"])
        texts = refused(self._keys, each)
        texts[IN_USE] = [KeyFormat().mint("sk", "live", used.record.key_id) for _ in range(each)]
        checking = self._kind(store, peppers=[PEPPER])
        with asgi_server(ApiKeyMiddleware(closing(checking), checking, scope="a:b", **settings)) as url:
            with Client(url) as client:
                assert client.ask(used.plaintext)[1][0] == 200
            return Seen(url, texts, clients)


def closing(keys: Any) -> Any:
    """A shop that, when it is closed, closes its keys and their store on the event loop on which they were used."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await shop(scope, receive, send)
            return
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for close in (keys.close, keys._store.close):  # a store that is asked again opens again
            closed = close()
            if closed is not None:
                await closed
        await send({"type": "lifespan.shutdown.complete"})

    return app


@pytest.fixture(params=["sqlite", "postgresql"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """A desk for threads on SQLite, or for an event loop on PostgreSQL."""
    if request.param == "sqlite":
        with ApiKeys.open(f"sqlite:///{tmp_path / 'keys.db'}", peppers=[PEPPER]) as keys:
            yield Desk(keys._store, keys, ApiKeys)
        return
    with postgres() as server:
        sql.migrate(server.url)
        with ApiKeys.open(server.url, peppers=[PEPPER]) as keys:
            yield Desk(sql.AsyncPostgresStore.open(server.url), keys, AsyncApiKeys)


def test_the_time_of_a_refusal_does_not_tell_its_reason(
    desk: Desk, record_property: Callable[[str, Any], None]
) -> None:
    """Status, headers and body are the same, and so is the time; what is made to differ is told apart."""
    for name, how in (("many at once", CROWD), ("one by one", LONE)):
        paced = desk.seen(desk.store, **how)
        record_property("measured", f"refusals, {desk}, {name:12}: {paced}")
        assert [status for status, _, _ in paced.answers] == [401]
        shift, guess = chance(how["each"])
        assert all(abs(found - 0.5) <= shift for found in paced.measured(longer).values()), paced.measured(longer)
        assert all(found <= guess for found in paced.measured(told).values()), paced.measured(told)
    record_property("measured", f"refusals, {desk}, not paced   : {desk.seen(desk.store, **FEW)}")
    control = desk.seen(SlowLookups(desk.store), **FEW)
    record_property("measured", f"refusals, {desk}, slow store  : {control}")
    assert control.measured(told)[FORGED, UNKNOWN] >= APART
    assert control.measured(told)[UNKNOWN, IN_USE] >= APART


def test_the_measures_tell_apart_what_is_apart() -> None:
    """Nothing for the same, all for what never meets, and in between by as much as they overlap."""
    for first, second, shift, guess in [
        ([1, 2, 3], [1, 2, 3], 0.5, 0.0), ([4, 5], [1, 2, 3], 1.0, 1.0), ([1], [2, 2], 0.0, 1.0),
        ([2, 4], [1, 3], 0.75, 0.5), ([1, 4], [2, 3], 0.5, 0.5),
    ]:  # fmt: skip
        assert (longer(first, second), told(first, second)) == (shift, guess)
