"""The connection to one Vault: what is set is meant, what is asked is bounded in time, what is answered is an outcome.

hvac reads ``VAULT_CACERT`` and its like when it is imported, and later changes are lost on it; requests looks for
proxies, certificates and ``.netrc`` at each call. Here the settings and the environment are read once, when the
connection is first used, and handed to both explicitly.

One `requests.Session` is shared by all threads. Each call has an hvac adapter of its own (an object with seven
attributes), so token, namespace and timeout are that call's alone.
"""

from __future__ import annotations

import os
from threading import Lock
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from secretsource.providers._vault.errors import BAD_ADDRESS, TIMED_OUT, explain_error, malformed
from secretsource.providers._vault.settings import is_address
from secretsource.providers.base import Failed, FailureCode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from requests import Response, Session

    Question: TypeAlias = Callable[[Any], Response]
    """A call on an hvac adapter; how hvac writes each of its API methods."""

__all__ = ["Answer", "VaultConnection", "environment", "seconds_of"]

INDEX = "X-Vault-Index"

BEHIND = 412
"""The status with which a standby of Vault Enterprise says that the last write has not reached it yet."""

PAUSES = (0.05, 0.15, 0.45)
"""Seconds before a server that is behind is asked again, which is what Vault wants of its clients."""

NO_ADDRESS = Failed(FailureCode.MISCONFIGURED, "no address of Vault is set", "set address, or VAULT_ADDR")


