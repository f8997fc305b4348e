"""Every number that a user may rely on, in one table: to change one is a decision, and never an accident."""

from __future__ import annotations

from inspect import signature
from typing import Any

import pytest

from secretsource import Resolver
from secretsource.config import Config
from secretsource.resolver import (
    _background,
    _cache,
    _call,
    _chain,
    _crew,
    _engine,
    _reference,
    _refresh,
    _shortcuts,
    _wiring,
)
from secretsource.resolver._refresh import FreshnessPolicy
from secretsource.resolver._wiring import checked_policy, first_engine

DEFAULTS: dict[str, Any] = {
    "ttl": 300.0,
    "revalidate": None,
    "max_stale": 3600.0,
    "deadline": 5.0,
    "negative_ttl": 10.0,
    "max_entries": 1024,
    "jitter": 0.1,
}

NUMBERS: list[tuple[object, str, float]] = [
    (_refresh, "AHEAD", 0.8),
    (_refresh, "LEASE_SHARE", 2 / 3),
    (_refresh, "FIRST_PAUSE", 1.0),
    (_refresh, "LONGEST_PAUSE", 10.0),
    (_shortcuts, "HOT_SECONDS", 1.0),
    (_cache, "MAX_READERS", 1024),
    (_call, "PATIENCE", 0.25),
    (_chain, "MAX_FOLLOWED", 8),
    (_reference, "MAX_NAME", 512),
    (_reference, "MAX_REFERENCE", 4096),
    (_engine, "FROZEN_SECONDS", 5.0),
    (_background, "MAX_THREADS", 32),
    (_background, "IDLE_SECONDS", 5.0),
    (_crew, "MAX_AT_ONCE", 32),
    (_wiring, "SETTING_TIMEOUT", 5.0),
]


@pytest.mark.parametrize(("owner", "name", "number"), NUMBERS, ids=[name for _, name, _ in NUMBERS])
def test_a_number(owner: object, name: str, number: float) -> None:
    """Each is what the documentation says."""
    assert getattr(owner, name) == number


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_default(name: str) -> None:
    """A resolver that is given nothing, and a file that says nothing, have the same numbers."""
    assert signature(Resolver.__init__).parameters[name].default == DEFAULTS[name]
    assert getattr(Config(None, ""), name) == DEFAULTS[name]


def test_the_default_resolver() -> None:
    """So does the one that nobody configured."""
    engine = first_engine()
    assert engine.state.cache.policy == checked_policy(**DEFAULTS) == FreshnessPolicy()
    assert (engine.deadline, engine.state.cache.max_entries) == (DEFAULTS["deadline"], DEFAULTS["max_entries"])
