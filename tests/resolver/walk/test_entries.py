"""What an entry of the cache decides by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from secretsource._ground.clock import Instant
from secretsource.providers.base import Failed, FailureCode, Found, NotFound
from secretsource.resolver._walk.cache import CachedAnswer
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
