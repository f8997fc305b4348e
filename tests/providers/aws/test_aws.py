"""The Secrets Manager provider: what it asks, and how it reads the answers."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from moto import mock_aws
from tests.servers.aws import REGION, AwsInProcess, clients_of, fault, new_session, problem, response, set_clock

from secretsource.providers.aws import AwsProvider
from secretsource.providers.base import Failed, FailureCode, Found, NotFound, SecretRef

if TYPE_CHECKING:
    from boto3.session import Session

ABSENT = NotFound(f"not in {REGION}")
NOWHERE = SecretRef("aws", "NOWHERE")


class Calls:
    """What a session's clients say to AWS: operation and body of each call."""

    def __init__(self, session: Session) -> None:
        self.made: list[tuple[str, dict[str, Any]]] = []
        session.events.register_first("before-send", self._note)

    def _note(self, request: Any, event_name: str, **_: Any) -> None:
        self.made.append((event_name.rpartition(".")[2], json.loads(request.body)))

    @property
    def operations(self) -> list[str]:
        return [operation for operation, _ in self.made]


def put(aws: AwsInProcess, **secrets: str) -> dict[str, str]:
    """Store secrets; their ARNs."""
    client = aws.client("secretsmanager")
    return {name: client.create_secret(Name=name, SecretString=value)["ARN"] for name, value in secrets.items()}


def values(outcomes: Any) -> dict[str, object]:
    """Location to the value that was found, or to the outcome."""
    return {ref.location: outcome.value if isinstance(outcome, Found) else outcome for ref, outcome in outcomes.items()}


class TestPlaces:
    """Where names and references lead; no call is made."""

    def test_prefix_goes_before_names(self) -> None:
        """A bare name gets the prefix."""
        assert AwsProvider(prefix="prod/").locate("TOKEN") == SecretRef("aws", "prod/TOKEN")

    def test_name_of_the_instance(self) -> None:
        """A second instance answers to its own name."""
        assert AwsProvider(name="aws-eu").locate("TOKEN") == SecretRef("aws-eu", "TOKEN")

    def test_names_are_fields_of_a_document(self) -> None:
        """With a document, every name is a field of it, whatever its letters."""
        assert AwsProvider(document="prod/app").locate("any name") == SecretRef("aws", "prod/app", field="any name")

    @pytest.mark.parametrize("name", ["", "with space", "ключ", "a:b", "x" * 513])
    def test_names_that_aws_cannot_hold(self, name: str) -> None:
        """Such a name is not found, without a call."""
        assert isinstance(AwsProvider().locate(name), NotFound)

    def test_name_with_all_that_is_allowed(self) -> None:
        """Every sign that AWS allows is let through."""
        assert isinstance(AwsProvider().locate("aZ09/_+=.@-"), SecretRef)

    @pytest.mark.parametrize(
        ("version", "stage", "expected"),
        [
            (None, None, "AWSPREVIOUS"),
            (None, "AWSCURRENT", "AWSPREVIOUS"),
            (None, "AWSPREVIOUS", None),
            (None, "AWSPENDING", None),
            ("v" * 32, None, None),
        ],
    )
    def test_previous(self, version: str | None, stage: str | None, expected: str | None) -> None:
        """Only the current version has a version before it that AWS keeps a label on."""
        ref = SecretRef("aws", "TOKEN", "field", version, stage, (("region", "us-east-2"),))
        before = AwsProvider().previous(ref, Found("x", version="v" * 32))
        assert (before and before.stage) == expected
        assert before is None or before == ref._replace(stage="AWSPREVIOUS")


