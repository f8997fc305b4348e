"""The providers of a resolver, one by one, as tools see them that look after secrets: `doctor`, `copy`, a health check.

An application asks a resolver, which goes down the chain, remembers, and shares its calls. A tool asks one provider,
now, and shows the outcome: so nothing here remembers anything, and no failure is raised.
"""

from __future__ import annotations

from time import perf_counter

from secretsource._ground.namedtuple import NamedTuple
from secretsource._traceless import boundaries
from secretsource.exceptions import InvalidReference
from secretsource.providers.base import (
    Failed,
    FailureCode,
    Found,
    IdentifiedProvider,
    Identity,
    LeasingProvider,
    NotFound,
    SecretRef,
    WritableProvider,
)
from secretsource.providers.reference import format_reference, parse_reference
from secretsource.resolver._call import fetch, raised
from secretsource.resolver._walk.document import chosen, select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsource.providers.base import Outcome, Written
    from secretsource.resolver._walk.route import Route

__all__ = ["PATIENCE", "Probe", "ProviderHandle"]

PATIENCE = 10.0
"""Seconds for one call: a person waits for it, and no request does."""

ABSENT = "SECRETSOURCE_DOCTOR"
"""The name that a probe asks for by itself; its absence is an answer too."""

POINTS_ELSEWHERE = Failed(
    FailureCode.MISCONFIGURED, "this is not the value, but says where it is", "name the provider that it leads to"
)


class Probe(NamedTuple):
    """The result of a probe of one provider; never a value.

    Attributes:
        identity: The identity that the service takes this process for; why it cannot be said; or None for a provider
            that asks no service.
        asked: How many places were asked for; after an outage, no more are.
        found: How many of them hold a value.
        failed: The first place that could not be read, and why; None when all could.
        seconds: How long the quickest answer took.
    """

    identity: Identity | Failed | None
    asked: int
    found: int
    failed: tuple[str, Failed] | None
    seconds: float

    @property
    def readable(self) -> bool:
        """Whether every place could be asked for."""
        return self.failed is None


