"""The views of the section: the list of keys, a key, its rotation and its revocation.

Django checks the session, the token against forged forms, and the permissions: ``view`` to read, ``change`` to rotate,
``delete`` to revoke. The text of a new key is put into the finished page: no template, no context of one, no session
and no message ever holds it.
"""

from __future__ import annotations

from contextlib import contextmanager
from time import time
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.core.exceptions import PermissionDenied
from django.db import router, transaction
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import path, reverse

from secretsource.exceptions import InvalidRequest, InvalidTransition, KeyNotFound, StoreError
from secretsource.integrations.django import project_keys
from secretsource.integrations.django_admin.forms import KeyFilter, Revocation, Rotation, customers_key
from secretsource.integrations.django_admin.models import ApiKey
from secretsource.issuing import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from datetime import timedelta

    from secretsource.issuing import KeyRecord

__all__ = ["ApiKeyAdmin"]

NAMES = "secretsource_apikey"
MOST_EVENTS = 50
NEW_KEY = '<output class="secretsource-new-key"></output>'
"""The place of a new key in a page; no field of a record can write it, because templates escape them."""


@admin.register(ApiKey)
# Django has no types
class ApiKeyAdmin(admin.ModelAdmin):  # type: ignore[misc]
    """The section; a site of your own registers it with ``site.register(ApiKey, ApiKeyAdmin)``."""

    def get_urls(self) -> list[Any]:
        """Return the addresses of the section, in place of those that ask a table."""
        views = (
            ("", self._list, "changelist"),
            ("<str:key_id>/change/", self._key, "change"),
            ("<str:key_id>/rotate/", self._rotate, "rotate"),
            ("<str:key_id>/revoke/", self._revoke, "delete"),
        )
        return [path(route, self._guarded(view), name=f"{NAMES}_{name}") for route, view, name in views]

    def has_add_permission(self, request: Any) -> bool:  # noqa: ARG002 - as Django calls it
        """Return False: your own code issues keys, since it knows their owners and scopes.

        Args:
            request: The request.
        """
        return False

    def _guarded(self, view: Callable[..., HttpResponse]) -> Any:
        """Return a view behind the login of the site, with answers for a key and a store that are not there."""

        def guarded(request: Any, **arguments: str) -> HttpResponse:
            try:
                return view(request, **arguments)
            except KeyNotFound as error:
                raise Http404(str(error)) from None
            except StoreError as error:
                return self._page(request, "unavailable", {"title": "API keys", "fault": error}, status=503)

        return self.admin_site.admin_view(guarded)

    def _list(self, request: Any) -> HttpResponse:
        """Show one page of keys."""
        _demand(self.has_view_permission(request))
        form = KeyFilter(request.GET)
        page = Page([], None)
        if form.is_valid():
            try:
                page = form.page(project_keys())
            except InvalidRequest as error:
                form.data = {}  # the search may be a key
                form.add_error(None, str(error))
        following = request.GET.copy()
        following["after"] = page.next or ""
        rows = [(record, record.status_at(time())) for record in page]
        context = {"title": "API keys", "form": form, "rows": rows, "next": page.next and following.urlencode()}
        return self._page(request, "keys", context)

    def _key(self, request: Any, key_id: str) -> HttpResponse:
        """Show a key, and the latest events of its history."""
        _demand(self.has_view_permission(request))
        keys = project_keys()
        record = customers_key(keys, key_id)
        events = keys.events(key_id, after=max(0, record.revision - MOST_EVENTS), limit=MOST_EVENTS)
        context = {
            "events": [*reversed(events)],
            "scopes": sorted(record.scopes),
            "may_rotate": self.has_change_permission(request),
            "may_revoke": self.has_delete_permission(request),
        }
        return self._page(request, "key", self._about(record, **context))

    def _rotate(self, request: Any, key_id: str) -> HttpResponse:
        """Ask for the overlap; then rotate the key, and show the new one in the answer, once."""
        _demand(self.has_change_permission(request))
        record = customers_key(project_keys(), key_id)
        form = Rotation(_sent(request))
        if form.is_valid():
            try:
                return self._rotated(request, record, form.chosen, form.cleaned_data["reason"])
            except (InvalidRequest, InvalidTransition) as error:
                form.add_error(None, str(error))
        return self._page(request, "rotate", self._about(record, form=form))

    def _rotated(self, request: Any, record: KeyRecord, overlap: timedelta, reason: str) -> HttpResponse:
        """Rotate a key, and return the page with the new one; a page that is sent again makes no second key."""
        with self._logged(request, record, "Rotated."):
            rotated = project_keys().rotate(record.key_id, overlap=overlap, **_by(request, reason))
            context = self._about(rotated.predecessor, successor=rotated.successor, again=rotated.plaintext is None)
            answer = self._page(request, "rotated", context)
        if rotated.plaintext is not None:
            shown = NEW_KEY.replace("><", f">{rotated.plaintext}<").encode()
            answer.content = answer.content.replace(NEW_KEY.encode(), shown)
            del shown  # a traceback shows no key
        return answer

    def _revoke(self, request: Any, key_id: str) -> HttpResponse:
        """Ask whether to revoke a key; then revoke it."""
        _demand(self.has_delete_permission(request))
        record = customers_key(project_keys(), key_id)
        form = Revocation(_sent(request))
        if not form.is_valid():
            return self._page(request, "revoke", self._about(record, form=form))
        with self._logged(request, record, "Revoked."):
            project_keys().revoke(
                key_id, family=form.cleaned_data["family"], **_by(request, form.cleaned_data["reason"])
            )
        messages.success(request, f"The API key {record.display} is revoked.")
        return HttpResponseRedirect(reverse(f"admin:{NAMES}_changelist", current_app=self.admin_site.name))

    @contextmanager
    def _logged(self, request: Any, record: KeyRecord, said: str) -> Generator[None]:
        """Write an entry of Django's log; it stays if the change of the key in the ``with`` block succeeds."""
        atomic: Any = transaction.atomic
        with atomic(using=router.db_for_write(LogEntry)):
            self.log_change(request, ApiKey(record.key_id, record.display), said)
            yield

    def _about(self, record: KeyRecord, **more: Any) -> dict[str, Any]:
        status = record.status_at(time())
        return {"title": f"API key {record.display}", "record": record, "status": status, **more}

    def _page(self, request: Any, name: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
        request.current_app = self.admin_site.name
        whole = {**self.admin_site.each_context(request), "opts": self.opts, **context}
        text = render_to_string(f"admin/secretsource/{name}.html", whole, request)
        return HttpResponse(text, status=status)


def _demand(is_permitted: bool) -> None:
    """Refuse a person without a permission, as Django does."""
    if not is_permitted:
        raise PermissionDenied


def _sent(request: Any) -> Any:
    """Return the form that was sent, or None for a page that is only opened."""
    return request.POST if request.method == "POST" else None


def _by(request: Any, reason: str) -> dict[str, Any]:
    """Return the author of a change, for the history of the key."""
    return {"actor": request.user.get_username(), "origin": request.META.get("REMOTE_ADDR"), "reason": reason or None}
