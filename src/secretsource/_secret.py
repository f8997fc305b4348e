"""The value for the application: a str that does not print itself.

You can pass a `Secret` to anything that takes a str. It refuses to travel by accident: its repr is masked, it is not
pickled, and copying returns the same object.
"""

from __future__ import annotations

from time import time as wall_time

from secretsource._ground.clock import LAST_INSTANT, utc
from secretsource.exceptions import ProviderResponseError
from secretsource.providers.base import FailureCode, SecretRef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from typing import Any, Literal, NoReturn, Self, TypeAlias

    Served: TypeAlias = Literal["live", "fresh", "revalidating", "stale", "default"]

__all__ = ["Origin", "Secret", "SecretSet", "given"]


class Origin:
    """The origin of a secret, and the way it was served; shared by reference, never changed.

    Args:
        name: The name the application asked for.
        fields: The fields that it asked for inside the document.
        ref: The reference that held it.
        version: The provider's version identifier.
        fetched: The time of the provider's answer, in seconds since 1970 UTC.
        expires: The end of the value, in seconds since 1970 UTC.
        served: The way this answer was obtained.
    """

    __slots__ = ("expires", "fetched", "fields", "name", "ref", "served", "version")

    def __init__(
        self,
        name: str,
        fields: tuple[str, ...],
        ref: SecretRef,
        version: str | None,
        fetched: float,
        expires: float | None,
        served: Served,
    ) -> None:
        self.name = name
        self.fields = fields
        self.ref = ref
        self.version = version
        self.fetched = fetched
        self.expires = expires
        self.served: Served = served


_set = object.__setattr__


class Secret(str):
    """A secret value that **is** a `str`, with its origin, and a repr that does not show it.

    For a binary secret, whose bytes are not text, use `as_bytes` or `as_base64`; using it as text is an error.
    """

    __slots__ = ("_origin", "_raw")
    _origin: Origin
    _raw: bytes | None

    def __new__(cls, value: str | bytes, origin: Origin) -> Self:
        if isinstance(value, bytes):
            secret: Self = str.__new__(_BinarySecret, NO_TEXT)  # type: ignore[assignment]  # it is a Secret
            _set(secret, "_raw", value)
        else:
            secret = str.__new__(cls, value)
            _set(secret, "_raw", None)
        _set(secret, "_origin", origin)
        return secret

    @property
    def name(self) -> str:
        """The name the application asked for."""
        return self._origin.name

    @property
    def provider(self) -> str:
        """The provider that held the value; ``default`` for a default."""
        return self._origin.ref.provider

    @property
    def version(self) -> str | None:
        """The provider's version identifier, or None."""
        return self._origin.version

    @property
    def fetched_at(self) -> datetime:
        """The time when the provider returned this value, as aware UTC."""
        return utc(self._origin.fetched)

    @property
    def expires_at(self) -> datetime | None:
        """The time when the value ends by itself (a lease, an expiry date), as aware UTC, or None."""
        ends = self._origin.expires
        return None if ends is None else utc(min(max(0.0, ends), LAST_INSTANT))

    @property
    def served(self) -> Served:
        """The way the answer was obtained: ``live``, ``fresh``, ``revalidating``, ``stale`` or ``default``."""
        return self._origin.served

    @property
    def is_binary(self) -> bool:
        """Whether the value is bytes, and not text."""
        return self._raw is not None

    def as_bytes(self) -> bytes:
        """Return the bytes of a binary secret, or the UTF-8 bytes of a text.

        Raises:
            ProviderResponseError: The text has half of a surrogate pair; the error does not show the value.
        """
        if self._raw is not None:
            return self._raw
        try:
            return self.encode()
        except UnicodeEncodeError:
            pass
        failure = self._unlike("text that UTF-8 can express")
        del self  # an error tracker sends the locals of every frame along
        raise failure

    def as_base64(self) -> str:
        """Return the bytes of `as_bytes` as base64 text (RFC 4648, section 4).

        Raises:
            ProviderResponseError: As for `as_bytes`.
        """
        from base64 import b64encode

        return b64encode(self.as_bytes()).decode("ascii")

    def as_json(self) -> Any:
        """Return the value parsed as a JSON document; whole numbers of any length are ints, all others floats.

        Raises:
            ProviderResponseError: It is not JSON, or gives a name several values; the error shows none of them.
        """
        from secretsource._ground.json_text import native

        try:
            return native(self if self._raw is None else self._raw)
        except (ValueError, RecursionError):
            pass
        failure = self._unlike("a JSON document with one value for each name")
        del self  # an error tracker sends the locals of every frame along
        raise failure

    def _unlike(self, form: str) -> ProviderResponseError:
        return ProviderResponseError(
            f"secret {self.name!r} from provider {self.provider!r} is not {form}: "
            "store it so, or use the value as it is",
            name=self.name,
            provider=self.provider,
            code=FailureCode.MALFORMED,
        )

    def __repr__(self) -> str:
        return f"Secret({self.name!r}, provider={self.provider!r}, version={self.version!r}, served={self.served!r})"

    def __rich_repr__(self) -> Iterator[str | tuple[str, object]]:
        """Yield the text for rich, and for tracebacks with locals: they would print a str as it is."""
        yield self.name
        yield "provider", self.provider
        yield "version", self.version
        yield "served", self.served

    def __setattr__(self, attribute: str, value: object) -> NoReturn:
        raise AttributeError("a Secret cannot be changed; ask the resolver for a new one")

    def __delattr__(self, attribute: str) -> NoReturn:
        raise AttributeError("a Secret cannot be changed; ask the resolver for a new one")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(f"secret {self.name!r} cannot be pickled: pass its name and resolve it where it is used")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: Any) -> Any:
        """Return the schema for pydantic, which alone asks for it."""
        from secretsource._schema import schema_of

        return schema_of(cls, given, handler)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: object, handler: object) -> dict[str, object]:
        """Return the schema of a password."""
        from secretsource._schema import JSON_SCHEMA

        return dict(JSON_SCHEMA)


