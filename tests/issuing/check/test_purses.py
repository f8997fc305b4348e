"""Credits among the limits of a draw."""

from __future__ import annotations

import pytest

from secretsource.issuing._check.purses import credits_of, purses_of, with_credits
from secretsource.issuing.limits import Credits, Plan, Rate
from secretsource.limiters.base import Draw
from secretsource.stores.base import KeyRecord, OwnerRecord, Purse, Terms, account_of

RECORD = KeyRecord("k" * 22, b"h" * 32, "01234567", "sk_live_kkkk…", "acme", "sk", "live", 0.0)
OWN, OWNERS = Purse("k" * 22, 10), Purse(account_of("acme"), 4)
NOW = (5.0, 100.0)


def test_a_key_pays_from_its_own_purse_and_that_of_its_owner() -> None:
    """As far as they have one; the owner's is named so."""
    paying = RECORD._replace(credits=10)
    owned = paying._replace(terms=Terms(OwnerRecord("acme", 0.0, credits=4), None))
    assert purses_of(RECORD) == ()
    assert purses_of(paying) == (OWN,)
    assert purses_of(owned) == (OWN, OWNERS)
    assert purses_of(owned._replace(credits=None)) == (OWNERS,)
    assert [credits_of(purse) for purse in purses_of(owned)] == [Credits(10), Credits(4, "owner")]


@pytest.mark.parametrize(
    ("spent", "cost", "refused"),
    [
        ((10, 4), 0, None),
        ((12, 9), 0, None),
        ((9, 3), 1, None),
        ((9, 3), 2, "credits"),
        ((7, 3), 2, "owner credits"),
        ((0, 0), 4, None),
        ((0, 0), 5, "owner credits"),
    ],
)
def test_the_first_purse_that_is_too_small_refuses(spent: tuple[int, int], cost: int, refused: str | None) -> None:
    """Without a cost that they refuse, none does, however little is left."""
    draw = with_credits(None, (OWN, OWNERS), spent, NOW, cost)
    assert (None if draw.refused_by is None else draw.refused_by.name) == refused
    assert [level[0] for level in draw.levels if isinstance(level, tuple)] == [10 - spent[0], 4 - spent[1]]
    assert (draw.mono, draw.wall) == NOW


def test_a_cost_is_none_unless_it_is_said() -> None:
    """Purses that refuse nothing are only shown."""
    assert with_credits(None, (OWN,), (10,), NOW).refused_by is None


def test_credits_stand_behind_the_other_limits() -> None:
    """Time and levels of the draw are as they were."""
    rate = Rate(2, 1, 2, "second")
    draw = with_credits(Draw(Plan((rate,)), (7.0,), 6.0, 99.0), (OWN,), (3,), NOW)
    assert draw.plan.rules == (rate, Credits(10))
    assert (draw.levels[0], draw.levels[1]) == (7.0, Credits(10).level(3))
    assert (draw.mono, draw.wall) == (6.0, 99.0)


@pytest.mark.parametrize("spent", [(), (1,), (1, 2, 3)])
def test_each_purse_has_what_is_spent_of_it(spent: tuple[int, ...]) -> None:
    """A store that tells fewer numbers or more is at fault, and lets nobody in."""
    for cost in (0, 1):
        with pytest.raises(ValueError, match="zip"):
            with_credits(None, (OWN, OWNERS), spent, NOW, cost)
