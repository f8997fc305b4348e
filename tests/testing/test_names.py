"""The front page of the kit, and what it loads."""

from __future__ import annotations

import subprocess
import sys

import pytest

import secretsource.testing


@pytest.mark.parametrize("name", secretsource.testing.__all__)
def test_every_name_is_there(name: str) -> None:
    """Each public name can be had from the package, and is the one of its module."""
    named = getattr(secretsource.testing, name)
    assert named.__name__ == name
    assert named.__module__.startswith("secretsource.testing.")


def test_an_unknown_name_is_told() -> None:
    """A misspelled name is the usual AttributeError."""
    with pytest.raises(AttributeError, match="ScriptedProvidr"):
        getattr(secretsource.testing, "ScriptedProvidr")  # noqa: B009 - what `from … import` does


@pytest.mark.parametrize("name", ["FakeClock", "ScriptedProvider", "ProviderHarness"])
def test_what_needs_no_pytest_does_without(name: str) -> None:
    """Clock, scripts and harness work where pytest is not installed."""
    statement = f"import sys; sys.modules['pytest'] = None; from secretsource.testing import {name}"
    subprocess.run([sys.executable, "-c", statement], check=True)
