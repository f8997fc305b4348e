"""The ability of a store whose tables have a version: brought up to date by ``secretsource keys migrate``."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from secretsource._ground.namedtuple import NamedTuple

__all__ = ["Migratable", "Migration"]


class Migration(NamedTuple):
    """The versions of its tables between which a store moves.

    Attributes:
        before: The version before, such as ``0001``; None for a store without tables.
        after: The version that this package needs.
    """

    before: str | None
    after: str


@runtime_checkable
class Migratable(Protocol):
    """An ability: a store whose tables have a version."""

    @property
    def place(self) -> str:
        """The place of the store, without user and password; for messages."""
        ...

    def plan_migration(self) -> Migration:
        """Return the versions before and after a `migrate`; nothing is made or changed."""
        ...

    def migrate(self) -> Migration:
        """Bring the tables to the version that this package needs; all or nothing, and once."""
        ...
