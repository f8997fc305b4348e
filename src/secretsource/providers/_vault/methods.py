"""The auth methods of Vault: the words that each takes, and its one call.

The words are those of ``vault login -method=…`` and of the API. A word ending in ``_file`` names a file with the value,
read anew at each login. https://developer.hashicorp.com/vault/api-docs/auth
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from secretsource._ground.imports import load
from secretsource.providers._regular_file import Contents, read_file
from secretsource.providers.base import Failed, FailureCode, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from requests import Response

    Words: TypeAlias = Mapping[str, str]

__all__ = ["AGENT", "METHODS", "Method", "read_words", "text_of"]

AGENT = "agent"
"""The method of a program whose Vault Agent or Proxy adds a token of its own to each call."""

SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount/token"
"""The file where Kubernetes puts the token of a pod's service account."""

KEY_ID, SECRET_KEY, SESSION_TOKEN = "aws_access_key_id", "aws_secret_access_key", "aws_security_token"


class Method(NamedTuple):
    """One way to log in.

    Attributes:
        needs: Required words; a file may stand for each.
        may: Optional words; a file may stand for each.
        login: The call, given the words, an hvac adapter and the mount; None if there is no call.
        finds: A finder of the words on this machine, if the setting lacks them.
    """

    needs: tuple[str, ...]
    may: tuple[str, ...]
    login: Callable[[Words, Any, str], Response] | None
    finds: tuple[str, ...] = ()

    def goes_by_the_machine(self, words: Words) -> bool:
        """Return whether the credentials come from this machine, not from the setting."""
        return any(word not in words and f"{word}_file" not in words for word in self.finds)

    @property
    def words(self) -> list[str]:
        """Every word of the setting beside ``method``."""
        own = [*self.needs, *self.may]
        return ["mount", "namespace", *own, *(f"{word}_file" for word in own)]


def read_words(method: str, words: Words) -> dict[str, str] | Failed:
    """Return the words, with the files read, and with the words that the method finds by itself."""
    found = dict(words)
    if method == "kubernetes" and "jwt" not in found:
        found.setdefault("jwt_file", SERVICE_ACCOUNT)
    for word in [word for word in found if word.endswith("_file")]:
        text = text_of(found.pop(word))
        if not isinstance(text, str) or not text:
            what = text.reason if isinstance(text, (NotFound, Failed)) else "it is empty, or not text"
            return Failed(
                FailureCode.UNAUTHENTICATED,
                f"the file that auth names as {word} cannot be used: {what}",
                "check that it is there, and may be read by this user",
            )
        found.setdefault(word.removesuffix("_file"), text)
    if method == "aws" and not (KEY_ID in found and SECRET_KEY in found):
        return _with_aws_credentials(found)
    return found


def text_of(path: str) -> str | NotFound | Failed:
    """Return the text of a file, without the space around it; a pipe, which could block, is refused."""
    content = read_file(os.path.expanduser(path), path)  # noqa: PTH111 - of a home that cannot be told, pathlib raises
    try:
        return content.value.decode().strip() if isinstance(content, Contents) else content
    except UnicodeDecodeError:
        return ""


def _with_aws_credentials(words: dict[str, str]) -> dict[str, str] | Failed:
    """Return the words with the credentials that botocore finds: environment, profile, container or instance role."""
    try:
        load("botocore.session")
        from botocore.session import get_session

        source: Any = get_session().get_credentials()
        keys = source.get_frozen_credentials()
        found = {KEY_ID: keys.access_key, SECRET_KEY: keys.secret_key, SESSION_TOKEN: keys.token}
        return words | {word: text for word, text in found.items() if text}
    except Exception as error:
        name = type(error).__name__
    return Failed(
        FailureCode.UNAUTHENTICATED,
        "there are no AWS credentials to log in to Vault with",
        f"set {KEY_ID} and {SECRET_KEY} in auth, or install boto3, which finds those of the machine",
        name,
    )


def _approle(words: Words, adapter: Any, mount: str) -> Response:
    from hvac.api.auth_methods import AppRole

    answer: Response = AppRole(adapter).login(
        words["role_id"], words.get("secret_id"), use_token=False, mount_point=mount
    )
    return answer


def _jwt(words: Words, adapter: Any, mount: str) -> Response:
    from hvac.api.auth_methods import JWT

    answer: Response = JWT(adapter).jwt_login(words.get("role"), words["jwt"], use_token=False, path=mount)
    return answer


def _userpass(words: Words, adapter: Any, mount: str) -> Response:
    from hvac.api.auth_methods import Userpass

    answer: Response = Userpass(adapter).login(words["username"], words["password"], use_token=False, mount_point=mount)
    return answer


def _cert(words: Words, adapter: Any, mount: str) -> Response:
    # Not by hvac's method, which refuses a certificate with an authority of the system.
    answer: Response = adapter.post(f"/v1/auth/{mount}/login", json={"name": words["name"]} if "name" in words else {})
    return answer


def _aws(words: Words, adapter: Any, mount: str) -> Response:
    from hvac.api.auth_methods import Aws

    given = {word: words[word] for word in ("role", "region", "header_value") if word in words}
    answer: Response = Aws(adapter).iam_login(
        words[KEY_ID], words[SECRET_KEY], words.get(SESSION_TOKEN), use_token=False, mount_point=mount, **given
    )
    return answer


METHODS: dict[str, Method] = {
    "token": Method((), ("token",), None, ("token",)),
    AGENT: Method((), (), None),
    "approle": Method(("role_id",), ("secret_id", "wrapping_token"), _approle),
    "kubernetes": Method(("role",), ("jwt",), _jwt, ("jwt",)),
    "jwt": Method(("jwt",), ("role",), _jwt),
    "oidc": Method(("jwt",), ("role",), _jwt),
    "userpass": Method(("username", "password"), (), _userpass),
    "cert": Method((), ("name",), _cert),
    "aws": Method(
        (), ("role", "region", "header_value", KEY_ID, SECRET_KEY, SESSION_TOKEN), _aws, (KEY_ID, SECRET_KEY)
    ),
}
"""The methods by name, which is also Vault's usual mount of each."""
