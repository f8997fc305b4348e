"""Fixtures for applications that use secretsource; pytest loads them by itself once the package is installed.

Nothing of the package is imported until a test asks for a fixture.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from secretsource.testing.clock import FakeClock

__all__ = ["fake_clock", "secret_override"]

pytest.register_assert_rewrite(
    "secretsource.testing.conformance",
    "secretsource.testing.batch_conformance",
    "secretsource.testing.async_conformance",
)


@pytest.fixture
def secret_override() -> Iterator[Callable[[Mapping[str, str | bytes | None]], None]]:
    """Give secrets other values until the end of the test; None means that the secret is not there.

    def test_charges_a_card(secret_override):
        secret_override({"STRIPE_SECRET_KEY": "sk_test_x"})
    """
    from secretsource import override

    with ExitStack() as overrides:

        def replace(secrets: Mapping[str, str | bytes | None]) -> None:
            overrides.enter_context(override(secrets))

        yield replace


@pytest.fixture
def fake_clock() -> FakeClock:
    """A clock that stands still until the test moves it, for ``Resolver(clock=fake_clock)``."""
    from secretsource.testing.clock import FakeClock

    return FakeClock()
