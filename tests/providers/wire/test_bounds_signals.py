"""A signal that raises in a call leaves no bounds behind for the next one of this thread."""

from __future__ import annotations

from contextvars import copy_context
from time import monotonic
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from tests.signals import at_each_place, tell

from secretsource.providers._aws.client import AwsClients
from secretsource.providers._gcp.client import GcpClients
from secretsource.providers._gcp.question import Question
from secretsource.providers._wire.bounded_http import bounded, bounds_of_call

if TYPE_CHECKING:
    from collections.abc import Callable


def aws() -> Callable[[], object]:
    """A call to AWS, up to the client that was given."""
    clients = AwsClients(
        "secretsmanager",
        region=None,
        profile=None,
        endpoint_url=None,
        connect_timeout=1.0,
        read_timeout=2.0,
        attempts=1,
        session=None,
        client=SimpleNamespace(meta=SimpleNamespace(region_name="eu-west-1"), get_secret_value=dict),
        trusted=True,
    )
    clients._given_is_bound = True
    return lambda: clients.ask("get_secret_value", region=None, deadline=monotonic() + 5)


def gcp() -> Callable[[], object]:
    """A call to Google Cloud, up to the client that was made."""
    clients = GcpClients(transport="rest", endpoint=None, quota_project=None, credentials=None, trusted=True)
    search: Any = SimpleNamespace(has_token=True)
    clients._search = search
    clients._clients = {None: SimpleNamespace(access_secret_version=lambda **_: "answer")}
    return lambda: clients._ask_once(Question("access_secret_version", {}, None), monotonic() + 5)


def block() -> Callable[[], object]:
    """A block that is held to bounds."""

    def act() -> None:
        with bounded(monotonic() + 5):
            assert bounds_of_call.get() is not None

    return act


def judge(_: Callable[[], object], ended: bool) -> None:
    """Nothing is bounded any more, whether the call came to its end or not."""
    assert bounds_of_call.get() is None


@pytest.mark.parametrize("prepare", [aws, gcp, block])
def test_no_bounds_are_left(
    prepare: Callable[[], Callable[[], object]], record_property: Callable[[str, object], None]
) -> None:
    """At each moment at which a signal is heard."""
    in_another = copy_context()  # so that bounds that are left would not reach other tests
    count = in_another.run(lambda: at_each_place(prepare, lambda act: act(), None, judge, "moments"))
    tell(record_property, f"the bounds of a call ({prepare.__name__})", count)
