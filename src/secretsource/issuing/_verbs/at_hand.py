"""The calls that `ApiKeys` and `AsyncApiKeys` share, because they never wait."""

from __future__ import annotations

from secretsource._callback import callable_with
from secretsource._traceless import bare, boundaries
from secretsource.exceptions import SecretSourceError
from secretsource.issuing._check.event import Asked, conclude, read_questions, tell
from secretsource.issuing._check.policy import kind_of
from secretsource.issuing._verdict import Accepted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from secretsource._ground.listeners import Listeners
    from secretsource.issuing._check.event import CheckEvent, KeyQuestion
    from secretsource.issuing._check.parts import Parts
    from secretsource.issuing._check.policy import Demand
    from secretsource.issuing._check.verifier import Verifier
    from secretsource.issuing._verdict import Verdict


@boundaries(besides=("glance",))
class AtHand:
    """The part of both services that asks no store."""

    _listeners: Listeners[CheckEvent]
    _verifier: Verifier
    _parts: Parts

    def glance(
        self,
        text: str | None,
        *,
        scope: Demand,
        ip: str | None = None,
        cost: int = 1,
        agent: str | None = None,
        prefix: str | None = None,
        environment: str | None = None,
        method: str | None = None,
        path: str | None = None,
    ) -> Verdict | None:
        """Check as `check` does, where memory is enough; it never waits, so an event loop may call it on `ApiKeys`.

        Args:
            text: As for `check`.
            scope: As for `check`.
            ip: As for `check`.
            cost: As for `check`.
            agent: As for `check`.
            prefix: As for `check`.
            environment: As for `check`.
            method: The method of the request, for listeners.
            path: Its path, without the query, for listeners.

        Returns:
            The verdict; None, with nothing counted, where the store, a shared limiter or a new pepper has to be asked.
        """
        try:
            return self._recall(text, Asked(scope, cost, kind_of(prefix, environment), ip, agent, method, path))
        except SecretSourceError as error:
            failure = bare(error)
        except BaseException:
            del text  # a traceback shows no key
            raise
        del text, scope, ip, cost, agent, prefix, environment, method, path
        raise failure

    def _recall(self, text: str | None, asked: Asked) -> Verdict | None:
        glanced: Verdict | bytes | None
        try:
            if asked.limit is None:
                glanced = self._verifier.glance(text, asked.scope, asked.ip, asked.cost, asked.kind)
            else:
                glanced = self._verifier.hashed(text)
            if type(glanced) is Accepted:
                if self._listeners:
                    tell(self._listeners, self._parts.clock, glanced, asked)
                return glanced
            verdict = self._verifier.recall(text, glanced if type(glanced) is bytes else None, asked)
        finally:
            del text  # a traceback shows no key
        if verdict is not None:
            conclude(self._parts.uses, self._listeners, self._parts.clock, verdict, asked)
        return verdict

    def _recall_many(
        self, questions: Sequence[KeyQuestion]
    ) -> tuple[list[tuple[str | None, Asked]], list[Verdict], list[int]]:
        """Return several questions, their verdicts from memory, and the places of those without one."""
        asked = read_questions(questions)
        del questions  # a traceback shows no key
        verdicts: list[Any] = [self._recall(text, each) for text, each in asked]
        return asked, verdicts, [number for number, verdict in enumerate(verdicts) if verdict is None]

    def on_event(self, listener: Callable[[CheckEvent], object]) -> Callable[[], None]:
        """Call a listener with each check, in order, in a thread of its own; its errors and its time delay no check.

        Args:
            listener: A plain function, called with each `CheckEvent`. It misses events that arrive while 10,000 wait
                for it.

        Returns:
            A function that ends the calls to the listener.

        Raises:
            ConfigurationError: The listener is not a plain function.
        """
        return self._listeners.add(callable_with(listener, "a CheckEvent"), aside=True)
