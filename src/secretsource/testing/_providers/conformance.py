"""The rules for every driver, as pytest classes to subclass.

    class CellarHarness(ProviderHarness):                       # drives the service behind the driver
        def __init__(self, server):
            self.server, self.provider = server, CellarProvider(url=server.url)
        def put(self, name, value): self.server.store(self.ref(name).location, value)
        def deny(self): self.server.answer_with(403)            # … and delete, throttle, hang, down, heal

    class TestCellar(ProviderConformance):
        impossible = {"stage": "Cellar puts no labels on versions", "binary": "Cellar holds text"}

        @pytest.fixture
        def harness(self, cellar_server):
            return CellarHarness(cellar_server)

A test that needs an ability declared impossible is not generated; an ability that is neither written nor declared fails
its tests. Test a driver that subclasses `BatchProvider` or `AsyncProvider` with `BatchProviderConformance` or
`AsyncProviderConformance`, or with both.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from secretsource.providers.base import Failed, FailureCode, Found, NotFound
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
from secretsource.testing._providers.wire_conformance import WireConformance

if TYPE_CHECKING:
    import pytest

    from secretsource.providers.base import Outcome
    from secretsource.testing.harness import ProviderHarness

__all__ = ["ProviderConformance"]


class ProviderConformance(WireConformance):
    """The cases of every `Provider`; subclass it and override the ``harness`` fixture.

    Attributes:
        largest: Greatest length of a value, in bytes, that the service takes.
    """

    largest: ClassVar[int] = 64 * 1024

    def fetch(self, harness: ProviderHarness, name: str = NAME) -> Outcome:
        """Ask for one name with the ordinary timeout."""
        return harness.provider.fetch(harness.ref(name).document, timeout=self.timeout)

    def allowed(self, fault: str) -> float:
        """Return the seconds that a call may take under a fault: few if the service never answers."""
        return self.patience if fault == "hang" else self.timeout

    def value(self, harness: ProviderHarness, name: str = NAME) -> object:
        """Return the value of one name, which must exist."""
        return value_of(self.fetch(harness, name), harness.ref(name))

    # Values

    def test_absent_is_not_found(self, harness: ProviderHarness) -> None:
        """A secret that is not there is NotFound: no failure, no exception, no empty value."""
        harness.put(NAME, "there")
        assert isinstance(self.fetch(harness, ABSENT), NotFound)

    def test_text_is_given_as_stored(self, harness: ProviderHarness) -> None:
        """Text comes back as the same text, with the spaces, quotes and signs that it had."""
        text = "p=ss w#rd$HOME ${HOME} 'single' \\n 100%"
        harness.put(NAME, text)
        assert self.value(harness) == text

    @needs("empty")
    def test_empty_is_a_value(self, harness: ProviderHarness) -> None:
        """An empty text is a value, not an absence."""
        harness.put(NAME, "")
        assert self.value(harness) == ""

    @needs("unicode")
    def test_unicode_is_given_as_stored(self, harness: ProviderHarness) -> None:
        """Text beyond ASCII, and beyond the basic plane, comes back as the same text."""
        text = "Schlüssel-鍵-🔑"
        harness.put(NAME, text)
        assert self.value(harness) == text

    def test_large_is_given_whole(self, harness: ProviderHarness) -> None:
        """A value of the greatest length comes back whole."""
        text = "0123456789abcdef" * (self.largest // 16)
        harness.put(NAME, text)
        assert self.value(harness) == text

    @needs("binary")
    def test_binary_is_given_as_bytes(self, harness: ProviderHarness) -> None:
        """Every byte from 0 to 255 comes back, as bytes."""
        binary = bytes(range(256))
        harness.put(NAME, binary)
        assert self.value(harness) == binary

    @needs("delete")
    def test_deleted_is_not_served(self, harness: ProviderHarness) -> None:
        """A deleted secret is NotFound, or Failed as deleted or disabled; never its old value."""
        harness.put(NAME, "short-lived")
        assert isinstance(self.fetch(harness), Found)
        harness.delete(NAME)
        outcome = self.fetch(harness)
        gone = {FailureCode.DELETED, FailureCode.DISABLED}
        assert isinstance(outcome, NotFound) or (isinstance(outcome, Failed) and outcome.code in gone), outcome

    # Versions

    def test_new_value_is_seen_on_the_next_fetch(self, harness: ProviderHarness) -> None:
        """A driver has no cache: the next fetch returns the new value."""
        harness.put(NAME, "first")
        assert self.value(harness) == "first"
        harness.rotate(NAME, "second")
        assert self.value(harness) == "second"

    def test_discarding_loses_nothing(self, harness: ProviderHarness) -> None:
        """After ``discard``, once or more, the next fetch returns the current value, or NotFound."""
        harness.put(NAME, "first")
        assert self.value(harness) == "first"
        for name in (NAME, NAME, ABSENT):
            harness.provider.discard(harness.ref(name).document)
        assert self.value(harness) == "first"
        assert isinstance(self.fetch(harness, ABSENT), NotFound)

    @needs("version")
    def test_new_version_has_another_identifier(self, harness: ProviderHarness) -> None:
        """Versions distinguish values, and an unchanged value keeps its version."""
        harness.put(NAME, "first")
        first = found(self.fetch(harness)).version
        assert first is not None
        assert found(self.fetch(harness)).version == first
        harness.rotate(NAME, "second")
        second = found(self.fetch(harness)).version
        assert second is not None
        assert second != first

    @needs("version", "old_version")
    def test_old_version_is_given_by_its_identifier(self, harness: ProviderHarness) -> None:
        """A reference with a version returns that version, whatever is current."""
        harness.put(NAME, "first")
        ref = harness.ref(NAME)
        version = found(self.fetch(harness)).version
        harness.rotate(NAME, "second")
        outcome = harness.provider.fetch(ref.document._replace(version=version), timeout=self.timeout)
        assert value_of(outcome, ref) == "first"
        assert found(outcome).version == version

    @needs("stage")
    def test_stage_is_followed(self, harness: ProviderHarness) -> None:
        """A reference with a stage returns the version that carries the label."""
        harness.put(NAME, "first")
        harness.rotate(NAME, "second")
        ref = harness.ref(NAME)
        outcome = harness.provider.fetch(ref.document._replace(stage=harness.older_stage(NAME)), timeout=self.timeout)
        assert value_of(outcome, ref) == "first"

    @needs("previous")
    def test_previous_is_the_version_before(self, harness: ProviderHarness) -> None:
        """After a rotation, ``previous`` points at the old value."""
        harness.put(NAME, "first")
        harness.rotate(NAME, "second")
        ref = harness.ref(NAME)
        before = harness.provider.previous(ref, found(self.fetch(harness)))
        assert before is not None
        assert value_of(harness.provider.fetch(before.document, timeout=self.timeout), before) == "first"

    @needs("previous")
    def test_first_version_has_nothing_before_it(self, harness: ProviderHarness) -> None:
        """Before any rotation, ``previous`` is None or points at a missing version."""
        harness.put(NAME, "first")
        before = harness.provider.previous(harness.ref(NAME), found(self.fetch(harness)))
        assert before is None or isinstance(harness.provider.fetch(before.document, timeout=self.timeout), NotFound)

    # Faults

    @needs("deny")
    def test_denied_is_not_an_absence(self, harness: ProviderHarness) -> None:
        """A refusal is Failed(DENIED), which stops the chain, and not NotFound, which would move it on."""
        harness.put(NAME, "there")
        harness.deny()
        assert failed(self.fetch(harness)).code is FailureCode.DENIED

    @needs("throttle")
    def test_throttled_is_retryable(self, harness: ProviderHarness) -> None:
        """Too many requests is Failed(THROTTLED), which is retryable; a wait, if any, is plausible."""
        harness.put(NAME, "there")
        harness.throttle()
        failure = failed(self.fetch(harness))
        assert failure.code is FailureCode.THROTTLED
        assert failure.retryable
        assert failure.retry_after is None or failure.retry_after >= 0

    @needs("down")
    def test_down_is_unavailable(self, harness: ProviderHarness) -> None:
        """A service that is out of order is Failed(UNAVAILABLE), which is retryable."""
        harness.put(NAME, "there")
        harness.down()
        failure = failed(self.fetch(harness))
        assert failure.code is FailureCode.UNAVAILABLE
        assert failure.retryable

    @needs("hang")
    def test_timeout_is_kept(self, harness: ProviderHarness) -> None:
        """A service that does not answer is Failed(TIMEOUT), within the timeout of the call."""
        harness.put(NAME, "there")
        assert isinstance(self.fetch(harness), Found)
        harness.hang()
        started = monotonic()
        outcome = harness.provider.fetch(harness.ref(NAME).document, timeout=self.patience)
        assert monotonic() - started <= self.patience + self.slack
        assert failed(outcome).code is FailureCode.TIMEOUT

    @needs("break_response")
    def test_malformed_is_told_apart(self, harness: ProviderHarness) -> None:
        """An answer in an unknown form is Failed(MALFORMED), which is not retryable."""
        harness.put(NAME, "there")
        harness.break_response("broken")
        failure = failed(self.fetch(harness))
        assert failure.code is FailureCode.MALFORMED
        assert not failure.retryable

    @needs("down", "heal")
    def test_recovers_when_the_service_does(self, harness: ProviderHarness) -> None:
        """After a fault has ended, the same provider answers again."""
        harness.put(NAME, "there")
        harness.down()
        assert isinstance(self.fetch(harness), Failed)
        harness.heal()
        assert self.value(harness) == "there"

    # Nothing leaks

    def test_answer_is_not_shown(self, harness: ProviderHarness, caplog: pytest.LogCaptureFixture) -> None:
        """A found value is in no repr and in no log record, even at DEBUG."""
        caplog.set_level(logging.DEBUG)
        harness.put(NAME, CANARY)
        outcome = self.fetch(harness)
        assert value_of(outcome, harness.ref(NAME)) == CANARY
        assert_unseen(CANARY, repr(outcome), repr(harness.provider), *told(caplog))

    @needs("fault")
    def test_fault_does_not_show_the_secret(
        self, fault: str, harness: ProviderHarness, caplog: pytest.LogCaptureFixture
    ) -> None:
        """No fault shows a secret that was read before it, or that is part of the broken answer; no fault raises."""
        caplog.set_level(logging.DEBUG)
        harness.put(NAME, CANARY)
        self.fetch(harness)
        provoke(harness, fault)
        outcome = harness.provider.fetch(harness.ref(NAME).document, timeout=self.allowed(fault))
        assert isinstance(outcome, Failed)
        assert_unseen(CANARY, repr(outcome), repr(harness.provider), *told(caplog))

    # Life

    def test_closed_twice(self, harness: ProviderHarness) -> None:
        """Closing again, or without having been used, does nothing."""
        harness.provider.close()
        harness.provider.close()

    def test_used_then_closed_twice(self, harness: ProviderHarness) -> None:
        """Closing twice after use does nothing the second time."""
        harness.put(NAME, "there")
        self.fetch(harness)
        harness.provider.close()
        harness.provider.close()

    def test_reset_then_fetch(self, harness: ProviderHarness) -> None:
        """After ``reset``, as after a fork, the next fetch makes new clients."""
        harness.put(NAME, "there")
        self.fetch(harness)
        harness.provider.reset()
        assert self.value(harness) == "there"

    def test_used_from_two_threads(self, harness: ProviderHarness) -> None:
        """Two threads that ask at once each get their own answer, from the very first call."""
        harness.put(NAME, "mine")
        harness.put(OTHER, "yours")
        start = Barrier(2, timeout=self.timeout)

        def ask(name: str) -> list[object]:
            start.wait()
            return [self.value(harness, name) for _ in range(8)]

        with ThreadPoolExecutor(2) as threads:
            answers = list(threads.map(ask, [NAME, OTHER]))
        assert answers == [["mine"] * 8, ["yours"] * 8]
