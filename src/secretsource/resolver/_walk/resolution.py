"""A question on its way down the chain: the request, what is asked and replied, and how it ended."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from secretsource._ground.namedtuple import NamedTuple
from secretsource.providers.base import Failed, FailureCode, Found, NotFound
from secretsource.providers.reference import format_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource._ground.clock import Instant
    from secretsource._secret import Served
    from secretsource.providers.base import Outcome, SecretRef
    from secretsource.resolver._walk.cache import CachedAnswer, Setback
    from secretsource.resolver._walk.route import Route

__all__ = ["INTERRUPTED", "OVERDUE", "Ask", "Reply", "Request", "Resolution", "Step", "word_of"]

OVERDUE = Failed(FailureCode.TIMEOUT, "the deadline for the whole chain has passed")
INTERRUPTED = Failed(FailureCode.UNAVAILABLE, "the call was interrupted before the provider answered", "ask again")


class Request(NamedTuple):
    """One question of the application.

    Attributes:
        name: The application's name for the secret.
        ref: The parsed name or reference.
        fields: Fields to select from the value, one inside the other, beyond the one of the place.
        fresh: Whether to ask the provider whatever is remembered.
        plain: Whether the name says it all, so that the next reads of it may take a short way.
        tracked: Whether the name counts as a reader of what answers it.
        since: The number from which on a call may answer it, in the order in which calls begin; 0 for any.
    """

    name: str
    ref: SecretRef
    fields: tuple[str, ...] = ()
    fresh: bool = False
    plain: bool = False
    tracked: bool = True
    since: int = 0


class Ask(NamedTuple):
    """A document the shell is to fetch.

    Attributes:
        route: The provider to ask.
        ref: The document to ask for.
        entry: The answer that was known when this was decided; a newer one makes the fetch needless.
        setback: The failure that was known then; likewise.
        anew: Whether the driver must bring a new value, and not prolong the old one.
        since: The number from which on a call may answer it.
    """

    route: Route
    ref: SecretRef
    entry: CachedAnswer | None = None
    setback: Setback | None = None
    anew: bool = False
    since: int = 0


class Reply(NamedTuple):
    """The result of an `Ask`.

    Attributes:
        outcome: The provider's answer.
        now: When it answered.
        entry: The entry that keeps it, or None.
    """

    outcome: Outcome
    now: Instant
    entry: CachedAnswer | None = None


class Step(NamedTuple):
    """One line of a trace: a provider that was asked or looked up, and the outcome; never the value."""

    provider: str
    place: SecretRef | str
    outcome: str
    served: str = ""
    reason: str | None = None
    seconds: float = 0.0
    version: str | None = None

    @property
    def reference(self) -> str:
        """Where, as text; written only when somebody reads the trace."""
        return self.place if isinstance(self.place, str) else format_reference(self.place)


_ABSENT = NotFound()


class Resolution:
    """How a request ended.

    Args:
        request: The question, as the chain understands it.
        at: When the walk begins.
        ref: Where it begins; None for where the request points.

    Attributes:
        outcome: The selected value as `Found`, or the reason that there is no value.
        ref: The reference that answered or failed.
        route: The route that was asked for it.
        entry: The cache entry behind the value, None when it was not kept.
        fields: The fields that led from the entry's document to the value.
        served: How the value was obtained.
        steps: The places asked, in order.
        due: Documents to refresh in the background.
        used: Documents that the answer rests on, as they were asked for, each with the entry that answered.
        doubts: The places that could not be asked, though the chain went on, each with the failure.
        at: When it ended.
    """

    __slots__ = (
        "at",
        "doubts",
        "due",
        "entry",
        "fields",
        "outcome",
        "ref",
        "request",
        "route",
        "served",
        "steps",
        "used",
    )

    def __init__(self, request: Request, at: Instant, ref: SecretRef | None = None) -> None:
        self.request = request
        self.outcome: Outcome = _ABSENT
        self.ref = request.ref if ref is None else ref
        self.route: Route | None = None
        self.entry: CachedAnswer | None = None
        self.fields: tuple[str, ...] = ()
        self.served: Served = "live"
        self.steps: list[Step] = []
        self.due: list[Ask] = []
        self.used: list[tuple[Ask, CachedAnswer | None]] = []
        self.doubts: dict[SecretRef, Failed] = {}
        self.at = at

    @property
    def doubt(self) -> tuple[Failed, SecretRef] | None:
        """The first provider that could not be asked, and where; None if all could."""
        return next(((failed, place) for place, failed in self.doubts.items()), None)

    def ended(self, outcome: Outcome, ref: SecretRef) -> Resolution:
        """Return the same resolution with its end."""
        self.outcome, self.ref = outcome, ref
        return self


def word_of(outcome: Outcome) -> str:
    """Return an outcome as one word, for traces and events."""
    if isinstance(outcome, Found):
        return "found"
    return "not found" if isinstance(outcome, NotFound) else outcome.code.value
