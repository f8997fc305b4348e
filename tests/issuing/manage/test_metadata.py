"""Metadata: measured in the bytes that are stored, and never changed by what reads it."""

from __future__ import annotations

import copy
import json
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from tests.issuing.conftest import OLD_PEPPER, PEPPER

from secretsource._ground.frozen import FrozenDict, FrozenList, frozen_document
from secretsource.exceptions import InvalidRequest
from secretsource.issuing import NO_SCOPE, ApiKeys
from secretsource.stores.memory import MemoryStore
from secretsource.stores.sql import SqlStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from secretsource.stores.base import KeyStore

GIVEN: dict[str, Any] = {"features": {"beta": False}, "tags": ["a", {"b": [1]}], "plan": "pro", "none": None}
CHANGES: dict[str, Callable[[Any], object]] = {
    "set": lambda kept: kept.__setitem__("plan", "free"),
    "nested set": lambda kept: kept["features"].__setitem__("beta", True),
    "delete": lambda kept: kept.__delitem__("plan"),
    "clear": lambda kept: kept.clear(),
    "pop": lambda kept: kept.pop("plan"),
    "popitem": lambda kept: kept.popitem(),
    "setdefault": lambda kept: kept.setdefault("new", 1),
    "update": lambda kept: kept["features"].update(beta=True),
    "ior": lambda kept: kept.__ior__({"new": 1}),
    "append": lambda kept: kept["tags"].append("c"),
    "deep append": lambda kept: kept["tags"][1]["b"].append(2),
    "list set": lambda kept: kept["tags"].__setitem__(0, "x"),
    "list delete": lambda kept: kept["tags"].__delitem__(0),
    "extend": lambda kept: kept["tags"].extend("x"),
    "insert": lambda kept: kept["tags"].insert(0, "x"),
    "list pop": lambda kept: kept["tags"].pop(),
    "remove": lambda kept: kept["tags"].remove("a"),
    "reverse": lambda kept: kept["tags"].reverse(),
    "sort": lambda kept: kept["tags"].sort(key=str),
    "list clear": lambda kept: kept["tags"].clear(),
    "iadd": lambda kept: kept["tags"].__iadd__(["x"]),
    "imul": lambda kept: kept["tags"].__imul__(2),
}


@pytest.fixture(params=["memory", "sqlite"])
def kept_in(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KeyStore]:
    """A store of each kind that makes records of its own."""
    store = MemoryStore() if request.param == "memory" else SqlStore.open(f"sqlite:///{tmp_path / 'keys.db'}")
    yield store
    store.close()


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_is_handed_out_cannot_be_changed(
    change: Callable[[Any], object], kept_in: KeyStore, make_keys: Any
) -> None:
    """By issue, check, get, list and export, at any depth; so the next request sees what is kept."""
    keys: ApiKeys = make_keys(store=kept_in)
    given = copy.deepcopy(GIVEN)
    issued = keys.issue(owner="acme", metadata=given)
    handed_out = [
        issued.record.metadata,
        keys.verify(issued.plaintext, scope=NO_SCOPE).metadata,
        keys.verify(issued.plaintext, scope=NO_SCOPE, fresh=True).metadata,
        keys.get(issued.record.key_id).metadata,
        keys.list().records[0].metadata,
        next(keys.export())["metadata"],
    ]
    for metadata in handed_out:
        with pytest.raises(TypeError, match="cannot be changed"):
            change(metadata)
        assert metadata == GIVEN
    given["features"]["beta"] = True
    assert keys.get(issued.record.key_id).metadata == GIVEN


def test_it_is_plain_to_what_reads_it() -> None:
    """JSON, comparison; and every copy may be changed."""
    frozen = frozen_document(GIVEN)
    assert json.loads(json.dumps(frozen)) == frozen == GIVEN
    plain: Any
    for plain in (copy.deepcopy(frozen), pickle.loads(pickle.dumps(frozen))):
        assert (type(plain), type(plain["tags"]), type(plain["tags"][1])) == (dict, list, dict)
        plain["features"]["beta"] = True
    for plain in (copy.copy(frozen["tags"]), copy.deepcopy(frozen["tags"]), pickle.loads(pickle.dumps(frozen["tags"]))):
        assert type(plain) is list
    assert type(copy.copy(frozen)) is dict
    assert frozen == GIVEN
    assert isinstance(frozen["features"], FrozenDict)
    assert isinstance(frozen["tags"], FrozenList)


def test_a_renewed_hash_writes_nothing_else_back(make_keys: Any, store: Any) -> None:
    """What the store has by then, also by hand and past the revision, stays."""
    issued = make_keys(peppers=[OLD_PEPPER]).issue(owner="acme", metadata=GIVEN)
    keys = make_keys(peppers=[PEPPER, OLD_PEPPER])
    assert keys.check(issued.plaintext, scope=NO_SCOPE)
    by_hand = store._records[issued.record.key_id]._replace(name="mended by hand", metadata={"plan": "mended"})
    store._records[issued.record.key_id] = by_hand
    keys.flush()
    record = keys.get(issued.record.key_id)
    assert (record.name, record.metadata) == ("mended by hand", {"plan": "mended"})
    assert (record.pepper_version, record.revision) != (issued.record.pepper_version, issued.record.revision)


@pytest.mark.parametrize(
    "given", [{"note": "\u516c" * 1300}, {"note": "\u044f" * 2000}, {"pattern": r"[\u0000-\u001f]"}]
)
def test_it_is_measured_in_bytes_of_utf8(given: dict[str, Any], keys: ApiKeys) -> None:
    """And the six characters of an escape are no NUL."""
    assert keys.issue(owner="acme", metadata=given).record.metadata == given


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"note": "\u516c" * 1400}, "at most 4096 bytes as JSON, not 4"),
        ({"a": ["\0"]}, "NUL"),
        ({"a\0": 1}, "NUL"),
        ({"a": "\ud800"}, "JSON object"),
        ({"a": float("nan")}, "JSON object"),
        ({"a": {1, 2}}, "JSON object"),
        ([], "JSON object"),
    ],
)
def test_what_no_database_takes(given: Any, said: str, keys: ApiKeys) -> None:
    """It is refused with the reason."""
    with pytest.raises(InvalidRequest, match=said):
        keys.issue(owner="acme", metadata=given)
