"""Requests that can be read in two ways: a name that stands twice, and bytes that are not text. Pure.

Readers differ about them: one takes the first value, and another the last. So a filter in front of the service and the
service itself could act on two different requests. Bytes that are not UTF-8 would make two customers one.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from secretsource.server.problems import Fault, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["check_names", "is_text", "read_body"]

_TWICE = "this is given more than once: give it once"


def is_text(encoded: bytes) -> bool:
    """Return whether a path or a query is UTF-8, once it is decoded.

    Args:
        encoded: The bytes, percent-encoded.
    """
    if b"%" not in encoded and encoded.isascii():  # as nearly all are
        return True
    try:
        unquote_to_bytes(encoded).decode()
    except UnicodeDecodeError:
        return False
    return True


def check_names(names: Iterable[str], place: str) -> None:
    """Check that each name stands once.

    Args:
        names: The names of the parameters, or of headers.
        place: ``parameter`` or ``header``.

    Raises:
        Problem: A name stands twice.
    """
    seen = set[str]()
    for name in names:
        if name in seen:
            raise Problem(
                422, "invalid_request", f"{name[:100]} is wrong: {_TWICE}", fault=Fault(place, name[:100], _TWICE)
            )
        seen.add(name)


def read_body(body: bytes) -> Any:
    """Return the document of a body in JSON.

    Args:
        body: The body, in UTF-8.

    Raises:
        ValueError: It is not JSON in UTF-8; the error carries the document, so drop it.
        RecursionError: It is nested too deeply.
        Problem: An object in it has a name twice.
    """
    return _decode(body.decode())


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Problem(400, "malformed_body", "an object in the body has a field twice: send each field once")
    return found


_decode = json.JSONDecoder(object_pairs_hook=_once).decode
