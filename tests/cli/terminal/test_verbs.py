"""The table of the commands: it says what the commands say of themselves, and loads one when it is named."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from tests.cli.conftest import CANARY

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
        (["get"], "missing argument 'NAME': see  secretsource get --help"),
        (["get", "NAME", "--field"], "option '--field' requires an argument: see  secretsource get --help"),
        (["get", "NAME", CANARY], "too many arguments: see  secretsource get --help"),
        (["get", "NAME", "--raw", "--json"], "give --raw or --json, not both"),
        (["keys", "list", "--limit", "many"], "invalid value for '--limit': it must be a whole number: see  "),
        (["keys", "list", "--limit", "\u0663"], "invalid value for '--limit': it must be a whole number: see  "),
        (["keys", "add-credits", "0" * 22, CANARY], "invalid value for 'N': it must be a whole number: see  "),
        (["keys", "outbox", "--limit", "1001"], "it must be a whole number from 1 to 1000: see  "),
        (["serve", "--workers", "0"], "it must be a whole number from 1 to 64: see  "),
        (["keys", "list", "--status", "lost"], "invalid value for '--status': 'lost' is not one of 'active', "),
        (["keys", "show", "short"], "a key id must be 22 characters"),
        (["gte", "NAME"], "no such command 'gte': did you mean 'get'?"),
        (["keys", "lits"], "no such command 'lits': did you mean 'list'?"),
        (["frobnicate"], "no such command 'frobnicate': see  secretsource --help"),
        (["get", "NAME", "--feild", "x"], "no such option '--feild': did you mean '--field'?"),
        (["check", "--env", "x"], "no such option '--env': write it before the command, as in  secretsource --env "),
        (["keys", "verify", "--config=x"], "as in  secretsource --config PATH keys verify"),
        (["keys", "issue", "--env", "x"], "no such option '--env': did you mean '--environment'?"),
        (["keys", "list", "--frobnicate"], "no such option '--frobnicate': see  secretsource keys list --help"),
        (["keys", "usage", "--csv", "--json"], "give --csv or --json, not both"),
        (["keys", "verify"], "there is no key on standard input: pipe it in, or type it at the prompt"),
    ],
)
def test_wrong_arguments_are_one_sentence_with_one_advice(
    command: Any, is_one_sentence: Callable[[str], bool], arguments: list[str], sentence: str
) -> None:
    """What is missing, mistyped, out of its range or too much is said in our words, and no library's."""
    done = command(*arguments)
    assert (done.exit_code, done.stdout, sentence in done.stderr) == (2, "", True), done.stderr
    assert is_one_sentence(done.stderr)
    assert CANARY not in done.stderr


def test_a_plain_number_loads_no_converter(project: Path, environment: dict[str, str]) -> None:
    """A number is read without pydantic, which typer would load."""
    assert "pydantic" not in modules_of(["keys", "list", "--limit", "5"], environment)


@pytest.mark.parametrize(
    ("arguments", "usage", "argument"),
    [
        (["get"], "Usage: secretsource get [OPTIONS] NAME\n", "\n  NAME  A secret's name"),
        (["run"], "Usage: secretsource run [OPTIONS] -- CMD...\n", "\n  -- CMD...  The command"),
        (["export"], "Usage: secretsource export [OPTIONS] [NAME]...\n", "\n  [NAME]...  The secrets."),
        (["keys", "revoke"], "Usage: secretsource keys revoke [OPTIONS] [KEY_ID]\n", "\n  KEY_ID  A key's"),
    ],
)
def test_help_shows_what_to_type(command: Any, arguments: list[str], usage: str, argument: str) -> None:
    """The usage has brackets around what may be missing, and no type of Python."""
    shown = command(*arguments, "--help").stdout
    assert shown.startswith(usage)
    assert argument in shown
    assert "<str>" not in shown


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
