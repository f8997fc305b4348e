"""The schema of a secret for pydantic; loaded only when pydantic asks for it.

A text or bytes that a model is given becomes a secret. No error shows the value: what has the wrong type is replaced
by its type before pydantic notes its input, and JSON has a mask in its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import SecretBytes, SecretStr
from pydantic_core import core_schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import GetCoreSchemaHandler

__all__ = ["JSON_SCHEMA", "MASK", "schema_of"]

MASK = "**********"
"""The text of a secret in JSON; that of pydantic's `SecretStr`."""

JSON_SCHEMA = {"type": "string", "format": "password", "writeOnly": True}
"""The schema of a secret in a JSON document (OpenAPI 3.1)."""

_UNNAMED = "value"


class _Unusable:
    """Stands in an error for an input of the wrong type, and shows its type only."""

    __slots__ = ("_type",)

    def __init__(self, given: object) -> None:
        self._type = type(given).__name__

    def __repr__(self) -> str:
        return f"<{self._type}>"


def schema_of(
    kind: type, make: Callable[[str | bytes, str], object], handler: GetCoreSchemaHandler
) -> core_schema.CoreSchema:
    """Return the schema of a class of secrets.

    Args:
        kind: The class; its instances stay as they are, also in a `SecretStr`.
        make: Make an instance from a text or bytes, and the name of the field.
        handler: The handler of pydantic; before version 2.12, it alone knows the name of the field.
    """
    name = handler.field_name or _UNNAMED

    def read(given: Any, about: core_schema.ValidationInfo[Any]) -> object:
        value = given.get_secret_value() if isinstance(given, (SecretStr, SecretBytes)) else given
        if isinstance(value, kind):
            return value
        return make(value, about.field_name or name) if isinstance(value, (str, bytes)) else _Unusable(value)

    return core_schema.with_info_before_validator_function(
        read,
        core_schema.custom_error_schema(
            core_schema.is_instance_schema(kind), "secret_type", custom_error_message="A secret must be text or bytes"
        ),
        serialization=core_schema.plain_serializer_function_ser_schema(lambda _: MASK, when_used="json"),
    )
