"""The making of azure's clients and credentials; imported with them, on the first fetch."""

from __future__ import annotations

import os
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

from secretsource.providers._azure.errors import AsynchronousCredential
from secretsource.providers._azure.log import mask_answers
from secretsource.providers._azure.opened import Opened
from secretsource.providers._azure.pipeline import (
    AsyncBoundedRetry,
    BoundedRetry,
    CredentialInThread,
    Pace,
    TokenPace,
    blocking_transport,
    token_transport,
)
from secretsource.providers._azure.wiring import mark_of
from secretsource.providers._wire.proxies import environment_proxy

if TYPE_CHECKING:
    from secretsource.providers._azure.opened import VaultSettings

__all__ = ["aopen_vault", "open_vault"]

CONNECTIONS = 64
"""Greatest number of connections that the blocking client stores."""

SLACK = 1.0
"""Seconds by which an asynchronous request may outlast its deadline, so that it is cancelled there and not timed out.

aiohttp ends a cancelled request at once, but after a timeout it waits for the other side to confirm.
"""


def open_vault(settings: VaultSettings) -> Opened:
    """Return a blocking client.

    Raises:
        AsynchronousCredential: The credential passed in cannot serve a blocking client.
    """
    from azure.identity import DefaultAzureCredential
    from azure.keyvault.secrets import SecretClient

    mark = mark_of(os.environ)  # before the files are read: a change in between must not be missed
    mask_answers()
    pace = TokenPace(settings.connection_timeout, settings.read_timeout)
    made, credential = None, settings.credential
    if credential is None:
        options = _token_options(settings, pace)
        trust: dict[str, Any] = {"connection_verify": settings.ca_cert or True}
        transport = token_transport(pace, **{**trust, **settings.tokens})
        credential = made = DefaultAzureCredential(**options, transport=transport)
    elif iscoroutinefunction(credential.get_token):
        raise AsynchronousCredential
    client = SecretClient(
        settings.vault_url,
        credential,
        transport=blocking_transport(settings.ca_cert, CONNECTIONS),
        retry_policy=BoundedRetry(**_retry_options(settings)),
        raw_request_hook=Pace(settings.connection_timeout, settings.read_timeout).sent,
        **_client_options(settings),
    )
    return Opened(client, made, pace, mark)


def aopen_vault(settings: VaultSettings) -> Opened:
    """Return an asynchronous client of the running loop."""
    from azure.identity.aio import DefaultAzureCredential
    from azure.keyvault.secrets.aio import SecretClient

    from secretsource.providers._azure.connections import EndingTransport, TokenTransport, trust_in

    mark = mark_of(os.environ)  # before the files are read: a change in between must not be missed
    mask_answers()
    trust = trust_in(settings.ca_cert)
    pace = TokenPace(settings.connection_timeout, settings.read_timeout, SLACK)
    made, credential = None, settings.credential
    if credential is None:
        transport = TokenTransport(pace, trust, **settings.tokens)
        credential = made = DefaultAzureCredential(**_token_options(settings, pace), transport=transport)
    elif not iscoroutinefunction(credential.get_token):
        credential = CredentialInThread(credential)
    client = SecretClient(
        settings.vault_url,
        credential,
        transport=EndingTransport(trust, use_env_settings=False),
        retry_policy=AsyncBoundedRetry(**_retry_options(settings)),
        raw_request_hook=Pace(settings.connection_timeout, settings.read_timeout, SLACK).sent,
        **_client_options(settings),
    )
    return Opened(client, made, pace, mark)


def _client_options(settings: VaultSettings) -> dict[str, Any]:
    # requests would look up the proxy for each call, a fifth of its work, and aiohttp even in a thread. Both would also
    # read .netrc, where an entry for the vault would replace the token.
    proxy = environment_proxy(settings.vault_url)
    # The value of the server that a redirect leads to is not the secret.
    return {"proxies": {"https": proxy} if proxy else {}, "permit_redirects": False, **settings.client}


def _retry_options(settings: VaultSettings) -> dict[str, Any]:
    return {"retry_total": settings.attempts - 1, **settings.client}


def _token_options(settings: VaultSettings, pace: TokenPace) -> dict[str, Any]:
    """Return the maker of a credential: it retries once after a broken connection, and not after a refusal."""
    return {
        "connection_timeout": settings.connection_timeout,
        "read_timeout": settings.read_timeout,
        "connection_verify": settings.ca_cert or True,
        "retry_total": 1,
        "retry_status": 0,
        "raw_request_hook": pace.sent,
        "raw_response_hook": pace.answered,
        **settings.tokens,
    }
