"""Those who listen hear of every check: what it came to, and for which request."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from tests.issuing.conftest import PEPPER

from secretsource.issuing import NO_SCOPE, AsyncApiKeys, CheckEvent, Reason
from secretsource.issuing._check.event import LONGEST_TOLD
from secretsource.stores.memory import AsyncMemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from secretsource.issuing import ApiKeys, PepperSet
    from secretsource.testing import FakeClock

REQUEST: dict[str, Any] = {"ip": "203.0.113.7", "agent": "curl/8"}


def heard_of(keys: ApiKeys, *checks: Callable[[], object]) -> Sequence[CheckEvent]:
    """What a listener hears of some checks."""
    heard: list[CheckEvent] = []
    stop = keys.on_event(heard.append)
    for check in checks:
        check()
    keys._listeners.settle(10)
    stop()
    return heard


def test_each_check_is_heard_with_its_request(keys: ApiKeys, clock: FakeClock) -> None:
    """Once, from the store as from the cache, accepted as refused."""
    issued = keys.issue(owner="acme", scopes=["a", "b"])
    events = heard_of(
        keys,
        lambda: keys.check(issued.plaintext, scope="a", **REQUEST),
        lambda: keys.check(issued.plaintext, scope="a", **REQUEST),
        lambda: keys.check(issued.plaintext, scope=["a", "c"], cost=0, **REQUEST),
        lambda: keys.check(None, scope=NO_SCOPE),
    )
    record, now = issued.record, clock.now().wall
    assert [(event.reason, event.record) for event in events] == [
        (None, record), (None, record), (Reason.INSUFFICIENT_SCOPE, record), (Reason.MISSING, None)
    ]  # fmt: skip
    assert [event[2:] for event in events] == [
        (("a",), 1, *REQUEST.values(), None, None), (("a",), 1, *REQUEST.values(), None, None),
        (("a", "c"), 0, *REQUEST.values(), None, None),
        ((), 1, None, None, None, None),
    ]  # fmt: skip
    assert {event.at for event in events} == {now}


def test_a_listener_never_hears_a_key(keys: ApiKeys) -> None:
    """Not even one that a client put into the path or into its user agent."""
    text = keys.issue(owner="acme").plaintext
    (event,) = heard_of(
        keys, lambda: keys.glance(text[:-1], scope=NO_SCOPE, agent=f"bot {text}", path=f"/x/{text}/y" + "z" * 5000)
    )
    assert text[30:60] not in repr(event)
    assert (event.agent, event.path and event.path[:15]) == ("bot <masked>", "/x/<masked>/yzz")
    assert len(event.path or "") < 2100


@pytest.mark.parametrize("before", [LONGEST_TOLD - 40, LONGEST_TOLD - 1, LONGEST_TOLD])
def test_a_key_that_the_cut_divides_is_not_heard(keys: ApiKeys, before: int) -> None:
    """A long path in front of it leaves no part of the key."""
    text = keys.issue(owner="acme").plaintext
    path = f"{'/' * before}{text}"
    (event,) = heard_of(keys, lambda: keys.check(text[:-1], scope=NO_SCOPE, agent=path, ip=path))
    for told in (event.agent or "", event.ip or ""):
        assert told.strip("/") in {"<masked>"[: LONGEST_TOLD - before], ""}
        assert len(told) == min(LONGEST_TOLD, before + len("<masked>"))


def test_a_listener_harms_no_check(make_keys: Callable[..., ApiKeys]) -> None:
    """Whether it raises where the check is made, or hangs aside; what it missed, `close` lets it hear."""
    go, heard = threading.Event(), list[CheckEvent]()

    def hang(event: CheckEvent) -> None:
        assert go.wait(30)
        heard.append(event)

    def fail(_: object) -> None:
        raise OSError("the audit is down")

    keys = make_keys(on_check=fail)
    keys.on_event(hang)
    text = keys.issue(owner="acme").plaintext
    assert [bool(keys.check(each, scope=NO_SCOPE)) for each in (text, text, "junk")] == [True, True, False]
    assert heard == []
    go.set()
    keys.close()
    assert [bool(event.verdict) for event in heard] == [True, True, False]


def test_a_check_that_is_made_again_is_heard_once(make_keys: Callable[..., ApiKeys]) -> None:
    """With the verdict that it came to, after a pepper was taken up for its sake."""
    peppers, heard = ["a newer pepper, long enough", PEPPER], list[CheckEvent]()
    keys, newer = make_keys(), make_keys(peppers=peppers)
    text = newer.issue(owner="acme").plaintext

    class Rotated:
        """Where the pepper has been rotated, as is found when a key is refused for it."""

        def renewed(self, now: float, *, refused: bool) -> PepperSet | None:
            return newer._parts.peppers if refused else None

    keys._peppers = Rotated()  # type: ignore[assignment]
    keys._listeners.add(heard.append)
    assert keys.check(text, scope=NO_SCOPE)
    assert [event.reason for event in heard] == [None]


async def test_keys_of_an_event_loop_are_heard_alike() -> None:
    """Also by those that hang, for which `close` waits aside."""
    heard: list[CheckEvent] = []
    keys = AsyncApiKeys(AsyncMemoryStore(), peppers=[PEPPER])
    keys.on_event(heard.append)
    text = (await keys.issue(owner="acme")).plaintext
    for each in (text, text, "junk"):
        await keys.check(each, scope=NO_SCOPE, **REQUEST)
    await keys.close()
    assert [(event.reason, event.agent) for event in heard] == [
        (None, "curl/8"), (None, "curl/8"), (Reason.MALFORMED, "curl/8")
    ]  # fmt: skip


@pytest.mark.parametrize("scope", [iter(["a"]), {"a"}])
def test_a_demand_of_any_kind_is_heard(keys: ApiKeys, scope: Any) -> None:
    """An iterator, which the check has used up, harms nobody."""
    text = keys.issue(owner="acme", scopes=["a"]).plaintext
    (event,) = heard_of(keys, lambda: keys.check(text, scope=scope))
    assert event.verdict
