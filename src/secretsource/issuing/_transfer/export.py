"""A record as a row to import again, with nothing lost: for a backup, or a move between stores. Pure.

The row has hashes, and no key. The row and the peppers together are enough to check the key, so guard it like the
store.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from typing import Any

from secretsource.exceptions import InvalidRequest
from secretsource.issuing._key import base62 as _base62
from secretsource.issuing._key import foreign
from secretsource.issuing._key.locator import LocatorSeal
from secretsource.stores.base import KeyRecord, Status
from secretsource.stores.records import NO_METADATA

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretsource.issuing._key.hashing import PepperSet
    from secretsource.issuing._key.locator import LocatorSeals

OURS = "secretsource$"
"""The form of our hashes: ``secretsource$<pepper version>$<64 hexadecimal digits>``."""

_NEEDED = ("hash", "display", "owner", "prefix", "environment", "created_at", "revision")


class SealBook:
    """The seals of a store and of its peppers, which tell the seal of each key.

    Args:
        keys: Locator keys of 16 bytes, by pepper version.
    """

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._seals = [(f"{version}${key.hex()}", LocatorSeal(key)) for version, key in keys.items()]

    def of(self, key_id: str) -> str | None:
        """Return the seal that opens a locator, as ``<pepper version>$<32 hexadecimal digits>``."""
        block = _base62.decode(key_id).to_bytes(16, "big")
        return next((written for written, seal in self._seals if seal.fits(block)), None)


def row(record: KeyRecord, seals: SealBook, spent: int = 0) -> dict[str, Any]:
    """Return a record as a JSON object with the columns of `_row.COLUMNS`; fields of None and empty ones are left out.

    Instants are in seconds since 1970 UTC, to the last bit. Credits are those that are left: the next store has spent
    none of them.
    """
    columns: dict[str, Any] = {
        "key_id": record.key_id,
        "hash": record.foreign or f"{OURS}{record.pepper_version}${record.hash.hex()}",
        "lookup": None if record.lookup is None else record.lookup.hex(),
        "seal": None if record.lookup is not None else seals.of(record.key_id),
        "display": record.display,
        "owner": record.owner,
        "name": record.name,
        "prefix": record.prefix,
        "environment": record.environment,
        "scopes": sorted(record.scopes),
        "rate_limit": record.rate_limit,
        "quota": record.quota,
        "credits": None if record.credits is None else max(0, record.credits - spent),
        "networks": list(record.networks),
        "metadata": record.metadata,
        "created_at": record.created,
        "not_before": record.begins,
        "expires_at": record.expires,
        "last_used_at": record.last_used,
        "status": record.status.value,
        "status_reason": record.status_reason,
        "predecessor": record.predecessor,
        "successor": record.successor,
        "root": record.root,
        "overlap_ends_at": record.overlap_ends,
        "revision": record.revision,
        "rotate_every": record.rotate_every,
        "revoked_at": record.revoked,
        "notices": record.notices,
    }
    return {name: value for name, value in columns.items() if value not in (None, "", [], {})}


def record(values: Mapping[str, Any], peppers: PepperSet, seals: LocatorSeals) -> KeyRecord:
    """Return the record behind a row.

    Args:
        values: The result of `_row.read`, with a ``key_id``.
        peppers: The peppers of the new store.
        seals: Their locator seals; the row's own is added to them.

    Raises:
        InvalidRequest: The row is not whole, or its pepper is not among these.
    """
    if "seal" in values:
        seals.add(dict([values["seal"]]))
    for name in _NEEDED:
        if name not in values:
            raise InvalidRequest(f"it has a key_id, as exported rows do, and no {name}")
    lookup = bytes.fromhex(values["lookup"]) if "lookup" in values else None
    version, hashed, described = _hash(values["hash"], peppers)
    if described is not None and lookup is None:
        raise InvalidRequest("it has a key_id and the hash of another system, and no lookup to find it by")
    if lookup is None and not seals.is_ours(values["key_id"]):
        raise InvalidRequest("its key_id was sealed by a pepper that is not given: add that pepper behind the newest")
    return KeyRecord(
        key_id=values["key_id"],
        hash=hashed,
        pepper_version=version,
        display=values["display"],
        created=values["created_at"],
        last_used=values.get("last_used_at"),
        overlap_ends=values.get("overlap_ends_at"),
        predecessor=values.get("predecessor"),
        successor=values.get("successor"),
        root=values.get("root"),
        foreign=described,
        lookup=lookup,
        revision=values["revision"],
        revoked=values.get("revoked_at"),
        notices=values.get("notices", NO_METADATA),
        **common(values),
    )


def common(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a record that every row may have, exported or not."""
    return {
        "owner": values["owner"],
        "prefix": values.get("prefix", "sk"),
        "environment": values.get("environment", "live"),
        "name": values.get("name", ""),
        "scopes": values.get("scopes", frozenset()),
        "rate_limit": values.get("rate_limit"),
        "quota": values.get("quota"),
        "credits": values.get("credits"),
        "networks": values.get("networks", ()),
        "begins": values.get("not_before"),
        "expires": values.get("expires_at"),
        "status": values.get("status", Status.ACTIVE),
        "status_reason": values.get("status_reason"),
        "rotate_every": values.get("rotate_every"),
        "metadata": values.get("metadata", NO_METADATA),
    }


def _hash(written: str, peppers: PepperSet) -> tuple[str, bytes, str | None]:
    """Return pepper version and hash of our key, or the described hash of another system's."""
    if not written.startswith(OURS):
        foreign.check(written)
        return "", b"", written
    version, _, digits = written.removeprefix(OURS).partition("$")
    try:
        hashed = bytes.fromhex(digits)
    except ValueError:
        hashed = b""
    if len(hashed) != 32:
        raise InvalidRequest("hash is not one of secretsource, or is cut short")
    if version not in peppers.versions():
        raise InvalidRequest("it is hashed with a pepper that is not given: add that pepper behind the newest")
    return version, hashed, None
