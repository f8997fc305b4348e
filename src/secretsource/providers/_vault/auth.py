"""Logging in to Vault: the ``auth`` setting, checked when the provider is made, and used when a token is needed.

auth = { method = "approle", role_id = "…", secret_id_file = "/run/secrets/secret_id" }
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from secretsource._ground.suggest import unknown
from secretsource.exceptions import ConfigurationError
from secretsource.providers._vault.client import seconds_of
from secretsource.providers._vault.errors import explain_answer, explain_login, explain_unwrapping, malformed
from secretsource.providers._vault.methods import AGENT, METHODS, read_words, text_of
from secretsource.providers._vault.mounts import is_plain_path
from secretsource.providers._vault.settings import is_namespace
from secretsource.providers._vault.surroundings import environment
from secretsource.providers.base import Failed, FailureCode

if TYPE_CHECKING:
    from secretsource.providers._vault.client import Answer, VaultConnection

__all__ = ["Auth", "Grant"]

NO_TOKEN = Failed(
    FailureCode.UNAUTHENTICATED, "there is no token for Vault", "set auth or VAULT_TOKEN, or run  vault login"
)
BAD_TOKEN = Failed(
    FailureCode.UNAUTHENTICATED,
    "the token for Vault has a line break or a character that no token has",
    "set it again, without extra characters",
)
REFUSED = Failed(
    FailureCode.UNAUTHENTICATED,
    "Vault does not accept the token: it has expired, was revoked, or is bound to other networks (token_bound_cidrs)",
    "give a new one, or an auth method that can log in by itself",
)
AGENT_REFUSED = Failed(
    FailureCode.UNAUTHENTICATED,
    "the agent adds no token that Vault accepts",
    "check the auto_auth of the agent, and that its api_proxy has use_auto_auth_token",
)
NO_CERTIFICATE = Failed(
    FailureCode.MISCONFIGURED, "the auth method cert needs a certificate of ours", "set client_cert and client_key"
)


class Grant:
    """A token as Vault issued it; masked.

    Attributes:
        text: The token.
        seconds: Its remaining life; 0 if it has no end, or an unknown end.
        renewable: Whether Vault would renew it.
    """

    __slots__ = ("renewable", "seconds", "text")

    def __init__(self, text: str, seconds: float, renewable: bool) -> None:
        self.text = text
        self.seconds = seconds
        self.renewable = renewable

    def __repr__(self) -> str:
        return f"Grant(<masked>, {self.seconds}, renewable={self.renewable})"


class Auth:
    """The ``auth`` setting of one provider.

    Args:
        provider: The provider's name, for errors.
        setting: The setting; None for the token of the environment.

    Raises:
        ConfigurationError: The method or a word of it is not known, or one is missing.
    """

    def __init__(self, provider: str, setting: Mapping[str, str] | None) -> None:
        mistake = _mistake({} if setting is None else setting)
        if mistake:
            raise ConfigurationError(f"provider {provider!r}: {mistake}")
        words = dict(setting or {})
        self.method = words.pop("method", "token")
        self.mount = words.pop("mount", self.method).strip("/")
        self.namespace = words.pop("namespace", None)
        self._words = words
        self._unwrapped: tuple[str, str] | None = None

    def __repr__(self) -> str:
        return f"<Auth {self.method!r}>"

    @property
    def refused(self) -> Failed:
        """Return the failure of a Vault that accepts no token obtained in this way."""
        return AGENT_REFUSED if self.method == AGENT else REFUSED

    @property
    def makes_tokens(self) -> bool:
        """Whether a login creates a token, which we must end; a token that you pass in is yours."""
        return METHODS[self.method].login is not None

    def credentials(self, connection: VaultConnection) -> dict[str, str] | Failed:
        """Return the words, with files read and with the machine's own credentials, if they may go to this address."""
        if METHODS[self.method].goes_by_the_machine(self._words):
            refusal = connection.distrust()
            if refusal is not None:
                return refusal
        words = read_words(self.method, self._words)
        if isinstance(words, Failed) or self.method != "token":
            return words
        token = words.get("token") or _own_token()
        if isinstance(token, Failed):
            return token
        return {"token": token} if token.isascii() and token.isprintable() else BAD_TOKEN

    def log_in(self, words: Mapping[str, str], connection: VaultConnection, deadline: float) -> Grant | Failed:
        """Obtain a token.

        Args:
            words: The `credentials`.
            connection: The Vault to log in to.
            deadline: Monotonic seconds at which the login must end.
        """
        if self.method == AGENT:
            return Grant("", 0.0, renewable=False)
        login = METHODS[self.method].login
        if login is None:
            return self._look_up(words["token"], connection, deadline)
        if self.method == "cert" and not connection.has_certificate:
            return NO_CERTIFICATE
        if "wrapping_token" in words:
            secret_id = self._unwrap(words["wrapping_token"], connection, deadline)
            if isinstance(secret_id, Failed):
                return secret_id
            words = {**words, "secret_id": secret_id}
        answer = connection.ask(
            lambda adapter: login(words, adapter, self.mount), token=None, namespace=self.namespace, deadline=deadline
        )
        return answer if isinstance(answer, Failed) else self._granted(answer)

    def _granted(self, answer: Answer) -> Grant | Failed:
        if not answer.ok:
            return explain_login(answer.status, answer.body, path=f"auth/{self.mount}/login", wait=answer.wait)
        auth = answer.part("auth")
        if not auth.get("client_token"):
            return malformed("the login was answered without a token")
        return Grant(str(auth["client_token"]), seconds_of(auth.get("lease_duration")), bool(auth.get("renewable")))

    def _look_up(self, token: str, connection: VaultConnection, deadline: float) -> Grant | Failed:
        """Return the token that was passed in, with its remaining life if Vault reports it."""
        answer = connection.ask(
            lambda adapter: adapter.get("/v1/auth/token/lookup-self"),
            token=token,
            namespace=self.namespace,
            deadline=deadline,
        )
        if isinstance(answer, Failed):
            return answer
        if not answer.ok:  # without an end, a token is not renewed: a fault of the moment must not decide that
            failure = explain_answer(answer.status, answer.body, path="auth/token/lookup-self", wait=answer.wait)
            if isinstance(failure, Failed) and failure.retryable:
                return failure
        about = answer.part("data") if answer.ok else {}
        return Grant(token, seconds_of(about.get("ttl")), bool(about.get("renewable")))

    def _unwrap(self, wrapping: str, connection: VaultConnection, deadline: float) -> str | Failed:
        """Return the secret id inside a wrapping token, which returns it once; later logins use the same id."""
        if self._unwrapped is not None and self._unwrapped[0] == wrapping:
            return self._unwrapped[1]
        answer = connection.ask(
            lambda adapter: adapter.post("/v1/sys/wrapping/unwrap"),
            token=wrapping,
            namespace=self.namespace,
            deadline=deadline,
        )
        if isinstance(answer, Failed):
            return answer
        if not answer.ok:
            return explain_unwrapping(answer.status, answer.body, wait=answer.wait)
        secret_id = answer.part("data").get("secret_id")
        if not isinstance(secret_id, str):
            return malformed("the wrapping token holds no secret id")
        self._unwrapped = (wrapping, secret_id)
        return secret_id


