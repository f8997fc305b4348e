"""A short torture; ``python -m tests.torture --seconds 3600`` is a long one."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from tests.forks import needs_fork
from tests.lengths import length
from tests.servers.postgres import postgres
from tests.torture.crew import Crew, Plan

from secretsource.stores import sql

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SECONDS = length(10.0, 60.0)
PROCESSES = 3
KINDS = ("issued", "revoked", "rotated", "used", "fork", "close")
"""What must happen at least once."""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty store."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/keys.db?timeout=20"
        return
    with postgres(max_connections="200") as server:
        sql.migrate(server.url)
        yield server.url


@pytest.mark.timeout(400)  # longer than the patience with the processes, which says more
@needs_fork
def test_nothing_that_was_confirmed_is_lost(
    url: str, tmp_path: Path, record_property: Callable[[str, Any], None]
) -> None:
    """By processes that check, issue, revoke, rotate, flush, close, fork, run commands and are killed at any moment."""
    seed = random.SystemRandom().randrange(1 << 30)
    plan = Plan(url, tmp_path, SECONDS, seed, PROCESSES, kills=length(2, 10), kinds=KINDS)
    outcome = Crew(plan).play()
    record_property("measured", str(outcome))
    assert not outcome.lost, outcome.whole()
    assert outcome.has_enough, outcome.counts
