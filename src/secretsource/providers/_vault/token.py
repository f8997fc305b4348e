"""The token of one provider: all threads share one, which is renewed early and replaced when lost."""

from __future__ import annotations

from threading import RLock
from time import monotonic, time
from typing import TYPE_CHECKING

from secretsource.providers._vault.client import seconds_of
from secretsource.providers._vault.errors import explain_answer
from secretsource.providers._wire.errand import Errands, overdue
from secretsource.providers.base import Failed, FailureCode, Identity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretsource.providers._vault.auth import Auth, Grant
    from secretsource.providers._vault.client import Answer, VaultConnection

__all__ = ["Token", "TokenSource"]

DUE = 2 / 3
"""Share of a token's life after which it is renewed. The resolver asks again at the same share of a lease, and no lease
is said to outlive its token. So a token is renewed in time as long as its leases are used."""

AGAIN = 5.0
"""Seconds after a refusal before Vault is asked again with the same credentials; others are tried at once."""

LATE = Failed(
    FailureCode.TIMEOUT,
    "there was no token in time: Vault, or the source of the credentials, did not answer",
    "check the address, the network on the way, and auth",
)


class Token:
    """A token and its end; masked.

    Args:
        grant: The token that Vault issued.
        now: The time of issue, in monotonic seconds.

    Attributes:
        text: The token.
        seconds: Its length at the last grant or renewal; 0 for no end, or an unknown end.
        renewable: Whether Vault would renew it.
        ends_at: Monotonic second at which it ends.
        due_at: Monotonic second from which a longer one is requested.
    """

    __slots__ = ("due_at", "ends_at", "renewable", "seconds", "text")

    def __init__(self, grant: Grant, now: float) -> None:
        self.text = grant.text
        self.seconds = 0.0
        self.renewable = grant.renewable
        self.extend(grant.seconds, now)

    def __repr__(self) -> str:
        return "Token(<masked>)"

    def extend(self, seconds: float, now: float) -> None:
        """Note that Vault has set its life to ``seconds`` from ``now``."""
        self.seconds = seconds
        self.ends_at = now + seconds if seconds > 0 else float("inf")
        self.due_at = now + DUE * seconds if seconds > 0 else float("inf")

    def left(self, now: float) -> float:
        """Return the seconds to its end; infinite if it has no known end."""
        return self.ends_at - now

    def postpone(self, now: float) -> None:
        """Note that no longer life is available at ``now``: try again after half of the remaining life."""
        self.due_at = now + max(1.0, self.left(now) / 2)


class Refusal:
    """Credentials that Vault has refused; masked.

    Args:
        words: The credentials.
        failure: Vault's refusal of them.
        now: The time of the refusal, in monotonic seconds.
    """

    __slots__ = ("_until", "_words", "failure")

    def __init__(self, words: Mapping[str, str], failure: Failed, now: float) -> None:
        self._words = words
        self.failure = failure
        self._until = now + AGAIN

    def stands(self, words: Mapping[str, str], now: float) -> bool:
        """Return whether these are the same credentials, within the time in which Vault would refuse them again."""
        return words == self._words and now < self._until


