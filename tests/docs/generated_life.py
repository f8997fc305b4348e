"""The parts of the documentation that tell of the life of a key, and of what becomes of one that is refused."""

from __future__ import annotations

from tests.docs.markdown import table

from secretsource.issuing import Reason
from secretsource.issuing._key.lifecycle import _IDLE, MOVES, Move
from secretsource.stores.base import Status


def moves() -> str:
    """Which move leads from which status where."""
    rows = [(f"`{status.value}`", *(_cell(status, move) for move in Move)) for status in Status]
    return table(("status", *(f"`{move.name.lower()}`" for move in Move)), rows)


def _cell(status: Status, move: Move) -> str:
    if (status, move) in _IDLE:
        return "stays"
    to = MOVES.get((status, move))
    return f"`{to.value}`" if to else "–"


def reasons() -> str:
    """What the outside hears of each reason, and what `verify` raises."""
    rows = []
    for reason in Reason:
        status, code, challenge, error, sentence = reason.answer
        rows.append(
            (
                f"`{reason.name}`",
                str(status),
                f"`{code}`",
                f"`{challenge}`" if challenge else "",
                f"`{error.__name__}`",
                sentence,
            )
        )
    return table(("`Reason`", "status", "`code`", "`error` of the challenge", "`verify` raises", "`detail`"), rows)
