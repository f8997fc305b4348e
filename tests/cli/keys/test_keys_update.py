"""`secretsource keys update`, and the end of a rotated key, from the command line."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Keys = Callable[..., Any]
    Judge = Callable[[str], bool]

FULL = (
    "--scope", "invoices:*", "--name", "worker", "--rate-limit", "9/minute", "--quota", "90/month",
    "--network", "203.0.113.0/24", "--not-before", "2026-01-01T00:00:00Z", "--expires-at", "2090-01-01T00:00:00Z",
    "--metadata", '{"plan": "pro"}',
)  # fmt: skip
"""What fills each field of a key that can change."""

EMPTY: dict[str, tuple[str, Any]] = {
    "name": ("name", ""), "scopes": ("scopes", []), "rate-limit": ("rate_limit", None), "quota": ("quota", None),
    "networks": ("networks", []), "begins-at": ("not_before", None), "expires-at": ("expires_at", None),
    "metadata": ("metadata", {}),
}  # fmt: skip
"""By the word that clears a field: the field of the document, and what is then in it."""


@pytest.fixture
def issued(keys: Keys) -> Callable[..., dict[str, Any]]:
    """Issue a key; its record."""
    numbers = iter(range(100))

    def issue(*arguments: str) -> dict[str, Any]:
        done = keys("issue", "--owner", "acme", *arguments, "--out", f"key-{next(numbers)}", "--json")
        return {**json.loads(done.stdout), "key": None}

    return issue


def test_each_option_changes_its_field(keys: Keys, issued: Any) -> None:
    """What is given is in the record and named by the event, with its author; the rest stays."""
    record = issued("--name", "worker")
    done = keys(
        "update", record["key_id"], "--scope", "a:b", "--scope", "c:*", "--rate-limit", "5/minute",
        "--quota", "50/month", "--network", "198.51.100.0/24", "--begins-at", "2026-02-01T00:00:00Z",
        "--expires-at", "2091-01-01T00:00:00Z", "--metadata", '{"seats": 2}', "--actor", "ann", "--reason", "prolonged",
        "--json",
    )  # fmt: skip
    assert (done.exit_code, done.stderr) == (0, "")
    changed = json.loads(done.stdout)
    expected = {
        "name": "worker", "scopes": ["a:b", "c:*"], "rate_limit": "5/minute", "quota": "50/month",
        "networks": ["198.51.100.0/24"], "not_before": "2026-02-01T00:00:00Z", "expires_at": "2091-01-01T00:00:00Z",
        "metadata": {"seats": 2}, "revision": 2,
    }  # fmt: skip
    assert {name: changed[name] for name in expected} == expected
    event = json.loads(keys("events", record["key_id"], "--after", "1", "--json").stdout)[0]
    assert (event["kind"], event["actor"], event["reason"]) == ("updated", "ann", "prolonged")
    assert event["fields"] == [
        "begins_at", "expires_at", "metadata", "networks", "quota", "rate_limit", "scopes",
    ]  # fmt: skip
    assert "rate_limit scopes\n" in keys("events", record["key_id"]).stdout


@pytest.mark.parametrize("word", EMPTY)
def test_a_field_is_cleared_alone(keys: Keys, issued: Any, word: str) -> None:
    """One field is empty then, and each other field is as it was."""
    record = issued(*FULL)
    changed = json.loads(keys("update", record["key_id"], "--clear", word, "--json").stdout)
    name, empty = EMPTY[word]
    kept = {each for each, _ in EMPTY.values()} - {name}
    assert changed[name] == empty != record[name]
    assert {each: changed[each] for each in kept} == {each: record[each] for each in kept}


def test_a_stale_revision_is_a_mistake(keys: Keys, issued: Any, is_one_sentence: Judge) -> None:
    """With --revision, the record of somebody that was quicker stays; the sentence says which revision there is."""
    record = issued()
    assert "name\tfirst\n" in keys("update", record["key_id"], "--name", "first", "--revision", "1").stdout
    done = keys("update", record["key_id"], "--name", "second", "--revision", "1")
    assert done.exit_code == 2
    assert is_one_sentence(done.stderr)
    assert "is at revision 2, not 1" in done.stderr
    assert json.loads(keys("show", record["key_id"], "--json").stdout)["name"] == "first"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((), "at least one field"),
        (("--quota", "5/day", "--clear", "quota"), "quota cannot be given and cleared at once"),
        (("--metadata", "[1]"), "--metadata must be a JSON object"),
        (("--clear", "owner"), "'owner' is not one of"),
        (("--scope", "no spaces please"), "scope"),
        (("--expires-at", "2020-01-01T00:00:00Z"), "would end before it is good"),
    ],
    ids=["nothing", "given and cleared", "no object", "owner", "scope", "past"],
)
def test_a_wrong_update_changes_nothing(
    keys: Keys, issued: Any, options: tuple[str, ...], says: str, is_one_sentence: Judge
) -> None:
    """It is a mistake in one sentence, and the record stays as it was."""
    record = issued()
    done = keys("update", record["key_id"], *options)
    assert done.exit_code == 2
    assert is_one_sentence(done.stderr)
    assert says in done.stderr
    assert json.loads(keys("show", record["key_id"], "--json").stdout)["revision"] == 1


def test_a_key_that_has_ended_does_not_change(keys: Keys, issued: Any) -> None:
    """The answer is no, with the status that it has."""
    record = issued()
    keys("revoke", record["key_id"])
    done = keys("update", record["key_id"], "--name", "late")
    assert (done.exit_code, "it is revoked" in done.stderr) == (1, True)


def test_a_rotation_says_when_the_new_key_ends(keys: Keys, issued: Any) -> None:
    """After a time, on a day, or when the old key would have ended; two of them contradict each other."""
    kept, day = "2090-01-01T00:00:00Z", "2091-05-05T00:00:00Z"

    def rotated(*options: str) -> dict[str, Any]:
        record = issued("--expires-at", kept)
        out = f"new-{record['key_id']}"
        done = keys("rotate", record["key_id"], "--overlap", "1d", *options, "--out", out, "--json")
        return json.loads(done.stdout) if done.exit_code == 0 else {"says": done.stderr, "code": done.exit_code}

    assert rotated("--keep-expiry")["expires_at"] == kept
    assert rotated("--expires-at", day)["expires_at"] == day
    short = rotated("--expires-in", "10d")
    lives = datetime.fromisoformat(short["expires_at"]) - datetime.fromisoformat(short["created_at"])
    assert lives == timedelta(days=10)
    refused = rotated("--keep-expiry", "--expires-at", day)
    assert (refused["code"], "a new key ends once" in refused["says"]) == (2, True)
