"""Google Cloud Secret Manager: ``gcp://NAME?version=3`` or ``gcp://projects/PROJECT/secrets/NAME#field?stage=ALIAS``.

Wire call and permission: ``AccessSecretVersion`` (`secretmanager.versions.access`, in the role
`roles/secretmanager.secretAccessor`). Only with ``fallback_to_enabled``: ``ListSecretVersions``
(`secretmanager.versions.list`). To write: ``CreateSecret`` and ``AddSecretVersion`` (`secretmanager.secrets.create`,
`secretmanager.versions.add`). Only with ``rotation_hints``: ``GetSecret`` (`secretmanager.secrets.get`).
https://cloud.google.com/secret-manager/docs/reference/rest
"""

from __future__ import annotations

import os
import re
from time import monotonic
from typing import TYPE_CHECKING, Any, overload

from secretsource._traceless import traceless
from secretsource.exceptions import ConfigurationError
from secretsource.providers._gcp.client import GcpClients
from secretsource.providers._gcp.errors import malformed
from secretsource.providers._gcp.names import LATEST, NAME, PROJECT_ID, REGION, Place, place_of
from secretsource.providers._gcp.question import PROJECT, Question
from secretsource.providers._meaning import told_with_place
from secretsource.providers._wire.errand import NO_THREAD, NoThread, in_thread
from secretsource.providers.base import (
    AsyncProvider,
    Failed,
    FailureCode,
    Found,
    IdentifiedProvider,
    NotFound,
    Occupied,
    SecretRef,
    Stored,
    WritableProvider,
)

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import TypeAlias

    from google.auth.credentials import Credentials

    from secretsource.providers.base import Identity, Outcome, Written

    Steps: TypeAlias = Generator[Question, Any, Outcome]
    """The calls of one look-up, decided without making them; their answers are sent in."""

__all__ = ["GcpProvider"]

_ENDPOINT = re.compile(r"(https?://)?[A-Za-z0-9.\[\]:_-]+/?")
_EXISTS = frozenset({"AlreadyExists", "Conflict"})  # over gRPC, and over REST
_UNUSABLE = frozenset({FailureCode.DISABLED, FailureCode.DELETED})


