"""Messages of ASGI: send a refusal, add to an application's answer, and take a key from its request."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping
    from typing import TypeAlias

    from secretsource.issuing import Admitted, HttpAnswer

    Message: TypeAlias = MutableMapping[str, Any]
    Scope: TypeAlias = MutableMapping[str, Any]
    Receive: TypeAlias = Callable[[], Awaitable[Message]]
    Send: TypeAlias = Callable[[Message], Awaitable[None]]
    App: TypeAlias = Callable[[Any, Any, Any], Awaitable[Any]]
    RawHeaders: TypeAlias = "list[tuple[bytes, bytes]]"

_DENIAL = "websocket.http.response"
STARTS = frozenset({"http.response.start", "websocket.accept", f"{_DENIAL}.start"})
_SINGLE = frozenset({b"deprecation", b"sunset"})
"""Headers that may exist once; the others of ours are lists, to which every line adds."""
_SHARED = _SINGLE | {b"vary"}
"""Headers that an application may send, too."""
_LENGTHS = frozenset(map(len, _SHARED))
_TRY_AGAIN_LATER = 1013


def adding(headers: tuple[tuple[str, str], ...]) -> Callable[[Send, Message], Awaitable[None]]:
    """Return a function that sends a message over HTTP, the first of an answer with headers for an accepted key.

    Make a method of it, with the server's `send`, for an application: a method is made sooner than a closure.
    """
    added = _raw(headers)

    def send_with_headers(send: Send, message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            own = message.get("headers", ())
            if type(own) is not list:
                own = [*own]
            for name, _ in own:
                # Lengths are compared first, as few names need a closer look.
                if len(name) in _LENGTHS and name.lower() in _SHARED:
                    return send({**message, "headers": _mended(own, added)})
            message = {**message, "headers": own + added}
        return send(message)

    return send_with_headers


adding_often = lru_cache(maxsize=4096)(adding)
"""The same for headers that many answers have: one object that a request finds without a call of Python."""


def adding_to_socket(admitted: Admitted, send: Send) -> Send:
    """Return a `send` that adds the headers for an accepted key where a web socket begins."""
    subprotocol, added = admitted.subprotocol, [each for each in _raw(admitted.headers) if each[0] != b"vary"]

    def send_with_headers(message: Message) -> Awaitable[None]:
        if message["type"] in STARTS:
            message = {**message, "headers": _mended([*message.get("headers", ())], added)}
            if message["type"] == "websocket.accept" and not message.get("subprotocol"):
                message["subprotocol"] = subprotocol  # a browser gives up when none of its list is accepted
        return send(message)

    return send_with_headers


def hiding(admitted: Admitted, scope: Scope) -> Scope:
    """Return the ASGI scope of a request without its key."""
    visible: list[Any] = list(admitted.visible or ())  # of bytes, unchanged
    scope = {**scope, "headers": visible}
    if "subprotocols" in scope:
        listed = b",".join(value for name, value in visible if name == b"sec-websocket-protocol")
        scope["subprotocols"] = [each.strip() for each in listed.decode("latin-1").split(",") if each.strip()]
    return scope


async def refuse(answer: HttpAnswer, scope: Scope, receive: Receive, send: Send) -> None:
    """Send a refusal in place of the application's answer."""
    kind = "http.response"
    if scope["type"] == "websocket":
        await receive()  # websocket.connect, before which nothing may be sent
        if _DENIAL not in (scope.get("extensions") or {}):
            code = _TRY_AGAIN_LATER if answer.status == 503 else 4000 + answer.status
            await send({"type": "websocket.close", "code": code, "reason": ""})
            return
        kind = _DENIAL
    await send({"type": f"{kind}.start", "status": answer.status, "headers": _raw(answer.headers)})
    await send({"type": f"{kind}.body", "body": answer.body})


def dropping(scope: Scope, receive: Receive) -> Callable[[], Awaitable[None]]:
    """Return a function that receives the body of a refused request.

    A server with a bounded queue may not send before. The body of a client that asks first (``Expect: 100-continue``)
    is not asked for. The function does not show its scope, as a `partial` would.
    """

    async def drop_body() -> None:
        if scope["type"] == "http" and not any(name == b"expect" for name, _ in scope["headers"]):
            while (await receive()).get("more_body"):
                pass

    return drop_body


def is_last(message: Message) -> bool:
    """Return whether an answer over HTTP ends with this message."""
    return message["type"] == "http.response.body" and not message.get("more_body", False)


def _mended(own: RawHeaders, added: RawHeaders) -> RawHeaders:
    """Return the application's headers with ours, of which it may send some itself.

    `Vary` is added only with names that the application does not list.
    """
    names = [name.lower() for name, _ in own]
    ours = _SINGLE.intersection([name for name, _ in added])
    listed = b",".join([value for name, (_, value) in zip(names, own, strict=True) if name == b"vary"]).lower()
    said = {each.strip() for each in listed.split(b",")}
    return [
        *[pair for name, pair in zip(names, own, strict=True) if name not in ours],
        *[(name, value) for name, value in added if name != b"vary" or not {value.lower(), b"*"} & said],
    ]


def _raw(headers: tuple[tuple[str, str], ...]) -> RawHeaders:
    raw: RawHeaders = []
    for header in headers:  # a comprehension is one more call in Python 3.11
        if header[0] == "RateLimit":  # the only one that changes from answer to answer
            raw.append((b"ratelimit", header[1].encode()))
        else:
            raw.append(_raw_pair(header))
    return raw


@lru_cache(maxsize=4096)
def _raw_pair(header: tuple[str, str]) -> tuple[bytes, bytes]:
    return header[0].lower().encode("ascii"), header[1].encode("ascii")
