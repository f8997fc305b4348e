"""The tables of key records: the only definition of our database.

Every column of `KEYS` is a field of `KeyRecord`, in the same order, so that a row becomes a record as it is. The last
field, its terms, comes from `OWNERS` and `PLANS`. Texts that are compared or sorted are compared byte by byte, as
Python and SQLite do, in every language of the database.
"""

from __future__ import annotations

from sqlalchemy import (
    TEXT,
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
)

METADATA = MetaData()
VERSION_TABLE = "secretsource_schema"
VERSIONS = (
    "0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011", "0012", "0013",
    "0014", "0015", "0016",
)  # fmt: skip
"""The versions of the schema so far; a test compares them with the migrations."""

HEAD = VERSIONS[-1]

_TEXT = String().with_variant(TEXT(collation="C"), "postgresql")

KEYS = Table(
    "secretsource_keys",
    METADATA,
    Column("key_id", _TEXT, primary_key=True),
    Column("hash", LargeBinary, nullable=False),
    Column("pepper_version", _TEXT, nullable=False),
    Column("display", _TEXT, nullable=False),
    Column("owner", _TEXT, nullable=False),
    Column("prefix", _TEXT, nullable=False),
    Column("environment", _TEXT, nullable=False),
    Column("created", Double, nullable=False),
    Column("name", _TEXT, nullable=False),
    Column("scopes", _TEXT, nullable=False),
    Column("rate_limit", _TEXT),
    Column("quota", _TEXT),
    Column("networks", _TEXT, nullable=False),
    Column("begins", Double),
    Column("expires", Double),
    Column("status", _TEXT, nullable=False),
    Column("status_reason", _TEXT),
    Column("predecessor", _TEXT),
    Column("successor", _TEXT),
    Column("root", _TEXT),
    Column("overlap_ends", Double),
    Column("last_used", Double),
    Column("metadata", _TEXT, nullable=False),
    Column("foreign", _TEXT),
    Column("lookup", LargeBinary, unique=True),
    Column("revision", Integer, nullable=False),
    Column("rotate_every", Double),
    Column("revoked", Double),
    Column("notices", _TEXT),
    Column("credits", BigInteger),
    Index("secretsource_keys_by_age", "created", "key_id"),
    Index("secretsource_keys_by_name", "name", "created", "key_id"),
    Index("secretsource_keys_by_owner", "owner", "created", "key_id"),
    Index("secretsource_keys_by_owner_environment", "owner", "environment", "created", "key_id"),
    Index("secretsource_keys_by_owner_status", "owner", "status", "created", "key_id"),
    Index("secretsource_keys_by_prefix", "prefix", "created", "key_id"),
    Index("secretsource_keys_by_environment", "environment", "created", "key_id"),
    Index("secretsource_keys_by_pepper", "pepper_version", "created", "key_id"),
    Index("secretsource_keys_by_status", "status", "created", "key_id", "pepper_version"),
)
"""A list walks along one of the indices, which has its keys in the order of the list; see `listing`.

``last_used`` has no index: a flush of uses would have to move an entry for each key that it sees.
"""

for _end in ("expires", "overlap_ends"):
    _is_there = KEYS.c[_end].is_not(None)
    Index(f"secretsource_keys_by_{_end}", KEYS.c[_end], sqlite_where=_is_there)

_OWN_ENDS = (KEYS.c.owner, KEYS.c.expires, KEYS.c.key_id)
Index("secretsource_keys_by_owner_expires", *_OWN_ENDS, sqlite_where=KEYS.c.expires.is_not(None))

