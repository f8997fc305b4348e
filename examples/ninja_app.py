"""A shop with Django Ninja behind waitress, in one file: python examples/ninja_app.py."""

import os

import waitress
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest
from django.urls import path

from secretsource.issuing import ApiKeys

keys = ApiKeys.open("memory://")
settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    MIDDLEWARE=["secretsource.integrations.django.ApiKeyMiddleware"],
    ROOT_URLCONF=__name__,
    SECRETSOURCE={"keys": keys, "exempt": ["/", "/health"]},
    SECRET_KEY="of an example",
)

from ninja import NinjaAPI  # noqa: E402 - the settings come first

from secretsource.integrations.ninja import ApiKeyAuth, require_key  # noqa: E402

api = NinjaAPI(auth=ApiKeyAuth(), docs_url=None, openapi_url=None)


@api.get("/health", auth=None)
def health(request: HttpRequest) -> str:
    return "well"


@api.get("/invoices")
@require_key("invoices:read")
def invoices(request: HttpRequest) -> dict[str, str]:
    return {"owner": request.auth.owner}


@api.get("/reports")
@require_key("reports:make", cost=10, limit="100/hour")
def reports(request: HttpRequest) -> str:
    return "a report"


urlpatterns = [path("", api.urls)]

if __name__ == "__main__":
    port = int(os.environ.get("PORT", "8000"))
    key = keys.issue(owner="acme", scopes=["invoices:read"], rate_limit="100/minute").plaintext
    print(f"curl -H 'Authorization: Bearer {key}' http://127.0.0.1:{port}/invoices", flush=True)
    waitress.serve(get_wsgi_application(), host="127.0.0.1", port=port)
