"""The walk of the chain against an oracle: the table of the design in twenty lines."""

from __future__ import annotations

from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from secretsource._ground.clock import Instant
from secretsource._tuning import Tuning
from secretsource.providers.base import Failed, FailureCode, Found, NotFound, SecretRef
from secretsource.resolver._walk.cache import Cache
from secretsource.resolver._walk.chain import resolve
from secretsource.resolver._walk.resolution import Reply, Request, word_of
from secretsource.resolver._walk.route import Chain, Route
from secretsource.testing import ScriptedProvider

POLICY = Tuning(ttl=100, revalidate=50, max_stale=400, negative_ttl=10, jitter=0)
NAMES = ["a", "b", "c"]
DENIALS = {FailureCode.DENIED, FailureCode.DISABLED, FailureCode.DELETED, FailureCode.UNAUTHENTICATED}

outcomes = st.one_of(
    st.sampled_from(["v1", "v2"]).map(Found), st.just(NotFound()), st.sampled_from(list(FailureCode)).map(Failed)
)
reactions = st.sampled_from(["stop", "next"])
turns = st.tuples(st.sampled_from([0.5, 5, 30, 120, 200, 500]), st.fixed_dictionaries(dict.fromkeys(NAMES, outcomes)))


class Oracle:
    """What the design says, for one name."""

    def __init__(self, passes: dict[str, tuple[str, str]]) -> None:
        self.passes = passes  # what each provider's denials and outages mean
        self.kept: dict[str, tuple[Any, float]] = {}
        self.troubles: dict[str, tuple[Failed, int, float]] = {}

    def answer(self, name: str, says: Any, now: float) -> tuple[Any, Failed | None]:
        """A provider's answer, and why it could not be asked if the answer is an old one."""
        old, born = self.kept.get(name, (None, 0.0))
        if old is not None and now - born < (150 if isinstance(old, Found) else 10):
            return old, None
        failed, times, until = self.troubles.get(name, (None, 0, 0.0))
        if failed is None or now >= until:
            if not isinstance(says, Failed):
                self.kept[name] = says, now
                self.troubles.pop(name, None)
                return says, None
            failed = says
            self.troubles[name] = says, times + 1, now + min(10, 2**times)
            if not says.retryable:
                self.kept.pop(name, None)
        stale = failed.retryable and name in self.kept and now - born < 400
        return (old, failed) if stale else (failed, None)

    def resolve(self, says: dict[str, Any], now: float) -> tuple[str, str, Any]:
        """Outcome, provider and value."""
        doubt: tuple[str, str, Any] | None = None
        for name in NAMES:
            answer, trouble = self.answer(name, says[name], now)
            if isinstance(answer, Found):
                return "found", name, answer.value
            if isinstance(answer, Failed):
                trouble = answer
                denied, unavailable = self.passes[name]
                if (denied if answer.code in DENIALS else unavailable if answer.retryable else "stop") == "stop":
                    return answer.code.value, name, None
            if trouble is not None and trouble.retryable:
                doubt = doubt or (trouble.code.value, name, None)
        return doubt or ("not found", "", None)


def walk(routes: list[Route], cache: Cache, says: dict[str, Any], now: float) -> tuple[str, str, Any]:
    """The same by the resolver's own walk."""
    at = Instant(now, now)
    found = {route.provider.name: route for route in routes}
    chain = Chain(tuple(routes), found.__getitem__, found)
    flow = resolve(Request("KEY", SecretRef("", "KEY")), chain, cache, at)
    replies: Any = None
    while True:
        try:
            (ask,) = flow.send(replies)
        except StopIteration as end:
            outcome = end.value.outcome
            value = outcome.value if isinstance(outcome, Found) else None
            return word_of(outcome), end.value.ref.provider, value
        outcome = says[ask.route.provider.name]
        _, entry = cache.keep(ask.ref, outcome, at, max_age=None, luck=0, number=0)
        replies = [Reply(outcome, at, entry)]


@settings(max_examples=500)
@given(
    passes=st.fixed_dictionaries(dict.fromkeys(NAMES, st.tuples(reactions, reactions))),
    history=st.lists(turns, min_size=1, max_size=8),
)
def test_any_history(passes: dict[str, tuple[str, str]], history: list[tuple[float, dict[str, Any]]]) -> None:
    """Whatever three providers say, and whenever, the walk ends as the table has it."""
    routes = [Route(ScriptedProvider(name=name), *cast("Any", passes[name])) for name in NAMES]
    cache, oracle, now = Cache(POLICY._replace(max_entries=100)), Oracle(passes), 1000.0
    for seconds, says in history:
        now += seconds
        assert walk(routes, cache, says, now) == oracle.resolve(says, now)
