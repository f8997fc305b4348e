"""HashiCorp Vault and OpenBao: ``vault://secret/payments/stripe#secret_key?version=3``, ``vault://database/creds/app``.

A location is the path as in the ``vault`` command: it starts with the mount, and has no ``data/``. It reads KV of
version 1 and 2, and every engine that returns secrets for a GET (databases, cloud credentials, …), with or without a
lease.

Wire calls: ``GET /v1/{mount}/data/{path}`` (KV 2) or ``GET /v1/{path}`` (all others); once per mount ``GET
/v1/sys/internal/ui/mounts/{path}``, which needs no policy. For a lease: ``PUT /v1/sys/leases/renew`` or ``…/lookup`` at
the next look-up, and ``…/revoke`` at the end. For the token: login, renewal and look-up of itself.
https://developer.hashicorp.com/vault/api-docs

Permissions; the default policy allows the rest:

    path "secret/data/payments/*" { capabilities = ["read"] }      # KV 2; without data/ for KV 1
    path "database/creds/app"     { capabilities = ["read"] }
    path "sys/leases/revoke"      { capabilities = ["update"] }    # to end dynamic secrets when the program ends

To write (``POST`` to the same path), also "create" and "update" on it.
"""

from __future__ import annotations

import logging
import os
import re
from threading import RLock
from time import monotonic
from typing import TYPE_CHECKING, Literal, TypeVar

