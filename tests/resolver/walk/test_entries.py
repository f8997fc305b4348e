"""What an entry of the cache decides by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from secretsource._ground.clock import Instant
from secretsource.providers.base import Failed, FailureCode, Found, NotFound
from secretsource.resolver._walk.cache import MAX_READERS, Age, CachedAnswer
from secretsource.resolver._walk.refresh import Schedule

if TYPE_CHECKING:
    from secretsource.providers.base import Outcome

V1, V2 = Found("one", version="1"), Found("two", version="2")
DOWN = Failed(FailureCode.UNAVAILABLE)


@pytest.mark.parametrize(
    ("own", "other", "differs"),
    [
        (V1, V1, False),
        (V1, V2, True),
        (V1, Found("other", version="1"), True),
        (V1, Found("one", version="2"), True),
        (V1, NotFound(), True),
        (NotFound(), V1, True),
        (NotFound(), NotFound(), False),
        (V1, DOWN, False),
        (NotFound(), DOWN, False),
    ],
)
def test_a_second_answer_to_the_same_question(own: Found | NotFound, other: Outcome, differs: bool) -> None:
    """It differs by its value, its version, or by being there; a failure says nothing of either."""
    entry = CachedAnswer(own, Instant(0.0, 0.0), Schedule(1, 2, 3, 4), set())
    assert entry.differs(other) is differs


def entry_of(outcome: Found | NotFound, *ages: float) -> CachedAnswer:
    """An answer of the second 100, with its ages."""
    return CachedAnswer(outcome, Instant(100.0, 0.0), Schedule(*ages), set())


def test_an_entry_says_what_it_holds_but_no_value() -> None:
    """The class of the answer is there, and the secret is not."""
    shown = repr(entry_of(Found("s3cr3t", version="7"), 1, 2, 3, 4))
    assert shown.startswith("CachedAnswer(Found(")
    assert "s3cr3t" not in shown


def test_a_document_notes_so_many_readers() -> None:
    """A reader that is noted stays noted; there is no room for one more than the most."""
    entry = entry_of(V1, 1, 2, 3, 4)
    assert all(entry.note_reader((f"N{number}", ())) for number in range(MAX_READERS))
    assert entry.note_reader(("N0", ()))
    assert not entry.note_reader(("ONE_MORE", ()))
    assert len(entry.readers) == MAX_READERS


@pytest.mark.parametrize(("at", "passes"), [(179.0, 180.0), (180.0, 200.0), (199.0, 200.0), (250.0, 200.0)])
def test_the_next_age_of_a_fresh_answer(at: float, passes: float) -> None:
    """It passes to the time before its end at `refresh_at` itself, and then to its end."""
    assert entry_of(V1, 180.0, 200.0, 300.0, 400.0).passes(Instant(at, 0.0)) == passes


class TestProlong:
    """An absence lasts as long as the value behind it."""

    BEHIND = (280.0, 300.0, 350.0, 900.0)

    def test_up_to_the_ages_of_the_value(self) -> None:
        """Its own end stays."""
        absent = entry_of(NotFound(), 108.0, 110.0, 110.0, 1000.0)
        absent.prolong(entry_of(V1, *self.BEHIND), Instant(105.0, 0.0), None)
        assert absent.ages == Schedule(280.0, 300.0, 350.0, 1000.0)

    def test_never_beyond_its_own_end(self) -> None:
        """A value that lasts longer lends no more than what is left."""
        absent = entry_of(NotFound(), 108.0, 110.0, 110.0, 290.0)
        absent.prolong(entry_of(V1, *self.BEHIND), Instant(105.0, 0.0), None)
        assert absent.ages == Schedule(280.0, 290.0, 290.0, 290.0)

    def test_never_beyond_the_bound_of_the_provider(self) -> None:
        """The bound counts from its own answer."""
        absent = entry_of(NotFound(), 108.0, 110.0, 110.0, 1000.0)
        absent.prolong(entry_of(V1, *self.BEHIND), Instant(105.0, 0.0), 60.0)
        assert absent.ages == Schedule(160.0, 160.0, 160.0, 1000.0)

    def test_a_shorter_value_takes_nothing(self) -> None:
        """Ages only grow."""
        absent = entry_of(NotFound(), 308.0, 310.0, 360.0, 1000.0)
        before = absent.ages
        absent.prolong(entry_of(V1, *self.BEHIND), Instant(105.0, 0.0), None)
        assert absent.ages == before

    @pytest.mark.parametrize("at", [108.0, 110.0, 115.0, 2000.0])
    def test_only_while_it_is_fresh(self, at: float) -> None:
        """It is asked about again in due time."""
        absent = entry_of(NotFound(), 108.0, 110.0, 120.0, 1000.0)
        before, now = absent.ages, Instant(at, 0.0)
        assert absent.age(now) is not Age.FRESH
        absent.prolong(entry_of(V1, *self.BEHIND), now, None)
        assert absent.ages == before

    def test_a_value_is_never_prolonged(self) -> None:
        """Only an absence is."""
        found = entry_of(V2, 108.0, 110.0, 120.0, 1000.0)
        before = found.ages
        found.prolong(entry_of(V1, *self.BEHIND), Instant(105.0, 0.0), None)
        assert found.ages == before
