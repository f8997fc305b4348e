"""The faults inside a Secret Manager, on either wire."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING

from secretsource.testing.servers.gcp.store import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.cloud.secretmanager_v1.types import SecretPayload


class Faults:
    """One fault at a time, until it is healed.

    Attributes:
        garbage: The bytes of every answer in place of a message, or None.
        altered: Applied to the payload of every answer.
        accepts: Decides from the header ``authorization`` whether a call is accepted; None for all.
    """

    def __init__(self) -> None:
        self._released = Event()
        self.heal()

    def heal(self) -> None:
        """End the fault."""
        self.garbage: bytes | None = None
        self.altered: Callable[[SecretPayload], object] | None = None
        self.accepts: Callable[[str], bool] | None = None
        self._refusals: dict[str, Refusal] = {}
        self._wait: float | None = None
        released, self._released = self._released, Event()
        released.set()

    def refuse(
        self, status: str, message: str = "refused", *, on: str = "", reason: str = "", wait: float | None = None
    ) -> None:
        """Answer with an error every call whose method and resource contain ``on``."""
        self._refusals[on] = Refusal(status, message, reason=reason, wait=wait)

    def slow(self, seconds: float) -> None:
        """Delay every answer."""
        self._wait = seconds

    def hang(self) -> None:
        """Answer no call before the fault ends."""
        self.slow(60)

    def meet(self, asked: str, bearer: str = "") -> None:
        """Make a call meet the fault."""
        if self.accepts is not None and not self.accepts(bearer):
            raise Refusal("UNAUTHENTICATED", "Request had invalid authentication credentials.")
        if self._wait is not None:
            self._released.wait(self._wait)
        for on, refusal in self._refusals.items():
            if on in asked:
                raise refusal
