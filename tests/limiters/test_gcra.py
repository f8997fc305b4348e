"""The scripts that run inside Redis grant, refuse and give back exactly what the rules in Python do."""

from __future__ import annotations

import hashlib
from calendar import monthrange
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from secretsource.issuing.limits import AtOnce, Plan, Rate, parse
from secretsource.limiters._gcra import DRAW, UNDO, answered, moved, question, undoing

if TYPE_CHECKING:
    from redis import Redis
    from tests.servers.valkey import Valkey

    from secretsource.limiters._gcra import Script
    from secretsource.limiters.base import Draw, Rule

OWN_CLOCK = "redis.call('TIME')"
GIVEN_CLOCK = "{ARGV[2], ARGV[3]}"
YEAR_2000, YEAR_2100 = 946_684_800, 4_102_444_800

RATES = st.lists(
    st.tuples(st.integers(1, 20), st.sampled_from(["second", "minute", "7 seconds", "day"]), st.integers(1, 30)),
    max_size=3,
    unique_by=lambda rule: rule[1],
).map(lambda rules: ", ".join(f"{limit}/{period} burst {burst}" for limit, period, burst in rules))
QUOTAS = st.lists(
    st.tuples(
        st.integers(1, 20),
        st.sampled_from(["day", "month", "month on 15", "month on 30", "month on 31"]),
        st.sampled_from(["", " add", " add up to 30"]),
    ),
    max_size=2,
    unique_by=lambda rule: rule[1][:3],
).map(lambda rules: ", ".join(f"{limit}/{period}{refill}" for limit, period, refill in rules))
AT_ONCE = st.sampled_from(["", "1 at once", "3 at once for 2 seconds", "2 at once for 1 hour"])
WAITS = st.one_of(
    st.just(0), st.integers(0, 3_000_000), st.integers(0, 90_000_000), st.integers(0, 40 * 86_400_000_000)
)
"""Microseconds: none, moments, a minute, weeks."""
ACTS = st.sampled_from(["draw", "draw", "draw", "undo", "release", "renew"])
REQUESTS = st.lists(st.tuples(WAITS, st.integers(0, 6), ACTS), min_size=1, max_size=25)
CHANGES = st.sets(st.integers(0, 24), max_size=4)
"""Places in a sequence of requests at which the other limits are in force from then on."""


LIMITS = st.tuples(RATES, AT_ONCE, QUOTAS)
UNLIMITED = "", "", ""


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(LIMITS, LIMITS, st.integers(YEAR_2000, YEAR_2100), REQUESTS, CHANGES)
@example(
    ("", "", "3/month"),
    UNLIMITED,
    951_782_400,
    [(0, 1, "draw"), (86_400_000_000, 3, "draw"), (86_400_000_000, 1, "draw")],
    set(),
)  # a leap day of 2000
@example(("", "", "1/day add"), UNLIMITED, YEAR_2000, [(0, 0, "draw"), (86_400_000_000, 1, "draw")], set())
@example(("1/day burst 2", "", ""), UNLIMITED, YEAR_2000, [(0, 1, "draw")] * 3, set())
@example(
    ("", "1 at once", ""),
    UNLIMITED,
    YEAR_2000,
    [(0, 1, "draw"), (9, 1, "renew"), (9, 1, "release"), (9, 1, "draw")],
    set(),
)
@example(
    ("2/day burst 1", "", "3/month"), UNLIMITED, YEAR_2000, [(0, 1, "draw"), (9, 1, "undo"), (9, 1, "draw")], set()
)
@example(
    ("7/day", "", "7/day"),
    ("20/day", "", "3/day add"),
    YEAR_2000,
    [(0, 5, "draw")] + [(0, 0, "draw"), (90_000_000_000, 2, "draw")] * 2,
    {1, 2, 3},
)
@example(
    ("20/day", "", "20/day"),
    ("7/day", "", "7/day"),
    YEAR_2000,
    [(0, 15, "draw"), (9, 1, "undo"), (9, 3, "draw")],
    {1},
)
def test_the_scripts_agree_with_the_rules(
    running_server: Valkey,
    limits: tuple[str, str, str],
    others: tuple[str, str, str],
    begin: int,
    requests: list[tuple[int, int, str]],
    changes: set[int],
) -> None:
    """On any rules, at any time of the century, for any requests and changes of rules: grants, levels and returns."""
    plan, other = (parse(", ".join(filter(None, each[:2])) or None, each[2] or None) for each in (limits, others))
    assume(plan is not None)
    assert plan is not None
    with running_server.client() as client:
        client.flushall()
        both = Both(client, plan, begin)
        for place, (wait, cost, act) in enumerate(requests):
            if place in changes and other is not None:
                both.plan, other = other, both.plan
            both.elapsed += wait
            if both.is_on_the_edge(cost) or both.is_on_the_edge(0):
                return
            both.play(act, cost)


