"""No key and no pepper can be reached from an error, and importing the package loads next to nothing."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from tests.frames import is_ours

from secretsource import issuing
from secretsource.exceptions import ConfigurationError, SecretSourceError, StoreError
from secretsource.issuing import NO_SCOPE, ApiKeys, AsyncApiKeys
from secretsource.issuing._key import foreign

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PEPPER = "a pepper of the tests, long enough"


def reachable(value: object, seen: set[int], depth: int = 4) -> Iterator[str]:
    """Texts within a value: itself, items, attributes."""
    if id(value) in seen or depth == 0:
        return
    seen.add(id(value))
    if isinstance(value, (str, bytes)):
        yield value if isinstance(value, str) else value.decode("latin-1")
        return
    items: list[Any] = []
    if isinstance(value, dict):
        items = [*value, *value.values()]
    elif isinstance(value, (list, tuple, set, frozenset)):
        items = [*value]
    else:
        slots = [
            name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ()) if isinstance(name, str)
        ]
        items = [getattr(value, name, None) for name in slots] + [*getattr(value, "__dict__", {}).values()]
    for item in items:
        yield from reachable(item, seen, depth - 1)


def assert_hidden(error: BaseException, *secrets: str) -> None:
    """Nothing of ours on the way of an error holds a secret: text, chain, arguments, locals of frames."""
    while error is not None:
        told = "".join(traceback.format_exception(error)) + repr(error)
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__) if is_ours(frame.f_code.co_filename)]
        texts = [told, *reachable(error.args, set())]
        for frame in frames:
            values = {name: value for name, value in frame.f_locals.items() if name != "self"}
            texts += [f"{frame.f_code.co_name}: {text}" for text in reachable(values, set())]
        for secret in secrets:
            assert not [text[:200] for text in texts if secret in text]
        error = error.__cause__ or error.__context__  # type: ignore[assignment]


def fail(*_: object) -> None:
    """A store that is down."""
    raise StoreError("the store is down")


@pytest.mark.parametrize(
    "call",
    [
        lambda keys, text: keys.verify(text + "x", scope=NO_SCOPE),
        lambda keys, text: keys.verify(text, scope="c:d"),
        lambda keys, text: keys.verify(text, scope=[]),
        lambda keys, text: keys.check(text, scope="a b"),
        lambda keys, text: keys.check(text, scope=NO_SCOPE, cost=-1),
        lambda keys, text: keys.surrender(text + "x"),
        lambda keys, text: foreign.matches("nosuch$x", text),
    ],
    ids=["wrong", "scope", "no demand", "bad demand", "cost", "surrender", "foreign"],
)
def test_no_error_of_a_check_leads_to_the_key(call: Callable[[ApiKeys, str], object], keys: ApiKeys) -> None:
    """First from the store, then from the cache."""
    text = keys.issue(owner="acme", scopes=["a:b"]).plaintext
    for _ in range(2):
        with pytest.raises(SecretSourceError) as caught:
            call(keys, text)
        assert_hidden(caught.value, text[30:62])
        keys.check(text, scope=NO_SCOPE)


@pytest.mark.parametrize("cost", [None, "1", 10**400])
def test_no_cost_that_cannot_be_leads_to_the_key(cost: Any, keys: ApiKeys) -> None:
    """Where the cache knows the key already."""
    text = keys.issue(owner="acme", rate_limit="5/minute").plaintext
    keys.check(text, scope=NO_SCOPE)
    with pytest.raises(SecretSourceError) as caught:
        keys.check(text, scope=NO_SCOPE, cost=cost)
    assert_hidden(caught.value, text[30:62])


CANARY = "a canary of a pepper, long enough"


@pytest.mark.parametrize(
    "settings",
    [
        {"peppers": [CANARY, "short"]},
        {"peppers": CANARY},
        {"peppers": CANARY.encode()},
        {"peppers": [CANARY, CANARY.encode()]},
        {"peppers": [CANARY, None]},
        {"peppers": [CANARY + "\ud800"]},
        {"peppers": 5},
        {"peppers": None},
        {"peppers": [CANARY], "ttl": "5"},
        {"peppers": [CANARY], "ttl": None},
        {"peppers": [CANARY], "on_limiter_error": ["open"]},
        {"peppers": [CANARY], "format": "sk"},
        {"peppers": [CANARY], "limiter": 5},
        {"peppers": [CANARY], "on_check": 5},
    ],
)
def test_no_error_of_a_setting_leads_to_a_pepper(settings: dict[str, Any]) -> None:
    """A setting of another kind is one clear error, and nothing that reports errors is told a pepper."""
    with pytest.raises(ConfigurationError) as caught:
        ApiKeys.open("memory://", **settings)
    assert_hidden(caught.value, CANARY)
    with pytest.raises(ConfigurationError) as caught:
        asyncio.run(AsyncApiKeys.open("memory://", **settings))
    assert_hidden(caught.value, CANARY)


def test_no_error_of_a_store_leads_to_a_new_key(keys: ApiKeys, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that was not stored is not in the traceback either."""
    made: list[str] = []
    mint = keys._operations._mint

    def noted(draft: Any) -> Any:
        issued = mint(draft)
        made.append(issued.plaintext)
        return issued

    monkeypatch.setattr(keys._operations, "_mint", noted)
    key_id = keys.issue(owner="acme").record.key_id
    monkeypatch.setattr(store, "insert", fail)
    monkeypatch.setattr(store, "rotate", fail)
    for call in (lambda: keys.issue(owner="acme"), lambda: keys.rotate(key_id, overlap=1)):
        with pytest.raises(StoreError) as caught:
            call()
        assert_hidden(caught.value, made[-1][30:62])
    assert len(made) == 3


