"""The common form of all answers, and the forms of a key and of its id in examples."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["KEY", "Answer", "KeyId"]

KEY = "acme_live_0aZ9bY8cX7dW6eV5fU4gT3hS2iR1jQ0kP9lO8mN7oM6pL5qK4rJ3s1ss10aB1cD"


KEY_ID = "0aZ9bY8cX7dW6eV5fU4gT3"


KeyId = Annotated[str, Field(pattern="^[0-9A-Za-z]{22}$", examples=[KEY_ID])]


class Answer(BaseModel):
    """An answer; every field is always there."""

    model_config = ConfigDict(extra="forbid", json_schema_mode_override="serialization")
