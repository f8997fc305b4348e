"""The key of an open web socket, which is checked again at intervals."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from secretsource.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from secretsource.issuing import Admission, Demand, KeyRecord

ENDED = 4401
"""The code that closes a socket whose key has ended."""
REASON = "the API key has ended"
_LONGEST = 86400.0


def interval(recheck: object) -> float:
    """Return the setting ``recheck``, in seconds.

    Args:
        recheck: The setting as it was given.

    Raises:
        ConfigurationError: It is not a number from 0 to a day.
    """
    if isinstance(recheck, (int, float)) and 0 <= recheck <= _LONGEST:
        return recheck
    raise ConfigurationError(f"recheck must be in seconds from 0 to {_LONGEST}, not {recheck!r:.80}")


class Recheck:
    """The question whether the key of a socket is still good; it is, as long as no key was let in."""

    __slots__ = ("_ask",)

    def __init__(self) -> None:
        self._ask: Callable[[], Awaitable[bool]] | None = None

    def begin(self, admission: Admission, record: KeyRecord | None, ip: str | None, path: str, scope: Demand) -> None:
        """Ask from now on for the key that was let in.

        Args:
            admission: The admission that let it in.
            record: Its record; None without a key.
            ip: The client's address.
            path: The path of the request.
            scope: The scope that the key needs.
        """
        if record is not None:
            self._ask = partial(admission.astill, record, ip, path, scope=scope)

    async def __call__(self) -> bool:
        """Return whether the key is still good."""
        return self._ask is None or await self._ask()
