"""One call of Secret Manager's API, before it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PROJECT", "Question"]


class Question(NamedTuple):
    """One call.

    Attributes:
        call: Name of the client's method.
        request: The fields of its request message.
        location: The region to ask; None for the global service.
    """

    call: str
    request: Mapping[str, object]
    location: str | None


PROJECT = Question("project", {}, None)
"""The question for the project of the credentials; answered without a call."""
