"""The controls of a key store for a conformance run: open it, as several processes would, and break it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Generic, NoReturn, TypeVar

if TYPE_CHECKING:
    from secretsource.stores.base import AsyncKeyStore, KeyStore

__all__ = ["STORE_FAULTS", "AsyncStoreHarness", "StoreHarness"]

STORE_FAULTS = ("lose", "deadlock", "conflict", "fill", "forbid", "interrupt")
"""The ways in which the database behind a store can fail, each a method of `StoreHarness`."""

Store = TypeVar("Store", bound="KeyStore | AsyncKeyStore")


class _Harness(ABC, Generic[Store]):
    """The common part of both kinds of harness.

    Attributes:
        hidden: Texts that no error and no repr may show, such as the password in the URL.
    """

    hidden: tuple[str, ...] = ()

    @abstractmethod
    def open(self) -> Store:
        """Return a store over the records of this test; a second call opens a second one, as another process would."""

    def lose(self) -> None:
        """Break the connection in the middle of every transaction from now on."""
        self._unwritten("lose")

    def deadlock(self) -> None:
        """End every transaction that writes as the victim of a deadlock, or of a lock held too long, from now on."""
        self._unwritten("deadlock")

    def conflict(self) -> None:
        """End every transaction that writes with a serialization failure from now on."""
        self._unwritten("conflict")

    def fill(self) -> None:
        """Have no space left for another record from now on."""
        self._unwritten("fill")

    def forbid(self) -> None:
        """Refuse to write from now on; reading goes on."""
        self._unwritten("forbid")

    def interrupt(self) -> None:
        """Cut off every transaction that writes after its first statement from now on."""
        self._unwritten("interrupt")

    def heal(self) -> None:
        """End the fault."""
        self._unwritten("heal")

    def _unwritten(self, fault: str) -> NoReturn:
        raise NotImplementedError(
            f"{type(self).__name__} has no way to cause {fault}: "
            f"write the method, or declare {fault!r} in `impossible` with a reason"
        )


class StoreHarness(_Harness["KeyStore"]):
    """A harness that opens a `KeyStore`, and breaks its database, for `StoreConformance`."""


class AsyncStoreHarness(_Harness["AsyncKeyStore"]):
    """A harness that opens an `AsyncKeyStore`, and breaks its database, for `AsyncStoreConformance`."""
