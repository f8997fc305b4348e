"""The rules for every limiter, as a pytest class to subclass.

    class TurnstileHarness(LimiterHarness):                     # opens the limiter, and breaks its server
        def __init__(self, url):
            self.url = url
        def open(self): return TurnstileLimiter(self.url, pause=0)
        def lose(self): ...                                     # and hang, forbid, heal

    class TestTurnstile(LimiterConformance):
        impossible = {"forbid": "Turnstile knows no users and no bounds"}

        @pytest.fixture
        def harness(self, turnstile_url):
            return TurnstileHarness(turnstile_url)

Each test starts without levels. An ability declared impossible is not tested; a fault that is neither written nor
declared fails its tests. Test an `AsyncLimiter` with `AsyncLimiterConformance`.
"""

from __future__ import annotations

import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from secretsource.exceptions import StoreError
from secretsource.limiters.base import AtOnce, Draw, ImmediateLimiter, Limiter, Plan, Quota, Rate
from secretsource.testing._cases import needs
from secretsource.testing._limiters.refunds import LimiterRefunds
from secretsource.testing.limiter_harness import LIMITER_ABILITIES, LIMITER_FAULTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from secretsource.testing.limiter_harness import LimiterHarness

    Ask = Callable[..., Draw]

__all__ = ["LimiterConformance"]

MINUTE, HOUR = Rate(4, 60, 4, "minute"), Rate(6, 3600, 6, "hour")
DAY, MONTH = Quota(5, "day"), Quota(3, "month", "add", 9)
TINY, SMALL, LARGE = (
    Plan((Rate(first, 86400, first, "day"), Quota(second, "day"), Quota(third, "month", "add", 12)))
    for first, second, third in ((1, 2, 2), (4, 5, 5), (9, 8, 10))
)
"""The same limits with other numbers."""
QUICK = Rate(20, 1, 1, "second")
"""One request, and the next one 50 ms later."""
MANY = 100


