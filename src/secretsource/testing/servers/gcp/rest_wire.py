"""REST in front of a service: the messages in their JSON form, as ``transport="rest"`` speaks it."""

from __future__ import annotations

import json
from base64 import b64decode
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from secretsource.testing.servers._http import LocalServer, serving
from secretsource.testing.servers.gcp.service import METHODS
from secretsource.testing.servers.gcp.store import Refusal

if TYPE_CHECKING:
    from collections.abc import Generator

    from secretsource.testing.servers.gcp.service import Service

HTTP_STATUS = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL": 500,
    "UNKNOWN": 500,
    "DATA_LOSS": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
"""https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto"""


@contextmanager
def rest_wire(service: Service) -> Generator[int]:
    """Serve; yield the port."""

    class Request(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            headers = {key.lower(): value for key, value in self.headers.items()}
            sent = self.rfile.read(int(headers.get("content-length", 0)))
            status, body, more = _answer(service, self.path, headers, sent)
            head = [f"HTTP/1.1 {status} Answered", f"Content-Length: {len(body)}", "Content-Type: application/json"]
            self.wfile.write("\r\n".join([*head, *more, "", ""]).encode() + body)

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    with serving(LocalServer(("127.0.0.1", 0), Request)) as port:
        yield port


def _answer(service: Service, target: str, headers: dict[str, str], sent: bytes) -> tuple[int, bytes, list[str]]:
    url = urlsplit(target)
    path, query = unquote(url.path).removeprefix("/v1/"), parse_qs(url.query)
    method, fields = _writing(path, query, json.loads(sent)) if sent else _question(path, query)
    request, response = METHODS[method]
    try:
        message = service.call(method, request(**fields), headers)
    except Refusal as refusal:
        return _error(refusal)
    if isinstance(message, bytes):
        return 200, b"<html>" + message, []
    return 200, response.to_json(message, use_integers_for_enums=True).encode(), []


def _writing(path: str, query: dict[str, list[str]], body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    if path.endswith(":addVersion"):
        data = b64decode(body["payload"]["data"])
        return "AddSecretVersion", {"parent": path.removesuffix(":addVersion"), "payload": {"data": data}}
    return "CreateSecret", {"parent": path.removesuffix("/secrets"), "secret_id": query["secretId"][0]}


def _question(path: str, query: dict[str, list[str]]) -> tuple[str, dict[str, Any]]:
    if path.endswith(":access"):
        return "AccessSecretVersion", {"name": path.removesuffix(":access")}
    if not path.endswith("/versions"):
        return "GetSecret", {"name": path}
    given = {key: values[0] for key, values in query.items()}
    return "ListSecretVersions", {
        "parent": path.removesuffix("/versions"),
        "filter": given.get("filter", ""),
        "page_size": int(given.get("pageSize", 0)),
        "page_token": given.get("pageToken", ""),
    }


def _error(refusal: Refusal) -> tuple[int, bytes, list[str]]:
    status = HTTP_STATUS[refusal.status]
    details, headers = [], []
    if refusal.reason:
        details.append({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": refusal.reason})
    if refusal.wait is not None:
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{refusal.wait}s"})
        headers.append(f"Retry-After: {int(refusal.wait)}")
    error = {"code": status, "message": refusal.message, "status": refusal.status, "details": details}
    return status, json.dumps({"error": error}).encode(), headers
