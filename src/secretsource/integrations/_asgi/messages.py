"""Messages of ASGI: add headers to an application's answer."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping
    from typing import TypeAlias

    from secretsource.issuing import Admitted

    Message: TypeAlias = MutableMapping[str, Any]
    Scope: TypeAlias = MutableMapping[str, Any]
    Receive: TypeAlias = Callable[[], Awaitable[Message]]
    Send: TypeAlias = Callable[[Message], Awaitable[None]]
    App: TypeAlias = Callable[[Any, Any, Any], Awaitable[Any]]
    RawHeaders: TypeAlias = "list[tuple[bytes, bytes]]"

DENIAL = "websocket.http.response"
STARTS = frozenset({"http.response.start", "websocket.accept", f"{DENIAL}.start"})
_SINGLE = frozenset({b"deprecation", b"sunset"})
"""Headers that may exist once; the others of ours are lists, to which every line adds."""
_SHARED = _SINGLE | {b"vary"}
"""Headers that an application may send, too."""
_LONGEST = max(map(len, _SHARED))


def adding(headers: tuple[tuple[str, str], ...]) -> Callable[[Send, Message], Awaitable[None]]:
    """Return a function that sends a message over HTTP, the first of an answer with headers for an accepted key.

    Make a method of it, with the server's `send`, for an application: a method is made sooner than a closure.
    """
    added = raw(headers)

    def send_with_headers(send: Send, message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            own = message.get("headers", ())
            if type(own) is not list:
                own = [*own]
            for name, _ in own:
                # Lengths are compared first, as few names need a closer look.
                if len(name) <= _LONGEST and name.lower() in _SHARED:
                    return send({**message, "headers": _mended(own, added)})
            message = dict(message)  # sooner than a display of two parts
            message["headers"] = own + added
        return send(message)

    return send_with_headers


adding_often = lru_cache(maxsize=4096)(adding)
"""The same for headers that many answers have: one object that a request finds without a call of Python."""


def adding_to_socket(admitted: Admitted, send: Send) -> Send:
    """Return a `send` that adds the headers for an accepted key where a web socket begins."""
    subprotocol = admitted.subprotocol
    added = [(name, value) for name, value in raw(admitted.headers) if name != b"vary"]

    def send_with_headers(message: Message) -> Awaitable[None]:
        if message["type"] in STARTS:
            message = {**message, "headers": _mended([*message.get("headers", ())], added)}
            if message["type"] == "websocket.accept" and not message.get("subprotocol"):
                message["subprotocol"] = subprotocol  # a browser gives up when none of its list is accepted
        return send(message)

    return send_with_headers


def raw(headers: tuple[tuple[str, str], ...]) -> RawHeaders:
    """Return headers as ASGI has them: in bytes, with names in lower case."""
    lines: RawHeaders = []
    for header in headers:  # a comprehension is one more call in Python 3.11
        if header[0] == "RateLimit":  # the only one that changes from answer to answer
            lines.append((b"ratelimit", header[1].encode()))
        else:
            lines.append(_raw_pair(header))
    return lines


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


@lru_cache(maxsize=4096)
def _raw_pair(header: tuple[str, str]) -> tuple[bytes, bytes]:
    name, value = header
    return name.lower().encode("ascii"), value.encode("ascii")
