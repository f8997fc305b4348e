"""The command line: what a person waits for, against importing what it is made with, in new processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.harness import Figure, at_most, compared, interleave
from benchmarks.samples import NAME, VALUE, quiet_environment

TITLE = "command: the time and CPU of a command, in a new process"

PYTHON, MADE_WITH, SQL = "python -c pass", "import typer, rich", "import typer, rich, sqlalchemy.dialects.sqlite"
COMMAND = ("-m", "secretsource")


def completing(line: str) -> Mapping[str, str]:
    """What bash sets when a person presses TAB at the end of a line."""
    place = str(len(line.split(" ")) - 1)
    return {"_SECRETSOURCE_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": place}


CASES: Mapping[str, tuple[Sequence[str], Mapping[str, str]]] = {
    PYTHON: (("-c", "pass"), {}),
    MADE_WITH: (("-c", MADE_WITH), {}),
    SQL: (("-c", SQL), {}),
    "get": ((*COMMAND, "get", NAME), {}),
    "keys list": ((*COMMAND, "keys", "list"), {}),
    "TAB at a secret": (COMMAND, completing("secretsource get ")),
    "TAB at a command": (COMMAND, completing("secretsource ke")),
}


def measure(rounds: int = 15) -> list[Figure]:
    """Start each kind of process in turn, in a folder with an empty key store."""
    with TemporaryDirectory() as folder:
        run(folder, (*COMMAND, "keys", "migrate", "--create"), {})
        for arguments, variables in CASES.values():
            run(folder, arguments, variables)  # leaves the .pyc files that an installed package has
        samples = interleave({what: partial(run, folder, *case) for what, case in CASES.items()}, rounds)
    limits = {
        ("get", MADE_WITH): at_most(1.5),
        ("keys list", MADE_WITH): at_most(4.0),
        ("keys list", SQL): at_most(1.15),
        ("TAB at a secret", MADE_WITH): at_most(1.35),
        ("TAB at a command", MADE_WITH): at_most(1.15),
        ("get", PYTHON): None,
        ("keys list", PYTHON): None,
    }
    return [compared(f"{case} / {base}", samples, case, base, limit) for (case, base), limit in limits.items()]


def run(folder: str, arguments: Sequence[str], variables: Mapping[str, str]) -> float:
    """Run Python with these arguments; its CPU seconds, or the elapsed ones where the system cannot say."""
    before, begun = _children(), perf_counter()
    subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=quiet_environment(**{NAME: VALUE, **variables}),
        capture_output=True,
        check=True,
        timeout=60,
    )
    return _children() - before or perf_counter() - begun


def _children() -> float:
    """CPU seconds of the processes that this one has started and that have ended; 0 where the system cannot say."""
    try:
        from resource import RUSAGE_CHILDREN, getrusage
    except ImportError:  # Windows
        return 0.0
    usage = getrusage(RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