class TokenSource:
    """The keeper of the token, which obtains it when it is needed.

    Args:
        connection: The connection to Vault.
        auth: The way to log in.
    """

    def __init__(self, connection: VaultConnection, auth: Auth) -> None:
        self._connection = connection
        self._auth = auth
        self._token: Token | None = None
        self._logins = Errands()
        self.renew_locks()

    def renew_locks(self) -> None:
        """Make new, free locks, as after a fork."""
        self._lock = RLock()
        self._renewing = False
        self._refusal: Refusal | None = None
        self._shown: Mapping[str, str] = {}

    def forget(self) -> None:
        """Drop the token without using it: it belongs to another process."""
        self._token = None
        self.renew_locks()

    @property
    def held(self) -> Token | None:
        """The token, or None."""
        return self._token

    @property
    def is_given(self) -> bool:
        """Whether the token was passed in, so that nothing replaces it after its end."""
        return not self._auth.makes_tokens

    def current(self, deadline: float) -> Token | Failed:
        """Return a token that has not ended, as far as we know."""
        token, now = self._token, monotonic()
        if token is None or token.left(now) <= 0:
            return self._log_in(token, deadline)
        return token if now < token.due_at else self._prolong(token, deadline)

    def after_refusal(self, refused: Token, deadline: float) -> Token | Failed:
        """Return another token than the one that Vault rejected, from files that are read anew."""
        token = self._log_in(refused, deadline)
        if isinstance(token, Token) and token.text == refused.text:
            self._refusal = Refusal(self._shown, self._auth.refused, monotonic())
            return self._auth.refused
        return token

    def is_accepted(self, token: Token, deadline: float) -> bool | Failed:
        """Return whether Vault knows the token: this separates a bad token from a missing policy."""
        answer = self._look_up(token, deadline)
        if isinstance(answer, Failed):
            return answer
        if answer.ok or answer.status in {401, 403}:
            return answer.ok
        failure = explain_answer(answer.status, answer.body, path="auth/token/lookup-self", wait=answer.wait)
        return failure if isinstance(failure, Failed) and failure.code is not FailureCode.UNAUTHENTICATED else False

    def identity(self, deadline: float) -> Identity | Failed:
        """Return our identity at Vault: the token's display name and policies."""
        token = self.current(deadline)
        answer = token if isinstance(token, Failed) else self._look_up(token, deadline)
        if isinstance(answer, Failed):
            return answer
        if answer.status in {401, 403}:
            return self._auth.refused
        if not answer.ok:
            failure = explain_answer(answer.status, answer.body, path="auth/token/lookup-self", wait=answer.wait)
            return failure if isinstance(failure, Failed) else self._auth.refused
        about = answer.part("data")
        name = about.get("display_name") or "token"
        policies = [*(about.get("policies") or ()), *(about.get("identity_policies") or ())]
        return Identity.dated(f"{name} (policies: {', '.join(map(str, policies))})", answer.date, time())

    def _look_up(self, token: Token, deadline: float) -> Answer | Failed:
        return self._connection.ask(
            lambda adapter: adapter.get("/v1/auth/token/lookup-self"),
            token=token.text,
            namespace=self._auth.namespace,
            deadline=deadline,
        )

    def revoke(self, deadline: float) -> None:
        """End the token if a login of ours created it; the leases made with it end too."""
        token, self._token = self._token, None
        if token is not None and self._auth.makes_tokens:
            self._connection.ask(
                lambda adapter: adapter.post("/v1/auth/token/revoke-self"),
                token=token.text,
                namespace=self._auth.namespace,
                deadline=deadline,
            )

    def _log_in(self, stale: Token | None, deadline: float) -> Token | Failed:
        """Return a token in place of ``stale``; callers during a login share its outcome."""
        if self._token is not None and self._token is not stale:
            return self._token
        try:
            return self._logins.result(stale, lambda: self._logged_in(stale, deadline), deadline)
        except TimeoutError as error:
            return overdue(error, LATE)

    def _logged_in(self, stale: Token | None, deadline: float) -> Token | Failed:
        if self._token is not None and self._token is not stale:
            return self._token
        asked = monotonic()
        grant = self._grant(deadline)
        if isinstance(grant, Failed):
            return grant
        self._token = Token(grant, asked)
        return self._token

    def _grant(self, deadline: float) -> Grant | Failed:
        """Log in with the current credentials, unless Vault has just refused the same ones."""
        words = self._auth.credentials(self._connection)
        if isinstance(words, Failed):
            return words
        if self._refusal is not None and self._refusal.stands(words, monotonic()):
            return self._refusal.failure
        grant = self._auth.log_in(words, self._connection, deadline)
        if isinstance(grant, Failed) and grant.code is FailureCode.UNAUTHENTICATED:
            self._refusal = Refusal(words, grant, monotonic())
        else:
            self._refusal = None
        self._shown = words
        return grant

    def _prolong(self, token: Token, deadline: float) -> Token | Failed:
        """Renew a token that is due, or obtain another; one thread does, and the others use the current one."""
        with self._lock:
            if self._renewing:
                return token
            self._renewing = True
        try:
            return self._prolonged(token, deadline)
        finally:
            self._renewing = False

    def _prolonged(self, token: Token, deadline: float) -> Token | Failed:
        if token is not self._token or self._renew(token, deadline):
            return self._token or token
        longer = self._log_in(token, deadline)
        if isinstance(longer, Token) and longer.left(monotonic()) > token.left(monotonic()):
            return longer
        token.postpone(monotonic())
        self._token = token
        return token

    def _renew(self, token: Token, deadline: float) -> bool:
        """Have Vault renew a token; False if it cannot, or no longer by its full length."""
        if not token.renewable:
            return False
        asked, wanted = monotonic(), token.seconds
        answer = self._connection.ask(
            lambda adapter: adapter.post("/v1/auth/token/renew-self"),  # by as much as its role says
            token=token.text,
            namespace=self._auth.namespace,
            deadline=deadline,
        )
        if isinstance(answer, Failed):
            return False
        seconds = seconds_of(answer.part("auth").get("lease_duration"))
        if not answer.ok or seconds <= 0:
            return False
        token.extend(seconds, asked)
        return seconds >= wanted