def _mistake(setting: object) -> str | None:
    """Return the problem with the setting, without its values."""
    if not isinstance(setting, Mapping):
        return "auth must be a mapping, such as {'method': 'token', 'token_file': '/run/secrets/token'}"
    words = dict(setting)
    method = words.pop("method", "token")
    if not isinstance(method, str) or method not in METHODS:
        return unknown("auth method", str(method), list(METHODS))
    kind = METHODS[method]
    for word, value in words.items():
        if word not in kind.words:
            return unknown(f"word in auth for method {method!r}:", str(word), kind.words)
        if type(value) is not str or not value:
            return f"{word} in auth must be a string that is not empty"
    if not is_plain_path(words.get("mount", method).strip("/")) or not is_namespace(words.get("namespace", "")):
        return "mount and namespace in auth must be paths, such as 'approle' and 'team/one'"
    missing = [word for word in kind.needs if word not in words and f"{word}_file" not in words]
    return f"auth method {method!r} needs {missing[0]}, or {missing[0]}_file" if missing else None


def _own_token() -> str | Failed:
    """Return the token of this process or user: ``VAULT_TOKEN``, else the token that ``vault login`` stored."""
    token = environment("TOKEN")
    if token is not None:
        return token.strip()
    kept = text_of("~/.vault-token")
    if isinstance(kept, Failed):
        return Failed(
            FailureCode.UNAUTHENTICATED, kept.reason, "correct it, or set auth or VAULT_TOKEN", kept.sdk_error
        )
    return kept if isinstance(kept, str) and kept else NO_TOKEN
