"""The body of a report, and the feedback on it. Pure.

A report is a list of texts that GitHub found, each with the place. The feedback says of each whether it is a key of
ours; it has the hash of the text, never the text.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from secretsource.server.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MOST_FINDINGS", "Finding", "Judged", "feedback", "read_findings"]

MOST_FINDINGS = 1000
"""Texts in one report."""
LONGEST_KIND = 100
"""Characters of the kind of a text that the feedback repeats."""


class Finding:
    """A text that was found.

    Attributes:
        text: The text; it may be a whole key.
        kind: The name of the pattern that found it, as GitHub has it.
        place: The address of the place, or None if GitHub does not say.
    """

    __slots__ = ("kind", "place", "text")

    def __init__(self, text: str, kind: str, place: str | None) -> None:
        self.text = text
        self.kind = kind
        self.place = place

    def __repr__(self) -> str:
        return f"Finding(<masked>, {self.kind!r})"


class Judged(NamedTuple):
    """A finding, and whether it is ours.

    Attributes:
        finding: The finding.
        is_ours: Whether its prefix, its checksum and its locator are those of a key of ours.
    """

    finding: Finding
    is_ours: bool


def read_findings(body: bytes) -> list[Finding]:
    """Read the body of a report; entries of another form are left out.

    Args:
        body: The body, whose signature was verified.

    Raises:
        Problem: It is not a list, or too long a list; no part of it is in the answer.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    del body  # a traceback shows no key
    if not isinstance(document, list):
        raise Problem(400, "malformed_body", "the body must be a JSON list of findings")
    listed: list[Any] = document
    if len(listed) > MOST_FINDINGS:
        raise Problem(400, "invalid_request", f"a report must have at most {MOST_FINDINGS} findings")
    found = [_finding(cast("dict[str, Any]", each)) for each in listed if isinstance(each, dict)]
    return [each for each in found if each is not None]


def feedback(judged: Iterable[Judged]) -> bytes:
    """Write the answer to a report.

    Args:
        judged: The findings.
    """
    return json.dumps(
        [
            {
                "token_hash": b64encode(sha256(finding.text.encode("utf-8", "surrogatepass")).digest()).decode(),
                "token_type": finding.kind,
                "label": "true_positive" if is_ours else "false_positive",
            }
            for finding, is_ours in judged
        ]
    ).encode()


def _finding(document: dict[str, Any]) -> Finding | None:
    text, kind, place = document.get("token"), document.get("type"), document.get("url")
    if not isinstance(text, str) or not text:
        return None
    named = kind[:LONGEST_KIND] if isinstance(kind, str) and text not in kind else ""
    return Finding(text, named, place if isinstance(place, str) and place else None)
