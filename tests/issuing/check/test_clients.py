"""The clients of keys: who used a key is noted once an hour, for every key, and no key is in what is noted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.forks import is_right_in_child, needs_fork

from secretsource.exceptions import ConfigurationError, StoreError
from secretsource.issuing import NO_SCOPE, Admission, Admitted, ApiKeys, AsyncApiKeys, Reason, Rejected
from secretsource.issuing._check.noting import clients
from secretsource.issuing._check.noting.clients import MOST_ADDRESSES, Clients
from secretsource.stores.memory import AsyncMemoryStore, MemoryStore
from secretsource.stores.uses import MOST_WITNESSES, WITNESS_KEPT
from secretsource.testing.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from secretsource.stores.base import Usage, Use

PEPPER = "a pepper of the tests, long enough"
HOUR = 3600
OFFICE, CLOUD = "203.0.113.7", "198.51.100.9"


class WatchedStore(MemoryStore):
    """A store that notes which uses it is given, and can fail."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Use] = []
        self.fails = False

    def record_uses(self, uses: Sequence[Use]) -> None:
        if self.fails:
            raise StoreError("the store is down")
        self.told += uses
        super().record_uses(uses)


@pytest.fixture
def watched() -> WatchedStore:
    """A store that notes which uses it is given."""
    return WatchedStore()


@pytest.fixture
def seen_by(watched: WatchedStore, make_keys: Callable[..., ApiKeys]) -> ApiKeys:
    """Keys over it, whose records stay in the cache."""
    return make_keys(store=watched, ttl=1e6)


def _used(keys: ApiKeys, key_id: str) -> Usage:
    keys.flush()
    return keys._parts.store.usage(key_id)  # type: ignore[return-value]  # a store for threads


@pytest.mark.parametrize(("ip", "agent"), [(OFFICE, None), (None, "worker/1")])
def test_an_address_or_a_user_agent_alone_is_noted(ip: str | None, agent: str | None, seen_by: ApiKeys) -> None:
    """A caller may know no more of its client than one of both."""
    issued = seen_by.issue(owner="acme")
    assert seen_by.check(issued.plaintext, scope=NO_SCOPE, ip=ip, agent=agent)
    usage = _used(seen_by, issued.record.key_id)
    assert [*usage.networks, *usage.agents] == [each for each in (ip, agent) if each is not None]


