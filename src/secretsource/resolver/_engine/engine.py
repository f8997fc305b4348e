"""The engine of a `Resolver` and of its `AsyncResolver`: the chain, the remembered answers, and the listeners.

The engine never waits and never fetches. The shells do that, in their own way, between `claim` and `settle`.
"""

from __future__ import annotations

from threading import RLock

from secretsource._ground import fork
from secretsource._ground.clock import SYSTEM_CLOCK, readings
from secretsource._ground.listeners import Listeners
from secretsource._ground.sentinels import UNSET
from secretsource.exceptions import ConfigurationError, InvalidReference
from secretsource.providers.base import Found, LeasingProvider, NotFound, SecretRef
from secretsource.providers.reference import MAX_REFERENCE, format_reference, parse_reference
from secretsource.resolver._engine.background import Background
from secretsource.resolver._engine.notices import Notices
from secretsource.resolver._engine.state import State
from secretsource.resolver._walk.delivery import default_secret, event_of, secret_of
from secretsource.resolver._walk.failure import error_of
from secretsource.resolver._walk.resolution import Request, word_of
from secretsource.resolver._walk.route import Chain, nowhere
from secretsource.resolver._walk.trace import Trace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar, overload

    from secretsource._ground.clock import Clock, Instant
    from secretsource._ground.sentinels import UnsetType
    from secretsource._secret import Secret
    from secretsource._tuning import Tuning
    from secretsource.providers.base import Outcome, Provider
    from secretsource.resolver._engine.flight import Flight
    from secretsource.resolver._engine.shortcuts import Near
    from secretsource.resolver._walk.resolution import Resolution
    from secretsource.resolver._walk.route import Overlay
    from secretsource.resolver._walk.trace import RotationEvent, SecretEvent

    D = TypeVar("D")

__all__ = ["Engine"]

FROZEN_SECONDS = 5.0
"""How far the wall clock may run ahead of the monotonic one before this process counts as having been frozen."""


