"""The feed of each kind of database: PostgreSQL, a file of SQLite, and a database in memory."""

from __future__ import annotations

from secretsource.stores._sql.feed import PostgresFeed
from secretsource.stores._sql.sqlite_feed import Alone, SqliteFeed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.stores._sql.database import Database
    from secretsource.stores.base import KeyChange, Subscription

__all__ = ["subscribe"]


def subscribe(database: Database, listener: Callable[[KeyChange], None]) -> Subscription:
    """Begin a subscription to the news of a database.

    Args:
        database: The database.
        listener: The function to call; see `ChangeFeed.subscribe`.
    """
    file = database.sqlite
    if file is None:
        return PostgresFeed(database.server).listen(listener)
    if file.is_in_memory:
        return Alone(database.address.shown)
    feed = SqliteFeed(database, file, listener)
    feed.begin()
    return feed
