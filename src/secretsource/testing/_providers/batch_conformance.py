"""The rules for a driver whose service answers several references in one call."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, ClassVar

import pytest

from secretsource.providers.base import BatchProvider, FailureCode, NotFound, SecretRef
from secretsource.testing._cases import (
    ABSENT,
    CANARY,
    NAME,
    OTHER,
    assert_unseen,
    failed,
    found,
    needs,
    provoke,
    told,
    value_of,
)
from secretsource.testing._providers.conformance import ProviderConformance

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretsource.providers.base import Outcome
    from secretsource.testing.harness import ProviderHarness

__all__ = ["BatchProviderConformance"]


class BatchProviderConformance(ProviderConformance):
    """The cases of a `BatchProvider`, beside those of every provider.

    Attributes:
        batch: Number of secrets to ask for at once; more than the service takes in one call.
    """

    batch: ClassVar[int] = 25

    def fetch_many(
        self, harness: ProviderHarness, *names: str, timeout: float | None = None
    ) -> Mapping[SecretRef, Outcome]:
        """Ask for several names at once, with the ordinary timeout unless another is given."""
        assert isinstance(harness.provider, BatchProvider)
        refs = [harness.ref(name).document for name in names]
        return harness.provider.fetch_many(refs, timeout=timeout or self.timeout)

    def test_batch_agrees_with_fetch(self, harness: ProviderHarness) -> None:
        """One call for several secrets returns the values and versions of several calls."""
        harness.put(NAME, "mine")
        harness.put(OTHER, "yours")
        answers = self.fetch_many(harness, NAME, OTHER)
        for name, value in ((NAME, "mine"), (OTHER, "yours")):
            outcome = answers[harness.ref(name).document]
            assert value_of(outcome, harness.ref(name)) == value
            assert found(outcome).version == found(self.fetch(harness, name)).version

    def test_batch_keeps_each_outcome(self, harness: ProviderHarness) -> None:
        """An absent secret is NotFound, and the others are still found."""
        harness.put(NAME, "there")
        answers = self.fetch_many(harness, ABSENT, NAME)
        assert len(answers) == 2
        assert isinstance(answers[harness.ref(ABSENT).document], NotFound)
        assert value_of(answers[harness.ref(NAME).document], harness.ref(NAME)) == "there"

    @needs("deny_one")
    def test_batch_with_one_refused(self, harness: ProviderHarness) -> None:
        """A denied secret is Failed(DENIED), and the others are still found."""
        harness.put(NAME, "there")
        harness.put(OTHER, "guarded")
        harness.deny_one(OTHER)
        answers = self.fetch_many(harness, NAME, OTHER)
        assert value_of(answers[harness.ref(NAME).document], harness.ref(NAME)) == "there"
        assert failed(answers[harness.ref(OTHER).document]).code is FailureCode.DENIED

    def test_batch_of_none(self, harness: ProviderHarness) -> None:
        """Asking for nothing returns nothing."""
        assert self.fetch_many(harness) == {}

    def test_batch_beyond_the_limit_is_split(self, harness: ProviderHarness) -> None:
        """More secrets than the service takes at once are asked for in several calls."""
        names = [f"CONFORMANCE_{number:03}" for number in range(self.batch)]
        for name in names:
            harness.put(name, f"value of {name}")
        answers = self.fetch_many(harness, *names)
        given = [value_of(answers[harness.ref(name).document], harness.ref(name)) for name in names]
        assert given == [f"value of {name}" for name in names]

    @needs("fault")
    def test_batch_fault_is_every_ones_outcome(
        self, fault: str, harness: ProviderHarness, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A fault of the whole call is the outcome of each secret, with the code of a single fetch."""
        caplog.set_level(logging.DEBUG)
        harness.put(NAME, CANARY)
        harness.put(OTHER, CANARY)
        provoke(harness, fault)
        timeout = self.allowed(fault)
        answers = self.fetch_many(harness, NAME, OTHER, timeout=timeout)
        alone = failed(harness.provider.fetch(harness.ref(NAME).document, timeout=timeout))
        together = [failed(answers[harness.ref(name).document]).code for name in (NAME, OTHER)]
        assert together == [alone.code] * 2
        assert_unseen(CANARY, repr(answers), repr(harness.provider), *told(caplog))
