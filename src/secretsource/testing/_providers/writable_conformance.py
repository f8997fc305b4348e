"""The rules for a driver that can write."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from secretsource.providers.base import Failed, FailureCode, NotFound, Occupied, Stored, WritableProvider
from secretsource.testing._cases import (
    CANARY,
    NAME,
    OTHER,
    assert_unseen,
    failed,
    needs,
    provoke,
    told,
    value_of,
)
from secretsource.testing._providers.conformance import ProviderConformance

if TYPE_CHECKING:
    from secretsource.providers.base import Written
    from secretsource.testing.harness import ProviderHarness

__all__ = ["WritableProviderConformance"]


class WritableProviderConformance(ProviderConformance):
    """The cases of a `WritableProvider`, beside those of every provider."""

    def store(
        self, harness: ProviderHarness, value: str | bytes, *, name: str = NAME, overwrite: bool = False
    ) -> Written:
        """Write one name with the ordinary timeout."""
        assert isinstance(harness.provider, WritableProvider)
        return harness.provider.store(harness.ref(name), value, overwrite=overwrite, timeout=self.timeout)

    def test_written_is_read(self, harness: ProviderHarness) -> None:
        """A written value is read back exactly, with all its signs, and nothing else is there."""
        text = "p=ss w#rd$HOME ${HOME} 'single' \"double\" \\n 100%\nsecond line"
        assert isinstance(self.store(harness, text), Stored)
        assert self.value(harness) == text
        assert isinstance(self.fetch(harness, OTHER), NotFound)

    @needs("unicode")
    def test_written_unicode_is_read(self, harness: ProviderHarness) -> None:
        """Text beyond ASCII comes back as the same text."""
        assert isinstance(self.store(harness, "Schlüssel-鍵-🔑"), Stored)
        assert self.value(harness) == "Schlüssel-鍵-🔑"

    @needs("binary")
    def test_written_bytes_are_read(self, harness: ProviderHarness) -> None:
        """Every byte from 0 to 255 comes back."""
        assert isinstance(self.store(harness, bytes(range(256))), Stored)
        assert self.value(harness) == bytes(range(256))

    def test_value_of_another_is_left_alone(self, harness: ProviderHarness) -> None:
        """Without ``overwrite``, an existing value stays."""
        harness.put(NAME, "theirs")
        assert isinstance(self.store(harness, "ours"), Occupied)
        assert self.value(harness) == "theirs"

    def test_overwritten_when_told(self, harness: ProviderHarness) -> None:
        """With ``overwrite``, the new value is current, and other names keep theirs; the secret may be new."""
        harness.put(NAME, "old")
        harness.put(OTHER, "other")
        assert isinstance(self.store(harness, "new", overwrite=True), Stored)
        assert self.value(harness) == "new"
        assert self.value(harness, OTHER) == "other"
        assert isinstance(self.store(harness, "first", name="CONFORMANCE_FIRST", overwrite=True), Stored)
        assert self.value(harness, "CONFORMANCE_FIRST") == "first"

    def test_version_is_not_written_to(self, harness: ProviderHarness) -> None:
        """A reference that chooses a version is refused."""
        assert isinstance(harness.provider, WritableProvider)
        ref = harness.ref(NAME)._replace(version="1")
        assert failed_to_write(harness.provider.store(ref, "x", timeout=self.timeout)).code is FailureCode.MISCONFIGURED

    @needs("fault")
    def test_fault_while_writing(self, fault: str, harness: ProviderHarness, caplog: pytest.LogCaptureFixture) -> None:
        """A fault is Failed with the code of a read, unless writing ends it; no log shows the value."""
        caplog.set_level(logging.DEBUG)
        harness.put(NAME, "there")
        self.fetch(harness)
        provoke(harness, fault)
        assert isinstance(harness.provider, WritableProvider)
        ref, timeout = harness.ref(NAME), self.allowed(fault)
        outcome = harness.provider.store(ref, CANARY, overwrite=True, timeout=timeout)
        read = harness.provider.fetch(ref.document, timeout=timeout)
        if isinstance(outcome, Stored):
            assert value_of(read, ref) == CANARY
        else:
            assert failed_to_write(outcome).code is failed(read).code
        assert_unseen(CANARY, repr(outcome), *told(caplog))

    @needs("deny_write")
    def test_write_that_failed_is_not_stored(self, harness: ProviderHarness) -> None:
        """If only writing is refused, the outcome is Failed(DENIED), and every value is unchanged."""
        harness.put(NAME, "theirs")
        self.fetch(harness)
        harness.deny_write()
        for name in (NAME, OTHER):
            assert failed_to_write(self.store(harness, "ours", name=name, overwrite=True)).code is FailureCode.DENIED
        assert self.value(harness) == "theirs"
        assert isinstance(self.fetch(harness, OTHER), NotFound)

    def test_written_value_is_not_shown(self, harness: ProviderHarness, caplog: pytest.LogCaptureFixture) -> None:
        """A value on its way to the service is in no log record, even at DEBUG."""
        caplog.set_level(logging.DEBUG)
        outcome = self.store(harness, CANARY)
        assert isinstance(outcome, Stored)
        assert isinstance(self.store(harness, CANARY, overwrite=True), Stored)
        assert_unseen(CANARY, repr(outcome), *told(caplog))


def failed_to_write(outcome: Written) -> Failed:
    """Return the outcome, which must be a `Failed`."""
    assert isinstance(outcome, Failed), outcome
    return outcome