class TestOne:
    """One reference, one call."""

    @pytest.mark.parametrize(
        ("version", "stage", "sent"),
        [
            (None, None, {"VersionStage": "AWSCURRENT"}),
            (None, "AWSPENDING", {"VersionStage": "AWSPENDING"}),
            ("v" * 36, None, {"VersionId": "v" * 36}),
            ("v" * 36, "blue", {"VersionId": "v" * 36, "VersionStage": "blue"}),
        ],
    )
    def test_what_is_sent(
        self, aws: AwsInProcess, version: str | None, stage: str | None, sent: dict[str, str]
    ) -> None:
        """The stage is always named, AWSCURRENT by default, except where a version is asked for alone."""
        session = aws.session()
        calls = Calls(session)
        AwsProvider(session=session, prefix="not/for/references/").fetch(
            NOWHERE._replace(version=version, stage=stage), timeout=5
        )
        assert calls.made == [("GetSecretValue", {"SecretId": "NOWHERE", **sent})]

    def test_finished_rotation_without_the_fix(self) -> None:
        """The stage by name gives the new value even where the service is confused about its default."""
        with mock_aws():  # moto as it comes
            session = new_session()
            client = session.client("secretsmanager")
            old, new = "a" * 32, "b" * 32
            client.create_secret(Name="TOKEN", SecretString="old", ClientRequestToken=old)
            client.create_secret(Name="OTHER", SecretString="other")
            client.put_secret_value(
                SecretId="TOKEN", SecretString="new", ClientRequestToken=new, VersionStages=["AWSPENDING"]
            )
            client.update_secret_version_stage(
                SecretId="TOKEN", VersionStage="AWSCURRENT", MoveToVersionId=new, RemoveFromVersionId=old
            )
            provider = AwsProvider(session=session)
            refs = [SecretRef("aws", "TOKEN"), SecretRef("aws", "OTHER")]
            outcome = provider.fetch(refs[0], timeout=5)
            assert values({refs[0]: outcome}) == {"TOKEN": "new"}
            assert values(provider.fetch_many(refs, timeout=5)) == {"TOKEN": "new", "OTHER": "other"}

    @pytest.mark.parametrize("version", ["1", "latest", "v" * 65])
    def test_version_that_cannot_be_one(self, aws: AwsInProcess, version: str) -> None:
        """What is no version id is not found, without a call."""
        session = aws.session()
        calls = Calls(session)
        assert isinstance(AwsProvider(session=session).fetch(NOWHERE._replace(version=version), timeout=5), NotFound)
        assert calls.made == []

    def test_by_arn(self, aws: AwsInProcess) -> None:
        """An ARN is a location like any other."""
        arn = put(aws, TOKEN="value")["TOKEN"]
        outcome = AwsProvider(session=aws.session()).fetch(SecretRef("aws", arn), timeout=5)
        assert isinstance(outcome, Found)
        assert outcome.value == "value"

    def test_binary(self, aws: AwsInProcess) -> None:
        """Bytes come as bytes, with their version."""
        stored = aws.client("secretsmanager").create_secret(Name="TOKEN", SecretBinary=b"\x00\xff")
        outcome = AwsProvider(session=aws.session()).fetch(SecretRef("aws", "TOKEN"), timeout=5)
        assert isinstance(outcome, Found)
        assert (outcome.value, outcome.version) == (b"\x00\xff", stored["VersionId"])

    def test_secret_without_a_value(self, aws: AwsInProcess) -> None:
        """A secret that has no value yet is not found."""
        aws.client("secretsmanager").create_secret(Name="NOWHERE")
        assert isinstance(AwsProvider(session=aws.session()).fetch(NOWHERE, timeout=5), NotFound)

    def test_marked_for_deletion(self, aws: AwsInProcess) -> None:
        """A secret that waits for its deletion is DELETED, which stops the chain."""
        put(aws, TOKEN="value")
        aws.client("secretsmanager").delete_secret(SecretId="TOKEN", RecoveryWindowInDays=7)
        outcome = AwsProvider(session=aws.session()).fetch(SecretRef("aws", "TOKEN"), timeout=5)
        assert isinstance(outcome, Failed)
        assert outcome.code is FailureCode.DELETED

    @pytest.mark.parametrize("body", ["{}", '{"SecretString": "a", "SecretBinary": "AAAA"}', '{"SecretString": 5}'])
    def test_neither_or_both(self, aws: AwsInProcess, body: str) -> None:
        """An answer with no value, or with two, is malformed."""
        provider = AwsProvider(session=aws.session())
        aws.answer(200, body.encode())
        outcome = provider.fetch(NOWHERE, timeout=5)
        assert isinstance(outcome, Failed)
        assert outcome.code is FailureCode.MALFORMED