EVENTS = Table(
    "secretsource_events",
    METADATA,
    Column("key_id", _TEXT, ForeignKey(KEYS.c.key_id), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("kind", _TEXT, nullable=False),
    Column("time", Double, nullable=False),
    Column("actor", _TEXT),
    Column("origin", _TEXT),
    Column("reason", _TEXT),
    Column("fields", _TEXT),
    Column("position", BigInteger),
    PrimaryKeyConstraint("key_id", "revision"),
)

USES = Table(
    "secretsource_uses",
    METADATA,
    Column("key_id", _TEXT, ForeignKey(KEYS.c.key_id), primary_key=True),
    Column("requests", BigInteger, nullable=False),
)
"""The number of times a rotating key was accepted; `KEYS` has the last time."""

WITNESSES = Table(
    "secretsource_witnesses",
    METADATA,
    Column("key_id", _TEXT, ForeignKey(KEYS.c.key_id), nullable=False),
    Column("kind", _TEXT, nullable=False),
    Column("seen", _TEXT, nullable=False),
    Column("noted", Double, nullable=False, server_default="0"),
    PrimaryKeyConstraint("key_id", "kind", "seen"),
    Index("secretsource_witnesses_by_time", "noted"),
)
"""The networks and user agents of the clients of a key, and when each was last noted."""

SEALS = Table(
    "secretsource_seals",
    METADATA,
    Column("version", _TEXT, primary_key=True),
    Column("key", LargeBinary, nullable=False),
)
"""The locator keys that sealed keys, by the pepper version that each was derived from."""

PLANS = Table(
    "secretsource_plans",
    METADATA,
    Column("id", _TEXT, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("document", _TEXT, nullable=False),
)
"""Plans; the document is a `PlanRecord` as JSON."""

OWNERS = Table(
    "secretsource_owners",
    METADATA,
    Column("id", _TEXT, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("document", _TEXT, nullable=False),
    Column("plan", _TEXT, ForeignKey(PLANS.c.id)),
    Index("secretsource_owners_by_plan", "plan", "id"),
)
"""Owners; the document is an `OwnerRecord` as JSON."""

OWNER_EVENTS = Table(
    "secretsource_owner_events",
    METADATA,
    Column("revision", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("subject", _TEXT, nullable=False),
    Column("id", _TEXT, nullable=False),
    Column("kind", _TEXT, nullable=False),
    Column("time", Double, nullable=False),
    Column("fields", _TEXT, nullable=False),
    Column("actor", _TEXT),
    Column("origin", _TEXT),
    Column("reason", _TEXT),
    Column("position", BigInteger),
    Index("secretsource_owner_events_by_id", "subject", "id", "revision"),
    sqlite_autoincrement=True,
)
"""The events of owners and plans, chosen by ``subject``; their number is their revision."""

COUNTS = Table(
    "secretsource_counts",
    METADATA,
    Column("owner", _TEXT, nullable=False),
    Column("unit", _TEXT, nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("key_id", _TEXT, nullable=False),
    Column("outcome", _TEXT, nullable=False),
    Column("requests", BigInteger, nullable=False),
    PrimaryKeyConstraint("owner", "unit", "start", "key_id", "outcome"),
    Index("secretsource_counts_by_age", "unit", "start"),
    sqlite_with_rowid=False,  # the counts of an owner lie side by side
)
"""Counted requests; owner and key are empty for foreign texts."""

SUMS = Table(
    "secretsource_sums",
    METADATA,
    Column("owner", _TEXT, nullable=False),
    Column("unit", _TEXT, nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("outcome", _TEXT, nullable=False),
    Column("requests", BigInteger, nullable=False),
    PrimaryKeyConstraint("owner", "unit", "start", "outcome"),
    Index("secretsource_sums_by_age", "unit", "start"),
    sqlite_with_rowid=False,
)
"""The counts of all keys of an owner, added up; so a page reads a few rows, however many keys were used."""

CHORES = Table(
    "secretsource_chores",
    METADATA,
    Column("name", _TEXT, primary_key=True),
    Column("holder", _TEXT, nullable=False),
    Column("until", Double, nullable=False),
    Column("place", _TEXT, nullable=False),
)
"""Whose turn it is to do the chores, until when at most, and where the round over all keys goes on."""

CLAIMS = Table(
    "secretsource_claims",
    METADATA,
    Column("caller", _TEXT, nullable=False),
    Column("token", _TEXT, nullable=False),
    Column("request", _TEXT, nullable=False),
    Column("key_id", _TEXT, nullable=False),
    Column("made", Double, nullable=False),
    PrimaryKeyConstraint("caller", "token"),
    Index("secretsource_claims_by_age", "made"),
)
"""The tokens of repeatable requests, for a day."""

OUTBOX = Table(
    "secretsource_outbox",
    METADATA,
    Column("queue", _TEXT, nullable=False),
    Column("id", _TEXT, nullable=False),
    Column("kind", _TEXT, nullable=False),
    Column("body", _TEXT, nullable=False),
    Column("made", Double, nullable=False),
    Column("owner", _TEXT),
    Column("due", Double),
    Column("attempts", Integer, nullable=False),
    Column("trouble", _TEXT, nullable=False),
    PrimaryKeyConstraint("queue", "id"),
    Index("secretsource_outbox_by_due", "queue", "due", "id"),
    Index("secretsource_outbox_by_age", "made", "id"),
    Index("secretsource_outbox_by_owner", "owner"),
)
"""Messages that must arrive elsewhere; each column is a field of `Message`, in the same order."""

PASSES = Table(
    "secretsource_passes",
    METADATA,
    Column("token", _TEXT, primary_key=True),
    Column("kind", _TEXT, nullable=False),
    Column("holder", _TEXT, nullable=False),
    Column("made", Double, nullable=False),
    Column("ends", Double, nullable=False),
    Column("seen", Double, nullable=False),
    Column("facts", _TEXT, nullable=False),
    Index("secretsource_passes_by_end", "ends"),
    Index("secretsource_passes_by_holder", "holder", "kind"),
)
"""The links and sessions of the pages, by the hash of their text."""

CREDITS = Table(
    "secretsource_credits",
    METADATA,
    Column("account", _TEXT, primary_key=True),
    Column("spent", BigInteger, nullable=False),
)
"""Spent credits, by the account that a key draws on, or by ``owner:`` and its owner."""

for _events, _order in ((EVENTS, ("time", "revision", "key_id")), (OWNER_EVENTS, ("revision",))):
    _is_placed, _is_new = _events.c.position.is_not(None), _events.c.position.is_(None)
    Index(
        f"{_events.name}_by_position",
        _events.c.position,
        unique=True,
        sqlite_where=_is_placed,
    )
    Index(
        f"{_events.name}_without_position",
        *(_events.c[_name] for _name in _order),
        sqlite_where=_is_new,
    )
    for _word in ("actor", "kind"):
        Index(
            f"{_events.name}_by_{_word}",
            _events.c[_word],
            _events.c.position,
            sqlite_where=_is_placed,
        )
"""Events get their position in the feed of all events when it is first read; see `_sql.history`.

An event is in the index of those without a position, or in the others. So the newest are found without sorting, and a
page that is narrowed by an actor or a kind is read without reading the others, however many there are.
"""

_FILLED = {KEYS: 70, CREDITS: 50}
"""Percent of each page that PostgreSQL fills; in the rest, a flush of uses or a spending writes a row beside its old
one and touches no index."""


def tables_for(dialect: str) -> MetaData:
    """Return the tables as a database makes them: SQLAlchemy loads a dialect to note an option of it."""
    if dialect == "postgresql":
        for table, percent in _FILLED.items():
            table.dialect_kwargs["postgresql_with"] = {"fillfactor": percent}
        for index in (index for table in METADATA.tables.values() for index in table.indexes):
            index.dialect_kwargs["postgresql_where"] = index.dialect_kwargs.get("sqlite_where")
    return METADATA
