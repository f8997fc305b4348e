"""`load`: a dataclass whose fields are secrets."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from tests.frames import is_ours
from tests.leaks.canary import CANARY, assert_clean, assert_unseen, raises

from secretsource import LiveSecret, Secret, aload_secrets, load_secrets, override
from secretsource.exceptions import (
    ConfigurationError,
    InvalidReference,
    ProviderDenied,
    ProviderResponseError,
    ProviderUnavailable,
    SecretNotFound,
)
from secretsource.providers.base import Failed, FailureCode
from secretsource.testing import ScriptedBatchProvider

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.shells import Shell

    NewShell = Callable[..., Shell]


@dataclass
class Shop:
    """One field of each kind."""

    stripe_key: Secret
    title: str
    seal: bytes
    port: int
    debug: bool
    sentry: Secret | None
    mail: Secret = field(metadata={"secret": "app/mail#password"})
    region: str = "eu"
    tags: list[str] = field(default_factory=list[str], init=False)


def shop_of(*values: Any) -> Shop:
    return Shop(*values)


SHOP: dict[Any, Any] = {
    "STRIPE_KEY": CANARY,
    "TITLE": "Shop",
    "SEAL": b"\xff\x00",
    "PORT": "8080",
    "DEBUG": "Yes",
    "app/mail": '{"password": "of the mail"}',
}


@dataclass
class One:
    """One field of a kind that a test chooses."""

    key: int


@dataclass
class Truth:
    """A field that is true or false."""

    key: bool


@dataclass
class Live:
    """A field that follows rotation."""

    key: LiveSecret
    other: LiveSecret | None = None


@dataclass
class Refusing:
    """A class that refuses what it is given."""

    key: bytes

    def __post_init__(self) -> None:
        raise RuntimeError("refused")


@dataclass
class Odd:
    """A field that cannot be a secret."""

    key: list[str]


@dataclass
class Misnamed:
    """A field whose name is not well formed."""

    key: Secret = field(metadata={"secret": "two words"})


def test_each_kind_of_field(new_shell: NewShell) -> None:
    """Fields are secrets, text, bytes, numbers and truths, found in one batch; what is missing has its default."""
    provider = ScriptedBatchProvider(SHOP)
    shop = new_shell(provider).load(Shop)
    assert shop == shop_of(CANARY, "Shop", b"\xff\x00", 8080, True, None, "of the mail", "eu")
    assert isinstance(shop.stripe_key, Secret)
    assert isinstance(shop.title, Secret), "a text does not show itself"
    assert len(provider.batches) == 1
    assert len(provider.batches[0]) == 8
    assert_unseen(repr(shop))


def test_all_missing_names_in_one_error(new_shell: NewShell) -> None:
    """The error names each required secret that is missing, and no optional one; nothing is asked for twice."""
    provider = ScriptedBatchProvider({"TITLE": "Shop", "SEAL": b"", "DEBUG": "0"})
    with pytest.raises(SecretNotFound) as caught:
        new_shell(provider).load(Shop)
    for name in ("'STRIPE_KEY'", "'PORT'", "'app/mail#password'"):
        assert name in str(caught.value)
    for name in ("SENTRY", "REGION", "TITLE"):
        assert name not in str(caught.value)
    assert len(provider.batches) == 1


@pytest.mark.parametrize(
    ("code", "wanted"), [(FailureCode.DENIED, ProviderDenied), (FailureCode.UNAVAILABLE, ProviderUnavailable)]
)
def test_a_failure_is_not_an_absence(new_shell: NewShell, code: FailureCode, wanted: type[Exception]) -> None:
    """A provider that fails for an optional secret is an error."""
    with pytest.raises(wanted):
        new_shell(ScriptedBatchProvider({**SHOP, "SENTRY": Failed(code)})).load(Shop)


@pytest.mark.parametrize(
    ("text", "truth"), [("1", True), ("TRUE", True), ("on", True), ("0", False), (" off\n", False)]
)
def test_the_texts_of_a_truth(new_shell: NewShell, text: str, truth: bool) -> None:
    """A truth is a word or a digit, in letters of any size."""
    assert new_shell(ScriptedBatchProvider({"KEY": text})).load(Truth).key is truth


@pytest.mark.parametrize("wanted", [One, Truth])
@pytest.mark.parametrize("value", [CANARY, CANARY.encode() + b"\xff", ""])
def test_a_value_of_the_wrong_kind(new_shell: NewShell, wanted: Any, value: Any) -> None:
    """The error names the secret and what it should be, and does not show the value."""
    shell = new_shell(ScriptedBatchProvider({"KEY": value}))
    with pytest.raises(ProviderResponseError, match="secret 'KEY' from provider 'scripted' is not ") as caught:
        shell.load(wanted)
    assert_clean(caught.value)


def test_binary_is_not_text(new_shell: NewShell) -> None:
    """A field of text refuses bytes when it is loaded, and not at its first use."""
    with pytest.raises(ProviderResponseError, match="is not text"):
        new_shell(ScriptedBatchProvider({**SHOP, "TITLE": b"\xff"})).load(Shop)


def test_a_live_field(new_shell: NewShell) -> None:
    """A live field reads through the resolver of the shell at each use; it must be there, unless it is optional."""
    shell = new_shell(ScriptedBatchProvider({"KEY": ["one", "two"]}))
    live = shell.load(Live)
    assert (live.key.get(), live.other) == ("one", None)
    shell.invalidate("KEY")
    assert live.key.get() == "two"
    with pytest.raises(SecretNotFound, match="'KEY'"):
        new_shell(ScriptedBatchProvider({})).load(Live)


def test_a_class_that_refuses_its_values(new_shell: NewShell) -> None:
    """The error of the class is its own; no frame of ours has the values."""
    shell = new_shell(ScriptedBatchProvider({"KEY": CANARY.encode() + b"\xff"}))
    with pytest.raises(RuntimeError, match="refused") as caught:
        shell.load(Refusing)
    raised = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    for frame in raised.stack:
        if is_ours(frame.filename):
            assert_unseen(repr(frame.locals))


@pytest.mark.parametrize(
    "wanted", [Odd, int, CANARY, shop_of("", "", b"", 0, False, None, "")], ids=["field", "class", "text", "instance"]
)
def test_what_cannot_be_loaded(new_shell: NewShell, wanted: Any) -> None:
    """Neither a class of another kind, nor an instance, nor a field of another type; nothing is asked for."""
    provider = ScriptedBatchProvider({})
    shell = new_shell(provider)
    with pytest.raises(ConfigurationError, match=r"needs a dataclass|field 'key' of Odd must be"):
        shell.load(wanted)
    raises(lambda: shell.load(wanted))
    assert not provider.batches


def test_a_type_that_is_not_in_the_module(new_shell: NewShell) -> None:
    """The error names the type to import."""

    @dataclass
    class Unknown:
        key: Nowhere  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(ConfigurationError, match="import 'Nowhere' there"):
        new_shell(ScriptedBatchProvider({})).load(Unknown)


def test_a_name_that_is_not_well_formed(new_shell: NewShell) -> None:
    """A name in the metadata is a name like any other."""
    with pytest.raises(InvalidReference):
        new_shell(ScriptedBatchProvider({})).load(Misnamed)


async def test_the_default_resolver() -> None:
    """`load_secrets` and `aload_secrets` ask the resolver of `get_secret`."""
    with override({"KEY": "7"}, only=True):
        assert load_secrets(One) == await aload_secrets(One) == One(7)
