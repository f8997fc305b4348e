"""When a message that failed is tried again: the pauses, what spreads them, and the end."""

from __future__ import annotations

import pytest

from secretsource.server.outgoing.retries import LONGEST_WAIT, PAUSES, Failure, after_failure
from secretsource.stores.base import Message

NOW = 1_700_000_000.0
TAKEN = Message("webhook:shop", "msg_1", "key.issued", "{}", NOW - 9.0, None)


def due(attempts: int, chance: float = 0.5, wait: float = 0.0) -> float | None:
    """Seconds until the next attempt; None if there is no other."""
    later = after_failure(TAKEN._replace(attempts=attempts), Failure("it was busy", wait=wait), NOW, chance)
    assert later.trouble == "it was busy"
    return None if later.due is None else later.due - NOW


def test_the_pauses_are_those_of_standard_webhooks() -> None:
    """Eight attempts in a little over a day; after the last there is no other."""
    assert PAUSES == (5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 36_000.0)
    assert [due(attempts) for attempts in range(1, 9)] == [*PAUSES, None]


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 240.0), (0.25, 270.0), (0.5, 300.0), (1.0, 360.0)])
def test_chance_spreads_a_pause(chance: float, seconds: float) -> None:
    """By up to a fifth, in both directions."""
    assert due(2, chance) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("wait", "seconds"), [(0.0, 300.0), (299.0, 300.0), (301.0, 301.0), (36_000.0, 36_000.0), (36_001.0, 36_000.0)]
)
def test_the_other_side_may_ask_for_a_longer_pause(wait: float, seconds: float) -> None:
    """For ten hours at most, and for no shorter one."""
    assert LONGEST_WAIT == 36_000.0
    assert due(2, wait=wait) == seconds


def test_a_failure_may_be_final() -> None:
    """Then there is no other attempt; the reason is kept, up to 255 characters."""
    given_up = after_failure(TAKEN._replace(attempts=1), Failure("x" * 256, is_final=True), NOW, 0.5)
    assert given_up == TAKEN._replace(attempts=1, due=None, trouble="x" * 255)
    plain = Failure("it was busy")
    assert (plain.is_final, plain.wait) == (False, 0.0)
