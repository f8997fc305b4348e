"""A browser without scripts: it keeps cookies, sends what a browser sends, and finds the forms of a page."""

from __future__ import annotations

from html import unescape
from re import DOTALL, findall, search
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tests.server.asgi_client import Answer, Client

from secretsource.server.open_paths.links import new_link

if TYPE_CHECKING:
    from secretsource.issuing import AsyncApiKeys

__all__ = ["Browser", "fields_of"]

HOST = "127.0.0.1:8811"
TYPE = "application/x-www-form-urlencoded"


class Browser:
    """A browser with a jar of cookies.

    Args:
        app: The application.
        keys: Its keys, for links.
        host: The host that it calls.
    """

    def __init__(self, app: Any, keys: AsyncApiKeys, host: str = HOST) -> None:
        self._client = Client(app)
        self.keys = keys
        self.host = host
        self.jar: dict[str, str] = {}
        self.page = ""
        self.cookies: list[str] = []

    async def get(self, target: str, **headers: str) -> Answer:
        """Open a page."""
        return await self._ask("GET", target, b"", headers)

    @property
    def token(self) -> str:
        """The token of the forms of the last page."""
        tokens: list[str] = findall(r'name="form_token" value="([^"]*)"', self.page)
        return tokens[-1] if tokens else ""

    async def post(self, target: str, fields: dict[str, Any] | None = None, **headers: str | None) -> Answer:
        """Send the fields, with the token of the last page, from our own page."""
        given = {"form_token": self.token, **(fields or {})}
        return await self.send(target, urlencode(given, doseq=True).encode(), None, **headers)

    async def send(self, target: str, body: bytes, media_type: str | None, **headers: str | None) -> Answer:
        """Send a body; a header of None is left out."""
        sent = {"sec_fetch_site": "same-origin", "content_type": media_type or TYPE, **headers}
        return await self._ask("POST", target, body, {name: value for name, value in sent.items() if value is not None})

    async def sign_in(self, owner: str, name: str | None = None) -> Answer:
        """Sign in as a customer, or a person of it, by a link; return the page after it."""
        link = (await new_link(self.keys, owner, name)).plaintext
        await self.get(f"/portal/sign-in?link={link}")
        answer = await self.post("/portal/sign-in", {"link": link})
        assert answer.status == 303, (answer.status, answer.body)
        return await self.get(answer.headers["location"])

    async def _ask(self, method: str, target: str, body: bytes, headers: dict[str, str]) -> Answer:
        cookies = {"cookie": "; ".join(f"{name}={value}" for name, value in self.jar.items())} if self.jar else {}
        answer = await self._client(method, target, body=body, **{"host": self.host, **cookies, **headers})
        self.cookies.extend(answer.cookies)
        for cookie in answer.cookies:
            name, _, rest = cookie.partition("=")
            self.jar[name] = rest.partition(";")[0]
            if "Max-Age=0" in rest:
                self.jar.pop(name, None)
        if b"<html" in answer.body:
            self.page = answer.body.decode()
        return answer


def fields_of(page: str, action: str) -> dict[str, str]:
    """Return the hidden fields of the form with an action."""
    form = search(rf'<form[^>]*action="{action}".*?</form>', page, DOTALL)
    assert form is not None, action
    return {name: unescape(value) for name, value in findall(r'name="([^"]*)" value="([^"]*)"', form[0])}
