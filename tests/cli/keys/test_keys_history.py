"""`secretsource keys history`: what happened to all keys, from the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Keys = Callable[..., Any]


def test_history_is_of_all_keys(keys: Keys) -> None:
    """Each change of each key is in it, with its author; it is narrowed, and goes on behind a position."""
    ids = [
        json.loads(keys("issue", "--owner", owner, "--out", f"{owner}.key", "--json").stdout)["key_id"]
        for owner in ("acme", "globex")
    ]
    keys("update", ids[0], "--name", "worker", "--actor", "ann", "--reason", "clearer")
    feed = json.loads(keys("history", "--json").stdout)
    assert [(event["position"], event["kind"], event["id"]) for event in feed] == [
        (1, "issued", ids[0]), (2, "issued", ids[1]), (3, "updated", ids[0]),
    ]  # fmt: skip
    assert (feed[2]["actor"], feed[2]["fields"], feed[2]["owner"]) == ("ann", ["name"], "acme")
    narrowed = json.loads(keys("history", "--owner", "acme", "--kind", "issued", "--json").stdout)
    assert [event["position"] for event in narrowed] == [1]
    first = keys("history", "--limit", "2")
    assert first.stdout.splitlines()[0].split("\t")[:3] == ["position", "time", "event"]
    assert first.stderr == "more: go on with  --after 2\n"
    [row] = keys("history", "--after", "2").stdout.splitlines()[1:]
    assert row.split("\t")[2:] == ["updated", "key", ids[0], "ann", "name", "clearer"]
    wrong = keys("history", "--kind", "lost")
    assert (wrong.exit_code, "kind must be one of issued" in wrong.stderr) == (2, True)
