"""The blocking client of one vault: made once, bounded in time, and silent about what it reads.

* **Once.** One client for all threads, made on first use; azure is imported then, and not before. Until the vault has
  taken a token, calls go one at a time: a cold start asks for one token, and not for as many as there are threads, and
  azure's client, which forgets its token when it is challenged, is not challenged by two at once.
* **Bounded.** Each request, those for tokens too, waits for no longer than is left of the call's timeout, and no retry
  is waited for that could begin after it. Not covered are credentials that run a program (``az``), and a credential
  that was given.
* **Silent.** azure's pipelines log neither bodies nor the headers that carry tokens, unless ``logging_enable`` is set,
  which the driver refuses; what azure-identity would log of an answer it cannot read is masked.
"""

from __future__ import annotations

from threading import Event, Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from secretsource.providers._azure.errors import explain
from secretsource.providers._azure.question import DEADLINE, TIMED_OUT, bearer_of, held, listed, scope_of, was_let_in
from secretsource.providers.base import Identity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretsource.providers._azure.errors import TokenAnswer
    from secretsource.providers._azure.question import Answer, Conversation, Question
    from secretsource.providers.base import Failed, NotFound, Outcome

__all__ = ["Opened", "VaultClient", "VaultSettings", "explained"]


class VaultSettings(NamedTuple):
    """Which vault, and how to reach it; the words are those of `AzureProvider`."""

    vault_url: str
    credential: Any
    ca_cert: str | None
    connection_timeout: float
    read_timeout: float
    attempts: int
    client: Mapping[str, Any]
    tokens: Mapping[str, Any]


class Opened:
    """A client, and the credential that was made for it."""

    def __init__(self, client: Any, credential: Any = None, pace: Any = None) -> None:
        self.client = client
        self._credential = credential
        self._pace = pace

    @property
    def credential(self) -> Any:
        """The credential that was made here, or None."""
        return self._credential

    @property
    def token(self) -> TokenAnswer | None:
        """How the last request for a token went, where the credential was made here."""
        last: TokenAnswer | None = self._pace and self._pace.last
        return last

    @property
    def clock_skew(self) -> float | None:
        """Seconds by which the clock of the token service is ahead of ours, as far as it told its time."""
        ahead: float | None = self._pace and self._pace.clock_skew
        return ahead

    def close(self) -> None:
        """Close the connections of a blocking client."""
        self.client.close()
        if self._credential is not None:
            self._credential.close()

    async def aclose(self) -> None:
        """Close the connections of an asynchronous client."""
        await self.client.close()
        if self._credential is not None:
            await self._credential.close()


class VaultClient:
    """The blocking client of one vault, for any number of threads.

    Args:
        settings: Which vault, and how to reach it.
    """

    def __init__(self, settings: VaultSettings) -> None:
        self._settings = settings
        self.reset()

    def reset(self) -> None:
        """Forget the client without using it, as after a fork."""
        self._turn, self._making = Lock(), Lock()
        self._opened: Opened | None = None
        self._let_in = Event()

    def close(self) -> None:
        """Close the connections, and those of the credential that was made here."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    def carry(self, conversation: Conversation, deadline: float) -> Outcome:
        """Put the questions of a conversation until it has its outcome.

        Args:
            conversation: What to ask.
            deadline: Monotonic seconds at which it must end.
        """
        answer: Any = None
        while True:
            try:
                question = conversation.send(answer)
            except StopIteration as end:
                outcome: Outcome = end.value
                return outcome
            answer = self._ask(question, deadline)

    def who(self, deadline: float) -> Identity | NotFound | Failed:
        """Whom the token is for, as its claims say; it is got, or was kept by the credential, and is not shown."""
        outside = DEADLINE.set(deadline)
        opened: Opened | None = None
        try:
            opened = self._opened or self._open()
            credential = opened.credential or self._settings.credential
            bearer = bearer_of(credential.get_token(scope_of(self._settings.vault_url)).token)
            return Identity(bearer, opened.clock_skew)
        except Exception as error:
            late, making = monotonic() >= deadline, opened is None
            token = None if opened is None else opened.token
            return explain(error, "secrets/get", making=making, token=token, late=late)
        finally:
            DEADLINE.reset(outside)

    def write(self, name: str, value: str, deadline: float) -> str | NotFound | Failed:
        """Set a secret; the identifier of the new version."""
        outside = DEADLINE.set(deadline)
        opened: Opened | None = None
        try:
            opened = self._opened or self._open()
            return str(opened.client.set_secret(name, value).properties.version)
        except Exception as error:
            late, making = monotonic() >= deadline, opened is None
            token = None if opened is None else opened.token
            return explain(error, "secrets/set", making=making, token=token, late=late)
        finally:
            DEADLINE.reset(outside)

    def _ask(self, question: Question, deadline: float) -> Answer:
        if self._let_in.is_set():
            return self._put(question, deadline)
        turn = self._turn
        if not turn.acquire(timeout=max(0.0, deadline - monotonic())):
            return TIMED_OUT
        try:
            if not self._let_in.is_set():
                answer = self._put(question, deadline)
                if was_let_in(answer):
                    self._let_in.set()
                return answer
        finally:
            turn.release()
        return self._put(question, deadline)

    def _put(self, question: Question, deadline: float) -> Answer:
        """Make one call; what azure raises becomes an answer.

        Every exception does, because the traceback of one that went on would hold azure's frames, and in their locals
        token and response.
        """
        if deadline <= monotonic():
            return TIMED_OUT
        outside = DEADLINE.set(deadline)
        opened: Opened | None = None
        try:
            opened = self._opened or self._open()
            if question.permission == "secrets/get":
                return held(opened.client.get_secret(question.name, question.version))
            return [listed(about) for about in opened.client.list_properties_of_secret_versions(question.name)]
        except Exception as error:
            answer, refused = explained(error, question, opened, deadline)
        finally:
            DEADLINE.reset(outside)
        if refused and self._opened is opened:
            self._let_in.clear()
            self._opened = None  # not closed: other threads may be in the middle of a call
        return answer

    def _open(self) -> Opened:
        from secretsource.providers._azure.opening import open_vault

        with self._making:
            self._opened = self._opened or open_vault(self._settings)
            return self._opened


def explained(error: Exception, question: Question, opened: Opened | None, deadline: float) -> tuple[Answer, bool]:
    """What an exception means, and whether the token was refused, so that credential and client are to be made anew."""
    answer = explain(
        error,
        question.permission,
        making=opened is None,
        token=None if opened is None else opened.token,
        late=monotonic() >= deadline,
    )
    return answer, getattr(error, "status_code", None) == 401
