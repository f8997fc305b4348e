"""Stores with few keys and with very many: the same ten keys of a customer, and a hundred thousand around them.

SQLite makes the many by itself, in statements of bulk, so that a file takes some seconds once in a session.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from time import time
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.server.pages.chromium.site import PEPPER

from secretsource.issuing import ApiKeys
from secretsource.server.rights import EVERYTHING, ROOT_OWNER, ROOT_PREFIX
from secretsource.stores.base import Count

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["FEW", "MANY", "Crowd", "found", "grown"]

FEW, MANY = 10, 100_000
OWNERS = 1000
OUTCOMES = ("accepted", "rate_limited")
NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {number})"
"""One row for each of the many; the ten keys are the newest, so both files show the same ones first."""
ROWS = (
    """
    INSERT INTO secretsource_keys
    {numbers}
    SELECT printf('%022d', i), randomblob(32), pepper_version, display, CASE i % 10 WHEN 0 THEN 'globex' ELSE owner END,
        prefix, CASE i % 10 WHEN 0 THEN 'test' ELSE environment END, created - i, name, scopes, rate_limit, quota,
        networks, begins, CASE i % 10 WHEN 0 THEN created + 3600 END,
        CASE i % 10 WHEN 0 THEN 'rotating' ELSE status END, status_reason, predecessor, successor, root,
        CASE i % 10 WHEN 0 THEN created + 3600 END, created, metadata, "foreign", NULL, 1,
        credits, rotate_every, revoked, notices
    FROM n, (SELECT * FROM secretsource_keys WHERE key_id = ?)
    """,
    """
    INSERT INTO secretsource_events (key_id, revision, kind, time, actor, position)
    {numbers} SELECT printf('%022d', i), 1, 'issued', 1000.0 + i, 'crowd', -i FROM n
    """,
    """
    INSERT INTO secretsource_counts
    {numbers} SELECT owner, unit, start, printf('%022d', i), 'accepted', 1
    FROM (SELECT 'acme' AS owner), (SELECT unit, max(start) AS start FROM secretsource_counts GROUP BY unit), n
    """,
    """
    INSERT INTO secretsource_sums
    SELECT owner, unit, start, outcome, sum(requests) FROM secretsource_counts WHERE true
    GROUP BY owner, unit, start, outcome ON CONFLICT DO UPDATE SET requests = excluded.requests
    """,
)
"""One key in ten is another customer's, in the other environment, rotating and about to end."""
INDICES = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
"""They are made anew at the end, which is faster than to keep them."""


class Crowd(NamedTuple):
    """A file with keys.

    Attributes:
        file: The file.
        ids: The owner, the plan, a key that replaces a rotating one, and a root key, by their names in the paths.
    """

    file: Path
    ids: Mapping[str, str]

    @property
    def url(self) -> str:
        """The URL of the store."""
        return f"sqlite:///{self.file}"


def found(file: Path) -> Crowd:
    """Make a file with ten keys of a customer, five of them rotating, with requests of three days."""
    with ApiKeys.open(f"sqlite:///{file}", peppers=[PEPPER]) as keys:
        keys.plans.put("basic", rate_limit="100/minute", quota="1000000/month")
        keys.owners.put("acme", plan="basic")
        root = keys.issue(owner=ROOT_OWNER, prefix=ROOT_PREFIX, name="Front desk", scopes=EVERYTHING)
        asked: Any = {"owner": "acme", "prefix": "sk", "name": "worker", "scopes": ["invoices:read"]}
        ids = [each.record.key_id for each in keys.issue_many([asked] * (FEW // 2))]
        new = [keys.rotate(key_id, overlap=86400).successor.key_id for key_id in ids]
        counts: Any = keys._store.counts
        today = int(time() // 60) * 60
        used = [Count(today - day * 86400, key, outcome, 2) for day in range(3) for key in new for outcome in OUTCOMES]
        counts.add(used)
        keys.history(limit=1)
    return Crowd(file, {"owner": "acme", "plan": "basic", "key": new[-1], "root": root.record.key_id})


def grown(few: Crowd, file: Path) -> Crowd:
    """Copy a file, and add very many keys with events and requests, and a thousand owners."""
    shutil.copyfile(few.file, file)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -400000"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN")
        indices = connection.execute(INDICES).fetchall()
        for name, _ in indices:
            connection.execute(f"DROP INDEX {name}")
        for rows in ROWS:
            text = rows.format(numbers=NUMBERS.format(number=MANY - FEW))
            connection.execute(text, (few.ids["key"],) if "?" in text else ())
        connection.execute(
            NUMBERS.format(number=OWNERS) + "INSERT INTO secretsource_owners (id, revision, document, plan)"
            " SELECT 'o' || i, 1000 + i, replace(document, '\"acme\"', '\"o' || i || '\"'), plan"
            " FROM n, secretsource_owners WHERE id = 'acme'"
        )
        for _, statement in indices:
            connection.execute(statement)
        connection.execute("COMMIT")
    return few._replace(file=file)
