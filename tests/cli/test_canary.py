"""No command shows a value that was not asked for by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.cli.conftest import CANARY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VALUE_FREE = [
    (),
    ("--help",),
    ("check",),
    ("check", "--json"),
    ("explain", "SESSION_KEY"),
    ("explain", "MAIL_PASSWORD", "--json"),
    ("explain", "TLS_KEY", "--field", "inner"),
    ("explain", "ref+env://SESSION_KEY"),
    ("get", "SESSION_KEY", "--field", "inner"),
    ("get", "SESSION_KEY", "--version", "1"),
    ("get", "NOWHERE"),
    ("list",),
    ("list", "--json"),
    ("export", "NOWHERE", "SESSION_KEY", "--format", "json"),
    ("export", "SESSION_KEY", "--format", "yaml"),
    ("export", "TLS_KEY", "--format", "shell", "--out", "new.sh"),
    ("export", "TLS_KEY", "--format", "shell", "--out", "secretsource.toml"),
    ("set", "SESSION_KEY"),
    ("set", "SESSION_KEY", CANARY),
    ("set", f"SESSION_KEY={CANARY}"),
    ("set", "SESSION_KEY", f"--{CANARY}"),
    ("init",),
    ("init", "--json"),
    ("run", "--", "no-such-command-here"),
    ("run", "--", "true"),
    ("run", "--only", "SESSION_KEY"),
]
"""Every command, in the ways that write something else than a value."""


@pytest.mark.parametrize("arguments", VALUE_FREE, ids=" ".join)
def test_no_value_is_shown(project: Path, spawn: Callable[..., Any], arguments: tuple[str, ...]) -> None:
    """Neither standard output nor standard error has a planted value, and there is no traceback."""
    done = spawn(*arguments)
    assert CANARY not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_no_value_of_a_pointer_that_leads_nowhere(project: Path, spawn: Callable[..., Any]) -> None:
    """A value that should have been a reference, and is none, is not shown either."""
    for value in (f"ref+{CANARY}", f"ref+nowhere://{CANARY}#"):
        done = spawn("check", SESSION_KEY=value)
        assert done.returncode == 2
        assert CANARY not in done.stdout + done.stderr


def test_a_value_in_the_place_of_a_name(project: Path, spawn: Callable[..., Any]) -> None:
    """Whoever pipes a value to where a name belongs finds it in no message, where it cannot be a name."""
    for verb in ("get", "explain"):
        done = spawn(verb, f"{CANARY} with a space")
        assert done.returncode == 2
        assert CANARY not in done.stdout + done.stderr
