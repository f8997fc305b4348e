"""The forms of the section: the filter of the list, a rotation and a revocation."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django import forms

from secretsource.exceptions import InvalidRequest, KeyNotFound
from secretsource.issuing import Page, Status

if TYPE_CHECKING:
    from secretsource.issuing import ApiKeys, KeyRecord

__all__ = ["KeyFilter", "Revocation", "Rotation", "customers_key"]

ROOT_PREFIX = "root"
"""The prefix of keys that manage other keys. The section does not show them: a rotation would hand their rights on."""
PER_PAGE = 50
LONGEST = 255
_LOCATOR = 22
_MOST_HOURS = 24 * 366


def customers_key(keys: ApiKeys, key_id: str) -> KeyRecord:
    """Return the record of a customer's key.

    Args:
        keys: The keys of the project.
        key_id: The key: 22 characters of ``0-9A-Za-z``.

    Raises:
        KeyNotFound: There is no such key, or it is a root key.
        StoreError: The store could not answer.
    """
    record = keys.get(key_id)
    if record.prefix == ROOT_PREFIX:
        raise KeyNotFound(key_id)
    return record


# Django has no types
class KeyFilter(forms.Form):  # type: ignore[misc]
    """The search and the filters of the list."""

    q = forms.CharField(required=False, max_length=LONGEST, label="Name or key ID")
    owner = forms.CharField(required=False, max_length=LONGEST)
    environment = forms.CharField(required=False, max_length=8)
    status = forms.ChoiceField(required=False, choices=[("", "any"), *[(each.value, each.value) for each in Status]])
    after = forms.CharField(required=False, max_length=LONGEST, widget=forms.HiddenInput)

    def page(self, keys: ApiKeys) -> Page:
        """Return the page of keys that the form asks for, the newest first.

        Args:
            keys: The keys of the project.

        Raises:
            InvalidRequest: No key can match a filter, or the search is a whole key.
            StoreError: The store could not answer.
        """
        asked: dict[str, Any] = {name: value or None for name, value in self.cleaned_data.items()}
        searched = asked.pop("q")
        if searched is not None and keys.whose(searched) is not None:
            return self._one(keys, searched)
        status = asked.pop("status")
        page = keys.list(**asked, name=searched, status=status and Status(status), newest_first=True, limit=PER_PAGE)
        return Page([record for record in page if record.prefix != ROOT_PREFIX], page.next)

    @staticmethod
    def _one(keys: ApiKeys, searched: str) -> Page:
        if len(searched) != _LOCATOR:
            raise InvalidRequest("search for a name or a key ID, never for a whole key: it would stay in the address")
        try:
            return Page([customers_key(keys, searched)], None)
        except KeyNotFound:
            return Page([], None)


# Django has no types
class Rotation(forms.Form):  # type: ignore[misc]
    """The question of a rotation."""

    overlap = forms.IntegerField(
        min_value=0,
        max_value=_MOST_HOURS,
        initial=24,
        label="Overlap in hours",
        help_text="Both keys work so long. 0 ends the old key at once, as after a leak.",
    )
    reason = forms.CharField(required=False, max_length=LONGEST)

    @property
    def chosen(self) -> timedelta:
        """The overlap."""
        return timedelta(hours=self.cleaned_data["overlap"])


# Django has no types
class Revocation(forms.Form):  # type: ignore[misc]
    """The question of a revocation."""

    family = forms.BooleanField(
        required=False,
        label="The keys that it was rotated from or to, too",
        help_text="After a theft, the thief may hold a successor.",
    )
    reason = forms.CharField(required=False, max_length=LONGEST)
