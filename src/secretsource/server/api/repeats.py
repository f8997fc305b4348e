"""``Idempotency-Key``: a client that does not know whether its request arrived may send it again.

A token belongs to the root key and to the request: a repeat is answered with the same key, and without its text, which
was given already. With another body, or from another path, it is refused.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

from fastapi import Header, Request
from pydantic import Field

if TYPE_CHECKING:
    from secretsource.issuing import Issued, KeyRecord
    from secretsource.server.rights import RootCaller
    from secretsource.server.service import Service

__all__ = ["Identity", "Token", "identity", "issue_for"]

Token = Annotated[
    Annotated[str, Field(pattern="^[!-~]{1,255}$")] | None,
    Header(
        alias="Idempotency-Key",
        description="A token of yours, new for each request: a repeat within a day makes nothing a second time.",
    ),
]


class Identity(TypedDict):
    """The caller and the request that a token is bound to.

    Attributes:
        caller: The ``key_id`` of the root key.
        fingerprint: A hash of the method, the path and the body.
    """

    caller: str
    fingerprint: str


async def identity(request: Request, caller: RootCaller) -> Identity:
    """Return the identity that the token of a request is bound to.

    Args:
        request: The request.
        caller: The root key that sends it.
    """
    first = f"{request.method} {request.scope['path']}\n".encode()
    return Identity(caller=caller.record.key_id, fingerprint=sha256(first + await request.body()).hexdigest())


async def issue_for(
    service: Service, caller: RootCaller, request: Request, token: str | None, fields: dict[str, Any]
) -> Issued | KeyRecord:
    """Issue a key; with a token, once.

    Args:
        service: The parts of the process.
        caller: The root key that asks for it.
        request: The request.
        token: The token of the request, or None.
        fields: The fields of the key.
    """
    about: dict[str, Any] = {**fields, **caller.by}
    if token is None:
        return await service.keys.issue(**about)
    return await service.keys.issue_once(token, **await identity(request, caller), **about)
