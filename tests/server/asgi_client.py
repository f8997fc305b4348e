"""A client that calls an ASGI application in this process, as a server would."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Answer", "Client"]


class Answer(NamedTuple):
    """The answer to a request."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cookies: Sequence[str] = ()

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


class Client:
    """A client with a key."""

    def __init__(self, app: Any, key: str | None = None, peer: str | None = "192.0.2.7") -> None:
        self.app = app
        self.key = key
        self.peer = peer

    def by(self, key: str | None) -> Client:
        """A client of the same application with another key."""
        return Client(self.app, key, self.peer)

    async def __call__(
        self,
        method: str,
        target: str,
        document: object = None,
        *,
        body: bytes | Sequence[bytes] | None = None,
        **headers: str,
    ) -> Answer:
        """Send a request; a header `if_match` is sent as `If-Match`, and one of None is left out."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.key is not None:
            sent.setdefault("authorization", f"Bearer {self.key}")
        if document is not None:
            sent.setdefault("content-type", "application/json")
            body = json.dumps(document).encode()
        chunks = [body] if isinstance(body, bytes) else list(body or [b""])
        if len(chunks) == 1:
            sent.setdefault("content-length", str(len(chunks[0])))
        return await self._exchange(method, target, sent, chunks)

    async def _exchange(self, method: str, target: str, sent: Mapping[str, str], chunks: list[bytes]) -> Answer:
        path, _, query = target.partition("?")
        scope = {
            "type": "http", "http_version": "1.1", "scheme": "http", "method": method, "path": unquote(path),
            "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
            "client": None if self.peer is None else (self.peer, 40000), "server": ("127.0.0.1", 80),
        }  # fmt: skip
        messages: list[Any] = []

        async def receive() -> dict[str, Any]:
            if not chunks:
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}

        async def send(message: Any) -> None:
            messages.append(message)

        await self.app(scope, receive, send)
        start, *rest = messages
        assert start["type"] == "http.response.start"
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        cookies = [value.decode() for name, value in start["headers"] if name == b"set-cookie"]
        return Answer(start["status"], headers, b"".join(each["body"] for each in rest), cookies)
