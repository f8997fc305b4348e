"""The text of a trace: a line for each provider, asked or not."""

from __future__ import annotations

from secretsource.resolver._walk.resolution import Step
from secretsource.resolver._walk.route import Skipped
from secretsource.resolver._walk.trace import Trace


def test_each_provider_has_a_line() -> None:
    """Those that were asked, those that were not needed, and those that are left out, each with its reason."""
    steps = (
        Step("env", "A", "not found", reason="no such variable"),
        Step("vault", "kv/a", "found", "fresh", seconds=0.0125, version="3"),
    )
    trace = Trace(
        "A", "found", "fresh", steps, ("dotenv",), (Skipped("aws", "no region"), Skipped("gcp", "no project"))
    )
    assert str(trace).splitlines() == [
        "A: found, served=fresh",
        "  env        not found  A: no such variable",
        "  vault      found (fresh, 12.5 ms)  kv/a, version 3",
        "  dotenv     not asked: an earlier provider answered",
        "  aws        skipped: no region",
        "  gcp        skipped: no project",
    ]


def test_a_failure_ends_the_search() -> None:
    """Nothing is said to be served."""
    trace = Trace("A", "unavailable", None, (), ("dotenv",))
    assert str(trace) == "A: unavailable\n  dotenv     not asked: an earlier provider ended the search"