class Answer:
    """What Vault answered; masked, because it may hold the secret or a token.

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
        """An object inside the body, such as ``data`` or ``auth``; empty where there is none."""
        part = None if self.body is None else self.body.get(key)
        return part if isinstance(part, dict) else {}


def seconds_of(told: object) -> float:
    """A length of time in an answer; 0 where it is none."""
    return float(told) if isinstance(told, (int, float)) and told > 0 else 0.0


def environment(word: str) -> str | None:
    """A variable of Vault's (``VAULT_ADDR``), or of OpenBao's (``BAO_ADDR``), that is not empty."""
    return os.environ.get(f"VAULT_{word}") or os.environ.get(f"BAO_{word}") or None


class VaultConnection:
    """Where Vault is and how it is reached.

    Args:
        address: Base URL; None for ``VAULT_ADDR``.
        namespace: Of calls that name none; None for ``VAULT_NAMESPACE``.
        verify: False to accept any certificate.
        ca_cert: File or directory of the authorities to trust; None for ``VAULT_CACERT``, ``VAULT_CAPATH``,
            ``REQUESTS_CA_BUNDLE``, then the ones that requests brings.
        client_cert: Certificate file of ours; None for ``VAULT_CLIENT_CERT``.
        client_key: Its key file; None for ``VAULT_CLIENT_KEY``.
        proxy: URL of a proxy; None for ``VAULT_PROXY_ADDR``, then ``HTTPS_PROXY`` and its like.
        connect_timeout: Seconds to connect to one address.
    """

    def __init__(
        self,
        *,
        address: str | None,
        namespace: str | None,
        verify: bool,
        ca_cert: str | None,
        client_cert: str | None,
        client_key: str | None,
        proxy: str | None,
        connect_timeout: float,
    ) -> None:
        self._address = address
        self._namespace = namespace
        self._verify = verify
        self._ca_cert = ca_cert
        self._client_cert = client_cert
        self._client_key = client_key
        self._proxy = proxy
        self._connect_timeout = connect_timeout
        self.reset()

    def reset(self) -> None:
        """Forget the session without using it, as after a fork."""
        self._lock = Lock()
        self._session: Session | None = None
        self._fixed: dict[str, Any] = {}

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        with self._lock:
            session, self._session = self._session, None
        if session is not None:
            session.close()

    @property
    def has_certificate(self) -> bool:
        """Whether we can show a certificate of our own."""
        return (self._client_cert or environment("CLIENT_CERT")) is not None

    def ask(self, question: Question, *, token: str | None, namespace: str | None, deadline: float) -> Answer | Failed:
        """Make one call, again where the server is behind; what requests or hvac raise becomes an outcome.

        Every exception does, because the traceback of one that went on would hold frames with the token and the
        answer in their locals.

        Args:
            question: The call, on an hvac adapter.
            token: What to identify with, or None for calls that need no token.
            namespace: The namespace to ask in, or None for the one that is set.
            deadline: Monotonic seconds at which the call must end.
        """
        asked = monotonic()
        left = deadline - asked
        if left <= 0:
            return TIMED_OUT
        try:
            session = self._session or self._open()
            if isinstance(session, Failed):
                return session
            response = question(self._adapter(session, token, namespace, left))
            for pause in PAUSES:
                if response.status_code != BEHIND or monotonic() + pause >= deadline:
                    break
                sleep(pause)
                response = question(self._adapter(session, token, namespace, deadline - monotonic()))
            if index := response.headers.get(INDEX):
                _send_along(session, index)
            return _read(response, monotonic() - asked)
        except Exception as error:
            return explain_error(error)

    def _adapter(self, session: Session, token: str | None, namespace: str | None, left: float) -> Any:
        from hvac.adapters import RawAdapter

        timeout: Any = (min(self._connect_timeout, left), left)  # to connect, and to be answered
        return RawAdapter(
            token=token,
            namespace=namespace or self._namespace or environment("NAMESPACE"),
            timeout=timeout,
            session=session,
            ignore_exceptions=True,  # hvac's exceptions carry the answer, and there are none for 412, 472 and 473
            **self._fixed,
        )

    def _open(self) -> Session | Failed:
        """The session, made on first use."""
        with self._lock:
            if self._session is None:
                address = self._address or environment("ADDR")
                if address is None or not is_address(address):
                    return NO_ADDRESS if address is None else BAD_ADDRESS
                certificate = self._client_cert or environment("CLIENT_CERT")
                key = self._client_key or environment("CLIENT_KEY")
                session = _new_session()
                session.verify = self._verify and self._authorities()
                session.cert = (certificate, key) if certificate and key else certificate
                session.proxies.update(self._proxies(address))
                # The adapter goes by the session, except where the session says False.
                self._fixed = {"base_uri": address, "verify": session.verify}
                self._session = session
            return self._session

    def _authorities(self) -> str | bool:
        bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
        return self._ca_cert or environment("CACERT") or environment("CAPATH") or bundle or True

    def _proxies(self, address: str) -> dict[str, str]:
        from requests.utils import get_environ_proxies

        proxy = self._proxy or environment("PROXY_ADDR") or environment("HTTP_PROXY")
        return {"http": proxy, "https": proxy} if proxy else get_environ_proxies(address)


def _new_session() -> Session:
    from requests import Session
    from requests.adapters import HTTPAdapter

    session = Session()
    session.trust_env = False
    session.max_redirects = 2  # a standby may send us to the active node
    session.hooks["response"] = [_stay_encrypted]
    for scheme in ("https://", "http://"):
        # Kept, not opened: a burst of threads must not throw connections away.
        session.mount(scheme, HTTPAdapter(pool_maxsize=64))
    return session


def _send_along(session: Session, index: str) -> None:
    """Have reads from here on see what the call wrote that was answered with this index."""
    headers: Any = session.headers.copy()  # not changed in place: other threads are going through it
    headers[INDEX] = index
    session.headers = headers


def _stay_encrypted(response: Response, **_: Any) -> Response:
    """Do not follow a redirect from https to http, which would send the token in plain text."""
    target = response.headers.get("location", "")
    if response.is_redirect and response.url.startswith("https:") and target.startswith("http:"):
        del response.headers["location"]
    return response


def _read(response: Response, took: float) -> Answer | Failed:
    wait, date = response.headers.get("Retry-After", ""), response.headers.get("Date")
    if not response.content:
        return Answer(response.status_code, None, wait, took, date)
    body = None
    try:
        body = response.json()
    except ValueError:
        if response.ok:
            return malformed("the answer is not JSON")
    return Answer(response.status_code, body if isinstance(body, dict) else None, wait, took, date)
