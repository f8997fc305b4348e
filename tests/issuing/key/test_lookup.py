"""What imported records are found by: made with the pepper, the same for as long as they live."""

from __future__ import annotations

import hmac

import pytest

from secretsource.issuing import PepperSet
from secretsource.issuing._key.lookup import LookupKeys

PEPPERS = ["the newest pepper of these tests", "an older pepper of these tests!!", "the oldest pepper of these tests"]
ONE, OTHER = b"1" * 32, b"2" * 64


def test_a_value_is_made_with_the_pepper() -> None:
    """HMAC-SHA-256 under a key of its own; two peppers, or two names, have nothing in common."""
    peppers = PepperSet(PEPPERS)
    keys = LookupKeys(peppers)
    derived = peppers.newest.derive(b"secretsource lookup v1", 32)
    assert keys.keyed([ONE, OTHER])[0] == hmac.digest(derived, ONE, "sha256")
    assert len(set(keys.keyed([ONE, OTHER]))) == 6
    assert keys.keyed([ONE]) == tuple(LookupKeys(PepperSet([pepper])).keyed([ONE])[0] for pepper in PEPPERS)
    assert keys.every([ONE, OTHER]) == (ONE, OTHER, *keys.keyed([ONE, OTHER]))


@pytest.mark.parametrize("name", [ONE, OTHER])
def test_a_value_goes_over_to_the_newest_pepper(name: bytes) -> None:
    """From the name itself, or from whichever pepper it was made with."""
    keys = LookupKeys(PepperSet(PEPPERS))
    for found_by in (name, *(LookupKeys(PepperSet([pepper])).keyed([name])[0] for pepper in PEPPERS)):
        assert keys.renewed(found_by, keys.every([ONE, OTHER])) == keys.keyed([name])[0]
