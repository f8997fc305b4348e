"""What a process has seen, as it goes through JSON."""

from __future__ import annotations

from typing import Any, NamedTuple


class Note(NamedTuple):
    """What a process has seen of one key.

    Attributes:
        refused: The reasons it was refused for, and how often.
        accepted: How often it was accepted.
        undrawn: How often of these without a draw on its limit.
        counted: How often of these while it was rotating.
        began: When the latest check that accepted it began, in monotonic seconds.
        used: The last time that such a check read, in monotonic seconds.
        last: The reason of the last refusal; None when the last check accepted it.
    """

    refused: dict[str, int]
    accepted: int = 0
    undrawn: int = 0
    counted: int = 0
    began: float = 0.0
    used: float = 0.0
    last: str | None = None


class Turn(NamedTuple):
    """What a process was answered when it rotated a key.

    Attributes:
        old: The old key.
        new: The new key.
        has_text: Whether it was given the text of the new key.
    """

    old: str
    new: str
    has_text: bool


class Report(NamedTuple):
    """What a process has seen in one stage.

    Attributes:
        checks: How many checks it has made.
        notes: By ``key_id``.
        changed: When the call that sealed the fate of a key returned, in monotonic seconds, by ``key_id``.
        turns: What became of its rotations.
        failed: How many of its changes the store did not answer.
        undrawn: How many draws on a limit its limiter could not make.
        doubtful: By ``key_id``, requests in flushes that failed, so that they may have been counted nevertheless.
        raised: What was raised by a check; it should be nothing.
    """

    checks: int
    notes: dict[str, Note]
    changed: dict[str, float]
    turns: list[Turn]
    failed: int
    undrawn: int
    doubtful: dict[str, int]
    raised: list[str]

    @classmethod
    def read(cls, written: list[Any]) -> Report:
        """A report that has been through JSON."""
        report = cls(*written)
        notes = {key_id: Note(*note) for key_id, note in report.notes.items()}
        return report._replace(notes=notes, turns=[Turn(*turn) for turn in report.turns])
