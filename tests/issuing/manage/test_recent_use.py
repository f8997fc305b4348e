"""The use of a key in the last day: its clients and its requests, for the question before a revocation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from secretsource.exceptions import KeyNotFound
from secretsource.issuing import NO_SCOPE, ApiKeys, AsyncApiKeys, Count
from secretsource.issuing._manage.recent_use import RecentUse, first_hour, recent_use_of
from secretsource.stores.memory import AsyncMemoryStore, MemoryStore
from secretsource.stores.uses import MOST_WITNESSES, WITNESS_KEPT, Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.testing.clock import FakeClock

HOUR, DAY = 3600, 86400
NOW = 1_800_001_800.0
"""Half past an hour."""
FIRST = NOW - 1800 - DAY


def test_the_first_hour_is_the_one_of_a_day_ago() -> None:
    """It is counted whole, so no request of the last 24 hours is left out."""
    assert first_hour(NOW) == FIRST
    assert first_hour(NOW + 1799) == FIRST
    assert first_hour(NOW + 1800) == FIRST + HOUR


def test_requests_are_those_of_the_key_in_the_last_day() -> None:
    """Accepted and refused ones apart; earlier hours and other keys do not count."""
    hours = [
        Count(int(FIRST) - HOUR, "mine", "accepted", 1000),
        Count(int(FIRST), "mine", "accepted", 3),
        Count(int(FIRST) + HOUR, "mine", "accepted", 4),
        Count(int(FIRST) + HOUR, "mine", "rate_limited", 2),
        Count(int(FIRST) + HOUR, "mine", "wrong_network", 5),
        Count(int(FIRST) + HOUR, "other", "accepted", 1000),
    ]
    assert recent_use_of("mine", Usage(NOW - 5), hours, NOW) == RecentUse("mine", FIRST, NOW - 5, 7, 7, {}, {})
    assert recent_use_of("mine", Usage(), [], NOW) == RecentUse("mine", FIRST, None, 0, 0, {}, {})
    assert recent_use_of("mine", Usage(), None, NOW) == RecentUse("mine", FIRST, None, None, None, {}, {})


def test_clients_are_those_of_the_last_day() -> None:
    """A store may still have older ones."""
    at = {"old": NOW - WITNESS_KEPT - 1, "last": NOW - WITNESS_KEPT, "new": NOW}
    use = recent_use_of("mine", Usage(NOW, 3, at, at), (), NOW)
    assert use.networks == use.agents == {"last": NOW - WITNESS_KEPT, "new": NOW}


@pytest.mark.parametrize("networks", [0, MOST_WITNESSES - 1, MOST_WITNESSES])
@pytest.mark.parametrize("agents", [0, MOST_WITNESSES - 1, MOST_WITNESSES])
def test_a_full_list_may_not_be_whole(networks: int, agents: int) -> None:
    """A store keeps no more clients of a key."""
    lists = ({f"{number}": NOW for number in range(count)} for count in (networks, agents))
    whole = networks < MOST_WITNESSES and agents < MOST_WITNESSES
    assert recent_use_of("mine", Usage(NOW, 0, *lists), (), NOW).is_whole is whole


def test_any_key_says_who_uses_it(keys: ApiKeys, clock: FakeClock) -> None:
    """Without a rotation, and without a flush by hand."""
    issued = keys.issue(owner="acme")
    for ip, agent in (("203.0.113.7", "billing/1"), ("198.51.100.9", "nightly/2"), ("203.0.113.7", "billing/1")):
        assert keys.check(issued.plaintext, scope=NO_SCOPE, ip=ip, agent=agent)
    assert not keys.check(issued.plaintext, scope="a:b")
    use, now = keys.recent_use(issued.record.key_id), clock.now().wall
    assert (use.accepted, use.refused, use.last_used) == (3, 1, now)
    assert use.networks == {"203.0.113.7": now, "198.51.100.9": now}
    assert use.agents == {"billing/1": now, "nightly/2": now}
    with pytest.raises(KeyNotFound):
        keys.recent_use("0" * 22)


def test_a_day_later_it_is_forgotten(keys: ApiKeys, clock: FakeClock) -> None:
    """The last use stays."""
    issued = keys.issue(owner="acme")
    assert keys.check(issued.plaintext, scope=NO_SCOPE, ip="203.0.113.7", agent="billing/1")
    then = keys.recent_use(issued.record.key_id).last_used
    clock.advance(DAY)
    assert keys.recent_use(issued.record.key_id).networks
    clock.advance(2 * HOUR)
    use = keys.recent_use(issued.record.key_id)
    assert use == RecentUse(issued.record.key_id, first_hour(clock.now().wall), then, 0, 0, {}, {})


def test_a_store_without_counts_says_so(make_keys: Callable[..., ApiKeys]) -> None:
    """The clients are known anyway."""
    store: Any = MemoryStore()
    store.counts = None
    keys = make_keys(store=store)
    issued = keys.issue(owner="acme")
    assert keys.check(issued.plaintext, scope=NO_SCOPE, ip="203.0.113.7")
    use = keys.recent_use(issued.record.key_id)
    assert (use.accepted, use.refused, [*use.networks]) == (None, None, ["203.0.113.7"])


async def test_keys_of_an_event_loop_say_it_too(clock: FakeClock) -> None:
    """The same question has the same answer."""
    async with AsyncApiKeys(AsyncMemoryStore(), peppers=["a pepper of the tests, long enough"], clock=clock) as keys:
        issued = await keys.issue(owner="acme")
        assert await keys.check(issued.plaintext, scope=NO_SCOPE, ip="203.0.113.7", agent="billing/1")
        use = await keys.recent_use(issued.record.key_id)
    assert (use.accepted, [*use.networks], [*use.agents]) == (1, ["203.0.113.7"], ["billing/1"])
