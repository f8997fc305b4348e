"""The hidden prompt at a console of Windows: Python's own `getpass` for it, over a console that is a list of keys."""

from __future__ import annotations

import getpass
import importlib
import sys
from typing import TYPE_CHECKING

import pytest
import typer

from secretsource.cli._terminal import hidden_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CANARY = "canary-Käse-"
PROMPT = "value of TOKEN (not shown): "


class Console:
    """What Python's module ``msvcrt`` is on Windows.

    Args:
        typed: The keys, the last of which was pressed already.
    """

    def __init__(self, typed: str) -> None:
        self.left = list(typed)
        self.shown = ""

    def getwch(self) -> str:
        """Take one key."""
        return self.left.pop(0)

    def kbhit(self) -> bool:
        """Whether there is another key."""
        return bool(self.left)

    def putwch(self, character: str) -> None:
        """Show a character."""
        self.shown += character


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Console]]:
    """A Python without terminals of POSIX, whose console has these keys."""

    def console(typed: str) -> Console:
        made = Console(typed)
        monkeypatch.setitem(sys.modules, "termios", None)
        monkeypatch.setitem(sys.modules, "msvcrt", made)
        monkeypatch.setattr(sys, "stdin", sys.__stdin__)
        monkeypatch.setattr(hidden_line, "PASTED", 0.0)
        importlib.reload(getpass)
        return made

    yield console
    monkeypatch.undo()
    importlib.reload(getpass)


@pytest.mark.parametrize("value", [f"{CANARY}\U0001f511", CANARY, ""], ids=["halves", "text", "empty"])
def test_a_line(console: Callable[[str], Console], value: str) -> None:
    """A value is read as it is typed, and not shown."""
    halves = value.encode("utf-16-le")
    keys = "".join(chr(int.from_bytes(halves[at : at + 2], "little")) for at in range(0, len(halves), 2))
    made = console(f"{keys}\r")
    assert hidden_line.hidden_line(PROMPT) == value
    assert made.shown.rstrip() == PROMPT.rstrip()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (f"-----BEGIN KEY-----\r{CANARY}\r-----END KEY-----\r", "several lines"),
        (f"{CANARY * 400}\r", "too long"),
        (f"{CANARY}\ud83d\r", "not UTF-8"),
    ],
    ids=["lines", "long", "half"],
)
def test_what_it_cannot_take(console: Callable[[str], Console], typed: str, said: str) -> None:
    """A paste of several lines is refused, not cut, and no part of it is shown, or left for the shell."""
    made = console(typed)
    with pytest.raises(typer.BadParameter, match=said) as caught:
        hidden_line.hidden_line(PROMPT)
    assert not made.left
    assert CANARY not in made.shown + str(caught.value)
    assert caught.value.__context__ is None


def test_the_end_of_input(console: Callable[[str], Console]) -> None:
    """Ctrl-Z ends the prompt, as Ctrl-D does at a terminal."""
    console("\x1a\r")
    with pytest.raises(typer.Abort):
        hidden_line.hidden_line(PROMPT)
