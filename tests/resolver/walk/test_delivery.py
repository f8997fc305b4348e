"""From an answer to the secret that an application holds, and whether two of them are the same."""

from __future__ import annotations

import pytest

from secretsource._ground.clock import Instant
from secretsource._secret import Origin, Secret
from secretsource.providers.base import Found, Lease, NotFound, SecretRef
from secretsource.resolver._walk.cache import CachedAnswer
from secretsource.resolver._walk.delivery import as_fresh, event_of, holds, is_overtaken, is_same, secret_of
from secretsource.resolver._walk.refresh import Schedule
from secretsource.resolver._walk.resolution import Request, Resolution
from secretsource.resolver._walk.route import Route
from secretsource.testing import ScriptedProvider

REF = SecretRef("memory", "A")
ROUTE = Route(ScriptedProvider({}))
AGES = Schedule(1, 2, 3, 4)


def secret(
    value: str | bytes, version: str | None = None, fields: tuple[str, ...] = (), ref: SecretRef = REF
) -> Secret:
    """A secret as it was handed out."""
    return Secret(value, Origin("A", fields, ref, version, 5.0, 9.0, "live"))


def entry(value: str | bytes, version: str | None = None) -> CachedAnswer:
    """What is remembered."""
    return CachedAnswer(Found(value, version=version), Instant(0.0, 0.0), AGES, set())


@pytest.mark.parametrize(
    ("expires", "lease", "ends"),
    [(None, None, None), (50.0, None, 50.0), (None, 60, 160.0), (150.0, 60, 150.0), (170.0, 60, 160.0)],
)
def test_a_secret_ends_with_the_earlier_of_its_end_and_its_lease(
    expires: float | None, lease: float | None, ends: float | None
) -> None:
    """A lease begins when the provider answered."""
    found = Found("x", expires_at=expires, lease=None if lease is None else Lease(lease))
    assert secret_of("A", (), REF, ROUTE, found, 100.0, "live")._origin.expires == ends


@pytest.mark.parametrize("value", ["text", b"\xff\x00"])
def test_the_same_secret_from_memory(value: str | bytes) -> None:
    """Only the way it was served differs."""
    made = secret(value, "7", ("f",))
    again = as_fresh(made)
    assert (again.as_bytes(), again._raw) == (made.as_bytes(), made._raw)
    origin = again._origin
    assert (origin.name, origin.fields, origin.ref, origin.version) == ("A", ("f",), REF, "7")
    assert (origin.fetched, origin.expires, origin.served) == (5.0, 9.0, "fresh")


REFUSED = [
    (entry("x", "1"), secret("x", "1"), True),
    (entry("x", "2"), secret("x", "1"), False),
    (entry("y", "1"), secret("x", "1"), False),
    (entry("x", None), secret("x", "1"), False),
    (entry("x", "1"), secret("x"), True),
    (entry("x"), secret("x"), True),
    (entry("y"), secret("x"), False),
    (entry(b"\xff"), secret(b"\xff"), True),
    (entry(b"\xff"), secret(b"\xfe"), False),
    (entry("ref+ref+x"), secret("ref+x"), True),
    (entry("ref+ref+x"), secret("ref+y"), False),
    (entry('{"f": "x"}'), secret("x", fields=("f",)), True),
    (entry('{"f": "y"}'), secret("x", fields=("f",)), False),
    (entry('{"g": {"f": "x"}}'), secret("x", fields=("f",), ref=REF._replace(field="g")), True),
    (entry('{"f": "x"}'), secret("x", fields=("f",), ref=REF._replace(field="g")), False),
    (CachedAnswer(NotFound(), Instant(0.0, 0.0), AGES, set()), secret("x"), False),
]
"""What is remembered, what was refused, and whether they are the same."""


def test_a_refused_value_is_recognised() -> None:
    """By the value itself, and by its version if the provider has versions."""
    for number, (kept, given, same) in enumerate(REFUSED):
        assert holds(kept, given) is same, number


PAIRS = [
    (secret("x", "1"), secret("y", "1"), True),
    (secret("x", "1"), secret("x", "2"), False),
    (secret("x", "1"), secret("x"), True),
    (secret("x"), secret("x", "1"), True),
    (secret("x"), secret("x"), True),
    (secret("x"), secret("y"), False),
    (secret("x", "1"), secret("y"), False),
    (secret(b"\xff"), secret(b"\xff"), True),
    (secret(b"\xff"), secret(b"\xfe"), False),
    (secret(b"x"), secret("x"), False),
]


def test_two_secrets_are_one_version_or_one_value() -> None:
    """Versions decide only where both have one."""
    for number, (one, other, same) in enumerate(PAIRS):
        assert is_same(one, other) is same, number


def found_by(outcome: Found | NotFound | None, number: int) -> Resolution:
    """A look-up that an entry answered, or none."""
    resolution = Resolution(Request("A", REF), Instant(0.0, 0.0))
    if outcome is not None:
        resolution.entry = CachedAnswer(outcome, Instant(0.0, 0.0), AGES, set(), number)
    return resolution


@pytest.mark.parametrize(
    ("current", "before", "overtaken"),
    [
        ((Found("x", version="1"), 1), (Found("x", version="1"), 2), True),
        ((Found("x", version="1"), 2), (Found("x", version="1"), 1), False),
        ((Found("x", version="2"), 1), (Found("x", version="1"), 2), False),
        ((Found("x"), 1), (Found("x"), 2), False),
        ((None, 0), (Found("x", version="1"), 2), False),
        ((Found("x", version="1"), 1), (None, 0), False),
        ((NotFound(), 1), (Found("x", version="1"), 2), False),
        ((Found("x", version="1"), 1), (NotFound(), 2), False),
    ],
)
def test_a_current_version_that_is_the_one_before(
    current: tuple[Found | NotFound | None, int], before: tuple[Found | NotFound | None, int], overtaken: bool
) -> None:
    """Only a later answer shows that a rotation came between, and only by a version."""
    assert is_overtaken(found_by(*current), found_by(*before)) is overtaken


@pytest.mark.parametrize(("kept_at", "began", "age", "took"), [(2.0, 6.0, 8.0, 4.0), (20.0, 30.0, 0.0, 0.0)])
def test_an_event_has_its_age_and_length(kept_at: float, began: float, age: float, took: float) -> None:
    """Neither is below zero when two threads read the clock in another order."""
    request = Request("A", REF)
    result = Resolution(request, Instant(10.0, 0.0), REF)
    result.outcome = Found("x")
    result.entry = CachedAnswer(Found("x"), Instant(kept_at, 0.0), AGES, set())
    event = event_of(request, result, Instant(began, 0.0))
    assert (event.age, event.duration) == (age, took)