class Engine:
    """The state behind a resolver.

    Args:
        chain: Builds the chain when it is first needed.
        tuning: The numbers.
        clock: Where the time is read.
    """

    def __init__(self, chain: Callable[[], Chain], tuning: Tuning, clock: Clock = SYSTEM_CLOCK) -> None:
        self._make_chain = chain
        self._chain: Chain | None = None
        self._overlay: Overlay | None = None
        self._drift = clock.now().drift
        self.state = State(tuning, clock)
        self.deadline = tuning.deadline
        self.clock = clock
        self.monotonic, _ = readings(clock)
        self.background = Background()
        self.notices = Notices()
        self.closed = False
        self._lock = RLock()
        self.rotation_listeners: Listeners[RotationEvent] = Listeners()
        self.event_listeners: Listeners[SecretEvent] = Listeners()
        fork.tell(self)

    @property
    def hot(self) -> dict[str, tuple[float, float, Secret]]:
        """Name to the span of wall time in which a secret answers it at once."""
        return self.state.shortcuts.hot

    # -- before the call ------------------------------------------------------------------------------------------

    @property
    def chain(self) -> Chain:
        """The providers, made on first use: constructing a resolver asks nothing of anyone.

        Raises:
            ConfigurationError: The resolver is closed, or a setting that is itself a reference leads nowhere.
        """
        if self.closed:
            raise ConfigurationError("this resolver is closed: make a new one, or close it only after its last use")
        overlay, chain = self._overlay, self._chain
        if overlay is not None and overlay.only:
            return Chain((), nowhere, {}, overlay=overlay)
        if chain is None:
            chain = self._publish(self._make_chain())
        return chain if overlay is None else chain._replace(overlay=overlay)

    def wire(self) -> None:
        """Make the providers now, so that a mistake in their settings is found before the first look-up; raises it."""
        self._publish(self._make_chain())

    def _publish(self, made: Chain) -> Chain:
        """Publish a chain; if two threads have made one, the first counts, and the other has opened nothing."""
        with self._lock:
            if self._chain is None:
                self._chain = made
            return self._chain

    def now(self) -> Instant:
        """Return the time; expire all answers if this process has been frozen since the last look."""
        now = self.clock.now()
        ahead = now.wall - now.mono - self._drift
        if abs(ahead) > FROZEN_SECONDS:
            if ahead > 0:
                self.state.renew(now, ahead)
                self._reset_providers()
            self._drift = now.drift
        return now

    def request(
        self,
        name: str,
        field: str | None = None,
        version: str | None = None,
        fresh: bool = False,
        plain: bool = False,
    ) -> Request:
        """Return the parsed question.

        Raises:
            InvalidReference: The name, field or version is not well formed.
        """
        ref = parse_reference(name)
        # One name for all spellings: an escape that need not be there makes no other reader and no other short way.
        name = name if ref.location == name else format_reference(ref)
        fields: tuple[str, ...] = ()
        if ref.field is not None and not ref.provider:
            fields = (ref.field,)
        if field is not None:
            fields += (_word("field", field),)
        if version is not None:
            ref = ref._replace(version=_word("version", version), stage=None)
        return Request(name, ref, fields, fresh, plain, True, self.state.since(name, fresh))

    # -- after the call -------------------------------------------------------------------------------------------

    def settle(self, brought: Sequence[tuple[Flight, Outcome]]) -> None:
        """Remember what flights brought, give it to every reader that joined, and tell of new values."""
        for event in self.state.settle(brought):
            self.rotation_listeners.tell(event)

    def report(self, request: Request, result: Resolution, started: Instant) -> None:
        """Announce a look-up that was not a plain hit."""
        if not isinstance(result.outcome, Found) or result.served != "fresh":
            self.event_listeners.tell(event_of(request, result, started))

    def note(self, result: Resolution) -> None:
        """Log what went wrong in a look-up; where one provider was asked and gave a value, nothing has."""
        if len(result.steps) > 1 or result.served == "stale" or not isinstance(result.outcome, Found):
            self.notices.tell(result, self.chain)

    def nearby(self, near: Near, outcome: Outcome) -> Secret | None:
        """Return the secret that the first provider gave directly; None when the chain has to be walked."""
        if not isinstance(outcome, Found) or not isinstance(outcome.value, (str, bytes)) or near.route.points(outcome):
            self.state.shortcuts.near.pop(near.name, None)
            return None
        return secret_of(near.name, (), near.ref, near.route, outcome, self.clock.now().wall, "live")

    if TYPE_CHECKING:

        @overload
        def conclude(self, request: Request, result: Resolution, default: UnsetType) -> Secret: ...
        @overload
        def conclude(self, request: Request, result: Resolution, default: D | UnsetType) -> Secret | D: ...

    def conclude(self, request: Request, result: Resolution, default: D | UnsetType) -> Secret | D:
        """Turn the end of a walk into a `Secret`, the default, or the error.

        Raises:
            SecretNotFound: No provider has it and there is no default.
            ProviderError: A provider could not be asked, or refused.
        """
        outcome = result.outcome
        self.note(result)
        if isinstance(outcome, Found):
            wall = result.at.wall if result.entry is None else result.entry.at.wall
            secret = secret_of(request.name, request.fields, result.ref, result.route, outcome, wall, result.served)
            self.state.remember(request, result, secret)
            return secret
        if isinstance(outcome, NotFound) and default is not UNSET:
            return default_secret(request, default, result.at)
        raise error_of(request.name, result, self.chain)

    def trace(self, request: Request, result: Resolution) -> Trace:
        """Make the trace that `explain` shows of a walk."""
        chain, found = self.chain, isinstance(result.outcome, Found)
        asked = {step.provider for step in result.steps}
        rest = () if request.ref.provider else [route.provider.name for route in chain.routes]
        return Trace(
            request.name,
            word_of(result.outcome),
            result.served if found else None,
            tuple(result.steps),
            tuple(name for name in rest if name not in asked),
            chain.skipped,
            None if found else str(error_of(request.name, result, chain)),
        )

    # -- changing what is kept ------------------------------------------------------------------------------------

    def invalidate(self, request: Request, version: str | None) -> None:
        """Make what a name is answered from stale, unless it already holds ``version``."""
        self.state.invalidate(request.name, self._places(request), version)

    def _places(self, request: Request) -> list[SecretRef]:
        """Return every document that a name may be answered from."""
        ref, chain = request.ref, self.chain
        if chain.overlay is not None and chain.overlay.only:
            return []
        if ref.provider:
            located: list[SecretRef | NotFound] = [chain.find(ref.provider).provider.complete(ref)]
        else:
            located = [route.locate(ref.location) for route in chain.routes]
        places = [place.document for place in located if isinstance(place, SecretRef)]
        return list(dict.fromkeys([*places, *self.state.read_by(request.name)]))

    def describe(self) -> str:
        """Return the providers of the chain by name."""
        return "not wired yet" if self._chain is None else " -> ".join(r.provider.name for r in self._chain.routes)

    def lay_over(self, overlay: Overlay | None) -> None:
        """Put a route before all others, or in their place, or take it away again."""
        self._overlay = overlay
        self.state.allow_shortcuts(overlay is None)

    def forget(self) -> None:
        """Forget every value and client, and go on with the same providers."""
        self.state.clear()
        self._reset_providers()

    def after_fork(self) -> None:
        """Reset this in the child of a fork: locks, flights and clients belong to the parent; answers may be old."""
        self._lock = RLock()
        self.background = Background()
        self.notices.after_fork()
        self.state.after_fork()
        self._reset_providers()

    def close(self, *, revoke: bool = True) -> None:
        """Close every provider that was opened, for good; may be called again."""
        self.closed = True
        for provider in self.providers():
            if revoke or not isinstance(provider, LeasingProvider):
                provider.close()
            else:
                provider.leave()
        self.state.clear()

    def providers(self) -> list[Provider]:
        """Return every provider opened so far."""
        return [] if self._chain is None else [route.provider for route in list(self._chain.opened.values())]

    def _reset_providers(self) -> None:
        for provider in self.providers():
            provider.reset()


def _word(what: str, given: object) -> str:
    if not isinstance(given, str):
        raise InvalidReference(f"the {what} of a secret must be a str, not {type(given).__name__}")
    if not given:
        raise InvalidReference(f"the {what} of a secret must not be empty: leave it out")
    if len(given) > MAX_REFERENCE:
        raise InvalidReference(
            f"the {what} of a secret has {len(given)} characters: at most {MAX_REFERENCE} are allowed"
        )
    return given
