"""`secretsource keys expiring` and `unused`: which keys need attention, from the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from secretsource.stores._sql import listing

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    Keys = Callable[..., Any]


def test_expiring_shows_what_ends_soon(keys: Keys) -> None:
    """Keys that live longer, or have ended, are not in it; it goes on page by page."""
    for number, days in enumerate((10, 20, 90)):
        done = keys("issue", "--owner", f"o{number}", "--expires-in", f"{days}d", "--out", f"k{number}", "--json")
        assert done.exit_code == 0
    page = json.loads(keys("expiring", "--within", "30 days", "--json").stdout)
    assert ([record["owner"] for record in page["keys"]], page["next"]) == (["o0", "o1"], None)
    assert len(json.loads(keys("expiring", "--within", "30d", "--owner", "o1", "--json").stdout)["keys"]) == 1
    first = keys("expiring", "--within", "30d", "--limit", "1")
    assert first.stdout.splitlines()[1].split("\t")[2] == "o0"
    rest = keys("expiring", "--within", "30d", "--after", first.stderr.split("--after ")[1].strip(), "--json")
    assert [record["owner"] for record in json.loads(rest.stdout)["keys"]] == ["o1"]
    keys("revoke", "--owner", "o0", "--yes")
    assert len(json.loads(keys("expiring", "--within", "30d", "--json").stdout)["keys"]) == 1


def test_unused_shows_nothing_that_is_new(keys: Keys) -> None:
    """A new key is not unused for long; a length of no time is a mistake."""
    keys("issue", "--owner", "acme", "--out", "new.key")
    assert json.loads(keys("unused", "--for", "90d", "--json").stdout) == {"keys": [], "next": None}
    refused = keys("unused", "--for", "0s")
    assert (refused.exit_code, "must be over 0 seconds" in refused.stderr) == (2, True)


def test_a_list_is_narrowed(keys: Keys) -> None:
    """By name, by a field of the metadata, and the newest first."""
    for number, team in enumerate(("red", "blue")):
        metadata = json.dumps({"team": team})
        issue = ("issue", "--owner", "acme", "--name", f"n{number}", "--metadata", metadata, "--out", f"k{number}")
        assert keys(*issue).exit_code == 0

    def names(*options: str) -> list[str]:
        return [record["name"] for record in json.loads(keys("list", *options, "--json").stdout)["keys"]]

    assert names("--newest") == ["n1", "n0"]
    assert names("--name", "n1") == ["n1"]
    assert names("--owner", "acme", "--metadata", "team=red") == ["n0"]
    assert keys("list", "--metadata", "team=red").exit_code == 2
    [key_id] = [
        record["key_id"] for record in json.loads(keys("list", "--newest", "--limit", "1", "--json").stdout)["keys"]
    ]
    assert names("--beginning", key_id[:9]) == ["n1"]
    assert keys("list", "--beginning", "sk_live_").exit_code == 2


def test_a_short_page_is_filled(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command asks on while pages are short, until it has as many keys as wanted, and says how the list goes on."""
    monkeypatch.setattr(listing, "LOOKED_AT", 1)
    for number in range(4):
        metadata = json.dumps({"team": "red" if number else "blue"})
        keys("issue", "--owner", "acme", "--metadata", metadata, "--out", f"k{number}")
    asked = ("list", "--owner", "acme", "--metadata", "team=red", "--json")
    assert len(json.loads(keys(*asked).stdout)["keys"]) == 3
    first = json.loads(keys(*asked, "--limit", "2").stdout)
    assert len(first["keys"]) == 2
    rest = json.loads(keys(*asked, "--after", first["next"]).stdout)
    assert (len(rest["keys"]), rest["next"]) == (1, None)
