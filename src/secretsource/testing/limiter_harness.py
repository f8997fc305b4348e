"""The controls of a limiter for a conformance run: open it, as several processes would, and break its server."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Generic, NoReturn, TypeVar

if TYPE_CHECKING:
    from secretsource.limiters.base import AsyncLimiter, Limiter

__all__ = ["LIMITER_ABILITIES", "LIMITER_FAULTS", "AsyncLimiterHarness", "LimiterHarness"]

LIMITER_FAULTS = ("lose", "hang", "forbid")
"""The ways in which the server behind a limiter can fail, each a method of `LimiterHarness`."""
LIMITER_ABILITIES = ("share", "refund", *LIMITER_FAULTS)
"""The abilities that a limiter may lack: sharing its levels with a second limiter, refunds, and each way to fail."""

Kept = TypeVar("Kept", bound="Limiter | AsyncLimiter")


class _Harness(ABC, Generic[Kept]):
    """The parts that both kinds of harness share.

    Attributes:
        hidden: Texts that no error and no repr may show, such as the password in the URL.
    """

    hidden: tuple[str, ...] = ()

    @abstractmethod
    def open(self) -> Kept:
        """Return a limiter over the levels of this test; a second call opens a second one, as another process would.

        It must ask its server again after each failure (no pause), so that a test sees when the server is back.
        """

    def now(self) -> tuple[float, float]:
        """Return the present for the caller of a limiter: monotonic seconds, and seconds since 1970 UTC."""
        return time.monotonic(), time.time()

    def wait(self, seconds: float) -> None:
        """Let time pass, for the caller and for the server.

        Args:
            seconds: The time to pass, up to 0.1.
        """
        time.sleep(seconds)

    def lose(self) -> None:
        """End the server, or the way to it, from now on."""
        self._unwritten("lose")

    def hang(self) -> None:
        """Answer nothing from now on, and keep the connections."""
        self._unwritten("hang")

    def forbid(self) -> None:
        """Refuse every draw from now on: the user may not write, or there is no room."""
        self._unwritten("forbid")

    def heal(self) -> None:
        """End the fault; levels may be forgotten."""
        self._unwritten("heal")

    def _unwritten(self, fault: str) -> NoReturn:
        raise NotImplementedError(
            f"{type(self).__name__} does not know how to bring about {fault}: "
            f"write the method, or declare {fault!r} in `impossible` with a reason"
        )


class LimiterHarness(_Harness["Limiter"]):
    """A harness that opens a `Limiter`, and breaks its server, for `LimiterConformance`."""


class AsyncLimiterHarness(_Harness["AsyncLimiter"]):
    """A harness that opens an `AsyncLimiter`, and breaks its server, for `AsyncLimiterConformance`."""
