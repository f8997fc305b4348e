"""The refusals of the acceptance list of integrations, the keys that lead to them, and a client."""

from __future__ import annotations

import http.client
import json
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from secretsource.exceptions import StoreError
from secretsource.stores.memory import MemoryStore
from secretsource.testing.integration_harness import READ

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from secretsource.issuing import ApiKeys, Issued, KeyRecord
    from secretsource.testing.clock import FakeClock

__all__ = ["REFUSALS", "LosableStore", "Reply", "World", "ask", "bearer"]


class Reply(NamedTuple):
    """An answer as a client receives it.

    Attributes:
        status: The HTTP status.
        headers: All header lines, names in lower case.
        body: The body.
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def values(self, name: str) -> list[str]:
        """Return the values of a header, in any number of lines, split at commas outside of dates."""
        lines = [value for header, value in self.headers if header == name.lower()]
        return (
            lines if name in {"Sunset", "WWW-Authenticate"} else [v.strip() for line in lines for v in line.split(",")]
        )

    @property
    def shown(self) -> Any:
        """The JSON of the body."""
        return json.loads(self.body)


class LosableStore(MemoryStore):
    """A store that can be lost.

    Attributes:
        is_lost: Whether it fails to read records.
    """

    is_lost = False

    def get(self, key_id: str) -> KeyRecord | None:
        """Return a record, unless the store is lost."""
        if self.is_lost:
            raise StoreError("the store is lost: a test took it away")
        return super().get(key_id)

    def peek(self, key_id: str) -> KeyRecord | None:
        """Return a record, unless the store is lost."""
        return self.get(key_id)


class World(NamedTuple):
    """The keys of one test, their store and their clock."""

    keys: ApiKeys
    store: LosableStore
    clock: FakeClock

    def issued(self, **request: Any) -> Issued:
        """Return a new key with its record; it has the scope ``invoices:read``, unless the request names others."""
        fields: dict[str, Any] = {"owner": "acme", "scopes": [READ], **request}
        return self.keys.issue(**fields)

    def issue(self, **request: Any) -> str:
        """Return the text of a new key, as `issued` makes it."""
        return self.issued(**request).plaintext

    def is_free(self, issued: Issued, patience: float) -> bool:
        """Return whether a key has a place for a request, or gets it within some seconds.

        Args:
            issued: A key with a limit such as ``1 at once``.
            patience: The seconds: a server may release a place a moment after its client has read the answer.
        """
        until = time.monotonic() + patience
        while not self.keys.remaining(issued.record.key_id)[0].remaining:
            if time.monotonic() > until:
                return False
            time.sleep(0.002)
        return True


def bearer(text: str) -> dict[str, str]:
    """Return the headers of a request with a key."""
    return {"Authorization": f"Bearer {text}"}


def ask(url: str, path: str, method: str = "GET", headers: Mapping[str, str] | None = None) -> Reply:
    """Send one request, on a connection of its own.

    Args:
        url: The base URL.
        path: The path.
        method: The method.
        headers: The headers.
    """
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request(method, path, headers=dict(headers or {}))
        answer = connection.getresponse()
        lines = [(name.lower(), value) for name, value in answer.getheaders()]
        return Reply(answer.status, lines, answer.read())
    finally:
        connection.close()


def _changed(change: Callable[[World, Issued], object], **request: Any) -> Callable[[World], dict[str, str]]:
    """Return a function that issues a key, does something to it, and returns the headers of a request with it."""

    def make(world: World) -> dict[str, str]:
        issued = world.issued(**request)
        change(world, issued)
        return bearer(issued.plaintext)

    return make


def _with(**request: Any) -> Callable[[World], dict[str, str]]:
    return _changed(_leave, **request)


def _leave(_: World, __: Issued) -> None:
    """Leave a key as it is."""


def _spend(world: World, issued: Issued) -> None:
    assert world.keys.check(issued.plaintext, scope=READ, ip="127.0.0.1")


def _suspend(world: World, issued: Issued) -> None:
    world.keys.owners.put(issued.record.owner)
    world.keys.owners.suspend(issued.record.owner)


def _lose(world: World, _: Issued) -> None:
    world.store.is_lost = True


REFUSALS: Mapping[str, Callable[[World], dict[str, str]]] = {
    "missing": lambda _: {},
    "ambiguous": lambda world: {**bearer(world.issue()), "X-API-Key": world.issue()},
    "malformed": lambda _: bearer("nonsense"),
    "too long": lambda _: bearer("k" * 600),
    "revoked": _changed(lambda world, issued: world.keys.revoke(issued.record.key_id)),
    "disabled": _changed(lambda world, issued: world.keys.disable(issued.record.key_id)),
    "expired": _changed(lambda world, _: world.clock.advance(61), expires_in=timedelta(minutes=1)),
    "suspended owner": _changed(_suspend),
    "wrong network": _with(networks=["203.0.113.0/24"]),
    "insufficient scope": _with(scopes=["invoices:write"]),
    "rate limited": _changed(_spend, rate_limit="1/hour"),
    "quota exceeded": _changed(_spend, quota="1/month"),
    "unavailable": _changed(_lose),
}
"""The name of each refusal at ``/invoices``, and a function that returns the headers of such a request."""
