"""A connection of ASGI: read it, let it in or answer it, and hide its key from the application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from secretsource.integrations._asgi.messages import DENIAL, raw
from secretsource.issuing import Admitted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from secretsource.integrations._asgi.messages import Receive, Scope, Send
    from secretsource.issuing import Admission, Demand, HttpAnswer, RouteLimit

_TRY_AGAIN_LATER = 1013


def read(scope: Scope) -> tuple[str, str, str, str, tuple[str, int] | None]:
    """Return the type of a connection, its path, root path, method and client, of which a server may leave some out."""
    get = scope.get
    return scope["type"], get("path", ""), get("root_path", ""), get("method", "GET"), get("client")


async def let_in(
    admission: Admission, scope: Scope, receive: Receive, send: Send, ip: str | None, demand: Demand | None, cost: int,
    limit: RouteLimit | None,
) -> Admitted | None:  # fmt: skip
    """Let a request in that cannot be let in at a glance, or answer it and return None."""
    _, path, root_path, method, _ = read(scope)
    outcome = await admission.aadmit(
        scope["headers"], ip, method, path, root_path=root_path, scope=demand, cost=cost, limit=limit,
        meanwhile=dropping(scope, receive), glanced=True,
    )  # fmt: skip
    if isinstance(outcome, Admitted):
        return outcome
    await refuse(outcome, scope, receive, send)
    return None


async def refuse(answer: HttpAnswer, scope: Scope, receive: Receive, send: Send) -> None:
    """Send a refusal in place of the application's answer."""
    kind = "http.response"
    if scope["type"] == "websocket":
        await receive()  # websocket.connect, before which nothing may be sent
        if DENIAL not in (scope.get("extensions") or {}):
            code = _TRY_AGAIN_LATER if answer.status == 503 else 4000 + answer.status
            await send({"type": "websocket.close", "code": code, "reason": ""})
            return
        kind = DENIAL
    await send({"type": f"{kind}.start", "status": answer.status, "headers": raw(answer.headers)})
    await send({"type": f"{kind}.body", "body": answer.body})


def dropping(scope: Scope, receive: Receive) -> Callable[[], Awaitable[None]]:
    """Return a function that receives the body of a refused request.

    A server with a bounded queue may not send before. The body of a client that asks first (``Expect: 100-continue``)
    is not asked for. The function does not show its scope, as a `partial` would.
    """

    async def drop_body() -> None:
        if scope["type"] == "http" and not any(name == b"expect" for name, _ in scope["headers"]):
            while (await receive()).get("more_body"):
                pass

    return drop_body


def hiding(admitted: Admitted, scope: Scope) -> Scope:
    """Return the ASGI scope of a request without its key."""
    visible: list[Any] = list(admitted.visible or ())  # of bytes, unchanged
    scope = {**scope, "headers": visible}
    if "subprotocols" in scope:
        listed = b",".join(value for name, value in visible if name == b"sec-websocket-protocol")
        scope["subprotocols"] = [each.strip() for each in listed.decode("latin-1").split(",") if each.strip()]
    return scope


def hide_in(admitted: Admitted, scope: Scope) -> None:
    """Take the key out of an ASGI scope itself, for a framework whose applications can read it.

    Its list of subprotocols stays the same object, which the framework may have handed on.
    """
    visible = [
        (str(name).lower().encode("latin-1"), str(value).encode("latin-1")) for name, value in admitted.visible or ()
    ]
    hidden = hiding(admitted._replace(visible=visible), scope)
    scope["headers"] = hidden["headers"]
    if "subprotocols" in hidden:
        scope["subprotocols"][:] = hidden["subprotocols"]
