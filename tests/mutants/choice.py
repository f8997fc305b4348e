"""Which faults are tried when there is no time for all: those on changed lines, and others that differ by commit."""

from __future__ import annotations

import random
import re
import subprocess
from typing import TYPE_CHECKING

from tests.mutants.trial import TREE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from tests.mutants.operators import Mutant

__all__ = ["SAMPLE", "changed_lines", "commit", "in_turn", "ordered"]

SAMPLE = 12
"""Faults of a module that are tried before the next module has its turn."""

_FILE = re.compile(r"\+\+\+ b/src/secretsource/(\S+)")
_HUNK = re.compile(r"@@ -\S+ \+(\d+)(?:,(\d+))? @@")


def commit() -> str:
    """The commit that is checked out; empty without git."""
    return _git("rev-parse", "HEAD")


def changed_lines() -> dict[str, set[int]]:
    """The lines of our modules that are not as where this branch left main, or, on main, as in the last release."""
    base = _git("merge-base", "HEAD", "main")
    if base in {"", commit()}:
        base = _git("describe", "--tags", "--abbrev=0") or _git("rev-parse", "HEAD~1")
    return parsed(_git("diff", "--unified=0", base, "--", "src/secretsource")) if base else {}


def parsed(diff: str) -> dict[str, set[int]]:
    """The new lines of each module in a diff without context."""
    found: dict[str, set[int]] = {}
    lines: set[int] = set()
    for line in diff.splitlines():
        if file := _FILE.match(line):
            lines = found.setdefault(file[1], set())
        elif line.startswith("+++ "):
            lines = set()
        elif hunk := _HUNK.match(line):
            lines.update(range(int(hunk[1]), int(hunk[1]) + int(hunk[2] or 1)))
    return found


def in_turn(modules: Sequence[str], changed: Mapping[str, AbstractSet[int]], seed: str) -> list[str]:
    """The modules with changed lines first, and the others in an order that differs from commit to commit."""
    others = sorted(modules)
    random.Random(seed).shuffle(others)
    return sorted(others, key=lambda module: module not in changed)


def ordered(mutants: Sequence[Mutant], changed: AbstractSet[int], seed: str) -> list[Mutant]:
    """The faults of a module on its changed lines first, and the others in an order that differs as well."""
    others = list(mutants)
    random.Random(seed).shuffle(others)
    return sorted(others, key=lambda mutant: mutant.line not in changed)


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=TREE, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
