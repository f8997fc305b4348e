"""The forms of errors."""

from __future__ import annotations

from pydantic import BaseModel, Field

__all__ = ["ProblemDocument", "Refusal"]


class Mistake(BaseModel):
    """One wrong field."""

    pointer: str | None = Field(None, description="A JSON pointer into the body (RFC 6901).")
    parameter: str | None = Field(None, description="The name of a parameter of the query or the path.")
    header: str | None = None
    detail: str


class Refusal(BaseModel):
    """An error (RFC 9457) for a client of your application; ``code`` is a stable word for machines."""

    type: str
    title: str
    status: int
    detail: str
    code: str = Field(examples=["invalid_request"])
    scope: str | None = Field(None, description="The scopes that the request needs.")


class ProblemDocument(Refusal):
    """An error (RFC 9457); ``code`` is a stable word for machines."""

    request_id: str = Field(description="The number of the request, as in the log.")
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None
    errors: list[Mistake] | None = None
