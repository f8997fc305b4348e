"""A source of settings for pydantic-settings: the secrets among the fields come from the resolver.

    class Settings(BaseSettings):
        stripe_key: Secret
        database_password: LiveSecret
        webhook_key: Annotated[Secret, SecretName("aws://payments/webhook#key")]
        debug: bool = False

        @classmethod
        def settings_customise_sources(cls, settings_cls, init_settings, **_):
            return init_settings, SecretSettingsSource(settings_cls)

Fields of other types are left to other sources.
"""

from __future__ import annotations

from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from secretsource import LiveSecret, Resolver, Secret, get_secrets
from secretsource.exceptions import ConfigurationError
from secretsource.integrations._shared.framework import framework

with framework("pydantic"):
    from pydantic import AliasChoices, SecretBytes, SecretStr
    from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

__all__ = ["SecretName", "SecretSettingsSource"]

_SECRETS = frozenset({Secret, LiveSecret, SecretStr, SecretBytes})


class SecretName(str):
    """The name or reference that a field asks for: ``Annotated[Secret, SecretName("aws://payments#key")]``.

    A field of any type can have it: its text is then read as pydantic reads a text, or as JSON for a model or a list.
    """

    __slots__ = ()


class SecretSettingsSource(PydanticBaseSettingsSource):
    """A source that asks for the secrets that no earlier source gave, all of them together.

    A field asks for its `SecretName`, or else for its name in capitals behind ``env_prefix``. It is asked for if its
    type is `Secret`, `LiveSecret`, `SecretStr` or `SecretBytes`, or if it has a `SecretName`. A secret that no provider
    has is left to the default of its field. A failure of a provider is an error of ours, and never an absence.

    Args:
        settings_cls: The class of the settings.
        resolver: The resolver to ask; None asks that of `get_secret`.

    Raises:
        ConfigurationError: The resolver is not a `Resolver`, but another object, such as an `AsyncResolver`.
    """

    def __init__(self, settings_cls: type[BaseSettings], resolver: Resolver | None = None) -> None:
        if not isinstance(resolver, Resolver | None):
            raise ConfigurationError(f"resolver must be a Resolver, not of type {type(resolver).__name__}")
        super().__init__(settings_cls)
        self._resolver = resolver

    def __call__(self) -> dict[str, Any]:
        """Return the secrets that were found, by the key of their field."""
        wanted = {name: secret for name, secret in self._secrets() if not self._is_given(name)}
        get_many = get_secrets if self._resolver is None else self._resolver.get_many
        found = get_many(wanted.values(), default=None) if wanted else {}
        present = {name: secret for name, asked in wanted.items() if (secret := found[asked]) is not None}
        values: dict[str, Any] = {}
        try:
            for name, secret in present.items():
                values[self._keys(name)[0]] = self._value(self.settings_cls.model_fields[name], secret)
            return values
        finally:
            del values  # a later one may raise, and an error tracker sends the locals of every frame along

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002  # the base class has it
        """Return nothing: the fields are asked for together."""
        return None, field_name, False

    def _secrets(self) -> Iterator[tuple[str, str]]:
        """Yield each field that is a secret, with the name that it asks for."""
        prefix = self.config.get("env_prefix", "")
        for name, field in self.settings_cls.model_fields.items():
            mark = next((each for each in field.metadata if isinstance(each, SecretName)), None)
            if mark is not None:
                yield name, mark
            elif not _SECRETS.isdisjoint(_types(field.annotation)):
                yield name, (prefix + name).upper()

    def _is_given(self, name: str) -> bool:
        """Return whether an earlier source gave a field."""
        return not self.current_state.keys().isdisjoint(self._keys(name))

    def _keys(self, name: str) -> list[str]:
        """Return the keys under which pydantic takes the value of a field, the first one best."""
        field = self.settings_cls.model_fields[name]
        alias = field.validation_alias if field.validation_alias is not None else field.alias
        choices = alias.choices if isinstance(alias, AliasChoices) else [] if alias is None else [alias]
        if self.config.get("validate_by_alias") is False:
            choices = []
        keys = [each for each in choices if isinstance(each, str)]
        if not choices or self.config.get("populate_by_name") or self.config.get("validate_by_name"):
            keys.append(name)
        if not keys:
            raise ConfigurationError(f"field {name!r} of {self.settings_cls.__name__} must have a text as its alias")
        return keys

    def _value(self, field: FieldInfo, secret: Secret) -> object:
        """Return a secret in the form that its field takes.

        A `SecretStr` hides it in every error, also in one as JSON, and the schemas of our types unpack it.
        """
        types = set(_types(field.annotation))
        if LiveSecret in types:
            hidden: Any = LiveSecret(secret.name, resolver=self._resolver)
            return SecretStr(hidden)
        if SecretBytes in types:
            return SecretBytes(secret.as_bytes())
        if not types.isdisjoint(_SECRETS):
            return SecretStr(secret)
        if self.field_is_complex(field):
            return secret.as_json()
        return secret.as_bytes() if secret.is_binary else secret


def _types(annotation: Any) -> Iterator[Any]:
    """Yield the types of a union or of an annotated type; of another type, the type itself."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from _types(parts[0])
    elif origin in {Union, UnionType}:
        for part in parts:
            yield from _types(part)
    else:
        yield annotation
