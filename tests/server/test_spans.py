"""Spans of OpenTelemetry: one for each request, without a secret, and nothing at all while they are off."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased
from tests.server.asgi_client import Client

from secretsource.exceptions import ConfigurationError
from secretsource.server.app import build
from secretsource.server.news import spans
from secretsource.server.news.spans import Spans
from secretsource.server.service import Service
from secretsource.server.settings import ServerSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan
    from tests.server.conftest import World

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    """The place where finished spans are kept."""
    return InMemorySpanExporter()


@pytest.fixture
def provider(exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch) -> TracerProvider:
    """The provider of spans of this process, for one test."""
    made = TracerProvider()
    made.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: made)
    return made


@pytest.fixture
def traced(world: World, provider: TracerProvider) -> Client:
    """A client of a service that makes spans."""
    assert provider is not None
    assert world.app.service is not None
    settings = ServerSettings(traces=True, trusted_proxies=(ip_network("192.0.2.0/24"),), default_scope="invoices:read")
    return Client(build(Service(world.keys, settings, world.app.service.root)), world.root.key)


def told(finished: Sequence[ReadableSpan]) -> list[tuple[str, Any, Any]]:
    """The name, the operation and the status of each span."""
    found = []
    for span in finished:
        assert span.attributes is not None
        found.append(
            (span.name, span.attributes["secretsource.operation"], span.attributes["http.response.status_code"])
        )
    return found


async def test_each_request_is_a_span(world: World, traced: Client, exporter: InMemorySpanExporter) -> None:
    """Of the management API, of checks and of gateways, by the names that the figures and the document have."""
    made = await world.customer_key()
    await traced("GET", f"/v1/keys/{made.record.key_id}")
    await traced("POST", "/v1/keys:verify", {"key": made.plaintext, "scope": None})
    await traced("POST", "/v1/keys:verifyBatch", {"keys": []})
    await traced.by(made.plaintext)("GET", "/v1/forward-auth/a", x_forwarded_method="GET")
    await traced("GET", "/canary")
    await traced("BREW", "/canary")
    assert told(exporter.get_finished_spans()) == [
        ("GET /v1/keys/{key_id}", "getKey", 200),
        ("POST /v1/keys:verify", "verifyKey", 200),
        ("POST /v1/keys:verifyBatch", "verifyKeys", 422),
        ("GET /v1/forward-auth", "forwardAuth", 400),
        ("GET", "none", 404),
        ("_OTHER", "none", 404),
    ]
    assert {span.kind for span in exporter.get_finished_spans()} == {trace.SpanKind.SERVER}


async def test_a_span_tells_no_secret(world: World, traced: Client, exporter: InMemorySpanExporter) -> None:
    """No key, owner, id, address, query or header is in its name, its attributes or its events."""
    made = await world.customer_key("canary-owner", name="canary-name")
    await traced("GET", f"/v1/keys/{made.record.key_id}?canary=1", user_agent="canary")
    await traced("GET", "/v1/owners/canary-owner")
    await traced("POST", "/v1/keys:verify", {"key": made.plaintext, "scope": None})
    await traced("POST", "/v1/keys:surrender", {"reason": "canary"}, authorization=f"Bearer {made.plaintext}")
    shown = "".join(span.to_json() for span in exporter.get_finished_spans())
    assert len(exporter.get_finished_spans()) == 4
    for secret in ("canary", made.plaintext, made.plaintext[14:60], made.record.key_id, "192.0.2.7", str(traced.key)):
        assert secret not in shown


async def test_a_span_continues_the_trace_of_the_request(traced: Client, exporter: InMemorySpanExporter) -> None:
    """As `traceparent` names it; without one, or with one that is malformed, a trace begins."""
    await traced("GET", "/v1/keys", traceparent=f"00-{TRACE}-{PARENT}-01", tracestate="shop=1")
    for malformed in ("", "00-x-y-01", "\xff" * 60, f"00-{'0' * 32}-{PARENT}-01"):
        await traced("GET", "/v1/keys", traceparent=malformed)
    await traced("GET", "/v1/keys")
    first, *others = exporter.get_finished_spans()
    assert first.context is not None
    assert first.parent is not None
    assert (f"{first.context.trace_id:032x}", f"{first.parent.span_id:016x}") == (TRACE, PARENT)
    assert first.context.trace_state["shop"] == "1"
    assert [span.parent for span in others] == [None] * 5


async def test_a_span_is_current_while_the_request_is_answered(
    provider: TracerProvider, exporter: InMemorySpanExporter
) -> None:
    """So the spans of a driver of the store are below it; a defect marks it, and none of its text is told."""

    async def app(*_: Any) -> None:
        with trace.get_tracer("driver").start_as_current_span("SELECT"):
            pass
        raise RuntimeError("canary")

    with pytest.raises(RuntimeError, match="canary"):
        await Client(Spans(provider).around(app, "verifyKey", "/v1/keys:verify"))("POST", "/v1/keys:verify", {})
    below, span = exporter.get_finished_spans()
    assert below.parent == span.context
    assert "canary" not in span.to_json()


async def test_a_failure_of_the_service_marks_its_span(
    provider: TracerProvider, exporter: InMemorySpanExporter
) -> None:
    """A status of 5xx is an error, and a refusal of a key is not."""

    def app_of(status: int) -> Any:
        async def app(_: Any, __: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        return app

    for status in (401, 503):
        await Client(Spans(provider).around(app_of(status), "verifyKey", "/v1/keys:verify"))("POST", "/", {})
    refused, failed = exporter.get_finished_spans()
    assert (refused.status.is_ok, failed.status.is_ok) == (True, False)
    assert failed.attributes is not None
    assert failed.attributes["error.type"] == "503"


@pytest.mark.parametrize("carried", ["", f"00-{TRACE}-{PARENT}-01"])
async def test_a_span_that_is_not_recorded_keeps_those_below_it_unrecorded(
    carried: str, exporter: InMemorySpanExporter
) -> None:
    """A sampler decides for the whole trace, and the trace goes on to other services."""
    provider = TracerProvider(sampler=ALWAYS_OFF)
    below = TracerProvider(sampler=ParentBased(ALWAYS_ON))
    below.add_span_processor(SimpleSpanProcessor(exporter))
    traces: list[int] = []

    async def app(_: Any, __: Any, send: Any) -> None:
        with below.get_tracer("driver").start_as_current_span("SELECT") as span:
            traces.append(span.get_span_context().trace_id)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    serve = Spans(provider).around(app, "verifyKey", "/v1/keys:verify")
    assert (await Client(serve)("POST", "/v1/keys:verify", {}, traceparent=carried)).status == 200
    assert exporter.get_finished_spans() == ()
    assert not carried or traces == [int(TRACE, 16)]


async def test_a_span_that_nobody_records_is_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a provider, the application answers with nothing in between."""
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    sends: list[Any] = []

    async def app(_: Any, __: Any, send: Any) -> None:
        sends.append(send)

    async def send(_: Any) -> None:
        raise AssertionError("nothing is sent")

    await Spans().around(app, "verifyKey", "/v1/keys:verify")({"method": "POST", "headers": []}, None, send)  # type: ignore[arg-type]  # nothing is received
    assert sends == [send]


async def test_spans_are_off_by_default(world: World, exporter: InMemorySpanExporter, provider: TracerProvider) -> None:
    """Also in a process that has a provider; the framework makes none by itself, which would have paths and queries."""
    assert provider is not None
    assert (await world.root("GET", "/v1/keys")).status == 200
    assert exporter.get_finished_spans() == ()


@pytest.mark.parametrize(
    ("module", "absent"),
    [("secretsource.server.news.spans", "opentelemetry"), ("secretsource.server.app", "opentelemetry.sdk")],
)
def test_a_service_without_spans_loads_nothing_for_them(module: str, absent: str) -> None:
    """Neither the API of OpenTelemetry nor its SDK; some versions of the framework load the API by themselves."""
    program = f"import sys, {module}; sys.exit(any(f'{{name}}.'.startswith('{absent}.') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 0


async def test_spans_need_their_package(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service does not start without it, and the sentence names the extra; a reload leaves it as it is."""
    assert world.app.service is not None

    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(spans, "import_module", missing)
    with pytest.raises(ConfigurationError, match=r"pip install 'secretsource\[otel\]'"):
        build(replace(world.app.service, settings=ServerSettings(traces=True)))
