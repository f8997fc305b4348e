"""AWS Secrets Manager through an agent on this machine: ``agent://payments/stripe#secret_key?stage=AWSPREVIOUS``.

It works with the AWS Secrets Manager Agent, and with the Parameters and Secrets extension of AWS Lambda. Both hold the
credentials and a cache, so you need neither boto3 nor a role here.

Wire call: ``GET /secretsmanager/get?secretId=…&versionStage=…`` with the header ``X-Aws-Parameters-Secrets-Token``.
https://docs.aws.amazon.com/secretsmanager/latest/userguide/secrets-manager-agent.html
https://docs.aws.amazon.com/secretsmanager/latest/userguide/retrieving-secrets_lambda.html
"""

from __future__ import annotations

import json
import os
import re
from base64 import b64decode
from http.client import HTTPConnection, HTTPException
from ipaddress import ip_address
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from secretsource._traceless import traceless
from secretsource.exceptions import ConfigurationError
from secretsource.providers._aws.agent_token import DEFAULT_TOKEN_FILE, agent_token
from secretsource.providers._aws.errors import explain_code
from secretsource.providers._meaning import told_with_place
from secretsource.providers._wire.bounded_http import BoundedConnection, TooLarge, bounded
from secretsource.providers._wire.reach import cause_of, place_of, unreachable
from secretsource.providers.base import Failed, FailureCode, Found, NotFound, Provider, SecretRef

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretsource.providers.base import Outcome

__all__ = ["AgentProvider"]

HEADER = "X-Aws-Parameters-Secrets-Token"
PORT = "2773"
CURRENT, PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"

_NAME = re.compile(r"[A-Za-z0-9/_+=.@!-]{1,512}")
_CODE = re.compile(r"\b[A-Z][A-Za-z]{2,48}(?:Exception|Failure|Error)\b")

_TOKEN_REFUSED = Failed(
    FailureCode.UNAUTHENTICATED,
    "the agent does not accept the token",
    "give this process the token that the agent was started with: token_file, or AWS_TOKEN",
)
_NO_AGENT = Failed(FailureCode.MISCONFIGURED, "the answer is not from the agent", "check address")
_NOT_READY = Failed(FailureCode.UNAVAILABLE, "the agent is still starting", "ask again once the function was invoked")
_UNREADABLE = Failed(FailureCode.MALFORMED, "the answer is not in the agent's form", "check address")
_TOO_LARGE = _UNREADABLE._replace(reason="the answer is longer than any that holds a secret")


class _Connection(BoundedConnection, HTTPConnection):
    """A connection that obeys the deadline of the call."""


class _Answer(NamedTuple):
    status: int
    body: bytes

    def __repr__(self) -> str:
        return f"<answer {self.status}>"


class AgentProvider(Provider):
    """Secrets of AWS Secrets Manager, from an agent on the loopback interface.

    The agent also fetches a value anew (``refreshNow``) when you reject it or ask for a fresh one.

    Args:
        address: Base URL of the agent; None for the port in ``PARAMETERS_SECRETS_EXTENSION_HTTP_PORT``, or 2773.
        token_file: The file with the agent's token; None for ``AWS_TOKEN`` (which may be a ``file://`` URL), then
            ``/var/run/awssmatoken``, then ``AWS_SESSION_TOKEN``, as in AWS Lambda.
        prefix: Put before a bare name, such as ``prod/``; explicit references are taken as they are.
        document: One JSON document that holds every bare name as a field.

    Raises:
        ConfigurationError: The address must be a plain HTTP URL of this machine; the token goes nowhere else.
    """

    scheme = "agent"
    url_setting = "prefix"

    @traceless
    def __init__(
        self,
        *,
        name: str | None = None,
        address: str | None = None,
        token_file: str | None = None,
        prefix: str = "",
        document: str | None = None,
    ) -> None:
        super().__init__(name=name)
        if address is None:
            address = f"http://127.0.0.1:{os.environ.get('PARAMETERS_SECRETS_EXTENSION_HTTP_PORT') or PORT}"
        self._host = _local(self.name, address)
        self._address = address
        self._token_file = token_file
        self._prefix = prefix
        self._document = document
        self._anew: set[SecretRef] = set()

    def locate(self, name: str) -> SecretRef | NotFound:
        """Return a field of the document if it is set, else the prefix and the name, if AWS allows such a name."""
        if self._document is not None:
            return SecretRef(self.name, self._document, field=name)
        location = self._prefix + name
        return SecretRef(self.name, location) if _NAME.fullmatch(location) else NotFound("AWS allows no such name")

    def previous(self, ref: SecretRef, current: Found) -> SecretRef | None:  # noqa: ARG002 - AWS knows it by itself
        """Return the version that AWS labelled AWSPREVIOUS when the current one took its place."""
        if ref.version is not None or ref.stage not in {None, CURRENT}:
            return None
        return ref._replace(stage=PREVIOUS)

    def discard(self, ref: SecretRef) -> None:
        """Make the agent fetch the value anew at the next ``fetch``."""
        self._anew.add(ref.document)

    def fetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        """Ask the agent for one secret."""
        document = ref.document
        question = _question(document, anew=document in self._anew)
        outcome = self._ask(question, timeout)
        if isinstance(outcome, Found):
            self._anew.discard(document)
            return outcome
        return told_with_place(outcome, f"the agent at {place_of(self._address)}")

    def reset(self) -> None:
        """Forget which values to fetch anew; there are no connections to forget."""
        self._anew = set()

    def _ask(self, question: str, timeout: float) -> Outcome:
        token = agent_token(self._token_file)
        if isinstance(token, Failed):
            return token
        try:
            with bounded(monotonic() + timeout):
                answer = _answered(self._host, question, {HEADER: token})
        except TooLarge:
            return _TOO_LARGE
        except (OSError, HTTPException) as error:
            return _UNREADABLE if cause_of(error) is None else unreachable(self._address, error, remedy=_START)
        finally:
            del token
        return _read(answer.body) if answer.status == 200 else _refused(answer)


