"""Scopes and networks: what a key may do, and from where."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsource.exceptions import InvalidRequest
from secretsource.issuing import NO_SCOPE, KeyRecord
from secretsource.issuing._check import policy

PARTS = st.from_regex(r"[a-z]{1,3}", fullmatch=True)
EXACT = st.lists(PARTS, min_size=1, max_size=4).map(":".join)
HELD = st.one_of(EXACT, EXACT.map(lambda scope: scope + ":*"))


def grants(held: set[str], *demanded: str) -> bool:
    """Whether scopes, as a record holds them, include those demanded."""
    scopes = policy.check_scopes(held)
    return policy.grants(scopes, policy.wildcards(scopes), demanded)


@given(st.frozensets(HELD, max_size=4), st.lists(EXACT, min_size=1, max_size=3))
def test_scopes_are_granted_as_a_plain_reading_says(held: frozenset[str], demanded: list[str]) -> None:
    """Against a model: part by part, where `*` stands for one part or more."""

    def covers(scope: str, one: str) -> bool:
        parts, wanted = scope.split(":"), one.split(":")
        if parts[-1] == "*":
            return len(wanted) >= len(parts) and wanted[: len(parts) - 1] == parts[:-1]
        return parts == wanted

    assert grants(set(held), *demanded) == all(any(covers(scope, one) for scope in held) for one in demanded)


def test_a_wildcard_does_not_reach_its_neighbours() -> None:
    """`invoices:*` covers what is below `invoices:`, not `invoices` itself and not `invoices2:read`."""
    assert grants({"invoices:*"}, "invoices:read")
    assert grants({"invoices:*"}, "invoices:read:all")
    assert not grants({"invoices:*"}, "invoices")
    assert not grants({"invoices:*"}, "invoices2:read")
    assert not grants({"invoices:read"}, "invoices:read:all")
    assert not grants(set(), "invoices:read")
    assert not grants({"a"}, "a", "b")


@pytest.mark.parametrize(
    "scope", ["", "*", "a:", ":a", "a::b", "a b", "a:*:b", "a*", "a:b*", "a\n", "é", "a" * 129, 5, None]
)
def test_a_scope_of_another_form_is_refused(scope: Any) -> None:
    """Nothing that a reader could take for more than it is."""
    with pytest.raises(InvalidRequest, match="scope"):
        policy.check_scopes([scope])


def test_as_many_and_as_long_as_a_record_may_hold() -> None:
    """A thousand scopes of 128 characters, and a thousand networks; one more is refused."""
    scopes = [f"{number:0128}" for number in range(1000)]
    assert policy.check_scopes(scopes) == frozenset(scopes)
    assert len(policy.check_networks(["::1"] * 1000)) == 1000
    for check, many in ((policy.check_scopes, [*scopes, "a"]), (policy.check_networks, ["::1"] * 1001)):
        with pytest.raises(InvalidRequest, match="at most 1000"):
            check(many)


def test_one_text_is_not_a_list_of_texts() -> None:
    """A slip that would otherwise give one scope per letter, or one network per digit."""
    with pytest.raises(InvalidRequest, match="list of texts"):
        policy.check_scopes("invoices:read")
    with pytest.raises(InvalidRequest, match="list of texts"):
        policy.check_networks("10.0.0.0/8")


@pytest.mark.parametrize("demand", [[], (), set()])
def test_an_empty_demand_must_be_meant(demand: Any) -> None:
    """A list that happens to be empty is no pass for any key."""
    with pytest.raises(InvalidRequest, match="NO_SCOPE"):
        policy.check_demand(demand)


def test_no_scope_says_that_any_good_key_will_do() -> None:
    """It is a named constant, and reads as what it is."""
    assert policy.check_demand(NO_SCOPE) == ()
    assert repr(NO_SCOPE) == "NO_SCOPE"
    assert policy.check_demand("a:b") == ("a:b",)
    assert policy.check_demand(["a", "b"]) == ("a", "b")


@pytest.mark.parametrize("demand", ["", "invoices:*", "a b", ["a", ""], [5], ["a:*"]])
def test_what_cannot_be_held_cannot_be_demanded(demand: Any) -> None:
    """Also no wildcard: a check asks for one thing, not for any of several."""
    with pytest.raises(InvalidRequest, match="cannot be demanded"):
        policy.check_demand(demand)


def test_networks_are_blocks() -> None:
    """A CIDR block means all of its addresses; a bare address means itself."""
    networks = policy.read_networks(policy.check_networks(["203.0.113.0/24", "198.51.100.7", "2001:db8::/32"]))
    for inside in ("203.0.113.0", "203.0.113.255", "198.51.100.7", "2001:db8::1", "::ffff:203.0.113.9"):
        assert policy.is_within(networks, inside)
    for outside in (
        "203.0.114.0",
        "198.51.100.8",
        "2001:db9::1",
        "::ffff:8.8.8.8",
        None,
        "",
        "nonsense",
        "203.0.113.1/32",
    ):
        assert not policy.is_within(networks, outside)


@given(st.ip_addresses(v=4), st.integers(0, 32))
def test_an_address_lies_in_each_block_around_it(address: ipaddress.IPv4Address, length: int) -> None:
    """For every prefix length."""
    block = str(ipaddress.ip_network((address, length), strict=False))
    assert policy.is_within(policy.read_networks(policy.check_networks([block])), str(address))


@pytest.mark.parametrize("network", ["10.0.0.1/8", "10.0.0.0/33", "10.0.0", "nonsense", "", "::1/200"])
def test_a_network_that_cannot_be_is_refused(network: str) -> None:
    """Host bits too: whoever wrote them may have meant either."""
    with pytest.raises(InvalidRequest, match="CIDR"):
        policy.check_networks([network])


@pytest.mark.parametrize(
    ("prefix", "environment", "fits"),
    [("sk", None, True), (None, "live", True), ("sk", "live", True), ("pk", None, False), ("sk", "test", False)],
)
def test_a_kind_is_that_of_the_record(prefix: str | None, environment: str | None, fits: bool) -> None:
    """Both have to be right where both are demanded."""
    record = KeyRecord("k" * 22, b"h" * 32, "01234567", "sk_live_kkkk…", "acme", "sk", "live", 0.0)
    kind = policy.kind_of(prefix, environment)
    assert kind is not None
    assert kind.has(record) is fits
    assert policy.kind_of(None, None) is None


def test_a_kind_notes_each_demand_as_its_own() -> None:
    """A demand on another kind, or on keys of every kind, is another one; no scopes at all are one too."""
    kind = policy.Kind("root", None)
    assert kind.demands(("a", "b")) == ((kind, "a"), (kind, "b"))
    assert kind.demands(()) == ((kind, policy.NO_SCOPE),)
    assert not {*kind.demands(("a",))} & {"a", *policy.Kind("root", "live").demands(("a",))}


@pytest.mark.parametrize(("prefix", "environment"), [("", None), ("SK", None), (None, "l"), (None, "live "), (5, None)])
def test_a_kind_that_no_key_can_have_is_an_error(prefix: Any, environment: Any) -> None:
    """It would refuse every key."""
    with pytest.raises(InvalidRequest, match="must be one that a key can have"):
        policy.kind_of(prefix, environment)
