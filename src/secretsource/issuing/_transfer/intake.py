"""From a row of another system to the record of a key: all the decisions, without storing. Pure."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secretsource._ground.namedtuple import NamedTuple
from secretsource.exceptions import ConfigurationError, InvalidRequest
from secretsource.issuing._check.policy import RESERVED_PREFIX
from secretsource.issuing._key import foreign
from secretsource.issuing._transfer import export
from secretsource.issuing._transfer import row as _row
from secretsource.issuing._verdict import Rejected
from secretsource.stores.base import KeyRecord, Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import tzinfo

    from secretsource.issuing._key.format import KeyFormat
    from secretsource.issuing._key.hashing import PepperSet
    from secretsource.issuing._key.locator import LocatorSeals
    from secretsource.issuing._key.lookup import LookupKeys
    from secretsource.issuing._transfer.sources import Source

_SHOWN = 16
"""Characters of a foreign key that may be shown, and never more than a quarter of a key that is known whole."""

_NOTHING_SHOWN = "…"


class Candidate(NamedTuple):
    """A record to store.

    Attributes:
        record: The record; its ``key_id`` is empty where a locator is to be made for it.
        kin: Other look-up values of the same key, from an earlier import.
        is_restored: Whether the row is from an export: it comes back as it was, whatever its owner's plan says now.
    """

    record: KeyRecord
    kin: tuple[bytes, ...] = ()
    is_restored: bool = False


class Intake:
    """The reader of rows for one set of peppers.

    Args:
        source: The meaning of the rows' columns.
        peppers: Newest first.
        seals: Their locator seals.
        lookups: Their keys of the look-up values of imported records.
        format: The grammar of our own keys.
        now: The present, in seconds since 1970 UTC.
        zone: The zone of instants without a time zone; None refuses them.
    """

    def __init__(
        self,
        source: Source,
        peppers: PepperSet,
        seals: LocatorSeals,
        lookups: LookupKeys,
        format: KeyFormat,
        now: float,
        zone: tzinfo | None = None,
    ) -> None:
        self.source = source
        self._peppers = peppers
        self._seals = seals
        self._lookups = lookups
        self._format = format
        self._now = now
        self._zone = zone

    def read(self, row: Mapping[str, Any]) -> Candidate | str:
        """Return the record of a row, or the reason why it has none; the reason quotes nothing of the row."""
        given: object = row
        if not isinstance(given, Mapping):
            return "the row is not a mapping of column to cell"
        try:
            values = _row.read(self.source.translated(row), self._zone)
            if "key_id" in values:
                exported = export.record(values, self._peppers, self._seals)
                if exported.lookup is not None:
                    _check_reserved(exported.prefix)
                return Candidate(exported, is_restored=True)
            return self._made(values)
        except (InvalidRequest, ConfigurationError) as error:
            return str(error)
        except (TypeError, ValueError, RecursionError):
            return "the row does not follow its format"

    def _made(self, values: Mapping[str, Any]) -> Candidate:
        if "owner" not in values:
            raise InvalidRequest("it has no owner: name the column that has it, or one owner for all rows")
        if ("hash" in values) == ("plaintext" in values):
            raise InvalidRequest("it needs a hash or a plaintext, and not both")
        blank = KeyRecord(
            key_id="",
            hash=b"",
            pepper_version="",
            display=_shown(values.get("start") or values.get("head") or ""),
            created=values.get("created_at", self._now),
            last_used=values.get("last_used_at"),
            revoked=values.get("revoked_at"),
            **export.common(values),
        )
        record = self._aged(blank)
        if "plaintext" in values:
            return self._from_plaintext(record, values["plaintext"])
        return self._from_hash(record, foreign.described(values["hash"], values.get("algorithm")), values.get("head"))

    def _aged(self, record: KeyRecord) -> KeyRecord:
        """Return a record with its status as of now; a time of revocation revokes it, whatever its status says."""
        if record.revoked is not None:
            return record._replace(status=Status.REVOKED)
        if record.status is Status.ROTATING:
            raise InvalidRequest("status is rotating, which only an exported key can be: write active")
        if record.expires is None:
            return record
        if record.begins is not None and record.expires <= record.begins:
            raise InvalidRequest("expires_at is not after not_before")
        ended = record.expires <= self._now and record.status is not Status.REVOKED
        return record._replace(status=Status.EXPIRED) if ended else record

    def _from_hash(self, record: KeyRecord, described: str, head: str | None) -> Candidate:
        if described.startswith(export.OURS):
            raise InvalidRequest("a hash of secretsource is imported with the whole row that it was exported in")
        self._check_front(record)
        foreign.check(described)
        name = foreign.lookup(described, head)
        return Candidate(record._replace(foreign=described, lookup=name), self._lookups.keyed((name,)))

    def _from_plaintext(self, record: KeyRecord, text: str) -> Candidate:
        newest = self._peppers.newest
        hashed = record._replace(hash=newest.hash(text), pepper_version=newest.version)
        parsed = self._format.parse(text)
        if not isinstance(parsed, Rejected):
            return Candidate(self._of_ours(hashed, *parsed))
        self._check_front(record)
        digests = foreign.lookups(text)[:2]
        lookup, *kin = (*self._lookups.keyed(digests), *digests)
        shown = record.display if record.display != _NOTHING_SHOWN else _shown(text[: len(text) // 4])
        return Candidate(hashed._replace(display=shown, lookup=lookup), tuple(kin))

    def _of_ours(self, record: KeyRecord, prefix: str, environment: str, locator: str) -> KeyRecord:
        """Read a key in our own format: its locator is its identifier, and must be well-formed for a check."""
        owner = self._seals.open(locator, [record.owner])
        if owner is None:
            raise InvalidRequest("it is a key of secretsource under a pepper that is not given: add that pepper")
        if owner.name != record.owner:
            raise InvalidRequest("it is a key of secretsource that says it belongs to another owner")
        shown = self._format.display(prefix, environment, locator)
        return record._replace(key_id=locator, prefix=prefix, environment=environment, display=shown)

    def _check_front(self, record: KeyRecord) -> None:
        _check_reserved(record.prefix)
        try:
            self._format.check_front(record.prefix, record.environment)
        except InvalidRequest:
            pass
        else:
            return
        raise InvalidRequest("prefix and environment must be those of keys here: write them, or a default for all rows")


def _check_reserved(prefix: str) -> None:
    """Refuse a key of another system that would manage the keys here: the author of the file may know its text.

    Raises:
        InvalidRequest: Its prefix is the reserved one.
    """
    if prefix == RESERVED_PREFIX:
        raise InvalidRequest(f"prefix {RESERVED_PREFIX} is reserved for keys that manage keys, which are issued here")


def _shown(text: str) -> str:
    return f"{text[:_SHOWN]}{_NOTHING_SHOWN}"