from secretsource._traceless import traceless
from secretsource.exceptions import ConfigurationError
from secretsource.providers._vault.auth import Auth
from secretsource.providers._vault.certificates import Certificates
from secretsource.providers._vault.client import VaultConnection
from secretsource.providers._vault.engines import VaultEngines
from secretsource.providers._vault.leases import LeaseBook
from secretsource.providers._vault.mounts import Mount, is_plain_path, starts_with_host
from secretsource.providers._vault.settings import Settings
from secretsource.providers._vault.surroundings import CREDENTIALS
from secretsource.providers._vault.token import Token, TokenSource
from secretsource.providers.base import (
    BatchProvider,
    Failed,
    FailureCode,
    Found,
    IdentifiedProvider,
    LeasingProvider,
    NotFound,
    SecretRef,
    WritableProvider,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import ThreadPoolExecutor

    from secretsource.providers.base import Identity, Outcome, Written

    Unfound = TypeVar("Unfound")

__all__ = ["VaultProvider"]

AT_ONCE = 16
"""Most calls of batches that run at once."""

CLOSING_SECONDS = 5.0
"""Longest time that closing may spend on revoking leases."""

_VERSION = re.compile(r"[1-9][0-9]{0,17}")

NO_STAGES = Failed(
    FailureCode.MISCONFIGURED, "Vault puts no labels on versions", "name the version by its number: ?version=3"
)

A_HOST = Failed(
    FailureCode.MISCONFIGURED,
    "the reference names a host and a port, where the mount belongs",
    "write vault://MOUNT/PATH, and set the host as address, or as VAULT_ADDR",
)


class VaultProvider(BatchProvider, WritableProvider, LeasingProvider, IdentifiedProvider):
    """Secrets of HashiCorp Vault or OpenBao.

    Args:
        address: Base URL, such as ``https://vault.internal:8200``, or ``unix://`` and the path of an agent's socket;
            None for ``VAULT_ADDR``.
        mount: The mount of the KV engine that holds bare names; it may have slashes.
        prefix: Put before a bare name, such as ``prod/``; explicit references are taken as they are.
        document: The path, below the mount, of one secret that holds every bare name as a field.
        default_field: The value's field in a secret under ``mount``, if a reference names no field; "" for the whole
            secret as JSON, as for a reference to another mount.
        kv_version: 1 or 2, the version of the KV engine at ``mount``; None to ask Vault once.
        namespace: Namespace of Vault Enterprise or OpenBao; None for ``VAULT_NAMESPACE``. A reference chooses another
            by its option ``namespace``.
        auth: The way to log in: ``method`` (token, approle, kubernetes, jwt, oidc, userpass, cert, aws, or agent if an
            agent adds the token) and its words; None for ``VAULT_TOKEN``, then ``~/.vault-token``.
        verify: False to accept any TLS certificate.
        ca_cert: File or directory of authorities to trust; None for ``VAULT_CACERT``, ``VAULT_CAPATH``, then those
            of requests.
        client_cert: File with a TLS certificate of ours; None for ``VAULT_CLIENT_CERT``.
        client_key: File with its key; None for ``VAULT_CLIENT_KEY``.
        proxy: URL of a proxy; None for ``VAULT_PROXY_ADDR``, then ``HTTPS_PROXY`` and its like.
        connect_timeout: Seconds to connect to one address.
        trust_address: Whether credentials found on this machine, such as ``VAULT_TOKEN``, may go to ``address`` if it
            is plain HTTP beyond loopback, or differs from ``VAULT_ADDR``. A configuration file must say so.

    Raises:
        ConfigurationError: A setting that cannot work.
    """

    scheme = "vault"
    url_setting = "mount"
    options = frozenset({"namespace"})
    credentials = CREDENTIALS

    @traceless
    def __init__(
        self,
        *,
        name: str | None = None,
        address: str | None = None,
        mount: str = "secret",
        prefix: str = "",
        document: str | None = None,
        default_field: str = "value",
        kv_version: Literal[1, 2] | None = None,
        namespace: str | None = None,
        auth: Mapping[str, str] | None = None,
        verify: bool = True,
        ca_cert: str | None = None,
        client_cert: str | None = None,
        client_key: str | None = None,
        proxy: str | None = None,
        connect_timeout: float = 1.0,
        trust_address: bool = True,
    ) -> None:
        super().__init__(name=name)
        self._mount = mount.strip("/")
        mistake = Settings(address, self._mount, prefix, document, kv_version, namespace, connect_timeout).mistake
        if mistake:
            raise ConfigurationError(f"provider {self.name!r}: {mistake}")
        self._prefix = prefix
        self._document = document
        self._document_location = f"{self._mount}/{(document or '').strip('/')}"
        self._default_field = default_field or None
        self._connection = VaultConnection(
            address=address,
            namespace=namespace,
            certificates=Certificates(verify, ca_cert, client_cert, client_key),
            proxy=proxy,
            connect_timeout=connect_timeout,
            trusted=trust_address,
        )
        self._tokens = TokenSource(self._connection, Auth(self.name, auth))
        self._leases = LeaseBook()
        self._starting = RLock()
        self._threads: ThreadPoolExecutor | None = None
        fixed = None if kv_version is None else Mount(self._mount, versioned=kv_version == 2)
        self._engines = VaultEngines(self._connection, self._leases, fixed)
        self._process = os.getpid()

    @property
    def site(self) -> str:
        """The server, and the mount of bare names."""
        return f"{self._connection.shown or 'no address'}, mount {self._mount}"

    def locate(self, name: str) -> SecretRef | NotFound:
        """Return a field of the document if it is set, else the default field of the secret called prefix and name."""
        if self._document is not None:
            return SecretRef(self.name, self._document_location, field=name)
        location = f"{self._mount}/{self._prefix}{name}"
        if not is_plain_path(location):
            return NotFound("Vault has no such path")
        return SecretRef(self.name, location, field=self._default_field)

    def complete(self, ref: SecretRef) -> SecretRef:
        """Choose the default field under the mount of bare names; elsewhere the whole secret."""
        location = ref.location.strip("/")
        if ref.field is None and location.startswith(f"{self._mount}/"):
            return ref._replace(location=location, field=self._default_field)
        return ref._replace(location=location)

    def previous(self, ref: SecretRef, current: Found) -> SecretRef | None:
        """Return the version whose number is one less."""
        number = current.version or ""
        if not number.isdecimal() or int(number) < 2:
            return None
        return ref._replace(version=str(int(number) - 1))

    def fetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        """Ask for one secret; log in, and renew the token or the lease, if it is due."""
        deadline = monotonic() + timeout
        if ref.stage is not None:
            return NO_STAGES
        if starts_with_host(ref.location):
            return A_HOST
        if not is_plain_path(ref.location):
            return NotFound("Vault has no such path")
        if ref.version is not None and _VERSION.fullmatch(ref.version) is None:
            return NotFound("a version of Vault is a number from 1")
        token = self._tokens.current(deadline)
        if isinstance(token, Failed):
            return self._placed(token, ref)
        outcome = self._engines.read(ref.document, token, deadline)
        if isinstance(outcome, Failed) and outcome.code in {FailureCode.DENIED, FailureCode.UNAUTHENTICATED}:
            outcome, token = self._ask_again(ref.document, token, outcome, deadline)
        if isinstance(outcome, Found):
            return self._completed(outcome, ref, token)
        return self._placed(outcome, ref)

    def fetch_many(self, refs: Sequence[SecretRef], *, timeout: float) -> Mapping[SecretRef, Outcome]:
        """Ask for each in its own call, several at once: Vault has no call for more than one."""
        if len(refs) < 2:
            return {ref: self.fetch(ref, timeout=timeout) for ref in refs}
        deadline = monotonic() + timeout

        def ask(ref: SecretRef) -> Outcome:
            return self.fetch(ref, timeout=deadline - monotonic())

        threads = self._threads or self._start_threads()
        try:
            return dict(zip(refs, threads.map(ask, refs), strict=True))
        except RuntimeError:  # no thread can be started, or Python ends
            return {ref: ask(ref) for ref in refs}

    def store(self, ref: SecretRef, value: str | bytes, *, overwrite: bool = False, timeout: float) -> Written:
        """Write one field of a KV secret beside its other fields: read, change, and write over the version read."""
        refusal, deadline = self.refusal(ref.document), monotonic() + timeout
        if refusal is not None:
            return refusal
        if isinstance(value, bytes):
            return Failed(FailureCode.MALFORMED, "a field of Vault holds text, and the value is bytes", "encode it")
        if ref.field is None or not is_plain_path(ref.location):
            return Failed(FailureCode.MISCONFIGURED, "the reference names no field to write", "name it: #field")
        token = self._tokens.current(deadline)
        if isinstance(token, Failed):
            return self._placed(token, ref)
        return self._placed(self._engines.write(ref, value, overwrite=overwrite, token=token, deadline=deadline), ref)

    def discard(self, ref: SecretRef) -> None:
        """Drop the lease of a dynamic secret, which is revoked once there is a new one."""
        self._leases.discard(ref.document, monotonic())

    def renew(self, *, timeout: float) -> float | None:
        """Renew the token and every lease that is due."""
        now = monotonic()
        leases, deadline = self._leases.standing(now), now + timeout
        if not leases:
            return None
        token = self._tokens.current(deadline)
        wait = self._engines.renew(leases, deadline)
        if wait is None or isinstance(token, Failed):
            return wait
        return max(1.0, min(wait, token.due_at - monotonic()))

    def leave(self) -> None:
        """Do the same as `close`, but let valid leases, and the token that they end with, live on."""
        if self._leases.standing(monotonic()):
            self._leases.clear(monotonic())
            self._tokens.forget()
        self.close()

    def identify(self, *, timeout: float) -> Identity | Failed:
        """Ask ``GET auth/token/lookup-self``, which the default policy allows."""
        return self._tokens.identity(monotonic() + timeout)

    def close(self) -> None:
        """Revoke the leases, and the token if a login of ours made it; then end threads and close connections."""
        token, now = self._tokens.held, monotonic()
        if self._process != os.getpid():
            self.reset()
        elif token is not None:
            lost = self._engines.revoke(self._leases.clear(now), token, now + CLOSING_SECONDS)
            self._tokens.revoke(now + CLOSING_SECONDS)
            if lost and self._tokens.is_given:
                logging.getLogger("secretsource").warning(
                    "provider %r could not revoke %d of its leases; they run out by themselves", self.name, lost
                )
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=False, cancel_futures=True)
        self._connection.close()

    def reset(self) -> None:
        """Forget the connections; in a child process also the token and the leases, which belong to the parent."""
        self._connection.reset()
        self._starting, self._threads = RLock(), None
        if self._process == os.getpid():
            self._tokens.renew_locks()
            return
        self._process = os.getpid()
        self._tokens.forget()
        self._leases = LeaseBook()
        self._engines.adopt(self._leases)

    def _start_threads(self) -> ThreadPoolExecutor:
        """Return the threads of batches, which are kept: starting them takes as long as a call nearby."""
        from concurrent.futures import ThreadPoolExecutor

        with self._starting:
            self._threads = self._threads or ThreadPoolExecutor(AT_ONCE, "secretsource-vault")
            return self._threads

    def _ask_again(self, ref: SecretRef, token: Token, refusal: Failed, deadline: float) -> tuple[Outcome, Token]:
        """Handle a 403, which means a bad token or a missing policy: replace a bad token, and repeat the call once."""
        accepted = self._tokens.is_accepted(token, deadline)
        if isinstance(accepted, Failed):
            return accepted, token
        if accepted:
            return refusal, token
        other = self._tokens.after_refusal(token, deadline)
        if isinstance(other, Failed):
            return other, token
        return self._engines.read(ref, other, deadline), other

    def _completed(self, found: Found, ref: SecretRef, token: Token) -> Found:
        """Return a found value, with the field of a bare name, and with an age at which the token can be renewed.

        A token that you passed in, and that ends, is renewed only while the resolver asks.
        """
        if ref.location.startswith(f"{self._mount}/") and ref.location != self._document_location:
            found.default_field = self._default_field
        if self._tokens.is_given and token.renewable:
            left = token.left(monotonic())
            found.max_age = left if found.max_age is None else min(found.max_age, left)
        return found

    def _placed(self, outcome: Unfound, ref: SecretRef) -> Unfound:
        """Return an outcome that is not the secret, with the server and the mount asked."""
        server = self._connection.shown
        if not server or not isinstance(outcome, (NotFound, Failed)):
            return outcome
        place = f"mount {self._engines.mount_of(ref)!r}"
        if not (outcome.reason or "").startswith(server):
            place = f"at {server}, {place}"
        if isinstance(outcome, NotFound):
            return outcome._replace(reason=f"{outcome.reason} ({place})" if outcome.reason else place)
        return outcome._replace(reason=f"{outcome.reason or outcome.code.value} ({place})")
