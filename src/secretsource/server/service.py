"""The parts that the whole service stands on: the keys, the settings, and the root keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from secretsource.server.chores.figures import ChoreFigures
from secretsource.server.errands import Errands
from secretsource.server.outgoing.figures import WebhookFigures

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping
    from typing import Any, TypeAlias

    from secretsource.issuing import AsyncApiKeys
    from secretsource.server.root_keys import RootKeys
    from secretsource.server.settings import ServerSettings

    Scope: TypeAlias = MutableMapping[str, Any]
    Message: TypeAlias = MutableMapping[str, Any]
    Receive: TypeAlias = Callable[[], Awaitable[Message]]
    Send: TypeAlias = Callable[[Message], Awaitable[None]]
    ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

__all__ = ["Service"]


@dataclass(frozen=True, slots=True)
class Service:
    """The parts of one serving process.

    Attributes:
        keys: The keys of customers, and the root keys beside them.
        settings: The settings in force.
        root: The check of the callers that manage keys.
        errands: The work that goes on after its request was answered.
        webhooks: The figures of webhooks.
        chores: The last round of chores, and the figures of all.
    """

    keys: AsyncApiKeys
    settings: ServerSettings
    root: RootKeys
    errands: Errands = field(default_factory=Errands)
    webhooks: WebhookFigures = field(default_factory=WebhookFigures)
    chores: ChoreFigures = field(default_factory=ChoreFigures)
