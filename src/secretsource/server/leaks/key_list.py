"""The public keys that GitHub signs reports with: fetched when one is needed, and kept.

Anyone can send a made-up identifier. So an unknown one has the list fetched again at most once a minute.
"""

from __future__ import annotations

import asyncio
import json
import logging
from time import monotonic
from typing import TYPE_CHECKING, Any, cast

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from secretsource.server.outgoing.fetching import FetchError, fetch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

__all__ = ["EVERY", "KeyList", "fetched", "read_key_list"]

EVERY = 60.0
"""Seconds between two attempts to fetch the list."""
LASTS = 86400.0
"""Seconds after which the list is fetched again, although the identifier is known."""
WITHIN = 10.0
"""Seconds that one attempt may take."""
MOST_BYTES = 256 * 1024
"""Bytes of the list."""
MOST_KEYS = 100
"""Keys of the list that are read."""
_log = logging.getLogger(__name__)


class KeyList:
    """The public keys by their identifiers, for one event loop.

    Args:
        get: Fetches the document.
        clock: Returns monotonic seconds.
    """

    def __init__(self, get: Callable[[], Awaitable[bytes]], clock: Callable[[], float] = monotonic) -> None:
        self._get = get
        self._clock = clock
        self._keys: Mapping[str, EllipticCurvePublicKey] | None = None
        self._tried = self._fresh_until = float("-inf")
        self._turn = asyncio.Lock()

    async def find(self, identifier: str) -> EllipticCurvePublicKey | None:
        """Return a key, or None if the list does not have it.

        Args:
            identifier: The identifier that a report names.

        Raises:
            FetchError: No list has been fetched so far.
        """
        async with self._turn:
            if self._is_due(identifier):
                await self._renew()
        if self._keys is None:
            raise FetchError("the list of public keys has not been fetched yet")
        return self._keys.get(identifier)

    def _is_due(self, identifier: str) -> bool:
        now = self._clock()
        if now < self._tried + EVERY:
            return False
        return self._keys is None or identifier not in self._keys or now >= self._fresh_until

    async def _renew(self) -> None:
        """Fetch the list; if that fails, the list before stays."""
        self._tried = self._clock()
        try:
            self._keys = read_key_list(await self._get())
        except FetchError as error:
            _log.warning("the public keys of GitHub were not fetched: %s", error)
        else:
            self._fresh_until = self._clock() + LASTS


def fetched(url: str) -> Callable[[], Awaitable[bytes]]:
    """Return a function that fetches the list from an address.

    Args:
        url: The address.
    """

    async def get() -> bytes:
        return await asyncio.to_thread(fetch, url, within=WITHIN, most=MOST_BYTES)

    return get


def read_key_list(document: bytes) -> Mapping[str, EllipticCurvePublicKey]:
    """Return the keys on the curve P-256 in a list, by their identifiers; other entries are left out.

    Args:
        document: The list, in JSON.

    Raises:
        FetchError: It is not such a list, or no key is in it.
    """
    try:
        listed: Any = json.loads(document)["public_keys"][:MOST_KEYS]
        found = {each["key_identifier"]: _key(each["key"]) for each in cast("list[dict[str, Any]]", listed)}
    except (ValueError, TypeError, KeyError, RecursionError):
        found = {}
    keys = {identifier: key for identifier, key in found.items() if key is not None and isinstance(identifier, str)}
    if not keys:
        raise FetchError("the answer is not a list of public keys")
    return keys


def _key(pem: object) -> EllipticCurvePublicKey | None:
    if not isinstance(pem, str):
        return None
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1) else None
