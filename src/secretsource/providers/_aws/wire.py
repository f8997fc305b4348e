"""One client of botocore: our calls get the deadline and the size limit, and other calls are unchanged.

The connections are urllib3's, from pools that botocore chooses by scheme; ours are bounded. botocore's events only
bound the time between two attempts. No attempt starts after the deadline, and no wait starts that could outlast it.
"""

from __future__ import annotations

from functools import cache
from time import monotonic
from typing import TYPE_CHECKING, Any

from secretsource.providers._aws.errors import DeadlinePassed
from secretsource.providers._meaning import wait_of
from secretsource.providers._wire.bounded_http import TooLarge, bounded_pool, bounds_of_call
from secretsource.providers._wire.proxies import is_here

if TYPE_CHECKING:
    from botocore.awsrequest import AWSRequest
    from botocore.model import OperationModel

__all__ = ["bind", "make_stay_here", "stay_here"]


def bind(client: Any) -> None:
    """Hold one client to the bounds of the call that its thread is in."""
    http = client._endpoint.http_session
    http._pool_classes_by_scheme.update(_pool_classes())
    http.close()  # a ready-made client's open connections have no bounds
    events = client.meta.events
    events.register("request-created", _begin_attempt, unique_id="secretsource-begin-attempt")
    service = client.meta.service_model.service_id.hyphenize()
    events.register_first(f"needs-retry.{service}", _refuse_late_retry, unique_id="secretsource-refuse-late-retry")


def stay_here(client: Any) -> None:
    """Let a client whose server is this machine ask no proxy of the environment; one that is set is asked."""
    if client.meta.config.proxies is None and is_here(client.meta.endpoint_url):
        from botocore.httpsession import ProxyConfiguration

        client._endpoint.http_session._proxy_config = ProxyConfiguration()


def make_stay_here(core: Any) -> None:
    """Do the same for every client that a session of botocore makes, as for those that fetch credentials."""
    make = core.create_client

    def create_client(*arguments: Any, **settings: Any) -> Any:
        client = make(*arguments, **settings)
        stay_here(client)
        return client

    core.create_client = create_client


@cache
def _pool_classes() -> dict[str, Any]:
    from botocore.awsrequest import AWSHTTPConnectionPool, AWSHTTPSConnectionPool

    return {"http": bounded_pool(AWSHTTPConnectionPool), "https": bounded_pool(AWSHTTPSConnectionPool)}


def _begin_attempt(request: AWSRequest, **_: Any) -> None:
    bounds = bounds_of_call.get()
    if bounds is None:
        return
    left = bounds.deadline - monotonic()
    if left <= 0:
        raise DeadlinePassed
    request.context["read_timeout"] = min(bounds.reading, left)  # also for a transport that is not urllib3's


def _refuse_late_retry(
    attempts: int, response: Any, caught_exception: Exception | None, operation: OperationModel, **_: Any
) -> None:
    """End a call with its last error when the wait before a retry could outlast the deadline, or cannot help."""
    bounds = bounds_of_call.get()
    if bounds is None or (response is not None and response[0].status_code < 300):
        return
    if bounds.deadline - monotonic() > _longest_wait(attempts, response) and not _is_too_large(caught_exception):
        return
    if response is None:
        raise caught_exception or DeadlinePassed
    from botocore.exceptions import ClientError

    raise ClientError(response[1], operation.name)


def _is_too_large(error: Exception | None) -> bool:
    return isinstance(getattr(error, "kwargs", {}).get("error"), TooLarge)


def _longest_wait(attempts: int, response: Any) -> float:
    """Return the seconds that botocore may sleep before the next attempt: 1 s doubling, or as AWS asks."""
    asked = None if response is None else wait_of(response[0].headers.get("x-amz-retry-after"))
    return 2.0 ** (attempts - 1) + min((asked or 0.0) / 1000, 5.0)
