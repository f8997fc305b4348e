"""Credentials of AWS that cannot be made, that take long, and that are replaced under a running process."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from botocore.tokens import SSOTokenProvider
from botocore.utils import ContainerMetadataFetcher
from tests.servers.aws import REGION, new_session, problem
from tests.servers.proxy import listening_proxy
from tests.servers.relay import Call, Relay, Reply, relay

from secretsource import Resolver
from secretsource.exceptions import ProviderDenied
from secretsource.providers._aws import session as sessions
from secretsource.providers._aws.wiring import explain_search
from secretsource.providers.aws import AwsProvider
from secretsource.providers.base import Failed, FailureCode, Found, SecretRef
from secretsource.providers.memory import MemoryProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

REF = SecretRef("aws", "TOKEN")
NOWHERE = "http://127.0.0.1:9"
PERMANENT = {FailureCode.UNAUTHENTICATED, FailureCode.MISCONFIGURED}
FOUND = json.dumps({"SecretString": "value", "VersionId": "v" * 32}).encode()
JSON = {"Content-Type": "application/x-amz-json-1.1"}


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Write ``~/.aws/config``, whose words ``HERE`` are the test's folder."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))

    def write(text: str) -> None:
        (tmp_path / "config").write_text(text.replace("HERE", str(tmp_path)))

    return write


@pytest.fixture
def service() -> Generator[Relay]:
    """A Secrets Manager that has whatever is asked for."""
    with relay() as front:
        front.answer(200, FOUND, JSON)
        yield front


def failure(outcome: object) -> Failed:
    """The outcome, which must be a `Failed`."""
    assert isinstance(outcome, Failed), outcome
    return outcome


def program(folder: Path, *lines: str) -> str:
    """An executable for ``credential_process``, which notes each of its runs."""
    path = folder / "program"
    path.write_text("\n".join(["#!/bin/sh", f"echo run >> {folder}/runs", *lines, ""]))
    path.chmod(0o700)
    return f"[default]\ncredential_process = {path}\n"


def printed(key: str, expires_in: float | None = None) -> str:
    """What a ``credential_process`` prints."""
    keys = {"Version": 1, "AccessKeyId": key, "SecretAccessKey": "secret", "SessionToken": "token"}
    if expires_in is not None:
        keys["Expiration"] = (datetime.now(UTC) + timedelta(seconds=expires_in)).isoformat()
    return json.dumps(keys)


MFA = (
    "[default]\nrole_arn = arn:aws:iam::111122223333:role/x\nsource_profile = base\nmfa_serial = arn:x\n"
    "[profile base]\naws_access_key_id = a\naws_secret_access_key = b\n"
)
ASKED = f"""
import sys
from secretsource.providers.aws import AwsProvider
from secretsource.providers.base import SecretRef
print(AwsProvider(region={REGION!r}, endpoint_url={NOWHERE!r}).fetch(SecretRef("aws", "TOKEN"), timeout=20).reason)
print(sys.stdin.read())
"""


@pytest.mark.skipif(os.name != "posix", reason="there is no /dev/tty elsewhere")
def test_an_mfa_code_without_a_terminal(config: Callable[[str], None]) -> None:
    """A service cannot be asked; and its standard input, which is not for that, is left to it."""
    config(MFA)
    done = subprocess.run(
        [sys.executable, "-c", ASKED],
        input="the first line\n",
        text=True,
        capture_output=True,
        check=True,
        start_new_session=True,
    )
    said, left = done.stdout.splitlines()[0], done.stdout.splitlines()[1]
    assert "wants an MFA code" in said
    assert (left, done.stderr) == ("the first line", "")


class TestWiring:
    """Credentials that cannot be made are a mistake: permanent, explained, and never passed over."""

    @pytest.mark.parametrize(
        ("variables", "said"),
        [
            ({"AWS_WEB_IDENTITY_TOKEN_FILE": "HERE/none"}, "HERE/none is not there"),
            ({"AWS_WEB_IDENTITY_TOKEN_FILE": "HERE"}, "HERE is a folder"),
            ({"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "HERE/none"}, "HERE/none is not there"),
            ({"AWS_CONTAINER_AUTHORIZATION_TOKEN": "two\nlines"}, "cannot be made"),
            ({"AWS_ACCESS_KEY_ID": "AKIA\n", "AWS_SECRET_ACCESS_KEY": "s"}, "the AWS access key contains a line break"),
            ({"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s\r\n"}, "the AWS secret key contains"),
            (
                {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "a b"},
                "the AWS session token contains",
            ),
            ({"AWS_ACCESS_KEY_ID": "AKIA"}, "incomplete: AWS_SECRET_ACCESS_KEY is missing"),
            ({"AWS_PROFILE": "nobody"}, "profile is not in the AWS configuration"),
            ({"AWS_PROFILE": "default\n"}, "profile is not in the AWS configuration"),
        ],
    )
    def test_environment(
        self, variables: dict[str, str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A variable that leads nowhere, or holds what no header can carry."""
        monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/x")
        if any("CONTAINER" in name for name in variables):
            monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", NOWHERE)
        for name, value in variables.items():
            monkeypatch.setenv(name, value.replace("HERE", str(tmp_path)))
        outcome = failure(AwsProvider(region=REGION, endpoint_url=NOWHERE).fetch(REF, timeout=5))
        assert outcome.code in PERMANENT
        assert said.replace("HERE", str(tmp_path)) in str(outcome.reason)

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("[default]\ncredential_process = HERE/none\n", "HERE/none is not there"),
            ("[default]\ncredential_process = HERE\n", "HERE may not be read or run by this user"),
            ("[default]\ncredential_process = echo oops\n", "not in the promised form"),
            ("[default]\ncredential_process = echo '[]'\n", "not in the promised form"),
            ("[default]\ncredential_process = echo '{\"Version\": 1}'\n", "cannot be made|could not fetch"),
            ("[default]\ncredential_process = printf '\\\\377'\n", "not in the promised form"),
            ("[default]\ncredential_process = false\n", "could not fetch"),
            ("[default]\nrole_arn = arn:aws:iam::111122223333:role/x\nsource_profile = nobody\n", "configuration"),
            ("[default]\nsso_session = none\nsso_account_id = 1\nsso_role_name = x\n", "configuration"),
            (
                "[default]\nsso_start_url = https://sso.test\nsso_region = eu-west-1\nsso_account_id = 1\n"
                "sso_role_name = x\n",
                "sign-in session is missing",
            ),
            ("[default\nregion\n", "configuration"),
            (
                "[default]\nrole_arn = arn:aws:iam::111122223333:role/x\n",
                "incomplete: source_profile or credential_source is missing",
            ),
        ],
    )
    def test_file(self, text: str, said: str, config: Callable[[str], None], tmp_path: Path) -> None:
        """A ``credential_process``, a role or a sign-in that cannot work, and a file that is none."""
        config(text)
        outcome = failure(AwsProvider(region=REGION, endpoint_url=NOWHERE).fetch(REF, timeout=10))
        assert outcome.code in PERMANENT
        assert any(words in str(outcome.reason) for words in said.replace("HERE", str(tmp_path)).split("|"))

    def test_missing_bundle_of_authorities(self, service: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
        """A file of certificate authorities that is not there is a mistake as well."""
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setenv("AWS_CA_BUNDLE", "/nonexistent/bundle.pem")
        endpoint = service.address.replace("http:", "https:")
        outcome = failure(AwsProvider(region=REGION, endpoint_url=endpoint).fetch(REF, timeout=5))
        assert outcome.code in PERMANENT

    def test_no_weaker_source_answers(self, config: Callable[[str], None]) -> None:
        """``on_unavailable = "next"`` passes over an outage, and not over a mistake."""
        config("[default]\ncredential_process = /nonexistent/tool\n")
        with (
            Resolver(
                [
                    f"aws://?region={REGION}&endpoint_url={NOWHERE}&on_unavailable=next",
                    MemoryProvider({"TOKEN": "weaker"}),
                ]
            ) as resolver,
            pytest.raises(ProviderDenied, match="/nonexistent/tool is not there"),
        ):
            resolver.get("TOKEN")

    def test_credentials_of_a_network_that_is_down(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where nothing listens is an outage, told with the host and port that credentials were asked of."""
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{NOWHERE}/get?secret=x")
        outcome = failure(AwsProvider(region=REGION, endpoint_url=NOWHERE).fetch(REF, timeout=30))
        assert outcome.code is FailureCode.UNAVAILABLE
        assert "credentials cannot be fetched: 127.0.0.1:9 cannot be reached: connection refused" in str(outcome.reason)

    @pytest.mark.parametrize("status", [429, 500])
    def test_agent_that_is_out_of_order(self, status: int, service: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
        """What passes by itself at the agent of a container is an outage, in which old values are served."""
        monkeypatch.setattr(ContainerMetadataFetcher, "SLEEP_TIME", 0)
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{service.address}/get")
        service.answer(status)
        outcome = failure(AwsProvider(region=REGION, endpoint_url=NOWHERE).fetch(REF, timeout=30))
        assert outcome.code is FailureCode.UNAVAILABLE
        assert "credentials cannot be fetched: their source is out of order" in str(outcome.reason)

    def test_token_that_is_empty(
        self, config: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """botocore asks no such question of STS; that is a mistake of the credentials, and not of the reference."""
        config(SOURCES["workload"])
        (tmp_path / "jwt").write_text("")
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", NOWHERE)
        outcome = failure(AwsProvider(region=REGION, endpoint_url=NOWHERE).fetch(REF, timeout=20))
        assert outcome.code is FailureCode.UNAUTHENTICATED
        assert "AWS_WEB_IDENTITY_TOKEN_FILE" in str(outcome.remedy)

    @pytest.mark.parametrize(
        ("operation", "code", "told"),
        [
            ("AssumeRole", "ValidationError", FailureCode.UNAUTHENTICATED),
            ("AssumeRole", "AccessDenied", FailureCode.UNAUTHENTICATED),
            ("AssumeRoleWithWebIdentity", "PackedPolicyTooLarge", FailureCode.UNAUTHENTICATED),
            ("AssumeRoleWithWebIdentity", "InvalidIdentityToken", FailureCode.UNAUTHENTICATED),
            ("GetRoleCredentials", "ForbiddenException", FailureCode.UNAUTHENTICATED),
            ("AssumeRoleWithWebIdentity", "IDPCommunicationError", FailureCode.UNAVAILABLE),
        ],
    )
    def test_role_that_is_not_given(self, operation: str, code: str, told: FailureCode) -> None:
        """A refusal of the role is a matter of identity, told with the role and the code of AWS."""
        answer: Any = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": 400}}
        outcome = explain_search(ClientError(answer, operation))
        assert (outcome.code, outcome.sdk_error) == (told, code)
        assert told is FailureCode.UNAVAILABLE or "trust policy" in str(outcome.remedy)


ASSUMED = """<{0}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{0}Result><Credentials>
<AccessKeyId>AKIAROLE</AccessKeyId><SecretAccessKey>canary-key</SecretAccessKey>
<SessionToken>canary-token</SessionToken><Expiration>2100-01-01T00:00:00Z</Expiration></Credentials>
</{0}Result></{0}Response>"""
LOGGED_IN = {"accessKeyId": "AKIAROLE", "secretAccessKey": "canary-key", "sessionToken": "canary-token"}
SOURCES = {
    "role": "[default]\nrole_arn = arn:aws:iam::111122223333:role/x\nsource_profile = base\n"
    "[profile base]\naws_access_key_id = a\naws_secret_access_key = canary-key\n",
    "workload": "[default]\nrole_arn = arn:aws:iam::111122223333:role/x\nweb_identity_token_file = HERE/jwt\n",
    "single sign-on": "[default]\nsso_session = my\nsso_account_id = 111122223333\nsso_role_name = r\n"
    "[sso-session my]\nsso_region = eu-west-1\nsso_start_url = https://my.awsapps.com/start\n",
}
"""Profiles without a region, whose credentials AWS gives."""


def everything_of_aws(call: Call) -> Reply:
    """Secrets Manager, and the services that give credentials."""
    for operation in ("AssumeRoleWithWebIdentity", "AssumeRole"):
        if f"Action={operation}&".encode() in call.body:
            return Reply(200, ASSUMED.format(operation).encode(), {"Content-Type": "text/xml"})
    if call.path.startswith("/federation"):
        return Reply(200, json.dumps({"roleCredentials": {**LOGGED_IN, "expiration": 4102444800000}}).encode())
    return Reply(200, FOUND, JSON)


@pytest.mark.parametrize("source", SOURCES)
def test_who_gives_credentials(
    source: str,
    config: Callable[[str], None],
    service: Relay,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is asked in the provider's region, directly if it is on this machine, and nothing of it is logged."""
    caplog.set_level(logging.DEBUG)
    config(SOURCES[source])
    (tmp_path / "jwt").write_text("canary-jwt")
    known = tmp_path / f"{hashlib.sha1(b'my').hexdigest()}.json"
    known.write_text(json.dumps({"accessToken": "canary-login", "expiresAt": "2100-01-01T00:00:00Z"}))
    monkeypatch.setattr(SSOTokenProvider, "_SSO_TOKEN_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("AWS_ENDPOINT_URL", service.address)
    service.fault = everything_of_aws
    with listening_proxy() as (url, heard):
        monkeypatch.setenv("HTTP_PROXY", url)
        monkeypatch.setenv("http_proxy", url)
        provider = AwsProvider(region="eu-central-1")
        found = provider.fetch(REF, timeout=20)
        provider.close()
    assert isinstance(found, Found), found
    assert heard == []
    assert "AKIAROLE" in service.calls[-1].headers["Authorization"]
    if source == "role":
        assert "/eu-central-1/sts/" in service.calls[0].headers["Authorization"]
    assert "canary" not in caplog.text + "".join(repr(vars(record)) for record in caplog.records)


class TestDeadline:
    """The deadline of a call covers the search for credentials."""

    def test_program_that_takes_long(self, config: Callable[[str], None], tmp_path: Path, service: Relay) -> None:
        """Each caller waits until its own deadline for the one run; what it gives serves the next caller."""
        gate = tmp_path / "gate"
        os.mkfifo(gate)
        config("")
        provider = AwsProvider(region=REGION, endpoint_url=service.address)
        assert failure(provider.fetch(REF, timeout=30)).sdk_error == "NoCredentialsError"  # now there is a client
        config(program(tmp_path, f"cat {gate} > /dev/null", f"echo '{printed('AKIA')}'"))
        started = monotonic()
        with ThreadPoolExecutor(40) as threads:
            outcomes = list(threads.map(lambda _: failure(provider.fetch(REF, timeout=0.5)), range(40)))
        assert monotonic() - started < 15  # one after another, they would take 20
        assert {outcome.code for outcome in outcomes} == {FailureCode.TIMEOUT}
        assert all("credentials were still being looked for" in str(outcome.reason) for outcome in outcomes)
        gate.write_text("go")
        assert isinstance(provider.fetch(REF, timeout=10), Found)
        assert (tmp_path / "runs").read_text() == "run\n"
        provider.close()

    def test_credentials_that_end_are_renewed_before(
        self, config: Callable[[str], None], tmp_path: Path, service: Relay
    ) -> None:
        """A call waits for new ones where the old ones end within a minute."""
        config(program(tmp_path, f"cat {tmp_path}/keys"))
        provider = AwsProvider(region=REGION, endpoint_url=service.address)
        (tmp_path / "keys").write_text(printed("FIRST", 30))
        assert isinstance(provider.fetch(REF, timeout=10), Found)
        (tmp_path / "keys").write_text(printed("SECOND", 3600))
        for _ in range(3):
            assert isinstance(provider.fetch(REF, timeout=10), Found)
        assert [signer(call) for call in service.calls] == ["FIRST", "SECOND", "SECOND", "SECOND"]
        provider.close()

    def test_renewal_ahead_of_time_holds_nobody(
        self, config: Callable[[str], None], tmp_path: Path, service: Relay
    ) -> None:
        """Credentials that last some minutes sign on, while a renewal that takes long runs beside, once."""
        gate = tmp_path / "gate"
        os.mkfifo(gate)
        config(program(tmp_path, f"if [ -e {tmp_path}/slow ]; then cat {gate} > /dev/null; fi", f"cat {tmp_path}/keys"))
        provider = AwsProvider(region=REGION, endpoint_url=service.address)
        (tmp_path / "keys").write_text(printed("FIRST", 300))
        assert isinstance(provider.fetch(REF, timeout=10), Found)
        runs = (tmp_path / "runs").read_text().count("run")
        (tmp_path / "slow").touch()
        for _ in range(3):
            assert isinstance(provider.fetch(REF, timeout=2), Found)
        assert {signer(call) for call in service.calls} == {"FIRST"}
        gate.write_text("go")
        assert (tmp_path / "runs").read_text().count("run") == runs + 1
        provider.close()


def signer(call: Call) -> str:
    """The access key that a call was signed with."""
    authorization = {name.lower(): value for name, value in call.headers.items()}["authorization"]
    return authorization.partition("Credential=")[2].partition("/")[0]


class TestRotation:
    """Keys that are replaced on disk under a running process."""

    @pytest.fixture
    def accepted(self, service: Relay) -> set[str]:
        """The access keys that the service knows."""
        accepted = {"OLD"}

        def fault(call: Call) -> Reply:
            if signer(call) in accepted:
                return Reply(200, FOUND, JSON)
            return Reply(400, problem("ExpiredTokenException"), JSON)

        service.fault = fault
        return accepted

    @pytest.fixture
    def write(self, tmp_path: Path, config: Callable[[str], None]) -> Callable[[str], None]:
        """Replace ``~/.aws/credentials``."""
        config("")

        def write(key: str) -> None:
            (tmp_path / "credentials").write_text(
                f"[default]\naws_access_key_id = {key}\naws_secret_access_key = s\naws_session_token = t\n"
            )

        write("OLD")
        return write

    def test_replaced_keys_are_found(self, service: Relay, accepted: set[str], write: Callable[[str], None]) -> None:
        """The call that is refused is made once more, with the new ones, and each later call with them."""
        provider = AwsProvider(region=REGION, endpoint_url=service.address)
        assert isinstance(provider.fetch(REF, timeout=5), Found)
        write("NEW")
        accepted.clear()
        accepted.add("NEW")
        for _ in range(2):
            assert isinstance(provider.fetch(REF, timeout=5), Found)
        assert [signer(call) for call in service.calls] == ["OLD", "OLD", "NEW", "NEW"]
        provider.close()

    @pytest.fixture
    def searches(self, monkeypatch: pytest.MonkeyPatch) -> list[object]:
        """Each search for credentials from now on."""
        searches: list[object] = []
        find = sessions.find_credentials

        def noted(*given: Any) -> Any:
            searches.append(given)
            return find(*given)

        monkeypatch.setattr(sessions, "find_credentials", noted)
        return searches

    def test_same_keys_are_not_tried_again(
        self,
        service: Relay,
        accepted: set[str],
        write: Callable[[str], None],
        searches: list[object],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Where nothing was replaced the refusal stands, after one call; files are read again after a pause."""
        now = [1000.0]
        monkeypatch.setattr(sessions, "monotonic", lambda: now[0])
        accepted.clear()
        provider = AwsProvider(region=REGION, endpoint_url=service.address)
        for _ in range(3):
            assert failure(provider.fetch(REF, timeout=5)).code is FailureCode.UNAUTHENTICATED
        assert len(service.calls) == 3
        assert len(searches) == 2
        write("NEW")
        accepted.add("NEW")
        assert failure(provider.fetch(REF, timeout=5)).code is FailureCode.UNAUTHENTICATED
        now[0] += sessions.RENEWAL_PAUSE
        assert isinstance(provider.fetch(REF, timeout=5), Found)
        assert len(searches) == 3
        provider.close()

    def test_session_that_was_given_is_left_alone(
        self, service: Relay, accepted: set[str], write: Callable[[str], None]
    ) -> None:
        """It keeps the credentials that it was made with."""
        accepted.clear()
        provider = AwsProvider(session=new_session(), endpoint_url=service.address)
        assert failure(provider.fetch(REF, timeout=5)).code is FailureCode.UNAUTHENTICATED
        assert [signer(call) for call in service.calls] == ["testing"]
        provider.close()

    def test_many_threads_search_once(
        self, service: Relay, accepted: set[str], write: Callable[[str], None], searches: list[object]
    ) -> None:
        """All that are refused at once get the value, and files are read once more."""
        provider = AwsProvider(region=REGION, endpoint_url=service.address)
        assert isinstance(provider.fetch(REF, timeout=5), Found)
        write("NEW")
        accepted.clear()
        accepted.add("NEW")
        with ThreadPoolExecutor(8) as threads:
            outcomes = list(threads.map(lambda _: provider.fetch(REF, timeout=10), range(8)))
        assert all(isinstance(outcome, Found) for outcome in outcomes), outcomes
        assert len(searches) == 2
        provider.close()


class TestPlace:
    """Every error names the place that was asked."""

    @pytest.mark.parametrize(
        ("location", "place"),
        [
            ("TOKEN", "eu-west-1 at ADDRESS, account 444455556666"),
            (
                "arn:aws:secretsmanager:us-east-2:111122223333:secret:x-AbCdEf",
                "us-east-2 at ADDRESS, account 111122223333",
            ),
        ],
    )
    def test_region_endpoint_and_account(
        self, location: str, place: str, service: Relay, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The account is that of the ARN, or of the credentials where these tell it."""
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setenv("AWS_ACCOUNT_ID", "444455556666")
        service.answer(400, problem("AccessDeniedException"), JSON)
        provider = AwsProvider(region=REGION, endpoint_url=service.address)
        outcome = failure(provider.fetch(SecretRef("aws", location), timeout=5))
        address = service.address.removeprefix("http://")
        assert str(outcome.reason).endswith(f"(in {place.replace('ADDRESS', address)})")
        stored = failure(provider.store(SecretRef("aws", location), "value", timeout=5))
        assert str(stored.reason).endswith(f"(in {place.replace('ADDRESS', address)})")
        provider.close()

    def test_batch_and_identity(self, service: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
        """What a batch, and the question who we are, are answered with names the place as well."""
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        service.answer(500, problem("InternalServiceError"), JSON)
        provider = AwsProvider(region=REGION, endpoint_url=service.address, attempts=1)
        refs = [SecretRef("aws", "ONE"), SecretRef("aws", "TWO")]
        outcomes = [*provider.fetch_many(refs, timeout=5).values(), provider.identify(timeout=5)]
        assert all(f"(in {REGION} at 127.0.0.1:" in str(failure(outcome).reason) for outcome in outcomes)
        provider.close()
