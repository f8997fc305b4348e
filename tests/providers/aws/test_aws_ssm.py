"""The Parameter Store provider: what it asks, and how it reads the answers."""

from __future__ import annotations

from typing import Any

import pytest
from tests.servers.aws import REGION, AwsInProcess, fault

from secretsource.providers.aws_ssm import AwsParameterProvider
from secretsource.providers.base import Failed, FailureCode, Found, NotFound, SecretRef

ABSENT = NotFound(f"not in {REGION}")
TOKEN = SecretRef("aws-ssm", "/prod/token")


def put(aws: AwsInProcess, name: str, *values: str, kind: str = "SecureString") -> None:
    """Store a parameter, and new versions of it."""
    client = aws.client("ssm")
    for value in values:
        client.put_parameter(Name=name, Value=value, Type=kind, Overwrite=True)


def value(outcome: object) -> Any:
    """The value of a `Found`."""
    assert isinstance(outcome, Found), outcome
    return outcome.value


@pytest.mark.parametrize(
    ("prefix", "name", "location"),
    [
        ("", "TOKEN", "TOKEN"),
        ("/prod/", "TOKEN", "/prod/TOKEN"),
        ("prod/", "TOKEN", "/prod/TOKEN"),
        ("", "db/password", "/db/password"),
    ],
)
def test_names_in_a_hierarchy(prefix: str, name: str, location: str) -> None:
    """A name with a slash starts with one, added where it was left out."""
    assert AwsParameterProvider(prefix=prefix).locate(name) == SecretRef("aws-ssm", location)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("prod/db", "/prod/db"),
        ("/prod/db", "/prod/db"),
        ("plain", "plain"),
        ("arn:aws:ssm:eu-west-1:1:parameter/x", "arn:aws:ssm:eu-west-1:1:parameter/x"),
    ],
)
def test_references_in_a_hierarchy(written: str, meant: str) -> None:
    """So does the location of a reference, but an ARN is left as it is."""
    ref = SecretRef("aws-ssm", written, field="f", version="3")
    assert AwsParameterProvider().complete(ref) == ref._replace(location=meant)


@pytest.mark.parametrize(
    ("name", "version", "stage"),
    [("/prod/db:3", "3", None), ("/prod/db:live", None, "live")],
)
def test_version_or_label_behind_a_name(name: str, version: str | None, stage: str | None) -> None:
    """AWS takes such a name, so it is no absence, which would let another source answer."""
    place = SecretRef("aws-ssm", "/prod/db", version=version, stage=stage)
    assert AwsParameterProvider().locate(name) == place
    assert AwsParameterProvider(document="app").locate(name) == SecretRef("aws-ssm", "app", field=name)


@pytest.mark.parametrize("name", ["", "with space", "a:b", "/a:", "/a:1:2", "/a:b c", "a=b", "x" * 1012])
def test_names_that_aws_cannot_hold(name: str) -> None:
    """Such a name is not found, without a call."""
    assert isinstance(AwsParameterProvider().locate(name), NotFound)


def test_names_are_fields_of_a_document() -> None:
    """With a document, every name is a field of it."""
    located = AwsParameterProvider(document="prod/app").locate("TOKEN")
    assert located == SecretRef("aws-ssm", "/prod/app", field="TOKEN")


@pytest.mark.parametrize(
    ("current", "before"), [("3", "2"), ("2", "1"), ("1", None), (None, None), ("not a number", None)]
)
def test_previous(current: str | None, before: str | None) -> None:
    """The version before has the number before; the first has none, and a label does not come along."""
    ref = TOKEN._replace(stage="blue")
    found = AwsParameterProvider().previous(ref, Found("x", version=current))
    assert (found and found.version) == before
    assert found is None or found.stage is None


def test_version_and_label(aws: AwsInProcess) -> None:
    """A version is asked for by number, a stage by label."""
    put(aws, "/prod/token", "one", "two", "three")
    aws.client("ssm").label_parameter_version(Name="/prod/token", ParameterVersion=2, Labels=["blue"])
    provider = AwsParameterProvider(session=aws.session())
    found = {
        selector: value(provider.fetch(TOKEN._replace(**selector_of), timeout=5))  # type: ignore[arg-type]
        for selector, selector_of in {"current": {}, "1": {"version": "1"}, "blue": {"stage": "blue"}}.items()
    }
    assert found == {"current": "three", "1": "one", "blue": "two"}


