"""Drivers of others whose outcomes are not of the promised types: an error that says what, whichever shell asks."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from secretsource import AsyncResolver, Resolver
from secretsource.exceptions import ProviderResponseError, ProviderUnavailable, SecretNotFound
from secretsource.providers.base import Failed, FailureCode, Found, NotFound, Provider

if TYPE_CHECKING:
    from secretsource.providers.base import Outcome, SecretRef

NAN = float("nan")
INFINITE = float("inf")


class Stub(Provider):
    """A driver that has one outcome."""

    scheme = "stub"

    def __init__(self, outcome: Any, max_age: float | None) -> None:
        super().__init__()
        self.max_age = max_age
        self.outcome = outcome

    def fetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        """Return it."""
        result: Outcome = self.outcome
        return result


def made(kind: Any, *args: Any, **words: Any) -> Any:
    """An outcome of the wrong types."""
    return kind(*args, **words)


@pytest.mark.parametrize("max_age", [None, 0.0])
@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (made(Found, "canary", version=3), "gave a version that is int, and not text"),
        (made(Found, "canary", expires_at=datetime.now(UTC)), "gave a time that is datetime, and not a number"),
        (made(Found, "canary", rotates_at="soon"), "gave a time that is str, and not a number"),
        (made(Found, "canary", max_age=NAN), "gave a time that is float, and not a number"),
        (made(Found, 3), "found int, which is neither text, bytes nor a mapping"),
        (made(Failed, "denied"), "failed with a code that is str, and not a FailureCode"),
        (made(Failed, FailureCode.DENIED, 3), "gave a reason that is int, and not text"),
        (made(Failed, FailureCode.THROTTLED, retry_after="1"), "gave a time that is str, and not a number"),
        (made(NotFound, 3), "gave a reason that is int, and not text"),
        ("canary", "returned str, which is not an outcome"),
    ],
    ids=range(10),
)
def test_wrong_types(outcome: Any, said: str, max_age: float | None) -> None:
    """The error names the mistake, and never has the value."""
    with Resolver([Stub(outcome, max_age)]) as resolver:
        for ask in (lambda: resolver.get("KEY"), lambda: asyncio.run(AsyncResolver.of(resolver).get("KEY"))):
            with pytest.raises(ProviderResponseError, match=f"the driver {said}") as caught:
                ask()
            assert "canary" not in str(caught.value)


def test_right_types() -> None:
    """Whole numbers and infinite ones are numbers of seconds."""
    found = Found("v", version="1", expires_at=INFINITE, rotates_at=2**62, max_age=3)
    assert Resolver([Stub(found, None)]).get("KEY").expires_at is not None
    for outcome, kind in (
        (Failed(FailureCode.THROTTLED, "r", retry_after=1), ProviderUnavailable),
        (NotFound("r"), SecretNotFound),
    ):
        with pytest.raises(kind):
            Resolver([Stub(outcome, None)]).get("KEY")
