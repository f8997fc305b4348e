"""Sending one webhook: signed by every secret that is valid now, in a bounded time, and judged by its status."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from time import time
from typing import TYPE_CHECKING

from secretsource import get_secret_set
from secretsource.exceptions import ConfigurationError, SecretSourceError
from secretsource.server.outgoing.exchange import ExchangeError, Request, exchange
from secretsource.server.outgoing.retries import Failure
from secretsource.server.outgoing.targets import read_target
from secretsource.server.outgoing.worker import AT_ONCE
from secretsource.server.webhooks.signature import read_signing_secret, signed_headers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsource.server.webhooks.settings import WebhookSettings
    from secretsource.stores.base import Message

__all__ = ["WITHIN", "Sender", "signing_secrets"]

WITHIN = 10.0
"""Seconds that one attempt may take, after the name of the host is looked up."""
GONE = 410
"""The status of an endpoint that wants nothing more."""


class Sender:
    """The sender of one endpoint. Its threads are its own, so that a slow endpoint holds up no other.

    Args:
        endpoint: The endpoint.
    """

    def __init__(self, endpoint: WebhookSettings) -> None:
        self._endpoint = endpoint
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix=f"secretsource-webhook-{endpoint.name}")

    async def __call__(self, message: Message) -> Failure | None:
        """Send a message, and return why that failed, or None."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._send, message)

    def close(self) -> None:
        """Let the threads end, each after the request that it is at."""
        self._threads.shutdown(wait=False)

    def _send(self, message: Message) -> Failure | None:
        endpoint = self._endpoint
        target = read_target(endpoint.url)
        if target is None:
            return Failure("the url is not an address of the web")
        body = message.body.encode()
        try:
            secrets = signing_secrets(endpoint)
            headers = signed_headers(secrets, message.id, int(time()), body)
            del secrets
            request = Request(target, "POST", headers, body)
            reply = exchange(request, within=WITHIN, most=0, private=endpoint.private)
        except (ExchangeError, SecretSourceError) as error:
            return Failure(str(error))
        return _judged(reply.status, reply.retry_after)


def signing_secrets(endpoint: WebhookSettings) -> Sequence[bytes]:
    """Return the signing secrets of an endpoint that are valid now, the newest first; two during a rotation.

    Args:
        endpoint: The endpoint.

    Raises:
        ConfigurationError: No secret is there, or one is of another form; the message names the endpoint.
    """
    try:
        return [read_signing_secret(str(secret)) for secret in get_secret_set(endpoint.secret)]
    except SecretSourceError as error:
        failure = str(error)
    raise ConfigurationError(f"webhooks for {endpoint.name} cannot be signed: {failure}")


def _judged(status: int, retry_after: str) -> Failure | None:
    """Return why a status is a failure, or None for success: anything else is tried again, but for `GONE`."""
    if 200 <= status < 300:
        return None
    wait = float(retry_after) if retry_after.isdecimal() and len(retry_after) < 9 else 0.0
    told = "; redirects are not followed" if 300 <= status < 400 else ""
    return Failure(f"the endpoint answered {status}{told}", status == GONE, wait)
