"""The headers of a request: their size, and what their names tell.

Clients and gateways send few different sets of names. So what the names tell is worked out once for each set. One call
then picks the values of a request in a usual form. Pure.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Generic, TypeVar

from secretsource.server.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from secretsource.server.service import Scope

__all__ = ["ABSENT", "FIRST_LINE", "LARGEST_HEADERS", "PLACES", "HeadersTooLarge", "Heads", "check_size", "size_of"]

LARGEST_HEADERS = 16 * 1024
PLACES = (b"authorization", b"x-api-key")
"""The headers that may hold a key."""
ABSENT = (b"", b"")
"""A header without a name, which stands behind those of a request: what is absent is picked there."""
FIRST_LINE = 64
"""Bytes that are left for the path of an endpoint, in any notation."""
MOST_FORMS = 512
"""Sets of names that are remembered, each of `LARGEST_HEADERS` bytes at most."""

T = TypeVar("T")


class HeadersTooLarge(Problem):
    """The headers of a request are larger than they may be."""

    def __init__(self) -> None:
        super().__init__(431, "headers_too_large", f"the headers must be at most {LARGEST_HEADERS} bytes together")


class Heads(Generic[T]):
    """The usual forms of the headers of an endpoint.

    Args:
        wanted: Returns for the names of headers the names of those to pick, or None for an unusual form.
        takers: By the name of a header that may hold a key, what takes the key from its value.

    Attributes:
        form: Returns for the names of headers, with `ABSENT` behind them, how a request with them is read. The first is
            a function that picks from the values those that are wanted, and behind them the one with the key. The
            second is the bytes that all values may have together, beside a path and no query. The third takes the key.
            The function is None for an unusual form: also where a name occurs again, or where not just one header may
            hold a key. Names that are too large raise `HeadersTooLarge`.
    """

    def __init__(self, wanted: Callable[[Sequence[bytes]], Sequence[bytes] | None], takers: Mapping[bytes, T]) -> None:
        self._wanted = wanted
        self._takers = takers
        self.form = lru_cache(maxsize=MOST_FORMS)(self._form)

    def _form(
        self, names: tuple[bytes, ...]
    ) -> tuple[Callable[[Sequence[bytes]], tuple[Any, ...]] | None, int, T | None]:
        size = sum(map(len, names))
        if size > LARGEST_HEADERS:
            raise HeadersTooLarge
        room = LARGEST_HEADERS - FIRST_LINE - size
        wanted, held = self._wanted(names), [name for name in names if name in PLACES]
        if wanted is None or len(held) != 1 or len({*names}) < len(names) or not {*wanted} <= {*names}:
            return None, room, None
        return itemgetter(*map(names.index, (*wanted, *held))), room, self._takers[held[0]]


def check_size(scope: Scope) -> None:
    """Check that the first line and the headers of a request are small enough.

    Args:
        scope: The scope of ASGI.

    Raises:
        HeadersTooLarge: They are not.
    """
    if size_of(scope) > LARGEST_HEADERS:
        raise HeadersTooLarge


def size_of(scope: Scope) -> int:
    """Return the bytes of the first line and the headers of a request, about.

    Args:
        scope: The scope of ASGI.
    """
    size = len(scope.get("raw_path") or b"") + len(scope.get("query_string") or b"")
    for name, value in scope["headers"]:
        size += len(name) + len(value)
    return size
