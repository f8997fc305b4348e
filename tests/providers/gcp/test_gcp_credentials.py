"""Credentials of Google Cloud that cannot be made, and those that are replaced on disk under a running process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import urlsafe_b64decode
from functools import cache
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.oauth2.service_account import Credentials as ServiceAccount
from tests.servers.gcp import secret_manager

from secretsource.providers._gcp import caller as gcp_caller
from secretsource.providers._gcp.caller import Caller, CallerSearch
from secretsource.providers._gcp.wiring import explain_search
from secretsource.providers.base import Failed, FailureCode, SecretRef
from secretsource.providers.gcp import GcpProvider

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LATE = 20.0
WORKLOAD = {
    "type": "external_account",
    "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
    "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
    "token_url": "https://sts.googleapis.com/v1/token",
}


@cache
def pem() -> str:
    """A private key."""
    key = rsa.generate_private_key(65537, 2048)
    pkcs8 = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pkcs8.decode()


def key_file(key_id: str) -> str:
    """The key of a service account, as it is downloaded."""
    account = {
        "type": "service_account",
        "project_id": "p1",
        "private_key_id": key_id,
        "private_key": pem(),
        "client_email": "reader@p1.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": "http://127.0.0.1:1/token",
    }
    return json.dumps(account)


def workload(path: Path) -> str:
    """A workload identity whose token is in a file."""
    return json.dumps({**WORKLOAD, "credential_source": {"file": str(path)}})


def folder(file: Path) -> None:
    file.mkdir()


def closed(file: Path) -> None:
    file.write_text(key_file("k1"))
    file.chmod(0)


def workload_folder(file: Path) -> None:
    file.write_text(workload(file.parent))


def workload_closed(file: Path) -> None:
    token = file.parent / "token"
    token.write_text("canary")
    token.chmod(0)
    file.write_text(workload(token))


FLAWS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda file: None, "adc.json does not exist"),
    "folder": (folder, "adc.json is a directory"),
    "not JSON": (lambda file: file.write_text("canary: 1"), "adc.json is not JSON"),
    "empty": (lambda file: file.write_text(""), "adc.json is not JSON"),
    "a list": (lambda file: file.write_text("[1]"), "no type of credentials that is known"),
    "unknown type": (lambda file: file.write_text('{"type": "canary"}'), "no type of credentials that is known"),
    "half a key": (lambda file: file.write_text('{"type": "service_account", "private_key": "canary"}'), "credentials"),
    "broken key": (lambda file: file.write_text(key_file("k1").replace("MII", "canary")), "credentials"),
    "workload token missing": (lambda file: file.write_text(workload(file.parent / "token")), "token does not exist"),
    "workload token a folder": (workload_folder, "is a directory"),
}
if os.geteuid() != 0:  # root reads everything
    FLAWS["unreadable"] = (closed, "adc.json may not be read")
    FLAWS["workload token unreadable"] = (workload_closed, "token may not be read")


@pytest.fixture
def adc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the application default credentials, which is not there yet."""
    file = tmp_path / "adc.json"
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    return file


@pytest.mark.parametrize("flaw", FLAWS)
@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_credentials_that_cannot_be_made(adc: Path, flaw: str, transport: str) -> None:
    """What is wrong with a file of credentials is told, is no outage, and quotes nothing of the file."""
    make, words = FLAWS[flaw]
    make(adc)
    asked = GcpProvider(project="p1", transport=transport, endpoint="localhost:1")
    outcome = asked.fetch(SecretRef("gcp", "TOKEN"), timeout=LATE)
    asked.close()
    assert isinstance(outcome, Failed)
    assert outcome.code in {FailureCode.UNAUTHENTICATED, FailureCode.MISCONFIGURED}
    assert not outcome.retryable
    assert words in str(outcome.reason)
    assert "canary" not in repr(outcome)


