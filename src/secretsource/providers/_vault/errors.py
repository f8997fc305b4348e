"""The meaning of each error of Vault, as tables; pure.

One table goes by the HTTP status and, where a status has several causes, by words in the answer. The others go by the
class names of the exceptions of requests and hvac, if no server answered; `_reach` reports network errors. The words
are ours: Vault's text is read here, and never passed on.

Sources: "HTTP status codes" in https://developer.hashicorp.com/vault/api-docs; the answers of OpenBao 2.7.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from secretsource.providers._meaning import Meaning, wait_of
from secretsource.providers._wire.reach import cause_of, causes, unreachable
from secretsource.providers.base import Failed, FailureCode, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "BAD_ADDRESS",
    "TIMED_OUT",
    "explain_answer",
    "explain_error",
    "explain_login",
    "explain_mount",
    "explain_unwrapping",
    "explain_write",
    "malformed",
]

TIMED_OUT = Failed(FailureCode.TIMEOUT, "the time allowed for it was over before Vault could be asked")


_ABSENT = Meaning(None, None)
_NO_ROLE = Meaning(None, "the secrets engine has no such role")
_DELETED = Meaning(
    FailureCode.DELETED, "this version is deleted", "restore it with  vault kv undelete, or remove the name"
)
_DESTROYED = Meaning(
    FailureCode.DELETED, "this version is destroyed for good", "write a new version, or remove the name"
)
_QUESTION = Meaning(
    FailureCode.MISCONFIGURED, "Vault does not accept the question", "check the path, and what its engine needs"
)
_NOT_READ = Meaning(
    FailureCode.MISCONFIGURED,
    "nothing can be read at this path",
    "check the path: it starts with the mount, and has no data/ in it",
)
_NO_MOUNT = Meaning(
    FailureCode.MISCONFIGURED,
    "nothing is mounted there, or the namespace does not exist",
    "check the mount and the namespace",
)
_WRONG_KV = Meaning(
    FailureCode.MISCONFIGURED,
    "the mount keeps versions, and was asked as if it did not",
    "set kv_version = 2, or leave kv_version out",
)
_TOKEN = Meaning(
    FailureCode.UNAUTHENTICATED, "Vault does not accept the token", "give a new one, or an auth method that can log in"
)
_DENIED = Meaning(
    FailureCode.DENIED,
    "no policy of this token allows it (Vault says the same of a mount that does not exist)",
    'allow it in a policy:  path "{path}" { capabilities = ["read"] }',
)
_OVERTAKEN = Meaning(
    FailureCode.UNAVAILABLE, "another writer stored a version meanwhile", "look at what is there, and write again"
)
_REPLICATING = Meaning(
    FailureCode.UNAVAILABLE, "this server has not yet seen the last write to its cluster", "ask again in a moment"
)
_THROTTLED = Meaning(
    FailureCode.THROTTLED, "a rate limit quota of Vault is used up", "keep values longer, or raise the quota"
)
_RECOVERY = Meaning(
    FailureCode.UNAVAILABLE,
    "this server is a disaster recovery secondary, which answers no questions",
    "set the address to that of the primary cluster",
)
_STANDBY = Meaning(
    FailureCode.UNAVAILABLE,
    "this server is a standby, which does not answer this",
    "set the address to the active node",
)
_INTERNAL = Meaning(FailureCode.UNAVAILABLE, "Vault, or what it asked in turn, is out of order", "see Vault's log")
_UNINITIALISED = Meaning(FailureCode.UNAVAILABLE, "Vault is not initialized", "run  vault operator init")
_SEALED = Meaning(FailureCode.UNAVAILABLE, "Vault is sealed", "unseal it with  vault operator unseal")
_MAINTENANCE = Meaning(FailureCode.UNAVAILABLE, "Vault is down for maintenance", "see  vault status")
_SLOW = Meaning(FailureCode.TIMEOUT, "it did not answer in time")
_ELSEWHERE = Meaning(
    FailureCode.MISCONFIGURED,
    "it redirects to another server or away from https, where credentials are not sent",
    "set the address to the active node",
)
_NOT_VAULT = Meaning(
    FailureCode.MISCONFIGURED, "the answer is not from Vault", "check the address, and that no proxy answers for it"
)
_REFUSED_LOGIN = Meaning(
    FailureCode.UNAUTHENTICATED,
    "Vault refuses the login (it says the same of an auth method that is not mounted)",
    "check auth and its mount; a role id, secret id or JWT may have expired or be used up",
)
_NO_METHOD = Meaning(
    FailureCode.MISCONFIGURED, "no such auth method is mounted there", "check the method and the mount in auth"
)
_OTHER_NETWORK = Meaning(
    FailureCode.UNAUTHENTICATED,
    "Vault refuses the login from the network of this machine",
    "allow the network in the role: token_bound_cidrs, or secret_id_bound_cidrs",
)
_SPENT_WRAPPING = Meaning(
    FailureCode.UNAUTHENTICATED,
    "the wrapping token is spent or has expired",
    "wrap a new secret id; if none of your services unwrapped the old one, treat it as stolen",
)
_NO_SOCKET = Meaning(
    FailureCode.UNAVAILABLE,
    "nothing listens there: there is no such socket",
    "check the address, and that the agent runs",
)
_CLOSED_SOCKET = Meaning(
    FailureCode.MISCONFIGURED, "this user may not use the socket", "give it the group of the socket, or another address"
)
_TOO_LONG = Meaning(
    FailureCode.MALFORMED, "the answer is longer than 1 MiB", "check that Vault, and no other server, is at the address"
)
_BAD_ADDRESS = Meaning(
    FailureCode.MISCONFIGURED, "the address is not a valid one", "set address, or VAULT_ADDR, to an http(s) URL"
)
BAD_ADDRESS = Failed(FailureCode.MISCONFIGURED, _BAD_ADDRESS.reason, _BAD_ADDRESS.remedy)
_BAD_PROXY = Meaning(
    FailureCode.MISCONFIGURED,
    "the address of the proxy, or of a redirect, is not valid, or has a scheme that requests does not support",
    "check proxy, VAULT_PROXY_ADDR and HTTPS_PROXY",
)
_PROXY = Meaning(
    FailureCode.UNAVAILABLE,
    "the proxy on the way to it refuses, or cannot be reached",
    "check proxy, VAULT_PROXY_ADDR and HTTPS_PROXY",
)
_BAD_HEADER = Meaning(
    FailureCode.UNAUTHENTICATED,
    "the token, or the namespace, has characters that no HTTP header can hold",
    "check auth, VAULT_TOKEN and namespace",
)
_TLS_REMEDY = "check ca_cert, client_cert and client_key, and that the address is the name in the certificate"
_BAD_FILE = Meaning(
    FailureCode.MISCONFIGURED,
    "a file of TLS cannot be read, or holds no certificate or key that fits",
    "check ca_cert, client_cert and client_key",
)
_NOT_INSTALLED = Meaning(FailureCode.MISCONFIGURED, "hvac is not installed", "run  pip install 'secretsource[vault]'")
_UNREADABLE = Meaning(
    FailureCode.MALFORMED, "hvac cannot read the answer", "check that Vault, and no proxy, answers at the address"
)

STATUSES: dict[int, Meaning] = {
    400: _QUESTION,
    401: _TOKEN,
    403: _DENIED,
    404: _NOT_VAULT,  # an absence has a body that says so
    405: _NOT_READ,
    408: _SLOW,
    412: _REPLICATING,
    429: _THROTTLED,
    472: _RECOVERY,
    473: _STANDBY,
    500: _INTERNAL,
    501: _UNINITIALISED,
    502: _INTERNAL,
    503: _MAINTENANCE,
    504: _SLOW,
}

_TELLING_WORDS: tuple[tuple[int, re.Pattern[str], Meaning], ...] = (
    (400, re.compile(r"unknown (static )?role"), _NO_ROLE),
    (400, re.compile(r"missing client token"), _TOKEN),
    (400, re.compile(r"CIDR"), _OTHER_NETWORK),
    (403, re.compile(r"CIDR"), _OTHER_NETWORK),
    (404, re.compile(r"unsupported path"), _NOT_READ),
    (404, re.compile(r"no handler for route|namespace not found"), _NO_MOUNT),
    (404, re.compile(r"versioned K/V"), _WRONG_KV),
    (503, re.compile(r"sealed"), _SEALED),
)

ERRORS: dict[str, Meaning] = {
    "TooManyRedirects": _ELSEWHERE,
    "InvalidURL": _BAD_ADDRESS,
    "MissingSchema": _BAD_ADDRESS,
    "LocationParseError": _BAD_ADDRESS,
    "InvalidSchema": _BAD_PROXY,
    "InvalidProxyURL": _BAD_PROXY,
    "ProxyError": _PROXY,
    "InvalidHeader": _BAD_HEADER,
    "UnicodeEncodeError": _BAD_HEADER,
    "JSONDecodeError": _UNREADABLE,
    "ModuleNotFoundError": _NOT_INSTALLED,
    "ImportError": _NOT_INSTALLED,
}
"""The meaning of an error, by its class alone."""

CAUSES: dict[str, Meaning] = {
    "TooLarge": _TOO_LONG,
    "NoSocket": _NO_SOCKET,
    "ClosedSocket": _CLOSED_SOCKET,
    "BadStatusLine": _UNREADABLE,
    "LineTooLong": _UNREADABLE,
    "UnknownProtocol": _UNREADABLE,
    "HTTPException": _UNREADABLE,
}
"""The meaning of an error by its cause, if that is more exact than the network's error."""

