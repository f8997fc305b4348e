"""The last step: the service that manages and checks keys over HTTP, asked as another program would ask it."""

from __future__ import annotations

import json
from contextlib import ExitStack
from http.client import HTTPConnection
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from secretsource.cli.demo.scene import Step, expect

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from secretsource.cli.demo.scene import Scene
    from secretsource.server.service import Service
    from secretsource.server.settings import ServerSettings

__all__ = ["SERVICE_STEPS", "Desk"]


class Desk:
    """The service on loopback, with a store of its own and a root key.

    Args:
        scene: The scene that it is part of.

    Attributes:
        url: The address of the service.
        root_file: The file with the root key, which only this user may read.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._resources = ExitStack()
        self._root = ""
        self.url = ""
        self.root_file = scene.folder / "root.key"

    def __enter__(self) -> Self:
        from secretsource.server.app import Application
        from secretsource.server.settings import Route, ServerSettings
        from secretsource.testing.asgi_server import asgi_server

        settings = ServerSettings(
            trusted_proxies=(ip_network("127.0.0.1"),), routes=(Route("*", "/invoices/*", "invoices:read"),)
        )
        self.url = self._resources.enter_context(asgi_server(Application(settings, self._open)))
        self._ask("GET", "/livez", {}, None, 200)  # answered when the service has started
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._resources.close()

    async def _open(self, settings: ServerSettings) -> Service:
        """Open the keys, and make the first root key as ``serve --init`` does."""
        from secretsource.issuing import AsyncApiKeys
        from secretsource.server.rights import EVERYTHING, ROOT_OWNER, ROOT_PREFIX
        from secretsource.server.root_keys import RootKeys
        from secretsource.server.service import Service

        pepper = self._scene.new_value("pepper of the service")
        keys = await AsyncApiKeys.open(f"sqlite:///{self._scene.folder / 'service.db'}", peppers=[pepper])
        root = await keys.issue(owner=ROOT_OWNER, prefix=ROOT_PREFIX, scopes=EVERYTHING)
        self._root = root.plaintext
        self._scene.hide(self._root)
        self.root_file.touch(0o600)
        self.root_file.write_text(f"{self._root}\n", encoding="ascii")
        return Service(keys, settings, RootKeys(keys))

    def manage(self, path: str, document: dict[str, Any], *, expected: int) -> dict[str, Any]:
        """Send a document to the management API, with the root key."""
        self._scene.say(f"$ curl {self.url}/v1/{path} -d '{json.dumps(document)}'")
        headers = {"Authorization": f"Bearer {self._root}", "Content-Type": "application/json"}
        answer: dict[str, Any] = json.loads(self._ask("POST", f"/v1/{path}", headers, json.dumps(document), expected))
        return answer

    def pass_on(self, key: str | None, path: str, *, expected: int) -> None:
        """Ask as a gateway does, whether a request may pass."""
        self._scene.say(f"a gateway asks about GET {path}, {'with the key' if key else 'without a key'}")
        bearer = {} if key is None else {"Authorization": f"Bearer {key}"}
        original = {"X-Forwarded-Method": "GET", "X-Forwarded-Uri": path}
        self._ask("GET", "/v1/forward-auth", {**original, **bearer}, None, expected)

    def _ask(self, method: str, path: str, headers: dict[str, str], body: str | None, expected: int) -> bytes:
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=10)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            received = answer.read()
        finally:
            connection.close()
        if path != "/livez":
            self._scene.say(f"HTTP/1.1 {answer.status} {answer.reason}")
        expect(answer.status == expected, f"the service answers {expected}")
        return received


def manages_keys_over_http(scene: Scene) -> None:
    """Issue a key over HTTP, have it checked for a gateway, rotate it and revoke it."""
    desk = scene.part(Desk)
    scene.say(f"the service is at {desk.url}, its documentation at {desk.url}/docs")
    wanted = {"owner": "ada", "prefix": "acme", "scopes": ["invoices:read"], "rate_limit": "2/minute"}
    issued = desk.manage("keys", wanted, expected=201)
    scene.hide(issued["key"])
    scene.say(f"issued {issued['display']}")
    desk.pass_on(issued["key"], "/invoices/7", expected=200)
    desk.pass_on(None, "/invoices/7", expected=401)
    desk.pass_on(issued["key"], "/orders", expected=403)
    desk.pass_on(issued["key"], "/invoices/8", expected=200)
    desk.pass_on(issued["key"], "/invoices/9", expected=429)
    rotated = desk.manage(f"keys/{issued['key_id']}:rotate", {"overlap": 86400}, expected=201)
    scene.hide(rotated["key"])
    desk.manage(f"keys/{issued['key_id']}:revoke", {"reason": "the demo ends"}, expected=200)
    desk.pass_on(issued["key"], "/invoices/7", expected=401)
    scene.say(f"{rotated['display']} stays valid, and goes on with the limits of {issued['display']}")
    desk.pass_on(rotated["key"], "/invoices/7", expected=429)


SERVICE_STEPS: tuple[Step, ...] = (
    Step("the same as a service: keys managed over HTTP, and checked for a gateway", manages_keys_over_http),
)
