"""A million keys, made as keys are made: no two are alike, and each is told apart by its own locator."""

from __future__ import annotations

import pytest

from secretsource.issuing import ApiKeys
from secretsource.issuing._manage.request import draft
from secretsource.stores.memory import MemoryStore

NUMBER = 1_000_000
OWNERS = 1000


@pytest.mark.timeout(400)  # half a minute on a machine with nothing else to do
def test_a_million_keys_are_a_million_texts() -> None:
    """A thousand keys for each of a thousand owners: neither a text nor the secret part of one turns up twice."""
    keys = ApiKeys(MemoryStore(), peppers=["a pepper of the tests, long enough"])
    records = [draft({"owner": owner}, 1.0) for owner in range(OWNERS)]
    mint, locator = keys._parts.format.mint, keys._operations._locator
    secrets: set[int] = set()
    locators: set[int] = set()
    for number in range(NUMBER):
        record = records[number % OWNERS]
        text = mint(record.prefix, record.environment, locator(record.owner))
        secrets.add(hash(text[-41:-9]))
        locators.add(hash(text[-63:-41]))
    # A 64-bit hash of each, so that they fit into memory; a million of those collide once in 37 million runs.
    assert len(secrets) == NUMBER
    # A locator has 32 random bits for the keys of one owner: a thousand of them collide once in 8,600 owners, and the
    # store has a taken one drawn again.
    assert NUMBER - len(locators) <= 5