LEFT: dict[str, Meaning | None] = {
    "SSLError": _BAD_FILE,
    "RequestException": None,  # the network, for an unknown reason
    "OSError": _BAD_FILE,  # requests' word for a missing certificate
    "BaseException": _UNREADABLE,
}
"""The meaning of an error by its most exact class, if there is no known network error."""


def explain_answer(status: int, body: Mapping[str, Any] | None, *, path: str, wait: str = "") -> NotFound | Failed:
    """Return the outcome of an answer other than a success.

    Args:
        status: The HTTP status.
        body: The JSON object of the answer, or None.
        path: The path asked, below ``/v1/``.
        wait: The header ``Retry-After``.
    """
    if status == 404 and body is not None:
        removed = _removed(body.get("data"))
        if removed is not None:
            return removed
        if _is_of_vault(body) and not _said(body):
            return NotFound()
    meaning = _meaning(status, _said(body))
    return NotFound(meaning.reason) if meaning.code is None else _failure(meaning, status, path=path, wait=wait)


def explain_mount(status: int, body: Mapping[str, Any] | None, *, path: str, wait: str = "") -> NotFound | Failed:
    """Return the outcome for an engine with an unknown mount, whose policy path is therefore unknown."""
    outcome = explain_answer(status, body, path=path, wait=wait)
    if isinstance(outcome, Failed) and outcome.code is FailureCode.DENIED:
        return outcome._replace(remedy=f"{outcome.remedy} (in KV version 2 with data/ after the mount)")
    return outcome


