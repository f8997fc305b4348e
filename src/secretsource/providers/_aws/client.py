"""The calls of one provider to AWS: bounded in time and size, silent, and announced with the place asked.

* **Clients** are made once per service and region, by one thread; the most recently used are stored. boto3 is imported
  then, not before.
* **Bounds.** One deadline covers the search for credentials, the making of a client, the look-up of a name, connecting,
  and each answer. An answer has a greatest size.
* **Outcomes.** Every exception becomes an outcome. The traceback of a raised one would hold boto3's frames, whose
  locals hold the response.
"""

from __future__ import annotations

import os
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeAlias

from secretsource.providers._aws.errors import explain
from secretsource.providers._aws.place import account_in, distrust_in, words_of
from secretsource.providers._aws.session import AwsSession
from secretsource.providers._aws.shelf import ClientShelf
from secretsource.providers._aws.silence import silence_botocore
from secretsource.providers._aws.wire import bind, stay_here
from secretsource.providers._wire.bounded_http import ONE, Bounds, bounds_of_call
from secretsource.providers._wire.errand import Errands, overdue
from secretsource.providers.base import Failed, FailureCode

if TYPE_CHECKING:
    from boto3.session import Session

    from secretsource.providers.base import NotFound

    Answer: TypeAlias = "dict[str, Any] | NotFound | Failed"

__all__ = ["AwsClients"]

TIMED_OUT = Failed(FailureCode.TIMEOUT, "the time allowed for it was over before AWS could be asked")
_SEARCHING = Failed(
    FailureCode.TIMEOUT,
    "AWS credentials were still being looked for when the time allowed for it was over",
    "check the metadata service, the role, or credential_process of the profile",
)
_MAKING = Failed(FailureCode.TIMEOUT, "boto3 was still being prepared when the time allowed for it was over")
_ELSEWHERE = Failed(
    FailureCode.MISCONFIGURED,
    "the client that was given is for another region or service",
    "give a session instead of a client",
)