class GcpProvider(AsyncProvider, WritableProvider, IdentifiedProvider):
    """Secrets of Google Cloud Secret Manager.

    Args:
        project: Project of names without their own; None for ``GOOGLE_CLOUD_PROJECT``, then the credentials' own.
        location: Region of regional secrets, such as ``europe-west3``; None for global ones.
        prefix: Put before a bare name, such as ``prod_``; explicit references are taken as they are.
        document: One JSON document that holds every bare name as a field.
        transport: ``grpc``, or ``rest`` where a proxy on the way lets only HTTP/1.1 through.
        endpoint: The host to connect to, for Private Service Connect, or ``http://host:port`` for an emulator, which
            receives no credentials.
        trust_address: Whether credentials found on this machine may go to an ``endpoint`` that is not of Google; False
            unless said in a configuration file.
        quota_project: The project that calls are charged to; None for the credentials' own.
        fallback_to_enabled: If the newest version is disabled or destroyed, take the newest enabled one.
        rotation_hints: Also ask when the next rotation is planned and when the secret expires. This is one more call
            per fetch, against a quota of 600 a minute, and its failure does not fail the fetch.
        credentials: Ready-made credentials of google-auth; None for the application default ones.

    Raises:
        ConfigurationError: A setting that cannot work.
    """

    scheme = "gcp"
    credentials = frozenset({"GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_API_KEY", "CLOUDSDK_AUTH_ACCESS_TOKEN"})
    url_setting = "project"

    @traceless
    def __init__(
        self,
        *,
        name: str | None = None,
        project: str | None = None,
        location: str | None = None,
        prefix: str = "",
        document: str | None = None,
        transport: str = "grpc",
        endpoint: str | None = None,
        trust_address: bool = True,
        quota_project: str | None = None,
        fallback_to_enabled: bool = False,
        rotation_hints: bool = False,
        credentials: Credentials | None = None,
    ) -> None:
        super().__init__(name=name)
        self._project = project
        self._location = location
        self._prefix = prefix
        self._document = document
        self._fallback_to_enabled = fallback_to_enabled
        self._rotation_hints = rotation_hints
        self._check(transport, endpoint, quota_project)
        self._clients = GcpClients(
            transport=transport,
            endpoint=endpoint,
            quota_project=quota_project,
            credentials=credentials,
            trusted=trust_address,
        )

    @property
    def site(self) -> str:
        """The project, and the location of regional secrets."""
        project = self._project or os.environ.get("GOOGLE_CLOUD_PROJECT")
        return ", ".join([*([f"project {project}"] if project else []), *([self._location] if self._location else [])])

    def locate(self, name: str) -> SecretRef | NotFound:
        """Return a field of the document if it is set, else the prefix and the name, if Google allows such a name."""
        if self._document is not None:
            return SecretRef(self.name, self._document, field=name)
        if NAME.fullmatch(self._prefix + name) is None:
            return NotFound("Google Cloud allows no such name")
        return SecretRef(self.name, self._prefix + name)

    def previous(self, ref: SecretRef, current: Found) -> SecretRef | None:
        """Return the version with the number before the current one; None for a reference to a fixed version."""
        place = place_of(ref, self._project, self._location)
        if not isinstance(place, Place) or place.version != LATEST:
            return None
        number = current.version or ""
        if not number.isdecimal() or int(number) < 2:
            return None
        return ref._replace(version=str(int(number) - 1), stage=None)

    def fetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        """Ask for one version: a number, an alias, or the newest."""
        return self._told(ref, self._fetch_until(ref, monotonic() + timeout))

    async def afetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        """Do the same as ``fetch``, by the SDK's asynchronous client; over REST, by a worker thread."""
        deadline = monotonic() + timeout
        if not self._clients.native_async:
            try:
                return self._told(ref, await in_thread(self._fetch_until, ref, deadline))
            except NoThread:
                return self._told(ref, NO_THREAD)
        steps = self._steps(ref)
        try:
            question = next(steps)
            while True:
                question = steps.send(await self._clients.aask(question, deadline))
        except StopIteration as end:
            outcome: Outcome = end.value
        return self._told(ref, outcome)

    def store(self, ref: SecretRef, value: str | bytes, *, overwrite: bool = False, timeout: float) -> Written:
        """Add a version, to a new secret if there is no secret yet."""
        written = self._store(ref, value, overwrite=overwrite, timeout=timeout)
        return self._told(ref, written) if isinstance(written, Failed) else written

    def _store(self, ref: SecretRef, value: str | bytes, *, overwrite: bool, timeout: float) -> Written:
        refusal, deadline = self.refusal(ref), monotonic() + timeout
        place = place_of(ref, self._project, self._location)
        if refusal is not None or not isinstance(place, Place) or place.version != LATEST:
            return refusal or Failed(FailureCode.MISCONFIGURED, "it cannot take a new version", "name a secret only")
        if place.project is None:
            project = self._clients.ask(PROJECT, deadline)
            if not isinstance(project, str):
                return malformed() if isinstance(project, NotFound) else project
            place = place._replace(project=project)
        payload = value if isinstance(value, bytes) else value.encode("utf-8", "replace")
        if not payload or (isinstance(value, str) and payload.decode() != value):
            return Failed(FailureCode.MALFORMED, "Google Cloud holds no empty value and no broken text", "store bytes")
        if not overwrite and not isinstance(there := self._fetch_until(ref, deadline), NotFound):
            return Occupied() if isinstance(there, Found) else there
        added = self._add(place, payload, deadline)
        if not isinstance(added, NotFound):
            return added
        made = self._clients.ask(_create(place), deadline)
        if isinstance(made, Failed) and made.sdk_error not in _EXISTS:
            return made
        added = self._add(place, payload, deadline)
        return malformed("there is no such project") if isinstance(added, NotFound) else added

    def _add(self, place: Place, payload: bytes, deadline: float) -> Stored | NotFound | Failed:
        request = {"parent": place.path, "payload": {"data": payload}}
        answer = self._clients.ask(Question("add_secret_version", request, place.location), deadline)
        if isinstance(answer, (NotFound, Failed)):
            return answer
        return Stored(answer.name.rpartition("/")[2]) if answer.name else malformed("the answer names no version")

    def identify(self, *, timeout: float) -> Identity | Failed:
        """Return the account and project that the credentials name, and the time of the tokens' source."""
        who = self._clients.who(monotonic() + timeout)
        if isinstance(who, NotFound):
            return malformed(who.reason)
        return told_with_place(who, self.site) if isinstance(who, Failed) and self.site else who

    def close(self) -> None:
        """Close the connections of the synchronous clients."""
        self._clients.close()

    async def aclose(self) -> None:
        """Close the connections of the running event loop's client."""
        await self._clients.aclose()

    def reset(self) -> None:
        """Forget credentials and clients without using them; in the child of a fork, speak REST from now on."""
        self._clients.reset()

    @overload
    def _told(self, ref: SecretRef, outcome: Failed) -> Failed: ...

    @overload
    def _told(self, ref: SecretRef, outcome: Outcome) -> Outcome: ...

    def _told(self, ref: SecretRef, outcome: Outcome) -> Outcome:
        """Return an outcome, with the place asked in its reason."""
        if isinstance(outcome, Found):
            return outcome
        place = place_of(ref, self._project or self._clients.project, self._location)
        if not isinstance(place, Place):
            return outcome
        host = self._clients.host
        at = "" if host is None or host in (outcome.reason or "") else f" at {host}"
        if isinstance(outcome, NotFound) and outcome.reason is None:
            return NotFound(f"there is no {place.shown}{at}")
        return told_with_place(outcome, f"{place.words}{at}")

    def _check(self, transport: str, endpoint: str | None, quota_project: str | None) -> None:
        projects = {"project": self._project, "quota_project": quota_project}
        wrong = [key for key, named in projects.items() if named is not None and PROJECT_ID.fullmatch(named) is None]
        problem = None
        if transport not in {"grpc", "rest"}:
            problem = "transport must be 'grpc' or 'rest'"
        elif endpoint is not None and _ENDPOINT.fullmatch(endpoint) is None:
            problem = "endpoint must be a host, host:port, or a URL without a path"
        elif wrong:
            problem = f"{wrong[0]} must be the id or number of a project, such as 'my-project-1'"
        elif self._location is not None and REGION.fullmatch(self._location) is None:
            problem = "location must be the name of a region, such as 'europe-west3'"
        elif self._prefix and NAME.fullmatch(self._prefix) is None:
            problem = "prefix must be of letters, digits, '-' and '_', as every name in Google Cloud"
        elif self._document is not None and not isinstance(
            place_of(SecretRef(self.scheme, self._document), None, None), Place
        ):
            problem = "document must be the name of a secret, or projects/PROJECT/secrets/NAME"
        if problem is not None:
            raise ConfigurationError(f"provider {self.name!r}: {problem}")

    def _fetch_until(self, ref: SecretRef, deadline: float) -> Outcome:
        steps = self._steps(ref)
        try:
            question = next(steps)
            while True:
                question = steps.send(self._clients.ask(question, deadline))
        except StopIteration as end:
            outcome: Outcome = end.value
        return outcome

    def _steps(self, ref: SecretRef) -> Steps:
        place = place_of(ref, self._project, self._location)
        if not isinstance(place, Place):
            return place
        if place.project is None:
            project = yield PROJECT
            if isinstance(project, (NotFound, Failed)):
                return project
            place = place._replace(project=project)
        outcome = _read((yield _access(place)))
        if place.version != LATEST:
            return outcome
        if self._fallback_to_enabled and isinstance(outcome, Failed) and outcome.code in _UNUSABLE:
            outcome = yield from _newest_enabled(place, outcome)
        if self._rotation_hints and isinstance(outcome, Found):
            secret = yield Question("get_secret", {"name": place.path}, place.location)
            outcome.rotates_at, outcome.expires_at = _ends(secret)
        return outcome