class Both:
    """The rules in Python and the scripts in a server, side by side.

    Attributes:
        elapsed: Microseconds since the beginning.
        out: Granted draws that were not given back: the one of the rules, the one of the scripts, and their cost.
    """

    def __init__(self, client: Redis, plan: Plan, begin: int) -> None:
        self.client, self.plan, self.begin = client, plan, begin
        self.drawing, self.undoing = (registered(client, script) for script in (DRAW, UNDO))
        self.written: dict[str, tuple[float, ...]] = {}
        self.last: dict[str, Rule] = {}
        self.elapsed = 0
        self.out: list[tuple[Draw, Draw, int]] = []

    @property
    def now(self) -> tuple[float, float]:
        """Monotonic and wall seconds."""
        return self.elapsed / 1e6, self.begin + self.elapsed / 1e6

    @property
    def levels(self) -> Any:
        """The levels under the present limits."""
        return self.plan.read(self.written, *self.now)

    def _write(self, plan: Plan, levels: Any) -> None:
        self.written |= plan.written(levels)
        self.last |= {rule.name: rule for rule in plan.rules}

    def play(self, act: str, cost: int) -> None:
        """Draw, or have the oldest draw given back or renewed; then both say the same."""
        if act == "draw" or not self.out:
            self._draw(cost)
        else:
            self._change(act)
        self._agree(self.plan.draw(self.levels, 0, *self.now), self._drawn(0))

    def _draw(self, cost: int) -> None:
        expected, drawn = self.plan.draw(self.levels, cost, *self.now), self._drawn(cost)
        self._agree(expected, drawn)
        if expected and cost:  # nothing else is stored in Redis
            self._write(self.plan, expected.levels)
            self.out.append((expected, drawn, cost))

    def _change(self, act: str) -> None:
        mine, theirs, cost = self.out.pop(0)
        taken = cost if act == "undo" else 0
        mono, wall = self.now
        asked = undoing("test:", "a", theirs, taken, renew=act == "renew")
        answer = self._ask(self.undoing, asked)
        last = Plan(tuple(self.last[rule.name] for rule in mine.plan.rules))
        levels = last.read(self.written, mono, wall)
        if act == "renew":
            self._write(last, mine.renewed(last, levels, mono))
            theirs = moved(theirs, mono, answer)
            mine.mono, mine.wall = mono, wall
            self.out.append((mine, theirs, 0))
        else:
            self._write(last, mine.undone(last, levels, taken, mono, wall))

    def _drawn(self, cost: int) -> Draw:
        return draw(self.client, self.drawing, self.plan, cost, self.now[0], self.begin * 10**6 + self.elapsed)

    def _ask(self, script: Any, asked: Any) -> bytes:
        return ask(self.client, script, asked, self.begin * 10**6 + self.elapsed)

    @staticmethod
    def _agree(expected: Draw, drawn: Draw) -> None:
        assert drawn.refused_by == expected.refused_by
        assert [state[:4] for state in drawn.states] == [state[:4] for state in expected.states]
        for one, other in zip(drawn.states, expected.states, strict=True):
            assert abs((one.reset or 0) - (other.reset or 0)) < 1e-3
        assert (drawn.retry_after is None) == (expected.retry_after is None)
        assert abs((drawn.retry_after or 0) - (expected.retry_after or 0)) < 1e-3

    def is_on_the_edge(self, cost: int) -> bool:
        """Whether rounding decides: the two keep their levels in different units."""
        now = self.now[0]
        for rule, held in zip(self.plan.rules, self.levels, strict=True):
            if isinstance(rule, AtOnce) and held is not None and any(abs(end - now) < 1e-9 for end in held[0]):
                return True
            if isinstance(rule, Rate):
                ahead = max(0.0, held - now) if held is not None else 0.0
                room = rule.lead - ahead - rule.interval * cost
                remaining = (rule.lead - ahead) / rule.interval
                if abs(room) < 1e-6 * rule.interval or abs(remaining - round(remaining)) < 1e-6:
                    return True
        return False


