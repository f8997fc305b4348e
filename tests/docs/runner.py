"""Run a page as its reader would: from top to bottom, in an empty folder, each block by its language.

    python, setup    executed, all of a page in one namespace; what enters `servers` there is left with the page
    text             what the block above printed, compared
    console          `$ command` in a shell, its output compared; of `pip install` the extras, of `make` the target
    toml, dotenv     written where the first line says; a configuration is loaded for each of its environments
    json             a policy, of actions that AWS has
    yaml             parsed

A block of Python whose first line is a file name is written there, for a later block to import or run. In expected
output ``…`` stands for anything on a line, and alone on a line for any lines.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Any

from tests.docs.pages import ROOT, Block, blocks_of

import secretsource
from secretsource import configure
from secretsource.config import load_config

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

COMMANDS = {
    "secretsource": "-m secretsource",
    "python": "",
    "pytest": "-m pytest -p no:cacheprovider -p no:asyncio",
}
"""What a page may call, and the module behind it: the interpreter under test runs them all."""

LONGEST_COMMAND = 60
"""Seconds after which a command of a page is ended."""

CONFIGURATIONS = ("secretsource.toml", "pyproject.toml")


class PageError(AssertionError):
    """A block did not do what its page says."""


class PageRun:
    """One reader of one page.

    Args:
        folder: An empty folder to work in.
        names: What the namespace holds from the start.
    """

    def __init__(self, folder: Path, **names: Any) -> None:
        self.folder = folder
        self.servers = contextlib.ExitStack()
        self.names: dict[str, Any] = {"__name__": "__main__", "servers": self.servers, **names}
        self.printed = ""
        self.status = 0
        self.done: list[tuple[Block, str]] = []
        """Every block, and what was done with it."""

    def read(self, page: Path, text: str) -> None:
        """Run every block of a page."""
        with self._as_reader(), self.servers:
            for block in blocks_of(page, text):
                self.done.append((block, self._meet(block)))
            self._leave_nothing_printed(None)

    def _meet(self, block: Block) -> str:
        if block.not_run is not None:
            return "marked"
        self._leave_nothing_printed(block)
        run: dict[str, Callable[[Block], str]] = {
            "python": self._python,
            "setup": self._python,
            "text": self._output,
            "console": self._console,
            "toml": self._toml,
            "dotenv": self._write,
            "json": _policy,
            "yaml": _yaml,
        }
        if block.language not in run:
            raise PageError(f"{block}: nobody knows how to run this; write <!-- not run: why --> above it")
        return run[block.language](block)

    def _leave_nothing_printed(self, block: Block | None) -> None:
        if self.printed and (block is None or block.language != "text"):
            raise PageError(f"{self.done[-1][0]}: the page does not show what it prints:\n{self.printed}")

    def _python(self, block: Block) -> str:
        code = compile("\n" * block.line + block.text, str(block.page), "exec", dont_inherit=True)
        if block.file_name:
            return self._write(block)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(code, self.names)
        self.printed = printed.getvalue()
        return "run"

    def _output(self, block: Block) -> str:
        if not self.printed:
            raise PageError(f"{block}: nothing was printed before it")
        printed, self.printed = self.printed, ""
        compare(block, block.text, printed)
        return "compared"

    def _console(self, block: Block) -> str:
        for command, expected in commands_of(block):
            compare(block, expected, self._command(command), command)
        return "run"

    def _command(self, command: str) -> str:
        name, _, value = command.removeprefix("export ").partition("=")
        if command.startswith("export "):
            os.environ[name] = "".join(shlex.split(value))
            return ""
        if command.startswith(("pip install ", "make ")):
            return _promise(command)
        script = f"(exit {self.status}); {command}"  # so that $? is the status of the command before
        self.status, printed = on_a_terminal(["sh", "-c", script])
        return printed

    def _toml(self, block: Block) -> str:
        tables = tomllib.loads(block.text)
        if block.file_name is None:
            raise PageError(f"{block}: say which file this is, in its first line")
        self._write(block)
        if Path(block.file_name).name in CONFIGURATIONS:
            own = tables.get("tool", {}).get("secretsource", {}) if "project" in tables else tables
            for environment in own.get("environments", ()):
                load_config(block.file_name, environment=environment)
        return "loaded"

    def _write(self, block: Block) -> str:
        if block.file_name is None:
            raise PageError(f"{block}: say which file this is, in its first line")
        file = self.folder / block.file_name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block.text + "\n")
        configure()  # as in a program that starts after the file was written
        return "written"

    @contextlib.contextmanager
    def _as_reader(self) -> Generator[None]:
        """In the folder, with the commands on the path; all is as before afterwards."""
        environment, path, modules, home = dict(os.environ), list(sys.path), set(sys.modules), Path.cwd()
        umask = os.umask(0o022)
        os.environ.update(_environment(self.folder.parent / f"{self.folder.name}-commands"))
        sys.path.insert(0, str(self.folder))
        os.chdir(self.folder)
        configure()
        try:
            yield
        finally:
            os.umask(umask)
            os.chdir(home)
            configure()
            os.environ.clear()
            os.environ.update(environment)
            sys.path[:] = path
            for name in set(sys.modules) - modules:
                if str(getattr(sys.modules[name], "__file__", "")).startswith(str(self.folder)):
                    del sys.modules[name]


def commands_of(block: Block) -> list[tuple[str, str]]:
    """The commands of a console block, each with the output that the page shows.

    Raises:
        PageError: The block does not begin with a command.
    """
    commands: list[tuple[str, list[str]]] = []
    for line in block.text.split("\n"):
        if line.startswith("$ "):
            commands.append((line[2:], []))
        elif not commands:
            raise PageError(f"{block}: a console block begins with '$ '")
        elif commands[-1][0].endswith("\\"):
            commands[-1] = (commands[-1][0][:-1] + line.lstrip(), [])
        else:
            commands[-1][1].append(line)
    return [(command, "\n".join(output)) for command, output in commands]


def on_a_terminal(command: list[str]) -> tuple[int, str]:
    """Run a command with its output on a terminal; its exit status, and what the terminal shows."""
    ours, theirs = os.openpty()
    shown = b""
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
        os.close(theirs)
        watchdog = Timer(LONGEST_COMMAND, process.kill)
        watchdog.start()
        with process, contextlib.suppress(OSError):  # EIO is how Linux says that nobody writes any more
            while part := os.read(ours, 65536):
                shown += part
        watchdog.cancel()
    finally:
        os.close(ours)
    return process.returncode, shown.decode().replace("\r\n", "\n")


def compare(block: Block, expected: str, printed: str, what: str = "its output") -> None:
    """Check what was printed against what the page shows.

    Raises:
        PageError: They differ.
    """
    shown = "\n".join(line.rstrip() for line in printed.split("\n")).strip("\n")
    if not re.fullmatch(_pattern(expected.strip("\n")), shown + "\n"):
        raise PageError(f"{block}: {what} differs\n--- the page shows\n{expected}\n--- printed was\n{shown}")


def _pattern(expected: str) -> str:
    lines = [re.escape(line.rstrip()).replace("…", "[^\n]*") + "\n" for line in expected.split("\n")]
    return "".join("(?:[^\n]*\n)*?" if line == "[^\n]*\n" else line for line in lines)


def _promise(command: str) -> str:
    """What is wrong with a command that is not run here, because it would install, or run these tests."""
    tool, *words = shlex.split(command, comments=True)
    if tool == "make":
        return "" if f"\n{words[0]}:" in (ROOT / "Makefile").read_text() else "make has no such target"
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = [extra for word in words for extra in re.findall(r"secretsource\[([^]]*)\]", word)]
    unknown = {extra for extras in named for extra in extras.split(",")} - known.keys()
    return f"there are no extras {unknown}" if unknown else ""


def _environment(folder: Path) -> dict[str, str]:
    """What the commands of a page need: this interpreter under each of their names, and no terminal."""
    folder.mkdir()
    for command, module in COMMANDS.items():
        file = folder / command
        file.write_text(f'#!/bin/sh\nexec "{sys.executable}" {module} "$@"\n')
        file.chmod(0o755)
    variables = {"PATH": f"{folder}:{os.environ['PATH']}", "TERM": "dumb", "COLUMNS": "100", "NO_COLOR": "1"}
    try:
        importlib.metadata.distribution("secretsource")
    except importlib.metadata.PackageNotFoundError:  # run from the tree, where pytest does not find our plugin
        variables["PYTEST_PLUGINS"] = "secretsource.testing.pytest_plugin"
        variables["PYTHONPATH"] = str(Path(secretsource.__file__).parents[1])
    return variables


def _policy(block: Block) -> str:
    """A policy names actions of AWS only."""
    from botocore.session import get_session

    session = get_session()
    for statement in json.loads(block.text)["Statement"]:
        for action in [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]:
            service, _, operation = action.partition(":")
            if operation not in session.get_service_model(service).operation_names:
                raise PageError(f"{block}: AWS has no action {action}")
    return "checked"


def _yaml(block: Block) -> str:
    import yaml

    list(yaml.safe_load_all(block.text))
    return "parsed"
