"""HTTPS in front of a vault."""

from __future__ import annotations

import json
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from secretsource.testing.servers._http import LocalServer

if TYPE_CHECKING:
    import ssl

    from secretsource.testing.servers.azure.answers import Answer
    from secretsource.testing.servers.azure.vault import KeyVault

__all__ = ["HttpsServer"]


class Handler(BaseHTTPRequestHandler):
    """A handler of HTTP/1.1 with connections that stay open."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Any

    def do_GET(self) -> None:
        """Read a request, and write the vault's answer."""
        url = urlsplit(self.path)
        vault: KeyVault = self.server.vault
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        answer = vault.answer(
            self.command,
            url.path,
            {key: values[0] for key, values in parse_qs(url.query).items()},
            json.loads(body or "{}")
            if self.command == "PUT"
            else {key: values[0] for key, values in parse_qs(body).items()},
            self.headers.get("Authorization", "").removeprefix("Bearer "),
        )
        if answer.status:
            vault.calls.append((self.command, url.path, answer.status))
        with suppress(OSError):  # the client has stopped waiting for the answer
            self._write(answer)

    do_POST = do_PUT = do_GET

    def _write(self, answer: Answer) -> None:
        if answer.status == 0:
            self.close_connection = True
            return
        self.send_response(answer.status)
        headers = {"Content-Type": "application/json; charset=utf-8", "x-ms-request-id": "0", **answer.headers}
        for header, value in headers.items():
            self.send_header(header, value)
        self.send_header("Content-Length", str(len(answer.body) * 2 if answer.torn else len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)
        self.close_connection = self.close_connection or answer.torn

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""


class HttpsServer(LocalServer):
    """A server that shakes hands in the thread of the connection, so that a silent client cannot stop the others.

    Args:
        context: The TLS context with the certificate.
    """

    vault: KeyVault

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self._context = context

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve one connection."""
        with suppress(OSError), self._context.wrap_socket(request, server_side=True) as secure:
            super().finish_request(secure, client_address)
