"""The contract between the resolver and a driver: a `SecretRef` goes in, an `Outcome` comes out.

This is the only page a driver author reads. A driver makes one call per question and says what the answer means:

* `Found`     here is the value, and what the service knows about its version and end;
* `NotFound`  the service answered, and the secret really is not there: the chain moves on;
* `Failed`    the service could not be asked, or refused: the chain stops, because an outage or a lost
              permission must never let a weaker source win silently.

A driver keeps no cache, no retry loop and no chain, and raises nothing for what a service answers. An ability is a
subclass: `BatchProvider`, `AsyncProvider`, `WritableProvider`, `LeasingProvider`, `IdentifiedProvider`.

Value types here are named tuples and slotted classes: importing `dataclasses` would cost half of the import budget.
`Found` is no tuple, so that nothing that walks sequences (an error tracker, a pretty printer) walks into the value.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from secretsource._codes import FailureCode
from secretsource._namedtuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import ClassVar, TypeAlias

    Value: TypeAlias = "str | bytes | Mapping[str, object]"
    Outcome: TypeAlias = "Found | NotFound | Failed"
    Written: TypeAlias = "Stored | Occupied | Failed"

__all__ = [
    "AsyncProvider",
    "BatchProvider",
    "Failed",
    "FailureCode",
    "Found",
    "IdentifiedProvider",
    "Identity",
    "Lease",
    "LeasingProvider",
    "NotFound",
    "Occupied",
    "Provider",
    "SecretRef",
    "Stored",
    "WritableProvider",
]


class SecretRef(NamedTuple):
    """Where a secret is kept; written ``provider://location#field?version=…&stage=…``.

    Attributes:
        provider: Name of the provider instance; empty for a bare name, which goes down the chain.
        location: The provider's own word for the place: a variable, a secret id, a path.
        field: One field of a JSON document, as a key or as a JSON pointer (RFC 6901) when it starts with ``/``.
        version: The provider's version identifier; None for the current one.
        stage: The provider's version label, such as ``AWSPREVIOUS``.
        options: Further ``key=value`` pairs that the driver declares in `Provider.options`, sorted by key.
    """

    provider: str
    location: str
    field: str | None = None
    version: str | None = None
    stage: str | None = None
    options: tuple[tuple[str, str], ...] = ()

    @property
    def document(self) -> SecretRef:
        """The reference without its field: what one call fetches, and the key of the cache."""
        return self if self.field is None else self._replace(field=None)

    def option(self, key: str) -> str | None:
        """The value of one further option, or None."""
        for name, value in self.options:
            if name == key:
                return value
        return None


class Lease(NamedTuple):
    """A value that ends by itself.

    Attributes:
        seconds: Length of the lease in seconds, counted from the answer.
        renewable: Whether the service would prolong it.
    """

    seconds: float
    renewable: bool = False


class Found:
    """The provider has the secret.

    Args:
        value: Text, bytes, or (for services that keep fields) a mapping of field to value; up to 64 KiB.
        version: The service's identifier of this version, or None where it has none.
        expires_at: When the value ends, in seconds since 1970 UTC.
        rotates_at: When the service plans to replace it, in seconds since 1970 UTC.
        lease: The lease it is held under.
        max_age: How long this one answer may be kept, in seconds, where the service says so.
        default_field: The field of a mapping that is the value where nobody names one. A mapping without it is a
            mistake in the wiring, not an absence; and a field that it lacks is looked for in that value, as JSON.
    """

    __slots__ = ("default_field", "expires_at", "lease", "max_age", "rotates_at", "value", "version")

    def __init__(
        self,
        value: Value,
        *,
        version: str | None = None,
        expires_at: float | None = None,
        rotates_at: float | None = None,
        lease: Lease | None = None,
        max_age: float | None = None,
        default_field: str | None = None,
    ) -> None:
        self.value = value
        self.version = version
        self.expires_at = expires_at
        self.rotates_at = rotates_at
        self.lease = lease
        self.max_age = max_age
        self.default_field = default_field

    def __repr__(self) -> str:
        return f"Found(<masked>, version={self.version!r})"

    def __reduce__(self) -> str:
        raise TypeError("a Found holds a secret and is not pickled")


class NotFound(NamedTuple):
    """The provider answered, and the secret is not there.

    Attributes:
        reason: Why, where there is more to say than "no such secret"; one clause without the value.
    """

    reason: str | None = None


class Failed(NamedTuple):
    """The provider could not be asked, or refused.

    Attributes:
        code: What went wrong.
        reason: One clause of our own words; never the service's text, which may quote the secret.
        remedy: What the reader of the error should do next; one clause.
        sdk_error: Class name or error code of the vendor's exception.
        retry_after: Seconds the service asked us to wait.
    """

    code: FailureCode
    reason: str | None = None
    remedy: str | None = None
    sdk_error: str | None = None
    retry_after: float | None = None

    @property
    def retryable(self) -> bool:
        """True when the cause may pass by itself."""
        return self.code.retryable


class Stored(NamedTuple):
    """The provider has written the value.

    Attributes:
        version: The service's identifier of the new version, or None where it has none.
    """

    version: str | None = None


class Occupied(NamedTuple):
    """The provider has a value there already, and nothing was written."""


class Identity(NamedTuple):
    """Whom the service takes this process for.

    Attributes:
        text: One phrase for a person, such as a role's ARN; never a credential.
        clock_skew: Seconds by which the service's clock is ahead of ours, where its answer has a date; it counts
            whole seconds, so less than one means nothing.
    """

    text: str
    clock_skew: float | None = None

    @classmethod
    def dated(cls, text: str, date: str | None, now: float) -> Identity:
        """An identity from an answer with an HTTP ``Date``, which may be missing or no date, at ``now`` since 1970."""
        from email.utils import parsedate_to_datetime

        try:
            return cls(text, parsedate_to_datetime(date or "").timestamp() - now)
        except (TypeError, ValueError):
            return cls(text)


class Provider(ABC):
    """One place secrets come from; subclass it, set ``scheme``, write ``fetch``.

    The keyword parameters of ``__init__`` (all but ``name`` and ready-made clients) are the provider's settings in
    ``secretsource.toml``, so each carries a plain type: str, int, float, bool, a tuple of str, or a mapping.

    A constructor does no I/O and imports no SDK; it raises `ConfigurationError` for settings that cannot work.

    Attributes:
        scheme: The word before ``://`` in a reference and in a provider URL.
        url_setting: The setting that the path of a provider URL fills (``file:///run/secrets``).
        options: Reference options that ``fetch`` understands, beside ``version`` and ``stage``.
        max_age: Longest time, in seconds, for which the resolver may keep an answer: None for the resolver's ttl,
            0 for never (asking is cheaper than keeping).
        credentials: Environment variables by which the driver proves who it is; ``secretsource run --clean`` keeps them
            from the command that it starts.
        follows: Whether a value of the form ``ref+scheme://…`` is followed to where it points.
        strip_newline: Whether the resolver takes one line end off the end of each text that this provider answers,
            also of each field of a mapping; every provider has this setting in a configuration.
        name: The instance's name: the scheme, or the section name where one scheme is configured twice.
    """

    scheme: ClassVar[str]
    url_setting: ClassVar[str | None] = None
    options: ClassVar[frozenset[str]] = frozenset()
    max_age: float | None = None
    credentials: ClassVar[frozenset[str]] = frozenset()
    follows: bool = False
    strip_newline: bool = False

    def __init__(self, *, name: str | None = None) -> None:
        self.name = name or self.scheme

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    @property
    def site(self) -> str:
        """Where this provider asks, for a person: a region, a host and mount, a project, a file; empty for nowhere.

        It asks nobody, and shows no credential.
        """
        return ""

    def locate(self, name: str) -> SecretRef | NotFound:
        """Where this provider keeps a bare name; NotFound when it could not hold such a name. Pure."""
        return SecretRef(self.name, name)

    def complete(self, ref: SecretRef) -> SecretRef:
        """Fill in what a reference for this provider left open, such as a default field. Pure."""
        return ref

    def previous(self, ref: SecretRef, current: Found) -> SecretRef | None:
        """Where the version before ``current`` is, or None when this provider keeps none. Pure."""
        return None

    @abstractmethod
    def fetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        """Ask once for ``ref.document``.

        Called from any thread, often several at once.

        Args:
            ref: What to fetch; ``ref.field`` is for the resolver, unless the service can select it cheaper.
            timeout: Seconds within which to answer, however slowly the service does: one limit for credentials,
                connecting, headers and body. Past it, return ``Failed(FailureCode.TIMEOUT)``. An answer of more than
                1 MiB (8 MiB for a batch) is ``Failed(FailureCode.MALFORMED)``, and is not read to its end.
        """

    def discard(self, ref: SecretRef) -> None:
        """Go on with what is held for ``ref.document`` no more: the next ``fetch`` brings a new value, if it can.

        Called before that ``fetch`` when the other side refused the value, or the application asked for a fresh one;
        never for a refresh, which may prolong what is held. Only for a driver that holds what the service made for
        this program alone, such as a lease; it does no I/O here.
        """

    def close(self) -> None:
        """Give back connections; called once or more, and never followed by ``fetch``."""

    def reset(self) -> None:
        """Forget clients without using them: this process was forked from, or woke up in, another world."""


class BatchProvider(Provider):
    """A provider whose service answers several references in one call."""

    @abstractmethod
    def fetch_many(self, refs: Sequence[SecretRef], *, timeout: float) -> Mapping[SecretRef, Outcome]:
        """Ask for all of ``refs`` in as few calls as the service allows; each keeps its own outcome.

        Args:
            refs: Distinct documents, in any number; the driver splits them to the service's limit.
            timeout: Seconds for the whole batch.
        """


class AsyncProvider(Provider):
    """A provider with a native asynchronous client; `AsyncResolver` uses it instead of a worker thread."""

    @abstractmethod
    async def afetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        """As ``fetch``, without blocking the event loop; may be cancelled."""

    async def aclose(self) -> None:
        """As ``close``, on the event loop that used the client."""


class WritableProvider(Provider):
    """A provider that can also put a secret where `locate` and `complete` say that it is kept.

    The resolver never writes; ``secretsource copy`` does. An application that only reads needs no permission for it.
    """

    @abstractmethod
    def store(self, ref: SecretRef, value: str | bytes, *, overwrite: bool = False, timeout: float) -> Written:
        """Write a value, which becomes the current version; what is beside it, such as other fields, is kept.

        Args:
            ref: Where; a version or stage cannot be chosen, and is Failed(MISCONFIGURED), as is a value of a kind
                that the service cannot hold, and a field where the driver does not edit documents.
            value: Text or bytes; it is in no log and no reason of a failure.
            overwrite: False leaves alone what is there, and answers `Occupied`.
            timeout: Seconds within which to answer; past it, return ``Failed(FailureCode.TIMEOUT)``, and the value
                may have been written or not.
        """

    @staticmethod
    def refusal(ref: SecretRef) -> Failed | None:
        """Why nobody can write to a reference: it chooses a version, or (pass ``ref.document`` to allow it) a field."""
        if ref.version is not None or ref.stage is not None:
            remedy = "name no version and no stage"
            return Failed(FailureCode.MISCONFIGURED, "a write makes a version of its own", remedy)
        if ref.field is not None:
            return Failed(
                FailureCode.MISCONFIGURED,
                "a field of a document is not written alone, since that could undo another writer's change",
                "change the document with the service's own tools, or keep the secret in a place of its own",
            )
        return None


class LeasingProvider(Provider):
    """A provider whose service makes secrets for this program alone, which end when nobody prolongs them: leases."""

    @abstractmethod
    def renew(self, *, timeout: float) -> float | None:
        """Prolong every lease that is due; ``secretsource run`` calls this while its command runs.

        Args:
            timeout: Seconds within which to answer.

        Returns:
            Seconds after which to call again; None where no lease is held.
        """

    @abstractmethod
    def leave(self) -> None:
        """As `close`, but every lease lives on until it ends by itself: somebody else goes on with the secret."""


class IdentifiedProvider(Provider):
    """A provider that can say whom its service takes this process for; ``secretsource doctor`` asks."""

    @abstractmethod
    def identify(self, *, timeout: float) -> Identity | Failed:
        """Ask the service, or look into the credentials; reads no secret.

        Args:
            timeout: Seconds within which to answer; past it, return ``Failed(FailureCode.TIMEOUT)``.
        """
