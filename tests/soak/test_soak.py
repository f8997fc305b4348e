"""Several processes on one PostgreSQL and one Valkey, first in peace, and then while both are killed under them."""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from tests.lengths import length
from tests.servers.postgres import postgres
from tests.servers.valkey import valkey
from tests.soak import judgement
from tests.soak.crew import crew
from tests.soak.judgement import Evidence, Stored
from tests.soak.plan import CHECKS, FATES, GIVEN_UP, PROCESSES, SHARED, stages
from tests.soak.worker import Settings

from secretsource.issuing import ApiKeys
from secretsource.stores import sql
from secretsource.stores._registry import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.servers.postgres import Postgres
    from tests.servers.valkey import Valkey
    from tests.soak.crew import Crew

IN_PEACE, UNDER_FIRE = length(1.5, 3.0), 6.0
"""Seconds that the two stages last at least."""


class Way(NamedTuple):
    """A way in which processes hear of changes.

    Attributes:
        ttl: Seconds for which a record is used without reading it again.
        bound: Seconds within which a changed key must be refused everywhere.
        on_limiter_error: What becomes of limits without Valkey.
        times: How often a limit may be granted when Valkey was killed once, and has forgotten what it had counted.
    """

    ttl: float
    bound: float
    on_limiter_error: str
    times: int


WAYS = {
    # Where there is news, a record is fresh for so long that news which gets lost is seen.
    "notify": Way(600.0, GIVEN_UP, "closed", 2),
    "sqlite": Way(600.0, GIVEN_UP, "closed", 2),
    "redis": Way(600.0, GIVEN_UP, "local", 3),
    "ttl": Way(2.0, 2.0, "open", 2),
}


class LocalFile:
    """A database that is a file, which cannot be killed.

    Args:
        folder: Where it is.
    """

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder}/keys.db?timeout=30"

    def kill(self) -> None:
        """There is no server."""

    def start(self) -> None:
        """There is no server."""


class Stand:
    """Both servers, the processes, and what is needed to give them keys and to judge them."""

    def __init__(self, database: Postgres | LocalFile, redis: Valkey, news: str) -> None:
        self.database = database
        self.redis = redis
        self.way = WAYS[news]
        self.drift = time.time() - time.monotonic()
        self._news = news
        sql.migrate(database.url)

    def settings(self, place: int) -> Settings:
        """Every second process checks on an event loop."""
        way = self.way
        return Settings(
            self.database.url, self.redis.url, self._news, place % 2 == 1, self.drift, way.ttl, way.on_limiter_error,
            PROCESSES,
        )  # fmt: skip

    def play(self, hands: Crew, seconds: float, meanwhile: Callable[[float], None] | None = None) -> Evidence:
        """Let the processes play a stage."""
        store = open_store(self.database.url)
        with ApiKeys(store, peppers=["a pepper of the tests, long enough"]) as keys:
            begins = time.monotonic() + 0.3
            each = stages(keys, seconds, begins)
        reports = hands.play(each, None if meanwhile is None else lambda: meanwhile(begins))
        stored = Stored.read(store, [key_id for key_id, kind in each[0].kinds.items() if kind != SHARED])
        store.close()
        return Evidence(each[0], reports, stored, self.drift)

    def fire(self, begins: float) -> None:
        """Kill the database twice and Valkey once, and start them again."""
        for at, server, seconds in ((1.0, self.database, 0.6), (2.5, self.redis, 0.6), (4.0, self.database, 0.6)):
            time.sleep(max(0.0, begins + at - time.monotonic()))
            server.kill()  # type: ignore[attr-defined]
            time.sleep(seconds)
            server.start()  # type: ignore[attr-defined]


@pytest.fixture(params=list(WAYS))
def stand(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stand]:
    """Servers whose commits outlive them."""
    server = postgres(synchronous_commit="on", max_connections="100")
    with nullcontext(LocalFile(tmp_path)) if request.param == "sqlite" else server as database, valkey() as redis:
        yield Stand(database, redis, request.param)


@pytest.mark.timeout(280)  # longer than the patience with the processes, which says more
def test_what_is_promised_holds_among_processes(stand: Stand, record_property: Callable[[str, Any], None]) -> None:
    """In peace exactly, and with the database killed twice and Valkey once as far as the reference says."""
    with crew([stand.settings(place) for place in range(PROCESSES)]) as hands:
        peace = stand.play(hands, IN_PEACE)
        fire = stand.play(hands, UNDER_FIRE, stand.fire)
    for name, evidence in (("in peace", peace), ("under fire", fire)):
        record_property("measured", measured(f"{stand._news}, {name}", evidence))
        assert sum(report.checks for report in evidence.reports) >= CHECKS
        assert judgement.late(evidence, stand.way.bound) == []
        assert judgement.unheard(evidence) == []
        assert judgement.forgotten_uses(evidence) == []
        assert judgement.miscounted(evidence) == []
        assert judgement.lost_events(evidence) == []
        assert judgement.unfounded(evidence, outage=evidence is fire) == []
    assert judgement.strange_successors(peace, all_told=True) == []
    assert judgement.strange_successors(fire, all_told=False) == []
    assert judgement.undrawn(peace) == []
    assert judgement.granted(peace) == judgement.limits(peace)
    assert judgement.overdrawn(fire, stand.way.times) == []
    assert stand.way.on_limiter_error == "open" or judgement.undrawn(fire) == []


def measured(name: str, evidence: Evidence) -> str:
    """A line for who reads the end of the run."""
    worst = dict.fromkeys(FATES, 0.0)
    for key_id, lag in evidence.lags().items():
        kind = evidence.stage.kinds[key_id]
        worst[kind] = max(worst[kind], lag)
    reports = evidence.reports
    shares = zip(judgement.granted(evidence).values(), judgement.limits(evidence).values(), strict=True)
    return (
        f"{name:20} {sum(report.checks for report in reports):8,} checks; accepted too late at worst, in ms: "
        f"{', '.join(f'{lag * 1e3:.0f} {kind}' for kind, lag in worst.items())}; "
        f"{sum(len(report.turns) for report in reports)} rotations; "
        f"granted {', '.join(f'{number} of {limit}' for number, limit in shares)}; "
        f"{sum(report.failed for report in reports)} changes tried again"
    )
