"""The fixtures that the package brings to every pytest run."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from secretsource import get_secret
from secretsource.exceptions import SecretNotFound
from secretsource.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Replace = Callable[[Mapping[str, str | bytes | None]], None]


def test_a_secret_is_replaced(secret_override: Replace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test's value wins over the environment; later replacements win over earlier ones."""
    monkeypatch.setenv("TOKEN_OF_THE_TEST", "process")
    secret_override({"TOKEN_OF_THE_TEST": "first", "OTHER_OF_THE_TEST": "other"})
    assert get_secret("TOKEN_OF_THE_TEST") == "first"
    secret_override({"TOKEN_OF_THE_TEST": "second"})
    assert get_secret("TOKEN_OF_THE_TEST") == "second"
    assert get_secret("OTHER_OF_THE_TEST") == "other"


def test_none_takes_a_secret_away(secret_override: Replace, monkeypatch: pytest.MonkeyPatch) -> None:
    """None means that the secret is not there, whatever the environment has."""
    monkeypatch.setenv("TOKEN_OF_THE_TEST", "process")
    secret_override({"TOKEN_OF_THE_TEST": None})
    with pytest.raises(SecretNotFound):
        get_secret("TOKEN_OF_THE_TEST")


def test_it_ends_with_the_test(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before and after a test that replaces a secret, the true value is there."""
    monkeypatch.setenv("TOKEN_OF_THE_TEST", "process")
    plugin = sys.modules["secretsource.testing.pytest_plugin"]
    fixture = plugin.secret_override.__wrapped__()
    next(fixture)({"TOKEN_OF_THE_TEST": "replaced"})
    assert get_secret("TOKEN_OF_THE_TEST") == "replaced"
    assert list(fixture) == []
    assert get_secret("TOKEN_OF_THE_TEST") == "process"


def test_the_clock_is_fake(fake_clock: object) -> None:
    """The fixture is a clock that has not moved."""
    assert isinstance(fake_clock, FakeClock)
    assert fake_clock.now().mono == FakeClock().now().mono


def test_loading_it_loads_nothing_else() -> None:
    """A pytest run that asks for no fixture pays for pytest alone: no resolver, no driver, no event loop."""
    statement = (
        "import sys, pytest\n"
        "before = set(sys.modules)\n"
        "import secretsource.testing.pytest_plugin\n"
        "loaded = set(sys.modules) - before\n"
        "assert not loaded & {'asyncio', 'dotenv', 'boto3', 'secretsource.testing.conformance'}, loaded\n"
    )
    subprocess.run([sys.executable, "-c", statement], check=True)
