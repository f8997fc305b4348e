"""A shop with Django and Django REST framework behind waitress, in one file: python examples/django_app.py."""

import os

import waitress
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

from secretsource.issuing import ApiKeys

keys = ApiKeys.open("memory://")
settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    MIDDLEWARE=["secretsource.integrations.django.ApiKeyMiddleware"],
    REST_FRAMEWORK={"UNAUTHENTICATED_USER": None},
    ROOT_URLCONF=__name__,
    SECRETSOURCE={"keys": keys, "exempt": ["/health"]},
    SECRET_KEY="of an example",
)

from rest_framework.request import Request  # noqa: E402 - the settings come first
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402

from secretsource.integrations.django import require_key  # noqa: E402
from secretsource.integrations.drf import ApiKeyAuthentication, HasScope  # noqa: E402


def health(_: HttpRequest) -> HttpResponse:
    return HttpResponse("well")


class Invoices(APIView):
    authentication_classes = [ApiKeyAuthentication]
    permission_classes = [HasScope.of("invoices:read")]

    def get(self, request: Request) -> Response:
        return Response({"owner": request.auth.owner})


@require_key("reports:make", cost=10)
def reports(request: HttpRequest) -> HttpResponse:
    return HttpResponse("a report")


urlpatterns = [path("health", health), path("invoices", Invoices.as_view()), path("reports", reports)]

if __name__ == "__main__":
    port = int(os.environ.get("PORT", "8000"))
    key = keys.issue(owner="acme", scopes=["invoices:read"], rate_limit="100/minute").plaintext
    print(f"curl -H 'Authorization: Bearer {key}' http://127.0.0.1:{port}/invoices", flush=True)
    waitress.serve(get_wsgi_application(), host="127.0.0.1", port=port)