def _headers(text: str, agent: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {text}", "User-Agent": agent}


def test_every_client_of_a_cached_key_is_noted(seen_by: ApiKeys) -> None:
    """One that comes once between thousands of requests of another is noted as well, with the time of its use."""
    issued = seen_by.issue(owner="acme")
    for _ in range(50):
        assert seen_by.check(issued.plaintext, scope=NO_SCOPE, ip=OFFICE, agent="billing/1")
    assert seen_by.check(issued.plaintext, scope=NO_SCOPE, ip=CLOUD, agent="nightly/2")
    assert seen_by.check(issued.plaintext, scope=NO_SCOPE, ip=OFFICE, agent="billing/1")
    usage = _used(seen_by, issued.record.key_id)
    now = seen_by._parts.clock.now().wall
    assert usage.networks == {OFFICE: now, CLOUD: now}
    assert usage.agents == {"billing/1": now, "nightly/2": now}


def test_a_client_is_stored_once_an_hour(seen_by: ApiKeys, watched: WatchedStore, clock: FakeClock) -> None:
    """Flushes in between tell the store no client, and its time is never over an hour behind."""
    issued = seen_by.issue(owner="acme")
    for _ in range(2 * HOUR // 60):
        assert seen_by.check(issued.plaintext, scope=NO_SCOPE, ip=OFFICE, agent="billing/1")
        usage = _used(seen_by, issued.record.key_id)
        assert clock.now().wall - usage.networks[OFFICE] <= HOUR
        assert clock.now().wall - usage.agents["billing/1"] <= HOUR
        clock.advance(60)
    assert 2 <= len([use for use in watched.told if use.networks]) <= 3
    assert all(use.networks.keys() <= {OFFICE} and use.agents.keys() <= {"billing/1"} for use in watched.told)


def test_hours_of_keys_begin_at_different_times() -> None:
    """So not all keys are told anew in one flush."""
    noting = Clients(noted=True)
    ids = [f"{number:022}" for number in range(300)]
    for key_id in ids:
        noting.news(key_id, OFFICE, None, 7200.0, always=False)
    anew = [len([key_id for key_id in ids if any(noting.news(key_id, OFFICE, None, 7200.0 + at, always=False))])
            for at in range(0, HOUR + 1, 600)]  # fmt: skip
    assert anew[0] == 0
    assert sum(anew) == len(ids)
    assert max(anew) < 150


def test_a_client_that_a_store_did_not_take_waits(seen_by: ApiKeys, watched: WatchedStore) -> None:
    """It is stored by the next flush."""
    issued = seen_by.issue(owner="acme")
    assert seen_by.check(issued.plaintext, scope=NO_SCOPE, ip=OFFICE, agent="billing/1")
    watched.fails = True
    with pytest.raises(StoreError):
        seen_by.flush()
    watched.fails = False
    usage = _used(seen_by, issued.record.key_id)
    assert ([*usage.networks], [*usage.agents]) == ([OFFICE], ["billing/1"])


def test_clients_are_forgotten_after_a_day(seen_by: ApiKeys, clock: FakeClock) -> None:
    """Also those of a key that nobody uses any more, while any key is used."""
    old, other = seen_by.issue(owner="acme"), seen_by.issue(owner="acme")
    assert seen_by.check(old.plaintext, scope=NO_SCOPE, ip=OFFICE, agent="billing/1")
    for _ in range(int(WITNESS_KEPT) // HOUR + 1):
        assert OFFICE in _used(seen_by, old.record.key_id).networks
        clock.advance(HOUR)
        assert seen_by.check(other.plaintext, scope=NO_SCOPE, ip=CLOUD)
    usage = _used(seen_by, old.record.key_id)
    assert (usage.networks, usage.agents) == ({}, {})
    assert usage.last_used is not None


@pytest.mark.parametrize("rotating", [False, True])
def test_clients_can_be_left_out(rotating: bool, watched: WatchedStore, make_keys: Callable[..., ApiKeys]) -> None:
    """With ``note_clients=False`` no address and no user agent reaches the store, and keys are still let in."""
    keys = make_keys(store=watched, ttl=1e6, note_clients=False)
    issued = keys.issue(owner="acme", networks=["203.0.113.0/24"])
    if rotating:
        keys.rotate(issued.record.key_id, overlap=60)
    for _ in range(3):
        assert keys.check(issued.plaintext, scope=NO_SCOPE, ip=OFFICE, agent="billing/1")
        assert _refused(keys, issued.plaintext, CLOUD) is Reason.WRONG_NETWORK
    usage = _used(keys, issued.record.key_id)
    assert (usage.networks, usage.agents, usage.requests) == ({}, {}, 3 * rotating)
    assert usage.last_used is not None


def test_the_setting_is_true_or_false(make_keys: Callable[..., ApiKeys]) -> None:
    """Any other value is refused at once."""
    with pytest.raises(ConfigurationError, match="note_clients must be True or False, not 'no'"):
        make_keys(note_clients="no")


@pytest.mark.parametrize("others", [1, MOST_ADDRESSES - 1, MOST_ADDRESSES, 3 * MOST_ADDRESSES])
def test_networks_are_weighed_for_each_address(others: int, seen_by: ApiKeys) -> None:
    """However many addresses a cached key was used from, one outside its networks is refused, each time."""
    issued = seen_by.issue(owner="acme", networks=["203.0.113.0/24"])
    for number in range(others):
        assert seen_by.check(issued.plaintext, scope=NO_SCOPE, ip=f"203.0.113.{number}", agent=CLOUD)
    for _ in range(2):
        assert _refused(seen_by, issued.plaintext, CLOUD) is Reason.WRONG_NETWORK
        assert _refused(seen_by, issued.plaintext, None) is Reason.WRONG_NETWORK
        assert _refused(seen_by, issued.plaintext, "billing/1") is Reason.WRONG_NETWORK
        assert seen_by.check(issued.plaintext, scope=NO_SCOPE, ip=OFFICE)


def _refused(keys: ApiKeys, text: str, ip: str | None) -> Reason | None:
    verdict = keys.check(text, scope=NO_SCOPE, ip=ip, agent="billing/1")
    return verdict.reason if isinstance(verdict, Rejected) else None


def test_many_addresses_take_the_short_way(seen_by: ApiKeys) -> None:
    """A key that whole crowds use is let in at a glance, and its first clients are noted."""
    issued = seen_by.issue(owner="acme")
    for number in range(MOST_ADDRESSES + 1):
        assert seen_by.check(issued.plaintext, scope=NO_SCOPE, ip=f"192.0.2.{number}")
    admission = Admission(seen_by, scope=NO_SCOPE)
    assert isinstance(admission.glance(_headers(issued.plaintext, "x"), "198.51.100.1", "GET", "/"), Admitted)
    assert len(_used(seen_by, issued.record.key_id).networks) == MOST_WITNESSES


@pytest.mark.parametrize("ip", [["203.0.113.7"], {"a": 1}, 5, b"203.0.113.7"])
def test_an_address_that_is_no_text_keeps_no_key_out(ip: Any, seen_by: ApiKeys) -> None:
    """It is not stored either."""
    issued = seen_by.issue(owner="acme")
    for _ in range(3):
        assert seen_by.check(issued.plaintext, scope=NO_SCOPE, ip=ip, agent=ip)
    assert _used(seen_by, issued.record.key_id).networks == {}


@pytest.mark.parametrize("where", ["ip", "agent"])
@pytest.mark.parametrize("before", ["", f"{'x' * 239} ", "Bearer "])
def test_no_key_is_stored_with_its_clients(where: str, before: str, seen_by: ApiKeys) -> None:
    """A key in the user agent or the address is masked, and no part of it is left where the text is cut."""
    issued = seen_by.issue(owner="acme")
    sent: dict[str, Any] = {where: f"{before}{issued.plaintext} curl/8"}
    assert seen_by.check(issued.plaintext, scope=NO_SCOPE, **sent)
    usage = _used(seen_by, issued.record.key_id)
    stored = "".join([*usage.networks, *usage.agents])
    assert stored.startswith(f"{before}<masked>"[:255])
    assert not any(issued.plaintext[at : at + 8] in stored for at in range(len(issued.plaintext) - 8))


@pytest.mark.parametrize("where", ["ip", "agent"])
def test_a_text_of_many_keys_leaves_no_part_of_one(where: str, seen_by: ApiKeys) -> None:
    """Masks are shorter than keys: wherever a reader stops, it must not stop within a key."""
    for blanks in range(0, 90, 7):
        issued = seen_by.issue(owner="acme")
        sent: dict[str, Any] = {where: " " * blanks + issued.plaintext * 40}
        assert seen_by.check(issued.plaintext, scope=NO_SCOPE, **sent)
        usage = _used(seen_by, issued.record.key_id)
        assert [*usage.networks, *usage.agents] == [(" " * blanks + "<masked>" * 40)[:255]]


@pytest.mark.parametrize("limit", [None, "100/minute"])
def test_a_request_is_noted_with_its_user_agent(limit: str | None, seen_by: ApiKeys) -> None:
    """An admission reads the user agent of a new client out of its headers; it is counted once."""
    issued = seen_by.issue(owner="acme", rate_limit=limit)
    admission = Admission(seen_by, scope=NO_SCOPE)
    for ip, agent in ((OFFICE, "billing/1"), (OFFICE, "billing/1"), (CLOUD, "nightly/2")):
        assert isinstance(admission.admit(_headers(issued.plaintext, agent), ip, "GET", "/"), Admitted)
    usage = _used(seen_by, issued.record.key_id)
    assert {*usage.networks} == {OFFICE, CLOUD}
    assert {*usage.agents} == {"billing/1", "nightly/2"}
    assert sum(count.requests for count in seen_by.usage(key_id=issued.record.key_id)) == 3


async def test_keys_of_an_event_loop_note_clients_alike(clock: FakeClock) -> None:
    """At a glance, in the loop itself and on the long way."""
    store = AsyncMemoryStore()
    async with AsyncApiKeys(store, peppers=[PEPPER], clock=clock, ttl=1e6) as keys:
        issued = await keys.issue(owner="acme")
        admission = Admission(keys, scope=NO_SCOPE)
        for ip, agent in ((OFFICE, "billing/1"), (OFFICE, "billing/1"), (CLOUD, "nightly/2")):
            assert isinstance(await admission.aadmit(_headers(issued.plaintext, agent), ip, "GET", "/"), Admitted)
        await keys.flush()
        usage = await store.usage(issued.record.key_id)
    assert {*usage.networks} == {OFFICE, CLOUD}
    assert {*usage.agents} == {"billing/1", "nightly/2"}


def test_a_record_that_is_never_kept_has_its_clients(watched: WatchedStore, make_keys: Callable[..., ApiKeys]) -> None:
    """Without a cache each check takes the long way, and the store is told of a client once."""
    keys = make_keys(store=watched, ttl=0)
    issued = keys.issue(owner="acme")
    for _ in range(3):
        assert keys.check(issued.plaintext, scope=NO_SCOPE, ip=OFFICE, agent="billing/1")
        keys.flush()
    assert [[*use.networks] for use in watched.told] == [[OFFICE], [], []]


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the bound, clients are told again, and memory does not grow."""
    monkeypatch.setattr(clients, "MOST_TOLD", 10)
    noting = Clients(noted=True)
    for number in range(100):
        assert noting.news("key", None, f"{number}", 0.0, always=False) == ({}, {f"{number}": 0.0})
        assert len(noting._told) <= 10
    assert noting.news("key", None, "99", 0.0, always=False) == ({}, {})
    assert noting.news("key", None, "0", 0.0, always=False) == ({}, {"0": 0.0})


@needs_fork
def test_a_forked_child_notes_its_clients_itself(seen_by: ApiKeys, watched: WatchedStore) -> None:
    """Its parent may end before it has stored them."""
    issued = seen_by.issue(owner="acme")
    assert seen_by.check(issued.plaintext, scope=NO_SCOPE, ip=OFFICE)

    def is_noted() -> bool:
        assert seen_by.check(issued.plaintext, scope=NO_SCOPE, ip=OFFICE)
        seen_by.flush()
        return OFFICE in watched.usage(issued.record.key_id).networks

    assert is_right_in_child(is_noted)