_START = (
    f"start the AWS Secrets Manager Agent, or the Lambda extension, or set address; its token is {DEFAULT_TOKEN_FILE}"
)


def _local(name: str, address: str) -> str:
    """Return the host and port of an address, which must belong to this machine."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port or int(PORT)
        local = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        parts, host, port, local = urlsplit(""), "", 0, False
    if parts.scheme != "http" or not local or parts.path.strip("/"):
        raise ConfigurationError(
            f"provider {name!r}: address must be plain HTTP on this machine, such as http://127.0.0.1:{PORT}, "
            "because the agent's token is sent there"
        )
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _question(ref: SecretRef, *, anew: bool) -> str:
    words = {"secretId": ref.location}
    if ref.version is not None:
        words["versionId"] = ref.version
    if ref.version is None or ref.stage is not None:
        words["versionStage"] = ref.stage or CURRENT
    if anew:
        words["refreshNow"] = "true"
    return f"/secretsmanager/get?{urlencode(words)}"


def _answered(host: str, question: str, headers: Mapping[str, str]) -> _Answer:
    connection = _Connection(host)
    try:
        connection.request("GET", question, headers=dict(headers))
        response = connection.getresponse()
        return _Answer(response.status, response.read())
    finally:
        connection.close()


def _read(body: bytes) -> Found | Failed:
    """Return the value of an answer, which is GetSecretValue's as JSON: text, or bytes in base64."""
    try:
        entry: Mapping[str, Any] = json.loads(body)
        text, binary, version = entry.get("SecretString"), entry.get("SecretBinary"), entry.get("VersionId")
        value = b64decode(binary, validate=True) if isinstance(binary, str) and text is None else text
    except (ValueError, AttributeError, RecursionError):
        return _UNREADABLE
    if not isinstance(value, (str, bytes)) or (text is not None and binary is not None):
        return _UNREADABLE._replace(reason="the answer holds neither text nor bytes, or both")
    return Found(value, version=version if isinstance(version, str) else None)


def _refused(answer: _Answer) -> NotFound | Failed:
    """Return the meaning of an answer other than 200; AWS's error code is a JSON field, or a word of the text."""
    text = answer.body.decode("utf-8", "replace")
    code = _CODE.search(text)
    if code is not None:
        action, metadata = "secretsmanager:GetSecretValue", {"HTTPStatusCode": answer.status}
        return explain_code(code[0], text, action=action, metadata=metadata)
    if "not ready" in text:
        return _NOT_READY
    if answer.status in {401, 403}:
        return _TOKEN_REFUSED
    if answer.status in {404, 405} or answer.status < 400:
        return _NO_AGENT
    metadata = {"HTTPStatusCode": answer.status}
    return explain_code("", "", action="secretsmanager:GetSecretValue", metadata=metadata)
