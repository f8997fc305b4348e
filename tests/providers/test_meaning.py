"""An outcome that names the place that was asked."""

from __future__ import annotations

import pytest

from secretsource.providers._meaning import told_with_place, wait_of
from secretsource.providers.base import Failed, FailureCode, NotFound

PLACE = "eu-west-1"
DENIED = Failed(FailureCode.DENIED, "no policy allows it", "allow it")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (NotFound(), NotFound("not in eu-west-1")),
        (NotFound("deleted"), NotFound("deleted (in eu-west-1)")),
        (NotFound("gone from eu-west-1"), NotFound("gone from eu-west-1")),
        (DENIED, DENIED._replace(reason="no policy allows it (in eu-west-1)")),
        (DENIED._replace(reason="not in eu-west-1"), DENIED._replace(reason="not in eu-west-1")),
        (Failed(FailureCode.TIMEOUT), Failed(FailureCode.TIMEOUT, "timeout (in eu-west-1)")),
    ],
)
def test_an_outcome_names_the_place_once(answer: NotFound | Failed, told: NotFound | Failed) -> None:
    """Behind its reason, or in its stead; a failure without a reason is named by its code."""
    assert told_with_place(answer, PLACE) == told


@pytest.mark.parametrize(
    ("said", "wait"), [("5", 5.0), ("0", 0.0), ("Wed, 21 Oct", None), (None, None), ("1" * 10, None)]
)
def test_a_wait_is_a_number_of_up_to_nine_digits(said: object, wait: float | None) -> None:
    """Anything else says nothing."""
    assert wait_of(said) == wait
