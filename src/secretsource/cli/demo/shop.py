"""The issuing half of the demo: a web service on loopback that issues keys, stores them in SQLite and checks them.

The consuming half finds the pepper, a secret like any other, by the configuration of the demo.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from secretsource import configure
from secretsource.cli.demo.scene import expect

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from secretsource.cli.demo.scene import Scene
    from secretsource.issuing import ApiKeys, KeyRecord

__all__ = ["Shop"]

SCOPE = "invoices:read"
SHOWN = ("www-authenticate", "retry-after", "ratelimit", "deprecation", "sunset")
"""The headers of an answer that the transcript shows."""


class Shop:
    """Customers, their keys, and the service that checks them.

    Args:
        scene: The scene that the shop is part of.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._resources = ExitStack()
        self._texts: dict[str, str] = {}
        self.url = ""
        self.keys: ApiKeys

    def __enter__(self) -> Self:
        from secretsource.integrations.asgi import ApiKeyMiddleware
        from secretsource.issuing import ApiKeys
        from secretsource.testing.asgi_server import asgi_server

        scene = self._scene
        scene.write(".env", f"SECRETSOURCE_PEPPER={scene.new_value('pepper')}\n")
        configure(scene.configuration, environment=scene.environment)
        self._resources.callback(configure)
        self.keys = self._resources.enter_context(ApiKeys.open(f"sqlite:///{scene.folder / 'keys.db'}"))
        guarded = ApiKeyMiddleware(invoices, self.keys, scope=SCOPE, realm="shop")
        self.url = self._resources.enter_context(asgi_server(guarded))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._resources.close()

    def issue(self, **request: Any) -> KeyRecord:
        """Issue a key, and say its rights."""
        issued = self.keys.issue(**request)
        self._remember(issued.record, issued.plaintext)
        rights = ", ".join(sorted(issued.record.scopes)) or "no scope"
        limit = f", {issued.record.rate_limit}" if issued.record.rate_limit else ""
        self._scene.say(f"issued {issued.record.display} to {issued.record.owner}: {rights}{limit}")
        return issued.record

    def rotate(self, record: KeyRecord, overlap: float) -> KeyRecord:
        """Rotate a key, and say until when both keys work."""
        rotated = self.keys.rotate(record.key_id, overlap=overlap)
        expect(rotated.plaintext is not None, "a rotation gives a new key")
        self._remember(rotated.successor, str(rotated.plaintext))
        ends = rotated.predecessor.overlap_ends_at
        expect(ends is not None, "the old key has an end")
        self._scene.say(
            f"rotated {record.display} to {rotated.successor.display}; the old one works until {ends:%Y-%m-%d}"
        )
        return rotated.successor

    def curl(self, record: KeyRecord | None, agent: str = "curl", *, expected: int) -> dict[str, Any]:
        """Ask the service as ``curl`` would, with a key or without; return the body of the answer."""
        text = None if record is None else self._texts[record.key_id]
        shown = "" if record is None else f" -H 'Authorization: Bearer {record.display}'"
        self._scene.say(f"$ curl -i{shown} {self.url}/invoices")
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=10)
        try:
            bearer = {} if text is None else {"Authorization": f"Bearer {text}"}
            connection.request("GET", "/invoices", headers={"User-Agent": agent, **bearer})
            answer = connection.getresponse()
            body = answer.read().decode()
        finally:
            connection.close()
        self._scene.say(f"HTTP/1.1 {answer.status} {answer.reason}")
        for name, value in answer.getheaders():
            if name.lower() in SHOWN:
                self._scene.say(f"{name.lower()}: {value}")
        self._scene.say(body)
        expect(answer.status == expected, f"the service answers {expected}")
        document: dict[str, Any] = json.loads(body)
        return document

    def look_for_keys(self) -> None:
        """Look for the keys in the database, through SQLite: to open the file here would drop its locks."""
        with closing(sqlite3.connect(self._scene.folder / "keys.db")) as connection:
            stored = connection.serialize()
        expect(stored, "the database is a file")
        found = [text for text in self._texts.values() if text.encode() in stored]
        expect(not found, "no key is in the database")
        self._scene.say("keys.db has its hash, made with the pepper; the key itself is nowhere in the database")

    def _remember(self, record: KeyRecord, text: str) -> None:
        self._scene.hide(text)
        self._texts[record.key_id] = text


async def invoices(scope: Any, receive: Any, send: Any) -> None:
    """Answer a request that passed the check, with the owner of its key."""
    if scope["type"] == "lifespan":
        for kind in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{kind}.complete"})
        return
    body = json.dumps({"invoices_of": scope["secretsource"].owner}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
