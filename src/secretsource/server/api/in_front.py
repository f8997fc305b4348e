"""The document of what bare applications answer in front of the router: checks of keys, reports of leaks, and health.

No request reaches the functions here. Their forms are the same mechanism as those of the routes, so a generator and the
page of the API see no difference. The tests hold the forms beside the readers of the bodies.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header
from pydantic import Field
from starlette.responses import PlainTextResponse, Response

from secretsource.issuing import Reason
from secretsource.server.api.answers.form import KEY, Answer
from secretsource.server.api.answers.keys import Key, Limit
from secretsource.server.api.answers.problems import ProblemDocument, Refusal
from secretsource.server.api.fields import Asked as Body
from secretsource.server.api.fields import EnvironmentName, Flag, Prefix
from secretsource.server.api.possession import opened_by
from secretsource.server.api.route import on, refusals, router
from secretsource.server.leaks.findings import MOST_FINDINGS
from secretsource.server.questions import MOST_COST, MOST_KEYS

__all__ = ["SIGNATURE_SCHEME", "checks", "gateways", "health", "reports"]

SIGNATURE_SCHEME = "githubSignature"
checks, reports = router("checks of keys"), APIRouter(tags=["reports of leaked keys"])
gateways, health = APIRouter(tags=["gateways"]), APIRouter(tags=["health"])

Demanded = Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9._/-]+(?::[A-Za-z0-9._/-]+)*$")]


class BatchQuestion(Body):
    """A question about one key."""

    key: str = Field(description="The text that the client sent.", examples=[KEY])
    scope: Demanded | Annotated[list[Demanded], Field(min_length=1, max_length=1000)] | None = Field(
        description="The scope that the request needs, or a list that are all needed; null lets every good key pass.",
        examples=["invoices:read"],
    )
    ip: str | None = Field(
        None,
        description="The address of the client; keys that are bound to networks need it.",
        examples=["203.0.113.7"],
    )
    cost: Annotated[int, Field(ge=0, le=MOST_COST, strict=True)] = Field(
        1, description="Units to take from the limits of the key; 0 only looks."
    )
    agent: str | None = Field(None, description="The user agent of the client.")
    prefix: Prefix | None = Field(None, description="The only prefix to accept.")
    environment: EnvironmentName | None = Field(None, description="The only environment to accept.")


class Question(BatchQuestion):
    """A question about one key, which may go past the cache."""

    fresh: Flag = Field(False, description="Whether to read the record from the store, past the cache.")


class Questions(Body):
    """Questions about several keys."""

    keys: Annotated[list[BatchQuestion], Field(min_length=1, max_length=MOST_KEYS)] = Field(
        examples=[[{"key": KEY, "scope": "invoices:read"}]]
    )


class Verdict(Answer):
    """The verdict on a key; ``code`` is the only word to pass on to a client."""

    accepted: bool
    code: str = Field(description="`accepted`, or a word for the client.", examples=["accepted", "invalid_key"])
    reason: Reason | None = Field(description="Why it is refused, for you alone; null for an accepted key.")
    record: Key | None = Field(description="The key, if it is yours to see; null otherwise.")
    scopes: list[str] = Field(description="The scopes that the key lacks.")
    limits: list[Limit] = Field(description="The limits that the request was counted on.")
    refused_by: str | None = Field(description="The name of the limit that refused.")
    retry_after: float | None = Field(description="Seconds after which the client may ask again.")
    rotated_at: datetime | None = Field(description="When a key was rotated that has a successor.")


class Verdicts(Answer):
    """The verdicts, in the order of the questions."""

    verdicts: list[Verdict]


@on(checks, "POST", "/v1/keys:verify", "verifyKey", Verdict, "keys:verify")
async def verify_key(_: Question) -> None:
    """Check a key. The answer is 200 and a verdict, whatever the verdict is."""


@on(checks, "POST", "/v1/keys:verifyBatch", "verifyKeys", Verdicts, "keys:verify")
async def verify_keys(_: Questions) -> None:
    """Check up to 100 keys for one question to the store. If one question is wrong, no key is checked."""


class Feedback(Answer):
    """Whether a text is a key of yours."""

    token_hash: str = Field(description="The SHA-256 of the text, in base64.")
    token_type: str
    label: Literal["true_positive", "false_positive"]


_REPORT: dict[str, Any] = {
    "security": [{SIGNATURE_SCHEME: []}],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "array",
                    "maxItems": MOST_FINDINGS,
                    "items": {
                        "type": "object",
                        "properties": {name: {"type": "string"} for name in ("token", "type", "url", "source")},
                    },
                },
                "example": [{"token": KEY, "type": "acme_key", "url": "https://github.com/acme/a"}],
            }
        },
    },
}  # fmt: skip


@reports.post("/v1/leaks/github", operation_id="reportLeaks", response_model=list[Feedback], openapi_extra=_REPORT,
              responses=refusals(ProblemDocument, {
                  400: "The signed body is not a list, or has too many findings.",
                  401: "No key of GitHub's list made the signature.",
                  404: "The service takes no reports: it has no table `[server.leaks]`.",
                  413: "The body is larger than 1 MiB.",
                  431: "The headers are larger than 16 KiB.",
                  503: "The list of keys cannot be fetched, or too many reports are under way: send it again.",
              }))  # fmt: skip
async def report_leaks(
    identifier: Annotated[str, Header(alias="Github-Public-Key-Identifier", description="The key that signed.")],
) -> None:
    """Take a report of GitHub's secret scanning, and act on the leaked keys after the answer."""


