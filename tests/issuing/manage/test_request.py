"""What may be asked when a key is issued: one clear error each, and nothing stored."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from secretsource._ground.clock import LAST_INSTANT
from secretsource.exceptions import InvalidRequest
from secretsource.issuing import KeyRequest
from secretsource.issuing._key.lifecycle import By
from secretsource.issuing._manage import field, request

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.issuing import ApiKeys

NOW = 1_000_000.0
A_KEY = "acme_live_" + "0Az" * 18 + "ss1" + "9Zz" * 2
TOMORROW = datetime.fromtimestamp(NOW, UTC) + timedelta(days=1)


def draft(**given: Any) -> Any:
    """The record of a request for `acme`."""
    asked: Any = {"owner": "acme", **given}
    return request.draft(asked, NOW)


def test_everything_is_taken_over() -> None:
    """In the forms that a record keeps."""
    record = draft(
        prefix="pk", environment="test", scopes=["a:b", "c:*", "a:b"],
        expires_in=timedelta(days=2), not_before=TOMORROW,
        rate_limit="5/minute", quota="9/day", networks=["10.0.0.0/8", "::1"], name="billing worker",
        metadata={"a": [1, None]},
    )  # fmt: skip
    assert (record.prefix, record.environment, record.name) == ("pk", "test", "billing worker")
    assert record.scopes == {"a:b", "c:*"}
    assert record.networks == ("10.0.0.0/8", "::1/128")
    assert record.not_before == TOMORROW
    assert record.expires_at == TOMORROW + timedelta(days=2)
    assert (record.rate_limit, record.quota, record.metadata) == ("5/minute", "9/day", {"a": [1, None]})
    assert record.created == NOW


def test_little_is_needed() -> None:
    """An owner makes a live key of kind `sk` without end."""
    record = request.draft({"owner": 42}, NOW)
    assert (record.owner, record.prefix, record.environment, record.expires, record.begins) == (
        "42",
        "sk",
        "live",
        None,
        None,
    )


def test_instants_and_lengths_may_be_numbers() -> None:
    """Seconds since 1970, and seconds."""
    assert draft(expires_at=NOW + 5).expires == NOW + 5
    assert draft(expires_in=5).expires == NOW + 5
    assert draft(expires_in=None, expires_at=None).expires is None


def test_metadata_is_a_copy() -> None:
    """Changing what was given does not change the record."""
    given: dict[str, Any] = {"a": [1]}
    record = draft(metadata=given)
    given["a"].append(2)
    assert record.metadata == {"a": [1]}


BAD: dict[str, dict[str, Any]] = {
    "no owner": {"owner": ""},
    "owner None": {"owner": None},
    "owner True": {"owner": True},
    "owner negative": {"owner": -1},
    "owner with NUL": {"owner": "a\0b"},
    "owner with a lone surrogate": {"owner": "\ud800"},
    "owner with a newline": {"owner": "a\nb"},
    "owner of 256": {"owner": "x" * 256},
    "name of 10 MB": {"name": "x" * 10_000_000},
    "name of bytes": {"name": b"x"},
    "scope syntax": {"scopes": ["a b"]},
    "scopes text": {"scopes": "a:b"},
    "expiry in the past": {"expires_at": NOW - 1},
    "expiry now": {"expires_at": NOW},
    "expiry of nothing": {"expires_in": 0},
    "expiry negative": {"expires_in": timedelta(days=-1)},
    "expiry endless": {"expires_in": math.inf},
    "expiry no number": {"expires_in": math.nan},
    "expiry too far": {"expires_in": 10**18},
    "expiry text": {"expires_at": "tomorrow"},
    "expiry True": {"expires_in": True},
    "expiry naive": {"expires_at": TOMORROW.replace(tzinfo=None)},
    "two expiries": {"expires_at": TOMORROW, "expires_in": 5},
    "end before begin": {"not_before": TOMORROW, "expires_at": NOW + 5},
    "begin naive": {"not_before": TOMORROW.replace(tzinfo=None)},
    "begin before 1970": {"not_before": -1},
    "negative limit": {"rate_limit": "-1/minute"},
    "limit of a number": {"rate_limit": 100},
    "quota nonsense": {"quota": "many"},
    "CIDR nonsense": {"networks": ["10.0.0.0/99"]},
    "metadata no object": {"metadata": [1]},
    "metadata empty list": {"metadata": []},
    "metadata pairs": {"metadata": [["a", 1]]},
    "metadata with NaN": {"metadata": {"a": math.nan}},
    "metadata with bytes": {"metadata": {"a": b"x"}},
    "metadata with NUL": {"metadata": {"a": "\0"}},
    "metadata None": {"metadata": None},
    "metadata large": {"metadata": {"a": "x" * 5000}},
    "prefix": {"prefix": "S"},
    "environment": {"environment": "production!"},
    "unknown word": {"scope": "a:b"},
    "scopes None": {"scopes": None},
    "scopes in scopes": {"scopes": [["a:b"]]},
    "scopes without end": {"scopes": [f"s{number}" for number in range(1001)]},
    "expiry too large for a float": {"expires_in": 10**400},
    "expiry of all time": {"expires_in": timedelta.max},
    "rotation without a period": {"rotate_every": 0},
    "networks None": {"networks": None},
    "network of a number": {"networks": [5]},
    "network of bytes": {"networks": [b"abcd"]},
    "network of a pair": {"networks": [("10.0.0.0", 8)]},
    "network with a mask": {"networks": ["10.0.0.0/255.0.0.0"]},
    "network with a zone": {"networks": ["fe80::1%eth0"]},
    "network that never matches": {"networks": ["::ffff:10.0.0.0/104"]},
    "networks without end": {"networks": [f"10.0.{number // 256}.{number % 256}" for number in range(1001)]},
}


@pytest.mark.parametrize("request_", BAD.values(), ids=BAD)
def test_bad_input_is_one_clear_error_and_stores_nothing(request_: dict[str, Any], keys: ApiKeys, store: Any) -> None:
    """The sentence is short whatever was given, and the store is not asked."""
    asked: Any = {"owner": "acme", **request_}
    with pytest.raises(InvalidRequest) as caught:
        keys.issue(**asked)
    assert len(str(caught.value)) < 400
    assert store.asked == []


@pytest.mark.parametrize("count", [0, 10_001])
def test_a_batch_has_its_bounds(count: int, keys: ApiKeys) -> None:
    """Nothing, and more than one transaction should hold."""
    with pytest.raises(InvalidRequest, match="1 to 10000"):
        keys.issue_many([KeyRequest(owner="acme")] * count)


@pytest.mark.parametrize("batch", [None, [None], {"owner": "acme"}, ({"owner": "acme"} for _ in range(2)), 5])
def test_a_batch_is_a_list_of_requests(batch: Any, keys: ApiKeys, store: Any) -> None:
    """One request alone, and what is none, is said to be wrong."""
    with pytest.raises(InvalidRequest):
        keys.issue_many(batch)
    assert store.asked == []


@pytest.mark.parametrize("overlap", [1e12, 1e300, 10**400, timedelta.max])
def test_an_overlap_ends_within_the_calendar(overlap: Any, keys: ApiKeys) -> None:
    """Longer ones are refused before a key is made whose record nobody could show."""
    key_id = keys.issue(owner="acme").record.key_id
    with pytest.raises(InvalidRequest, match="overlap"):
        keys.rotate(key_id, overlap=overlap)
    assert keys.get(key_id).successor is None


@pytest.mark.parametrize(
    "asked", [{"limit": 0}, {"limit": -1}, {"limit": 1001}, {"limit": "9"}, {"after": -1}, {"after": None}]
)
def test_a_page_of_events_has_its_bounds(asked: dict[str, Any], keys: ApiKeys) -> None:
    """Also where a database takes a negative number for all there are."""
    with pytest.raises(InvalidRequest):
        keys.events(keys.issue(owner="acme").record.key_id, **asked)


@pytest.mark.parametrize("owner", [None, "", 1.5, "a\0b", "\ud800", b"acme"])
def test_all_keys_of_nobody_are_not_revoked(owner: Any, keys: ApiKeys, store: Any) -> None:
    """An owner that cannot be is an error, not an owner without keys."""
    with pytest.raises(InvalidRequest):
        keys.revoke_all(owner=owner)
    assert store.asked == []


ANNOTATIONS = [
    ("because", "because"),
    ("", ""),
    ("x" * 1000, "x" * 255),
    ("two\nlines", "two lines"),
    ("pasted\u00a0: blank\u3000s", "pasted\u00a0: blank\u3000s"),
    ("next \u2028 line", "next   line"),
    ("a\0b\x1b[31m", "a\ufffdb\ufffd[31m"),
    ("lone \ud800", "lone \ufffd"),
    ("turned \u202e", "turned \ufffd"),
    (7, "7"),
    (f"found {A_KEY} in a chat", "found <masked> in a chat"),
    ("x" * 249 + " " + A_KEY, "x" * 249 + " <mask"),
]


@pytest.mark.parametrize(("given", "kept"), ANNOTATIONS)
def test_an_annotation_is_made_to_fit(given: Any, kept: str) -> None:
    """It is cut and cleaned, keys in it are masked, and it never stops the call that it annotates."""
    assert field.by(given, given, given) == By(kept, kept, kept)
    assert field.by(None, None, None) == By()


FIELDS_WITH_A_KEY: list[tuple[str, Any]] = [
    ("name", f"worker with {A_KEY}"),
    ("owner", A_KEY),
    ("metadata", {"used in": [f"KEY={A_KEY}"]}),
    ("metadata", {A_KEY: 1}),
]


@pytest.mark.parametrize(("field", "value"), FIELDS_WITH_A_KEY)
def test_no_record_has_a_key_in_clear(keys: ApiKeys, field: str, value: Any) -> None:
    """A new key, an update, an owner and a plan are refused with an API key in a field; the error does not quote it."""
    given: Any = {"owner": "acme", field: value}
    refusals: list[Callable[[], object]] = [lambda: keys.issue(**given)]
    if field == "owner":
        refusals += [lambda: keys.owners.put(value), lambda: keys.plans.put(value)]
    else:
        key_id = keys.issue(owner="acme").record.key_id
        asked: Any = {field: value}
        refusals += [lambda: keys.update(key_id, **asked), lambda: keys.owners.put("acme", **asked)]
    for refused in refusals:
        with pytest.raises(InvalidRequest, match="must not have an API key in it") as caught:
            refused()
        assert A_KEY not in str(caught.value)


PAGES: dict[str, dict[str, Any]] = {
    "0": {"limit": 0},
    "1001": {"limit": 1001},
    "half": {"limit": 1.5},
    "limit text": {"limit": "9"},
    "cursor": {"after": "x"},
    "cursor number": {"after": 5},
    "status": {"status": "gone"},
    "status number": {"status": 5},
    "owner with NUL": {"owner": "\0"},
    "owner of half": {"owner": 1.5},
    "prefix list": {"prefix": ["sk"]},
    "environment with a lone surrogate": {"environment": "\ud800"},
}


def test_a_status_may_be_its_word(keys: ApiKeys) -> None:
    """As it is stored, and as JSON has it."""
    keys.issue(owner="acme")
    assert len(keys.list(status="active").records) == 1  # type: ignore[arg-type]
    assert not keys.list(status="revoked").records  # type: ignore[arg-type]


@pytest.mark.parametrize("asked", PAGES.values(), ids=PAGES)
def test_a_page_has_its_bounds(asked: dict[str, Any], keys: ApiKeys) -> None:
    """Limits, a cursor that is not one of ours, and what no record has."""
    with pytest.raises(InvalidRequest):
        keys.list(**asked)


def test_credits_are_topped_up_to_the_most_that_there_are() -> None:
    """And not beyond; without credits there is nothing to add to."""
    most = field.MOST_CREDITS
    assert most == 10**15
    assert field.topped_up(most - 3, 3, "key") == most
    assert field.topped_up(0, 1, "key") == 1
    with pytest.raises(InvalidRequest, match="key would be granted more than 1000000000000000 credits in all"):
        field.topped_up(most - 3, 4, "key")
    with pytest.raises(InvalidRequest, match="key has no credits, so none bound it: set credits first"):
        field.topped_up(None, 1, "key")


@pytest.mark.parametrize(("length", "seconds"), [(None, None), (0.5, 0.5), (1, 1.0), (timedelta(days=1), 86400.0)])
def test_a_period_is_any_time_over_0(length: Any, seconds: float | None) -> None:
    """In seconds, or as a timedelta."""
    assert field.period(length, "rotate_every") == seconds
    with pytest.raises(InvalidRequest, match="rotate_every must be over 0 seconds, not 0"):
        field.period(0, "rotate_every")


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        (datetime(9999, 12, 31, tzinfo=UTC), "must be from 1970-01-01 to 9999-12-30"),
        (datetime(1969, 12, 31, tzinfo=UTC), "must be from 1970-01-01 to 9999-12-30"),
        (float("nan"), "must be from 1970-01-01 to 9999-12-30"),
        (-1, "must be from 1970-01-01 to 9999-12-30"),
        ("2100-01-01", "is neither an aware datetime nor a number"),
        (True, "is neither an aware datetime nor a number"),
    ],
)
def test_an_instant_out_of_range_is_told_with_the_range(moment: object, said: str) -> None:
    """Many write the last day of the calendar for never; a value of another type is told as such."""
    with pytest.raises(InvalidRequest, match=f"expires_at {said}"):
        field.instant(moment, "expires_at")
    assert field.instant(datetime(9999, 12, 30, tzinfo=UTC), "expires_at") == LAST_INSTANT
