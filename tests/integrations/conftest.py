"""Keys, and applications that show what reaches them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from secretsource.issuing import ApiKeys
from secretsource.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator

PEPPER = "a pepper of the tests, long enough"


@pytest.fixture
def store() -> MemoryStore:
    """An empty store."""
    return MemoryStore()


@pytest.fixture
def keys(store: MemoryStore) -> Iterator[ApiKeys]:
    """Keys over the store, for threads."""
    with ApiKeys(store, peppers=[PEPPER]) as made:
        yield made


async def shop(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the path and the owner of the key; lets every web socket in."""
    if scope["type"] == "lifespan":
        for kind in ("startup", "shutdown"):
            assert (await receive())["type"] == f"lifespan.{kind}"
            await send({"type": f"lifespan.{kind}.complete"})
        return
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        return
    record = scope.get("secretsource")
    body = json.dumps({"path": scope["path"], "owner": record and record.owner}).encode()
    headers = [(b"content-length", str(len(body)).encode()), (b"x-shop", b"open")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
