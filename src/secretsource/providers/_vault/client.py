"""The connection to one Vault: explicit settings, calls bounded in time, and answers as outcomes.

hvac reads ``VAULT_CACERT`` and its like at import, and ignores later changes; requests looks for proxies, certificates
and ``.netrc`` at each call. Here the settings and the environment are read once, on first use, and passed to both
explicitly.

All threads share one `VaultSession`. Each call has its own hvac adapter (an object with seven attributes), so its
token, namespace and bounds belong to that call alone.
"""

from __future__ import annotations

import json
from threading import RLock
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from secretsource._ground.imports import load
from secretsource.providers._vault.address import Address
from secretsource.providers._vault.errors import BAD_ADDRESS, TIMED_OUT, explain_error, malformed
from secretsource.providers._vault.surroundings import environment
from secretsource.providers._wire.bounded_http import bounded
from secretsource.providers._wire.origins import distrusted, kept_back
from secretsource.providers._wire.proxies import environment_proxies
from secretsource.providers.base import Failed, FailureCode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from requests import Response

    from secretsource.providers._vault.certificates import Certificates
    from secretsource.providers._vault.session import VaultSession

    Question: TypeAlias = Callable[[Any], Response]
    """A call on an hvac adapter, in the form of hvac's API methods."""

__all__ = ["Answer", "VaultConnection", "seconds_of"]

BEHIND = 412
"""The status of a standby of Vault Enterprise that has not yet received the last write."""

PAUSES = (0.05, 0.15, 0.45)
"""Seconds before a standby is asked again, as Vault requires of its clients."""

NO_ADDRESS = Failed(FailureCode.MISCONFIGURED, "no address of Vault is set", "set address, or VAULT_ADDR")


class Answer:
    """An answer of Vault; masked, because it may hold the secret or a token.

    Attributes:
        status: The HTTP status.
        body: The JSON object, or None where the body is empty or an error page.
        wait: The header ``Retry-After``, or "".
        took: Seconds from the question to the answer.
        date: The header ``Date``, or None.
    """

    __slots__ = ("body", "date", "status", "took", "wait")

    def __init__(
        self, status: int, body: Mapping[str, Any] | None, wait: str, took: float, date: str | None = None
    ) -> None:
        self.status = status
        self.body = body
        self.wait = wait
        self.took = took
        self.date = date

    def __repr__(self) -> str:
        return f"Answer({self.status}, <masked>)"

    @property
    def ok(self) -> bool:
        """Whether the call succeeded."""
        return 200 <= self.status < 300

    def part(self, key: str) -> Mapping[str, Any]:
        """Return an object inside the body, such as ``data`` or ``auth``; empty if it is missing."""
        part = None if self.body is None else self.body.get(key)
        return part if isinstance(part, dict) else {}


def seconds_of(told: object) -> float:
    """Return a length of time in an answer; 0 if it is missing or malformed."""
    return float(told) if isinstance(told, (int, float)) and told > 0 else 0.0