def test_the_check_for_hidden_keys_is_not_blind() -> None:
    """It finds a key in a local of one of our frames, in an argument, and in a chained error."""
    error = StoreError("x", "canary")
    with pytest.raises(AssertionError):
        assert_hidden(error, "canary")
    chained = StoreError("x")
    chained.__context__ = ValueError("canary")
    with pytest.raises(AssertionError):
        assert_hidden(chained, "canary")


def test_rich_shows_no_key(keys: ApiKeys) -> None:
    """What is issued and what is rotated print their records, also where rich prints locals."""
    from rich.pretty import pretty_repr

    issued = keys.issue(owner="acme")
    rotated = keys.rotate(issued.record.key_id, overlap=60)
    assert rotated.plaintext is not None
    shown = pretty_repr([issued, rotated], max_width=400)
    assert issued.plaintext[-40:] not in shown
    assert rotated.plaintext[-40:] not in shown
    assert shown.count(issued.record.display) == 2
    assert rotated.successor.display in shown


def test_every_public_name_is_there() -> None:
    """Loaded when asked for; an unknown one is named."""
    for name in issuing.__all__:
        assert getattr(issuing, name) is not None
        assert name in dir(issuing)
    with pytest.raises(AttributeError, match="nothing"):
        _ = issuing.nothing


def test_importing_the_package_loads_no_library() -> None:
    """`cryptography` comes with the first locator, and a database library never."""
    script = (
        "import sys\n"
        "before = set(sys.modules)  # whoever measures coverage may have loaded some\n"
        "import secretsource.issuing as issuing\n"
        "from secretsource.issuing import ApiKeys\n"
        "loaded = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "assert not loaded & {'cryptography', 'sqlalchemy', 'redis', 'asyncio'}, loaded\n"
        "from secretsource.stores.memory import MemoryStore\n"
        "keys = issuing.ApiKeys(MemoryStore(), peppers=['a pepper for show'])\n"
        "assert 'cryptography' not in sys.modules\n"
        "keys.issue(owner='acme')\n"
        "assert 'cryptography' in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
