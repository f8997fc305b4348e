"""Fixtures for applications that use secretsource; pytest loads them by itself once the package is installed.

The package is imported only when a test asks for a fixture, or imports it itself. A secret is a text, which pytest
would show in the report of a failure and in the name of a test. Here, both show its mask or its name.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Self

    from secretsource import override
    from secretsource.resolver._default import DefaultResolver
    from secretsource.testing.clock import FakeClock

__all__ = ["fake_clock", "pytest_assertrepr_compare", "pytest_make_parametrize_id", "secret_override"]

pytest.register_assert_rewrite(
    "secretsource.testing._providers.conformance",
    "secretsource.testing._providers.batch_conformance",
    "secretsource.testing._providers.async_conformance",
    "secretsource.testing._integrations.acceptance",
)


DEEPEST = 8
"""Levels of objects inside of objects in which a secret is looked for."""


@pytest.hookimpl(tryfirst=True)
def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Explain a failed comparison with a secret by its mask; pytest would show the difference of the texts.

    Args:
        op: The operator.
        left: The value before it.
        right: The value after it.
    """
    return [f"{left!r} {op} {right!r}"] if _has_secret(left) or _has_secret(right) else None


def pytest_make_parametrize_id(val: object) -> str | None:
    """Call the case of a parameter by the name of the secret; pytest would call it by the value.

    Args:
        val: The parameter.
    """
    kind = _from_loaded("secretsource._secret", "Secret")
    return str(getattr(val, "name", "")) if kind is not None and isinstance(val, kind) else None


def _has_secret(value: object, depth: int = 0) -> bool:
    """Return whether a value is a secret, or an object with a field that is: pytest compares objects by fields."""
    kind = _from_loaded("secretsource._secret", "Secret")
    if kind is None or isinstance(value, kind):
        return kind is not None
    of = type(value)  # not of the value, which may have every name, as a mock has
    fields = getattr(of, "__dataclass_fields__", ()) or (getattr(of, "_fields", ()) if isinstance(value, tuple) else ())
    names = [*fields, *(each.name for each in getattr(of, "__attrs_attrs__", ()))]
    return depth < DEEPEST and any(_has_secret(getattr(value, str(name), None), depth + 1) for name in names)


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
    resolver: DefaultResolver | None = _from_loaded("secretsource.resolver._default", "default_resolver")
    return resolver


def _from_loaded(module: str, name: str) -> Any:
    """Return an object of a module, if the module is loaded."""
    return getattr(sys.modules.get(module), name, None)


@pytest.fixture
def secret_override() -> Iterator[Callable[[Mapping[str, str | bytes | None]], override]]:
    """Replace the values of secrets until the end of the test, or of a ``with`` block; None makes a secret absent.

    def test_charges_a_card(secret_override):
        secret_override({"STRIPE_SECRET_KEY": "sk_test_x"})

    With ``only=True``, every other secret is absent.
    """
    from secretsource import override

    with ExitStack() as overrides:

        class InForce(override):
            """An override that is in force already: a ``with`` block only ends it."""

            def __enter__(self) -> Self:
                return self

        def replace(secrets: Mapping[str, str | bytes | None], *, only: bool = False) -> override:
            made = InForce(secrets, only=only)
            override.__enter__(made)
            overrides.push(made)
            return made

        yield replace


@pytest.fixture
def fake_clock() -> FakeClock:
    """Return a clock that stands still until the test moves it, for ``Resolver(clock=fake_clock)``."""
    from secretsource.testing.clock import FakeClock

    return FakeClock()
