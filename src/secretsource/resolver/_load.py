"""The form of a dataclass whose fields are secrets: which names it asks for, and how its fields are filled."""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    NamedTuple,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from secretsource._secret import Secret
from secretsource.exceptions import ConfigurationError
from secretsource.providers.reference import parse_reference

if TYPE_CHECKING:
    from collections.abc import Mapping
    from dataclasses import Field


__all__ = ["Form", "form_of"]

T = TypeVar("T")

TRUTHS = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}
"""The texts of a bool, in small letters."""


class Blank(NamedTuple):
    """One field to fill.

    Attributes:
        field: The name of the field.
        name: The name or reference to ask for.
        kind: The type of the value.
        is_optional: Whether the field allows None.
        has_default: Whether the class has a value for it.
    """

    field: str
    name: str
    kind: type
    is_optional: bool
    has_default: bool


class Form(Generic[T]):
    """A dataclass as a form to fill.

    Args:
        kind: The dataclass.
        blanks: Its fields.
    """

    def __init__(self, kind: type[T], blanks: list[Blank]) -> None:
        self._kind = kind
        self._blanks = blanks
        self.names = [blank.name for blank in blanks]
        required = {blank.name for blank in blanks if not (blank.has_default or blank.is_optional)}
        self.optional = frozenset(self.names) - required

    def fill(self, found: Mapping[str, Secret], resolver: object) -> T:
        """Return an instance with the secrets that were found.

        Args:
            found: Secrets by name; those that are missing are optional.
            resolver: The resolver that live secrets read through.

        Raises:
            ProviderResponseError: A value does not have the type of its field; the error does not show it.
        """
        missing = [blank for blank in self._blanks if blank.name not in found]
        values: dict[str, Any] = {blank.field: None for blank in missing if not blank.has_default}
        present = [blank for blank in self._blanks if blank.name in found]
        try:
            for blank in present:
                values[blank.field] = _value(blank.kind, found[blank.name], resolver)
            return self._kind(**values)
        finally:
            del found, values  # the class may raise, and an error tracker sends the locals of every frame along


def form_of(kind: type[T]) -> Form[T]:
    """Return the form of a dataclass.

    Args:
        kind: The dataclass.

    Raises:
        ConfigurationError: It is not a dataclass, or a field has a type that a secret cannot have.
    """
    given: Any = kind  # what a caller without a type checker hands in
    if not isinstance(given, type) or not is_dataclass(given):
        raise ConfigurationError(f"load needs a dataclass, not an object of type {type(given).__name__!r}")
    hints = _hints(kind)
    blanks = [_blank(kind, each, hints[each.name]) for each in fields(given) if each.init]
    return Form(kind, blanks)


def _hints(kind: type) -> dict[str, Any]:
    unknown = None
    try:
        return get_type_hints(kind)
    except NameError as error:
        unknown = error.name
    raise ConfigurationError(
        f"the types of the fields of {kind.__name__} must be names of its module: import {unknown!r} there"
    )


def _blank(owner: type, field: Field[Any], hint: Any) -> Blank:
    kinds = get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)
    chosen = [kind for kind in kinds if kind is not NoneType]
    if len(chosen) != 1 or not (_is_live(chosen[0]) or chosen[0] in _READ):
        raise ConfigurationError(
            f"field {field.name!r} of {owner.__name__} must be a Secret, LiveSecret, str, bytes, int or bool, "
            f"or one of them or None"
        )
    name = field.metadata.get("secret", field.name.upper())
    parse_reference(name)
    has_default = field.default is not MISSING or field.default_factory is not MISSING
    return Blank(field.name, name, chosen[0], NoneType in kinds, has_default)


def _is_live(kind: Any) -> bool:
    """Return whether a type is that of handles, such as `LiveSecret`, which stands above this module."""
    return getattr(kind, "reads_at_use", False) is True


def _value(kind: Any, secret: Secret, resolver: object) -> object:
    return kind(secret.name, resolver=resolver) if _is_live(kind) else _READ[kind](secret)


def _text(secret: Secret) -> Secret:
    """Return a secret as the text that it is: its repr stays masked.

    Raises:
        ProviderResponseError: It is binary.
    """
    if secret.is_binary:
        raise secret._unlike("text")
    return secret


def _itself(secret: Secret) -> Secret:
    return secret


def _integer(secret: Secret) -> int:
    try:
        return int(_text(secret))
    except ValueError:
        pass
    raise secret._unlike("a whole number")


def _truth(secret: Secret) -> bool:
    truth = TRUTHS.get(_text(secret).strip().lower())
    if truth is None:
        raise secret._unlike("true or false")
    return truth


_READ: Mapping[Any, Any] = {
    Secret: _itself,
    str: _text,
    bytes: Secret.as_bytes,
    int: _integer,
    bool: _truth,
}
"""How a secret becomes the value of a field, by the type of the field."""
