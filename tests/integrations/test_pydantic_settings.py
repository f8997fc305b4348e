"""The source of settings for pydantic-settings, and secrets as fields of models."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from pydantic import (
    VERSION,
    AliasChoices,
    AliasPath,
    BaseModel,
    ConfigDict,
    Field,
    SecretBytes,
    SecretStr,
    TypeAdapter,
    ValidationError,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from tests.leaks.canary import CANARY, assert_clean, assert_unseen

from secretsource import AsyncResolver, LiveSecret, Resolver, Secret, override
from secretsource.exceptions import ConfigurationError, ProviderDenied, ProviderResponseError, ProviderUnavailable
from secretsource.integrations.pydantic_settings import SecretName, SecretSettingsSource
from secretsource.providers.base import Failed, FailureCode
from secretsource.testing import ScriptedBatchProvider

if TYPE_CHECKING:
    from collections.abc import Iterator


class Base(BaseSettings):
    """Settings of arguments, the environment, and then secrets."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The sources, the first one best."""
        return init_settings, env_settings, SecretSettingsSource(settings_cls)


class Shop(Base):
    """A field of each kind."""

    stripe_key: Secret
    database_password: LiveSecret
    webhook_key: Annotated[Secret, SecretName("app/webhook#key")]
    mail: SecretStr
    seal: SecretBytes
    sentry: Secret | None = None
    debug: bool = False


SHOP: dict[Any, Any] = {
    "STRIPE_KEY": CANARY,
    "DATABASE_PASSWORD": CANARY,
    "app/webhook": json.dumps({"key": CANARY}),
    "MAIL": CANARY,
    "SEAL": CANARY.encode() + b"\xff",
}


@pytest.fixture
def provider() -> ScriptedBatchProvider:
    """A provider with the secrets of the shop."""
    return ScriptedBatchProvider(SHOP)


@pytest.fixture(autouse=True)
def wired(provider: ScriptedBatchProvider) -> Iterator[None]:
    """The default resolver asks the provider."""
    from secretsource import configure

    configure([provider])
    yield
    configure()


def made(kind: Any, **given: Any) -> Any:
    """Settings, of which a type checker would want all fields."""
    return kind(**given)


def asked(provider: ScriptedBatchProvider) -> list[str]:
    return [ref.location for ref in provider.refs]


def test_all_secrets_come_in_one_batch(provider: ScriptedBatchProvider) -> None:
    """Each field that is a secret is filled, and others are not asked for."""
    shop = made(Shop)
    assert (shop.stripe_key, shop.webhook_key, shop.mail.get_secret_value()) == (CANARY,) * 3
    assert isinstance(shop.stripe_key, Secret)
    assert (shop.stripe_key.name, shop.stripe_key.provider) == ("STRIPE_KEY", "scripted")
    assert shop.database_password.get() == CANARY
    assert shop.seal.get_secret_value() == SHOP["SEAL"]
    assert (shop.sentry, shop.debug) == (None, False)
    assert asked(provider) == ["STRIPE_KEY", "DATABASE_PASSWORD", "app/webhook", "MAIL", "SEAL", "SENTRY"]
    assert len(provider.batches) == 1


