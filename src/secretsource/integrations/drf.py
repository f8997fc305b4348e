"""An authentication, a permission and the scheme of keys for Django REST framework, behind the middleware of Django.

    class Invoices(APIView):
        authentication_classes = [ApiKeyAuthentication]
        permission_classes = [HasScope.of("invoices:read", cost=2, limit="10/minute")]

        def get(self, request):
            return Response({"owner": request.auth.owner})

`ApiKeyMiddleware` reads the scope from the permission, and answers a request without a good key: 401 stays 401, and its
limits are drawn once. The classes refuse by themselves where the middleware is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from secretsource.exceptions import ConfigurationError
from secretsource.integrations._shared.framework import framework
from secretsource.integrations._shared.statements import scopes_of
from secretsource.integrations.routes import require_key, stated

with framework("drf"):
    from rest_framework.authentication import BaseAuthentication
    from rest_framework.permissions import BasePermission

if TYPE_CHECKING:
    from secretsource.issuing import Demand, KeyRecord

__all__ = ["ApiKeyAuthentication", "HasScope", "KeyOwner"]


class KeyOwner:
    """The user of a request with a key: its owner.

    Args:
        record: The record of the key.

    Attributes:
        owner: The owner of the key.
    """

    is_authenticated = True
    is_anonymous = False
    is_active = True

    def __init__(self, record: KeyRecord) -> None:
        self.owner = self.pk = record.owner

    def __str__(self) -> str:
        return self.owner


# REST framework has no types
class ApiKeyAuthentication(BaseAuthentication):  # type: ignore[misc]
    """An authentication by the key that the middleware has accepted.

    ``request.user`` is a `KeyOwner`, and ``request.auth`` is the record of the key.
    """

    def authenticate(self, request: Any) -> tuple[KeyOwner, KeyRecord] | None:
        """Return the owner and the record of the key, or None without a key.

        Args:
            request: The request.
        """
        record: KeyRecord | None = getattr(request, "api_key", None)
        return None if record is None else (KeyOwner(record), record)

    def authenticate_header(self, request: Any) -> Any:  # noqa: ARG002 - as the framework calls it
        """Return the challenge; without it, the framework would turn a 401 into a 403.

        Args:
            request: The request.
        """
        return 'Bearer realm="api"'


# REST framework has no types
class HasScope(BasePermission):  # type: ignore[misc]
    """A permission for requests with a good key; `of` returns the class for a scope."""

    @classmethod
    def of(cls, scope: Demand, *, cost: int = 1, limit: str | None = None, limit_name: str = "") -> type[HasScope]:
        """Return the permission for keys with a scope, which `ApiKeyMiddleware` checks.

        Args:
            scope: The scope that a key needs, several that are all needed, or `NO_SCOPE`.
            cost: The amount that a request draws from the limits, 0 to 10**9.
            limit: The limit that each key has on each view with this permission; see `require_key`.
            limit_name: The name that the limit is counted under; that of each view when left out.
        """
        return require_key(scope, cost=cost, limit=limit, limit_name=limit_name)(type("HasScope", (cls,), {}))

    def has_permission(self, request: Any, view: Any) -> Any:  # noqa: ARG002 - as the framework calls it
        """Return whether the middleware has let the request in, with a key that has the scope of this class.

        Args:
            request: The request.
            view: Its view.

        Raises:
            ConfigurationError: The middleware did not know of this class, for it does not stand in the view's
                ``permission_classes``.
        """
        if getattr(request, "secretsource", None) is None:
            return False
        own = stated(type(self))
        if own is not None and not scopes_of(own.scope) <= scopes_of(request.secretsource_demand):
            raise ConfigurationError(
                f"HasScope of {own.scope!r:.100} must stand in permission_classes, where the middleware reads it"
            )
        return True
