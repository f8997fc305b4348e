"""New API keys: what one costs before it is stored, how many a second are stored, and how much room each takes."""

from __future__ import annotations

import statistics
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.harness import Figure, at_least, at_most, interleave, per_call
from benchmarks.keyring import issued, opened
from secretsource.issuing import ApiKeys
from secretsource.issuing._request import draft

TITLE = "mint: new API keys"
MINT = "mint(record._replace(key_id=locator('acme')))"
BATCH = 1000


def measure(rounds: int = 40, seconds: float = 0.01, batches: int = 20) -> list[Figure]:
    """Mint keys one by one, then issue them a thousand at a time into an SQLite file."""
    with TemporaryDirectory(prefix="secretsource-") as folder:
        file = Path(folder) / "keys.db"
        with opened(f"sqlite:///{file}") as keys:
            record = draft({"owner": "acme", "scopes": ["invoices:read"]}, 1_800_000_000.0)
            names = {"record": record, "mint": keys._operations._mint, "locator": keys._operations._locator}
            minted = interleave({MINT: per_call(MINT, names, seconds)}, rounds)[MINT]
            issued(keys, BATCH)
            taken = [_batch(keys) for _ in range(batches)]
        size = sum(part.stat().st_size for part in Path(folder).glob("keys.db*")) / (BATCH * (batches + 1))
    return [
        Figure("one key, before it is stored", statistics.median(minted) * 1e6, "us", at_most(10)),
        Figure("keys a second into SQLite, a thousand at a time", BATCH / statistics.median(taken), "", at_least(5000)),
        Figure("room on disk for each, with its event and all indexes", size, "bytes"),
    ]


def _batch(keys: ApiKeys) -> float:
    begun = perf_counter()
    issued(keys, BATCH)
    return perf_counter() - begun
