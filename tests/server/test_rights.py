"""What a root key may do, and what it may give to another."""

from __future__ import annotations

from typing import Any

import pytest

from secretsource.issuing import KeyRecord
from secretsource.server.rights import (
    ROOT_OWNER,
    ROOT_PREFIX,
    RootCaller,
    bound_owner,
    covers,
    is_root,
    is_within,
    makes_root_keys,
)

ROOT = KeyRecord(
    key_id="0" * 22, hash=b"", pepper_version="", display="", owner=ROOT_OWNER, prefix=ROOT_PREFIX, environment="live",
    created=0.0, scopes=frozenset({"keys:read"}),
)  # fmt: skip
WITHIN = "10.0.0.0/8", "10.1.0.0/16"


def test_a_root_key_has_the_prefix_and_the_owner() -> None:
    """Neither alone makes a root key: an application may let its customers choose a prefix, or a name."""
    assert is_root(ROOT)
    assert not is_root(ROOT._replace(owner="acme"))
    assert not is_root(ROOT._replace(prefix="sk"))


@pytest.mark.parametrize(("owner", "bound"), [(None, None), ("acme", "acme"), (7, None)])
def test_a_root_key_is_bound_by_its_metadata(owner: object, bound: str | None) -> None:
    """Only a name binds; the owner of the record is that of all root keys."""
    record = ROOT._replace(metadata={} if owner is None else {"owner": owner})
    assert bound_owner(record) == RootCaller(record).owner == bound


@pytest.mark.parametrize(
    ("bound", "owner", "seen"),
    [(None, "acme", True), ("acme", "acme", True), ("acme", "ajax", False), (None, ROOT_OWNER, False)],
)
def test_a_caller_sees_its_customer_alone(bound: str | None, owner: str, seen: bool) -> None:
    """A root key that is bound sees one customer, another one sees all, and none sees the owner of root keys."""
    record = ROOT._replace(metadata={} if bound is None else {"owner": bound})
    assert RootCaller(record).sees(owner) is seen


@pytest.mark.parametrize(("scope", "expected"), [("root:*", True), ("root:write", True), ("root:read", False)])
def test_a_root_key_that_makes_others(scope: str, expected: bool) -> None:
    """It needs the scope for it, and is bound to no customer."""
    record = ROOT._replace(scopes=frozenset({"keys:*", scope}))
    assert makes_root_keys(record) is expected
    assert not makes_root_keys(record._replace(metadata={"owner": "acme"}))
    assert not makes_root_keys(record._replace(prefix="sk"))


def test_a_caller_is_named_by_its_key_id() -> None:
    """The events of what it does name the root key, and not its text."""
    assert RootCaller(ROOT).actor == f"root key {'0' * 22}"
    assert RootCaller(ROOT, "192.0.2.7").by == {"actor": f"root key {'0' * 22}", "origin": "192.0.2.7"}


@pytest.mark.parametrize(
    ("held", "scope", "covered"),
    [
        (["keys:read"], "keys:read", True),
        (["keys:read"], "keys:write", False),
        (["keys:*"], "keys:write", True),
        (["keys:*"], "keys:*", True),
        (["keys:read", "keys:write"], "keys:*", False),
        (["keys:*"], "keysmith:read", False),
        ([], "keys:read", False),
    ],
)
def test_scopes_cover_scopes(held: list[str], scope: str, covered: bool) -> None:
    """A wildcard covers what is below it, and is covered by itself alone."""
    assert covers(held, scope) is covered


@pytest.mark.parametrize(
    ("fields", "caller", "within"),
    [
        ({}, {}, True),
        ({"scopes": frozenset({"root:write"})}, {}, False),
        ({}, {"scopes": frozenset({"keys:*"})}, True),
        ({"metadata": {"owner": "acme"}}, {}, True),
        ({}, {"metadata": {"owner": "acme"}}, False),
        ({"metadata": {"owner": "ajax"}}, {"metadata": {"owner": "acme"}}, False),
        ({"metadata": {"owner": "acme"}}, {"metadata": {"owner": "acme"}}, True),
        ({}, {"expires": 10.0}, False),
        ({"expires": 10.0}, {"expires": 10.0}, True),
        ({"expires": 11.0}, {"expires": 10.0}, False),
        ({"expires": 11.0}, {}, True),
        ({"networks": ()}, {"networks": WITHIN[:1]}, False),
        ({"networks": WITHIN[1:]}, {"networks": WITHIN[:1]}, True),
        ({"networks": WITHIN[:1]}, {"networks": WITHIN[1:]}, False),
        ({"networks": (*WITHIN, "::/0")}, {"networks": WITHIN[:1]}, False),
        ({"networks": WITHIN}, {}, True),
    ],
)
def test_no_root_key_is_beyond_the_one_that_makes_it(
    fields: dict[str, Any], caller: dict[str, Any], within: bool
) -> None:
    """Neither by scopes, nor by its customer, its end or its networks."""
    assert is_within(ROOT._replace(**fields), ROOT._replace(**caller)) is within


def test_every_scope_and_every_network_must_be_within() -> None:
    """One that is, beside one that is not, makes no root key."""
    most = ROOT._replace(scopes=frozenset({"keys:*"}), networks=("10.0.0.0/8", "192.168.0.0/16"))
    inside = most._replace(scopes=frozenset({"keys:read", "keys:write"}), networks=("10.1.0.0/16", "192.168.5.0/24"))
    assert is_within(inside, most)
    assert not is_within(inside._replace(scopes=frozenset({"keys:read", "owners:read"})), most)
    assert not is_within(inside._replace(networks=("10.1.0.0/16", "172.16.0.0/16")), most)
    assert not is_within(inside._replace(networks=("10.1.0.0/16", "::1/128")), most)
