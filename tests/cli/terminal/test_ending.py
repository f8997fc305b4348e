"""A command's process ends with its exit code, its output and all that waits for the end, and early where it may."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

COMMAND = """
import atexit, sys, threading, time
{before}
from secretsource.cli._terminal.ending import ended_early

class Torn:
    def __del__(self):
        print("taken apart", file=sys.stderr, flush=True)

torn = Torn()

def late():
    time.sleep(0.2)
    print("the thread")

def command():
    atexit.register(lambda: print("registered"))
    threading.Thread(target=late).start()
    print("the command", end="")
    {ends}

sys.exit(ended_early(command))
"""
USUAL = "the commandthe thread\nregistered\n"


def ended(ends: str, before: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command that ends in some way."""
    script = COMMAND.format(ends=ends, before=before)
    untraced = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    return subprocess.run(
        [sys.executable, "-c", script], env=untraced, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(("ends", "code"), [("return 0", 0), ("return 3", 3), ("sys.exit(2)", 2)])
def test_all_that_waits_for_the_end_is_done(ends: str, code: int) -> None:
    """Threads end, registered functions are called, output arrives; only the modules are not taken apart."""
    done = ended(ends)
    assert (done.returncode, done.stdout, done.stderr) == (code, USUAL, "")


@pytest.mark.parametrize("ends", ["return 3", "sys.exit(3)"])
def test_a_tool_around_the_command_ends_as_ever(ends: str) -> None:
    """A function that was registered before the command began is called, since Python ends the process itself."""
    done = ended(ends, before="atexit.register(lambda: print('the tool'))")
    assert (done.returncode, done.stdout, done.stderr) == (3, USUAL + "the tool\n", "taken apart\n")


def test_an_error_is_shown() -> None:
    """A process without an exit code of the command ends as Python ends it."""
    done = ended("raise LookupError('lost')")
    assert (done.returncode, done.stdout) == (1, USUAL)
    assert "LookupError: lost" in done.stderr
    assert "taken apart" in done.stderr


def test_output_that_cannot_be_written_is_an_error() -> None:
    """What is still in the buffer at the end is not lost silently."""
    done = ended("return 0", before="sys.stdout = open('/dev/full', 'w')")
    assert done.returncode == 120
    assert "No space left on device" in done.stderr
