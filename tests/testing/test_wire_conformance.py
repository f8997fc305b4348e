"""The rule about deadlines and sizes passes a careful driver, and catches each way of being careless."""

from __future__ import annotations

import json
import re
import socket
import zlib
from time import monotonic
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

import pytest

from secretsource.providers.base import (
    BatchProvider,
    Failed,
    FailureCode,
    Found,
    IdentifiedProvider,
    Identity,
    SecretRef,
    Stored,
    WritableProvider,
)
from secretsource.testing import ProviderConformance, ProviderHarness
from secretsource.testing.harness import WIRE_FAULTS
from secretsource.testing.servers.rogue import FLOODS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from secretsource.providers.base import Outcome, Provider, Written

MOST = 1024 * 1024
SLOW, TOO_LARGE, CUT = Failed(FailureCode.TIMEOUT), Failed(FailureCode.MALFORMED), Failed(FailureCode.UNAVAILABLE)


class CarefulProvider(BatchProvider, WritableProvider, IdentifiedProvider):
    """Asks by hand: each wait is for what is left of the timeout, and what was read and unzipped is counted."""

    scheme = "careful"
    most: float = MOST

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = (urlsplit(address).hostname, urlsplit(address).port)

    def left(self, deadline: float) -> float:
        if deadline <= monotonic():
            raise TimeoutError
        return deadline - monotonic()

    def unzip(self, read: bytes) -> bytes:
        return zlib.decompressobj(31).decompress(read, MOST + 1)

    def ask(self, timeout: float) -> bytes | Failed:
        deadline, read = monotonic() + timeout, bytearray()
        try:
            with socket.create_connection(self.address, timeout) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
                while len(read) <= self.most:
                    connection.settimeout(self.left(deadline))
                    piece = connection.recv(65536)
                    if not piece:
                        break
                    read += piece
        except TimeoutError:
            return SLOW
        head, end, body = bytes(read).partition(b"\r\n\r\n")
        if len(read) <= self.most and (not end or self.is_cut(head, body)):
            return CUT
        body = self.unzip(body) if b"gzip" in head else body
        return TOO_LARGE if max(len(read), len(body)) > self.most else body

    def is_cut(self, head: bytes, body: bytes) -> bool:
        length = re.search(rb"Content-Length: ([0-9]+)", head)
        return len(body) < int(length[1]) if length else b"chunked" in head and not body.endswith(b"0\r\n\r\n")

    def fetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        answer = self.ask(timeout)
        try:
            return answer if isinstance(answer, Failed) else Found(json.loads(answer))
        except ValueError:
            return TOO_LARGE

    def fetch_many(self, refs: Sequence[SecretRef], *, timeout: float) -> Mapping[SecretRef, Outcome]:
        return dict.fromkeys(refs, self.fetch(refs[0], timeout=timeout))

    def store(self, ref: SecretRef, value: str | bytes, *, overwrite: bool = False, timeout: float) -> Written:
        answer = self.ask(timeout)
        return answer if isinstance(answer, Failed) else Stored()

    def identify(self, *, timeout: float) -> Identity | Failed:
        answer = self.ask(timeout)
        return answer if isinstance(answer, Failed) else Identity("somebody")


class CountsEachRead(CarefulProvider):
    """Gives each read the whole timeout; only the test's own end stops it."""

    def left(self, deadline: float) -> float:
        super().left(deadline + 0.8)
        return 0.3


class HoldsEverything(CarefulProvider):
    """Reads for as long as somebody talks."""

    most = float("inf")


class TakesACutForAnAnswer(CarefulProvider):
    """Believes that everything has arrived when the connection ends."""

    def is_cut(self, head: bytes, body: bytes) -> bool:
        return False


class UnzipsEverything(CarefulProvider):
    """Counts what came over the wire only."""

    def unzip(self, read: bytes) -> bytes:
        zlib.decompressobj(31).decompress(read)
        return b""


class TakesADripForDamage(CarefulProvider):
    """Has another word for what is late."""

    def fetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        outcome = super().fetch(ref, timeout=timeout)
        return Failed(FailureCode.UNAVAILABLE) if outcome is SLOW else outcome


class WritesWithoutLimit(CarefulProvider):
    """Is careful when it reads, and not when it writes."""

    def store(self, ref: SecretRef, value: str | bytes, *, overwrite: bool = False, timeout: float) -> Written:
        return super().store(ref, value, overwrite=overwrite, timeout=timeout + 1)


class BatchesWithoutLimit(CarefulProvider):
    """Is careful when it asks for one, and not when it asks for several."""

    def fetch_many(self, refs: Sequence[SecretRef], *, timeout: float) -> Mapping[SecretRef, Outcome]:
        return super().fetch_many(refs, timeout=timeout + 1)


class Harness(ProviderHarness):
    """Makes drivers of one class."""

    def __init__(self, driver: type[CarefulProvider]) -> None:
        self.driver = driver
        self.provider = driver("http://127.0.0.1:9")

    def put(self, name: str, value: str | bytes) -> None:
        """Nothing is kept."""

    def behind(self, address: str) -> Provider:
        return self.driver(address)


class Suite(ProviderConformance):
    """The rule, in little time."""

    timeout: ClassVar[float] = 2.0
    patience: ClassVar[float] = 0.15
    slack: ClassVar[float] = 0.5


@pytest.mark.parametrize("wire_fault", WIRE_FAULTS)
def test_a_careful_driver_passes(wire_fault: str) -> None:
    """A driver with one deadline and a limit on what it holds keeps the rule under each fault."""
    Suite().test_answer_on_the_wire_is_bounded(wire_fault, Harness(CarefulProvider))


CAUGHT = [
    *((CountsEachRead, wire_fault, "took") for wire_fault in ("drip_head", "drip_interim", "drip_body", "drip_chunks")),
    *((HoldsEverything, wire_fault, "held|took") for wire_fault in sorted(FLOODS - {"flood_zipped"})),
    (UnzipsEverything, "flood_zipped", "held"),
    (TakesACutForAnAnswer, "cut_body", "fetch: .*MALFORMED.*, and not .*UNAVAILABLE"),
    (TakesACutForAnAnswer, "cut_chunks", "fetch: .*MALFORMED.*, and not .*UNAVAILABLE"),
    (TakesADripForDamage, "silent", "fetch: .*UNAVAILABLE"),
    (TakesADripForDamage, "unaccepted", "fetch: .*UNAVAILABLE"),
    (WritesWithoutLimit, "drip_body", "store took"),
    (BatchesWithoutLimit, "drip_body", "fetch_many took"),
]


@pytest.mark.parametrize(("driver", "wire_fault", "said"), CAUGHT, ids=lambda value: getattr(value, "__name__", None))
def test_a_careless_driver_is_caught(driver: type[CarefulProvider], wire_fault: str, said: str) -> None:
    """Each way of being careless fails the rule, which says which call it was."""
    with pytest.raises(AssertionError, match=said):
        Suite().test_answer_on_the_wire_is_bounded(wire_fault, Harness(driver))
