"""The layer contracts of pyproject.toml bite: a tree that breaks one is refused, with the line that does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TREE = Path(__file__).parents[2]

WRONG_TURNS = {
    "resolver/wrong.py": ("from secretsource.providers import env", "A portable type names no driver"),
    "resolver/vendor.py": ("import boto3", "A portable type names no vendor"),
    "providers/wrong.py": ("from secretsource.providers import env", "Drivers of secrets do not know each other"),
    "providers/upward.py": ("from secretsource.resolver._walk import chain", "Arrows point one way"),
    "providers/vault.py": (
        "from secretsource.providers._aws import client",
        "What drivers of AWS share is theirs",
    ),
    "stores/wrong.py": (
        "from secretsource.providers import env",
        "Drivers of key records do not know each other, nor those of secrets",
    ),
    "issuing/_key/wrong.py": ("from secretsource.issuing._check.steps import gate", "The rooms of the issuing half"),
    "cli/wrong.py": ("from secretsource.resolver._walk import trace", "An edge imports public names only"),
    "exceptions.py": ("import secretsource", "Nothing behind the front page imports it"),
}


def lint(root: Path) -> tuple[int, str]:
    """Run the real contracts over a package laid at ``root``."""
    # -P: the checker may find the package at PYTHONPATH only.
    done = subprocess.run(
        [
            sys.executable, "-P", "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()",
            "--config", str(TREE / "pyproject.toml"), "--no-cache", "--no-logo",
        ],
        cwd=root,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join([str(root), str(TREE)])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )  # fmt: skip
    return done.returncode, " ".join(done.stdout.split())


@pytest.fixture
def skeleton(tmp_path: Path) -> Path:
    """Every module of the tree, emptied of its imports."""
    for module in (TREE / "src").rglob("*.py"):
        file = tmp_path / module.relative_to(TREE / "src")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return tmp_path


def test_a_package_that_keeps_the_contracts_passes(skeleton: Path) -> None:
    """Without a wrong turn there is nothing to refuse."""
    code, report = lint(skeleton)
    assert code == 0, report


@pytest.mark.parametrize("module", WRONG_TURNS)
def test_a_wrong_turn_is_refused(skeleton: Path, module: str) -> None:
    """Each arrow that must not be drawn breaks the contract that forbids it."""
    line, contract = WRONG_TURNS[module]
    (skeleton / "secretsource" / module).write_text(line + "\n", encoding="utf-8")
    code, report = lint(skeleton)
    assert code == 1
    assert f"{contract} BROKEN" in report


def test_a_circle_is_refused(skeleton: Path) -> None:
    """Also one that only a type checker would walk."""
    for module, other in (("gate", "verifier"), ("verifier", "gate")):
        (skeleton / f"secretsource/issuing/_check/{module}.py").write_text(
            f"if TYPE_CHECKING:\n    from secretsource.issuing._check import {other}\n", encoding="utf-8"
        )
    code, report = lint(skeleton)
    assert code == 1
    assert "No circle of files BROKEN" in report
