"""The rules for a driver whose server behaves badly on the wire: keep the deadline, and the size."""

from __future__ import annotations

import asyncio
import tracemalloc
from contextlib import contextmanager
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from secretsource.providers.base import (
    AsyncProvider,
    BatchProvider,
    Failed,
    FailureCode,
    IdentifiedProvider,
    Identity,
    WritableProvider,
)
from secretsource.testing._cases import NAME, OTHER, needs
from secretsource.testing._suite import ConformanceSuite
from secretsource.testing.servers.rogue import CUTS, FLOODS, rogue_server

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from typing import TypeAlias

    from secretsource.providers.base import Outcome, Provider, SecretRef
    from secretsource.testing.harness import ProviderHarness

    Way: TypeAlias = Callable[[], object]

__all__ = ["WireConformance"]

MIB = 1024 * 1024


class WireConformance(ConformanceSuite):
    """The cases of a driver that asks over a network, for each of its calls.

    Attributes:
        most_held: Bytes that a call may hold at once while it is flooded: an answer of 8 MiB, read and decoded, and the
            needs of the vendor's client.
    """

    most_held: ClassVar[int] = 48 * MIB

    @needs("wire")
    def test_answer_on_the_wire_is_bounded(self, wire_fault: str, harness: ProviderHarness) -> None:
        """A drip ends as TIMEOUT at the timeout; a flood is MALFORMED, and is not held in memory; a cut is UNAVAILABLE.

        The timeout covers connecting, headers and body together, also for a batch, a write, and "who am I".
        """
        flood, cut = wire_fault in FLOODS, wire_fault in CUTS
        timeout = self.timeout if flood or cut else self.patience
        expected = FailureCode.MALFORMED if flood else FailureCode.UNAVAILABLE if cut else FailureCode.TIMEOUT
        with rogue_server(wire_fault, harness.tls) as address:
            provider = harness.behind(address)
            try:
                for name, way in ways(provider, harness.ref(NAME), harness.ref(OTHER), timeout).items():
                    with self.bounded(name, timeout, flood=flood):
                        outcome = way()
                    assert_told(name, outcome, expected)
            finally:
                provider.close()

    @contextmanager
    def bounded(self, name: str, timeout: float, *, flood: bool) -> Generator[None]:
        """Fail if the block takes longer than the timeout, or holds more than a flooded call may."""
        if flood:
            tracemalloc.start()
        started = monotonic()
        try:
            yield
            took, held = monotonic() - started, tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert held <= self.most_held, f"{name} held {held // MIB} MiB at once"
        assert took <= timeout + self.slack, f"{name} took {took:.1f} s of {timeout} s"


def assert_told(name: str, outcome: object, expected: FailureCode) -> None:
    """Fail if a call ended with anything but this failure; "who am I" may end with an answer."""
    told = isinstance(outcome, Identity) or (isinstance(outcome, Failed) and outcome.code is expected)
    assert told, f"{name}: {outcome}, and not {expected}"


def ways(provider: Provider, ref: SecretRef, other: SecretRef, timeout: float) -> Mapping[str, Way]:
    """Return each call of a driver, by the name of its method."""
    documents = [ref.document, other.document]
    found: dict[str, Way] = {"fetch": partial(provider.fetch, ref.document, timeout=timeout)}
    if isinstance(provider, BatchProvider):
        found["fetch_many"] = lambda: provider.fetch_many(documents, timeout=timeout)[documents[0]]
    if isinstance(provider, AsyncProvider):
        found["afetch"] = lambda: asyncio.run(_await_once(provider, ref.document, timeout))
    if isinstance(provider, WritableProvider):
        found["store"] = partial(provider.store, ref, "a new value", overwrite=True, timeout=timeout)
    if isinstance(provider, IdentifiedProvider):
        found["identify"] = partial(provider.identify, timeout=timeout)
    return found


async def _await_once(provider: AsyncProvider, ref: SecretRef, timeout: float) -> Outcome:
    try:
        return await provider.afetch(ref, timeout=timeout)
    finally:
        await provider.aclose()
