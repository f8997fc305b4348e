"""The API keys that the benchmarks check: issued here, and one that nobody issued."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import Any
from zlib import crc32

from secretsource.issuing import ApiKeys, KeyRequest
from secretsource.issuing._key.base62 import encode_crc, random_text
from secretsource.stores.base import KeyRecord
from secretsource.stores.memory import MemoryStore

PEPPER = "a pepper of the benchmarks"
SCOPE = "invoices:read"


class CountingStore(MemoryStore):
    """A store that counts how often a check asks it.

    Attributes:
        asked: How often.
    """

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def get(self, key_id: str) -> KeyRecord | None:
        self.asked += 1
        return super().get(key_id)

    def revision(self, key_id: str) -> int | None:
        self.asked += 1
        return super().revision(key_id)

    def find(self, lookups: Sequence[bytes]) -> KeyRecord | None:
        self.asked += 1
        return super().find(lookups)


def opened(url: str, **settings: Any) -> ApiKeys:
    """Keys over a store, which flush no uses while something is timed."""
    return ApiKeys.open(url, peppers=[PEPPER], flush_every=3600.0, **settings)


def issued(keys: ApiKeys, number: int, rate_limit: str | None = None) -> list[str]:
    """New keys with one scope."""
    asked = KeyRequest(owner="acme", scopes=[SCOPE], rate_limit=rate_limit)
    return [one.plaintext for one in keys.issue_many([asked] * number)]


def around(texts: Sequence[str]) -> Iterator[str]:
    """The texts, over and over."""
    return cycle(texts)


def forged(text: str) -> str:
    """A key like one of ours, with another locator, another secret, and its checksum made right."""
    body = f"{text[:-63]}0{random_text(53)}ss1"
    return body + encode_crc(crc32(body.encode()))