def _access(place: Place) -> Question:
    return Question("access_secret_version", {"name": place.version_path}, place.location)


def _create(place: Place) -> Question:
    parent, _, _ = place.path.rpartition("/secrets/")
    secret: dict[str, object] = {} if place.location is not None else {"replication": {"automatic": {}}}
    request: dict[str, object] = {"parent": parent, "secret_id": place.secret, "secret": secret}
    return Question("create_secret", request, place.location)


def _newest_enabled(place: Place, unusable: Failed) -> Steps:
    """Return the newest enabled version, else ``unusable``, the outcome of the newest of all."""
    page = ""
    while True:
        # The service lists the newest first; a page may be empty and yet have a next one.
        request: dict[str, object] = {
            "parent": place.path,
            "filter": "state:ENABLED",
            "page_size": 1,
            "page_token": page,
        }
        answer = yield Question("list_secret_versions", request, place.location)
        if isinstance(answer, Failed) and answer.code is FailureCode.DENIED:
            return unusable._replace(remedy="grant secretmanager.versions.list, which fallback_to_enabled needs")
        if isinstance(answer, (NotFound, Failed)):
            return answer
        for version in answer.versions:
            return _read((yield _access(place._replace(version=version.name.rpartition("/")[2]))))
        page = answer.next_page_token
        if not page:
            return unusable


def _read(answer: Any) -> Outcome:
    """Return the value of an answer, as text where it is UTF-8; its checksum is verified where it has one."""
    if isinstance(answer, (NotFound, Failed)):
        return answer
    answer = type(answer).pb(answer)  # the message itself: Google's wrapper makes each access to a field slow
    if not answer.name:
        return malformed("the answer names no version")
    if not _is_intact(answer.payload):
        return Failed(
            FailureCode.MALFORMED,
            "the value does not have the checksum that came with it",
            "check that endpoint, and no proxy, answers, and store the value again if it persists",
        )
    return Found(_text_or_bytes(answer.payload.data), version=answer.name.rpartition("/")[2])


def _is_intact(payload: Any) -> bool:
    from google_crc32c import value as crc32c

    return not payload.HasField("data_crc32c") or crc32c(payload.data) == payload.data_crc32c


def _text_or_bytes(payload: bytes) -> str | bytes:
    try:
        return payload.decode()
    except UnicodeDecodeError:
        return payload


def _ends(secret: Any) -> tuple[float | None, float | None]:
    """Return when the secret is rotated and when it expires, in seconds since 1970, as far as it says so."""
    if isinstance(secret, (NotFound, Failed)):
        return None, None
    try:
        rotated, expires = secret.rotation.next_rotation_time, secret.expire_time
        return rotated and rotated.timestamp(), expires and expires.timestamp()
    except (ValueError, OverflowError):  # an impossible instant is not a hint
        return None, None
