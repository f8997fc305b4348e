"""The boto3 clients of a provider: made once, bounded in time, and silent."""

from __future__ import annotations

import logging
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest
from boto3.session import Session
from tests.servers.aws import REGION, AwsInProcess, clients_of, fault, new_session, set_clock

from secretsource.exceptions import ConfigurationError
from secretsource.providers.aws import AwsProvider
from secretsource.providers.base import Failed, FailureCode, Found, Identity, NotFound, SecretRef

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

CANARY = "canary-93b7e1"
REF = SecretRef("aws", "TOKEN")


@pytest.fixture
def aws() -> Generator[AwsInProcess]:
    """An empty AWS, where ``TOKEN`` holds the canary."""
    aws = AwsInProcess()
    with aws.cleanup:
        aws.client("secretsmanager").create_secret(Name="TOKEN", SecretString=CANARY)
        yield aws


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The regions of the clients made from now on."""
    made: list[str] = []
    make = Session.client

    def count(self: Session, service: Any, **settings: Any) -> Any:
        made.append(str(settings.get("region_name")))
        return make(self, service, **settings)

    monkeypatch.setattr(Session, "client", count)
    return made


def failure(outcome: object) -> Failed:
    """The outcome, which must be a `Failed`."""
    assert isinstance(outcome, Failed), outcome
    return outcome


class TestMaking:
    """When clients are made, and how many."""

    def test_constructor_imports_no_boto3(self) -> None:
        """boto3 is imported on the first fetch, and not by the module or the constructor."""
        script = (
            "import sys; from secretsource.providers.aws import AwsProvider;"
            "from secretsource.providers.aws_ssm import AwsParameterProvider;"
            "AwsProvider(region='eu-west-1'); AwsParameterProvider(region='eu-west-1');"
            "sys.exit(any(name.partition('.')[0] in {'boto3', 'botocore'} for name in sys.modules))"
        )
        assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0

    def test_many_threads_make_one_client(self, aws: AwsInProcess, made: list[str]) -> None:
        """64 threads that start cold share the one client."""
        provider = AwsProvider(session=aws.session())
        start = Barrier(64)

        def ask(_: int) -> object:
            start.wait(30)
            return provider.fetch(REF, timeout=10)

        with ThreadPoolExecutor(64) as threads:
            outcomes = list(threads.map(ask, range(64)))
        assert all(isinstance(outcome, Found) for outcome in outcomes)
        assert made == [REGION]
        provider.close()

    def test_one_client_per_region(self, aws: AwsInProcess, made: list[str]) -> None:
        """The region's name and "the default" are the same client; another region is another client."""
        provider = AwsProvider(session=aws.session(), region="eu-central-1")
        elsewhere = new_session().client("secretsmanager", region_name="us-east-2")
        arn = elsewhere.create_secret(Name="FAR", SecretString="away")["ARN"]
        made.clear()
        for ref in (
            REF._replace(options=(("region", "eu-central-1"),)),
            REF,
            REF._replace(options=(("region", "us-east-2"),)),
        ):
            assert isinstance(provider.fetch(ref, timeout=5), NotFound)
        far = provider.fetch(SecretRef("aws", arn), timeout=5)
        assert isinstance(far, Found)
        assert made == ["eu-central-1", "us-east-2"]

    def test_region_of_an_arn_beats_the_option(self, aws: AwsInProcess, made: list[str]) -> None:
        """Only the region in an ARN knows the ARN."""
        provider = AwsProvider(session=aws.session())
        ref = SecretRef("aws", f"arn:aws:secretsmanager:{REGION}:123456789012:secret:X-abcdef")
        provider.fetch(ref._replace(options=(("region", "us-east-2"),)), timeout=5)
        assert made == [REGION]

    def test_session_of_its_own(self, aws: AwsInProcess, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without a session it makes one, with what the environment says; also ``AWS_REGION``, unlike boto3."""
        monkeypatch.setenv("AWS_REGION", REGION)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        provider = AwsProvider()
        assert isinstance(provider.fetch(REF, timeout=5), Found)
        provider.close()

    def test_role_of_a_profile(self, aws: AwsInProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A profile's role is assumed: the session that leaves dates as they are sent can tell when the role ends."""
        config = tmp_path / "config"
        config.write_text(
            "[profile app]\nrole_arn = arn:aws:iam::123456789012:role/app\nsource_profile = base\n"
            "[profile base]\naws_access_key_id = testing\naws_secret_access_key = testing\n"
        )
        monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
        provider = AwsProvider(profile="app", region=REGION)
        assert isinstance(provider.fetch(REF, timeout=5), Found)
        who = provider.identify(timeout=5)
        assert isinstance(who, Identity)
        assert ":assumed-role/app/" in who.text
        provider.close()

    def test_region_setting_beats_the_environment(
        self, aws: AwsInProcess, made: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The provider's own setting decides."""
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-2")
        AwsProvider(region=REGION).fetch(REF, timeout=5)
        assert made == [REGION]

    def test_ready_made_client(self, aws: AwsInProcess, made: list[str]) -> None:
        """A client that was given is used, kept over a reset, and left open."""
        client = aws.client("secretsmanager")
        made.clear()
        provider = AwsProvider(client=client)
        assert isinstance(provider.fetch(REF, timeout=5), Found)
        provider.reset()
        assert isinstance(provider.fetch(REF._replace(options=(("region", REGION),)), timeout=5), Found)
        provider.close()
        assert client.get_secret_value(SecretId="TOKEN")["SecretString"] == CANARY
        assert made == []

    def test_ready_made_client_of_another_region(self, aws: AwsInProcess) -> None:
        """A client cannot change its region, and the error says what to give instead."""
        provider = AwsProvider(client=aws.client("secretsmanager"))
        outcome = failure(provider.fetch(REF._replace(options=(("region", "us-east-2"),)), timeout=5))
        assert outcome.code is FailureCode.MISCONFIGURED
        assert "session" in str(outcome.remedy)

    def test_reset_makes_anew(self, aws: AwsInProcess, made: list[str]) -> None:
        """After a reset the next fetch makes a new client."""
        provider = AwsProvider(session=aws.session())
        provider.fetch(REF, timeout=5)
        provider.reset()
        provider.fetch(REF, timeout=5)
        assert made == [REGION, REGION]

    def test_reset_while_a_client_is_being_made(self) -> None:
        """A lock that another thread held at the fork does not stop the child."""
        provider = AwsProvider(client=object())
        clients = provider._clients
        held = [part._lock for part in (clients._errands, clients._shelf, clients._session)]
        for lock in held:
            lock.acquire()
        provider.reset()
        provider.close()
        assert not any(part._lock._is_owned() for part in (clients._errands, clients._shelf, clients._session))  # type: ignore[attr-defined]  # as `threading.Condition` asks

    def test_without_boto3(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Used directly without boto3, it says what to install."""
        for module in ("boto3", "boto3.session", "botocore", "botocore.session", "botocore.config"):
            monkeypatch.setitem(sys.modules, module, None)
        outcome = failure(AwsProvider().fetch(REF, timeout=5))
        assert outcome.code is FailureCode.MISCONFIGURED
        assert "secretsource[aws]" in str(outcome.remedy)

    @pytest.mark.parametrize(
        ("settings", "code"),
        [
            ({"profile": "nobody", "region": REGION}, FailureCode.MISCONFIGURED),
            ({}, FailureCode.MISCONFIGURED),
            ({"region": REGION}, FailureCode.UNAUTHENTICATED),
            ({"region": REGION, "endpoint_url": "no url"}, FailureCode.MISCONFIGURED),
            ({"region": "not a region"}, FailureCode.MISCONFIGURED),
        ],
    )
    def test_wiring_that_cannot_work(self, settings: dict[str, str], code: FailureCode) -> None:
        """No profile, region, credentials or endpoint: each is a failure and no exception."""
        assert failure(AwsProvider(**settings).fetch(REF, timeout=5)).code is code  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        "settings",
        [{"attempts": 0}, {"connect_timeout": 0}, {"read_timeout": -1}, {"session": object(), "client": object()}],
    )
    def test_settings_that_cannot_work(self, settings: dict[str, Any]) -> None:
        """They are found by the constructor."""
        with pytest.raises(ConfigurationError, match="provider 'aws'"):
            AwsProvider(**settings)


class TestTime:
    """How long a call may take."""

    @pytest.mark.parametrize(("code", "status"), [("ThrottlingException", 400), ("InternalServiceError", 500)])
    def test_one_failure_is_retried(self, aws: AwsInProcess, code: str, status: int) -> None:
        """botocore's retry gets over a passing failure when there is time for it."""
        session = aws.session()
        standing = fault(session, code, status, times=1)
        assert isinstance(AwsProvider(session=session).fetch(REF, timeout=5), Found)
        assert standing.hits == 2

    def test_attempts_in_all(self, aws: AwsInProcess) -> None:
        """``attempts=1`` asks once."""
        session = aws.session()
        standing = fault(session, "InternalServiceError", 500)
        assert failure(AwsProvider(session=session, attempts=1).fetch(REF, timeout=5)).code is FailureCode.UNAVAILABLE
        assert standing.hits == 1

    def test_refusal_is_not_retried(self, aws: AwsInProcess) -> None:
        """A permanent failure is asked for once."""
        session = aws.session()
        standing = fault(session, "AccessDeniedException")
        assert failure(AwsProvider(session=session).fetch(REF, timeout=5)).code is FailureCode.DENIED
        assert standing.hits == 1

    @pytest.mark.parametrize(
        ("timeout", "headers"), [(0.9, None), (4.0, {"x-amz-retry-after": "60000"})], ids=["short", "told to wait"]
    )
    def test_no_retry_that_would_be_late(
        self, aws: AwsInProcess, timeout: float, headers: dict[str, str] | None
    ) -> None:
        """A wait that could outlast the timeout is not begun, and the cause is told rather than a timeout."""
        session = aws.session()
        standing = fault(session, "ThrottlingException", headers=headers)
        outcome = failure(AwsProvider(session=session).fetch(REF, timeout=timeout))
        assert outcome.code is FailureCode.THROTTLED
        assert standing.hits == 1

    def test_connection_error_late_is_told(self, aws: AwsInProcess) -> None:
        """A broken connection with no time left for another attempt is what it is, and not a timeout."""
        provider = AwsProvider(session=aws.session())
        aws.down()
        assert failure(provider.fetch(REF, timeout=0.9)).code is FailureCode.UNAVAILABLE

    def test_time_that_is_over(self, aws: AwsInProcess, made: list[str]) -> None:
        """With no time left AWS is not asked, and no client is made."""
        made.clear()
        assert failure(AwsProvider(session=aws.session()).fetch(REF, timeout=0)).code is FailureCode.TIMEOUT
        assert made == []

    def test_time_lost_on_the_way(self, aws: AwsInProcess, monkeypatch: pytest.MonkeyPatch) -> None:
        """When signing took all the time, as slow credentials do, the call is not sent."""
        session = aws.session()
        provider = AwsProvider(session=session)
        provider.fetch(REF, timeout=5)
        (client,) = clients_of(provider)
        standing = fault(client, "InternalServiceError", 500)
        now = [0.0]
        set_clock(monkeypatch, lambda: now[0])

        def sign_slowly(**_: Any) -> None:
            now[0] += 9

        client.meta.events.register_first("request-created", sign_slowly)
        outcome = failure(provider.fetch(REF, timeout=5))
        assert outcome.code is FailureCode.TIMEOUT
        assert standing.hits == 0

    def test_reading_is_limited_by_both_settings(self, aws: AwsInProcess) -> None:
        """An attempt reads for ``read_timeout`` or what is left of the timeout, whichever is less."""
        limits: list[float] = []
        session = aws.session()

        def note(request: Any, **_: Any) -> None:
            limits.append(request.context["read_timeout"])

        session.events.register("before-send", note)
        provider = AwsProvider(session=session, read_timeout=2.0)
        provider.fetch(REF, timeout=60)
        provider.fetch(REF, timeout=1)
        assert limits[0] == 2.0
        assert 0 < limits[1] <= 1

    def test_client_is_not_changed_for_others(self, aws: AwsInProcess) -> None:
        """Outside our calls, a client that was given has its own limits and its own retries."""
        client = aws.client("secretsmanager")
        AwsProvider(client=client, attempts=1).fetch(REF, timeout=5)
        limits: list[object] = []

        def note(request: Any, **_: Any) -> None:
            limits.append(request.context.get("read_timeout"))

        client.meta.events.register("before-send", note)
        standing = fault(client, "InternalServiceError", 500, times=1)
        assert client.get_secret_value(SecretId="TOKEN")["SecretString"] == CANARY
        assert standing.hits == 2
        assert limits == [None, None]


class TestSilence:
    """Nothing that was read gets into a log."""

    def test_root_at_debug(self, aws: AwsInProcess, caplog: pytest.LogCaptureFixture) -> None:
        """With everything at DEBUG no record shows the value; what replaces it is there."""
        caplog.set_level(logging.DEBUG)
        provider = AwsProvider(session=aws.session(), rotation_hints=True)
        assert isinstance(provider.fetch(REF, timeout=5), Found)
        assert provider.fetch_many([REF, SecretRef("aws", "OTHER")], timeout=5)
        assert len(caplog.records) > 20
        assert all(CANARY not in repr(vars(record)) + record.getMessage() for record in caplog.records)
        assert "Response body: <masked by secretsource>" in caplog.text

    def test_others_are_left_alone(self, aws: AwsInProcess, caplog: pytest.LogCaptureFixture) -> None:
        """The same client used by the application logs as ever: the leak is real, and closed for our calls only."""
        client = aws.client("secretsmanager")
        AwsProvider(client=client).fetch(REF, timeout=5)
        caplog.set_level(logging.DEBUG)
        client.get_secret_value(SecretId="TOKEN")
        assert CANARY in caplog.text

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (200, f'{{"SecretString": "{CANARY}", "SecretBinary": "AAAA"}}'),
            (200, f'{{"SecretString": ["{CANARY}"]}}'),
            (200, f'{{"SecretBinary": "{CANARY}x"}}'),
            (200, f'["{CANARY}"]'),
            (200, CANARY),
            (400, f'{{"__type": "{CANARY} is not a code", "message": "{CANARY}"}}'),
            (400, CANARY),
            (500, f"<html>{CANARY}</html>"),
            (301, CANARY),
        ],
    )
    def test_broken_answers(self, aws: AwsInProcess, caplog: pytest.LogCaptureFixture, status: int, body: str) -> None:
        """However an answer is broken, it becomes a failure that shows nothing of it, and so do the records."""
        caplog.set_level(logging.DEBUG)
        provider = AwsProvider(session=aws.session(), attempts=1)
        aws.answer(status, body.encode())
        outcome = failure(provider.fetch(REF, timeout=5))
        assert CANARY not in repr(outcome)
        assert all(CANARY not in repr(vars(record)) + caplog.text for record in caplog.records)

    def test_undecodable_answer(self, aws: AwsInProcess) -> None:
        """Bytes that are not even text are malformed."""
        provider = AwsProvider(session=aws.session())
        aws.answer(200, b'{"SecretString": "\xff\xfe"}')
        assert failure(provider.fetch(REF, timeout=5)).code is FailureCode.MALFORMED

    def test_exceptions_of_anyone_do_not_escape(self, aws: AwsInProcess) -> None:
        """What a hook of the application raises is a failure, because its traceback would hold boto3's frames."""
        session = aws.session()

        def raising(**_: Any) -> None:
            raise LookupError(CANARY)

        session.events.register("after-call", raising)
        outcome = failure(AwsProvider(session=session).fetch(REF, timeout=5))
        assert outcome.sdk_error == "LookupError"
        assert CANARY not in repr(outcome)


def test_faults_are_what_botocore_parses(aws: AwsInProcess) -> None:
    """The test's own fault is read by botocore as the code it was given."""
    client = aws.client("secretsmanager")
    fault(client, "DecryptionFailure")
    with pytest.raises(client.exceptions.DecryptionFailure):
        client.get_secret_value(SecretId="TOKEN")
