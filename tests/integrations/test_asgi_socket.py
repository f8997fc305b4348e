"""A web socket that is open for as long as its key is good, asked as a server asks it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from secretsource.exceptions import ConfigurationError
from secretsource.integrations.asgi import ApiKeyMiddleware
from secretsource.issuing import NO_SCOPE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from secretsource.issuing import ApiKeys

CLOSED = {"type": "websocket.close", "code": 4401, "reason": "the API key has ended"}


class Server:
    """One web socket: what it sends is `sent`, what a client says is put into `said`."""

    def __init__(self, key: str, **scope: Any) -> None:
        self.scope = {
            "type": "websocket",
            "path": "/feed",
            "headers": [(b"x-api-key", key.encode())],
            "client": ("203.0.113.7", 1),
            **scope,
        }
        self.said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.said.put_nowait({"type": "websocket.connect"})
        self.sent: list[dict[str, Any]] = []

    async def send(self, message: Any) -> None:
        """What the application sends."""
        self.sent.append(message)

    async def serve(self, app: Any, keys: ApiKeys, **settings: Any) -> None:
        """Serve it until the application ends."""
        given: dict[str, Any] = {"scope": NO_SCOPE, "recheck": 0.005, **settings}
        guarded = ApiKeyMiddleware(app, keys, **given)
        await asyncio.wait_for(guarded(self.scope, self.said.get, self.send), 10)


def feed(heard: list[Any], then: Callable[[Any, Any], Awaitable[None]] | None = None) -> Any:
    """An application that opens the socket and notes what it hears, until that is the end."""

    async def app(_: Any, receive: Any, send: Any) -> None:
        heard.append(await receive())
        await send({"type": "websocket.accept"})
        if then is not None:
            await then(receive, send)
        while heard[-1]["type"] != "websocket.disconnect":
            heard.append(await receive())

    return app


async def test_a_socket_is_closed_when_its_key_ends(keys: ApiKeys) -> None:
    """The application hears that the client has gone; it may be waiting for it all the time."""
    issued, heard = keys.issue(owner="acme"), list[Any]()

    async def revoke(*_: object) -> None:
        await asyncio.sleep(0.02)
        keys.revoke(issued.record.key_id)

    server = Server(issued.plaintext)
    await server.serve(feed(heard, revoke), keys)
    assert [message["type"] for message in server.sent] == ["websocket.accept", "websocket.close"]
    assert server.sent[-1] == CLOSED
    assert heard[-1] == {"type": "websocket.disconnect", "code": 4401, "reason": "the API key has ended"}


async def test_an_application_that_only_sends_is_stopped(keys: ApiKeys) -> None:
    """By the error of a client that has gone, which the server never sees."""
    issued, errors = keys.issue(owner="acme"), list[OSError]()

    async def tick(_: Any, send: Any) -> None:
        keys.revoke(issued.record.key_id)
        try:
            while True:
                await send({"type": "websocket.send", "text": "tick"})
                await asyncio.sleep(0.001)
        except OSError as error:
            errors.append(error)
            raise

    server = Server(issued.plaintext)
    await server.serve(feed([], tick), keys)
    assert len(errors) == 1
    assert server.sent[-1] == CLOSED
    assert server.sent.count(CLOSED) == 1


async def test_a_socket_whose_key_is_good_stays_open(keys: ApiKeys) -> None:
    """It hears everything, also what comes while an application has given up waiting."""
    issued, heard = keys.issue(owner="acme"), list[Any]()
    server = Server(issued.plaintext)

    async def talk(receive: Any, _: Any) -> None:
        for word in ("one", "two"):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(receive(), 0.01)
            server.said.put_nowait({"type": "websocket.receive", "text": word})
            await asyncio.sleep(0)
            heard.append(await receive())
        server.said.put_nowait({"type": "websocket.disconnect", "code": 1000})

    await server.serve(feed(heard, talk), keys)
    assert [message.get("text", message["type"]) for message in heard] == [
        "websocket.connect", "one", "two", "websocket.disconnect"
    ]  # fmt: skip
    assert [message["type"] for message in server.sent] == ["websocket.accept"]


async def test_nothing_is_sent_on_a_socket_that_is_closed(keys: ApiKeys) -> None:
    """Whoever closed it, when its key ends afterwards."""
    issued = keys.issue(owner="acme")
    server = Server(issued.plaintext)

    async def close(_: Any, send: Any) -> None:
        await send({"type": "websocket.close", "code": 1000})
        keys.revoke(issued.record.key_id)
        await asyncio.sleep(0.03)
        server.said.put_nowait({"type": "websocket.disconnect", "code": 1000})

    await server.serve(feed([], close), keys)
    assert [message["type"] for message in server.sent] == ["websocket.accept", "websocket.close"]
    assert server.sent[-1]["code"] == 1000


async def test_a_socket_is_not_asked_again_where_that_is_not_wanted(keys: ApiKeys) -> None:
    """`recheck=0`: the application has the messages of the server itself."""
    issued, seen = keys.issue(owner="acme"), list[Any]()

    async def app(_: Any, receive: Any, send: Any) -> None:
        seen.append(receive)
        await send(await receive())

    server = Server(issued.plaintext)
    await server.serve(app, keys, recheck=0)
    assert seen == [server.said.get]


async def test_a_key_in_the_subprotocols_opens_the_socket(keys: ApiKeys) -> None:
    """What announced it is accepted, for a browser gives up otherwise; an application's own choice stays."""
    key = keys.issue(owner="acme").plaintext
    where = {"credentials": ["Sec-WebSocket-Protocol: bearer"], "recheck": 0, "hide": True}
    for chosen, accepted in ((None, "bearer"), ("chat", "chat")):
        seen: list[Any] = []

        async def app(scope: Any, receive: Any, send: Any, seen: list[Any] = seen, chosen: str | None = chosen) -> None:
            seen.append(scope)
            await receive()
            await send({"type": "websocket.accept", "subprotocol": chosen})

        server = Server("", headers=[(b"sec-websocket-protocol", f"chat, bearer, {key}".encode())])
        server.scope["subprotocols"] = ["chat", "bearer", key]
        await server.serve(app, keys, **where)
        assert server.sent[0]["subprotocol"] == accepted
        assert seen[0]["subprotocols"] == ["chat", "bearer"]
        assert key not in str(seen[0])


@pytest.mark.parametrize("recheck", [-1, 86401, "30", None])
def test_the_time_between_two_questions_has_a_range(keys: ApiKeys, recheck: Any) -> None:
    """Found at the start."""
    with pytest.raises(ConfigurationError, match="recheck must be"):
        ApiKeyMiddleware(feed([]), keys, scope=NO_SCOPE, recheck=recheck)
