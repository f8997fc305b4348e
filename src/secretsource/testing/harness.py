"""The changes of a conformance run around a provider: fill its service, change it, break it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NoReturn

from secretsource.providers.base import SecretRef
from secretsource.testing.servers.rogue import MISCONDUCT

if TYPE_CHECKING:
    from ssl import SSLContext

    from secretsource.providers.base import Provider

__all__ = ["ABILITIES", "FAULTS", "WIRE_FAULTS", "ProviderHarness"]

FAULTS = ("deny", "throttle", "hang", "break_response", "down")
"""The ways in which a service can fail, each a method of `ProviderHarness`."""

WIRE_FAULTS = tuple(MISCONDUCT)
"""The ways in which a server can behave badly on the wire; `ProviderHarness.behind` leads a provider to it."""

ABILITIES = frozenset(
    {
        *FAULTS,
        *WIRE_FAULTS,
        "binary",  # holds bytes that are not text
        "deny_one",  # can refuse one secret of a batch
        "deny_write",  # can refuse to write, and go on answering
        "delete",  # a secret can be deleted
        "empty",  # holds an empty text
        "heal",  # a fault can be ended
        "old_version",  # returns an older version by its identifier
        "previous",  # keeps the version before the current one
        "stage",  # puts labels on versions
        "unicode",  # holds text beyond ASCII
        "version",  # names its versions
        "wire",  # is asked over a network, by HTTP/1.1
    }
)
"""The abilities that a test class may declare impossible, with a reason."""


class ProviderHarness(ABC):
    """The controls of the service behind one provider, for `ProviderConformance`.

    Subclass it beside a driver's tests, and write the methods for every ability of the service. Declare the missing
    abilities in `ProviderConformance.impossible`; a method that is neither written nor declared fails.

    Attributes:
        provider: The provider under test, ready for calls.
        tls: The TLS context of a server that stands in for the service; None for plain HTTP.
    """

    provider: Provider
    tls: SSLContext | None = None

    def ref(self, name: str) -> SecretRef:
        """Return the provider's location of ``name``: a legal variable name such as ``CONFORMANCE_TOKEN``."""
        located = self.provider.locate(name)
        if not isinstance(located, SecretRef):
            raise TypeError(f"{self.provider!r} does not keep the name {name!r}: override ProviderHarness.ref")
        return self.provider.complete(located)

    @abstractmethod
    def put(self, name: str, value: str | bytes) -> None:
        """Store a secret, or a new version of it, by other means than the driver."""

    def rotate(self, name: str, value: str | bytes) -> None:
        """Store a new version, and keep the one before it if the service does not by itself."""
        self.put(name, value)

    def delete(self, name: str) -> None:
        """Delete the secret."""
        self._unwritten("delete", name)

    def older_stage(self, name: str) -> str:
        """Return the label of the version before the current one; set it if the service does not by itself."""
        self._unwritten("stage", name)

    def deny(self) -> None:
        """Refuse permission for every call from now on."""
        self._unwritten("deny")

    def deny_one(self, name: str) -> None:
        """Refuse permission for this one secret from now on."""
        self._unwritten("deny_one", name)

    def deny_write(self) -> None:
        """Refuse to write from now on; reading goes on."""
        self._unwritten("deny_write")

    def throttle(self) -> None:
        """Answer every call with "too many requests" from now on."""
        self._unwritten("throttle")

    def hang(self) -> None:
        """Accept every call from now on, and answer no call."""
        self._unwritten("hang")

    def break_response(self, planted: str) -> None:
        """Answer every call in an unknown form, with ``planted`` somewhere in it."""
        self._unwritten("break_response", planted)

    def down(self) -> None:
        """Be out of service from now on: connection refused, or the service's own "internal error"."""
        self._unwritten("down")

    def behind(self, address: str) -> Provider:
        """Return a new provider like ``provider``, with credentials at hand, for a service at another base URL."""
        self._unwritten("wire", address)

    def heal(self) -> None:
        """End the fault; every secret is as it was before."""
        self._unwritten("heal")

    def _unwritten(self, ability: str, *arguments: str) -> NoReturn:
        raise NotImplementedError(
            f"{type(self).__name__} has no way to cause {ability}{arguments}: "
            f"write the method, or declare {ability!r} in `impossible` with a reason"
        )
