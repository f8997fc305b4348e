"""The `requests.Session` of one connection to Vault: bounded in time and size, and true to one server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from requests import Session

from secretsource.providers._wire.bounded_requests import BoundedAdapter
from secretsource.providers._wire.origins import leads_home

if TYPE_CHECKING:
    from requests import Response

__all__ = ["VaultSession"]

INDEX = "X-Vault-Index"

CONNECTIONS = 64
"""Connections that are stored, not opened: a burst of threads must not throw them away."""


class VaultSession(Session):
    """One session for all threads; it reads nothing from the environment.

    Args:
        socket_path: A Unix socket of Vault or its agent; None to connect to the host of a URL.
    """

    def __init__(self, socket_path: str | None = None) -> None:
        super().__init__()
        self.trust_env = False
        self.max_redirects = 2
        for scheme in ("https://", "http://"):
            self.mount(scheme, BoundedAdapter(pool_maxsize=CONNECTIONS, socket_path=socket_path))

    def get_redirect_target(self, resp: Response) -> str | None:
        """Return the target of a redirect; None for another server, since a login has credentials in its body, too."""
        target = super().get_redirect_target(resp)
        return target if target is not None and leads_home(resp.url, target) else None

    def send_along(self, response: Response) -> None:
        """Make later reads see the write that this answer confirms."""
        if index := response.headers.get(INDEX):
            headers: Any = self.headers.copy()  # not changed in place: other threads are iterating over it
            headers[INDEX] = index
            self.headers = headers
