"""The JSON document of a limit; `issuing.documents` gives it. Pure."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from secretsource.issuing._document import tables
from secretsource.issuing._document.forms import read, written
from secretsource.issuing.limits import LimitState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from secretsource.issuing._document.forms import Document

__all__ = ["limit_document", "read_limit"]


def limit_document(state: LimitState) -> Document:
    """Write the state of a limit.

    Args:
        state: The state.
    """
    return written(tables.LIMIT, state)


def read_limit(document: Mapping[str, Any]) -> LimitState:
    """Read the state of a limit.

    Args:
        document: The result of `limit_document`.

    Raises:
        InvalidRequest: A field is missing, or does not have its form.
    """
    return LimitState(**read(tables.LIMIT, document, "limit"))
