"""The boto3 clients of one provider: made once, bounded in time, and silent about what they read.

* **Once.** A `boto3.session.Session` of our own (the default one is not safe to share between threads), and one client
  per region, made under a lock on first use. boto3 is imported then, and not before.
* **Bounded.** Each attempt reads for no longer than is left of the call's timeout, an attempt is not begun after it,
  and no retry is waited for that could begin after it. Connecting has a limit of its own, ``connect_timeout`` per
  address, which botocore cannot change per call: a call ends within its timeout plus that. Not covered is the fetching
  of credentials from a source that answers slowly. A botocore older than the per-request read timeout keeps to
  ``read_timeout`` per attempt.
* **Silent.** At DEBUG, botocore's parser logs each response with its whole body, which here is the secret in plain
  text. From the first client on, a filter on that logger takes the body out of the records of our calls, and of no
  other caller's.
"""

from __future__ import annotations

import logging
import os
from contextvars import ContextVar
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any

from secretsource.providers._aws.errors import DeadlinePassed, explain
from secretsource.providers._meaning import wait_of
from secretsource.providers.base import Failed, FailureCode

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.awsrequest import AWSRequest
    from botocore.config import Config
    from botocore.model import OperationModel

    from secretsource.providers.base import NotFound

__all__ = ["AwsClients"]

_deadline: ContextVar[float | None] = ContextVar("secretsource_aws_deadline", default=None)
"""Monotonic seconds at which the call that this thread is in must end; None outside our calls."""

TIMED_OUT = Failed(FailureCode.TIMEOUT, "the time allowed for it was over before AWS could be asked")


