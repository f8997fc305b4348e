"""The written grammar, the library and an independent implementation agree."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from secretsource.issuing import KeyFormat, ParsedKey, Pepper, Rejected
from secretsource.issuing._key.locator import LocatorSeal, locator_key

FOLDER = Path(__file__).parents[2] / "vectors"
VECTORS: dict[str, Any] = json.loads((FOLDER / "key_format_v1.json").read_text(encoding="ascii"))


def load_checker() -> Any:
    """The checker, which uses nothing of the library."""
    spec = importlib.util.spec_from_file_location("check_key_vectors", FOLDER / "check_key_vectors.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_an_independent_implementation_agrees_with_every_vector() -> None:
    """AES, HKDF, HMAC, CRC-32 and base62 written out from the specification give the same keys."""
    count, faults = load_checker().check(FOLDER / "key_format_v1.json")
    assert faults == []
    assert count == len(VECTORS["accepted"]) + len(VECTORS["rejected"])


def test_the_independent_implementation_is_not_blind(tmp_path: Path) -> None:
    """A vector that was tampered with in any one field is noticed."""
    checker = load_checker()
    good = VECTORS["accepted"][0]
    for field, wrong in [("owner", "1"), ("serial", 9), ("hash", "00"), ("crc", 1), ("pepper", "x" * 20)]:
        path = tmp_path / "vectors.json"
        path.write_text(json.dumps({"accepted": [{**good, field: wrong}], "rejected": []}))
        assert checker.check(path)[1]


@pytest.mark.parametrize("vector", VECTORS["accepted"], ids=lambda vector: vector["owner"][:20])
def test_the_library_reads_every_vector(vector: dict[str, Any]) -> None:
    """Today's library reads the keys that grammar 1 was published with."""
    pepper = Pepper(vector["pepper"])
    seal = LocatorSeal(locator_key(pepper))
    assert KeyFormat().parse(vector["key"]) == ParsedKey(vector["prefix"], vector["environment"], vector["locator"])
    assert seal.seal(vector["owner"], vector["serial"]) == vector["locator"]
    owner = seal.open(vector["locator"])
    assert owner is not None
    assert seal.match(owner, ["somebody", vector["owner"]]).name == vector["owner"]
    assert pepper.hash(vector["key"]).hex() == vector["hash"]
    assert pepper.version == vector["pepper_version"]
    assert KeyFormat.display(vector["prefix"], vector["environment"], vector["locator"]) == vector["display"]


@pytest.mark.parametrize("vector", VECTORS["rejected"], ids=range(len(VECTORS["rejected"])))
def test_the_library_rejects_what_is_no_key(vector: dict[str, str]) -> None:
    """Each text that is no key is rejected for the reason the vectors name."""
    verdict = KeyFormat().parse(vector["text"])
    assert isinstance(verdict, Rejected)
    assert verdict.reason.value == vector["reason"]
