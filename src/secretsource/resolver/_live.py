"""`LiveSecret`: the handle of a secret, which reads it anew at each use."""

from __future__ import annotations

from secretsource._secret import given
from secretsource._traceless import boundaries
from secretsource.providers.reference import parse_reference
from secretsource.resolver._default import default_resolver
from secretsource.resolver._resolver import Resolver

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, NoReturn, Self

    from secretsource._secret import Secret
    from secretsource.resolver._async_resolver import AsyncResolver

__all__ = ["LiveSecret"]


@boundaries()
class LiveSecret:
    """The handle of a secret: each use reads the value through the resolver, and so follows its rotation.

    Keep it where a program keeps a setting for long, and call `get` where the value is used. A read of a remembered
    value costs what `Resolver.get` costs.

    Args:
        name: A name or reference, as for `Resolver.get`.
        field: As for `Resolver.get`.
        resolver: The resolver to ask, of either kind; None asks that of `get_secret`.

    Raises:
        InvalidReference: The name is not well formed.

    Attributes:
        reads_at_use: True; it tells a handle from a value.
    """

    reads_at_use: ClassVar = True
    __slots__ = ("_async_resolver", "_field", "_given", "_name", "_resolver")

    def __init__(
        self, name: str, *, field: str | None = None, resolver: Resolver | AsyncResolver | None = None
    ) -> None:
        parse_reference(name)
        self._name = name
        self._field = field
        self._given: Secret | None = None
        self._async_resolver: AsyncResolver | None = None
        if resolver is None or isinstance(resolver, Resolver):
            self._resolver = resolver or default_resolver
        else:
            self._async_resolver, self._resolver = resolver, resolver._resolver

    @classmethod
    def of(cls, secret: Secret) -> Self:
        """Return a handle that always answers with this secret, such as a value that a test gives.

        Args:
            secret: The secret.
        """
        made = cls.__new__(cls)
        made._name, made._field, made._given = secret.name, None, secret
        made._resolver, made._async_resolver = default_resolver, None
        return made

    @property
    def name(self) -> str:
        """The name that it asks for."""
        return self._name

    def get(self) -> Secret:
        """Return the secret of now; raises as `Resolver.get`."""
        return self._resolver.get(self._name, field=self._field) if self._given is None else self._given

    async def aget(self) -> Secret:
        """Do as `get` does, for an event loop."""
        if self._given is not None:
            return self._given
        if self._async_resolver is None:
            from secretsource.resolver._async_resolver import AsyncResolver

            self._async_resolver = AsyncResolver.of(self._resolver)
        return await self._async_resolver.get(self._name, field=self._field)

    def __str__(self) -> str:
        return str(self.get())

    def __format__(self, spec: str, /) -> str:
        return format(self.get(), spec)

    def __repr__(self) -> str:
        return f"LiveSecret({self._name!r})"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(f"the handle of secret {self._name!r} cannot be pickled: pass its name, and make it anew")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: Any) -> Any:
        """Return the schema for pydantic: a given text is the value, and never the name."""
        from secretsource._schema import schema_of

        return schema_of(cls, lambda value, name: cls.of(given(value, name)), handler)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: object, handler: object) -> dict[str, object]:
        """Return the schema of a password."""
        from secretsource._schema import JSON_SCHEMA

        return dict(JSON_SCHEMA)
