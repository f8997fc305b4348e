"""Rows of other systems: what their columns become here, and what of them cannot be carried over."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
from tests.issuing.foreign_keys import ROWS, key

from secretsource.exceptions import ConfigurationError
from secretsource.issuing import NO_SCOPE, Status
from secretsource.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.issuing import ApiKeys, KeyRecord

HASH = b64encode(hashlib.sha256(key("unkey").encode()).digest()).decode()
DRF = ROWS["drf-pbkdf2"]["hash"].removeprefix("drf-api-key$")
HEAD = ROWS["drf-pbkdf2"]["head"]

UNKEY_V2 = {
    "hash": HASH, "keyId": "key_2cGKbMxRyIzhCxo1Idjz8q", "start": "acme_abc1", "enabled": True, "name": "billing",
    "meta": {"plan": "pro"}, "createdAt": 1_701_425_400_000, "updatedAt": 1_701_425_400_000,
    "expires": 4_000_000_000_000, "permissions": ["invoices.read", "invoices:write"], "roles": ["admin"],
    "credits": {"remaining": 1000, "refill": {"interval": "monthly", "amount": 1000, "refillDay": 1}},
    "identity": {"id": "id_1", "externalId": "cust_42", "meta": {}},
    "ratelimits": [{"name": "a", "limit": 100, "duration": 60_000, "autoApply": True},
                   {"name": "b", "limit": 5, "duration": 10_000, "autoApply": False}],
}  # fmt: skip
UNKEY_V1 = {
    "hash": HASH, "id": "key_2cGKbMxRyIzhCxo1Idjz8q", "start": "acme_abc1", "ownerId": "cust_42", "name": "billing",
    "meta": {"plan": "pro"}, "createdAt": 1_701_425_400_000, "expires": 4_000_000_000_000, "remaining": 1000,
    "refill": {"interval": "monthly", "amount": 1000}, "permissions": "invoices.read,invoices:write",
    "ratelimit": {"type": "fast", "limit": 100, "duration": 60_000},
    "ratelimits": [{"limit": 5, "duration": 10_000}], "roles": [], "enabled": True,
}  # fmt: skip
UNKEY_TABLE = {
    "hash": HASH, "id": "key_2cGKbMxRyIzhCxo1Idjz8q", "start": "acme_abc1", "external_id": "cust_42", "name": "billing",
    "meta": '{"plan": "pro"}', "created_at_m": "1701425400000", "deleted_at_m": "", "expires": "4000000000000",
    "enabled": "1", "remaining_requests": 1000, "refill_day": "1", "refill_amount": "1000", "key_auth_id": "ks_1",
    "ratelimit_limit": "100", "ratelimit_duration": "60000", "ratelimits": '[{"limit": 5, "duration": 10000}]',
    "permissions": '["invoices.read", "invoices:write"]', "environment": "",
}  # fmt: skip


@pytest.fixture
def imported(make_keys: Callable[..., ApiKeys]) -> Callable[..., KeyRecord]:
    """Import one row, which must be good; its record."""

    def read(format: str, row: dict[str, Any], **defaults: Any) -> KeyRecord:
        keys = make_keys(store=MemoryStore())
        report = keys.import_rows([row], format=format, defaults=defaults)
        assert report.reasons == {}
        (record,) = keys.list().records
        return record

    return read


@pytest.fixture
def why(make_keys: Callable[..., ApiKeys]) -> Callable[..., str]:
    """Import one row, which must be rejected; the reason."""

    def read(format: str, row: dict[str, Any], **defaults: Any) -> str:
        (reason,) = make_keys(store=MemoryStore()).import_rows([row], format=format, defaults=defaults).reasons
        return reason

    return read


@pytest.mark.parametrize("row", [UNKEY_V2, UNKEY_V1, UNKEY_TABLE], ids=["v2", "v1", "table"])
def test_a_key_of_unkey_keeps_all_that_it_had(row: dict[str, Any], imported: Any) -> None:
    """From either API, or from the database: the same record."""
    record = imported("unkey", row)
    assert (record.owner, record.name, record.display) == ("cust_42", "billing", "acme_abc1…")
    assert record.metadata == {"keyId": "key_2cGKbMxRyIzhCxo1Idjz8q", "plan": "pro"}
    assert record.scopes == {"invoices.read", "invoices:write"}
    assert set(record.rate_limit.split(", ")) == {"100/1 minutes", "5/10 seconds"}
    assert (record.quota, record.created, record.expires) == ("1000/month", 1_701_425_400.0, 4e9)
    assert record.status is Status.ACTIVE


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"enabled": False}, Status.DISABLED),
        ({"enabled": "0"}, Status.DISABLED),
        ({"deletedAt": 1_701_425_400_000}, Status.REVOKED),
        ({"deleted_at_m": "1701425400000", "enabled": False}, Status.REVOKED),
        ({"expires": 1_701_425_500_000}, Status.EXPIRED),
    ],
)
def test_a_key_of_unkey_keeps_its_status(change: dict[str, Any], status: Status, imported: Any) -> None:
    """Deleted is revoked, not enabled is disabled."""
    assert imported("unkey", {**UNKEY_V2, **change}).status is status


def test_a_key_of_unkey_that_could_be_recovered(imported: Any, why: Any) -> None:
    """Is imported by its text."""
    row = {**UNKEY_V2, "hash": None, "plaintext": "acme_abc123456789"}
    assert imported("unkey", row).foreign is None
    assert "not both" in why("unkey", {**row, "hash": HASH})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"identity": None}, "no owner"),
        ({"identity": {"externalId": "c", "ratelimits": [{"limit": 5, "duration": 60_000}]}}, "identity.ratelimits"),
        ({"credits": {"remaining": 5}}, "credits without a refill"),
        ({"credits": {"remaining": 5, "refill": {"interval": "monthly", "amount": 9}}}, "cannot be carried"),
        ({"credits": {"remaining": 0, "refill": {"interval": "daily", "amount": 9}}}, "cannot be carried"),
        ({"credits": {"refill": {"interval": "monthly", "amount": 9, "refillDay": 15}}}, "another day"),
        ({"lastExpiry": 5}, "column 'lastExpiry' may be a limit or an end"),
        ({"credits": None, "remaining": 5}, "credits without a refill"),
        ({"ratelimits": [{"limit": 5, "duration": 500}]}, "duration"),
        ({"ratelimits": [{"limit": 0, "duration": 60_000}]}, "rate_limit is not"),
        ({"ratelimits": [{"limit": 1, "duration": 60_000}, {"limit": 2, "duration": 60_000}]}, "rate_limit is not"),
        ({"ratelimits": "nonsense"}, "ratelimits is not a JSON array"),
        ({"ratelimits": {"limit": 5, "duration": 60_000}}, "ratelimits is not a JSON array"),
        ({"ratelimits": True}, "ratelimits is not a JSON array"),
        ({"identity": '{"ratelimits": [{"limit": 5, "duration": 60000}]}', "externalId": "c"}, "identity.ratelimits"),
        ({"identity": {"externalId": "c", "ratelimits": '[{"limit": 5, "duration": 60000}]'}}, "identity.ratelimits"),
        ({"identity": "id_1"}, "identity is not a JSON object"),
        ({"credits": {"refill": {"interval": "weekly", "amount": 9}}}, "neither daily nor monthly"),
        ({"credits": None, "refill_interval": "hourly", "refill_amount": 9}, "neither daily nor monthly"),
        ({"credits": {"remaining": 9, "refill": {"amount": 9}, "cap": 3}}, "'credits.cap' may be a limit"),
        ({"ratelimits": [5]}, "ratelimits is not a JSON object"),
        ({"permissions": ["documents.*"]}, "scopes is not"),
        ({"meta": "{"}, "meta is not a JSON object"),
        ({"enabled": "perhaps"}, "enabled is neither"),
        ({"hash": "short"}, "cut short"),
    ],
)
def test_what_of_unkey_cannot_be_carried_over_is_no_silent_loss(change: dict[str, Any], said: str, why: Any) -> None:
    """Above all no limit."""
    assert said in why("unkey", {**UNKEY_V2, **change})


def test_a_bucket_of_unkey_is_a_rate_with_a_burst(imported: Any) -> None:
    """Its size is no rate: ten at once and one more each second are not ten each second."""
    bucket = {"type": "fast", "limit": 10, "refillRate": 1, "refillInterval": 1000}
    of = {**UNKEY_V1, "ratelimits": None}
    assert imported("unkey", {**of, "ratelimit": bucket}).rate_limit == "1/1 seconds burst 10"
    assert imported("unkey", {**of, "ratelimit": {**bucket, "refillRate": 10}}).rate_limit == "10/1 seconds"


def test_daily_credits(imported: Any) -> None:
    """Are a quota for each day."""
    assert imported("unkey", {**UNKEY_V2, "credits": {"refill": {"interval": "daily", "amount": 9}}}).quota == "9/day"
    assert imported("unkey", {**UNKEY_TABLE, "refill_day": ""}).quota == "1000/day"


DRF_TABLE = {
    "id": f"{HEAD}.{DRF}", "prefix": HEAD, "hashed_key": DRF, "created": "2024-05-01 10:00:00.123456+00",
    "name": "reports", "revoked": "f", "expiry_date": "", "organization_id": "42",
}  # fmt: skip
DRF_DUMP = {
    "model": "rest_framework_api_key.apikey", "pk": f"{HEAD}.{DRF}",
    "fields": {"prefix": HEAD, "hashed_key": DRF, "created": "2024-05-01T10:00:00.123456Z", "name": "reports",
               "revoked": False, "expiry_date": None, "organization_id": 42},
}  # fmt: skip
DRF_OLD = {"id": f"{HEAD}.{DRF}", "created": "2024-05-01T10:00:00.123456Z", "name": "reports", "organization_id": 42}


@pytest.mark.parametrize("row", [DRF_TABLE, DRF_DUMP, DRF_OLD], ids=["table", "dumpdata", "before 1.4"])
def test_a_row_of_djangorestframework_api_key(row: dict[str, Any], make_keys: Callable[..., ApiKeys]) -> None:
    """From its table, from ``dumpdata``, or from the time when the identifier had the hash alone."""
    keys = make_keys(imported=True)
    report = keys.import_rows([row], format="drf-api-key", columns={"owner": "organization_id"})
    assert (report.imported, report.ignored) == (1, {})
    (record,) = keys.list().records
    assert (record.owner, record.name, record.display) == ("42", "reports", f"{HEAD}…")
    assert (record.created, record.expires, record.status) == (1_714_557_600.123456, None, Status.ACTIVE)
    assert keys.check(key("drf-pbkdf2"), scope=NO_SCOPE)


def test_a_revoked_row_stays_revoked(imported: Any, why: Any) -> None:
    """And an expired one expired; a word that is neither yes nor no is no guess."""
    assert imported("drf-api-key", {**DRF_TABLE, "revoked": "True"}, owner="acme").status is Status.REVOKED
    assert (
        imported("drf-api-key", {**DRF_TABLE, "expiry_date": "2024-06-01T00:00Z"}, owner="a").status is Status.EXPIRED
    )
    assert "revoked is neither" in why("drf-api-key", {**DRF_TABLE, "revoked": "maybe"}, owner="acme")
    assert "no owner" in why("drf-api-key", DRF_TABLE)


def test_a_column_beside_the_fields_of_a_dump_is_read(make_keys: Callable[..., ApiKeys], why: Any) -> None:
    """You may add the owner to each object, for instance; an end there is no less an end."""
    keys = make_keys(store=MemoryStore())
    assert keys.import_rows([{**DRF_DUMP, "of": "acme"}], format="drf-api-key", columns={"owner": "of"}).imported == 1
    assert [record.owner for record in keys.list().records] == ["acme"]
    assert "'expires' may be a limit" in why("drf-api-key", {**DRF_DUMP, "expires": "2024-06-01"}, owner="acme")


def test_columns_that_have_no_place_are_named(make_keys: Callable[..., ApiKeys]) -> None:
    """Roles of Unkey are, for instance; what is empty is not worth a word."""
    report = make_keys().import_rows([{**UNKEY_V2, "groups": []}], format="unkey")
    assert report.ignored == {"roles": 1, "updatedAt": 1}
    row = {**UNKEY_V2, "identity": {"id": "id_1", "externalId": "cust_42", "meta": {"plan": "pro"}}}
    report = make_keys(store=MemoryStore()).import_rows([row], format="unkey")
    assert report.ignored == {"identity.meta": 1, "roles": 1, "updatedAt": 1}


def test_columns_of_our_own_format_that_nobody_mapped(make_keys: Callable[..., ApiKeys]) -> None:
    """They are counted and stop no row; those that speak of limits or ends stop theirs, and so do misspelt ones."""
    keys = make_keys(imported=True)
    rows = [
        {"owner": "acme", "plaintext": f"key-{n}", "e-mail": "a@example.com", "plan": "" if n else "pro"}
        for n in range(3)
    ]
    report = keys.import_rows(rows)
    assert (report.imported, report.ignored) == (3, {"e-mail": 3, "plan": 1})
    columns = (
        "valid_until is_active requestsRemaining monthly_quota end_date blocked notAfter key_ttl rpm max_requests "
        "rate requestsPerMinute locked_at banned ip_whitelist allowedIps"
    )
    for column in columns.split():
        (reason,) = keys.import_rows([{"owner": "acme", "plaintext": "other", column: "5"}]).reasons
        assert "may be a limit or an end" in reason
        assert keys.import_rows([{"owner": "acme", "plaintext": f"empty-{column}", column: ""}]).imported == 1
    (reason,) = keys.import_rows([{"owner": "acme", "plaintext": "other", "expires": "5"}]).reasons
    assert "did you mean 'expires_at'" in reason or "may be a limit or an end" in reason


def test_what_the_operator_decides_is_over_what_cannot_be_carried(imported: Any) -> None:
    """A default for the quota or the rate takes the place of credits and of the limits of an identity."""
    row = {
        **UNKEY_V2,
        "credits": {"remaining": 3, "refill": {"interval": "monthly", "amount": 1000, "refillDay": 15}},
        "identity": {"externalId": "c", "ratelimits": [{"limit": 5, "duration": 60_000}]},
        "ratelimits": None,
    }
    record = imported("unkey", row, quota="500/month", rate_limit="5/minute")
    assert (record.quota, record.rate_limit) == ("500/month", "5/minute")


@pytest.mark.parametrize(
    ("zone", "instant"),
    [("UTC", 1_704_067_200.0), ("+02:00", 1_704_060_000.0), ("Europe/Berlin", 1_704_063_600.0)],
)
def test_instants_without_a_zone(zone: str, instant: float, make_keys: Callable[..., ApiKeys]) -> None:
    """They are in the zone that is given; those with one of their own stay as they are; an unknown zone is refused."""
    keys = make_keys(imported=True)
    row = {"owner": "acme", "plaintext": "abc", "created_at": "2024-01-01 00:00:00", "not_before": "2024-01-01T00:00Z"}
    assert "zone" in next(iter(keys.import_rows([row]).reasons))
    assert keys.import_rows([row], zone=zone).imported == 1
    (record,) = keys.list()
    assert (record.created, record.begins) == (instant, 1_704_067_200.0)
    for wrong in ("Nowhere/Else", "2 o'clock", "../etc/passwd", ""):
        with pytest.raises(ConfigurationError, match="time zone"):
            keys.import_rows([row], zone=wrong)
