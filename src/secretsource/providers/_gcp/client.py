"""The Google Cloud clients of one provider: made once, bounded in time, and silent about values.

* **Once.** There is one synchronous client per region, made under a lock on first use. There is one asynchronous client
  per region and event loop, since a channel of `grpc.aio` is bound to its loop.
* **Bounded.** Each call gets the time left, and the SDK's own retries (60 s) are off. An answer is 1 MiB at most.
  gRPC's deadline covers a whole call; over REST, our connections are bounded.
* **Silent.** At DEBUG, and with ``GOOGLE_SDK_PYTHON_LOGGING_SCOPE``, the SDK logs each response with its payload. A
  filter on its loggers removes the payload from the records of our calls, and of no other caller's.
* **After a fork** a client of the parent is neither used nor freed, and the child speaks REST. gRPC can hang beyond
  every timeout, or crash, in the child of a process that used it. https://github.com/grpc/grpc/issues/31885
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from functools import partial
from threading import RLock
from time import monotonic
from typing import TYPE_CHECKING, Any

from secretsource.providers._gcp.caller import Caller, CallerSearch
from secretsource.providers._gcp.errors import NO_PROJECT, TIMED_OUT, explain, malformed
from secretsource.providers._gcp.question import PROJECT
from secretsource.providers._gcp.silence import mask_responses
from secretsource.providers._gcp.wire import call, channel_options, prepare_session
from secretsource.providers._wire.bounded_http import Bounds, bounded, bounds_of_call
from secretsource.providers._wire.errand import NoThread, in_thread
from secretsource.providers._wire.origins import foreign, kept_back
from secretsource.providers._wire.reach import place_of
from secretsource.providers.base import Failed, FailureCode, Identity

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Iterable

    from google.api_core.client_options import ClientOptions
    from google.auth.credentials import Credentials

    from secretsource.providers._gcp.question import Question
    from secretsource.providers.base import NotFound

__all__ = ["GcpClients"]

_left_alone: list[object] = []
"""Clients of the parent process, held back from the garbage collector, which would wait for threads that do not
exist."""


_DOMAINS = ("googleapis.com",)
"""Where Google's own servers are, those of Private Service Connect included."""


