"""The parts of the conformance suites' cases: names, marks, and readings of an outcome."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, TypeVar

from secretsource.providers.base import Failed, Found, SecretRef

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from secretsource.testing.harness import ProviderHarness

    Test = TypeVar("Test", bound=Callable[..., object])

__all__ = [
    "ABSENT",
    "CANARY",
    "NAME",
    "OTHER",
    "assert_unseen",
    "failed",
    "found",
    "needs",
    "provoke",
    "told",
    "value_of",
]

NAME = "CONFORMANCE_TOKEN"
OTHER = "CONFORMANCE_OTHER"
ABSENT = "CONFORMANCE_ABSENT"
CANARY = "canary-7f3a91c2e5d8-must-not-be-seen"


def needs(*abilities: str) -> Callable[[Test], Test]:
    """Mark a test that is not generated where one of ``abilities`` is impossible; ``fault`` stands for any fault."""

    def mark(test: Test) -> Test:
        vars(test)["needs"] = frozenset(abilities)
        return test

    return mark


def found(outcome: object) -> Found:
    """Return the outcome, which must be a `Found`."""
    assert isinstance(outcome, Found), outcome
    return outcome


def failed(outcome: object) -> Failed:
    """Return the outcome, which must be a `Failed`."""
    assert isinstance(outcome, Failed), outcome
    return outcome


def value_of(outcome: object, ref: SecretRef) -> object:
    """Return the value of a `Found`, or the field that the reference names if the service stores fields."""
    value = found(outcome).value
    if isinstance(value, (str, bytes)) or ref.field is None:
        return value
    return value[ref.field]


def provoke(harness: ProviderHarness, fault: str) -> None:
    """Cause one of `FAULTS`."""
    if fault == "break_response":
        harness.break_response(CANARY)
    else:
        getattr(harness, fault)()


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return every text in log records: message, arguments, extras and traceback."""
    return [caplog.text, *(repr(vars(record)) for record in caplog.records)]


def assert_unseen(canary: str, *texts: str) -> None:
    """Fail when a text shows the canary, plainly or in base64."""
    encoded = b64encode(canary.encode()).decode().rstrip("=")
    for text in texts:
        assert canary not in text
        assert encoded not in text
