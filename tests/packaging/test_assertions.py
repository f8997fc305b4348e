"""Each test asserts something: one that only runs would pass whatever comes of it."""

from __future__ import annotations

import pytest
from tests.packaging.assertions import Module, modules, silent_tests

ELSEWHERE = {
    "tests.issuing.faults.test_faults_put_in::test_it_is_the_fault_that_is_found": "runs another test, which asserts",
}
"""Tests whose assertions are where a reader of the text does not find them, and why."""


def test_each_test_asserts_something() -> None:
    """Itself, or in what it calls."""
    assert set(silent_tests(modules())) == set(ELSEWHERE)


@pytest.mark.parametrize(
    ("body", "is_asserted"),
    [
        ("assert x", True),
        ("with pytest.raises(E): x()", True),
        ("raise AssertionError('never')", True),
        ("raise ValueError", False),
        ("subprocess.run(x, check=True)", True),
        ("subprocess.run(x, check=False)", False),
        ("x()", False),
        ("y()", True),
        ("thing.y()", True),
        ("each(y)", True),
        ("kit.z()", True),
        ("unknown.w()", False),
    ],
)
def test_what_counts(body: str, is_asserted: bool) -> None:
    """An assertion, and a call of what asserts here or in a module that is imported."""
    calls = "def x(): pass\ndef y(): y2()\ndef y2(): assert 1"
    text = f"from secretsource.testing import kit\n{calls}\ndef test_it():\n    {body}\n"
    read = {
        "tests.test_one": Module.read(text),
        "tests.other": Module.read("def w(): assert 1"),
        "secretsource.testing.kit": Module.read("def z(): assert 1"),
    }
    assert silent_tests(read) == ([] if is_asserted else ["tests.test_one::test_it"])
