"""The desk of an operator: a visit, and the rights of the person, read anew for each request.

The rights are those of a root key. A session by a root key keeps the id of the key and the scopes that it had. A
session by a provider keeps its name, and the line of the settings that made the person an operator. So a session ends
with the key, with the line, or with another provider.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from secretsource.issuing import KeyRecord
from secretsource.server.pages.looks.words import mark
from secretsource.server.pages.sessions import Role
from secretsource.server.pages.view import View
from secretsource.server.problems import Problem
from secretsource.server.rights import BOUND, ROOT_OWNER, ROOT_PREFIX, RootCaller, covers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping
    from typing import TypeAlias

    from starlette.responses import Response

    from secretsource.issuing import AsyncApiKeys, HistoryEvent
    from secretsource.server.oidc.settings import OperatorRule
    from secretsource.server.pages.forms import Form
    from secretsource.server.pages.visit import Visit
    from secretsource.server.service import Service

    Work: TypeAlias = Callable[["Desk"], Awaitable[Response]]

__all__ = ["LINES", "MOST_COUNTED", "TABS", "Desk", "facts_of_person", "facts_of_root_key", "view"]

LINES = 30
"""Lines on a page."""
MOST_COUNTED = 200
"""Records of a customer or a plan that a page counts; it says so where there are more."""
TABS = (
    ("/operator/owners", mark("Customers"), "owners:read"),
    ("/operator/keys", mark("Keys"), "keys:read"),
    ("/operator/plans", mark("Plans"), "plans:read"),
    ("/operator/attention", mark("Attention"), "keys:read"),
    ("/operator/events", mark("Events"), "events:read"),
    ("/operator/root-keys", mark("Root keys"), "root:read"),
    ("/operator/health", mark("Health"), "root:read"),
)
"""The pages of the bar, each with the scope that it needs."""
_UNBOUND = frozenset({"/operator/plans", "/operator/health"})
"""Pages about more than one customer: a root key that is bound to a customer does not see them."""


@dataclass(frozen=True, slots=True)
class Desk:
    """One request of an operator.

    Attributes:
        visit: The request.
        caller: The rights, as those of a root key.
        actor: The operator, as events name it.
    """

    visit: Visit
    caller: RootCaller
    actor: str

    @property
    def service(self) -> Service:
        """The parts of the service."""
        return self.visit.service

    @property
    def keys(self) -> AsyncApiKeys:
        """The keys."""
        return self.visit.keys

    @property
    def form(self) -> Form:
        """The form that was sent."""
        return self.visit.form

    def may(self, scope: str) -> bool:
        """Return whether the operator has a scope."""
        return covers(self.caller.record.scopes, scope)

    @property
    def sees_all(self) -> bool:
        """Return whether the operator sees more than one customer."""
        return self.caller.owner is None

    def by(self, reason: str | None = None) -> dict[str, Any]:
        """Return the author of a change, for its event."""
        told = {} if reason is None else {"reason": reason[:255] or None}
        return {**self.caller.by, "actor": self.actor, **told}

    def asked(self, name: str) -> str:
        """Return a parameter of the address, without outer blanks; empty without one."""
        return self.visit.request.query_params.get(name, "").strip()[:255]

    def position(self) -> int | None:
        """Return the position in the feed that a page goes on behind; None for its beginning."""
        text = self.asked("after")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None

    def query(self, **parameters: str) -> str:
        """Return parameters as an address has them; any id may be in one."""
        return urlencode(parameters)

    def is_sure(self) -> bool:
        """Return whether the operator has ticked the box of a grave change; note it in the form if not."""
        if self.form.text("sure") == "yes":
            return True
        self.form.wrong("sure", self.visit.translate("Tick the box if you want this."))
        return False

    def part(self, name: str) -> str:
        """Return a part of the path."""
        found: str = self.visit.request.path_params[name]
        return found

    async def keys_of(self, events: Iterable[HistoryEvent]) -> Mapping[str, KeyRecord]:
        """Return the customers' keys that events are about, by their ids, as far as the operator may see keys."""
        ids = dict.fromkeys(event.id for event in events if event.subject == "key" and event.owner != ROOT_OWNER)
        return await self.keys.get_many(list(ids)) if self.may("keys:read") else {}

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """Answer with a page; arguments as for `Visit.page`."""
        common = {
            "tabs": self.tabs(),
            "may": self.may,
            "sees_all": self.sees_all,
            "query": self.query,
            "root_owner": ROOT_OWNER,
            "form_of_page": self.form,
        }
        return self.visit.page(template, status, **{**common, **values})

    def go(self, path: str) -> Response:
        """Send the browser to another page of ours."""
        return self.visit.go(path)

    def tabs(self) -> list[tuple[str, str]]:
        """Return the pages of the bar that the operator may see."""
        shown = [(path, text) for path, text, scope in TABS if self.may(scope)]
        return [(path, text) for path, text in shown if self.sees_all or path not in _UNBOUND]