class TestMany:
    """Several references, few calls."""

    def test_calls_are_shared(self, aws: AwsInProcess) -> None:
        """Current versions go in batches of 20, each location once; pinned ones go alone."""
        names = {f"S{number:02}": f"value {number}" for number in range(25)}
        put(aws, **names)
        session = aws.session()
        calls = Calls(session)
        refs = [SecretRef("aws", name) for name in names]
        pinned = SecretRef("aws", "S00", stage="AWSCURRENT")
        same_place = SecretRef("aws", "S00", field="f")
        outcomes = AwsProvider(session=session).fetch_many([*refs, pinned, same_place], timeout=5)
        assert outcomes.keys() == {*refs, pinned, same_place}
        assert [outcomes[ref].value for ref in refs] == list(names.values())  # type: ignore[union-attr]
        assert [len(body.get("SecretIdList", [])) for _, body in calls.made] == [20, 5, 0]

    def test_by_arn_and_by_name(self, aws: AwsInProcess) -> None:
        """Answers find their way to names, ARNs and partial ARNs."""
        arns = put(aws, ONE="1", TWO="2")
        locations = [arns["ONE"], "TWO", arns["ONE"][:-7]]
        session = aws.session()
        calls = Calls(session)
        refs = [SecretRef("aws", location, options=(("region", REGION),)) for location in locations]
        outcomes = AwsProvider(session=session).fetch_many(refs, timeout=5)
        assert values(outcomes) == {locations[0]: "1", "TWO": "2", locations[2]: "1"}
        assert calls.operations == ["BatchGetSecretValue", "GetSecretValue"]

    def test_one_region_one_batch(self, aws: AwsInProcess) -> None:
        """Secrets of two regions are asked for in two calls, each in its own region."""
        put(aws, ONE="1", TWO="2")
        far = new_session().client("secretsmanager", region_name="us-east-2")
        for name in ("ONE", "TWO"):
            far.create_secret(Name=name, SecretString="far")
        near = [SecretRef("aws", "ONE"), SecretRef("aws", "TWO")]
        away = [ref._replace(options=(("region", "us-east-2"),)) for ref in near]
        session = aws.session()
        calls = Calls(session)
        outcomes = AwsProvider(session=session).fetch_many([*near, *away], timeout=5)
        assert [outcome.value for outcome in outcomes.values() if isinstance(outcome, Found)] == [
            "1",
            "2",
            "far",
            "far",
        ]
        assert calls.operations == ["BatchGetSecretValue"] * 2

    def test_errors_of_entries(self, aws: AwsInProcess) -> None:
        """Each entry of a batch fails by itself, with the permission that one entry needs."""
        put(aws, ONE="1", GONE="2", GUARDED="3")
        aws.client("secretsmanager").delete_secret(SecretId="GONE", RecoveryWindowInDays=7)
        aws.refuse_secret("GUARDED")
        refs = [SecretRef("aws", name) for name in ("ONE", "GONE", "GUARDED", "NOWHERE")]
        outcomes = AwsProvider(session=aws.session()).fetch_many(refs, timeout=5)
        gone, guarded = outcomes[refs[1]], outcomes[refs[2]]
        assert isinstance(gone, Failed)
        assert gone.code is FailureCode.DELETED
        assert isinstance(guarded, Failed)
        assert guarded.code is FailureCode.DENIED
        assert "secretsmanager:GetSecretValue" in str(guarded.remedy)
        assert outcomes[refs[3]] == ABSENT

    def test_pages(self, aws: AwsInProcess) -> None:
        """A batch that goes on is read on, also past an empty page; what it never answers is asked for alone."""
        put(aws, THREE="3")
        one, two = ({"Name": name, "SecretString": name, "VersionStages": ["AWSCURRENT"]} for name in ("ONE", "TWO"))
        pages = [
            {"SecretValues": [one], "NextToken": "1"},
            {"SecretValues": [], "NextToken": "2"},
            {"SecretValues": [two]},
        ]
        session = aws.session()

        def next_page(request: Any, **_: Any) -> Any:
            return response(request, 200, json.dumps(pages.pop(0)).encode())

        session.events.register_first("before-send.secrets-manager.BatchGetSecretValue", next_page)
        calls = Calls(session)
        refs = [SecretRef("aws", name) for name in ("ONE", "TWO", "THREE")]
        outcomes = AwsProvider(session=session).fetch_many(refs, timeout=5)
        assert values(outcomes) == {"ONE": "ONE", "TWO": "TWO", "THREE": "3"}
        assert [body.get("NextToken") for _, body in calls.made] == [None, "1", "2", None]

    def test_batches_that_are_denied(self, aws: AwsInProcess) -> None:
        """Without permission for batches each is asked for alone, and batches are not tried again until a reset."""
        put(aws, ONE="1", TWO="2")
        session = aws.session()
        standing = fault(session, "AccessDeniedException", operation="BatchGetSecretValue")
        provider = AwsProvider(session=session)
        refs = [SecretRef("aws", name) for name in ("ONE", "TWO")]
        for _ in range(2):
            assert values(provider.fetch_many(refs, timeout=5)) == {"ONE": "1", "TWO": "2"}
        assert standing.hits == 1
        provider.reset()
        assert values(provider.fetch_many(refs, timeout=5)) == {"ONE": "1", "TWO": "2"}
        assert standing.hits == 2

    def test_denied_in_the_first_batch_of_two(self, aws: AwsInProcess) -> None:
        """A refusal of the first batch spares the second."""
        names = {f"S{number:02}": "v" for number in range(21)}
        put(aws, **names)
        session = aws.session()
        standing = fault(session, "AccessDeniedException", operation="BatchGetSecretValue")
        outcomes = AwsProvider(session=session).fetch_many([SecretRef("aws", name) for name in names], timeout=5)
        assert set(values(outcomes).values()) == {"v"}
        assert standing.hits == 1

    @pytest.mark.parametrize("code", ["InvalidRequestException", "ResourceNotFoundException"])
    def test_batch_spoiled_by_one(self, aws: AwsInProcess, code: str) -> None:
        """A batch refused for another cause is asked for one by one this time, and as a batch the next."""
        put(aws, ONE="1", TWO="2")
        session = aws.session()
        standing = fault(session, code, operation="BatchGetSecretValue")
        provider = AwsProvider(session=session)
        for _ in range(2):
            outcomes = provider.fetch_many([SecretRef("aws", "ONE"), SecretRef("aws", "TWO")], timeout=5)
            assert values(outcomes) == {"ONE": "1", "TWO": "2"}
        assert standing.hits == 2

    def test_throttled_batch_is_not_asked_for_one_by_one(self, aws: AwsInProcess) -> None:
        """A failure of the service is every secret's, without more calls that would make it worse."""
        session = aws.session()
        standing = fault(session, "ThrottlingException")
        provider = AwsProvider(session=session, attempts=1)
        refs = [SecretRef("aws", "ONE"), SecretRef("aws", "TWO")]
        outcomes = list(provider.fetch_many(refs, timeout=5).values())
        assert [outcome.code for outcome in outcomes if isinstance(outcome, Failed)] == [FailureCode.THROTTLED] * 2
        assert standing.operations == ["BatchGetSecretValue"]

    def test_time_over_between_calls(self, aws: AwsInProcess, monkeypatch: pytest.MonkeyPatch) -> None:
        """The timeout is for all calls together: what it does not reach has timed out."""
        put(aws, ONE="1", TWO="2")
        now = [0.0]
        set_clock(monkeypatch, lambda: now[0])
        session = aws.session()

        def pass_time(**_: Any) -> None:
            now[0] += 4

        session.events.register("after-call", pass_time)
        refs = [SecretRef("aws", name, stage="AWSCURRENT") for name in ("ONE", "TWO", "TWO2")]
        outcomes = list(AwsProvider(session=session).fetch_many(refs, timeout=5).values())
        assert [type(outcome) for outcome in outcomes] == [Found, Found, Failed]
        assert isinstance(outcomes[2], Failed)
        assert outcomes[2].code is FailureCode.TIMEOUT