@boundaries()
class ProviderHandle:
    """One provider of a resolver, for tools; `Resolver.providers` makes it.

    A handle asks its provider directly: it walks no chain and remembers nothing. Its methods block.
    """

    def __init__(self, route: Route) -> None:
        self._route = route

    @property
    def name(self) -> str:
        """The name by which the configuration and references call it."""
        return self._route.provider.name

    @property
    def scheme(self) -> str:
        """The kind of provider, such as ``aws``."""
        return self._route.provider.scheme

    @property
    def site(self) -> str:
        """Where it asks, for a person: a region, a host and mount, a project, a file; empty for nowhere."""
        return self._route.provider.site

    @property
    def credentials(self) -> frozenset[str]:
        """The environment variables by which it proves its identity."""
        return self._route.provider.credentials

    @property
    def writable(self) -> bool:
        """Whether `store` can write to it."""
        return isinstance(self._route.provider, WritableProvider)

    def __repr__(self) -> str:
        return f"<ProviderHandle {self.name!r}>"

    def locate(self, name: str) -> SecretRef | NotFound:
        """Find out where this provider keeps a secret; asks no service.

        Args:
            name: A bare name, or a reference to this provider.

        Returns:
            The place; `NotFound` with the reason when the provider could not keep such a name.

        Raises:
            InvalidReference: The name is not well formed, or is a reference to another provider.
        """
        ref = parse_reference(name)
        if ref.provider == self.name:
            return self._route.provider.complete(ref)
        if ref.provider:
            raise InvalidReference(f"the name must be bare, or a reference to provider {self.name!r}, not to another")
        if ref.field is not None or ref.version is not None or ref.stage is not None or ref.options:
            raise InvalidReference(f"the name must have no field and no options: write {self.name}:// before it")
        place = self._route.locate(ref.location)
        return place if isinstance(place, NotFound) else self._route.provider.complete(place)

    def where(self, name: str) -> str:
        """Return the place that `locate` finds, as a reference; empty when the provider could not keep such a name.

        Raises:
            InvalidReference: As for `locate`.
        """
        place = self.locate(name)
        return "" if isinstance(place, NotFound) else format_reference(place)

    def read(self, name: str, *, to_fill: bool = False, timeout: float = PATIENCE) -> Outcome:
        """Ask the provider for one secret, with its field selected.

        Args:
            name: As for `locate`.
            to_fill: Whether something is to be stored there: a document without the field is then an absence.
            timeout: Seconds within which the provider must answer, above 0.

        Returns:
            `Found` with text or bytes, `NotFound`, or `Failed`; a pointer to another provider is not followed, and
            is `Failed`.

        Raises:
            InvalidReference: As for `locate`.
        """
        place = self.locate(name)
        if isinstance(place, NotFound):
            return place
        outcome = fetch(self._route.provider, place.document, timeout)
        if not isinstance(outcome, Found):
            return outcome
        if self._route.points(outcome):
            return POINTS_ELSEWHERE
        fields = () if place.field is None else (place.field,)
        value = select(outcome.value, fields) if to_fill else chosen(outcome, fields)
        if not isinstance(value, (str, bytes)):
            return value
        return Found(self._route.read(value), version=outcome.version, place=outcome.place)

    def store(self, name: str, value: str | bytes, *, overwrite: bool = False, timeout: float = PATIENCE) -> Written:
        """Write one secret to where `locate` finds it.

        Args:
            name: As for `locate`.
            value: Text or bytes.
            overwrite: Whether to replace a value that is there.
            timeout: Seconds within which the provider must answer, above 0.

        Returns:
            `Stored` with the version; `Occupied` where a value is there and ``overwrite`` is False; or `Failed`.

        Raises:
            InvalidReference: As for `locate`.
        """
        provider, place = self._route.provider, self.locate(name)
        if not isinstance(provider, WritableProvider):
            return Failed(FailureCode.MISCONFIGURED, "the driver only reads", "name another provider")
        if isinstance(place, NotFound):
            return Failed(FailureCode.MISCONFIGURED, place.reason or "the provider could not keep such a name")
        try:
            return provider.store(place, self._route.written(value), overwrite=overwrite, timeout=timeout)
        except Exception as error:
            kind = type(error).__name__
        finally:
            del value
        return raised(kind)

    def probe(self, names: Sequence[str] = (), *, timeout: float = PATIENCE) -> Probe:
        """Ask the service for its idea of this process, and for every place where the names would be; shows no value.

        Args:
            names: Bare names; where the provider could keep none of them, a name is asked for that is not there.
            timeout: Seconds for each call, above 0.
        """
        places = self._places(names)
        answers = self._answers(places, timeout)
        outcomes = [outcome for outcome, _ in answers]
        pairs = zip(places, outcomes, strict=False)  # after an outage, not all were asked for
        return Probe(
            self._identity(timeout),
            len(outcomes),
            sum(isinstance(outcome, Found) for outcome in outcomes),
            next(((ref.location, outcome) for ref, outcome in pairs if isinstance(outcome, Failed)), None),
            min(seconds for _, seconds in answers),
        )

    def renew(self, *, timeout: float = PATIENCE) -> float | None:
        """Renew the leases that this provider holds for this process.

        Args:
            timeout: Seconds within which the service must answer, above 0.

        Returns:
            Seconds after which to call again; None where it holds no lease.
        """
        provider = self._route.provider
        return provider.renew(timeout=timeout) if isinstance(provider, LeasingProvider) else None

    def _places(self, names: Sequence[str]) -> list[SecretRef]:
        """Return the documents where the provider would keep the names, each once."""
        for wanted in (names, [ABSENT]):
            places = [place for place in map(self.locate, wanted) if isinstance(place, SecretRef)]
            if places:
                return list(dict.fromkeys(place.document for place in places))
        return [SecretRef(self.name, ABSENT)]

    def _answers(self, places: Sequence[SecretRef], timeout: float) -> Sequence[tuple[Outcome, float]]:
        """Ask for each place, and time the answers; an outage ends the asking."""
        answers: list[tuple[Outcome, float]] = []
        for place in [places[0], *places]:  # the first time, the connection is made
            started = perf_counter()
            outcome = fetch(self._route.provider, place, timeout)
            answers.append((outcome, perf_counter() - started))
            if isinstance(outcome, Failed) and outcome.retryable:
                break
        return answers[1:] or answers

    def _identity(self, timeout: float) -> Identity | Failed | None:
        """Return the identity that the provider acts under; a driver that raises is named by the class of its error."""
        provider = self._route.provider
        if not isinstance(provider, IdentifiedProvider):
            return None
        try:
            return provider.identify(timeout=timeout)
        except Exception as error:
            kind = type(error).__name__
        return raised(kind)
