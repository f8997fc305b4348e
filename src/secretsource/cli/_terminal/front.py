"""Turn every error into one sentence and an exit code.

All that a command raises ends here: our own errors, wrong arguments, Ctrl-C, a full disk, and mistakes in this
program. No traceback is written, because its last line may quote a secret.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from secretsource.cli._terminal.exit_codes import DEFECT, INTERRUPTED, MISTAKE, code_of
from secretsource.cli._terminal.output import say
from secretsource.exceptions import SecretSourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Front"]


class Front(TyperGroup):
    """A group of commands that ends the process with the exit code of the command."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run the command that the arguments name, and exit."""
        _open_streams()
        options["standalone_mode"] = False
        run = super().main
        sys.exit(_ended(lambda: run(*arguments, **options)))


def _open_streams() -> None:
    """Open each standard stream that the process was started without, before another file takes its number.

    Standard input is then empty. A write to standard output fails, and is reported. A write to standard error is lost.
    """
    for name, mode, access in (("stdin", "r", os.O_RDONLY), ("stdout", "w", os.O_RDONLY), ("stderr", "w", os.O_WRONLY)):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, access), mode))


def _ended(command: Callable[[], Any]) -> int:
    """Run a command, and give its exit code."""
    try:
        ended = command()
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except Exception as error:
        failure: Exception = error
    else:
        return ended if isinstance(ended, int) else 0
    try:
        return _told(failure)
    except typer.Exit as stop:  # standard error is closed too
        return stop.exit_code


def _told(error: Exception) -> int:
    """Say what went wrong in one sentence, and give the exit code."""
    if isinstance(error, SecretSourceError):
        say("error", str(error))
        return code_of(error)
    if hasattr(error, "format_message"):  # an error of click, which some versions of typer carry inside
        say("error", _usage_sentence(error))
        return MISTAKE
    if isinstance(error, OSError):
        where = f" {str(error.filename)!r}" if error.filename is not None else ""
        say("error", f"the operating system refused{where}: {error.strerror or type(error).__name__}")
        return MISTAKE
    say("error", f"{type(error).__name__} in {_place(error)}: this is a mistake in secretsource, please report it")
    return DEFECT


def _usage_sentence(error: Any) -> str:
    """Say what is wrong with the arguments; errors of click have other words in every version of it."""
    context = getattr(error, "ctx", None)
    if _is_ours(error):  # it says what to do
        return str(error.message)
    message = str(error.format_message()).strip().rstrip(".")
    message = message.replace("Value error, ", "")  # the words of a library by which newer versions of typer read
    if message.startswith("Got unexpected extra"):
        message = "too many arguments"  # the message quotes one, which may be a secret
    message, _, meant = message.partition(". Did you mean ")
    option = getattr(error, "option_name", "")
    if hasattr(error, "possibilities"):
        message, meant = f"no such option {option!r}", _nearest(option, error.possibilities or _begun(option, context))
    command = context.command_path if context is not None else "secretsource"
    advice = _place_of(option, context) or f"see  {command} --help"
    if meant:
        advice = f"did you mean {meant.rstrip('?')}?"
    return f"{message[:1].lower()}{message[1:]}: {advice}"


def _begun(option: str, context: Any) -> list[str]:
    """Return the options of the command of which another one is the beginning, as ``--env`` is of ``--environment``."""
    known = () if context is None else context.command.get_params(context)
    return [name for parameter in known for name in parameter.opts if name.startswith(option)]


def _place_of(option: str, context: Any) -> str:
    """Say that an option stands before the command, if it is one of those; else return an empty text."""
    if context is None:
        return ""
    top = context.find_root()
    for known in () if top is context else top.command.get_params(top):
        if option in known.opts and known.metavar:
            command = context.command_path.removeprefix(top.command_path)
            return f"write it before the command, as in  {top.command_path} {option} {known.metavar}{command}"
    return ""


def _is_ours(error: Any) -> bool:
    """Return whether a command raised the error itself, and not its reading of one option."""
    return isinstance(error, typer.BadParameter) and bool(error.message) and not (error.param or error.param_hint)


def _nearest(option: str, known: Iterable[str]) -> str:
    """Quote the option that is most like another one; return an empty text where all are too different."""
    from difflib import get_close_matches

    names = {name.lstrip("-"): name for name in known}
    near = [name for name in names if name.startswith(option.lstrip("-"))] or get_close_matches(
        option.lstrip("-"), names
    )
    return "".join(repr(names[name]) for name in near[:1])


def _place(error: Exception) -> str:
    """Return the file and line where an error arose, and no value."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "an unknown place" if trace is None else f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
