"""The JSON document of a verdict. Pure; time is an argument."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from secretsource.exceptions import InvalidRequest
from secretsource.issuing._document import tables
from secretsource.issuing._document.draws import read_draw
from secretsource.issuing._document.forms import INSTANT, SECONDS, maybe, read
from secretsource.issuing._document.keys import read_record, record_document
from secretsource.issuing._document.limits import limit_document
from secretsource.issuing._verdict import Accepted, Rejected

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from secretsource.issuing._document.forms import Document
    from secretsource.issuing._verdict import Verdict

__all__ = [
    "read_verdict",
    "verdict_document",
]


def verdict_document(verdict: Verdict, now: float) -> Document:
    """Write a verdict, with the inner reason: for the service that asked, not for the client that sent the key.

    Args:
        verdict: The verdict.
        now: The present, in seconds since 1970 UTC.

    Returns:
        The document; ``code`` is the only word to pass on to the client, or ``accepted``.
    """
    document: Document = {
        "accepted": bool(verdict),
        "code": "accepted",
        "reason": None,
        "record": None if verdict.record is None else record_document(verdict.record, now),
        "scopes": [],
        "limits": [limit_document(state) for state in verdict.limits],
        "refused_by": None,
        "retry_after": None,
        "rotated_at": None,
    }
    if isinstance(verdict, Accepted):
        return {**document, "rotated_at": maybe(INSTANT).write(verdict.rotated)}
    refused_by = None if verdict.draw is None else verdict.draw.refused_by
    return {
        **document,
        "code": verdict.answer.code,
        "reason": verdict.reason.value,
        "scopes": list(verdict.scopes),
        "refused_by": None if refused_by is None else refused_by.name,
        "retry_after": maybe(SECONDS).write(verdict.retry_after),
    }


def read_verdict(document: Mapping[str, Any]) -> Verdict:
    """Read a verdict.

    Args:
        document: The result of `verdict_document`.

    Raises:
        InvalidRequest: A field is missing, or does not have its form; or a verdict is accepted without a record, or
            rejected without a reason.
    """
    told = read(tables.VERDICT, document, "verdict")
    record = None if told["record"] is None else read_record(told["record"])
    draw = read_draw(told) if told["limits"] else None
    if told["accepted"] and record is not None and told["reason"] is None:
        return Accepted(record, draw, told["rotated"])
    if told["accepted"] or told["reason"] is None:
        raise InvalidRequest("a verdict must be accepted with a record, or rejected with a reason")
    return Rejected(told["reason"], record, scopes=told["scopes"], draw=draw)
