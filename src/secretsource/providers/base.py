"""The contract between the resolver and a driver: a `SecretRef` goes in, an `Outcome` comes out.

A driver author reads only this page. A driver makes one call per question and says what the answer means:

* `Found`     here is the value, and the service's facts about its version and end;
* `NotFound`  the service answered, and the secret is really absent: the chain moves on;
* `Failed`    the service could not be asked, or refused. The chain stops, because an outage or a lost permission must
  never let a weaker source win silently.

A driver must have no cache, no retry loop and no chain, and must not raise for an answer of a service. An ability is a
subclass: `BatchProvider`, `AsyncProvider`, `WritableProvider`, `LeasingProvider`, `IdentifiedProvider`.

Value types here are named tuples and slotted classes: importing `dataclasses` would cost half of the import budget.
`Found` is not a tuple, so that code that walks sequences (an error tracker, a pretty printer) does not walk into the
value.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from secretsource._ground.codes import FailureCode
from secretsource._ground.namedtuple import NamedTuple

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
    """The place of a secret; written ``provider://location#field?version=…&stage=…``.

    Attributes:
        provider: Name of the provider instance; empty for a bare name, which the whole chain is asked for.
        location: The place in the provider's own words: a variable, a secret id, a path.
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
        """The reference without its field: the subject of one call, and the key of the cache."""
        return self if self.field is None else self._replace(field=None)

    def option(self, key: str) -> str | None:
        """Return the value of one further option, or None."""
        for name, value in self.options:
            if name == key:
                return value
        return None


class Lease(NamedTuple):
    """A value that ends by itself.

    Attributes:
        seconds: Length of the lease in seconds, counted from the answer.
        renewable: Whether the service would renew it.
    """

    seconds: float
    renewable: bool = False


class Found:
    """An outcome: the provider has the secret.

    Args:
        value: Text, bytes, or (from services that store fields) a mapping of field to value; up to 64 KiB.
        version: The service's identifier of this version, or None.
        expires_at: The end of the value, in seconds since 1970 UTC.
        rotates_at: The planned replacement, in seconds since 1970 UTC.
        lease: The lease of the value.
        max_age: How long this one answer may be cached, in seconds, if the service says so.
        default_field: The field of a mapping that is the value if the reference names no field. A mapping without it is
            a mistake in the wiring, not an absence. A named field that the mapping lacks is looked up in this value, as
            JSON.
        place: The place that has the value, if the reference stands for several; None for the place of the reference.
    """

    __slots__ = ("default_field", "expires_at", "lease", "max_age", "place", "rotates_at", "value", "version")

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
        place: SecretRef | None = None,
    ) -> None:
        self.value = value
        self.version = version
        self.expires_at = expires_at
        self.rotates_at = rotates_at
        self.lease = lease
        self.max_age = max_age
        self.default_field = default_field
        self.place = place

    def __repr__(self) -> str:
        return f"Found(<masked>, version={self.version!r})"

    def __reduce__(self) -> str:
        raise TypeError("a Found holds a secret and cannot be pickled")


class NotFound(NamedTuple):
    """An outcome: the provider answered, and the secret is not there.

    Attributes:
        reason: Why, if there is more to say than "no such secret"; one clause without the value.
    """

    reason: str | None = None