@pytest.mark.parametrize("selector", [{"version": "9"}, {"stage": "green"}, {"version": "latest"}])
def test_version_or_label_that_is_not_there(aws: AwsInProcess, selector: dict[str, str]) -> None:
    """It is not found; a version that is no number is not taken for a label."""
    put(aws, "/prod/token", "one")
    aws.client("ssm").label_parameter_version(Name="/prod/token", ParameterVersion=1, Labels=["latest"])
    provider = AwsParameterProvider(session=aws.session())
    assert isinstance(provider.fetch(TOKEN._replace(**selector), timeout=5), NotFound)  # type: ignore[arg-type]


def test_version_and_label_at_once(aws: AwsInProcess) -> None:
    """The service takes one selector, so a reference with two is wrong."""
    outcome = AwsParameterProvider(session=aws.session()).fetch(TOKEN._replace(version="1", stage="blue"), timeout=5)
    assert isinstance(outcome, Failed)
    assert outcome.code is FailureCode.MISCONFIGURED


def test_kinds_of_parameter(aws: AwsInProcess) -> None:
    """An encrypted parameter comes decrypted; a list comes as its text."""
    put(aws, "/a", "secret")
    put(aws, "/b", "plain", kind="String")
    put(aws, "/c", "x,y", kind="StringList")
    provider = AwsParameterProvider(session=aws.session())
    refs = [SecretRef("aws-ssm", place) for place in ("/a", "/b", "/c")]
    assert [value(provider.fetch(ref, timeout=5)) for ref in refs] == ["secret", "plain", "x,y"]
    assert [value(outcome) for outcome in provider.fetch_many(refs, timeout=5).values()] == ["secret", "plain", "x,y"]


def test_batch_by_arn_and_by_name(aws: AwsInProcess) -> None:
    """Answers find their way to names and ARNs; ten go in one call; what is missing is not found."""
    names = [f"/prod/p{number:02}" for number in range(12)]
    for name in names:
        put(aws, name, name)
    arn = aws.client("ssm").get_parameter(Name=names[0])["Parameter"]["ARN"]
    session = aws.session()
    spy = fault(session, "", times=0)
    provider = AwsParameterProvider(session=session)
    here = (("region", REGION),)
    refs = [SecretRef("aws-ssm", place, options=here) for place in [arn, *names[1:], "/prod/nowhere"]]
    outcomes = provider.fetch_many(refs, timeout=5)
    assert [value(outcomes[ref]) for ref in refs[:-1]] == names
    assert outcomes[refs[-1]] == ABSENT
    assert spy.operations == ["GetParameters"] * 2


def test_batches_that_are_denied(aws: AwsInProcess) -> None:
    """GetParameters is a permission of its own: without it each is asked for alone, and batches are not tried again."""
    put(aws, "/a", "1")
    put(aws, "/b", "2")
    session = aws.session()
    standing = fault(session, "AccessDeniedException", operation="GetParameters")
    provider = AwsParameterProvider(session=session)
    refs = [SecretRef("aws-ssm", "/a"), SecretRef("aws-ssm", "/b")]
    for _ in range(2):
        assert [value(outcome) for outcome in provider.fetch_many(refs, timeout=5).values()] == ["1", "2"]
    assert standing.hits == 1


@pytest.mark.parametrize("body", [b"{}", b'{"Parameter": {"Name": "/prod/token"}}', b'{"Parameter": {"Value": 5}}'])
def test_answer_without_a_value(aws: AwsInProcess, body: bytes) -> None:
    """A parameter without text is malformed."""
    provider = AwsParameterProvider(session=aws.session())
    aws.answer(200, body)
    outcome = provider.fetch(TOKEN, timeout=5)
    assert isinstance(outcome, Failed)
    assert outcome.code is FailureCode.MALFORMED


def test_answer_without_a_version(aws: AwsInProcess) -> None:
    """A value that comes without a version has none."""
    provider = AwsParameterProvider(session=aws.session())
    aws.answer(200, b'{"Parameter": {"Value": "v"}}')
    outcome = provider.fetch(TOKEN, timeout=5)
    assert value(outcome) == "v"
    assert isinstance(outcome, Found)
    assert outcome.version is None
