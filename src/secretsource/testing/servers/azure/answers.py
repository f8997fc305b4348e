"""The answers over the wire, as Key Vault writes them.

https://learn.microsoft.com/azure/key-vault/general/authentication-requests-and-responses
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

__all__ = ["DENIED", "DROPPED", "MISSING", "Answer", "problem", "written"]

MISSING = "A secret with (name/id) {} was not found in this key vault."
DENIED = {
    "ForbiddenByRbac": "Caller is not authorized to perform action on resource.",
    "ForbiddenByPolicy": "The user does not have secrets get permission on key vault.",
    "AccessDenied": "The user does not have secrets get permission on key vault.",
    "ForbiddenByFirewall": "Client address is not authorized and caller is not a trusted service.",
    "ForbiddenByConnection": "Public network access is disabled.",
}


@dataclass
class Answer:
    """An answer over the wire.

    Attributes:
        torn: Whether the connection breaks in the middle of the body.
    """

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    torn: bool = False


DROPPED = Answer(0, b"")
"""A closed connection in place of an answer."""


def written(content: Any, status: int = 200, **headers: str) -> Answer:
    """Return a JSON document."""
    return Answer(status, json.dumps(content).encode(), headers)


def problem(status: int, code: str, message: str = "", inner: str | None = None, **headers: str) -> Answer:
    """Return an error as Key Vault writes it."""
    about: dict[str, Any] = {"code": code, "message": message}
    if inner is not None:
        about["innererror"] = {"code": inner}
    return written({"error": about}, status, **headers)
