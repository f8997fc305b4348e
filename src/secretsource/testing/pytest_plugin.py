"""Fixtures for applications that use secretsource; pytest loads them by itself once the package is installed.

The package is imported only when a test asks for a fixture, or imports it itself.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from secretsource import override
    from secretsource.resolver._default import DefaultResolver
    from secretsource.testing.clock import FakeClock

__all__ = ["fake_clock", "secret_override"]

pytest.register_assert_rewrite(
    "secretsource.testing._providers.conformance",
    "secretsource.testing._providers.batch_conformance",
    "secretsource.testing._providers.async_conformance",
    "secretsource.testing._integrations.acceptance",
)


@pytest.fixture(autouse=True)
def _default_resolver_of_its_own() -> Iterator[None]:
    """Give each test the default resolver as it would be without the tests before it.

    The configuration from before the test is valid again after it, with an empty cache. The configuration of the test,
    and whatever the test found in its environment and working directory, end with it.
    """
    resolver = _default_resolver()
    given = None if resolver is None else resolver.given
    if resolver is not None and given is None:
        resolver.restore(None)
    yield
    resolver = _default_resolver()
    if resolver is not None:
        resolver.restore(given)


def _default_resolver() -> DefaultResolver | None:
    """Return the default resolver, if a module has imported it."""
    module = sys.modules.get("secretsource.resolver._default")
    return getattr(module, "default_resolver", None)


@pytest.fixture
def secret_override() -> Iterator[Callable[[Mapping[str, str | bytes | None]], override]]:
    """Replace the values of secrets until the end of the test, or of a ``with`` block; None makes a secret absent.

    def test_charges_a_card(secret_override):
        secret_override({"STRIPE_SECRET_KEY": "sk_test_x"})

    With ``only=True``, every other secret is absent.
    """
    from secretsource import override

    with ExitStack() as overrides:

        def replace(secrets: Mapping[str, str | bytes | None], *, only: bool = False) -> override:
            return overrides.enter_context(override(secrets, only=only))

        yield replace


@pytest.fixture
def fake_clock() -> FakeClock:
    """Return a clock that stands still until the test moves it, for ``Resolver(clock=fake_clock)``."""
    from secretsource.testing.clock import FakeClock

    return FakeClock()