def given(value: str | bytes, name: str) -> Secret:
    """Return a secret of a value that the application has from elsewhere, such as a default or a field of a model.

    Args:
        value: Text or bytes.
        name: The name that it has there.
    """
    plain = value if isinstance(value, bytes) else str.__str__(value)
    return Secret(plain, Origin(name, (), SecretRef("default", name), None, wall_time(), None, "default"))


NO_TEXT = "\udcff this secret is binary"
"""The text of a binary secret: half of a surrogate pair, which UTF-8 cannot write."""


class _BinarySecret(Secret):
    """A secret of bytes that are not text: every use as text fails, and does not go on with a wrong value.

    All of them have one text, which a client can send in JSON. So only their bytes are compared, and no text is equal.
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._raw == self._raw

    def __ne__(self, other: object) -> bool:
        return not self.__eq__(other)

    def __hash__(self) -> int:
        return hash(self._raw)

    def __str__(self) -> NoReturn:
        raise self._no_text()

    def __format__(self, _: str, /) -> NoReturn:
        raise self._no_text()

    def encode(self, *_: object, **__: object) -> NoReturn:
        """Refuse: `as_bytes` returns the bytes."""
        raise self._no_text()

    def _no_text(self) -> ProviderResponseError:
        return ProviderResponseError(
            f"secret {self.name!r} from provider {self.provider!r} is binary, not text: "
            "use as_bytes() or as_base64(), or store it as UTF-8 text",
            name=self.name,
            provider=self.provider,
            code=FailureCode.MALFORMED,
        )


class SecretSet(tuple[Secret, ...]):
    """The versions of one secret that are valid now, newest first; for values that an application checks."""

    __slots__ = ()

    def __new__(cls, secrets: Iterable[Secret]) -> Self:
        return super().__new__(cls, secrets)

    @property
    def current(self) -> Secret:
        """The newest version."""
        return self[0]

    @property
    def previous(self) -> Secret | None:
        """The version before it, while the provider still has it."""
        return self[1] if len(self) > 1 else None

    def __repr__(self) -> str:
        return f"SecretSet({list(self)!r})"

    def __rich_repr__(self) -> Iterator[list[Secret]]:
        """Yield the parts for rich: the secrets, each of which does not show itself."""
        yield list(self)
