"""A visit: one request of a browser, with all that a view needs to answer it."""

from __future__ import annotations

import secrets
from time import time
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlencode

from starlette.responses import HTMLResponse, RedirectResponse, Response

from secretsource.server.gateway.peers import client_address
from secretsource.server.open_paths.links import NAME, OPERATOR
from secretsource.server.pages.forms import TOKEN, Form
from secretsource.server.pages.guard import CookieForm, cookie_form, page_headers
from secretsource.server.pages.looks.reader import reader_for
from secretsource.server.pages.page import rendered
from secretsource.server.pages.sessions import NOBODY, Role, Session
from secretsource.server.pages.static_files import static_files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from secretsource.issuing import AsyncApiKeys, OwnerRecord
    from secretsource.server.pages.sessions import Sessions
    from secretsource.server.service import Service
    from secretsource.server.settings import PagesSettings

__all__ = ["COOKIES", "Visit"]

COOKIES = {Role.NOBODY: "visit", Role.CUSTOMER: "portal", Role.OPERATOR: "operator"}
"""The bare names of the cookies; a customer and an operator may be signed in side by side."""
ZONE = "secretsource-zone"
"""The cookie in which the script of the pages keeps the time zone of the reader."""


class Visit:
    """One request of a browser.

    Attributes:
        service: The parts of the service.
        sessions: The sessions of the pages.
        request: The request.
        session: The session of the browser; its role is that of the route, or nobody's.
        form: The form that was sent; empty for a GET.
        now: The time of the request, in seconds since 1970 UTC.
        reader: The language and the time zone of the answer.
        may_sign_out: Whether a sign-out of ours ends the session.
        customer: The owner that the customer sees, if it is registered.
    """

    def __init__(self, service: Service, sessions: Sessions, settings: PagesSettings, request: Request) -> None:
        self.service = service
        self.sessions = sessions
        self.settings = settings
        self.request = request
        self.session: Session = NOBODY
        self.form = Form()
        self.now = time()
        self.reader = reader_for(
            request.headers.get("accept-language", ""),
            unquote(request.cookies.get(ZONE, "")),
            now=self.now,
            settings_language=settings.language,
            settings_zone=settings.zone,
        )
        self.translate = self.reader.gettext
        self.may_sign_out = True
        self.customer: OwnerRecord | None = None
        self._cookies: list[str] = []

    @property
    def keys(self) -> AsyncApiKeys:
        """The keys."""
        return self.service.keys

    @property
    def owner(self) -> str:
        """The owner whose pages a customer sees."""
        assert self.session.role is Role.CUSTOMER
        return self.session.subject

    @property
    def actor(self) -> str:
        """The person, as events name it: a customer, whatever its name is, or the operator that made the link."""
        facts, customer = self.session.facts, f"customer {self.session.subject}"
        return facts.get(OPERATOR) or (f"{customer}: {facts[NAME]}" if NAME in facts else customer)

    @property
    def origin(self) -> str | None:
        """The address of the browser."""
        peer = None if self.request.client is None else self.request.client.host
        return client_address(self.request.scope["headers"], peer, self.service.settings.trusted_proxies)

    @property
    def path(self) -> str:
        """The path of ours, such as ``/portal/keys``, wherever the pages are mounted."""
        asked: str = self.request.scope["path"]
        return asked.removeprefix(self.url(""))

    @property
    def is_framed(self) -> bool:
        """Whether the page is shown inside of another one."""
        return self.request.headers.get("sec-fetch-dest") in {"iframe", "frame"}

    @property
    def first(self) -> str | None:
        """The address of the first page of this list, with the search and the filters; None on that page itself."""
        asked = self.request.query_params
        kept = [(name, value) for name, value in asked.multi_items() if value and name != "after"]
        return f"?{urlencode(kept)}" if asked.get("after") else None

    def url(self, path: str) -> str:
        """Return the address of a path of ours, such as ``/portal/keys``, wherever the pages are mounted."""
        root: str = self.request.scope.get("root_path", "")
        return root + path

    def static(self, name: str) -> str:
        """Return the address of a file of ours, such as ``pages.css``."""
        return self.url(f"/static/{static_files(self.settings.accent, self.settings.logo)[name].name}")

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """Answer with a page.

        Args:
            template: The name of the template, such as ``customer/keys.html``.
            status: The status of the answer.
            values: The values of the template, beside those that every page has.
        """
        common = {
            "site": self.settings,
            "session": self.session,
            "form": self.form,
            "form_field": TOKEN,
            "url": self.url,
            "static": self.static,
            "path": self.path,
            "first": self.first,
            "may_sign_out": self.may_sign_out,
            "framed": self.is_framed,
            "who": self.customer.name or self.customer.id if self.customer else self.session.subject,
            "now": self.now,
        }
        return self._finish(HTMLResponse(rendered(self.reader, template, {**common, **values}), status))

    def go(self, path: str) -> Response:
        """Send the browser to another page of ours."""
        return self._finish(RedirectResponse(self.url(path), 303))

    def file(self, body: str, media_type: str, name: str) -> Response:
        """Answer with a file to save.

        Args:
            body: The text of the file.
            media_type: Its media type.
            name: Its name, of letters, digits, ``-`` and ``.``.
        """
        disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
        return self._finish(Response(body, media_type=media_type, headers=disposition))

    def refuse(self, error: Exception, name: str | None = None) -> None:
        """Note in the form why something was refused, beside the field that is wrong.

        Args:
            error: The error of the library.
            name: The field; that of the error when left out, or the whole form if it has no such field.
        """
        place = self.form.place_of(getattr(error, "field", None) or "") if name is None else name
        self.form.wrong(place, self.reader.refusal(error))

    def greet(self) -> None:
        """Give a browser that is not signed in a cookie, which the token of the next form follows from."""
        self.keep(Session(Role.NOBODY, cookie=secrets.token_urlsafe(32)))

    async def sign_in(self, role: Role, subject: str, facts: Mapping[str, str] | None = None) -> None:
        """Start a session with a new cookie.

        Args:
            role: The role of the person.
            subject: The owner whose keys a customer sees, or the name of an operator.
            facts: More about the person.
        """
        await self.enter(await self.sessions.begin(role, subject, facts))

    async def enter(self, session: Session) -> None:
        """Have the browser keep a session that has begun; an earlier session of the browser in this role ends."""
        await self.sessions.end(Session(session.role, cookie=self.cookie(session.role)))
        self.drop(Role.NOBODY)
        self.keep(session)

    async def sign_out(self) -> None:
        """End the session."""
        await self.sessions.end(self.session)
        self.drop(self.session.role)

    def keep(self, session: Session) -> None:
        """Have the browser keep the cookie of a session."""
        self.session = session
        self._cookies.append(self._form_of(session.role).header(session.cookie))

    def drop(self, role: Role) -> None:
        """Have the browser forget the cookie of a role."""
        self.session = NOBODY
        self._cookies.append(self._form_of(role).header("", life=0))

    def cookie(self, role: Role) -> str:
        """Return the cookie of a role that the browser sent; empty without one."""
        return self.request.cookies.get(self._form_of(role).name, "")

    def _form_of(self, role: Role) -> CookieForm:
        return cookie_form(COOKIES[role], self.request.url.scheme, self.request.headers.get("host", ""))

    def _finish(self, response: Response) -> Response:
        is_of_customers = self.path.startswith("/portal")
        response.headers.update(page_headers(self.settings.frame_ancestors if is_of_customers else ()))
        for cookie in self._cookies:
            response.headers.append("Set-Cookie", cookie)
        return response
