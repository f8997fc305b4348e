"""The blocking client of one vault: made once, bounded in time, and silent about values.

* **Once.** All threads share one client, made on first use; azure is imported then, not before. Calls go one at a time
  until the vault has accepted a token. So a cold start asks for one token, not for one per thread. azure's client
  forgets its token when challenged, so two calls must not be challenged at once.
* **Bounded.** One deadline covers all requests of a call, also those for tokens, from the look-up of a name to the last
  byte of an answer. An answer is 1 MiB at most, and no retry is waited for that could start after the deadline. Not
  covered are credentials that run a program (``az``), and a credential that you pass in.
* **Renewed.** When a token is refused, credentials are read anew. The call is made once more if the environment, or a
  file that it names, has changed.
* **Silent.** azure's pipelines log neither bodies nor the headers that carry tokens, unless ``logging_enable`` is set,
  which the driver refuses. Unreadable answers in azure-identity's log are masked.
"""

from __future__ import annotations

import os
from functools import partial
from threading import Event, RLock
from time import monotonic
from typing import TYPE_CHECKING, Any

from secretsource._ground.flow import run
from secretsource._ground.imports import load
from secretsource.providers._azure.errors import DeadlinePassed, explain
from secretsource.providers._azure.question import TIMED_OUT, bearer_of, held, listed, scope_of, was_let_in
from secretsource.providers._azure.wiring import distrust_in, flaw_in, mark_of
from secretsource.providers._wire.bounded_http import ONE, Bounds, bounds_of_call
from secretsource.providers.base import Failed, FailureCode, Identity

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import TypeVar

    from secretsource.providers._azure.opened import Opened, VaultSettings
    from secretsource.providers._azure.question import Answer, Question
    from secretsource.providers.base import NotFound

    R = TypeVar("R")

__all__ = ["Renewal", "VaultClient", "explained", "flaw_of", "import_azure", "is_refusal"]

GRACE = 0.1
"""Seconds that a holder of a turn has to note when it ends."""

RENEWAL_PAUSE = 5.0
"""Seconds between two clients for credentials that never worked."""


class Renewal:
    """The pace of new clients before one is accepted: at most one in `RENEWAL_PAUSE` seconds."""

    def __init__(self) -> None:
        self._next = 0.0
        self._lock = RLock()

    def begins(self, now: float) -> bool:
        """Return whether one may start now, in monotonic seconds."""
        with self._lock:
            if now < self._next:
                return False
            self._next = now + RENEWAL_PAUSE
            return True


class Turn:
    """Whose turn it is to ask a vault that has not let us in yet; it ends in time, whatever cuts its holder short.

    A signal can arrive after it was taken, and before its release was noted. A holder that has noted no end, or whose
    end is over, has it no longer.

    Attributes:
        lock: Held meanwhile; by a signal's function once more.
        until: When the holder ends, in monotonic seconds; 0.0 for nobody, and until it is noted.
    """

    __slots__ = ("lock", "until")

    def __init__(self) -> None:
        self.lock = RLock()
        self.until = 0.0


