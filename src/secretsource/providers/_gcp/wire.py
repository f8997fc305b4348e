"""The way of a call: over a channel of gRPC or a session of requests, each within one deadline and one size."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from secretsource.providers._wire.bounded_http import ONE
from secretsource.providers._wire.proxies import is_here

if TYPE_CHECKING:
    from secretsource.providers._gcp.question import Question

__all__ = ["call", "channel_options", "prepare_session"]

CHANNEL = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.max_receive_message_length", ONE),
)
"""By default a broken channel waits up to 2 minutes, and Google's client takes a message of any length."""
DIRECT = ("grpc.enable_http_proxy", 0)
CONNECTIONS = 64
"""Greatest number of connections that a client over REST stores."""


def channel_options(given: Any, url: str) -> list[tuple[str, Any]]:
    """Return the options of a channel: Google's own, with ours in their place.

    Args:
        given: Google's own.
        url: The server; if it is this machine, gRPC asks no proxy of the environment.
    """
    chosen = (*CHANNEL, *((DIRECT,) if is_here(url) else ()))
    ours = {name for name, _ in chosen}
    return [*(option for option in given if option[0] not in ours), *chosen]


def call(client: Any, question: Question, timeout: float) -> Any:
    """Make the call, with the SDK's own types for the request and the timeout.

    The SDK would fill in the request field by field, and read the clock for each attempt, although there is only one: a
    twentieth of its work.
    """
    kind, limit = _kinds(question.call)
    request = kind.wrap(kind.pb()(**question.request))
    return getattr(client, question.call)(request=request, retry=None, timeout=limit(timeout))


@lru_cache(maxsize=8)
def _kinds(call: str) -> tuple[Any, Any]:
    """Return the arguments of a call, in the SDK's classes: its request, and a timeout."""
    from google.api_core.timeout import ConstantTimeout
    from google.cloud import secretmanager_v1

    return getattr(secretmanager_v1, call.title().replace("_", "") + "Request"), ConstantTimeout


def prepare_session(transport: Any) -> None:
    """Bound the session of a client over REST, and look up proxies and certificates once.

    requests would look them up for each call, a fifth of its work. It would also read ``.netrc``, where an entry for
    Google would replace the token. The SDK has no setting for its session: if the session is not found, calls are
    slower, and only each single read is bounded.
    """
    session = getattr(transport, "_session", None)
    if session is None:
        return
    from secretsource.providers._wire.bounded_session import bind_adapters, bind_session
    from secretsource.providers._wire.proxies import environment_proxies

    if getattr(session, "is_mtls", False):
        bind_adapters(session)  # they hold the client's certificate
    else:
        bind_session(session, pool_maxsize=CONNECTIONS)
    session.max_redirects = 0  # Google does not redirect; the value of another server is not the secret
    session._max_refresh_attempts = 0  # the driver replaces a refused token
    session.trust_env = False
    session.proxies.update(environment_proxies(transport.host))
    session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
