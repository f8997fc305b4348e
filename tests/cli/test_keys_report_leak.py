"""`secretsource keys report-leak`: the answer to a leaked key, from the command line."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Keys = Callable[..., Any]

FOUND = ("report-leak", "--source", "scanner", "--place", "a gist")


@pytest.fixture
def leaked(keys: Keys) -> str:
    """A key that leaked."""
    assert keys("issue", "--owner", "acme", "--out", "leaked.key").exit_code == 0
    return Path("leaked.key").read_text().strip()


def kinds(keys: Keys, key_id: str) -> list[str]:
    """The events of a key."""
    return [event["kind"] for event in json.loads(keys("events", key_id, "--json").stdout)]


def test_a_leaked_key_ends(keys: Keys, leaked: str) -> None:
    """The key comes from standard input, and no output has it; a repeat says that it is one."""
    ran = keys(*FOUND, "--json", key=leaked)
    assert ran.exit_code == 0, ran.stderr
    record = json.loads(ran.stdout)
    assert (record["status"], record["status_reason"]) == ("revoked", "leaked")
    events = {each["kind"]: each for each in json.loads(keys("events", record["key_id"], "--json").stdout)}
    assert (events["revoked"]["actor"], events["revoked"]["origin"]) == (events["issued"]["actor"], platform.node())
    assert (events["exposed"]["actor"], events["exposed"]["origin"]) == ("scanner", "a gist")
    again = keys(*FOUND, key=leaked)
    assert "this source has reported this place before" in again.stderr
    assert "status\trevoked" in again.stdout
    assert leaked not in ran.stdout + ran.stderr + again.stdout + again.stderr
    assert kinds(keys, record["key_id"]) == ["issued", "revoked", "exposed"]


def test_a_policy_may_tell_alone(keys: Keys, leaked: str) -> None:
    """The key works on, and its history has the place."""
    record = json.loads(keys(*FOUND, "--policy", "tell", "--json", key=leaked).stdout)
    assert record["status"] == "active"
    assert kinds(keys, record["key_id"]) == ["issued", "exposed"]


def test_a_rotated_key_is_handed_over(keys: Keys, leaked: str) -> None:
    """The successor goes to a new file, before which nothing is changed; the old key works for the overlap."""
    refused = keys(*FOUND, "--policy", "rotate", key=leaked)
    assert refused.exit_code == 2
    assert "add  --out FILE" in refused.stderr
    ran = keys(*FOUND, "--policy", "rotate", "--overlap", "10m", "--out", "new.key", "--json", key=leaked)
    assert ran.exit_code == 0, ran.stderr
    told = json.loads(ran.stdout)
    new = Path("new.key").read_text().strip()
    assert (told["key"], told["out"], told["rotated"]["status"]) == (None, "new.key", "rotating")
    assert keys("verify", key=new).exit_code == 0
    assert kinds(keys, told["rotated"]["key_id"]) == ["issued", "rotated", "exposed"]


def test_what_is_not_a_key_is_refused(keys: Keys, leaked: str) -> None:
    """Nothing is shown of it; a file belongs to a rotation."""
    ran = keys(*FOUND, key=leaked[:-1] + ("a" if leaked[-1] != "a" else "b"))
    assert ran.exit_code != 0
    assert leaked[:40] not in ran.stderr
    assert "--out belongs to" in keys(*FOUND, "--out", "x", key=leaked).stderr
    assert keys("report-leak", key=leaked).exit_code == 2
