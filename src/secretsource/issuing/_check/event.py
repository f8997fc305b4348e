"""The event that listeners receive for a check: its verdict, and the request it was made for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

from secretsource._ground.key_text import masked
from secretsource._ground.namedtuple import NamedTuple
from secretsource.exceptions import InvalidRequest
from secretsource.issuing._check.noting.reuses import ended_by_rotation
from secretsource.issuing._check.policy import NO_SCOPE, check_demand, kind_of
from secretsource.issuing._key.text import kept
from secretsource.issuing._verdict import Rejected

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Required

    from secretsource._ground.clock import Clock
    from secretsource._ground.listeners import Listeners
    from secretsource.issuing._check.noting.uses import UseLog
    from secretsource.issuing._check.policy import Demand, Kind
    from secretsource.issuing._check.route_limit import RouteLimit
    from secretsource.issuing._verdict import Reason, Verdict
    from secretsource.stores.base import KeyRecord

__all__ = ["CheckEvent", "KeyQuestion"]

MOST_QUESTIONS = 1000
"""Keys that may be checked at once."""
LONGEST_TOLD = 2048
"""Characters of a path or a user agent that listeners receive."""
LONGEST_ORIGIN = 255
"""Characters of an address that an event keeps."""


class CheckEvent(NamedTuple):
    """One check of a key, accepted or refused.

    Attributes:
        at: The time of the check, in seconds since 1970 UTC.
        verdict: Its verdict.
        scopes: The demanded scopes; empty for `NO_SCOPE`.
        cost: The amount taken from the key's limits.
        ip: The client's address, if given.
        agent: The client's user agent, if given.
        method: The method of the request, if given.
        path: The path of the request, if given; one of our keys in it is masked.
    """

    at: float
    verdict: Verdict
    scopes: tuple[str, ...] = ()
    cost: int = 1
    ip: str | None = None
    agent: str | None = None
    method: str | None = None
    path: str | None = None

    @property
    def reason(self) -> Reason | None:
        """The reason why the key was refused, or None for an accepted one."""
        return self.verdict.reason if isinstance(self.verdict, Rejected) else None

    @property
    def is_reuse(self) -> bool:
        """Whether the key had ended through rotation: an alarm, for the old key is still used somewhere."""
        record = self.verdict.record
        return isinstance(self.verdict, Rejected) and record is not None and ended_by_rotation(record, self.at)

    @property
    def record(self) -> KeyRecord | None:
        """The key's record, if the whole key matched it."""
        return self.verdict.record


class KeyQuestion(TypedDict, total=False):
    """The question about one of several keys; ``text`` and ``scope`` are required.

    Attributes:
        text: The text that the client sent, of any length; None when it sent nothing.
        scope: The scope that the request needs, a list of which all are needed, or `NO_SCOPE`.
        ip: The client's address.
        cost: Units of its limits that the request takes, 0 to 10**9; 1 when left out.
        agent: The client's user agent, of any length.
        prefix: The only prefix to accept; any when left out.
        environment: The only environment to accept; any when left out.
    """

    text: Required[str | None]
    scope: Required[Demand]
    ip: str | None
    cost: int
    agent: str | None
    prefix: str | None
    environment: str | None


def read_questions(questions: Sequence[KeyQuestion]) -> list[tuple[str | None, Asked]]:
    """Return the text and the question of each check.

    Raises:
        InvalidRequest: There are too many, or one is malformed; then no key is checked.
    """
    given: object = questions
    if isinstance(given, (str, bytes)) or not isinstance(given, Sequence):
        raise InvalidRequest('questions must be a list of KeyQuestion: write  [{"text": …, "scope": …}]')
    if len(questions) > MOST_QUESTIONS:
        raise InvalidRequest(f"at most {MOST_QUESTIONS} keys can be checked at once, not {len(questions)}")
    return [_read_question(question, number) for number, question in enumerate(questions, 1)]


def _read_question(question: object, number: int) -> tuple[str | None, Asked]:
    if not isinstance(question, Mapping) or not question.keys() <= KeyQuestion.__annotations__.keys():
        raise InvalidRequest(f"question {number} may only have {', '.join(KeyQuestion.__annotations__)}")
    if "text" not in question or "scope" not in question:
        raise InvalidRequest(f"question {number} needs a text and a scope")
    given: Mapping[str, Any] = question
    check_demand(given["scope"])
    kind = kind_of(given.get("prefix"), given.get("environment"))
    return given["text"], Asked(given["scope"], given.get("cost", 1), kind, given.get("ip"), given.get("agent"))


class Asked(NamedTuple):
    """The question of a check: the demand on a key, and the request it is made for."""

    scope: Demand
    cost: int
    kind: Kind | None = None
    ip: str | None = None
    agent: str | None = None
    method: str | None = None
    path: str | None = None
    limit: RouteLimit | None = None


_make = tuple.__new__


def asked_of(scope: Demand, cost: int, kind: Kind | None, ip: str | None, agent: str | None) -> Asked:
    """Return the question of a check outside of a request, without a call of Python: each uncached check does this."""
    return _make(Asked, (scope, cost, kind, ip, agent, None, None, None))


def conclude(uses: UseLog, listeners: Listeners[CheckEvent], clock: Clock, verdict: Verdict, asked: Asked) -> None:
    """Count a verdict that was reached the long way, if it is a refusal, and tell the listeners of it.

    A refused key that had ended through rotation is an alarm, which the next flush writes.
    """
    if isinstance(verdict, Rejected):
        now = clock.now()
        uses.tally.note(verdict.record, now.mono, now.wall, verdict.reason.value)
        if verdict.record is not None:
            uses.reuses.note(verdict.record, now, origin_of(asked.ip))
    if listeners:
        tell(listeners, clock, verdict, asked)


def tell(listeners: Listeners[CheckEvent], clock: Clock, verdict: Verdict, asked: Asked) -> None:
    """Announce a check and its verdict to the listeners."""
    event = CheckEvent(
        clock.now().wall,
        verdict,
        _listed(asked.scope),
        asked.cost,
        _shown(asked.ip) if isinstance(asked.ip, str) else asked.ip,
        _shown(asked.agent),
        asked.method,
        _shown(asked.path),
    )
    listeners.tell(event)


def origin_of(ip: object) -> str | None:
    """Return the part of an address that an event keeps, without a key, in a form that no store refuses."""
    return kept(ip, LONGEST_ORIGIN) if isinstance(ip, str) and ip else None


def _listed(scope: Demand) -> tuple[str, ...]:
    """Return the scopes of a validated demand."""
    if scope is NO_SCOPE:
        return ()
    return (scope,) if isinstance(scope, str) else tuple(scope)


def _shown(text: str | None) -> str | None:
    return text and masked(text, LONGEST_TOLD)
