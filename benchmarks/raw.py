"""What is written by hand instead of a library: SHA-256, one look-up, and the same questions to the row."""

from __future__ import annotations

import json
import sqlite3
from hashlib import sha256
from hmac import compare_digest, digest
from pathlib import Path
from time import time
from typing import Any, Self

import psycopg

from secretsource.stores._sql.rows.tables import KEYS

LOCATOR = slice(-63, -41)
_WHOLE = (
    "SELECT {}, o.revision, o.document, p.revision, p.document FROM secretsource_keys AS k "
    "LEFT JOIN secretsource_owners AS o ON o.id = k.owner LEFT JOIN secretsource_plans AS p ON p.id = o.plan "
    "WHERE k.key_id = "
).format(", ".join(f'k."{column.name}"' for column in KEYS.c))
"""One question for the key, its owner and the owner's plan, as the library asks it."""
_ALONE = f"{_WHOLE.partition(', o.revision')[0]} FROM secretsource_keys AS k WHERE k.key_id = "
"""A question for the key alone."""
WHOLE_SQLITE, WHOLE_POSTGRESQL = f"{_WHOLE}?", f"{_WHOLE}%s".encode()
ALONE_SQLITE, ALONE_POSTGRESQL = f"{_ALONE}?", f"{_ALONE}%s".encode()
LEAN = "SELECT hash, owner, status, begins, expires, networks, scopes FROM secretsource_keys WHERE key_id = ?"
_PLACES = {column.name: place for place, column in enumerate(KEYS.c)}
HASH, OWNER, SCOPES, NETWORKS = (_PLACES[name] for name in ("hash", "owner", "scopes", "networks"))
STATUS, BEGINS, EXPIRES = _PLACES["status"], _PLACES["begins"], _PLACES["expires"]


class RawSqlite:
    """A check by `sqlite3` alone.

    Args:
        path: The database of the store.
        lean: Whether to read no more of the row than the check asks for.
        alone: Whether to ask for neither owner nor plan.
        pepper: A secret that the hash of a key is made under, as an HMAC; None for the hash alone.
    """

    def __init__(self, path: Path, *, lean: bool = False, alone: bool = False, pepper: bytes | None = None) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._question = ALONE_SQLITE if alone else WHOLE_SQLITE
        self._execute = self._connection.cursor().execute
        self._pepper = b"" if pepper is None else pepper
        self.check = self._check_lean if lean else self._check if pepper is None else self._check_keyed

    def _check(self, text: str, scope: str) -> Any:
        hashed = sha256(text.encode()).digest()
        row = self._execute(self._question, (text[LOCATOR],)).fetchone()
        return None if row is None else judged(row, hashed, scope)

    def _check_keyed(self, text: str, scope: str) -> Any:
        hashed = digest(self._pepper, text.encode(), "sha256")
        row = self._execute(self._question, (text[LOCATOR],)).fetchone()
        return None if row is None else judged(row, hashed, scope)

    def _check_lean(self, text: str, scope: str) -> Any:
        hashed = sha256(text.encode()).digest()
        row = self._execute(LEAN, (text[LOCATOR],)).fetchone()
        if row is None or compare_digest(hashed, row[0]):
            return None
        _, owner, status, begins, expires, networks, scopes = row
        now = time()
        if status != "active" or (begins is not None and begins > now) or (expires is not None and expires <= now):
            return None
        return owner if not networks and scope in json.loads(scopes) else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()


class RawPostgres:
    """A check by psycopg alone: a prepared statement, and binary answers.

    Args:
        url: The database of the store.
        alone: Whether to ask for neither owner nor plan.
    """

    def __init__(self, url: str, *, alone: bool = False) -> None:
        self._question = ALONE_POSTGRESQL if alone else WHOLE_POSTGRESQL
        self._connection = psycopg.connect(url, autocommit=True)
        self._execute = self._connection.cursor(binary=True).execute

    def check(self, text: str, scope: str) -> Any:
        """The row of a key that may do this, or None."""
        hashed = sha256(text.encode()).digest()
        row = self._execute(self._question, (text[LOCATOR],), prepare=True).fetchone()
        return None if row is None else judged(row, hashed, scope)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()


class AsyncRawPostgres:
    """As `RawPostgres`, on an event loop."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def check(self, text: str, scope: str) -> Any:
        """The row of a key that may do this, or None."""
        hashed = sha256(text.encode()).digest()
        await self._cursor.execute(WHOLE_POSTGRESQL, (text[LOCATOR],), prepare=True)
        row = await self._cursor.fetchone()
        return None if row is None else judged(row, hashed, scope)

    async def __aenter__(self) -> Self:
        connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True)
        self._cursor = connection.cursor(binary=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._cursor.connection.close()


def judged(row: Any, hashed: bytes, scope: str) -> Any:
    """The row, when what it says allows the scope now.

    The hash in it is keyed and cannot be equal to ours; it is compared all the same, for the time that takes.
    """
    if compare_digest(hashed, row[HASH]):
        return None
    now = time()
    begins, expires = row[BEGINS], row[EXPIRES]
    if row[STATUS] != "active" or (begins is not None and begins > now) or (expires is not None and expires <= now):
        return None
    return row if not row[NETWORKS] and scope in json.loads(row[SCOPES]) else None
