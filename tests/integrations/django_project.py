"""Projects of Django in this process, each with settings of its own."""

from __future__ import annotations

from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

from benchmarks.django_settings import configure

if TYPE_CHECKING:
    from collections.abc import Generator

    from secretsource.issuing import ApiKeys

configure()


@contextmanager
def project(patterns: list[Any], keys: ApiKeys | None, **rules: Any) -> Generator[Any]:
    """Make the WSGI application of a project with these routes, until the end of the ``with`` block."""
    from django.core.handlers.wsgi import WSGIHandler
    from django.test import override_settings

    urls: Any = ModuleType("urls_of_a_test")
    urls.urlpatterns = patterns
    given = {
        "ALLOWED_HOSTS": ["*"],
        "DEBUG": False,
        "MIDDLEWARE": ["secretsource.integrations.django.ApiKeyMiddleware"],
        "REST_FRAMEWORK": {"UNAUTHENTICATED_USER": None},
        "ROOT_URLCONF": urls,
        "SECRETSOURCE": {"keys": keys, **rules},
        "SECRET_KEY": "of the tests",
    }
    with override_settings(**given):
        yield WSGIHandler()
