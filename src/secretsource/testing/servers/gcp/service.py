"""The calls of a Secret Manager, over either wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from google.cloud.secretmanager_v1 import types

from secretsource.testing.servers.gcp.store import State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretsource.testing.servers.gcp.faults import Faults
    from secretsource.testing.servers.gcp.store import Store

METHODS: dict[str, tuple[Any, Any]] = {
    "AccessSecretVersion": (types.AccessSecretVersionRequest, types.AccessSecretVersionResponse),
    "GetSecret": (types.GetSecretRequest, types.Secret),
    "CreateSecret": (types.CreateSecretRequest, types.Secret),
    "AddSecretVersion": (types.AddSecretVersionRequest, types.SecretVersion),
    "ListSecretVersions": (types.ListSecretVersionsRequest, types.ListSecretVersionsResponse),
}
"""Name of each method to its request and its answer."""


class Call(NamedTuple):
    """One call."""

    method: str
    resource: str
    headers: Mapping[str, str]


class Service:
    """A service that answers from the store, unless there is a fault.

    Attributes:
        calls: The requests, in order.
        page_size: Most versions that one page of a list examines, so that a page may be empty.
    """

    page_size = 2

    def __init__(self, store: Store, faults: Faults) -> None:
        self.store = store
        self.faults = faults
        self.calls: list[Call] = []

    def call(self, method: str, request: Any, headers: Mapping[str, str]) -> Any:
        """Return the answer as a message, or as the bytes of a broken one; raise a `Refusal`."""
        resource = str(request.parent if method.startswith(("List", "Create", "Add")) else request.name)
        self.calls.append(Call(method, resource, headers))
        self.faults.meet(f"{method} {resource}", headers.get("authorization", ""))
        if self.faults.garbage is not None:
            return self.faults.garbage
        return getattr(self, f"_{method}")(request)

    def _AccessSecretVersion(self, request: Any) -> Any:
        name, payload = self.store.access(request.name)
        if self.faults.altered is not None:
            self.faults.altered(payload)
        return types.AccessSecretVersionResponse(name=name, payload=payload)

    def _CreateSecret(self, request: Any) -> Any:
        return self.store.create(f"{request.parent}/secrets/{request.secret_id}")

    def _AddSecretVersion(self, request: Any) -> Any:
        self.store.secret(request.parent)
        number = self.store.add(request.parent, request.payload.data)
        return types.SecretVersion(name=f"{request.parent}/versions/{number}")

    def _GetSecret(self, request: Any) -> Any:
        return self.store.secret(request.name)

    def _ListSecretVersions(self, request: Any) -> Any:
        """Return a page of versions; a filter is applied after the cut, so a page may be empty."""
        everything = self.store.versions(request.parent)
        start = int(request.page_token or 0)
        size = min(request.page_size or self.page_size, self.page_size)
        page = [version.head for version in everything[start : start + size]]
        if request.filter:
            wanted = State[request.filter.removeprefix("state:")]
            page = [head for head in page if head.state == wanted]
        following = str(start + size) if start + size < len(everything) else ""
        return types.ListSecretVersionsResponse(versions=page, next_page_token=following)