def explain_write(status: int, body: Mapping[str, Any] | None, *, path: str, wait: str = "") -> Failed:
    """Return the failure of an unsuccessful write."""
    if status == 400 and "check-and-set" in _said(body):
        return _failure(_OVERTAKEN, status, path=path, wait=wait)
    outcome = explain_answer(status, body, path=path, wait=wait)
    if isinstance(outcome, NotFound):
        return _failure(_NO_MOUNT, status, path=path, wait=wait)
    if outcome.code is FailureCode.DENIED:
        return outcome._replace(
            remedy=f'allow it in a policy:  path "{path}" {{ capabilities = ["create", "update"] }}'
        )
    return outcome


def explain_login(status: int, body: Mapping[str, Any] | None, *, path: str, wait: str = "") -> Failed:
    """Return the failure of an unsuccessful login."""
    meaning = _meaning(status, _said(body))
    if meaning in {_QUESTION, _TOKEN, _DENIED, _NO_ROLE}:
        meaning = _REFUSED_LOGIN
    elif meaning in {_NO_MOUNT, _NOT_READ}:
        meaning = _NO_METHOD
    return _failure(meaning, status, path=path, wait=wait)


def explain_unwrapping(status: int, body: Mapping[str, Any] | None, *, wait: str = "") -> Failed:
    """Return the failure of an unsuccessful unwrapping of a secret id."""
    failure = explain_login(status, body, path="sys/wrapping/unwrap", wait=wait)
    if failure.code is FailureCode.UNAUTHENTICATED:
        return failure._replace(reason=_SPENT_WRAPPING.reason, remedy=_SPENT_WRAPPING.remedy)
    return failure


def explain_error(error: BaseException, address: str) -> Failed:
    """Return the failure of an exception of requests or hvac.

    Args:
        error: The exception.
        address: The address of Vault.
    """
    name = type(error).__name__
    within = [CAUSES[kind] for kind in (type(each).__name__ for each in causes(error)) if kind in CAUSES]
    meaning = ERRORS.get(name) or next(iter(within), None)
    cause = cause_of(error)
    if meaning is None and cause is None:
        meaning = next(LEFT[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in LEFT)
    if meaning is not None:
        return meaning.failure(name)
    of_tls = cause is not None and cause.code is FailureCode.MISCONFIGURED
    return unreachable(address, error, remedy=_TLS_REMEDY if of_tls else None)


def malformed(reason: str) -> Failed:
    """Return the failure of an answer that is not in the promised form."""
    return Failed(FailureCode.MALFORMED, reason, _UNREADABLE.remedy)


def _meaning(status: int, said: str) -> Meaning:
    for known, words, meaning in _TELLING_WORDS:
        if status == known and words.search(said):
            return meaning
    if status in STATUSES:
        return STATUSES[status]
    if status >= 500:
        return _INTERNAL
    return _QUESTION if status >= 400 else _ELSEWHERE


def _said(body: Mapping[str, Any] | None) -> str:
    """Return the errors and warnings of an answer, or an empty text."""
    if body is None:
        return ""
    lists = [said for said in (body.get("errors"), body.get("warnings")) if isinstance(said, list)]
    return " ".join(text for said in lists for text in said if isinstance(text, str))


def _is_of_vault(body: Mapping[str, Any]) -> bool:
    """Return whether a 404 is in Vault's form, and not another API's answer for an unknown path."""
    data = body.get("data")
    versioned = isinstance(data, dict) and isinstance(data.get("metadata"), dict)
    return versioned or isinstance(body.get("errors"), list) or "request_id" in body


def _removed(data: object) -> Failed | None:
    """Return whether a version's 404 means that it existed: it is soft-deleted, or destroyed for good."""
    metadata = data.get("metadata") if isinstance(data, dict) else None
    if not isinstance(metadata, dict):
        return None
    if metadata.get("destroyed"):
        return _failure(_DESTROYED, 404)
    return _failure(_DELETED, 404) if metadata.get("deletion_time") else None


def _failure(meaning: Meaning, status: int, *, path: str = "", wait: str = "") -> Failed:
    return meaning.failure(f"HTTP {status}", wait_of(wait), path=path)