class GcpClients:
    """The clients of one provider.

    Args:
        transport: ``grpc`` or ``rest``.
        endpoint: Host, ``host:port`` or URL to connect to; None for Google's own.
        quota_project: The project that calls are charged to; None for the credentials' own.
        credentials: Ready-made credentials; None for the application default ones.
        trusted: False where a file names ``endpoint``, so that it may not have what this machine has.
    """

    def __init__(
        self,
        *,
        transport: str,
        endpoint: str | None,
        quota_project: str | None,
        credentials: Credentials | None,
        trusted: bool,
    ) -> None:
        self._transport = transport
        self._endpoint = endpoint
        self._plain = endpoint is not None and endpoint.startswith("http://")
        self._search = CallerSearch(anonymous=self._plain, quota_project=quota_project, credentials=credentials)
        is_free = trusted or endpoint is None or self._plain or credentials is not None
        self._distrust = None if is_free else kept_back(foreign(self._url(None), _DOMAINS))
        self._forget()

    @property
    def native_async(self) -> bool:
        """Whether there is an asynchronous client; the SDK has no such client for REST."""
        return self._transport == "grpc"

    @property
    def project(self) -> str | None:
        """The project of the credentials, if it is known by now."""
        return None if self._search.found is None else self._search.found.project

    @property
    def host(self) -> str | None:
        """The host and port asked instead of Google's own."""
        return None if self._endpoint is None else place_of(self._url(None))

    def reset(self) -> None:
        """Forget credentials and clients without using them; in the child of a fork, speak REST from now on."""
        if self._process != os.getpid() and (self._clients or self._async_clients):
            _left_alone.append((self._clients, self._async_clients))
            self._transport = "rest"
        self._search.reset()
        self._forget()

    def _forget(self) -> None:
        self._process = os.getpid()
        self._lock = RLock()
        self._clients: dict[str | None, Any] = {}
        self._async_clients: dict[AbstractEventLoop, dict[str | None, Any]] = {}

    def close(self) -> None:
        """Close the synchronous clients; asynchronous ones are closed on their own loop."""
        with self._lock:
            clients, self._clients = self._clients, {}
        for client in clients.values():
            client.transport.close()

    async def aclose(self) -> None:
        """Close the asynchronous clients of the running event loop."""
        with self._lock:
            clients = self._async_clients.pop(asyncio.get_running_loop(), {})
        for client in clients.values():
            await client.transport.close()

    def who(self, deadline: float) -> Identity | NotFound | Failed:
        """Return the caller, for a person, and the time at the source of the tokens."""
        caller = self._search.wait(deadline)
        if not isinstance(caller, Caller):
            return caller
        mask_responses()
        with bounded(deadline):
            return Identity(caller.text, caller.clock_skew(deadline))

    def ask(self, question: Question, deadline: float) -> Any:
        """Make one call; an exception of Google's packages becomes an outcome.

        Every exception becomes an outcome: the traceback of a raised one would hold the SDK's frames, whose locals hold
        the response.

        Args:
            question: The call to make.
            deadline: Monotonic seconds at which the call must end.

        Returns:
            The SDK's message, the project for `PROJECT`, or the failure.
        """
        caller = self._distrust or self._search.found or self._search.wait(deadline)
        if not isinstance(caller, Caller):
            return caller
        if question is PROJECT:
            return caller.project or NO_PROJECT
        answer = self._ask_once(question, deadline)
        if _is_refusal(answer) and self._search.renew(caller, deadline):
            answer = self._ask_once(question, deadline)
        return answer

    def _ask_once(self, question: Question, deadline: float) -> Any:
        outside = bounds_of_call.get()
        making = True
        try:
            bounds_of_call.set(Bounds(deadline))
            failed = None if self._search.has_token else self._search.refusal(deadline)
            if failed is not None:
                return failed
            client = self._clients.get(question.location) or self._client(question.location)
            making = False
            left = deadline - monotonic()
            return call(client, question, left) if left > 0 else TIMED_OUT
        except Exception as error:
            return explain(error, question.call, url=self._url(question.location), making=making)
        finally:
            bounds_of_call.set(outside)

    async def aask(self, question: Question, deadline: float) -> Any:
        """Do the same as `ask`, on the running event loop."""
        caller = self._distrust or self._search.found or await self._search.async_wait(deadline)
        if not isinstance(caller, Caller):
            return caller
        if question is PROJECT:
            return caller.project or NO_PROJECT
        answer = await self._aask_once(question, deadline)
        if _is_refusal(answer):
            with suppress(NoThread):
                if await in_thread(self._search.renew, caller, deadline):
                    answer = await self._aask_once(question, deadline)
        return answer

    async def _aask_once(self, question: Question, deadline: float) -> Any:
        outside = bounds_of_call.get()
        making = True
        try:
            bounds_of_call.set(Bounds(deadline))
            failed = None if self._search.has_token else await in_thread(self._search.refusal, deadline)
            if failed is not None:
                return failed
            clients = self._of_this_loop()
            client = clients.get(question.location) or self._async_client(clients, question.location)
            making = False
            left = deadline - monotonic()
            answer = await call(client, question, left) if left > 0 else TIMED_OUT
        except Exception as error:
            return explain(error, question.call, url=self._url(question.location), making=making)
        finally:
            bounds_of_call.set(outside)
        # The asynchronous client returns None for an unreadable answer, for which the synchronous one raises.
        return malformed() if answer is None else answer

    def _client(self, location: str | None) -> Any:
        """Return the synchronous client of a region, made on first use."""
        from google.cloud.secretmanager_v1 import SecretManagerServiceClient
        from google.cloud.secretmanager_v1.services.secret_manager_service import transports

        with self._lock:
            if location not in self._clients:
                transport: Any = "rest"
                if self._transport == "grpc":
                    maker = transports.SecretManagerServiceGrpcTransport
                    transport = partial(maker, channel=self._channel(maker, asynchronous=False))
                mask_responses()
                client = SecretManagerServiceClient(
                    credentials=self._search.handed, transport=transport, client_options=self._options(location)
                )
                prepare_session(client.transport)
                self._clients[location] = client
            return self._clients[location]

    def _async_client(self, clients: dict[str | None, Any], location: str | None) -> Any:
        """Return the asynchronous client of a region, made on first use, from the clients of one loop."""
        from google.cloud.secretmanager_v1 import SecretManagerServiceAsyncClient
        from google.cloud.secretmanager_v1.services.secret_manager_service import transports

        maker = transports.SecretManagerServiceGrpcAsyncIOTransport
        transport: Any = partial(maker, channel=self._channel(maker, asynchronous=True))
        mask_responses()
        clients[location] = SecretManagerServiceAsyncClient(
            credentials=self._search.handed, transport=transport, client_options=self._options(location)
        )
        return clients[location]

    def _of_this_loop(self) -> dict[str | None, Any]:
        """Return the asynchronous clients of the running loop; those of loops that have ended are dropped."""
        loop = asyncio.get_running_loop()
        with self._lock:
            if loop not in self._async_clients:
                for ended in _closed(self._async_clients):
                    del self._async_clients[ended]
                self._async_clients[loop] = {}
            return self._async_clients[loop]

    def _channel(self, maker: Any, *, asynchronous: bool) -> Any:
        """Return the maker of a transport's channel: the SDK's, but it reconnects sooner."""
        import grpc

        plain = grpc.aio.insecure_channel if asynchronous else grpc.insecure_channel

        def channel(host: str, *, options: Any, **settings: Any) -> Any:
            options = channel_options(options, self._url(None))
            return plain(host, options) if self._plain else maker.create_channel(host, options=options, **settings)

        return channel

    def _url(self, location: str | None) -> str:
        """Return the subject of a question, for the text of an error."""
        if self._endpoint is not None:
            return self._endpoint if "://" in self._endpoint else f"https://{self._endpoint}"
        return f"https://{_host_of(location) or 'secretmanager.googleapis.com'}"

    def _options(self, location: str | None) -> ClientOptions:
        """Return the options for connecting; empty if the SDK's own choice is right."""
        from google.api_core.client_options import ClientOptions

        if self._endpoint is not None:
            endpoint = self._endpoint.rstrip("/")
            return ClientOptions(api_endpoint=endpoint if self._transport == "rest" else endpoint.rpartition("/")[2])
        return ClientOptions(api_endpoint=_host_of(location)) if location is not None else ClientOptions()


def _host_of(location: str | None) -> str | None:
    """Return the host of a region; None for the SDK's own choice."""
    return None if location is None else f"secretmanager.{location}.rep.googleapis.com"


def _closed(loops: Iterable[AbstractEventLoop]) -> list[AbstractEventLoop]:
    return [loop for loop in loops if loop.is_closed()]


def _is_refusal(answer: object) -> bool:
    return isinstance(answer, Failed) and answer.code is FailureCode.UNAUTHENTICATED
