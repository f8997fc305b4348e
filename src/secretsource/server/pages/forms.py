"""The forms of the pages: what a browser sends, within bounds, and the mistakes that stand next to the fields. Pure."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["LARGEST_FORM", "MOST_FIELDS", "TOKEN", "Form", "read_form"]

LARGEST_FORM = 32 * 1024
MOST_FIELDS = 200
TOKEN = "form_token"  # noqa: S105 - the name of a field
"""The field with the token of the form."""
_READ_FROM = {"expires_at": ("ends", "days"), "expires_in": ("ends", "days")}
"""The fields that arguments of the library are read from, where the names differ."""


class Form:
    """The fields of a form, and what is wrong with them.

    Args:
        pairs: The names and values, in order; a name may appear several times.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)
        self.errors: dict[str, str] = {}
        """The mistakes, by the name of the field; the empty name stands for the whole form."""

    def text(self, name: str, default: str = "") -> str:
        """Return the last value of a field, without outer blanks."""
        return self._values.get(name, [default])[-1].strip()

    def texts(self, name: str) -> list[str]:
        """Return all values of a field that are not empty, without outer blanks."""
        return [value.strip() for value in self._values.get(name, ()) if value.strip()]

    def lines(self, name: str) -> list[str]:
        """Return the words of a field, which blanks, commas or line ends part."""
        return self.text(name).replace(",", " ").split()

    def has(self, name: str) -> bool:
        """Return whether the browser sent a field."""
        return name in self._values

    def place_of(self, field: str) -> str:
        """Return the field of the form that an argument of the library is read from; empty if the form has none."""
        names = (field, *_READ_FROM.get(field, ()))
        return next((name for name in names if self.has(name)), "")

    def wrong(self, name: str, message: str) -> None:
        """Note what is wrong with a field; the first mistake stays."""
        self.errors.setdefault(name, message)


def read_form(body: bytes, media_type: str) -> Form | None:
    """Read the body of a form.

    Args:
        body: The body, up to `LARGEST_FORM` bytes.
        media_type: The header ``Content-Type``.

    Returns:
        The form, or None if the body is not one.
    """
    if media_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded" or len(body) > LARGEST_FORM:
        return None
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:
        return None
    return Form(pairs)