class TestRotationHints:
    """When the next rotation is due."""

    DUE = datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)

    def session(self, aws: AwsInProcess) -> Session:
        """A session whose DescribeSecret knows of a rotation."""
        session = aws.session()
        body = json.dumps({"Name": "TOKEN", "NextRotationDate": self.DUE.timestamp()}).encode()
        fault(session, "", 200, operation="DescribeSecret", body=body)
        return session

    def test_given_when_asked_for(self, aws: AwsInProcess) -> None:
        """The planned rotation comes with the value, for one and for several."""
        put(aws, TOKEN="value", OTHER="other")
        provider = AwsProvider(session=self.session(aws), rotation_hints=True)
        refs = [SecretRef("aws", "TOKEN"), SecretRef("aws", "OTHER"), NOWHERE]
        outcomes = [provider.fetch(refs[0], timeout=5), *provider.fetch_many(refs, timeout=5).values()]
        due = [outcome.rotates_at for outcome in outcomes if isinstance(outcome, Found)]
        assert due == [self.DUE.timestamp()] * 3

    @pytest.mark.parametrize(("date", "hint"), [(DUE.timestamp(), DUE.timestamp()), ("soon", None)])
    def test_given_to_a_session_of_its_own(
        self, date: object, hint: float | None, aws: AwsInProcess, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A session that the provider makes leaves dates as they are sent; one that is none is no hint."""
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        put(aws, TOKEN="value")
        provider = AwsProvider(region=REGION, rotation_hints=True)
        provider.fetch(NOWHERE, timeout=5)  # makes the client
        body = json.dumps({"Name": "TOKEN", "NextRotationDate": date}).encode()
        (client,) = clients_of(provider)
        fault(client, "", 200, operation="DescribeSecret", body=body)
        outcome = provider.fetch(SecretRef("aws", "TOKEN"), timeout=5)
        assert isinstance(outcome, Found)
        assert outcome.rotates_at == hint
        provider.close()

    def test_not_asked_for_by_default(self, aws: AwsInProcess) -> None:
        """Without the setting there is one call and no hint."""
        put(aws, TOKEN="value")
        session = self.session(aws)
        calls = Calls(session)
        outcome = AwsProvider(session=session).fetch(SecretRef("aws", "TOKEN"), timeout=5)
        assert isinstance(outcome, Found)
        assert outcome.rotates_at is None
        assert calls.operations == ["GetSecretValue"]

    def test_not_for_an_old_version(self, aws: AwsInProcess) -> None:
        """A version that is not the current one is not replaced by a rotation."""
        version = "v" * 32
        aws.client("secretsmanager").create_secret(Name="TOKEN", SecretString="value", ClientRequestToken=version)
        session = self.session(aws)
        calls = Calls(session)
        outcome = AwsProvider(session=session, rotation_hints=True).fetch(
            SecretRef("aws", "TOKEN", version=version), timeout=5
        )
        assert isinstance(outcome, Found)
        assert calls.operations == ["GetSecretValue"]

    def test_refused_hint_is_no_failure(self, aws: AwsInProcess) -> None:
        """Without permission to describe, the value comes without a hint."""
        put(aws, TOKEN="value")
        session = aws.session()
        fault(session, "AccessDeniedException", operation="DescribeSecret")
        outcome = AwsProvider(session=session, rotation_hints=True).fetch(SecretRef("aws", "TOKEN"), timeout=5)
        assert isinstance(outcome, Found)
        assert outcome.rotates_at is None

    def test_secret_that_does_not_rotate(self, aws: AwsInProcess) -> None:
        """A secret without a plan has no hint."""
        put(aws, TOKEN="value")
        provider = AwsProvider(session=aws.session(), rotation_hints=True)
        outcome = provider.fetch(SecretRef("aws", "TOKEN"), timeout=5)
        assert isinstance(outcome, Found)
        assert outcome.rotates_at is None


def test_missing_kms_permission(aws: AwsInProcess) -> None:
    """AWS reports a key that may not be used as a refusal; the remedy names the key's permission."""
    provider = AwsProvider(session=aws.session())
    aws.answer(400, problem("AccessDeniedException", "Access to KMS is not allowed"))
    outcome = provider.fetch(NOWHERE, timeout=5)
    assert isinstance(outcome, Failed)
    assert outcome.code is FailureCode.DENIED
    assert "kms:Decrypt" in str(outcome.remedy)