def _told(name: str) -> dict[str, Any]:
    return {"description": name, "schema": {"type": "string"}}


_LET_THROUGH = {
    "description": "The key is good: let the request through, with these three headers.",
    "headers": {
        "X-Key-Id": _told("The id of the key; empty for a preflight."),
        "X-Key-Owner": _told("Its owner, percent-encoded beyond ASCII."),
        "X-Key-Scopes": _told("Its scopes, with blanks between them."),
        "Cache-Control": _told("`no-store`, or how long the gateway may keep the answer."),
    },
}


@gateways.get("/v1/forward-auth", operation_id="forwardAuth", openapi_extra=opened_by(), response_class=Response,
              responses={200: _LET_THROUGH, **refusals(Refusal, {
                  400: "The request can be read in two ways, has two keys, or the gateway does not describe it.",
                  401: "No key was sent, or it is not accepted.",
                  403: "The key does not have the scope, no route fits, or the address is not one of a gateway.",
                  429: "The key has used up its rate or quota; `Retry-After` says when to ask again.",
                  431: "The headers are larger than 16 KiB.",
                  503: "The keys cannot be checked now: try again later.",
              })})  # fmt: skip
async def forward_auth(
    method: Annotated[str | None, Header(alias="X-Forwarded-Method", description="The method of the request.")] = None,
    target: Annotated[str | None, Header(alias="X-Forwarded-Uri", description="Its path, as sent.")] = None,
    passed: Annotated[str | None, Header(alias="X-Forwarded-For", description="The addresses it passed.")] = None,
) -> None:
    """Answer a gateway that asks whether it may let a request through, with any method, and any path behind this."""


class Alive(Answer):
    """The process lives."""

    status: Literal["alive"]


class Ready(Answer):
    """The store answers."""

    status: Literal["ready"]


_OPEN: dict[str, Any] = {"security": []}


@health.get("/livez", operation_id="live", response_model=Alive, openapi_extra=_OPEN)
async def live() -> None:
    """Return that the process lives."""


@health.get("/readyz", operation_id="ready", response_model=Ready, openapi_extra=_OPEN,
            responses=refusals(Refusal, {503: "The store cannot answer."}))  # fmt: skip
async def ready() -> None:
    """Return whether the store answers."""


@health.get("/metrics", operation_id="figures", openapi_extra=_OPEN, response_class=PlainTextResponse)
async def figures() -> None:
    """Return the figures of the service in the text format of Prometheus."""