class AwsClients:
    """The clients of one service, one per region.

    Args:
        service: boto3's name of the service, which is also the prefix of its permissions.
        region: The region of references that name none; None for boto3's own choice, then ``AWS_REGION``.
        profile: A profile of ``~/.aws/config``; None for boto3's own choice.
        endpoint_url: Where to connect, for a VPC endpoint or an emulator; None for boto3's own choice.
        connect_timeout: Seconds to connect to one address.
        read_timeout: Seconds to wait for an answer, at most.
        attempts: Attempts in all, in botocore's ``standard`` retry mode.
        session: A ready-made session to make clients from.
        client: A ready-made client, used for its own region only; it is never closed or forgotten here.
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
    ) -> None:
        self._service = service
        self._region = region
        self._profile = profile
        self._endpoint_url = endpoint_url
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._attempts = attempts
        self._given_session = session
        self._given_client = client
        self.reset()

    def reset(self) -> None:
        """Forget session and clients without using them, as after a fork."""
        self._lock = Lock()
        self._session: Session | None = None
        self._clients: dict[tuple[str, str | None], Any] = {}

    def close(self) -> None:
        """Close the connections of the clients that were made here."""
        with self._lock:
            clients, self._clients = self._clients, {}
        for client in clients.values():
            if client is not self._given_client:
                client.close()

    def ask(
        self, operation: str, *, region: str | None, deadline: float, service: str | None = None, **question: Any
    ) -> dict[str, Any] | NotFound | Failed:
        """Make one call; what boto3 raises becomes an outcome.

        Every exception does, because the traceback of one that went on would hold boto3's frames, and in their locals
        the response.

        Args:
            operation: Name of the client's method.
            region: The region to ask, or None for the default one.
            deadline: Monotonic seconds at which the call must end.
            service: boto3's name of another service, asked by the same session; None for this one.
            question: The parameters of the call.
        """
        if deadline <= monotonic():
            return TIMED_OUT
        token = _deadline.set(deadline)
        making = True
        try:
            asked = service or self._service
            client = self._clients.get((asked, region)) or self._client(asked, region)
            making = False
            if client is None:
                return Failed(
                    FailureCode.MISCONFIGURED,
                    "the client that was given is for another region or service",
                    "give a session instead of a client",
                )
            answer: dict[str, Any] = getattr(client, operation)(**question)
            return answer
        except Exception as error:
            return explain(error, service or self._service, making=making)
        finally:
            _deadline.reset(token)

    def _client(self, service: str, region: str | None) -> Any:
        """The client of a region, made on first use; None when a ready-made client cannot serve it."""
        with self._lock:
            client = self._clients.get((service, region))
            if client is None:
                make = self._given if self._given_client is not None else self._made
                client = make(service, region)
            if client is not None:
                _prepare(client, self._read_timeout)
                self._clients[service, region] = client
            return client

    def _given(self, service: str, region: str | None) -> Any:
        fits = service == self._service and region in {None, self._given_client.meta.region_name}
        return self._given_client if fits else None

    def _made(self, service: str, region: str | None) -> Any:
        if self._session is None:
            self._session = self._given_session or self._new_session()
        place = region or self._region or self._session.region_name or os.environ.get("AWS_REGION")
        if (service, place) not in self._clients:
            make: Any = self._session.client  # typed per service, where our service is a variable
            # The drivers write every parameter themselves; to look at each once more is a fiftieth of a call's work.
            config = self._config(parameter_validation=False)
            self._clients[service, place] = make(
                service, region_name=place, endpoint_url=self._endpoint_of(service), config=config
            )
        return self._clients[service, place]

    def _endpoint_of(self, service: str) -> str | None:
        """Where a service is; an endpoint inside AWS has one service only, an emulator has them all."""
        url = self._endpoint_url
        return None if url is not None and service != self._service and ".amazonaws.com" in url else url

    def _config(self, **more: Any) -> Config:
        from botocore.config import Config

        return Config(
            connect_timeout=self._connect_timeout,
            read_timeout=self._read_timeout,
            retries={"mode": "standard", "total_max_attempts": self._attempts},
            max_pool_connections=64,  # kept, not opened: a burst of threads must not throw connections away
            **more,
        )

    def _new_session(self) -> Session:
        from boto3.session import Session
        from botocore.session import get_session

        core = get_session()
        core.set_default_client_config(self._config())  # also for the calls that fetch credentials, such as AssumeRole
        # Dates stay as they were sent, as in the AWS CLI: each secret comes with one that nobody reads, and to make
        # them datetimes would be a fifth of the work for a batch.
        core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_as_sent)
        return Session(botocore_session=core, profile_name=self._profile)


def _as_sent(date: Any) -> Any:
    return date


def _prepare(client: Any, read_timeout: float) -> None:
    """Keep one client's calls to our deadlines, and its answers out of the log."""

    def limit_reading(request: AWSRequest, **_: Any) -> None:
        deadline = _deadline.get()
        if deadline is None:
            return
        left = deadline - monotonic()
        if left <= 0:
            raise DeadlinePassed
        request.context["read_timeout"] = min(read_timeout, left)

    events = client.meta.events
    events.register("request-created", limit_reading, unique_id="secretsource-limit-reading")
    service = client.meta.service_model.service_id.hyphenize()
    events.register_first(f"needs-retry.{service}", _refuse_late_retry, unique_id="secretsource-refuse-late-retry")
    logging.getLogger("botocore.parsers").addFilter(mask_response_body)
    logging.getLogger("botocore.endpoint").addFilter(mask_request_body)


def _refuse_late_retry(
    attempts: int, response: Any, caught_exception: Exception | None, operation: OperationModel, **_: Any
) -> None:
    """End a call with the error at hand when the wait before a retry could outlast its deadline."""
    deadline = _deadline.get()
    if deadline is None or (response is not None and response[0].status_code < 300):
        return
    if deadline - monotonic() > _longest_wait(attempts, response):
        return
    if response is None:
        raise caught_exception or DeadlinePassed
    from botocore.exceptions import ClientError

    raise ClientError(response[1], operation.name)


def _longest_wait(attempts: int, response: Any) -> float:
    """Seconds that botocore's standard mode may sleep before the next attempt: 1 s doubling, and what AWS asks for."""
    asked = None if response is None else wait_of(response[0].headers.get("x-amz-retry-after"))
    return 2.0 ** (attempts - 1) + min((asked or 0.0) / 1000, 5.0)


def mask_request_body(record: logging.LogRecord) -> bool:
    """Logging filter: while a call of ours runs, a request is logged without its body, which may be a value."""
    if _deadline.get() is not None and str(record.msg).startswith("Making request"):
        record.msg, record.args = "Making request: <masked by secretsource>", ()
    return True


def mask_response_body(record: logging.LogRecord) -> bool:
    """Logging filter: while a call of ours runs, botocore's parser logs the headers of a response and nothing else."""
    if _deadline.get() is not None and not str(record.msg).startswith("Response headers"):
        record.msg, record.args = "Response body: <masked by secretsource>", ()
        record.exc_info = record.exc_text = None
    return True
