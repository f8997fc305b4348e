"""Logging in to Vault: each method on a real OpenBao, except the one of AWS, which OpenBao does not have."""

from __future__ import annotations

import json
import os
import threading
import time
from base64 import b64decode
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.servers.openbao import OpenBao
from tests.servers.relay import Relay, relay
from tests.servers.vault import ask, bao, code, fields, front, make, place, rules, told

from secretsource.providers._vault import methods
from secretsource.providers.base import FailureCode, Found, SecretRef
from secretsource.providers.vault import VaultProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["bao", "front", "make", "place", "rules"]


@pytest.fixture
def reads(make: Callable[..., VaultProvider], place: str) -> Callable[..., Any]:
    """Reads that secret after logging in as told."""

    def reads(**auth: str) -> Any:
        return ask(make(auth=auth), f"secret/{place}")

    return reads


class TestToken:
    """A token that is given."""

    def test_where_it_is_looked_for(
        self,
        bao: OpenBao,
        rules: str,
        place: str,
        make: Callable[..., VaultProvider],
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
    ) -> None:
        """Without a setting: ``VAULT_TOKEN``, else ``~/.vault-token``; with neither, the error says what to do."""
        monkeypatch.setenv("HOME", str(tmp_path))
        failure = ask(make(auth=None), f"secret/{place}")
        assert code(failure) is FailureCode.UNAUTHENTICATED
        assert failure.remedy == "set auth or VAULT_TOKEN, or run  vault login"
        (tmp_path / ".vault-token").write_text(bao.token(rules) + "\n")
        assert isinstance(ask(make(auth=None), f"secret/{place}"), Found)
        (tmp_path / ".vault-token").write_text("wrong")
        monkeypatch.setenv("VAULT_TOKEN", bao.token(rules))
        assert isinstance(ask(make(auth={"method": "token"}), f"secret/{place}"), Found)

    def test_home_that_cannot_be_told(
        self, make: Callable[..., VaultProvider], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A user without a home has no token there, which is no error of its own."""

        def homeless(user: int) -> None:
            raise KeyError(user)

        monkeypatch.delenv("HOME")
        monkeypatch.setattr("pwd.getpwuid", homeless)
        assert code(ask(make(auth=None), "secret/x")) is FailureCode.UNAUTHENTICATED

    def test_token_of_the_user_that_cannot_be_read(
        self, make: Callable[..., VaultProvider], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """Where something is in its place, the error says what, instead of that there is no token."""
        monkeypatch.setenv("HOME", str(tmp_path))
        (tmp_path / ".vault-token").mkdir()
        failure = ask(make(auth=None), "secret/x")
        assert code(failure) is FailureCode.UNAUTHENTICATED
        assert told(failure) == "~/.vault-token is a directory"

    def test_file_that_would_keep_us_waiting(self, reads: Any, tmp_path: Path) -> None:
        """A pipe that nobody writes to is refused at once, as is what is no text."""
        os.mkfifo(tmp_path / "pipe")
        assert code(reads(method="token", token_file=str(tmp_path / "pipe"))) is FailureCode.UNAUTHENTICATED
        (tmp_path / "binary").write_bytes(b"\xff\xfe")
        assert code(reads(method="token", token_file=str(tmp_path / "binary"))) is FailureCode.UNAUTHENTICATED

    def test_file_that_is_not_there(self, reads: Any, tmp_path: Path) -> None:
        """A missing or empty file is a matter of identity, and the error names the word."""
        failure = reads(method="token", token_file=str(tmp_path / "nothing"))
        assert code(failure) is FailureCode.UNAUTHENTICATED
        gone = tmp_path / "nothing"
        assert told(failure) == f"the file that auth names as token_file cannot be used: {gone} does not exist"

    @pytest.mark.parametrize("token", ["unknown", "with\nnewline"])
    def test_bad_token(self, token: str, reads: Any, rules: str) -> None:
        """A token that Vault does not know is a matter of identity, not of permission."""
        assert code(reads(method="token", token=token)) is FailureCode.UNAUTHENTICATED

    def test_token_without_the_default_policy(self, bao: OpenBao, rules: str, reads: Any) -> None:
        """A token that may not even look itself up is used all the same."""
        token = bao.token(rules, no_default_policy=True)
        assert isinstance(reads(method="token", token=token), Found)


class TestAppRole:
    """A role id, and a secret id that may be good for one login."""

    def test_secret_id_from_a_file(self, bao: OpenBao, rules: str, reads: Any, tmp_path: Path) -> None:
        """Role id and secret id may be in files."""
        (tmp_path / "role").write_text(bao.approle(rules, rules))
        (tmp_path / "secret").write_text(f"{bao.secret_id(rules)}\n")
        found = reads(method="approle", role_id_file=str(tmp_path / "role"), secret_id_file=str(tmp_path / "secret"))
        assert fields(found) == {"value": "x"}

    def test_role_without_secret_ids(self, bao: OpenBao, rules: str, reads: Any) -> None:
        """A role may be bound to addresses instead of a secret id."""
        role_id = bao.approle(rules, rules, bind_secret_id=False, token_bound_cidrs=["127.0.0.1/32"])
        assert fields(reads(method="approle", role_id=role_id)) == {"value": "x"}

    def test_single_use(
        self, bao: OpenBao, rules: str, place: str, front: Relay, make: Callable[..., VaultProvider]
    ) -> None:
        """A secret id for one login is used once, however often is asked; a second login is refused, and says so."""
        role_id = bao.approle(rules, rules, secret_id_num_uses=1)
        auth = {"method": "approle", "role_id": role_id, "secret_id": bao.secret_id(rules)}
        provider = make(auth=auth)
        assert all(isinstance(ask(provider, f"secret/{place}"), Found) for _ in range(3))
        assert front.asked.count("POST auth/approle/login") == 1
        failure = ask(make(auth=auth), f"secret/{place}")
        assert code(failure) is FailureCode.UNAUTHENTICATED
        assert failure.reason.startswith("Vault refuses the login")

    def test_wrapped(
        self, bao: OpenBao, rules: str, place: str, front: Relay, make: Callable[..., VaultProvider]
    ) -> None:
        """A wrapped secret id is unwrapped once, and serves later logins too."""
        role_id = bao.approle(rules, rules)
        wrapped = bao.do("POST", f"auth/approle/role/{rules}/secret-id", headers={"X-Vault-Wrap-TTL": "60s"})
        auth = {"method": "approle", "role_id": role_id, "wrapping_token": wrapped["wrap_info"]["token"]}
        provider = make(auth=auth)
        assert isinstance(ask(provider, f"secret/{place}"), Found)
        held = provider._tokens.held
        assert held is not None
        bao.revoke(held.text)
        assert isinstance(ask(provider, f"secret/{place}"), Found)
        assert front.asked.count("POST sys/wrapping/unwrap") == 1
        assert front.asked.count("POST auth/approle/login") == 2
        failure = ask(make(auth=auth), f"secret/{place}")
        assert code(failure) is FailureCode.UNAUTHENTICATED
        assert told(failure) == "the wrapping token is spent or has expired"

    def test_wrapping_of_something_else(self, bao: OpenBao, rules: str, reads: Any, place: str) -> None:
        """A wrapping token with no secret id in it is malformed."""
        wrapped = bao.do("GET", f"secret/data/{place}", headers={"X-Vault-Wrap-TTL": "60s"})
        answer = reads(method="approle", role_id="x", wrapping_token=wrapped["wrap_info"]["token"])
        assert code(answer) is FailureCode.MALFORMED

    def test_unwrapping_that_hangs(self, front: Relay, make: Callable[..., VaultProvider]) -> None:
        """Time is over for the unwrapping as for every call."""
        front.hang(on="unwrap")
        provider = make(auth={"method": "approle", "role_id": "x", "wrapping_token": "y"})
        failure = provider.fetch(provider.locate("A"), timeout=0.2)  # type: ignore[arg-type]
        assert code(failure) is FailureCode.TIMEOUT

    def test_other_mount(self, bao: OpenBao, rules: str, reads: Any) -> None:
        """A method may be mounted elsewhere; of one that is not there OpenBao says no more than that it refuses."""
        bao.enable_auth("approle", "deep/machines")
        role_id = bao.approle(rules, rules, mount="deep/machines")
        auth = {"method": "approle", "role_id": role_id, "secret_id": bao.secret_id(rules, "deep/machines")}
        assert fields(reads(mount="deep/machines", **auth)) == {"value": "x"}
        assert code(reads(mount="nowhere", **auth)) is FailureCode.UNAUTHENTICATED


class TestUserpass:
    """A user and a password."""

    def test_login(self, bao: OpenBao, rules: str, reads: Any, tmp_path: Path) -> None:
        """The password may be in a file; a wrong one is refused."""
        bao.do("POST", f"auth/userpass/users/{rules}", {"password": "right", "token_policies": [rules]})
        (tmp_path / "password").write_text("right\n")
        found = reads(method="userpass", username=rules, password_file=str(tmp_path / "password"))
        assert fields(found) == {"value": "x"}
        assert code(reads(method="userpass", username=rules, password="wrong")) is FailureCode.UNAUTHENTICATED


@pytest.fixture(scope="module")
def key() -> ec.EllipticCurvePrivateKey:
    """The key of an issuer of JWTs."""
    return ec.generate_private_key(ec.SECP256R1())


def signed(key: ec.EllipticCurvePrivateKey, **claims: Any) -> str:
    """A JWT of that issuer."""
    return jwt.encode({"exp": time.time() + 60, **claims}, key, "ES256")


def public(key: ec.EllipticCurvePrivateKey) -> str:
    """The public key, in PEM."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


class TestJwt:
    """A JWT that somebody else signed."""

    @pytest.mark.parametrize("method", ["jwt", "oidc"])
    def test_login(
        self, method: str, bao: OpenBao, rules: str, reads: Any, key: ec.EllipticCurvePrivateKey, tmp_path: Path
    ) -> None:
        """Given, or in a file that somebody keeps fresh; with a role, or the default one."""
        bao.enable_auth("jwt", method)
        bao.do("POST", f"auth/{method}/config", {"jwt_validation_pubkeys": [public(key)], "default_role": rules})
        role = {"role_type": "jwt", "user_claim": "sub", "bound_audiences": ["bao"], "token_policies": [rules]}
        bao.do("POST", f"auth/{method}/role/{rules}", role)
        (tmp_path / "jwt").write_text(signed(key, sub="program", aud="bao"))
        assert fields(reads(method=method, role=rules, jwt_file=str(tmp_path / "jwt"))) == {"value": "x"}
        assert fields(reads(method=method, jwt=signed(key, sub="program", aud="bao"))) == {"value": "x"}
        other = ec.generate_private_key(ec.SECP256R1())
        assert code(reads(method=method, jwt=signed(other, sub="program", aud="bao"))) is FailureCode.UNAUTHENTICATED


class TestKubernetes:
    """The token of a pod's service account; the cluster that Vault asks about it is a stand-in."""

    @pytest.fixture
    def cluster(self) -> Generator[Relay]:
        """The TokenReview call of a cluster that knows one service account."""
        user = {"username": "system:serviceaccount:shop:web", "uid": "1", "groups": ["system:serviceaccounts"]}
        with relay() as cluster:
            cluster.answer(201, json.dumps({"status": {"authenticated": True, "user": user}}).encode())
            yield cluster

    def test_login(
        self,
        bao: OpenBao,
        cluster: Relay,
        rules: str,
        reads: Any,
        key: ec.EllipticCurvePrivateKey,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The token is given, or read from where Kubernetes puts it, and the cluster is asked about it."""
        bao.enable_auth("kubernetes")
        config = {
            "kubernetes_host": cluster.address,
            "kubernetes_ca_cert": trustme.CA().cert_pem.bytes().decode(),  # asked for, and not used over http
            "token_reviewer_jwt": "x",
            "disable_local_ca_jwt": True,
        }
        bao.do("POST", "auth/kubernetes/config", config)
        role = {
            "bound_service_account_names": "web",
            "bound_service_account_namespaces": "shop",
            "token_policies": [rules],
        }
        bao.do("POST", f"auth/kubernetes/role/{rules}", role)
        account = {"serviceaccount": {"name": "web", "uid": "1"}, "namespace": "shop"}
        token = signed(key, sub="system:serviceaccount:shop:web", **{"kubernetes.io": account})
        assert fields(reads(method="kubernetes", role=rules, jwt=token)) == {"value": "x"}
        assert cluster.calls[0].path == "/apis/authentication.k8s.io/v1/tokenreviews"
        (tmp_path / "token").write_text(token)
        monkeypatch.setattr(methods, "SERVICE_ACCOUNT", str(tmp_path / "token"))
        assert fields(reads(method="kubernetes", role=rules)) == {"value": "x"}
        cluster.answer(201, b'{"status": {"authenticated": false}}')
        assert code(reads(method="kubernetes", role=rules)) is FailureCode.UNAUTHENTICATED

    def test_outside_of_a_pod(self, reads: Any) -> None:
        """Where there is no such file, the error says which."""
        failure = reads(method="kubernetes", role="web")
        assert code(failure) is FailureCode.UNAUTHENTICATED
        assert "jwt_file" in failure.reason


@pytest.mark.filterwarnings("ignore:.*utcnow:DeprecationWarning")  # in hvac, from Python 3.12 on
class TestAws:
    """A signed question to AWS that Vault passes on; OpenBao has no such method, so its answer is planned."""

    @pytest.fixture
    def vault(self) -> Generator[Relay]:
        """A Vault that takes every login, and has one secret."""
        with relay() as vault:
            body = {"auth": {"client_token": "t", "lease_duration": 60, "renewable": True}, "data": {"value": "x"}}
            vault.answer(200, json.dumps(body).encode())
            yield vault

    def login(self, vault: Relay, **auth: str) -> dict[str, Any]:
        """What is sent to log in."""
        provider = VaultProvider(address=vault.address, kv_version=1, auth={"method": "aws", **auth})
        assert fields(ask(provider, "secret/x")) == {"value": "x"}
        provider.close()
        assert vault.asked[0] == "POST auth/aws/login"
        sent: dict[str, Any] = json.loads(vault.calls[0].body)
        headers = json.loads(b64decode(sent["iam_request_headers"]))
        sent["headers"] = {key.lower(): values[0] for key, values in headers.items()}
        return sent

    def test_given_keys(self, vault: Relay) -> None:
        """The question is who we are, signed with the keys that were given."""
        sent = self.login(
            vault, role="web", aws_access_key_id="AKIA", aws_secret_access_key="s", header_value="vault.internal"
        )
        assert (sent["role"], sent["iam_http_request_method"]) == ("web", "POST")
        assert b64decode(sent["iam_request_url"]) == b"https://sts.amazonaws.com/"
        assert b64decode(sent["iam_request_body"]) == b"Action=GetCallerIdentity&Version=2011-06-15"
        assert sent["headers"]["x-vault-aws-iam-server-id"] == "vault.internal"
        assert sent["headers"]["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIA/")
        assert "/us-east-1/sts/aws4_request" in sent["headers"]["authorization"]
        assert "x-amz-security-token" not in sent["headers"]

    def test_keys_of_the_machine(self, vault: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without keys, those that botocore finds are taken."""
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ASIA")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
        monkeypatch.setenv("AWS_SESSION_TOKEN", "session")
        sent = self.login(vault, region="eu-west-1")
        assert "Credential=ASIA/" in sent["headers"]["authorization"]
        assert "/eu-west-1/sts/aws4_request" in sent["headers"]["authorization"]
        assert sent["headers"]["x-amz-security-token"] == "session"

    def test_no_keys(self, vault: Relay) -> None:
        """Without any keys, nothing is sent."""
        provider = VaultProvider(address=vault.address, auth={"method": "aws"})
        assert code(ask(provider, "secret/x")) is FailureCode.UNAUTHENTICATED
        assert vault.asked == []

    def test_keys_that_do_not_come(self, vault: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
        """A search for keys that hangs holds a call no longer than its timeout; a later call may have them."""
        found = threading.Event()
        monkeypatch.setattr("botocore.session.get_session", lambda: found.wait(30) and None)
        provider = VaultProvider(address=vault.address, kv_version=1, auth={"method": "aws"})
        started = time.monotonic()
        try:
            failure = provider.fetch(SecretRef("vault", "secret/x"), timeout=0.2)
            assert code(failure) is FailureCode.TIMEOUT
            assert told(failure).startswith("there was no token in time")
            assert time.monotonic() - started < 25
        finally:
            found.set()
        assert code(ask(provider, "secret/x")) is FailureCode.UNAUTHENTICATED


class TestAnswers:
    """Answers to a login that a healthy server does not give."""

    @pytest.mark.parametrize("body", [b"{}", b'{"auth":null}', b'{"auth":{"mfa_requirement":{}}}'])
    def test_login_without_a_token(self, body: bytes, front: Relay, make: Callable[..., VaultProvider]) -> None:
        """A login that brings no token, such as one that wants a second factor, is malformed."""
        front.answer(200, body, on="login")
        auth = {"method": "userpass", "username": "u", "password": "p"}
        assert code(ask(make(auth=auth), "secret/x")) is FailureCode.MALFORMED

    def test_login_that_hangs(self, front: Relay, make: Callable[..., VaultProvider]) -> None:
        """Time is over for the login as for every call."""
        front.hang()
        provider = make(auth={"method": "userpass", "username": "u", "password": "p"})
        failure = provider.fetch(provider.locate("A"), timeout=0.2)  # type: ignore[arg-type]
        assert code(failure) is FailureCode.TIMEOUT
