"""One name for all spellings, and a bound for whatever is noted by name."""

from __future__ import annotations

import json
from itertools import product
from typing import TYPE_CHECKING

import pytest

from secretsource import Resolver
from secretsource.exceptions import InvalidReference, SecretNotFound
from secretsource.resolver._walk.cache import MAX_READERS
from secretsource.testing import ScriptedProvider

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.shells import Shell, ShellKind

    NewShell = Callable[..., Shell]

FIELD = "long_field_1"
SPELLINGS = ["".join(chars) for chars in product(*[(char, f"%{ord(char):02x}") for char in FIELD])]


def test_spellings_of_one_field() -> None:
    """4,096 spellings are one reader, one short way and one document."""
    provider = ScriptedProvider({"DOC": json.dumps({FIELD: "v"})})
    resolver = Resolver([provider])
    names = {resolver.get(f"DOC#{spelling}").name for spelling in SPELLINGS}
    state = resolver._engine.state
    (entry,) = state.cache._entries.values()
    assert len(SPELLINGS) == 4096
    assert names == {f"DOC#{FIELD}"}
    assert entry.readers == {(f"DOC#{FIELD}", (FIELD,))}
    assert set(state.shortcuts.hot) <= names
    assert provider.calls == 1


def test_a_spelling_is_given_back_as_it_was_asked(kind: ShellKind, new_shell: NewShell) -> None:
    """`get_many` answers by the names that it was given; news of one spelling is news of all."""
    provider = kind.provider({"DOC": ['{"f": "1"}', '{"f": "2"}']})
    shell = new_shell(provider)
    assert shell.get_many(["DOC#f", "DOC#%66", "scripted://DOC#f"]) == {
        "DOC#f": "1",
        "DOC#%66": "1",
        "scripted://DOC#f": "1",
    }
    shell.invalidate("DOC#%66")
    assert shell.get("DOC#f") == "2"
    assert provider.calls == 2


def test_readers_and_short_ways_are_bounded() -> None:
    """A document of more fields than are noted answers for each; those that were noted still hear of a rotation."""
    fields = {f"f{number}": "old" for number in range(MAX_READERS + 50)}
    provider = ScriptedProvider({"DOC": [json.dumps(fields), json.dumps(dict.fromkeys(fields, "new"))]})
    resolver = Resolver([provider], max_entries=16)
    heard: list[str] = []
    resolver.on_rotate(lambda event: heard.append(event.name))
    assert {resolver.get(f"DOC#{field}") for field in fields} == {"old"}
    state = resolver._engine.state
    (entry,) = state.cache._entries.values()
    assert (len(entry.readers), len(entry._chosen)) == (MAX_READERS, MAX_READERS)
    assert len(state.shortcuts.hot) == 16
    assert {resolver.get(f"DOC#{field}", fresh=True) for field in fields} == {"new"}
    assert sorted(heard) == sorted(f"DOC#f{number}" for number in range(MAX_READERS))
    assert resolver.get(f"DOC#f{MAX_READERS + 49}") == "new", "a name that is not noted has no short way"


@pytest.mark.parametrize(
    "field", ["/1" * 4301, "1" * 4301, "x" * 100_000, "/" + "1" * 4000, "\ud800", "\0", "/~", "/~2"]
)
def test_any_field(field: str, kind: ShellKind, new_shell: NewShell) -> None:
    """A field of any length and form is found, not found or an error of ours, which stays short."""
    shell = new_shell(kind.provider({"DOC": '{"l": [1]}'}))
    with pytest.raises((InvalidReference, SecretNotFound)) as caught:
        shell.get("DOC", field=field)
    assert len(str(caught.value)) < 5000