def view(method: str, path: str, name: str, scope: str, work: Work) -> View:
    """Return a view for operators with a scope.

    Args:
        method: ``GET`` or ``POST``.
        path: The pattern of the path.
        name: The name of the operation.
        scope: The scope that it needs; empty for every operator.
        work: Answers a request.
    """

    async def answer(visit: Visit) -> Response:
        desk = await _desk(visit)
        if desk is None:
            return await _ended(visit)
        if scope and not desk.may(scope):
            return desk.page("operator/forbidden.html", 403, scope=scope)
        try:
            return await work(desk)
        except Problem as problem:
            refusal = problem
        return desk.page("operator/refused.html", refusal.status, message=visit.reader.refusal(refusal))

    return View(method, path, name, Role.OPERATOR, answer)


def facts_of_root_key(record: KeyRecord) -> dict[str, str]:
    """Return the facts of a session by a root key: its id and its scopes, and nothing of its text."""
    return {"key_id": record.key_id, "scopes": " ".join(sorted(record.scopes))}


def facts_of_person(issuer: str, rule: OperatorRule) -> dict[str, str]:
    """Return the facts of a session by a provider: another one may give the same name to other people."""
    return {"issuer": issuer, "claim": rule.claim, "value": rule.value}


async def _desk(visit: Visit) -> Desk | None:
    """Return the desk of a session; None once the session stands on nothing."""
    facts = visit.session.facts
    if "key_id" in facts:
        caller = await visit.service.root.recall(facts["key_id"], visit.origin)
        return None if caller is None else Desk(visit, _narrowed(caller, facts["scopes"].split()), caller.actor)
    record = _record_of_person(visit, facts)
    person = None if record is None else await visit.service.root.caller_of(record, visit.origin)
    return None if person is None else Desk(visit, person, f"operator {visit.session.subject}")


def _narrowed(caller: RootCaller, scopes: list[str]) -> RootCaller:
    """Return a caller without the scopes that its key got after the session had begun."""
    held = caller.record.scopes
    kept = {scope for scope in scopes if covers(held, scope)} | {scope for scope in held if covers(scopes, scope)}
    return RootCaller(caller.record._replace(scopes=frozenset(kept)), caller.ip)


def _record_of_person(visit: Visit, facts: Mapping[str, str]) -> KeyRecord | None:
    """Return the rights of a person as the record of a root key that is not stored; None if no line gives any."""
    oidc = visit.settings.oidc
    if oidc is None:
        return None
    for rule in oidc.operators:
        if facts_of_person(oidc.issuer, rule).items() <= facts.items():
            return KeyRecord(
                key_id="", hash=b"", pepper_version="", display="", owner=ROOT_OWNER, prefix=ROOT_PREFIX,
                environment="live", created=0.0, scopes=frozenset(rule.rights),
                metadata={} if rule.owner is None else {BOUND: rule.owner},
            )  # fmt: skip
    return None


async def _ended(visit: Visit) -> Response:
    """End a session that stands on nothing."""
    await visit.sign_out()
    return visit.go("/operator/sign-in")
