"""The table of the commands: it says what the commands say of themselves, and loads one when it is named."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from secretsource.cli._commands import Commands
from secretsource.cli.keys import KeyCommands

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from secretsource.cli._arguments.verbs import Verb

VERBS = {**Commands.table, **{f"keys {name}": verb for name, verb in KeyCommands.table.items()}}


def function_of(verb: Verb) -> Callable[..., Any]:
    module, _, name = verb.place.partition(":")
    found: Any = getattr(import_module(module), name)
    made: Any = found.registered_callback.callback if hasattr(found, "registered_callback") else found
    return made


@pytest.mark.parametrize("name", VERBS)
def test_the_table_says_what_a_command_says(name: str) -> None:
    """The summary in the table is the first line of the docstring of the command."""
    assert VERBS[name].summary == (inspect.getdoc(function_of(VERBS[name])) or "").splitlines()[0]


@pytest.mark.parametrize(
    ("arguments", "loaded"),
    [
        (["--help"], set[str]()),
        (["get", "SESSION_KEY"], {"secrets.get"}),
        (["list"], {"secrets.list"}),
        (["keys", "--help"], {"keys"}),
        (["keys", "rules"], {"keys", "keys.rules"}),
    ],
)
def test_only_the_named_command_is_loaded(
    project: Path, environment: dict[str, str], arguments: list[str], loaded: set[str]
) -> None:
    """A command loads itself and no other; help loads none."""
    known = {verb.place.partition(":")[0] for verb in VERBS.values()}
    expected = {f"secretsource.cli.{name}" for name in loaded}
    assert set(modules_of(arguments, environment)) & known == expected


@pytest.mark.parametrize("line", ["secretsource ", "secretsource ke", "secretsource get ", "secretsource keys li"])
def test_completion_loads_no_store_and_no_converter(project: Path, environment: dict[str, str], line: str) -> None:
    """A TAB loads no SQL, nothing that checks keys, and nothing that converts values."""
    words = line.split(" ")
    asked = {"_SECRETSOURCE_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    unwanted = {"sqlalchemy", "cryptography", "pydantic", "rich", "secretsource.stores", "secretsource.issuing"}
    assert not set(modules_of([], environment | asked)) & unwanted


def test_a_plain_value_loads_no_converter(project: Path, environment: dict[str, str]) -> None:
    """A secret that is named by a plain text is written without pydantic, which typer would load."""
    assert not {"pydantic", "rich"} & set(modules_of(["get", "SESSION_KEY"], environment))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["get"], "missing argument 'NAME'"),
        (["keys", "list", "--limit", "many"], "--limit"),
        (["keys", "events", "0" * 22, "--limit", "1001"], "--limit"),
        (["keys", "list", "--status", "lost"], "--status"),
        (["keys", "show", "short"], "a key id must be 22 characters"),
        (["gte", "NAME"], "no such command 'gte'. Did you mean 'get'"),
        (["keys", "lits"], "no such command 'lits'. Did you mean 'list'"),
    ],
)
def test_a_value_that_has_to_be_read_is_read(command: Any, arguments: list[str], sentence: str) -> None:
    """A missing value, a number, a choice, a range and a key id are checked as before."""
    done = command(*arguments)
    assert (done.exit_code, sentence in done.stderr) == (2, True), done.stderr


def modules_of(arguments: list[str], environment: dict[str, str]) -> list[str]:
    """The modules that a run of the command has loaded at its end."""
    script = (
        "import sys, json\n"
        "from secretsource.cli.app import main\n"
        f"sys.argv = ['secretsource', *{arguments!r}]\n"
        "try:\n    main()\n"
        "finally:\n    print(json.dumps(sorted(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    found: list[str] = json.loads(done.stderr.splitlines()[-1])
    return found
