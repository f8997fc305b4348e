"""The two kinds of keys that the API manages: those of customers, and root keys.

Both have the same life, so their routes are written once (`life`). They differ in what a caller may see, and in the
document of a record.
"""

from __future__ import annotations

import json
from asyncio import sleep
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import time
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from starlette.responses import JSONResponse, Response

from secretsource.exceptions import KeyNotFound
from secretsource.issuing import Issued
from secretsource.issuing.documents import record_document
from secretsource.server.api.answers.keys import Key, RootKey, RootKeyRotation, Rotated, RotatedRootKey, Rotation
from secretsource.server.api.revisions import etag_of
from secretsource.server.problems import Problem
from secretsource.server.rights import ROOT_PREFIX, RootCaller, bound_owner, is_root, is_within

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from pydantic import BaseModel

    from secretsource.issuing import KeyRecord
    from secretsource.issuing import Rotated as Made
    from secretsource.server.service import Service

__all__ = [
    "CUSTOMERS",
    "ROOTS",
    "Managed",
    "check_within",
    "end_of",
    "find_customer_key",
    "find_root_key",
    "listed",
    "shown",
]


AT_ONCE = 20
"""Documents of a list that are written in one turn of the event loop; about a third of a millisecond."""
ISSUED_BEFORE = "the key was issued before, and the answer to the first request held its text"
_encoded = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode

T = TypeVar("T")


class Forms(NamedTuple):
    """The forms of the answers about one kind of keys."""

    one: type[BaseModel]
    rotated: type[BaseModel]
    rotation: type[BaseModel]


@dataclass(frozen=True, slots=True)
class Managed:
    """One kind of keys.

    Attributes:
        path: The beginning of its paths.
        noun: Its name in the names of operations.
        reads: The scope that reads such keys.
        writes: The scope that changes them.
        find: Returns a record that the caller may see; raises `KeyNotFound` for any other.
        document: Writes a record as of now.
        ending: Returns the fields of a rotation with an end that the caller may give.
        forms: The forms of its answers, for the document of the API.
    """

    path: str
    noun: str
    reads: str
    writes: str
    find: Callable[[Service, RootCaller, str], Awaitable[KeyRecord]]
    document: Callable[[KeyRecord, float], dict[str, Any]]
    ending: Callable[[RootCaller, dict[str, Any], float], dict[str, Any]]
    forms: Forms

    def record(self, record: KeyRecord, status: int = 200) -> JSONResponse:
        """Answer with a record, and with its revision for ``If-Match``."""
        return shown(self.document(record, time()), status, ETag=etag_of(record.revision))

    def with_text(self, record: KeyRecord, key: str | None, warnings: tuple[str, ...], **more: Any) -> JSONResponse:
        """Answer with a new key and its text, or with the record alone when the text was given before."""
        document = {**self.document(record, time()), **more, "key": key, "warnings": list(warnings)}
        return shown(document, 200 if key is None else 201, ETag=etag_of(record.revision))

    def issued(self, issued: Issued | KeyRecord) -> JSONResponse:
        """Answer with a new key, or with the record of the key that an earlier request made."""
        if isinstance(issued, Issued):
            return self.with_text(issued.record, issued.plaintext, issued.warnings)
        return self.with_text(issued, None, (ISSUED_BEFORE,))

    def rotated(self, rotated: Made) -> JSONResponse:
        """Answer with a rotation."""
        old = self.document(rotated.predecessor, time())
        return self.with_text(rotated.successor, rotated.plaintext, rotated.warnings, rotated=old)


def shown(document: Any, status: int = 200, **headers: str) -> JSONResponse:
    """Answer with a document that nobody keeps on the way."""
    return JSONResponse(document, status, {"Cache-Control": "no-store", **headers})


async def listed(name: str, found: Sequence[T], document: Callable[[T], Any], **more: Any) -> Response:
    """Answer with a list of documents; a few are written at a time, so that other requests need not wait for all.

    Args:
        name: The field with the list.
        found: The values.
        document: Writes a value.
        more: The other fields.
    """
    pieces: list[str] = []
    for begin in range(0, len(found), AT_ONCE):
        if begin:
            await sleep(0)
        pieces.append(_encoded([document(each) for each in found[begin : begin + AT_ONCE]])[1:-1])
    rest = "".join([f",{_encoded(field)}:{_encoded(value)}" for field, value in more.items()])
    body = f"{{{_encoded(name)}:[{','.join(pieces)}]{rest}}}"
    return Response(body, headers={"Cache-Control": "no-store"}, media_type="application/json")


async def find_customer_key(service: Service, caller: RootCaller, key_id: str) -> KeyRecord:
    """Return a key of a customer that the caller sees.

    Raises:
        KeyNotFound: There is no such key, or it is not for the caller; the two look alike.
    """
    record = await service.keys.get(key_id)
    if record.prefix == ROOT_PREFIX or not caller.sees(record.owner):
        raise KeyNotFound(key_id)
    return record


async def find_root_key(service: Service, caller: RootCaller, key_id: str) -> KeyRecord:
    """Return a root key that can do no more than the caller.

    Raises:
        KeyNotFound: There is no such key, or it is not for the caller; the two look alike.
    """
    record = await service.keys.get(key_id)
    if not is_root(record) or not is_within(record, caller.record):
        raise KeyNotFound(key_id)
    return record


def root_document(record: KeyRecord, now: float) -> dict[str, Any]:
    """Write the record of a root key: its owner is the customer that it is bound to, or null."""
    document = record_document(record, now)
    del document["metadata"], document["rate_limit"], document["quota"], document["credits"]
    return {**document, "owner": bound_owner(record)}


def ending_within(caller: RootCaller, fields: dict[str, Any], now: float) -> dict[str, Any]:
    """Return the fields of a rotation of a root key, whose successor does not outlive the caller.

    Raises:
        Problem: The successor would outlive the caller.
    """
    latest = caller.record.expires
    if latest is None:
        return fields
    if fields.get("expires_in") is None and fields.get("expires_at") is None:
        return {**fields, "keep_expiry": True}
    check_within(caller, caller.record._replace(expires=end_of(fields, now)))
    return fields


def end_of(fields: dict[str, Any], now: float) -> float | None:
    """Return the end that a request asks for, in seconds since 1970 UTC, or None."""
    if fields.get("expires_in") is not None:
        return now + float(fields["expires_in"])
    moment: datetime | None = fields.get("expires_at")
    return None if moment is None else moment.timestamp()


def check_within(caller: RootCaller, wanted: KeyRecord) -> None:
    """Refuse a root key that would have more than the caller.

    Raises:
        Problem: It would.
    """
    if not is_within(wanted, caller.record):
        raise Problem(
            403,
            "beyond_caller",
            "a root key cannot give more than it has: leave out scopes that it lacks, and keep to its owner, its "
            "networks and its end",
        )


def _as_asked(_: RootCaller, fields: dict[str, Any], __: float) -> dict[str, Any]:
    return fields


CUSTOMERS = Managed(
    path="/v1/keys",
    noun="Key",
    reads="keys:read",
    writes="keys:write",
    find=find_customer_key,
    document=record_document,
    ending=_as_asked,
    forms=Forms(Key, Rotated, Rotation),
)
ROOTS = Managed(
    path="/v1/root-keys",
    noun="RootKey",
    reads="root:read",
    writes="root:write",
    find=find_root_key,
    document=root_document,
    ending=ending_within,
    forms=Forms(RootKey, RotatedRootKey, RootKeyRotation),
)