class AwsClients:
    """The clients of one service, one per region.

    Args:
        service: boto3's name of the service, which is also the prefix of its permissions.
        region: The region of references that name none; None for boto3's own choice, then ``AWS_REGION``.
        profile: A profile of ``~/.aws/config``; None for boto3's own choice.
        endpoint_url: Where to connect, for a VPC endpoint or an emulator; None for boto3's own choice.
        connect_timeout: Seconds to connect to one address.
        read_timeout: Seconds that one answer may take.
        attempts: Attempts in all, in botocore's ``standard`` retry mode.
        session: A ready-made session to make clients from.
        client: A ready-made client, used for its own region only; it is never closed or forgotten here.
        trusted: False where a file names ``endpoint_url``, so that it may not have what this machine has.
    """

    def __init__(
        self,
        service: str,
        *,
        region: str | None,
        profile: str | None,
        endpoint_url: str | None,
        connect_timeout: float,
        read_timeout: float,
        attempts: int,
        session: Session | None,
        client: Any,
        trusted: bool,
    ) -> None:
        self._service = service
        self._region = region
        self._profile = profile
        self._endpoint_url = endpoint_url
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._config = {
            "connect_timeout": connect_timeout,
            "read_timeout": read_timeout,
            "retries": {"mode": "standard", "total_max_attempts": attempts},
            "max_pool_connections": 64,  # stored, not opened: a burst of threads must not throw connections away
        }
        self._given_session = session
        self._given_client = client
        self._doubted = endpoint_url if session is None and not trusted else None
        self.reset()

    def reset(self) -> None:
        """Forget session and clients without using them, as after a fork."""
        self._errands = Errands()
        self._shelf = ClientShelf()
        self._given_is_bound = False
        self._session = AwsSession(
            self._errands,
            region=self._region,
            profile=self._profile,
            endpoint_url=self._endpoint_url,
            config=self._config,
            given=self._given_session,
        )

    def close(self) -> None:
        """Close the connections of the clients that were made here."""
        self._shelf.clear()

    def ask(
        self,
        operation: str,
        *,
        region: str | None,
        deadline: float,
        service: str | None = None,
        size: int = ONE,
        **question: Any,
    ) -> Answer:
        """Make one call; what boto3 raises becomes an outcome.

        When AWS rejects the credentials, the session looks for others; if it finds some, the call is made once more.

        Args:
            operation: Name of the client's method.
            region: The region to ask, or None for the default one.
            deadline: Monotonic seconds at which the call must end.
            service: boto3's name of another service, asked by the same session; None for this one.
            size: Greatest length of the answer, in bytes.
            question: The parameters of the call.
        """
        if deadline <= monotonic():
            return TIMED_OUT
        service = service or self._service
        outside = bounds_of_call.get()
        try:
            bounds_of_call.set(Bounds(deadline, size, self._connect_timeout, self._read_timeout))
            if self._given_client is not None:
                return self._ask_given(service, operation, region, question)
            distrust = distrust_in(os.environ, self._doubted) if self._doubted is not None else None
            if distrust is not None:
                return distrust
            return self._ask_found(service, operation, region, deadline, question)
        except TimeoutError as error:
            return overdue(error, _MAKING)
        except Exception as error:
            return explain(error, service, making=True)
        finally:
            bounds_of_call.set(outside)

    def place(self, region: str | None, location: str) -> str:
        """Return the place where a location is looked up, as far as it is known without a call; errors show it."""
        if self._given_client is not None:
            meta = self._given_client.meta
            custom = None if ".amazonaws.com" in meta.endpoint_url else meta.endpoint_url
            return words_of(meta.region_name, custom, account_in(location))
        where = self._session.known_region(region)
        return words_of(where, self._session.endpoint_of(self._service), account_in(location) or self._session.account)

    def _ask_given(self, service: str, operation: str, region: str | None, question: dict[str, Any]) -> Answer:
        client = self._given_client
        if service != self._service or region not in {None, client.meta.region_name}:
            return _ELSEWHERE
        if not self._given_is_bound:
            _prepare(client)
            self._given_is_bound = True
        return _call(client, service, operation, question)

    def _ask_found(
        self, service: str, operation: str, region: str | None, deadline: float, question: dict[str, Any]
    ) -> Answer:
        key = (service, self._region_of(region, deadline))
        while deadline > monotonic():
            with self._shelf.using(key) as client:
                if client is not None:
                    return self._ask_signed(client, service, operation, deadline, question)
            self._errands.result(key, partial(_make, self._session, self._shelf, key), deadline)
        return TIMED_OUT

    def _region_of(self, region: str | None, deadline: float) -> str | None:
        known = self._session.known_region(region)
        return known or self._errands.result("region", self._session.read_region, deadline)

    def _ask_signed(
        self, client: Any, service: str, operation: str, deadline: float, question: dict[str, Any]
    ) -> Answer:
        session = self._session
        try:
            failure = session.failure(deadline)
            if failure is not None:
                return failure
            signature = session.signature
            answer = _call(client, service, operation, question)
            refused = isinstance(answer, Failed) and answer.code is FailureCode.UNAUTHENTICATED
            if not refused or not session.renew(signature, deadline):
                return answer
        except TimeoutError as error:
            return overdue(error, _SEARCHING)
        return _call(client, service, operation, question)


def _make(session: AwsSession, shelf: ClientShelf, key: tuple[str, str | None]) -> None:
    if key not in shelf:
        client = session.client(*key)
        stay_here(client)
        _prepare(client)
        shelf.put(key, client)


def _prepare(client: Any) -> None:
    bind(client)
    silence_botocore()


def _call(client: Any, service: str, operation: str, question: dict[str, Any]) -> Answer:
    try:
        answer: dict[str, Any] = getattr(client, operation)(**question)
        return answer
    except Exception as error:
        return explain(error, service)
