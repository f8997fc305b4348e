"""A refused request names the argument that is wrong, for programs that show the mistake beside its field."""

from __future__ import annotations

import pickle
from datetime import datetime
from typing import Any

import pytest

from secretsource.exceptions import InvalidRequest, PlanExceeded
from secretsource.issuing import ApiKeys, KeyFormat
from secretsource.stores.memory import MemoryStore

PEPPER = "a pepper of the tests, long enough"


@pytest.fixture
def keys() -> ApiKeys:
    """Keys of one prefix and two environments."""
    return ApiKeys(MemoryStore(), peppers=[PEPPER], format=KeyFormat(prefixes=["sk"], environments=["live", "test"]))


WRONG: list[tuple[dict[str, Any], str | None]] = [
    ({"owner": ""}, "owner"),
    ({"owner": -1}, "owner"),
    ({"name": "n" * 256}, "name"),
    ({"name": "a\nb"}, "name"),
    ({"prefix": "pk"}, "prefix"),
    ({"environment": "prod"}, "environment"),
    ({"prefix": "pk", "environment": "prod"}, "environment"),
    ({"scopes": "a:b"}, "scopes"),
    ({"scopes": 5}, "scopes"),
    ({"scopes": ["*"]}, "scopes"),
    ({"scopes": ["a:b"] * 1001}, "scopes"),
    ({"networks": "10.0.0.0/8"}, "networks"),
    ({"networks": 5}, "networks"),
    ({"networks": ["10.0.0.1/8"]}, "networks"),
    ({"networks": ["10.0.0.0/8"] * 1001}, "networks"),
    ({"rate_limit": "often"}, "rate_limit"),
    ({"rate_limit": 5}, "rate_limit"),
    ({"rate_limit": "0/minute"}, "rate_limit"),
    ({"rate_limit": "1/minute, 2/minute"}, "rate_limit"),
    ({"quota": "often"}, "quota"),
    ({"quota": "5/month on 32"}, "quota"),
    ({"quota": "5/day add up to 2"}, "quota"),
    ({"quota": "1/month, 2/month"}, "quota"),
    ({"credits": -1}, "credits"),
    ({"credits": True}, "credits"),
    ({"metadata": []}, "metadata"),
    ({"metadata": {"a": "b" * 5000}}, "metadata"),
    ({"metadata": {"a": "\0"}}, "metadata"),
    ({"expires_in": "1h"}, "expires_in"),
    ({"expires_in": -1}, "expires_in"),
    ({"expires_at": datetime(2100, 1, 1)}, "expires_at"),  # noqa: DTZ001 - the mistake
    ({"expires_at": 5}, "expires_at"),
    ({"not_before": "soon"}, "not_before"),
    ({"rotate_every": 0}, "rotate_every"),
    ({"expires_in": 5, "expires_at": 4e9}, None),
    ({"colour": "red"}, None),
]


@pytest.mark.parametrize(("request_", "field"), WRONG, ids=lambda each: str(each)[:40])
def test_a_refused_key_names_its_field(keys: ApiKeys, request_: dict[str, Any], field: str | None) -> None:
    """No field where two contradict each other, or where the field is unknown; the field survives a pickle."""
    asked: dict[str, Any] = {"owner": "acme", **request_}
    with pytest.raises(InvalidRequest) as caught:
        keys.issue(**asked)
    assert caught.value.field == field
    assert pickle.loads(pickle.dumps(caught.value)).field == field


@pytest.mark.parametrize(
    ("verb", "given", "field"),
    [
        ("rotate", {"overlap": -1}, "overlap"),
        ("rotate", {"overlap": "1h"}, "overlap"),
        ("rotate", {"overlap": 0, "expires_in": 0}, "expires_in"),
        ("rotate", {"overlap": 0, "expires_at": 5}, "expires_at"),
        ("update", {"expires_at": 5}, "expires_at"),
        ("update", {"name": 5}, "name"),
        ("update", {"revision": 0}, "revision"),
        ("events", {"limit": 0}, "limit"),
        ("events", {"after": -1}, "after"),
        ("add_credits", {"credits": 0}, "credits"),
        ("add_credits", {"credits": 1}, "credits"),
    ],
    ids=str,
)
def test_a_refused_call_names_its_argument(keys: ApiKeys, verb: str, given: dict[str, Any], field: str) -> None:
    """Whatever is asked of a key that is there."""
    key_id = keys.issue(owner="acme").record.key_id
    with pytest.raises(InvalidRequest) as caught:
        getattr(keys, verb)(key_id, **given)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("verb", "given", "field"),
    [
        ("list", {"status": "gone"}, "status"),
        ("list", {"after": 5}, "after"),
        ("list", {"metadata": {"a": "b"}}, "owner"),
        ("list", {"metadata": {"a": 5}, "owner": "acme"}, "metadata"),
        ("list", {"limit": 1001}, "limit"),
        ("history", {"kind": "gone"}, "kind"),
        ("expiring", {"within": 0}, "within"),
        ("unused", {"for_": "x"}, "for_"),
        ("usage", {"by": "year"}, "by"),
        ("usage", {"since": 2000, "until": 1000}, "since"),
        ("run_chores", {"expiring_within": -1}, "expiring_within"),
        ("check", {"text": None, "scope": ()}, "scope"),
        ("check", {"text": None, "scope": "*"}, "scope"),
        ("check", {"text": None, "scope": "a:b", "prefix": "-"}, "prefix"),
        ("report_leak", {"key_id": "0" * 22, "source": "s", "policy": "x"}, "policy"),
        ("report_leak", {"key_id": "0" * 22, "source": "s", "overlap": -1}, "overlap"),
    ],
    ids=str,
)
def test_a_refused_question_names_its_argument(keys: ApiKeys, verb: str, given: dict[str, Any], field: str) -> None:
    """Lists, counts, checks and reports as well."""
    with pytest.raises(InvalidRequest) as caught:
        getattr(keys, verb)(**given)
    assert caught.value.field == field


def test_a_plan_names_the_field_that_it_refuses(keys: ApiKeys) -> None:
    """An environment or a scope; the number of keys is no field."""
    keys.plans.put("basic", environments=["live"], scopes=["a:b"], max_keys=1)
    keys.owners.put("acme", plan="basic")
    refused: list[tuple[dict[str, Any], str]] = [
        ({"environment": "test"}, "environment"),
        ({"scopes": ["c:d"]}, "scopes"),
    ]
    for given, field in refused:
        with pytest.raises(PlanExceeded) as caught:
            keys.issue(owner="acme", **given)
        assert caught.value.field == field
    keys.issue(owner="acme")
    with pytest.raises(PlanExceeded) as caught:
        keys.issue(owner="acme")
    assert (caught.value.field, caught.value.plan) == (None, "basic")