class VaultClient:
    """The blocking client of one vault, for any number of threads.

    Args:
        settings: The vault, and the way to reach it.
    """

    def __init__(self, settings: VaultSettings) -> None:
        self._settings = settings
        self.reset()

    def reset(self) -> None:
        """Forget the client without using it, as after a fork."""
        self._turn, self._making = Turn(), RLock()
        self._opened: Opened | None = None
        self._let_in = Event()
        self._renewal = Renewal()

    def close(self) -> None:
        """Close the connections, and those of the credential made here."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    def carry(self, conversation: Generator[Question, Answer, R], deadline: float) -> R:
        """Put the questions of a conversation until it has a result.

        Args:
            conversation: The questions to put.
            deadline: Monotonic seconds at which it must end.
        """
        return run(conversation, partial(self._ask, deadline))

    def who(self, deadline: float) -> Identity | NotFound | Failed:
        """Return the identity in the token's claims; the token itself is not shown."""
        scope = scope_of(self._settings.vault_url)

        def who(opened: Opened) -> Identity:
            credential = opened.credential or self._settings.credential
            return Identity(bearer_of(credential.get_token(scope).token), opened.clock_skew)

        answer: Identity | NotFound | Failed = self._call(who, "secrets/get", deadline)
        return answer

    def write(self, name: str, value: str, deadline: float) -> str | NotFound | Failed:
        """Set a secret, and return the identifier of the new version."""

        def write(opened: Opened) -> str:
            return str(opened.client.set_secret(name, value).properties.version)

        answer: str | NotFound | Failed = self._call(write, "secrets/set", deadline)
        return answer

    def _ask(self, deadline: float, question: Question) -> Answer:
        while not self._let_in.is_set():
            turn, now = self._turn, monotonic()
            if deadline <= now:
                return TIMED_OUT
            if not turn.lock.acquire(timeout=min(deadline, max(turn.until, now + GRACE)) - now):
                if turn is self._turn and turn.until < monotonic():
                    self._turn = Turn()  # a signal cut short who had it
                continue
            try:
                turn.until = deadline
                if not self._let_in.is_set():
                    answer = self._put(question, deadline)
                    if was_let_in(answer):
                        self._let_in.set()
                    return answer
            finally:
                turn.until = 0.0
                turn.lock.release()
        return self._put(question, deadline)

    def _put(self, question: Question, deadline: float) -> Answer:
        def put(opened: Opened) -> Answer:
            if question.permission == "secrets/get":
                return held(opened.client.get_secret(question.name, question.version))
            return [listed(about) for about in opened.client.list_properties_of_secret_versions(question.name)]

        answer: Answer = self._call(put, question.permission, deadline)
        return answer

    def _call(self, work: Callable[[Opened], Any], permission: str, deadline: float, *, again: bool = True) -> Any:
        """Do some work with the client; an exception of azure becomes an answer.

        Every exception becomes an answer: the traceback of a raised one would hold azure's frames, whose locals hold
        token and response.
        """
        if deadline <= monotonic():
            return TIMED_OUT
        settings = self._settings
        bounds = Bounds(deadline, ONE, settings.connection_timeout, settings.read_timeout)
        outside = bounds_of_call.get()
        opened: Opened | None = None
        try:
            bounds_of_call.set(bounds)
            opened = self._opened
            if opened is None:
                flaw = flaw_of(settings)
                if flaw is not None:
                    return flaw
                opened = self._open(deadline)
            return work(opened)
        except Exception as error:
            answer = explained(error, permission, opened, settings, deadline)
        finally:
            bounds_of_call.set(outside)
        if again and self._renewed(answer, opened):
            return self._call(work, permission, deadline, again=False)
        return answer

    def _renewed(self, answer: NotFound | Failed, opened: Opened | None) -> bool:
        """Return whether other credentials have replaced the refused ones; if so, the client must be made anew."""
        if opened is None or not is_refusal(answer) or self._settings.credential is not None:
            return False
        if self._opened is opened:
            if not self._let_in.is_set() and not self._renewal.begins(monotonic()):
                return False
            self._let_in.clear()
            self._opened = None  # not closed: other threads may be in the middle of a call
        return opened.mark != mark_of(os.environ)

    def _open(self, deadline: float) -> Opened:
        import_azure(deadline, "azure.identity", "azure.keyvault.secrets")
        from secretsource.providers._azure.opening import open_vault

        with self._making:
            self._opened = self._opened or open_vault(self._settings)
            return self._opened


def import_azure(deadline: float, *modules: str) -> None:
    """Import azure's packages and our modules that stand on them.

    Raises:
        DeadlinePassed: Another thread was importing until the deadline, in monotonic seconds.
    """
    try:
        load(*modules, "secretsource.providers._azure.opening", until=deadline)
    except TimeoutError:
        raise DeadlinePassed from None


def flaw_of(settings: VaultSettings) -> Failed | None:
    """Return why credentials cannot be made, as far as that is clear without azure."""
    if settings.credential is not None:
        return None
    distrust = None if settings.trusts else distrust_in(os.environ, settings.vault_url, settings.tokens)
    return distrust or flaw_in(os.environ, settings.tokens)


def is_refusal(answer: object) -> bool:
    """Return whether the credentials were refused."""
    return isinstance(answer, Failed) and answer.code is FailureCode.UNAUTHENTICATED


def explained(
    error: Exception, permission: str, opened: Opened | None, settings: VaultSettings, deadline: float
) -> NotFound | Failed:
    """Return the meaning of an exception of a call, with a client or while making it."""
    return explain(
        error,
        permission,
        url=settings.vault_url,
        making=opened is None,
        token=None if opened is None else opened.token,
        late=monotonic() >= deadline,
    )
