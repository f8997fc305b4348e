"""Keys with a limit on requests at once behind the middleware: each request holds its place until it is done."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from secretsource.integrations.asgi import ApiKeyMiddleware
from secretsource.issuing import NO_SCOPE, Admission, ApiKeys, AsyncApiKeys
from secretsource.limiters.memory import LocalLimiter
from secretsource.stores.memory import AsyncMemoryStore, MemoryStore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from secretsource.limiters.base import Draw, Plan

PEPPER = "a pepper of the tests, long enough"


class Behind:
    """An application that sends the parts of its answer when it is told to."""

    def __init__(self) -> None:
        self.parts: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.may_end = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            await self.may_end.wait()
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            part = await self.parts.get()
            await send({"type": "http.response.body", "body": part or b"", "more_body": part is not None})
            if part is None:
                break
        await self.may_end.wait()


class Caller:
    """One request, as a server makes it."""

    def __init__(self, app: Any, key: str, kind: str = "http") -> None:
        self.sent: list[Any] = []
        self.started = asyncio.Event()
        scope = {"type": kind, "method": "GET", "path": "/", "headers": [(b"x-api-key", key.encode())]}
        self.task = asyncio.ensure_future(app(scope, self.receive, self.send))

    async def receive(self) -> Any:
        return {"type": "websocket.connect"}

    async def send(self, message: Any) -> None:
        self.sent.append(message)
        self.started.set()

    async def status(self) -> int:
        """The status of the answer."""
        await asyncio.wait_for(self.started.wait(), 30)
        return int(self.sent[0].get("status", 101))


async def settled(check: Callable[[], Awaitable[bool] | bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(30):
        while True:
            held = check()
            if held if isinstance(held, bool) else await held:
                return
            await asyncio.sleep(0.001)


def free(keys: ApiKeys, key_id: str) -> int:
    """How many places are free."""
    return keys.remaining(key_id)[0].remaining


async def test_a_place_is_free_when_the_answer_was_sent(keys: ApiKeys) -> None:
    """Not before its last part, and without waiting for what the application does after it."""
    issued, behind = keys.issue(owner="acme", rate_limit="1 at once"), Behind()
    app = ApiKeyMiddleware(behind, keys, scope=NO_SCOPE, refuse_after=0)
    first = Caller(app, issued.plaintext)
    assert await first.status() == 200
    behind.parts.put_nowait(b"a part")
    await settled(lambda: len(first.sent) == 2)
    refused = Caller(app, issued.plaintext)
    assert await refused.status() == 429
    headers = dict(refused.sent[0]["headers"])
    assert headers[b"ratelimit-policy"] == b'"at once";q=1;qu="concurrent-requests"'
    assert headers[b"ratelimit"] == b'"at once";r=0'
    assert headers[b"retry-after"] == b"1"
    assert free(keys, issued.record.key_id) == 0
    behind.parts.put_nowait(None)
    await settled(lambda: free(keys, issued.record.key_id) == 1)
    assert not first.task.done()
    behind.may_end.set()
    await asyncio.gather(first.task, refused.task)
    assert free(keys, issued.record.key_id) == 1


@pytest.mark.parametrize("end", ["returns", "raises", "cancelled"])
async def test_a_web_socket_holds_its_place_until_it_ends(keys: ApiKeys, end: str) -> None:
    """However it ends: the application returns, raises, or is cancelled with its server."""
    issued, behind = keys.issue(owner="acme", rate_limit="1 at once"), Behind()

    async def failing(scope: Any, receive: Any, send: Any) -> None:
        await behind(scope, receive, send)
        if end == "raises":
            raise RuntimeError("planned")

    app = ApiKeyMiddleware(failing, keys, scope=NO_SCOPE, refuse_after=0)
    socket = Caller(app, issued.plaintext, "websocket")
    assert await socket.status() == 101
    assert free(keys, issued.record.key_id) == 0
    if end == "cancelled":
        socket.task.cancel()
    behind.may_end.set()
    await asyncio.wait({socket.task}, timeout=5)
    assert socket.task.done()
    assert (not socket.task.cancelled() and socket.task.exception() is not None) is (end == "raises")
    assert free(keys, issued.record.key_id) == 1


async def test_a_long_stream_renews_its_lease(store: MemoryStore) -> None:
    """It holds its place for longer than a lease, and frees it at its end."""
    renewed: list[Draw] = []

    class Watched(LocalLimiter):
        def renew(self, key: str, draw: Draw, mono: float, wall: float) -> Draw:
            renewed.append(super().renew(key, draw, mono, wall))
            return renewed[-1]

    with ApiKeys(store, peppers=[PEPPER], limiter=Watched()) as keys:
        issued, behind = keys.issue(owner="acme", rate_limit="1 at once for 1 second"), Behind()
        app = ApiKeyMiddleware(behind, keys, scope=NO_SCOPE, refuse_after=0)
        stream = Caller(app, issued.plaintext)
        assert await stream.status() == 200
        await settled(lambda: len(renewed) == 4)  # a third of a second each
        assert free(keys, issued.record.key_id) == 0
        behind.parts.put_nowait(None)
        behind.may_end.set()
        await stream.task
        assert free(keys, issued.record.key_id) == 1


async def test_a_renewal_that_ends_after_its_request_leaves_no_lease(store: MemoryStore) -> None:
    """What a slow limiter renews for a request that is done by then goes back at once."""
    local, begun, may_end = LocalLimiter(), asyncio.Event(), asyncio.Event()

    class Slow:
        async def draw(self, key: str, plan: Plan, cost: int, mono: float, wall: float) -> Draw:
            return local.draw(key, plan, cost, mono, wall)

        async def refund(self, key: str, draw: Draw, cost: int, mono: float, wall: float) -> None:
            local.refund(key, draw, cost, mono, wall)

        async def renew(self, key: str, draw: Draw, mono: float, wall: float) -> Draw:
            begun.set()
            await may_end.wait()
            return local.renew(key, draw, mono, wall)

    async with AsyncApiKeys(AsyncMemoryStore(store), peppers=[PEPPER], limiter=Slow()) as keys:
        issued, behind = await keys.issue(owner="acme", rate_limit="1 at once for 1 second"), Behind()
        app = ApiKeyMiddleware(behind, keys, scope=NO_SCOPE, refuse_after=0)
        stream = Caller(app, issued.plaintext)
        assert await stream.status() == 200
        await asyncio.wait_for(begun.wait(), 5)
        behind.parts.put_nowait(None)
        behind.may_end.set()
        await stream.task
        may_end.set()

        async def is_free() -> bool:
            return (await keys.remaining(issued.record.key_id))[0].remaining == 1

        await settled(is_free)


@pytest.mark.parametrize("limits", [{}, {"rate_limit": "9/day"}], ids=["no limit", "a rate"])
async def test_a_key_without_such_a_limit_reaches_the_application_as_it_is(
    keys: ApiKeys, limits: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its messages pass nothing of ours but the headers, and no call asks for its lease."""
    issued, seen = keys.issue(owner="acme", **limits), list[Any]()
    monkeypatch.setattr(Admission, "lease", None)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(receive)

    caller = Caller(ApiKeyMiddleware(app, keys, scope=NO_SCOPE), issued.plaintext)
    await caller.task
    assert seen == [caller.receive]
