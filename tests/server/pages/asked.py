"""The statements that pages ask of SQLite, and the steps that SQLite takes for them."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

__all__ = ["Asked", "asked", "plans"]

STEP = 100
"""Instructions of SQLite's machine between two notes of them."""


class Asked:
    """The questions of one page.

    Attributes:
        statements: Each statement with its parameters; beginnings of transactions are left out.
        steps: The instructions that SQLite has executed for them.
        is_over: Whether the page is there: what a connection does later is not for it.
    """

    def __init__(self) -> None:
        self.statements: list[tuple[str, Any]] = []
        self.steps = 0
        self.is_over = False

    def note(self, _: Any, cursor: Any, statement: str, parameters: Any, *__: Any) -> None:
        """Note a statement before it is executed."""
        if not statement.startswith("BEGIN"):
            self.statements.append((statement, parameters))
        cursor.connection.set_progress_handler(self._step, STEP)

    def _step(self) -> int:
        if not self.is_over:
            self.steps += STEP
        return 0


@contextmanager
def asked() -> Generator[Asked]:
    """Note what any store asks meanwhile."""
    noted = Asked()
    event.listen(Engine, "before_cursor_execute", noted.note)
    try:
        yield noted
    finally:
        noted.is_over = True
        event.remove(Engine, "before_cursor_execute", noted.note)


def plans(file: Path, noted: Asked) -> list[tuple[str, str]]:
    """Return each statement with the plan that SQLite makes for it in a file."""
    with closing(sqlite3.connect(file)) as connection:
        return [
            (statement, "\n".join(line[3] for line in connection.execute(f"EXPLAIN QUERY PLAN {statement}", given)))
            for statement, given in noted.statements
        ]