def registered(client: Redis, script: Script) -> Any:
    """A script that is told the time."""
    return client.register_script(script.text.replace(OWN_CLOCK, GIVEN_CLOCK))


def draw(client: Redis, script: Any, plan: Plan, cost: int, mono: float, micros: int) -> Any:
    """A draw at a given time of the server; what expired by then is gone."""
    return answered(plan, cost, mono, ask(client, script, question("test:", "a", plan, cost), micros))


def ask(client: Redis, script: Any, asked: Any, micros: int) -> bytes:
    """The answer of a script at a given time of the server."""
    count, *words = asked
    keys, numbers = words[: int(count)], words[-1]
    answer: bytes = script(keys=keys, args=[numbers, micros // 10**6, micros % 10**6], client=client)
    return answer


def test_every_month_begins_when_it_does(server: Valkey) -> None:
    """From 1999 to 2101, leap years and centuries included: the last second of a month and the first of the next."""
    plan = parse(None, "1/month")
    assert plan is not None
    with server.client() as client:
        script = registered(client, DRAW)
        for number in range(1999 * 12, 2102 * 12):
            begin = int(datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC).timestamp())
            for second, month in ((begin - 1, number - 1), (begin, number)):
                assert draw(client, script, plan, 0, 0.0, second * 10**6).levels == ((1, month),)


def test_every_month_refills_on_its_day(server: Valkey) -> None:
    """From 1999 to 2101, at the first second of the day, or of the last day of a shorter month."""
    plans = {day: parse(None, f"1/month on {day}") for day in (2, 15, 28, 29, 30, 31)}
    with server.client() as client:
        script = registered(client, DRAW)
        for number in range(1999 * 12, 2102 * 12):
            year, month = number // 12, number % 12 + 1
            for day, plan in plans.items():
                assert plan is not None
                refill = datetime(year, month, min(day, monthrange(year, month)[1]), tzinfo=UTC)
                begin = int(refill.timestamp())
                for second, period in ((begin - 1, number - 1), (begin, number)):
                    assert draw(client, script, plan, 0, 0.0, second * 10**6).levels == ((1, period),)


def test_the_scripts_read_the_clock_of_the_server_once() -> None:
    """So that the test above can stand in for it, and so that no caller's clock counts."""
    for script in (DRAW, UNDO):
        assert script.text.count(OWN_CLOCK) == 1
        assert hashlib.sha1(script.text.encode()).hexdigest() == script.digest


def test_the_keys_of_an_account_stay_together() -> None:
    """One hash tag, and one name per rule, whatever its numbers, so that a rule that changes goes on."""
    plan = parse("10/second burst 20, 5/30 seconds", "500/day add up to 2000")
    assert plan is not None
    assert question("p:", "abc", plan, 1)[:4] == (
        3, "p:{abc}:second", "p:{abc}:30 seconds", "p:{abc}:day quota",
    )  # fmt: skip
