"""When refusals are answered, and who wakes them."""

from __future__ import annotations

import asyncio
import threading
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest
from tests.integrations.conftest import shop

from secretsource.exceptions import ConfigurationError
from secretsource.integrations.asgi import ApiKeyMiddleware
from secretsource.issuing._http.pace import Bell, release

if TYPE_CHECKING:
    from secretsource.issuing import ApiKeys


@pytest.mark.parametrize(
    ("now", "due"),
    [(10.0, 10.25), (10.1, 10.25), (10.25, 10.25), (10.26, 10.5), (10.5, 10.5), (12.1, 12.25), (9.0, 10.25)],
)
def test_a_request_is_answered_after_a_multiple_of_a_time(now: float, due: float) -> None:
    """Whatever the check took, the moment says no more than how many times that was."""
    assert release(10.0, now, 0.25) == due


async def test_sleepers_are_woken_in_the_order_of_their_moments() -> None:
    """Not of their coming, and not before; who gives up is passed over."""
    bell, woken = Bell(), list[float]()
    soon = monotonic() + 0.2  # when all of them have come, also on a busy machine

    async def sleep(seconds: float) -> None:
        due = soon + seconds
        await bell.wait_until(due)
        assert monotonic() >= due
        woken.append(seconds)

    tasks = [asyncio.create_task(sleep(seconds)) for seconds in (0.06, 0.02, 0.04, 0.03)]
    await asyncio.sleep(0)
    tasks[3].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert woken == [0.02, 0.04, 0.06]


def test_a_loop_that_is_gone_wakes_nobody_and_hurts_nobody() -> None:
    """The bell goes on for the others."""
    bell = Bell()

    async def leave() -> None:
        waiting = asyncio.ensure_future(bell.wait_until(monotonic() + 0.02))
        await asyncio.sleep(0)
        waiting.cancel()

    asyncio.run(leave())
    asyncio.run(bell.wait_until(monotonic() + 0.04))


def test_a_forked_child_has_a_bell_of_its_own() -> None:
    """Its parent's thread and sleepers are not there."""
    bell = Bell()
    asyncio.run(bell.wait_until(monotonic()))
    before = set(threading.enumerate())
    bell.after_fork()  # what fork does
    asyncio.run(bell.wait_until(monotonic()))
    assert len(set(threading.enumerate()) - before) == 1


async def answered(middleware: ApiKeyMiddleware, **headers: str) -> int:
    """The status of an answer."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await middleware({"type": "http", "path": "/", "headers": raw}, None, send)  # type: ignore[arg-type]
    status: int = sent[0]["status"]
    return status


async def test_only_keys_that_are_not_accepted_wait(keys: ApiKeys) -> None:
    """Neither a good key, nor one without the scope or over its limit, nor a request without a key."""
    middleware = ApiKeyMiddleware(shop, keys, scope="invoices:read", refuse_after=10)
    good = keys.issue(owner="acme", scopes=["invoices:read"], rate_limit="1/day").plaintext
    other = keys.issue(owner="acme").plaintext
    statuses = [
        await asyncio.wait_for(answered(middleware, **headers), 5)
        for headers in ({"x-api-key": good}, {"x-api-key": good}, {"x-api-key": other}, {})
    ]
    assert statuses == [200, 429, 403, 401]
    refused = asyncio.create_task(answered(middleware, **{"x-api-key": "junk"}))
    done, _ = await asyncio.wait([refused], timeout=0.1)
    assert done == set()
    refused.cancel()


async def test_refusals_wait_no_less_than_they_should(keys: ApiKeys) -> None:
    """And not at all where that was chosen."""
    began = monotonic()
    assert await answered(ApiKeyMiddleware(shop, keys, scope="a", refuse_after=0.05), **{"x-api-key": "junk"}) == 401
    assert monotonic() - began >= 0.05
    assert await answered(ApiKeyMiddleware(shop, keys, scope="a", refuse_after=0), **{"x-api-key": "junk"}) == 401


@pytest.mark.parametrize("seconds", [-0.001, 10.1, float("nan")])
def test_a_time_that_cannot_be(seconds: float, keys: ApiKeys) -> None:
    """Is found at the start."""
    with pytest.raises(ConfigurationError, match="refuse_after"):
        ApiKeyMiddleware(shop, keys, scope="a", refuse_after=seconds)
