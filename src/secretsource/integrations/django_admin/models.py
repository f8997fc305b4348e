"""The model that gives keys a name and permissions in Django; no table belongs to it.

The records stay in the store of `ApiKeys`, which need not be a database that Django knows. So the section works with
every store, and each change goes through the same rules, events and news as any other.
"""

from __future__ import annotations

from typing import Any

from django.db import models

__all__ = ["ApiKey"]


# Django has no types
class _NoRows(models.Manager):  # type: ignore[misc]
    """A manager without rows, so that ``dumpdata`` and the like ask no table."""

    def get_queryset(self) -> Any:
        """Return a query that is empty without being asked."""
        return super().get_queryset().none()


# Django has no types
class ApiKey(models.Model):  # type: ignore[misc]
    """A key as Django's permissions and log name it.

    Attributes:
        key_id: The key's locator.
        display: The part of the key that may be shown, such as ``sk_live_7Qm2…``.
    """

    key_id = models.CharField(primary_key=True, max_length=22)
    display = models.CharField(max_length=31)

    objects = _NoRows()

    class Meta:
        """No table, and the permissions to view, to rotate (``change``) and to revoke (``delete``)."""

        app_label = "secretsource"
        managed = False
        base_manager_name = "objects"
        default_permissions = ("view", "change", "delete")
        verbose_name = "API key"

    def __str__(self) -> str:
        return str(self.display)
