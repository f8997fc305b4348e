"""What an operator looks at across all keys: those that expire soon, and those that nobody uses."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from secretsource.exceptions import InvalidRequest
from secretsource.issuing import NO_SCOPE, ApiKeys, AsyncApiKeys
from secretsource.stores.memory import AsyncMemoryStore, MemoryStore
from secretsource.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DAY = 86400.0


class Shell:
    """Keys whose verbs are called the same way, for threads and for an event loop."""

    def __init__(self, keys: Any, run: Callable[[Any], Any]) -> None:
        self._keys = keys
        self._run = run

    def __getattr__(self, verb: str) -> Any:
        return lambda *words, **more: self._run(getattr(self._keys, verb)(*words, **more))


@pytest.fixture(params=["threads", "loop"])
def keys(request: pytest.FixtureRequest, clock: FakeClock) -> Iterator[Shell]:
    """Keys in memory, for threads and for an event loop."""
    settings: Any = {"peppers": ["a pepper of these tests"], "clock": clock}
    if request.param == "threads":
        with ApiKeys(MemoryStore(), **settings) as made:
            yield Shell(made, lambda answer: answer)
        return
    with asyncio.Runner() as runner:
        lasting = AsyncApiKeys(AsyncMemoryStore(), **settings)
        yield Shell(lasting, lambda waiting: runner.run(_all(waiting)))
        runner.run(lasting.close())


async def _all(waiting: Any) -> Any:
    return await waiting


def _owners(page: Any) -> list[str]:
    return sorted(record.owner for record in page)


def test_expiring_is_to_the_instant(keys: Shell, clock: FakeClock) -> None:
    """A key is in it until it ends; a disabled one is weighed like any other, and a lasting one never is in it."""
    for owner, days in (("early", 1), ("late", 30), ("later", 31), ("lasting", None)):
        keys.issue(owner=owner, expires_in=None if days is None else days * DAY)
    assert _owners(keys.expiring(within=30 * DAY)) == ["early"]
    assert _owners(keys.expiring(within=timedelta(days=30, seconds=1))) == ["early", "late"]
    keys.disable(keys.expiring(within=2 * DAY).records[0].key_id)
    assert _owners(keys.expiring(within=2 * DAY)) == ["early"]
    clock.advance(DAY)
    assert _owners(keys.expiring(within=30 * DAY)) == ["late"]
    assert _owners(keys.expiring(within=300 * DAY, owner="later")) == ["later"]


def test_a_revoked_key_expires_no_more(keys: Shell) -> None:
    """What was ended needs no attention."""
    record = keys.issue(owner="acme", expires_in=DAY).record
    keys.revoke(record.key_id)
    assert _owners(keys.expiring(within=2 * DAY)) == []


def test_unused_counts_from_the_last_use(keys: Shell, clock: FakeClock) -> None:
    """A use that was not flushed yet counts; without any, the creation counts."""
    used, idle = keys.issue(owner="used"), keys.issue(owner="idle")
    clock.advance(10 * DAY)
    assert keys.check(used.plaintext, scope=NO_SCOPE)
    assert _owners(keys.unused(for_=5 * DAY)) == ["idle"]
    assert _owners(keys.unused(for_=11 * DAY)) == []
    clock.advance(6 * DAY)
    assert _owners(keys.unused(for_=5 * DAY)) == ["idle", "used"]
    assert _owners(keys.unused(for_=5 * DAY, owner="idle")) == ["idle"]
    keys.revoke(idle.record.key_id)
    assert _owners(keys.unused(for_=5 * DAY)) == ["used"]


def test_pages_go_on(keys: Shell, clock: FakeClock) -> None:
    """Each key is on one page."""
    for number in range(5):
        keys.issue(owner=f"o{number}", expires_in=DAY)
        clock.advance(1.0)
    met, after = [], None
    while True:
        page = keys.expiring(within=2 * DAY, after=after, limit=2)
        met += _owners(page)
        after = page.next
        if after is None:
            break
    assert met == [f"o{number}" for number in range(5)]


@pytest.mark.parametrize("length", [0, -1.0, timedelta(0), "30d", None, True, float("nan")], ids=repr)
def test_a_length_that_is_no_time_is_refused(keys: Shell, length: Any) -> None:
    """The sentence names the argument."""
    with pytest.raises(InvalidRequest, match="within"):
        keys.expiring(within=length)
    with pytest.raises(InvalidRequest, match="for_"):
        keys.unused(for_=length)


def test_history_is_of_keys_owners_and_plans(keys: Shell) -> None:
    """One feed in the order of what happened, which goes on behind a position and is narrowed by each argument."""
    issued = keys.issue(owner="acme", actor="ann")
    keys.update(issued.record.key_id, name="worker", actor="bob", reason="clearer")
    keys.revoke(issued.record.key_id, actor="ann")
    feed = keys.history()
    assert [(event.kind.value, event.actor) for event in feed] == [
        ("issued", "ann"), ("updated", "bob"), ("revoked", "ann"),
    ]  # fmt: skip
    assert (feed[1].fields, feed[1].reason, feed[1].owner) == (("name",), "clearer", "acme")
    assert list(keys.history(after=feed[1].position)) == [feed[2]]
    assert list(keys.history(actor="bob")) == list(keys.history(kind="updated", owner="acme")) == [feed[1]]
    assert list(keys.history(owner="globex")) == []
    assert list(keys.history(limit=1)) == [feed[0]]


@pytest.mark.parametrize(
    "words",
    [{"after": -1}, {"after": 2**63}, {"after": "1"}, {"limit": 0}, {"limit": 1001}, {"kind": "lost"}],
    ids=repr,
)
def test_a_history_that_cannot_be_is_refused(keys: Shell, words: dict[str, Any]) -> None:
    """The sentence names the argument, and quotes the value that is wrong."""
    [(name, value)] = words.items()
    with pytest.raises(InvalidRequest, match=f"^{name} must be .*, not {value!r}$"):
        keys.history(**words)


def test_a_history_of_an_author_without_a_name_is_refused(keys: Shell) -> None:
    """The sentence names the argument; a text may be long, and is not quoted."""
    nobody: Any = 5
    with pytest.raises(InvalidRequest, match=r"^actor must be a text"):
        keys.history(actor=nobody)


def test_a_list_is_narrowed_as_a_page_needs(keys: Shell, clock: FakeClock) -> None:
    """By name, by a field of the metadata of one owner, and the newest first, page by page."""
    for number, team in enumerate(("red", "blue", "red")):
        keys.issue(owner="acme", name=f"n{number}", metadata={"team": team})
        clock.advance(1.0)
    assert [record.name for record in keys.list(newest_first=True)] == ["n2", "n1", "n0"]
    first = keys.list(newest_first=True, limit=2)
    assert [record.name for record in keys.list(newest_first=True, after=first.next)] == ["n0"]
    assert [record.name for record in keys.list(name="n1")] == ["n1"]
    begun = first.records[0].key_id
    for beginning in (begun[:8], begun):
        assert [record.name for record in keys.list(beginning=beginning)] == ["n2"]
    assert [record.name for record in keys.list(owner="acme", metadata={"team": "red"})] == ["n0", "n2"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"metadata": {"team": "red"}}, "a list by metadata needs an owner"),
        ({"metadata": {"team": 5}, "owner": "acme"}, "metadata must be one field with a text"),
        ({"metadata": {"a": "b", "c": "d"}, "owner": "acme"}, "metadata must be one field"),
        ({"metadata": {}, "owner": "acme"}, "metadata must be one field"),
        ({"metadata": "team", "owner": "acme"}, "metadata must be one field"),
        ({"metadata": {"a": "\0"}, "owner": "acme"}, "metadata must be one field"),
        ({"name": "a\nb"}, "name must be a text"),
        *[({"beginning": wrong}, "beginning of a key_id must be 1 to 22") for wrong in ("", "a" * 23, "a_b", "é", 5)],
    ],
)
def test_a_list_that_cannot_be_is_refused(keys: Shell, words: dict[str, Any], said: str) -> None:
    """The sentence says what is missing or wrong."""
    with pytest.raises(InvalidRequest, match=said):
        keys.list(**words)


def test_several_keys_are_read_together(keys: Shell) -> None:
    """A text that is no key, and a key that is not there, are left out."""
    first, second = (keys.issue(owner="acme").record for _ in range(2))
    found = keys.get_many([first.key_id, second.key_id, first.key_id, "0" * 22, "no key"])
    assert found == {first.key_id: first, second.key_id: second}
    assert keys.get_many([]) == {}
    with pytest.raises(InvalidRequest, match="the number of key_ids"):
        keys.get_many(["0" * 22] * 1001)


def test_the_usage_of_several_keys_is_one_question(keys: Shell, clock: FakeClock) -> None:
    """Only these keys of the owner are counted; their owner is needed, and the units of time are bounded."""
    issued = [keys.issue(owner=owner) for owner in ("acme", "acme", "acme", "globex")]
    for each in issued:
        keys.check(each.plaintext, scope=NO_SCOPE)
    first, second, _, foreign = (each.record.key_id for each in issued)
    since = clock.now().wall - 14 * 86400
    counts = keys.usage(owner="acme", key_ids=[first, second, foreign], since=since, by="day")
    assert sorted(count.key_id for count in counts) == sorted([first, second])
    [total] = keys.usage(owner="acme", since=since, by="day", per_key=False)
    assert (total.key_id, total.outcome, total.requests, total.owner) == ("", "accepted", 3, "acme")
    for words, said in (
        ({"key_ids": [first]}, "needs their owner"),
        ({"owner": "acme", "key_ids": [first] * 1001}, "the number of key_ids"),
        ({"owner": "acme", "key_ids": [first], "since": since, "by": "minute"}, "the number of minutes"),
    ):
        with pytest.raises(InvalidRequest, match=said):
            keys.usage(**words)


def test_an_overlap_is_extended_in_both_shells(keys: Shell, clock: FakeClock) -> None:
    """The old key has its later end."""
    old = keys.issue(owner="acme").record
    keys.rotate(old.key_id, overlap=60)
    assert keys.extend_rotation(old.key_id, overlap=120).overlap_ends == clock.now().wall + 120