class VaultConnection:
    """The address of Vault, and the way to reach it.

    Args:
        address: Base URL, or ``unix://`` and the path of a socket; None for ``VAULT_ADDR``.
        namespace: The namespace of calls without their own; None for ``VAULT_NAMESPACE``.
        certificates: The files of TLS.
        proxy: URL of a proxy; None for ``VAULT_PROXY_ADDR``, then ``HTTPS_PROXY`` and its like.
        connect_timeout: Seconds to connect to one address.
        trusted: False if a file names ``address``, which then may not receive all credentials of the environment.
    """

    def __init__(
        self,
        *,
        address: str | None,
        namespace: str | None,
        certificates: Certificates,
        proxy: str | None,
        connect_timeout: float,
        trusted: bool,
    ) -> None:
        self._address = address
        self._namespace = namespace
        self._certificates = certificates
        self._proxy = proxy
        self._connect_timeout = connect_timeout
        self._trusted = trusted
        self.reset()

    def reset(self) -> None:
        """Forget the session without using it, as after a fork."""
        self._lock = RLock()
        self._session: VaultSession | None = None
        self._fixed: dict[str, Any] = {}

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        with self._lock:
            session, self._session = self._session, None
        if session is not None:
            session.close()

    @property
    def has_certificate(self) -> bool:
        """Whether we have a certificate of our own."""
        return self._certificates.own is not None

    @property
    def shown(self) -> str:
        """The host and its port, or the socket, for messages; "" while no address is set."""
        address = Address.of(self._named or "")
        return "" if address is None else address.shown

    def distrust(self) -> Failed | None:
        """Return why credentials found on this machine are not sent to this address; None if they are."""
        if self._trusted or self._address is None or self._address.startswith("unix:"):
            return None
        reason = distrusted(self._address, environment("ADDR"), "VAULT_ADDR")
        return kept_back(reason, "give the credentials in auth")

    def ask(self, question: Question, *, token: str | None, namespace: str | None, deadline: float) -> Answer | Failed:
        """Make one call, and repeat it if the server is behind; an exception of requests or hvac becomes an outcome.

        Every exception becomes an outcome: the traceback of a raised one would hold frames whose locals hold the token
        and the answer.

        Args:
            question: The call, on an hvac adapter.
            token: The token to send, or None for calls that need no token.
            namespace: The namespace to ask in, or None for the one that is set.
            deadline: Monotonic seconds at which the call must end.
        """
        asked = monotonic()
        if deadline <= asked:
            return TIMED_OUT
        try:
            session = self._session or self._open(deadline)
            if isinstance(session, Failed):
                return session
            adapter = self._adapter(session, token, namespace)
            with bounded(deadline, connecting=self._connect_timeout):
                response = question(adapter)
                for pause in PAUSES:
                    if response.status_code != BEHIND or monotonic() + pause >= deadline:
                        break
                    sleep(pause)
                    response = question(adapter)
            session.send_along(response)
            return _read(response, monotonic() - asked)
        except Exception as error:
            return explain_error(error, self._named or "")

    @property
    def _named(self) -> str | None:
        """The address as it is set, here or in the environment."""
        return self._address or environment("ADDR")

    def _adapter(self, session: VaultSession, token: str | None, namespace: str | None) -> Any:
        from hvac.adapters import RawAdapter

        in_bounds: Any = None  # the call has its own, and needs no timeout of requests
        return RawAdapter(
            token=token,
            namespace=namespace or self._namespace or environment("NAMESPACE"),
            timeout=in_bounds,
            session=session,
            ignore_exceptions=True,  # hvac's exceptions carry the answer, and have no class for 412, 472 and 473
            **self._fixed,
        )

    def _open(self, deadline: float) -> VaultSession | Failed:
        """Return the session, made on first use."""
        try:
            load("hvac", "secretsource.providers._vault.session", until=deadline)
        except TimeoutError:
            return TIMED_OUT
        with self._lock:
            if self._session is None:
                named = self._named
                address = None if named is None else Address.of(named)
                if address is None:
                    return NO_ADDRESS if named is None else BAD_ADDRESS
                mistake = self._certificates.mistake
                if mistake is not None:
                    return mistake
                self._session = self._session_for(address)
            return self._session

    def _session_for(self, address: Address) -> VaultSession:
        from secretsource.providers._vault.session import VaultSession

        session = VaultSession(address.socket_path)
        session.verify = self._certificates.authorities
        session.cert = self._certificates.own
        if address.socket_path is None:
            session.proxies.update(self._proxies(address.url))
        # The adapter goes by the session, except where the session says False.
        self._fixed = {"base_uri": address.url, "verify": session.verify}
        return session

    def _proxies(self, address: str) -> dict[str, str]:
        proxy = self._proxy or environment("PROXY_ADDR") or environment("HTTP_PROXY")
        if proxy:
            return {"http": proxy, "https": proxy}
        return environment_proxies(address)


def _read(response: Response, took: float) -> Answer | Failed:
    wait, date = response.headers.get("Retry-After", ""), response.headers.get("Date")
    if not response.content:
        return Answer(response.status_code, None, wait, took, date)
    body = None
    try:
        body = json.loads(response.content)  # requests would guess another encoding where it is not UTF-8
    except ValueError:
        if response.ok:
            return malformed("the answer is not JSON")
    return Answer(response.status_code, body if isinstance(body, dict) else None, wait, took, date)
