"""A fresh interpreter to ask, and whether it is the installed wheel that answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Ask = Callable[..., Any]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Run Python source in a new interpreter, and return what it prints as JSON.

    The interpreter has only the variables it needs to start (so coverage does not load into it), and works in an
    empty folder.
    """

    def run(source: str, *options: str, **variables: str) -> Any:
        inherited = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
        if tree := os.environ.get("PYTHONPATH"):
            inherited["PYTHONPATH"] = str(Path(tree).resolve())
        done = subprocess.run(
            [sys.executable, *options, "-c", source],
            cwd=tmp_path,
            env=inherited | variables,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert not done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture
def installed() -> None:
    """Skip when a developer runs the tree itself; `make test` never does."""
    if os.environ.get("PYTHONPATH"):
        pytest.skip("PYTHONPATH is set: this run tests the tree, not the wheel")