class TestRotation:
    """A key file that is replaced under a running process."""

    @pytest.fixture
    def search(self, adc: Path) -> CallerSearch:
        """A search that found the first key."""
        adc.write_text(key_file("k1"))
        search = CallerSearch(anonymous=False, quota_project=None, credentials=None)
        assert isinstance(search.wait(monotonic() + LATE), Caller)
        assert search.refusal(monotonic() + LATE) is None
        return search

    def test_new_key_is_taken_after_a_refusal(self, search: CallerSearch, adc: Path) -> None:
        """After a refusal the new key signs, by the credentials that the clients hold already."""
        refused, handed = search.found, search.handed
        adc.write_text(key_file("k2"))
        assert search.renew(refused, monotonic() + LATE)
        assert search.handed is handed
        assert handed is not None
        assert handed.source.signer.key_id == "k2"
        assert handed.valid

    def test_same_key_is_not_asked_again(self, search: CallerSearch) -> None:
        """A key that is still the same is no reason to ask once more."""
        assert not search.renew(search.found, monotonic() + LATE)

    def test_once_in_some_seconds(self, search: CallerSearch, adc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A refusal that follows at once reads no file; the next one after the pause does."""
        assert not search.renew(search.found, monotonic() + LATE)
        adc.write_text(key_file("k2"))
        assert not search.renew(search.found, monotonic() + LATE)
        later = monotonic() + gcp_caller.RENEWAL_PAUSE
        monkeypatch.setattr(gcp_caller, "monotonic", lambda: later)
        assert search.renew(search.found, later + LATE)

    def test_a_broken_new_key_leaves_the_old_one(self, search: CallerSearch, adc: Path) -> None:
        """A file that is being written does not take away the credentials that are there."""
        refused = search.found
        adc.write_text(key_file("k2")[:100])
        assert not search.renew(refused, monotonic() + LATE)
        assert search.found is refused

    def test_of_two_refused_calls_both_take_the_new_key(self, search: CallerSearch, adc: Path) -> None:
        """A call that was refused with the old key goes on with the new one, although another call found it."""
        refused = search.found
        adc.write_text(key_file("k2"))
        assert search.renew(refused, monotonic() + LATE)
        assert search.renew(refused, monotonic() + LATE)

    def test_given_credentials_are_left_alone(self, adc: Path) -> None:
        """Credentials that were given are neither looked for nor replaced."""
        given = ServiceAccount.from_service_account_info(json.loads(key_file("k1")))
        adc.write_text(key_file("k2"))
        search = CallerSearch(anonymous=False, quota_project=None, credentials=given)
        found = search.wait(monotonic() + LATE)
        assert isinstance(found, Caller)
        assert not search.renew(found, monotonic() + LATE)
        assert search.found is found


def key_of(bearer: str) -> str:
    """The id of the key that signed a token."""
    head = bearer.removeprefix("Bearer ").split(".")[0]
    return str(json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"])


SCRIPT = """
import asyncio, os, sys
from secretsource.providers.base import SecretRef
from secretsource.providers.gcp import GcpProvider

endpoint, path, new = sys.argv[1:]
provider, ref = GcpProvider(endpoint=endpoint), SecretRef("gcp", "TOKEN")

async def twice():
    print(type(await provider.afetch(ref, timeout=10)).__name__)
    os.replace(new, os.environ["GOOGLE_APPLICATION_CREDENTIALS"])
    print(type(await provider.afetch(ref, timeout=10)).__name__)
    await provider.aclose()

if path == "asyncio":
    asyncio.run(twice())
else:
    print(type(provider.fetch(ref, timeout=10)).__name__)
    os.replace(new, os.environ["GOOGLE_APPLICATION_CREDENTIALS"])
    print(type(provider.fetch(ref, timeout=10)).__name__)
"""


@pytest.mark.parametrize("path", ["threads", "asyncio"])
def test_call_that_meets_the_rotation_succeeds(path: str, adc: Path, tmp_path: Path) -> None:
    """The look-up that is refused with the old key reads the new one and gives the value."""
    authority, new, roots = trustme.CA(), tmp_path / "new.json", tmp_path / "roots.pem"
    issued = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(str(roots))
    adc.write_text(key_file("k1"))
    new.write_text(key_file("k2"))
    chain = b"".join(part.bytes() for part in issued.cert_chain_pems)
    with secret_manager((issued.private_key_pem.bytes(), chain)) as gcp:
        gcp.store.add("projects/p1/secrets/TOKEN", b"there")
        gcp.faults.accepts = lambda bearer: key_of(bearer) == ("k1" if len(gcp.calls) == 1 else "k2")
        environment: dict[str, Any] = {**os.environ, "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(roots)}
        command = [sys.executable, "-c", SCRIPT, str(gcp.tls_endpoint), path, str(new)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=60, env=environment)
        keys = [key_of(call.headers["authorization"]) for call in gcp.calls]
    assert done.stdout.split() == ["Found", "Found"]
    assert keys == ["k1", "k1", "k2"]


@pytest.mark.parametrize("error", [PermissionError, IsADirectoryError, FileNotFoundError, OSError])
def test_file_that_the_system_refuses(error: type[OSError], tmp_path: Path) -> None:
    """Whatever the system says of a file, it is no outage."""
    outcome = explain_search(error(5, "refused", str(tmp_path / "token")))
    assert outcome.code is FailureCode.UNAUTHENTICATED
    assert "token" in str(outcome.reason)
