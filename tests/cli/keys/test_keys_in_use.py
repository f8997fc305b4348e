"""`secretsource keys` about a key in use: who used it in the last day, before it is ended."""

from __future__ import annotations

import json
from importlib import import_module
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from tests.cli.conftest import PEPPER

from secretsource.issuing import NO_SCOPE, ApiKeys

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Keys = Callable[..., Any]


@pytest.fixture
def issued(keys: Keys, folder: Path) -> Callable[[], tuple[str, str]]:
    """Issue a key; its identifier and its text."""

    numbers = count()

    def issue() -> tuple[str, str]:
        file = f"key-{next(numbers)}"
        done = keys("issue", "--owner", "acme", "--out", file, "--json")
        return json.loads(done.stdout)["key_id"], (folder / file).read_text().strip()

    return issue


@pytest.fixture
def used(issued: Callable[[], tuple[str, str]], folder: Path) -> str:
    """The identifier of a key that two clients used in the last day."""
    key_id, text = issued()
    with ApiKeys.open(f"sqlite:///{folder / 'keys.db'}", peppers=[PEPPER]) as keys:
        for ip, agent in (("203.0.113.7", "billing/1"), ("198.51.100.9", "nightly/2")):
            assert keys.check(text, scope=NO_SCOPE, ip=ip, agent=agent)
        assert not keys.check(text, scope="never:granted")
    return key_id


def test_a_key_shows_who_uses_it(keys: Keys, used: str) -> None:
    """Its clients and requests of the last day, for people and in the document."""
    shown = keys("show", used).stdout
    assert "in 24 hours\t2 accepted, 1 refused\n" in shown
    assert "from\t198.51.100.9 203.0.113.7\n" in shown
    assert "by\tbilling/1, nightly/2\n" in shown
    told = json.loads(keys("show", used, "--json").stdout)["recent_use"]
    assert (told["accepted"], told["refused"], [*told["networks"]]) == (2, 1, ["198.51.100.9", "203.0.113.7"])
    assert [*told["agents"]] == ["billing/1", "nightly/2"]


@pytest.mark.parametrize("answer", ["y", "n"])
def test_a_key_in_use_is_asked_for(keys: Keys, used: str, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    """At a terminal, the clients that fail are named first; without a yes nothing is revoked."""
    monkeypatch.setattr(import_module("secretsource.cli.keys.revoke"), "is_asked", lambda: True)
    done = keys("revoke", used, key=answer)
    assert "in 24 hours: 2 accepted, 1 refused" in done.stderr
    assert "from: 198.51.100.9 203.0.113.7" in done.stderr
    assert "by: billing/1, nightly/2" in done.stderr
    assert "End the key, for good?" in done.stderr
    status = json.loads(keys("show", used, "--json").stdout)["status"]
    assert (done.exit_code == 0, status) == ((True, "revoked") if answer == "y" else (False, "active"))


@pytest.mark.parametrize("case", ["no terminal", "--yes", "unused", "ended"])
def test_a_key_is_revoked_without_a_question(
    keys: Keys, used: str, issued: Callable[[], tuple[str, str]], monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    """In a script, with ``--yes``, and where no client fails."""
    if case == "ended":
        assert keys("revoke", used).exit_code == 0
    key_id = issued()[0] if case == "unused" else used
    monkeypatch.setattr(import_module("secretsource.cli.keys.revoke"), "is_asked", lambda: case != "no terminal")
    done = keys("revoke", key_id, *(["--yes"] if case == "--yes" else []))
    assert (done.exit_code, done.stderr) == (0, "")
    assert json.loads(keys("show", key_id, "--json").stdout)["status"] == "revoked"
