"""A middleware for Django that checks the key of a request for its view.

    # settings.py
    MIDDLEWARE = [..., "secretsource.integrations.django.ApiKeyMiddleware"]
    SECRETSOURCE = {"keys": "postgresql+psycopg://…", "exempt": ["/health", "/admin/*"]}

    @require_key("invoices:read")
    def invoices(request):
        return JsonResponse({"owner": request.api_key.owner})

A refused request is answered as `Admission` says, before the view is called. The project does not start while a route
states no scope. The client's address is ``REMOTE_ADDR``, as the server sets it.
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any

from secretsource.exceptions import ConfigurationError
from secretsource.integrations._shared.django import answered, plain, routes, stated_by
from secretsource.integrations._shared.framework import framework
from secretsource.integrations._shared.headers import add_headers, hide, of_environ
from secretsource.integrations.routes import Stated, check_stated, require_key
from secretsource.issuing import NO_SCOPE, Admission, ApiKeys, HttpAnswer

with framework("django"):
    from django.conf import settings
    from django.http import HttpResponse
    from django.urls import get_resolver

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from secretsource.issuing import Admitted

__all__ = ["ApiKeyMiddleware", "project_keys", "require_key"]


@cache
def _opened(url: str) -> ApiKeys:
    return ApiKeys.open(url)


def project_keys() -> ApiKeys:
    """Return the keys of the project: ``SECRETSOURCE["keys"]``, which is an `ApiKeys` or the URL of a store.

    Raises:
        ConfigurationError: The setting is missing, or cannot work.
    """
    given: object = getattr(settings, "SECRETSOURCE", None)
    keys: object = given.get("keys") if isinstance(given, dict) else None
    if isinstance(keys, ApiKeys):
        return keys
    if isinstance(keys, str):
        return _opened(keys)
    raise ConfigurationError(
        'SECRETSOURCE["keys"] in the settings must be an ApiKeys or the URL of a store of keys: write '
        ' SECRETSOURCE = {"keys": "sqlite:///keys.db"}'
    )


class ApiKeyMiddleware:
    """A middleware that checks a key before each view; ``request.api_key`` is its record, or None without a key.

    The other settings in ``SECRETSOURCE`` are those of `AdmissionSettings`.

    Args:
        get_response: The rest of the project.

    Raises:
        ConfigurationError: A setting cannot work, or a route states no scope.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response
        keys = project_keys()
        rules: dict[str, Any] = {name: each for name, each in settings.SECRETSOURCE.items() if name != "keys"}
        self._admission = Admission(keys, scope=None, **rules)
        patterns: Any = get_resolver().url_patterns
        for route, view in routes(patterns):
            for method in answered(view):
                check_stated(self._admission, route, stated_by(view, method))

    def __call__(self, request: Any) -> HttpResponseBase:
        """Answer a request, and add the headers for its key to the answer of its view."""
        request.api_key = request.secretsource = None
        response: Any = None
        try:
            response = self._get_response(request)
        finally:
            admitted: Admitted | None = request.secretsource
            if admitted is not None and admitted.lease is not None:
                self._release(admitted, response)
        if admitted is not None:
            add_headers(admitted, response)
        answer: HttpResponseBase = response
        return answer

    def process_view(self, request: Any, view: Any, *_: object) -> HttpResponse | None:
        """Let a request in to its view, or answer it.

        Args:
            request: The request.
            view: The view that its path leads to.
        """
        demand, cost, limit = self._statement(request, view)
        outcome = self._admission.admit(
            of_environ(request.META),
            request.META.get("REMOTE_ADDR"),
            request.method,
            request.path,
            root_path=request.META.get("SCRIPT_NAME", ""),
            scope=demand,
            cost=cost,
            limit=limit,
        )
        if isinstance(outcome, HttpAnswer):
            return HttpResponse(outcome.body, status=outcome.status, headers=dict(outcome.headers))
        hide(outcome, request.META)
        vars(request).pop("headers", None)  # which Django remembers
        request.secretsource, request.api_key, request.secretsource_demand = outcome, outcome.record, demand
        return None

    def _release(self, admitted: Admitted, response: Any) -> None:
        """Release the place of a request whose view has ended; an answer in parts holds it until it is closed."""
        release = partial(self._admission.release, admitted)
        if getattr(response, "streaming", False):
            response.close = partial(_both, response.close, release)
        else:
            release()

    def _statement(self, request: Any, view: Any) -> Stated:
        """Return what a view states; for a method that it does not answer, what it states for another."""
        methods = answered(view)
        found = stated_by(view, request.method)
        if found is None and request.method not in methods:
            found = stated_by(view, methods[0])
        if found is None:
            check_stated(self._admission, plain(f"/{request.resolver_match.route}"), None)
        return found or Stated(NO_SCOPE)


def _both(close: Callable[[], object], release: Callable[[], object]) -> None:
    try:
        close()
    finally:
        release()
