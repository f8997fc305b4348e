"""The authentication of Django Ninja by keys, behind the middleware of Django.

    api = NinjaAPI(auth=ApiKeyAuth())

    @api.get("/invoices")
    @require_key("invoices:read")
    def invoices(request):
        return {"owner": request.auth.owner}

`ApiKeyMiddleware` reads the scope from the operation, and answers a request without a good key. The pages of Ninja's
own documentation are routes, too: list them in ``exempt``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from secretsource.integrations._shared.framework import framework
from secretsource.integrations.routes import require_key

with framework("ninja"):
    from ninja.security.base import AuthBase

if TYPE_CHECKING:
    from secretsource.issuing import KeyRecord

__all__ = ["ApiKeyAuth", "require_key"]


class ApiKeyAuth(AuthBase):
    """An authentication whose value, ``request.auth``, is the record of the key that the middleware has accepted."""

    openapi_type = "http"
    openapi_scheme = "bearer"

    def __call__(self, request: Any) -> KeyRecord | None:
        """Return the record of the key; None, which Ninja refuses, without a key.

        Args:
            request: The request.
        """
        return getattr(request, "api_key", None)