class Failed(NamedTuple):
    """An outcome: the provider could not be asked, or refused.

    Attributes:
        code: The kind of failure.
        reason: One clause of our own words; never the service's text, which may quote the secret.
        remedy: The next step for the reader of the error; one clause.
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
        """Whether the cause may pass by itself."""
        return self.code.retryable


class Stored(NamedTuple):
    """An outcome: the provider has written the value.

    Attributes:
        version: The service's identifier of the new version, or None.
        place: The place that was written to, if the reference stands for several; None for the place of the reference.
    """

    version: str | None = None
    place: SecretRef | None = None


class Occupied(NamedTuple):
    """An outcome: the provider has a value there already, and nothing was written."""


class Identity(NamedTuple):
    """The identity of this process at the service.

    Attributes:
        text: One phrase for a person, such as a role's ARN; never a credential.
        clock_skew: Seconds by which the service's clock is ahead of ours, if its answer has a date. The date counts
            whole seconds, so less than one means nothing.
    """

    text: str
    clock_skew: float | None = None

    @classmethod
    def dated(cls, text: str, date: str | None, now: float) -> Identity:
        """Return an identity from an answer at ``now`` since 1970; its HTTP ``Date`` may be missing or malformed."""
        from email.utils import parsedate_to_datetime

        try:
            return cls(text, parsedate_to_datetime(date or "").timestamp() - now)
        except (TypeError, ValueError):
            return cls(text)


class Provider(ABC):
    """One source of secrets; subclass it, set ``scheme``, write ``fetch``.

    The keyword parameters of ``__init__`` (all but ``name`` and ready-made clients) are the provider's settings in
    ``secretsource.toml``. Each must have a plain type: str, int, float, bool, a tuple of str, or a mapping.

    A constructor must do no I/O and import no SDK; it must raise `ConfigurationError` for settings that cannot work.

    Attributes:
        scheme: The word before ``://`` in a reference and in a provider URL.
        url_setting: The setting that the path of a provider URL fills (``file:///run/secrets``).
        options: Reference options that ``fetch`` understands, beside ``version`` and ``stage``.
        max_age: Longest time, in seconds, for which the resolver may cache an answer: None for the resolver's ttl, 0
            for never (asking costs less than caching).
        credentials: Environment variables that hold the driver's credentials; ``secretsource run --clean`` removes them
            for the command that it starts.
        follows: Whether the resolver follows a value of the form ``ref+scheme://…``.
        strip_newline: Whether the resolver removes one line end from the end of each text of this provider, also of
            each field of a mapping. Every provider has this setting in a configuration.
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
        """The place that this provider asks, for a person: a region, a mount, a project, a file; empty for none.

        It must not ask the service, and must not show a credential.
        """
        return ""

    def locate(self, name: str) -> SecretRef | NotFound:
        """Return where this provider stores a bare name; NotFound if it could not hold such a name. Pure."""
        return SecretRef(self.name, name)

    def complete(self, ref: SecretRef) -> SecretRef:
        """Fill in the open parts of a reference to this provider, such as a default field. Pure."""
        return ref

    def previous(self, ref: SecretRef, current: Found) -> SecretRef | None:
        """Return where the version before ``current`` is, or None if this provider keeps no older version. Pure."""
        return None

    @abstractmethod
    def fetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        """Ask once for ``ref.document``.

        Any thread may call it, often several at once.

        Args:
            ref: The document to fetch; ``ref.field`` is for the resolver, unless the service can select it cheaper.
            timeout: Seconds within which you must answer, even if the service is slow: one limit for credentials,
                connecting, headers and body. Past it, return ``Failed(FailureCode.TIMEOUT)``. For an answer of more
                than 1 MiB (8 MiB for a batch), return ``Failed(FailureCode.MALFORMED)``, and do not read it to its end.
        """

    def discard(self, ref: SecretRef) -> None:
        """Drop the stored state for ``ref.document``: the next ``fetch`` must return a new value, if it can.

        It is called before that ``fetch`` if the other side refused the value, or the application asked for a fresh
        one. It is never called for a refresh, which may renew. Override it only in a driver with state that the service
        made for this program alone, such as a lease; it must do no I/O.
        """

    def close(self) -> None:
        """Release connections; called once or more, and never followed by ``fetch``."""

    def reset(self) -> None:
        """Forget clients without using them: this process was forked, or was frozen and woke up."""


class BatchProvider(Provider):
    """A provider whose service answers several references in one call."""

    @abstractmethod
    def fetch_many(self, refs: Sequence[SecretRef], *, timeout: float) -> Mapping[SecretRef, Outcome]:
        """Ask for all of ``refs`` in as few calls as the service allows; each reference has its own outcome.

        Args:
            refs: Distinct documents, in any number; the driver splits them to the service's limit.
            timeout: Seconds for the whole batch.
        """


class AsyncProvider(Provider):
    """A provider with a native asynchronous client; `AsyncResolver` uses it instead of a worker thread."""

    @abstractmethod
    async def afetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        """Do the same as ``fetch``, without blocking the event loop; the task may be cancelled."""

    async def aclose(self) -> None:
        """Do the same as ``close``, on the event loop that used the client."""


class WritableProvider(Provider):
    """A provider that can also write a secret where `locate` and `complete` place it.

    The resolver never writes; ``secretsource copy`` does. An application that only reads needs no permission for it.
    """

    @abstractmethod
    def store(self, ref: SecretRef, value: str | bytes, *, overwrite: bool = False, timeout: float) -> Written:
        """Write a value, which becomes the current version; other fields beside it must stay.

        Args:
            ref: The place. Return Failed(MISCONFIGURED) if it chooses a version or stage, if the service cannot hold
                such a value, or if it names a field and the driver does not edit documents.
            value: Text or bytes; it must be in no log and in no reason of a failure.
            overwrite: False to leave an existing value alone, and return `Occupied`.
            timeout: Seconds within which you must answer; past it, return ``Failed(FailureCode.TIMEOUT)``, and the
                value may have been written or not.
        """

    @staticmethod
    def refusal(ref: SecretRef) -> Failed | None:
        """Return why a reference cannot be written: it names a version, or a field (``ref.document`` allows it)."""
        if ref.version is not None or ref.stage is not None:
            remedy = "name no version and no stage"
            return Failed(FailureCode.MISCONFIGURED, "a write makes its own version", remedy)
        if ref.field is not None:
            return Failed(
                FailureCode.MISCONFIGURED,
                "a field of a document is not written alone, since that could undo another writer's change",
                "change the document with the service's own tools, or keep the secret in a place of its own",
            )
        return None


class LeasingProvider(Provider):
    """A provider whose service makes secrets for this program alone, which end without renewal: leases."""

    @abstractmethod
    def renew(self, *, timeout: float) -> float | None:
        """Renew every lease that is due; ``secretsource run`` calls this while its command runs.

        Args:
            timeout: Seconds within which to answer.

        Returns:
            The seconds to the next call; None if no lease is held.
        """

    @abstractmethod
    def leave(self) -> None:
        """Do the same as `close`, but let every lease live on until it ends: another process still uses the secret."""


class IdentifiedProvider(Provider):
    """A provider that can report the identity of this process at its service; ``secretsource doctor`` asks."""

    @abstractmethod
    def identify(self, *, timeout: float) -> Identity | Failed:
        """Ask the service, or look into the credentials; reads no secret.

        Args:
            timeout: Seconds within which you must answer; past it, return ``Failed(FailureCode.TIMEOUT)``.
        """
