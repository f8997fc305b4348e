"""The numbers of a resolver: the name, default, range and meaning of each, written once.

`Resolver`, `AsyncResolver`, `configure`, the configuration file and the tables of the documentation read them here.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from secretsource._ground.namedtuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypedDict

    class Numbers(TypedDict, total=False):
        """The numbers that somebody sets; the others have their defaults."""

        ttl: float
        revalidate: float | None
        max_stale: float
        deadline: float
        negative_ttl: float
        max_entries: int
        jitter: float


__all__ = ["DEFAULTS", "NUMBERS", "Number", "Range", "Tuning", "conflict_of"]

CENTURY = 100 * 365 * 86_400.0
"""In seconds: longer durations are mistakes, and overflow the clocks of some platforms."""


class Tuning(NamedTuple):
    """All numbers of one resolver, with their defaults; `NUMBERS` says what each means."""

    ttl: float = 300.0
    revalidate: float | None = None
    max_stale: float = 3600.0
    deadline: float = 5.0
    negative_ttl: float = 10.0
    max_entries: int = 1024
    jitter: float = 0.1


DEFAULTS = Tuning()


class Range(NamedTuple):
    """The values that a number may have.

    Attributes:
        form: The same in words, to stand behind "must be".
        least: The least value.
        most: The greatest value.
        excluded: The one of these two bounds that is not allowed itself, or None.
        whole: Whether it must be a whole number.
    """

    form: str
    least: float
    most: float
    excluded: float | None = None
    whole: bool = False

    def holds(self, value: object) -> bool:
        """Return whether a value is a number of this range; "not a number" and endless ones are not."""
        if isinstance(value, bool) or not isinstance(value, int if self.whole else (int, float)):
            return False
        return self.least <= value <= self.most and value != self.excluded


DURATION = Range("a number of seconds, above 0 and at most a century", 0.0, CENTURY, excluded=0.0)
PAUSE = Range("a number of seconds, at least 0 and at most a century", 0.0, CENTURY)
SHARE = Range("a number of at least 0 and below 1", 0.0, 1.0, excluded=1.0)
COUNT = Range("a whole number of at least 1", 1, float("inf"), whole=True)


class Number(NamedTuple):
    """A number of a resolver.

    Attributes:
        name: The keyword argument, and the key in a configuration file.
        range: Its values.
        meaning: One sentence for the documentation.
    """

    name: str
    range: Range
    meaning: str

    @property
    def default(self) -> float | None:
        """The value where nobody sets one."""
        value: float | None = getattr(DEFAULTS, self.name)
        return value

    def mistake(self, value: object) -> str:
        """Return the mistake in a value, without the value; empty for a right one."""
        if self.range.holds(value) or (value is None and self.default is None):
            return ""
        kind = (
            "" if isinstance(value, (int, float)) and not isinstance(value, bool) else f", not {type(value).__name__}"
        )
        return f"{self.name} must be {self.range.form}{kind}"


NUMBERS = {
    number.name: number
    for number in (
        Number("ttl", DURATION, "Seconds for which an answer is fresh, above 0."),
        Number(
            "revalidate",
            PAUSE,
            "Seconds past the ttl in which the old value is served while one refresh runs; one more ttl unless given.",
        ),
        Number("max_stale", DURATION, "Greatest age in seconds at which a value may be served; at least the ttl."),
        Number("deadline", DURATION, "Seconds for one walk of the whole chain, above 0."),
        Number("negative_ttl", PAUSE, 'Seconds for which "not there" is believed.'),
        Number("max_entries", COUNT, "Most documents remembered, at least 1; the least recently used go first."),
        Number("jitter", SHARE, "Largest share, from 0 to below 1, by which a ttl is shortened at random."),
    )
}


def conflict_of(numbers: Mapping[str, float | None]) -> str:
    """Return why numbers conflict that are right by themselves, and what to do; empty if they do not."""
    ttl, revalidate, max_stale = numbers["ttl"], numbers["revalidate"], numbers["max_stale"]
    assert ttl is not None
    assert max_stale is not None, "only revalidate may be left open"
    if max_stale < ttl:
        return f"max_stale ({max_stale:g} s) must be at least ttl ({ttl:g} s): raise it, or lower ttl"
    if revalidate is not None and ttl + revalidate > max_stale:
        return (
            f"ttl ({ttl:g} s) and revalidate ({revalidate:g} s) together must be at most max_stale ({max_stale:g} s): "
            "raise it, or lower one of them"
        )
    return ""