class LimiterConformance(LimiterRefunds):
    """The cases of every `Limiter`; subclass it and override the ``harness`` fixture.

    Attributes:
        impossible: Abilities that the limiter cannot have (of `limiter_harness.LIMITER_ABILITIES`), each with the
            reason.
        patience: Seconds within which a draw must end while the server does not answer.
    """

    impossible: ClassVar[Mapping[str, str]] = {}
    patience: ClassVar[float] = 5.0

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        for ability, reason in cls.impossible.items():
            if ability not in LIMITER_ABILITIES or not reason:
                raise TypeError(f"{cls.__name__}.impossible: {ability!r} is not an ability, or lacks a reason")
        lacking = {*cls.impossible, *(["fault"] if cls.impossible.keys() >= set(LIMITER_FAULTS) else [])}
        for name in dir(cls):
            wanted: frozenset[str] = getattr(getattr(cls, name), "needs", frozenset())
            if not wanted.isdisjoint(lacking):
                setattr(cls, name, None)  # tells pytest that an inherited test is not collected

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run the tests that take a ``fault`` once for each possible fault."""
        if "fault" in metafunc.fixturenames:
            metafunc.parametrize("fault", [fault for fault in LIMITER_FAULTS if fault not in self.impossible])

    @pytest.fixture
    def harness(self) -> Any:
        """Return the harness of the limiter under test; every subclass overrides it."""
        raise NotImplementedError("override the fixture `harness` so that it returns your LimiterHarness")

    def opened(self, harness: LimiterHarness) -> Limiter:
        """Return a limiter of the harness, in the form for the cases."""
        return harness.open()

    @pytest.fixture
    def another(self, harness: LimiterHarness) -> Iterator[Callable[[], Limiter]]:
        """Return a function that opens further limiters over the same levels; each is closed after the test."""
        made: list[Limiter] = []

        def make() -> Limiter:
            made.append(self.opened(harness))
            return made[-1]

        yield make
        for limiter in made:
            close: Callable[[], object] = getattr(limiter, "close", lambda: None)
            close()

    @pytest.fixture
    def limiter(self, another: Callable[[], Limiter]) -> Limiter:
        """Return the limiter under test, without levels."""
        return another()

    @pytest.fixture
    def ask(self, harness: LimiterHarness, limiter: Limiter) -> Ask:
        """Return a function that draws on the limiter under test, now: ``ask(rules, cost=1, key="account")``."""
        return asking(limiter, harness)

    # Grants

    @pytest.mark.parametrize("rule", [MINUTE, DAY, MONTH, Quota(3, "month", on=31), AtOnce(3)], ids=str)
    def test_the_whole_limit_is_granted_and_no_more(self, rule: Rate | Quota | AtOnce, ask: Ask) -> None:
        """A limit grants as many requests as it has; then the refusal names the rule and the time to come again."""
        plan = Plan((rule,))
        assert [bool(ask(plan)) for _ in range(rule.limit)] == [True] * rule.limit
        refused = ask(plan)
        assert not refused
        assert refused.refused_by == rule
        assert refused.retry_after is not None
        assert refused.retry_after > 0

    def test_a_draw_tells_the_state_of_each_limit(self, ask: Ask) -> None:
        """Rates and quotas, in the order of the rules, granted or refused."""
        plan = Plan((MINUTE, HOUR, DAY, MONTH))
        assert [left.remaining for left in ask(plan, 2).states] == [2, 4, 3, 1]
        refused = ask(plan, 2)
        assert refused.refused_by == MONTH
        assert [left.remaining for left in refused.states] == [2, 4, 3, 1]
        assert [left.name for left in refused.states] == ["minute", "hour", "day quota", "month quota"]

    def test_several_limits_are_all_or_nothing(self, ask: Ask) -> None:
        """A rule that would grant is not drawn on when another refuses, whichever comes first."""
        for key, rules in (("a", (MINUTE, DAY)), ("b", (Rate(9, 60, 9, "minute"), Quota(4, "day")))):
            plan = Plan(rules)
            assert [bool(ask(plan, key=key)) for _ in range(6)] == [True] * 4 + [False] * 2
            assert sorted(left.remaining for left in ask(plan, 0, key=key).states) == ([0, 1] if key == "a" else [0, 5])

    def test_a_refused_request_costs_nothing(self, harness: LimiterHarness, ask: Ask) -> None:
        """A client that tries all the time is accepted as soon as there is room."""
        plan = Plan((QUICK,))
        assert ask(plan)
        for _ in range(20):
            if ask(plan):
                return
            harness.wait(0.01)
        raise AssertionError("a client that knocked for 0.2 s was not let in, at 20 requests a second")

    def test_a_cost_of_nothing_only_looks(self, ask: Ask) -> None:
        """A cost of 0 is granted also at an empty limit, and takes nothing."""
        plan = Plan((MINUTE, DAY))
        assert [left.remaining for left in ask(plan, 0).states] == [4, 5]
        assert ask(plan, 4)
        looked = ask(plan, 0)
        assert looked
        assert [left.remaining for left in looked.states] == [0, 1]

    def test_a_cost_beyond_a_limit_never_fits(self, ask: Ask) -> None:
        """If waiting does not help, that rule is named, even if another rule refuses first."""
        assert ask(Plan((MINUTE, DAY)), 4)
        for rule, cost in ((MINUTE, 5), (DAY, 6), (MONTH, 10)):
            refused = ask(Plan((rule,)), cost, key="fresh")
            assert (refused.refused_by, refused.retry_after) == (rule, None)
        refused = ask(Plan((MINUTE, Quota(4, "day"))), 5)
        assert (bool(refused), refused.retry_after) == (False, None)

    def test_accounts_are_apart(self, ask: Ask) -> None:
        """A draw on one account takes nothing from another, even if their names are similar."""
        plan = Plan((MINUTE,))
        for key in ("7Qm2xL0cVbT9uYw3eRfGhK", "7Qm2xL0cVbT9uYw3eRfGhk", "7Qm2xL0cVbT9uYw3eRfGh"):
            assert [bool(ask(plan, key=key)) for _ in range(5)] == [True] * 4 + [False]

    def test_a_limit_that_stays_keeps_its_level(self, ask: Ask) -> None:
        """A limit keeps its level when another limit of the account is added or removed."""
        assert ask(Plan((MINUTE, DAY)), 3)
        changed = ask(Plan((HOUR, DAY)), 0)
        assert [left.remaining for left in changed.states] == [6, 2]

    def test_a_limit_that_changes_keeps_what_was_used(self, ask: Ask) -> None:
        """As many requests are used of a limit whose number changes; the number may be less than what was used."""
        assert ask(SMALL, 3)
        for plan, remaining in ((LARGE, [6, 5, 7]), (SMALL, [1, 2, 2]), (TINY, [0, 0, 0])):
            looked = ask(plan, 0)
            assert looked
            assert [left.remaining for left in looked.states] == remaining
        assert not ask(TINY)
        assert ask(LARGE, 5)
        assert not ask(LARGE)
        assert [left.remaining for left in ask(SMALL, 0).states] == [0, 0, 0]

    def test_keys_of_one_owner_share_its_limits(self, ask: Ask) -> None:
        """Two accounts that draw on a third one beside them get no more of it than one of them would."""
        plan = Plan((DAY,), ("owner:acme", Plan((Quota(7, "day", whose="owner"),))))
        assert [bool(ask(plan, key=key)) for key in "ababababa"] == [True] * 7 + [False] * 2
        assert [left.remaining for left in ask(plan, 0, key="b").states] == [2, 0]

    def test_a_route_draws_with_its_key_and_its_owner(self, ask: Ask) -> None:
        """Three accounts, each beside the one before, are drawn on together: a refusal by any takes from none."""
        key = Plan((DAY,), ("owner:acme", Plan((Quota(6, "day", whose="owner"),))))
        route, other = (Plan((Rate(2, 3600, 2, "route hour"),), (account, key)) for account in ("key", "other"))
        assert [bool(ask(route, key="key@one")) for _ in range(3)] == [True, True, False]
        assert [left.remaining for left in ask(key, 0, key="key").states] == [3, 4]
        assert ask(key, 3, key="key")
        assert ask(route, key="key@two").refused_by == DAY
        assert [left.remaining for left in ask(route, 0, key="key@two").states] == [2, 0, 1]
        assert [bool(ask(other, key="other@one")) for _ in range(2)] == [True, False]
        assert [left.remaining for left in ask(other, 0, key="other@one").states] == [1, 4, 0]

    def test_a_limit_is_refilled(self, harness: LimiterHarness, ask: Ask) -> None:
        """A rate is refilled drop by drop, so the wait in a refusal is enough."""
        plan = Plan((QUICK,))
        assert ask(plan)
        refused = ask(plan)
        if refused:  # the machine stood still for 50 ms
            refused = ask(plan)
        assert refused.retry_after is not None
        assert 0 < refused.retry_after <= 0.051
        harness.wait(refused.retry_after + 0.001)
        assert ask(plan)

    # Several at once

    def test_threads_are_granted_the_limit_and_no_more(self, limiter: Limiter, harness: LimiterHarness) -> None:
        """Eight threads that ask twice as often as a limit grants are granted exactly the limit."""
        plan = Plan((Rate(MANY, 86400, MANY, "day"), Quota(2 * MANY, "month")))
        ask = asking(limiter, harness)
        with ThreadPoolExecutor(8) as threads:
            granted = [*map(bool, threads.map(ask, [plan] * (2 * MANY)))]
        assert granted.count(True) == MANY

    @needs("share")
    def test_limiters_over_the_same_levels_share_them(
        self, harness: LimiterHarness, limiter: Limiter, another: Callable[[], Limiter]
    ) -> None:
        """Two limiters, as of two processes, together grant exactly the limit."""
        plan, other = Plan((Rate(MANY, 86400, MANY, "day"),)), another()
        with ThreadPoolExecutor(4) as threads:
            mine, theirs = (threads.map(asking(each, harness), [plan] * MANY) for each in (limiter, other))
            granted = [*map(bool, (*mine, *theirs))]
        assert granted.count(True) == MANY

    def test_one_that_answers_at_once_takes_as_it_draws(self, limiter: Limiter, harness: LimiterHarness) -> None:
        """`take` grants and refuses as `draw` does, from the same levels; other limiters have no `take`."""
        if not isinstance(limiter, ImmediateLimiter):
            return
        plan, (mono, wall) = Plan((MINUTE, DAY)), harness.now()
        for left in (3, 2):
            grant = limiter.take("account", plan, 1, mono, wall)
            assert grant is not None
            assert Draw(*grant).states[0].remaining == left
        assert limiter.draw("account", plan, 2, mono, wall)
        assert limiter.take("account", plan, 1, mono, wall) is None
        assert limiter.take("account", plan, 0, mono, wall) is not None

    # Faults

    @needs("fault")
    def test_a_fault_is_an_error_and_never_a_grant(self, fault: str, harness: LimiterHarness, ask: Ask) -> None:
        """A fault ends a draw within the patience; after it, the same limiter works and grants no more than the limit.

        A draw that failed may have been charged, and a server may have forgotten its levels.
        """
        plan = Plan((MINUTE,))
        assert ask(plan)
        getattr(harness, fault)()
        for _ in range(2):
            began = time.monotonic()
            with pytest.raises(StoreError):
                ask(plan)
            assert time.monotonic() - began < self.patience
        harness.heal()
        assert 1 <= sum(bool(ask(plan)) for _ in range(6)) <= MINUTE.limit

    @needs("fault")
    def test_a_fault_shows_nothing(self, fault: str, harness: LimiterHarness, ask: Ask, limiter: Limiter) -> None:
        """No error, no exception behind it and no repr shows a password; the error says in one line what failed."""
        ask(Plan((MINUTE,)))
        getattr(harness, fault)()
        with pytest.raises(StoreError) as caught:
            ask(Plan((MINUTE,)))
        harness.heal()
        error = caught.value
        assert (error.__cause__, error.__context__) == (None, None)
        assert "\n" not in str(error)
        for text in (*traceback.format_exception(error), repr(error), repr(limiter)):
            assert not any(hidden in text for hidden in harness.hidden)


def asking(limiter: Limiter, harness: LimiterHarness) -> Ask:
    """Draw on a limiter, at the time of its harness."""

    def ask(plan: Plan, cost: int = 1, key: str = "account") -> Draw:
        return limiter.draw(key, plan, cost, *harness.now())

    return ask