def test_what_an_earlier_source_gave_is_not_asked_for(
    provider: ScriptedBatchProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither an argument nor a variable is asked for; without any field left, nobody is asked."""
    monkeypatch.setenv("MAIL", "of the environment")
    given: dict[str, Any] = {"stripe_key": "a", "database_password": "b", "webhook_key": "c", "sentry": "d"}
    shop = made(Shop, **given)
    assert (shop.stripe_key, shop.database_password.get(), str(shop.database_password), shop.sentry) == (
        "a",
        "b",
        "b",
        "d",
    )
    assert (shop.stripe_key.name, shop.stripe_key.served) == ("stripe_key", "default")
    assert shop.mail.get_secret_value() == "of the environment"
    assert asked(provider) == ["SEAL"]
    made(Shop, **given, seal="e")
    assert provider.calls == 1


def test_a_missing_secret_is_left_to_its_field() -> None:
    """A field without a default is missing for pydantic, too."""
    with override({"STRIPE_KEY": None, "MAIL": None}), pytest.raises(ValidationError) as caught:
        made(Shop)
    assert [(error["loc"], error["type"]) for error in caught.value.errors()] == [
        (("stripe_key",), "missing"),
        (("mail",), "missing"),
    ]


@pytest.mark.parametrize(
    ("code", "kind"), [(FailureCode.DENIED, ProviderDenied), (FailureCode.UNAVAILABLE, ProviderUnavailable)]
)
def test_a_failure_is_not_an_absence(code: FailureCode, kind: type[Exception]) -> None:
    """A provider that fails for a field with a default is an error of ours."""
    from secretsource import configure

    configure([ScriptedBatchProvider({**SHOP, "SENTRY": Failed(code)})])
    with pytest.raises(kind, match="SENTRY") as caught:
        made(Shop)
    assert_clean(caught.value)


def test_a_live_field_follows_rotation() -> None:
    """A field that is live reads its secret at each use, through the resolver of the source."""
    provider = ScriptedBatchProvider({"KEY": ["one", "two"]})
    with Resolver([provider]) as resolver:

        class Live(BaseSettings):
            key: LiveSecret | None = None

            @classmethod
            def settings_customise_sources(cls, settings_cls: Any, *_: Any, **__: Any) -> Any:
                return (SecretSettingsSource(settings_cls, resolver),)

        live = Live()
        assert live.key is not None
        assert live.key.get() == "one"
        resolver.invalidate("KEY")
        assert live.key.get() == "two"


def test_names_and_aliases(provider: ScriptedBatchProvider) -> None:
    """The prefix of the settings counts; an alias is the key of a field, and not the name of its secret."""

    class Named(Base):
        model_config = SettingsConfigDict(env_prefix="shop_")
        key: Secret = Field(validation_alias=AliasChoices(AliasPath("keys", 0), "first", "second"))
        other: Annotated[Secret | None, SecretName("MAIL")] = Field(default=None, alias="else")

    with override({"SHOP_KEY": "k"}):
        named = made(Named)
        assert (named.key, named.other) == ("k", CANARY)
        given: Any = {"second": "s", "else": "e"}
        assert (made(Named, **given).key, made(Named, **given).other) == ("s", "e")
    assert asked(provider) == ["MAIL"]

    class AtPath(Base):
        key: Secret = Field(validation_alias=AliasPath("keys", 0))

    with pytest.raises(ConfigurationError, match="field 'key' of AtPath must have a text as its alias"):
        made(AtPath)


@pytest.mark.skipif(tuple(map(int, VERSION.split(".")[:2])) < (2, 11), reason="this pydantic has no such setting")
def test_aliases_that_do_not_count() -> None:
    """Where pydantic takes values by the names of fields alone, secrets are given by these."""

    class Named(Base):
        model_config = SettingsConfigDict(validate_by_alias=False, validate_by_name=True)
        key: Secret = Field(validation_alias="else")

    with override({"KEY": "k"}):
        assert made(Named).key == "k"


@pytest.mark.parametrize("given", [["env"], "env://", AsyncResolver([])])
def test_what_is_no_resolver_is_refused(given: Any) -> None:
    """At the start, and not with the first field."""
    with pytest.raises(ConfigurationError, match=f"^resolver must be a Resolver, not of type {type(given).__name__}$"):
        SecretSettingsSource(Base, given)


def test_fields_of_other_types() -> None:
    """A field of any type with a `SecretName` is read as pydantic reads a text, or as JSON."""

    class Point(BaseModel):
        x: int

    class Other(Base):
        port: Annotated[int, SecretName("PORT")]
        point: Annotated[Point, SecretName("POINT")]
        raw: Annotated[bytes, SecretName("RAW")]

    with override({"PORT": "80", "POINT": '{"x": 1}', "RAW": b"\xff"}):
        other = made(Other)
    assert (other.port, other.point.x, other.raw) == (80, 1, b"\xff")
    with override({"PORT": CANARY, "POINT": '{"x": 1}', "RAW": b"\xff"}), pytest.raises(ValidationError) as caught:
        made(Other)
    assert_unseen(str(caught.value), repr(caught.value))


class Model(BaseModel):
    """A model with secrets of both kinds."""

    model_config = ConfigDict(extra="forbid")
    key: Secret
    live: LiveSecret | None = None
    number: int = 0


def test_a_model_shows_no_secret() -> None:
    """Neither its repr, nor what it is dumped to, shows a value; the value itself is there."""
    for model in (
        made(Model, key=CANARY, live=CANARY),
        Model.model_validate_json(json.dumps({"key": CANARY, "live": CANARY})),
    ):
        assert model.key == CANARY
        assert model.live is not None
        assert model.live.get() == CANARY
        assert_unseen(repr(model), str(model), repr(model.model_dump()), repr(model.model_dump(mode="json")))
        assert_unseen(model.model_dump_json(), repr(model.model_copy(deep=True)))
        assert model.model_dump()["key"] is model.key
        assert model.model_dump(mode="json") == {"key": "**********", "live": "**********", "number": 0}
        assert Model.model_validate(model.model_dump()) == model
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(model)


@pytest.mark.parametrize("field", ["key", "live"])
@pytest.mark.parametrize("value", [{"a": CANARY}, [CANARY], (CANARY,), int.from_bytes(CANARY.encode()), None, 1.5])
def test_a_value_of_the_wrong_type(field: str, value: Any) -> None:
    """The error names the field and the type of what it was given, and nothing else."""
    if field == "live" and value is None:
        return
    with pytest.raises(ValidationError, match="A secret must be text or bytes") as caught:
        Model.model_validate({"key": "x", field: value})
    error = caught.value
    assert_unseen(str(error), repr(error), repr(error.errors()), error.json())
    assert str(int.from_bytes(CANARY.encode())) not in error.json()
    assert f"<{type(value).__name__}>" in str(error)


def test_errors_of_settings_show_no_secret() -> None:
    """An error about another field shows the whole input, in which each secret is hidden, also as JSON."""

    class Strict(Shop):
        port: int

    with pytest.raises(ValidationError) as caught:
        made(Strict)
    error = caught.value
    assert [each["loc"] for each in error.errors()] == [("port",)]
    assert_unseen(str(error), repr(error), repr(error.errors()), error.json())


def test_an_error_of_one_secret_shows_no_other() -> None:
    """No frame of ours has the document of one field when that of another is not JSON."""

    class Places(Base):
        mail: Annotated[dict[str, str], SecretName("MAIL_BOX")]
        raw: Annotated[bytes, SecretName("RAW")]
        hosts: Annotated[list[str], SecretName("HOSTS")]

    document = json.dumps({"password": CANARY})
    given: dict[str, str | bytes | None] = {"MAIL_BOX": document, "RAW": CANARY.encode(), "HOSTS": f"{CANARY}, x"}
    with override(given), pytest.raises(ProviderResponseError, match=r"'HOSTS' .* is not a JSON document") as caught:
        made(Places)
    assert_clean(caught.value)


def test_secrets_of_bytes_and_of_pydantic() -> None:
    """Bytes are a binary secret; a `SecretStr` is unpacked; a secret stays the same object."""
    secrets: TypeAdapter[Secret] = TypeAdapter(Secret)
    binary = secrets.validate_python(b"\xff")
    assert (binary.as_bytes(), binary.is_binary, binary.name) == (b"\xff", True, "value")
    assert secrets.validate_python(binary) is secrets.validate_python(SecretStr(binary)) is binary
    assert secrets.validate_python(SecretBytes(b"\xfe")).as_bytes() == b"\xfe"
    live = LiveSecret("KEY")
    assert TypeAdapter(LiveSecret).validate_python(live) is live


def test_the_schema_is_a_password() -> None:
    """In a JSON schema, a secret is text that nobody reads back."""
    password = {"type": "string", "format": "password", "writeOnly": True}
    for mode in ("validation", "serialization"):
        schema = Model.model_json_schema(mode=mode)
        assert schema["properties"]["key"] == {"title": "Key", **password}
        assert password in schema["properties"]["live"]["anyOf"]
