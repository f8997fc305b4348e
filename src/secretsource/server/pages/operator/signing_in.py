"""Sign an operator in by a root key or at the provider, and out.

The root key is checked as for the management API, so a wrong one costs as long and is bounded as there. Its text is
never written: not into the page, the address, the session or a log.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse

from secretsource.issuing import NO_SCOPE, HttpAnswer
from secretsource.server.oidc.attempt import LASTS
from secretsource.server.pages.guard import CookieForm, cookie_form, page_headers
from secretsource.server.pages.looks.words import REFUSALS
from secretsource.server.pages.operator.desk import Desk, facts_of_person, facts_of_root_key, view
from secretsource.server.pages.operator.provider import sign_in_at
from secretsource.server.pages.sessions import NOBODY, Role
from secretsource.server.pages.view import View
from secretsource.server.problems import Problem

if TYPE_CHECKING:
    from starlette.responses import Response

    from secretsource.server.oidc.sign_in import OidcSignIn
    from secretsource.server.pages.visit import Visit

__all__ = ["VIEWS"]

KEY = "key"
"""The field with the root key."""
ATTEMPT = "attempt"
"""The bare name of the cookie of a sign-in at the provider."""
_EXACT = frozenset({"token_refused"})
"""Refusals whose detail says more than their words; it helps the administrator of the provider, and is in English."""


async def show(visit: Visit) -> Response:
    """Show both ways to sign in, and give the browser a cookie that the form belongs to."""
    return _door(visit)


async def sign_in(visit: Visit) -> Response:
    """Check the root key, and begin a session with a new cookie."""
    headers = [(b"x-api-key", visit.form.text(KEY).encode())]
    caller = await visit.service.root.authenticate(headers, visit.origin, NO_SCOPE)
    del headers
    if isinstance(caller, HttpAnswer):
        visit.form.wrong(KEY, _refusal(visit, caller))
        return _door(visit, caller.status)
    record = caller.record
    return await _begin(visit, record.name or f"{record.prefix}_{record.key_id[:4]}…", facts_of_root_key(record))


async def depart(visit: Visit) -> Response:
    """Send the browser to the provider."""
    try:
        departure = await _oidc(visit).depart()
    except Problem as problem:
        return _told(visit, problem)
    answer = RedirectResponse(departure.address, 303, page_headers(()))
    answer.headers.append("Set-Cookie", _attempt_cookie(visit).header(departure.cookie, life=LASTS))
    return answer


async def arrive(visit: Visit) -> Response:
    """Take the browser back from the provider, and begin a session; the attempt is over in any case."""
    cookie, oidc = _attempt_cookie(visit), visit.settings.oidc
    try:
        person = await _oidc(visit).arrive(visit.request.cookies.get(cookie.name), visit.request.query_params)
    except Problem as problem:
        answer = _told(visit, problem)
    else:
        assert oidc is not None, "it let the person in"
        facts = facts_of_person(oidc.issuer, person.rule)
        answer = await _begin(visit, person.name, {**facts, "sub": person.subject})
    answer.headers.append("Set-Cookie", cookie.header("", life=0))
    return answer


async def sign_out(visit: Visit) -> Response:
    """End the session."""
    await visit.sign_out()
    return visit.go("/operator/sign-in")


async def home(desk: Desk) -> Response:
    """Go to the first page that the operator may see."""
    tabs = desk.tabs()
    return desk.go(tabs[0][0]) if tabs else desk.page("operator/nothing.html")


async def _begin(visit: Visit, name: str, facts: dict[str, str]) -> Response:
    await visit.sign_in(Role.OPERATOR, name, facts)
    return visit.go("/operator")


def _door(visit: Visit, status: int = 200) -> Response:
    """Show the form; a browser keeps the cookie that it has, so that several windows work."""
    if not visit.session.cookie:
        visit.greet()
    return visit.page("operator/sign-in.html", status, has_provider=visit.settings.oidc is not None)


def _refusal(visit: Visit, answer: HttpAnswer) -> str:
    """Return why a root key is refused, as far as its holder may know."""
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return visit.translate("This key has used up its rate: try again later.")
    if answer.status == HTTPStatus.SERVICE_UNAVAILABLE:
        return visit.translate("Keys cannot be checked now: try again in a moment.")
    return visit.translate("This is not a root key that is accepted here.")


def _told(visit: Visit, problem: Problem) -> Response:
    """Say why a person was not let in."""
    visit.session = NOBODY
    said = visit.translate(REFUSALS[problem.code])
    exact = problem.detail if problem.code in _EXACT else ""
    return visit.page("operator/not-signed-in.html", problem.status, message=said, exact=exact)


def _oidc(visit: Visit) -> OidcSignIn:
    if visit.settings.oidc is None:
        raise Problem(404, "not_found", "operators of this service sign in by a root key")
    return sign_in_at(visit.settings.oidc)


def _attempt_cookie(visit: Visit) -> CookieForm:
    return cookie_form(ATTEMPT, visit.request.url.scheme, visit.request.headers.get("host", ""))


VIEWS = (
    View("GET", "/operator/sign-in", "showOperatorSignIn", Role.NOBODY, show),
    View("POST", "/operator/sign-in", "signInOperator", Role.NOBODY, sign_in),
    View("GET", "/operator/sign-in/provider", "leaveForProvider", Role.NOBODY, depart),
    View("GET", "/operator/sign-in/back", "returnFromProvider", Role.NOBODY, arrive),
    View("POST", "/operator/sign-out", "signOutOperator", Role.OPERATOR, sign_out),
    view("GET", "/operator", "showOperatorHome", "", home),
)
