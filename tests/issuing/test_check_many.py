"""Several keys in one call: the verdicts of single checks, for one question to the store."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from secretsource.exceptions import InvalidRequest, StoreError
from secretsource.issuing import NO_SCOPE, ApiKeys, AsyncApiKeys, Reason, Rejected, Status
from secretsource.stores.memory import AsyncMemoryStore, MemoryStore
from secretsource.stores.sql import SqlStore
from secretsource.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from secretsource.issuing import KeyRecord, Verdict

PEPPER = "a pepper of the tests, long enough"


class Counting(MemoryStore):
    """A store that counts its questions, and can be down.

    Attributes:
        questions: The number of identifiers of each question.
        down: Whether it cannot answer.
        meanwhile: Called while a question is on its way back.
    """

    def __init__(self) -> None:
        super().__init__()
        self.questions: list[int] = []
        self.down = False
        self.meanwhile: Callable[[], object] = lambda: None

    def get(self, key_id: str) -> KeyRecord | None:
        """Count one."""
        self.questions.append(1)
        if self.down:
            raise StoreError("down")
        return super().get(key_id)

    def peek_many(self, key_ids: Sequence[str]) -> Mapping[str, KeyRecord]:
        """Count all."""
        self.questions.append(len(key_ids))
        if self.down:
            raise StoreError("down")
        records = {key_id: record for key_id in key_ids if (record := MemoryStore.get(self, key_id))}
        self.meanwhile()
        return records


@pytest.fixture
def store() -> Counting:
    """An empty store."""
    return Counting()


@pytest.fixture(params=["threads", "loop"])
def check_many(request: pytest.FixtureRequest, store: Counting) -> Callable[..., Sequence[Verdict]]:
    """A new process that checks several keys, for threads or on an event loop."""

    def check(*texts: str | None, settings: Any = None, **question: Any) -> Sequence[Verdict]:
        questions: Any = [{"scope": NO_SCOPE, "text": text, **question} for text in texts]
        given: dict[str, Any] = {"peppers": [PEPPER], **(settings or {})}
        if request.param == "threads":
            with ApiKeys(store, **given) as keys:
                return keys.check_many(questions)

        async def on_a_loop() -> Sequence[Verdict]:
            async with AsyncApiKeys(AsyncMemoryStore(store), **given) as keys:
                return await keys.check_many(questions)

        return asyncio.run(on_a_loop())

    return check


@pytest.fixture
def keys(store: Counting) -> Iterator[ApiKeys]:
    """A process that makes keys."""
    with ApiKeys(store, peppers=[PEPPER]) as made:
        yield made


@pytest.fixture
def checking(store: Counting) -> Iterator[ApiKeys]:
    """A process that checks keys."""
    with ApiKeys(store, peppers=[PEPPER]) as made:
        yield made


def test_all_records_are_read_by_one_question(
    store: Counting, keys: ApiKeys, check_many: Callable[..., Sequence[Verdict]]
) -> None:
    """Each verdict is that of a single check, in the order of the questions; junk is not looked up."""
    good = [keys.issue(owner=f"o{number}") for number in range(20)]
    ended = keys.issue(owner="acme")
    keys.revoke(ended.record.key_id)
    gone = ApiKeys(MemoryStore(), peppers=[PEPPER]).issue(owner="acme").plaintext
    wrong = ApiKeys(MemoryStore(), peppers=["another pepper, and long enough"]).issue(owner="acme").plaintext
    texts = [None, "junk", wrong, ended.plaintext, gone, *[each.plaintext for each in good], good[0].plaintext]
    store.questions.clear()
    verdicts = check_many(*texts)
    assert [verdict.reason for verdict in verdicts if isinstance(verdict, Rejected)] == [
        Reason.MISSING, Reason.MALFORMED, Reason.NOT_OURS, Reason.REVOKED, Reason.UNKNOWN,
    ]  # fmt: skip
    owners = [verdict.record.owner for verdict in verdicts if verdict.record is not None and verdict]
    assert owners == [*[f"o{number}" for number in range(20)], "o0"]
    assert store.questions == [22]


def test_what_memory_knows_is_not_asked_for(store: Counting, keys: ApiKeys, checking: ApiKeys) -> None:
    """A fresh record, and a key that was not there a moment ago."""
    texts = [keys.issue(owner="acme").plaintext for _ in range(3)]
    texts.append(ApiKeys(MemoryStore(), peppers=[PEPPER]).issue(owner="acme").plaintext)
    questions: Any = [{"text": text, "scope": NO_SCOPE} for text in texts]
    store.questions.clear()
    first = [bool(verdict) for verdict in checking.check_many(questions)]
    assert [bool(verdict) for verdict in checking.check_many(questions)] == first == [True, True, True, False]
    assert store.questions == [4]
    assert checking.check_many([]) == []


def test_nothing_kept_is_one_question_still(
    store: Counting, keys: ApiKeys, check_many: Callable[..., Sequence[Verdict]]
) -> None:
    """Also where no record is kept in memory."""
    texts = [keys.issue(owner="acme").plaintext for _ in range(3)]
    store.questions.clear()
    assert all(check_many(*texts, *texts, settings={"ttl": 0.0}))
    assert store.questions == [3]


def test_a_store_that_is_down_is_asked_once(
    store: Counting, keys: ApiKeys, check_many: Callable[..., Sequence[Verdict]]
) -> None:
    """A hundred keys do not wait a hundred times."""
    texts = [keys.issue(owner="acme").plaintext for _ in range(5)]
    store.questions.clear()
    store.down = True
    assert {verdict.reason for verdict in check_many(*texts) if isinstance(verdict, Rejected)} == {
        Reason.STORE_UNAVAILABLE
    }
    assert store.questions == [5]


def test_scopes_kinds_networks_and_limits_count(keys: ApiKeys, check_many: Callable[..., Sequence[Verdict]]) -> None:
    """As in a single check; a limit of two lets two of the same key in."""
    limited = keys.issue(owner="acme", scopes=["a"], rate_limit="2/hour").plaintext
    verdicts = check_many(limited, limited, limited, scope="a", ip="192.0.2.1")
    assert [bool(verdict) for verdict in verdicts] == [True, True, False]
    other = keys.issue(owner="acme", scopes=["a"], networks=["203.0.113.0/24"]).plaintext
    told = [
        check_many(other, scope="b", ip="203.0.113.1"),
        check_many(other, scope="a", ip="192.0.2.1"),
        check_many(other, scope="a", ip="203.0.113.1", prefix="pk"),
        check_many(limited, scope="a", cost=3),
    ]
    assert [verdict.reason for [verdict] in told if isinstance(verdict, Rejected)] == [
        Reason.INSUFFICIENT_SCOPE, Reason.WRONG_NETWORK, Reason.WRONG_KIND, Reason.COST_TOO_HIGH,
    ]  # fmt: skip


def test_a_revocation_while_records_are_read_is_not_undone(store: Counting, keys: ApiKeys, checking: ApiKeys) -> None:
    """The record that was read before it is used for this call, and kept for none after."""
    issued = keys.issue(owner="acme")
    store.meanwhile = lambda: checking.revoke(issued.record.key_id)
    questions: Any = [{"text": issued.plaintext, "scope": NO_SCOPE}]
    checking.check_many(questions)
    store.meanwhile = lambda: None
    assert not checking.check(issued.plaintext, scope=NO_SCOPE)


def test_a_record_is_fresh_from_before_it_was_read(store: Counting, keys: ApiKeys) -> None:
    """However long the question takes."""
    clock = FakeClock()
    issued = keys.issue(owner="acme")
    store.meanwhile = lambda: clock.advance(4.0)
    questions: Any = [{"text": issued.plaintext, "scope": NO_SCOPE}]
    with ApiKeys(store, peppers=[PEPPER], clock=clock, ttl=5.0) as checking:
        store.questions.clear()
        assert all(checking.check_many(questions))
        assert all(checking.check_many(questions))
        assert store.questions == [1], "it is fresh for a second more"
        clock.advance(1.0)
        assert all(checking.check_many(questions))
        assert store.questions == [1, 1]


def test_a_rotated_key_and_one_of_a_retired_pepper_take_their_ways(
    store: Counting, keys: ApiKeys, checking: ApiKeys
) -> None:
    """The dates of a rotation are known, and a pepper that is gone is told."""
    old = keys.issue(owner="acme")
    keys.rotate(old.record.key_id, overlap=60)
    questions: Any = [{"text": old.plaintext, "scope": NO_SCOPE}]
    [verdict] = checking.check_many(questions)
    assert verdict
    assert verdict.record is not None
    assert verdict.record.status is Status.ROTATING
    assert verdict.rotated is not None
    with ApiKeys(store, peppers=["another pepper, and long enough"]) as others:
        [verdict] = others.check_many(questions)
    assert isinstance(verdict, Rejected)
    assert verdict.reason is Reason.PEPPER_RETIRED


def test_a_database_is_asked_once(tmp_path: Path) -> None:
    """By one statement."""
    from sqlalchemy import event

    url = f"sqlite:///{tmp_path}/keys.db"
    with ApiKeys.open(url, peppers=[PEPPER]) as keys:
        texts = [keys.issue(owner=f"o{number}").plaintext for number in range(3)]
    store, statements = SqlStore.open(url), list[str]()
    with ApiKeys(store, peppers=[PEPPER]) as checking:
        event.listen(store.database.open(), "before_cursor_execute", lambda *told: statements.append(told[2]))
        questions: Any = [{"text": text, "scope": NO_SCOPE} for text in texts]
        assert [verdict.record and verdict.record.owner for verdict in checking.check_many(questions)] == [
            "o0", "o1", "o2",
        ]  # fmt: skip
        assert len([statement for statement in statements if "secretsource_keys" in statement]) == 1
    store.close()


@pytest.mark.parametrize(
    ("questions", "message"),
    [
        ("sk_live_canary", "questions must be a list"),
        ({"text": "sk_live_canary", "scope": "a"}, "questions must be a list"),
        ([{"text": "sk_live_canary"}], "question 1 needs a text and a scope"),
        ([{"scope": "a"}], "question 1 needs a text and a scope"),
        (
            [{"text": None, "scope": "a"}, {"text": "sk_live_canary", "scope": "a", "sk_live_canary": 1}],
            "question 2 may",
        ),
        ([["sk_live_canary"]], "question 1 may only have text, scope, ip, cost"),
        ([{"text": "sk_live_canary", "scope": []}], "an empty demand"),
        ([{"text": "sk_live_canary", "scope": "a:*"}], "cannot be demanded"),
        ([{"text": "sk_live_canary", "scope": "a", "prefix": "A"}], "the prefix of a check"),
        ([{"text": None, "scope": "a"}] * 1001, "at most 1000 keys"),
    ],
)
def test_a_wrong_question_stops_all(keys: ApiKeys, questions: Any, message: str) -> None:
    """Before any key is checked; the sentence has no key."""
    with pytest.raises(InvalidRequest, match=message) as told:
        keys.check_many(questions)
    assert "canary" not in str(told.value)
