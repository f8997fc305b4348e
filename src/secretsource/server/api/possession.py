"""The operations that a key itself opens, without a root key: to end it, and to rotate it.

The key is the credential of the request, as in a request to the application.
"""

from __future__ import annotations

from time import time
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request
from pydantic import Field
from starlette.responses import Response

from secretsource.issuing import ROTATE_SELF, Reason, Rejected, credential, http_answer
from secretsource.issuing.documents import record_document, rotated_document
from secretsource.server.api.answers.keys import Key, Rotated
from secretsource.server.api.fields import LONGEST, Asked, Flag
from secretsource.server.api.life import Cause, repeated
from secretsource.server.api.managed import shown
from secretsource.server.api.route import Serving, StrictRoute, answered, peer_of, problems

__all__ = ["routes"]

SCHEME = "customerKey"
BY_ITSELF = "the key itself"
routes = APIRouter(route_class=StrictRoute, tags=["the key itself"], responses=problems())


class OwnOverlap(Asked):
    """The terms of a rotation by the holder of the key."""

    overlap: Annotated[float, Field(ge=0, le=LONGEST, strict=True, allow_inf_nan=False)] = Field(
        description="Seconds for which both keys work.", examples=[86400]
    )
    keep_expiry: Flag = Field(False, description="Whether the new key ends when the old one would have ended.")


def opened_by(*scopes: str) -> dict[str, Any]:
    """Return the demand of a route, for the document."""
    return {"security": [{SCHEME: list(scopes)}]}


@routes.post("/v1/keys:surrender", operation_id="surrenderKey", response_model=Key, openapi_extra=opened_by())
async def surrender(request: Request, service: Serving, asked: Annotated[Cause | None, Body()] = None) -> Response:
    """Revoke the key that is shown, whatever its scopes: for a scanner, or a person, that found it."""
    text = credential(request.scope["headers"])
    if not isinstance(text, str):
        return _refused(Rejected(Reason.MISSING) if text is None else text, service)
    reason = "surrendered" if asked is None or asked.reason is None else asked.reason
    record = await service.keys.surrender(text, reason=reason, origin=peer_of(request))
    return shown(record_document(record, time()))


@routes.post("/v1/keys:rotateSelf", operation_id="rotateSelf", status_code=201, response_model=Rotated,
             responses={**problems(409), **repeated(Rotated)}, openapi_extra=opened_by(ROTATE_SELF))  # fmt: skip
async def rotate_self(request: Request, asked: OwnOverlap, service: Serving) -> Response:
    """Rotate the key that is shown, if it has the scope `keys:rotate-self`. A repeat with the old key makes no key."""
    text, ip = credential(request.scope["headers"]), peer_of(request)
    if isinstance(text, Rejected):
        return _refused(text, service)
    verdict = await service.keys.check(text, scope=ROTATE_SELF, ip=ip, cost=0, fresh=True)
    if isinstance(verdict, Rejected):
        return _refused(verdict, service)
    rotated = await service.keys.rotate(
        verdict.key_id, overlap=asked.overlap, keep_expiry=asked.keep_expiry, actor=BY_ITSELF, origin=ip
    )
    return shown(rotated_document(rotated, time()), 200 if rotated.plaintext is None else 201)


def _refused(verdict: Rejected, service: Serving) -> Response:
    return answered(http_answer(verdict, realm=service.settings.realm, now=time()))
