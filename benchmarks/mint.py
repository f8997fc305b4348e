"""New API keys: what one costs before it is stored, how many a second are stored, and how much room each takes."""

from __future__ import annotations

import secrets
import statistics
import string
from collections.abc import Callable
from hmac import digest
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from zlib import crc32

from benchmarks.harness import Figure, at_least, at_most, compared, interleave, per_call
from benchmarks.keyring import issued, opened
from secretsource.issuing import ApiKeys
from secretsource.issuing._manage.request import draft

TITLE = "mint: new API keys"
MINT = "mint(record._replace(key_id=locator('acme')))"
BY_HAND = "by_hand()"
BATCH = 1000


def measure(rounds: int = 40, seconds: float = 0.01, batches: int = 20) -> list[Figure]:
    """Mint keys one by one, then issue them a thousand at a time into an SQLite file."""
    with TemporaryDirectory(prefix="secretsource-") as folder:
        file = Path(folder) / "keys.db"
        with opened(f"sqlite:///{file}") as keys:
            record = draft({"owner": "acme", "scopes": ["invoices:read"]}, 1_800_000_000.0)
            names: dict[str, object] = {
                "record": record,
                "mint": keys._operations._mint,
                "locator": keys._operations._locator,
            }
            names["by_hand"] = written_out()
            minted = interleave({what: per_call(what, names, seconds) for what in (MINT, BY_HAND)}, rounds)
            issued(keys, BATCH)
            taken = [batch(keys) for _ in range(batches)]
        size = sum(part.stat().st_size for part in Path(folder).glob("keys.db*")) / (BATCH * (batches + 1))
    return [
        compared("one key, before it is stored / the same by hand", minted, MINT, BY_HAND, at_most(1.5)),
        Figure("one key, before it is stored", statistics.median(minted[MINT]) * 1e6, "us"),
        Figure("the same by hand", statistics.median(minted[BY_HAND]) * 1e6, "us"),
        Figure("keys a second into SQLite, a thousand at a time", BATCH / statistics.median(taken), "", at_least(5000)),
        Figure("room on disk for each, with its event and all indexes", size, "bytes"),
    ]


def written_out() -> Callable[[], tuple[str, bytes]]:
    """The floor: `secrets`, one AES block, one CRC and one HMAC, as an application would write them out."""
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES
    from cryptography.hazmat.primitives.ciphers.modes import ECB

    alphabet, pepper = string.digits + string.ascii_letters, secrets.token_bytes(32)
    seal = Cipher(AES(secrets.token_bytes(16)), ECB()).encryptor().update

    def mint() -> tuple[str, bytes]:
        locator = seal(b"acme" + secrets.token_bytes(4) + bytes(8)).hex()
        body = f"sk_live_{locator}{''.join(secrets.choice(alphabet) for _ in range(32))}"
        text = f"{body}{crc32(body.encode()):08x}"
        return text, digest(pepper, text.encode(), "sha256")

    return mint


def batch(keys: ApiKeys) -> float:
    """The seconds that a batch of new keys takes."""
    begun = perf_counter()
    issued(keys, BATCH)
    return perf_counter() - begun
