"""Azure Key Vault: ``azure://stripe-secret-key#live?version=…``.

A location is the name of a secret in the vault, as Key Vault has it: 1 to 127 letters, digits and hyphens. A bare name
is rewritten with these, ``STRIPE_SECRET_KEY`` to ``stripe-secret-key``; the whole table is in `_azure.names`.

Wire calls: ``GET {vault_url}/secrets/{name}/{version}``; for the version before the current one also
``GET {vault_url}/secrets/{name}/versions``. Permission: the role *Key Vault Secrets User*, which has both, or in an
access policy ``secrets/get``, and ``secrets/list`` for the second call. To write, ``PUT {vault_url}/secrets/{name}``:
the role *Key Vault Secrets Officer*, or ``secrets/set``.
https://learn.microsoft.com/rest/api/keyvault/secrets/get-secret/get-secret
"""

from __future__ import annotations

import logging
import os
import re
import time
from functools import partial
from threading import RLock
from typing import TYPE_CHECKING, Any

from secretsource._traceless import traceless
from secretsource.exceptions import ConfigurationError
from secretsource.providers._azure.client import VaultClient
from secretsource.providers._azure.conversation import BEFORE, CURRENT, OR, PREVIOUS, conversation, home, reference
from secretsource.providers._azure.names import WAYS, is_secret_name, places_of
from secretsource.providers._azure.opened import VaultSettings
from secretsource.providers._azure.validity import rule
from secretsource.providers._meaning import told_with_place
from secretsource.providers.base import (
    AsyncProvider,
    Failed,
    FailureCode,
    Found,
    IdentifiedProvider,
    NotFound,
    Occupied,
    SecretRef,
    Stored,
    WritableProvider,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    from secretsource.providers._azure.aclient import AsyncVaultClient
    from secretsource.providers._azure.names import Names
    from secretsource.providers._azure.question import Conversation, Held
    from secretsource.providers._azure.validity import OnExpired
    from secretsource.providers.base import Identity, Outcome, Written

__all__ = ["AzureProvider"]

log = logging.getLogger(__name__)

_HOST = re.compile(r"https://[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:[0-9]{1,5})?")
_PREFIX = re.compile(r"[0-9A-Za-z-]*")
_OURS = frozenset(
    {
        "api_version",
        "authority",
        "connection_timeout",
        "connection_verify",
        "credential",
        "managed_identity_client_id",
        "raw_request_hook",
        "raw_response_hook",
        "read_timeout",
        "retry_policy",
        "transport",
        "vault_url",
        "verify_challenge_resource",
    }
)
"""Options of azure's clients that have their own setting here, or must not be set."""


class AzureProvider(AsyncProvider, WritableProvider, IdentifiedProvider):
    """Secrets of one Azure Key Vault.

    Args:
        vault_url: The vault, such as ``https://my-vault.vault.azure.net``, with or without ``https://``; None for
            ``AZURE_KEY_VAULT_URL``.
        prefix: Put before a bare name, such as ``prod-``; explicit references are taken as they are.
        document: The secret that holds every bare name as a field of a JSON document.
        names: The way to write a bare name in the vault. "escaped" keeps two different names apart. "plain" writes
            small letters and ``-`` for ``_``, as people do: ``db_password`` is ``db-password``. "either" asks for the
            escaped name, and if it is not there, for the plain name.
        on_expired: The fate of a secret past its ``exp`` or before its ``nbf``, which Key Vault still returns: "warn"
            serves it with a log record, "refuse" fails, "ignore" serves it.
        managed_identity_client_id: The user-assigned identity to use; None for ``AZURE_CLIENT_ID``, then the
            machine's own.
        authority: The host that issues tokens, such as ``login.microsoftonline.us``; None for ``AZURE_AUTHORITY_HOST``,
            then the public cloud.
        trust_address: Whether credentials found on this machine may go to ``vault_url`` and ``authority`` if
            ``AZURE_KEY_VAULT_URL`` and ``AZURE_AUTHORITY_HOST`` name others; a file must say so, code need not.
        api_version: Version of the REST API; None for the newest that azure's client knows.
        verify_challenge_resource: False to send a token to a vault that asks for another domain than its own, such as
            one behind a proxy with a name of yours.
        ca_cert: File with the authorities to trust, for vault and tokens; None for those of certifi.
        connection_timeout: Seconds to connect to one address, at most.
        read_timeout: Seconds that one answer may take, from its first byte to its last, at most.
        attempts: Attempts in all, 1 or more, by azure-core's retry policy; Retry-After is obeyed if the fetch's timeout
            allows it.
        client_options: Further options of ``SecretClient``, such as ``proxies`` and ``retry_backoff_factor``.
        credential_options: Further options of ``DefaultAzureCredential``, such as ``exclude_cli_credential``.
        credential: A ready-made credential, of `azure.identity` for both kinds of calls, or of `azure.identity.aio`
            for asynchronous ones only; it is never closed here.

    Raises:
        ConfigurationError: A setting that cannot work.
    """

    scheme = "azure"
    credentials = frozenset(
        {
            "AZURE_CLIENT_SECRET",
            "AZURE_CLIENT_CERTIFICATE_PATH",
            "AZURE_CLIENT_CERTIFICATE_PASSWORD",
            "AZURE_FEDERATED_TOKEN_FILE",
            "AZURE_PASSWORD",
            "IDENTITY_HEADER",
            "MSI_SECRET",
        }
    )
    url_setting = "vault_url"
    options = frozenset({BEFORE, OR})

    @traceless
    def __init__(
        self,
        *,
        name: str | None = None,
        vault_url: str | None = None,
        prefix: str = "",
        document: str | None = None,
        names: Literal["either", "escaped", "plain"] = "either",
        on_expired: Literal["warn", "refuse", "ignore"] = "warn",
        managed_identity_client_id: str | None = None,
        authority: str | None = None,
        trust_address: bool = True,
        api_version: str | None = None,
        verify_challenge_resource: bool = True,
        ca_cert: str | None = None,
        connection_timeout: float = 1.0,
        read_timeout: float = 2.0,
        attempts: int = 2,
        client_options: Mapping[str, Any] | None = None,
        credential_options: Mapping[str, Any] | None = None,
        credential: Any = None,
    ) -> None:
        super().__init__(name=name)
        if not (attempts >= 1 and connection_timeout > 0 and read_timeout > 0):
            raise self._wrong("attempts must be 1 or more, and connection_timeout and read_timeout more than 0")
        if on_expired not in {"warn", "refuse", "ignore"}:
            raise self._wrong("on_expired must be 'warn', 'refuse' or 'ignore'")
        if names not in WAYS:
            raise self._wrong("names must be 'either', 'escaped' or 'plain'")
        if _PREFIX.fullmatch(prefix) is None or (document is not None and not is_secret_name(document)):
            raise self._wrong("prefix and document must be of letters, digits and hyphens, which Key Vault allows")
        if authority is not None and not _is_host(_url_of(authority)):
            raise self._wrong("authority must be a host, such as 'login.microsoftonline.us'")
        if credential is not None and not hasattr(credential, "get_token"):
            raise self._wrong("credential must have get_token, as those of azure.identity have")
        self._prefix = prefix
        self._document = document
        self._names: Names = names
        self._on_expired: OnExpired = on_expired
        client = {"api_version": api_version, "verify_challenge_resource": verify_challenge_resource}
        tokens = {"managed_identity_client_id": managed_identity_client_id, "authority": authority}
        settings = VaultSettings(
            self._vault_url(vault_url),
            credential,
            ca_cert,
            connection_timeout,
            read_timeout,
            attempts,
            {**_given(client), **self._further("client_options", client_options)},
            {**_given(tokens), **self._further("credential_options", credential_options)},
            trust_address,
        )
        self._settings = settings
        self._client = VaultClient(settings)
        self._forget_async_client()

    @property
    def site(self) -> str:
        """The vault."""
        return self._settings.vault_url

    def locate(self, name: str) -> SecretRef | NotFound:
        """Return a field of the document if it is set, else the prefix and the name as ``names`` writes it."""
        if self._document is not None:
            return SecretRef(self.name, self._document, field=name)
        names = places_of(name, self._prefix, self._names)
        if not names:
            return NotFound("Key Vault allows no such name, or not at this length")
        return reference(self.name, names)

    def previous(self, ref: SecretRef, current: Found) -> SecretRef | None:
        """Return the newest enabled version before ``current``; finding it needs the permission to list versions."""
        if ref.version is not None or ref.stage not in {None, CURRENT} or current.version is None:
            return None
        location = ref.location if current.place is None else current.place.location
        return ref._replace(location=location, stage=PREVIOUS, options=((BEFORE, current.version),))

    def fetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        """Ask for one version of a secret: the current one, the one named, or the one before the current one."""
        return self._told(self._client.carry(self._conversation(ref), time.monotonic() + timeout))

    async def afetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        """Do the same as ``fetch``, with azure's asynchronous client."""
        deadline = time.monotonic() + timeout
        client = self._async_client or self._make_async_client()
        return self._told(await client.carry(self._conversation(ref), deadline))

    def store(self, ref: SecretRef, value: str | bytes, *, overwrite: bool = False, timeout: float) -> Written:
        """Set the secret; Key Vault has no call that only creates, so an existing one is looked for first.

        Of two places, the one that has the secret is written to, so that a write makes no second copy.
        """
        refusal, deadline = self.refusal(ref), time.monotonic() + timeout
        if refusal is not None:
            return refusal
        if isinstance(value, bytes) or not is_secret_name(ref.location):
            reason = "Key Vault holds text only, under a name of letters, digits and hyphens"
            return Failed(FailureCode.MALFORMED, reason, "encode the value as base64, or choose another name")
        there = NotFound() if overwrite else self.fetch(ref, timeout=timeout)
        if not isinstance(there, NotFound):
            return Occupied() if isinstance(there, Found) else there
        location = self._client.carry(home(ref), deadline) if overwrite else ref.location
        if isinstance(location, Failed):
            return told_with_place(location, self._host)
        version = self._client.write(location, value, deadline)
        if isinstance(version, NotFound):
            version = Failed(FailureCode.MISCONFIGURED, "there is no such vault", "check vault_url")
        if isinstance(version, Failed):
            return told_with_place(version, self._host)
        return Stored(version, None if ref.option(OR) is None else SecretRef(self.name, location))

    def identify(self, *, timeout: float) -> Identity | Failed:
        """Return the claims of the access token, which are not verified, and the time of the service that issued it."""
        who = self._client.who(time.monotonic() + timeout)
        if isinstance(who, NotFound):
            who = Failed(FailureCode.MISCONFIGURED, "no service issues tokens for it", "check authority")
        return told_with_place(who, self._host) if isinstance(who, Failed) else who

    def close(self) -> None:
        """Close the blocking client's connections; a credential that you passed in stays open."""
        self._client.close()

    async def aclose(self) -> None:
        """Close the connections of the running loop's client."""
        if self._async_client is not None:
            await self._async_client.aclose()

    def reset(self) -> None:
        """Forget every client without using it; a credential that you passed in is kept."""
        self._client.reset()
        self._forget_async_client()

    @property
    def _host(self) -> str:
        return self._settings.vault_url.removeprefix("https://")

    def _told(self, outcome: Outcome) -> Outcome:
        """Return an outcome, with the vault in its reason."""
        return outcome if isinstance(outcome, Found) else told_with_place(outcome, self._host)

    def _forget_async_client(self) -> None:
        self._making = RLock()
        self._async_client: AsyncVaultClient | None = None

    def _make_async_client(self) -> AsyncVaultClient:
        """Make the asynchronous clients, on first use: they load asyncio, which threads do not need."""
        from secretsource.providers._azure.aclient import AsyncVaultClient

        with self._making:
            self._async_client = self._async_client or AsyncVaultClient(self._settings)
            return self._async_client

    def _conversation(self, ref: SecretRef) -> Conversation:
        """Decide the questions for a reference, and the meaning of their answers."""
        return conversation(ref, self._host, partial(self._ruled, ref))

    def _ruled(self, ref: SecretRef, answer: Held) -> Outcome:
        """Return a version that was found, if its dates allow it."""
        ruling = rule(self._on_expired, answer.validity, time.time())
        if ruling.refused and ref.stage == PREVIOUS:
            return NotFound(f"the version before the current one is not valid: {ruling.flaw}")
        if ruling.refused:
            return Failed(
                FailureCode.DISABLED,
                f"the secret is not valid: {ruling.flaw}, and on_expired is 'refuse'",
                "store a new version, or change its dates",
            )
        if ruling.flaw is not None:
            log.warning(
                "secret %r of provider %r (version %s) is not valid: %s; store a new version, or change its dates",
                (answer.found.place or ref).location,
                self.name,
                answer.found.version,
                ruling.flaw,
            )
        answer.found.expires_at, answer.found.rotates_at = ruling.expires_at, ruling.rotates_at
        return answer.found

    def _vault_url(self, given: str | None) -> str:
        text = given or os.environ.get("AZURE_KEY_VAULT_URL", "")
        url = _url_of(text)
        if not text:
            raise self._wrong("set vault_url, or AZURE_KEY_VAULT_URL, such as 'https://my-vault.vault.azure.net'")
        if not _is_host(url):
            raise self._wrong("vault_url must be of the form 'https://my-vault.vault.azure.net'")
        return url

    def _further(self, setting: str, given: Mapping[str, Any] | None) -> Mapping[str, Any]:
        """Return the options for azure's own classes, without those that would break the driver's promises."""
        for option in given or {}:
            if option == "logging_enable":
                raise self._wrong(f"{setting} must not have logging_enable, which logs tokens and secrets")
            if option in _OURS:
                raise self._wrong(f"{setting} must not have {option}: set it on the provider, if it is a setting there")
        return given or {}

    def _wrong(self, sentence: str) -> ConfigurationError:
        return ConfigurationError(f"provider {self.name!r}: {sentence}")


def _given(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if value is not None}


def _url_of(host: str) -> str:
    return (host if "://" in host else f"https://{host}").rstrip("/")


def _is_host(url: str) -> bool:
    """Return whether it is the URL of a host, with a valid port or without a port."""
    host = _HOST.fullmatch(url)
    return host is not None and 0 < int((host[2] or ":443")[1:]) < 65536
