"""An act of a schedule, and the arguments that acts are made of: values at the edges of what is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from tests.alike.world import World

__all__ = ["Act", "Author", "Known"]

DAY = 86400.0
OWNERS = (
    "acme",
    "globex",
    7,
    "Müller & Söhne 🔑",
    "e\u0301",
    "%_'\"\\",
    "owner:acme",
    "a" * 255,
    "\uffff",
    "\U00010000",
)
PLANS = ("pro", "free", "Größe")
NAMES = ("", "", "billing", "it's \\u0000", "🔑 worker", "x" * 255)
FIELDS = ("team", 'a"b', "a.b", "$", "ü", "", "a\\u0000b", "\U00010000")
VALUES = ("red", "", "ré", "🔑", "1", "\\u0000", "null", 'a"b')
SCOPES = ("a", "a:b", "a:*", "a:b:*", "b.c/d-e_f", "b:c")
RATES = (None, None, "1/second", "3/minute burst 2", "2 at once", "5/day, 2/second", "1 at once for 5 seconds")
QUOTAS = (None, None, "2/day", "3/month", "3/month on 31", "2/day add up to 5", "4/month on 29 add")
CREDITS = (None, None, 0, 1, 3, 10**15)
ADDRESSES = (None, "203.0.113.7", "2001:db8::1", "::ffff:203.0.113.7", "nonsense", "x" * 300)
AGENTS = (None, "curl/8", "ü\x00\u2028", "y" * 300)
LENGTHS = (0.001, 1.0, 60.0, 3600.0, DAY, 31 * DAY)
WAITS = (0.0, 0.0, 0.001, 0.5, 1.0, 4.999, 5.0, 60.0, 3599.0, DAY, 2 * DAY, 29 * DAY)
ENVIRONMENTS = ("live", "test")


class Act(NamedTuple):
    """One thing to tell a store.

    Attributes:
        name: Its name, for people.
        given: Its arguments.
        call: Tells a world.
    """

    name: str
    given: dict[str, Any]
    call: Callable[..., Any]

    def do(self, world: World) -> Any:
        """Tell a world."""
        return self.call(world, **self.given)

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{name}={value!r:.90}' for name, value in self.given.items())})"


class Known(NamedTuple):
    """What is known of the keys so far.

    Attributes:
        texts: The keys, by ``key_id``.
        tokens: Texts of passes.
        rows: Exported rows.
        cursors: Places where lists go on.
    """

    texts: dict[str, str]
    tokens: list[str]
    rows: list[dict[str, Any]]
    cursors: list[str]


class Author:
    """The author of acts.

    Args:
        random: Draws them.
        known: What is known so far; the schedule adds to it.
    """

    def __init__(self, random: Random, known: Known) -> None:
        self.random = random
        self.known = known
        self.verdicts = 0

    def pick(self, values: Any) -> Any:
        """Draw one of some values."""
        return self.random.choice([*values])

    def key_id(self) -> str:
        """A known key, most often a young one; now and then one that never was."""
        ids = [*self.known.texts]
        if not ids or self.random.random() < 0.03:
            return "0" * 22
        return self.pick(ids[-4:] if self.random.random() < 0.6 else ids)

    def text(self) -> str:
        """The text of a known key, or of none."""
        return self.known.texts.get(self.key_id(), "sk_live_nothing")

    def instant(self, now: float) -> Any:
        """An instant at an edge, or None."""
        return self.pick(
            (None, None, now, now + 0.001, now + 1.0, now + 60, now + DAY, now + 400 * DAY, 0, 253_402_128_000)
        )

    def scopes(self) -> list[str]:
        """Some scopes."""
        return self.random.sample(SCOPES, self.random.randrange(4))

    def metadata(self) -> dict[str, Any]:
        """A small document."""
        return {
            self.pick(FIELDS): self.pick((*VALUES, 1, None, ["red"], {"team": "red"}))
            for _ in range(self.random.randrange(3))
        }

    def request(self, now: float) -> dict[str, Any]:
        """The fields of a new key."""
        fields: dict[str, Any] = {"owner": self.pick(OWNERS)}
        more = {
            "name": self.pick(NAMES),
            "environment": self.pick(ENVIRONMENTS),
            "prefix": self.pick(("sk", "pk2")),
            "scopes": self.scopes(),
            "rate_limit": self.pick(RATES),
            "quota": self.pick(QUOTAS),
            "credits": self.pick(CREDITS),
            "expires_at": self.instant(now),
            "not_before": self.pick((None, None, None, now + 1.0, now + DAY)),
            "networks": self.pick(([], [], ["203.0.113.0/24"], ["2001:db8::/32", "203.0.113.7"])),
            "metadata": self.metadata(),
            "rotate_every": self.pick((None, None, 1.0, 30 * DAY)),
        }
        return fields | {name: value for name, value in more.items() if self.random.random() < 0.4}

    def by(self) -> dict[str, Any]:
        """An author of a change."""
        return {"actor": self.pick((None, "ops", "ü\x00 🔑", "z" * 300)), "reason": self.pick((None, "leaked", "a\nb"))}
