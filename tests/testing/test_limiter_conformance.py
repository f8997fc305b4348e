"""The suite for limiters catches the limiter that does not keep the contract."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from tests.limiters.test_conformance import MemoryHarness

from secretsource.exceptions import StoreError
from secretsource.limiters.base import Draw, Plan
from secretsource.limiters.memory import LocalLimiter
from secretsource.testing import LimiterConformance, LimiterHarness
from secretsource.testing._limiters.conformance import DAY, asking
from secretsource.testing.limiter_harness import LIMITER_FAULTS

if TYPE_CHECKING:
    from collections.abc import Callable


class Generous(LocalLimiter):
    """Grants one request too many."""

    def draw(self, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Draw:
        rules = tuple(rule._replace(limit=rule.limit + 1) if rule == DAY else rule for rule in plan.rules)
        return super().draw(key, Plan(rules), cost, mono, wall)


class Charging(LocalLimiter):
    """Charges a refused request, too: the window slides with each try."""

    def draw(self, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Draw:
        draw = super().draw(key, plan, cost, mono, wall)
        if not draw:
            account = self._accounts[key]
            levels = tuple(mono + 0.05 if isinstance(level, float) else level for level in draw.levels)
            account.held = (plan, levels, mono, wall)
        return draw


class Piecemeal(LocalLimiter):
    """Draws on each rule by itself."""

    def draw(self, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Draw:
        draws = [super(Piecemeal, self).draw(f"{key}{rule}", Plan((rule,)), cost, mono, wall) for rule in plan.rules]
        refused = next((draw for draw in draws if not draw), draws[0])
        levels = tuple(draw.levels[0] for draw in draws)
        return Draw(plan, levels, mono, wall, refused.refused_by, refused.retry_after)


class Careless(LocalLimiter):
    """Takes one request where a look was asked for."""

    def draw(self, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Draw:
        return super().draw(key, plan, cost or 1, mono, wall)


class Folding(LocalLimiter):
    """Keeps the accounts of two names that differ in case as one."""

    def draw(self, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Draw:
        return super().draw(key.lower(), plan, cost, mono, wall)


class Shallow(LocalLimiter):
    """Draws on two accounts, and looks at a third one."""

    def draw(self, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Draw:
        beside = plan.beside
        if beside is None or beside[1].beside is None:
            return super().draw(key, plan, cost, mono, wall)
        looked = super().draw(key, plan, 0, mono, wall)
        own = Plan(plan.rules[: plan.own], (beside[0], Plan(beside[1].rules[: beside[1].own])))
        draw = super().draw(key, own, cost, mono, wall)
        levels = draw.levels + looked.levels[len(draw.levels) :]
        return Draw(plan, levels, mono, wall, draw.refused_by, draw.retry_after)


class Forgetful(LocalLimiter):
    """Begins anew when a rule changes."""

    def draw(self, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Draw:
        return super().draw(f"{key}{plan}", plan, cost, mono, wall)


class Hopeful(LocalLimiter):
    """Tells a client to wait for what never fits."""

    def draw(self, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Draw:
        draw = super().draw(key, plan, cost, mono, wall)
        if not draw and draw.retry_after is None:
            draw.retry_after = 1.0
        return draw


class TwoPurses(LocalLimiter):
    """Takes from other levels than it draws on."""

    def take(self, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Any:
        return super().take(f"{key}'", plan, cost, mono, wall)


class Keeping(LocalLimiter):
    """Takes nothing back."""

    def refund(self, key: str, draw: Draw, cost: int, mono: float, wall: float) -> None:
        """Do nothing."""


class Refunding(LocalLimiter):
    """Refunds a request that is done."""

    def refund(self, key: str, draw: Draw, cost: int, mono: float, wall: float) -> None:
        super().refund(key, draw, cost or 1, mono, wall)
        super().refund(key, draw, 0, mono, wall)


class Brimming(LocalLimiter):
    """Fills a limit above its ceiling."""

    def refund(self, key: str, draw: Draw, cost: int, mono: float, wall: float) -> None:
        account = self._accounts.get(key)
        if account is not None:
            plan, levels, *now = account.held
            counted: Any = levels
            more = [(level[0] + cost, level[1]) if isinstance(level, tuple) else level for level in counted]
            account.held = (plan, tuple(more), *now)  # type: ignore[assignment]


class Restarting(LocalLimiter):
    """Has the limits of the draw again, and forgets those since."""

    def refund(self, key: str, draw: Draw, cost: int, mono: float, wall: float) -> None:
        self._accounts[key].held = (draw.plan, draw.undone(draw.plan, draw.levels, cost, mono, wall), mono, wall)


class Tired(LocalLimiter):
    """Renews no lease."""

    def renew(self, key: str, draw: Draw, mono: float, wall: float) -> Draw:
        return draw


class Eternal(LocalLimiter):
    """Has leases that never end."""

    def draw(self, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Draw:
        return super().draw(key, plan, cost, 0.0, wall)


class Heavy(LocalLimiter):
    """Takes a lease for each request of a cost."""

    def draw(self, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Draw:
        for _ in range(cost - 1):
            super().draw(key, Plan(plan.rules), 1, mono, wall)
        return super().draw(key, plan, min(cost, 1), mono, wall)


CASES: list[tuple[type[LocalLimiter], str, dict[str, Any]]] = [
    (Generous, "the_whole_limit_is_granted_and_no_more", {"rule": DAY}),
    (Charging, "a_refused_request_costs_nothing", {}),
    (Piecemeal, "several_limits_are_all_or_nothing", {}),
    (Careless, "a_cost_of_nothing_only_looks", {}),
    (Hopeful, "a_cost_beyond_a_limit_never_fits", {}),
    (Folding, "accounts_are_apart", {}),
    (Shallow, "a_route_draws_with_its_key_and_its_owner", {}),
    (Forgetful, "a_limit_that_stays_keeps_its_level", {}),
    (Keeping, "a_refund_returns_the_cost", {}),
    (Keeping, "a_release_frees_the_place_alone", {}),
    (Refunding, "a_release_frees_the_place_alone", {}),
    (Brimming, "a_refund_fills_no_limit_above_its_ceiling", {}),
    (Restarting, "a_changed_limit_keeps_its_level_when_another_is_refunded", {}),
    (Tired, "a_renewed_lease_lasts_as_long_again", {}),
    (Eternal, "a_lease_ends_by_itself", {}),
    (Heavy, "a_lease_is_one_at_any_cost", {}),
    (TwoPurses, "one_that_answers_at_once_takes_as_it_draws", {}),
]


def arguments(test: Any) -> list[str]:
    """The fixtures that a case asks for."""
    return [*inspect.signature(test).parameters]


def played(made: Callable[[], LocalLimiter], case: str, given: dict[str, Any]) -> None:
    """Play one case of the suite on one limiter."""
    harness, limiter = MemoryHarness(), made()
    test: Any = getattr(LimiterConformance(), f"test_{case}")
    fixtures = {"harness": harness, "limiter": limiter, "ask": asking(limiter, harness), **given}
    test(**{name: fixture for name, fixture in fixtures.items() if name in arguments(test)})


@pytest.mark.parametrize(("dishonest", "case", "given"), CASES, ids=[f"{case[0].__name__} {case[1]}" for case in CASES])
def test_a_dishonest_limiter_is_caught(dishonest: type[LocalLimiter], case: str, given: dict[str, Any]) -> None:
    """By the case that is named for its fault; an honest limiter passes the same case."""
    played(LocalLimiter, case, given)
    with pytest.raises(AssertionError):
        played(dishonest, case, given)


class Breakable(NamedTuple):
    """A limiter whose server can be lost; its answer then is for a test to plan."""

    kept: LocalLimiter
    faults: list[str]
    grants: bool = False
    says: str = "drawing on a limit failed at db://host: look at the server"

    def draw(self, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Draw:
        if self.faults and not self.grants:
            raise StoreError(self.says)
        return self.kept.draw(key, plan, cost, mono, wall)

    def __repr__(self) -> str:
        return "Breakable()"


class Harness(LimiterHarness):
    """Breaks a `Breakable`."""

    hidden = ("hunter2",)

    def __init__(self, **plan: Any) -> None:
        self.limiter = Breakable(LocalLimiter(), [], **plan)

    def open(self) -> Breakable:
        return self.limiter

    def lose(self) -> None:
        self.limiter.faults.append("lose")

    def heal(self) -> None:
        self.limiter.faults.clear()


@pytest.mark.parametrize(
    ("case", "plan"),
    [
        ("a_fault_is_an_error_and_never_a_grant", {"grants": True}),
        ("a_fault_shows_nothing", {"says": "no connection to db://user:hunter2@host"}),
        ("a_fault_shows_nothing", {"says": "no connection:\nlook at the server"}),
    ],
)
def test_a_fault_that_is_borne_badly_is_caught(case: str, plan: dict[str, Any]) -> None:
    """A grant while the server is gone, the password of the URL in the error, and an error of two lines."""
    for harness, is_caught in ((Harness(), False), (Harness(**plan), True)):
        limiter = harness.open()
        test: Any = getattr(LimiterConformance(), f"test_{case}")
        given = {"fault": "lose", "harness": harness, "ask": asking(limiter, harness), "limiter": limiter}
        asked = {name: given[name] for name in arguments(test)}
        if is_caught:
            with pytest.raises((AssertionError, pytest.fail.Exception)):
                test(**asked)
        else:
            test(**asked)


def test_what_is_impossible_needs_a_name_and_a_reason() -> None:
    """A misspelled ability would leave a test out unseen."""
    for impossible in ({"loose": "a reason"}, {"lose": ""}):
        with pytest.raises(TypeError, match="is not an ability, or lacks a reason"):
            type("Wrong", (LimiterConformance,), {"impossible": impossible})


@pytest.mark.parametrize("fault", [*LIMITER_FAULTS, "heal"])
def test_a_fault_that_is_not_written_says_so(fault: str) -> None:
    """With what to do about it."""

    class Bare(LimiterHarness):
        def open(self) -> LocalLimiter:
            return LocalLimiter()

    with pytest.raises(NotImplementedError, match=re.escape(f"declare {fault!r} in `impossible`")):
        getattr(Bare(), fault)()


def test_a_suite_without_a_harness_says_so() -> None:
    """The fixture is there to be overridden."""
    fixture: Any = LimiterConformance.harness
    with pytest.raises(NotImplementedError, match="override the fixture"):
        fixture.__wrapped__(LimiterConformance())
