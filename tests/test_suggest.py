"""The word that somebody meant is found, and nothing is made up."""

from __future__ import annotations

import pytest

from secretsource._ground.suggest import LONGEST, meant, nearest, unknown

SCHEMES = ["env", "dotenv", "aws", "aws-ssm", "vault"]


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("asw", "aws"),
        ("evn", "env"),
        ("dotnev", "dotenv"),
        ("AWS", "aws"),
        ("aws_ssm", "aws-ssm"),
        ("aws", "aws"),
        ("zzz", None),
        ("", None),
    ],
)
def test_nearest(word: str, near: str | None) -> None:
    """Letters that changed places, another case and another dash are seen through; what is like nothing is not."""
    assert nearest(word, SCHEMES) == near


def test_how_alike() -> None:
    """Long names share much by their nature, so a caller may ask for more."""
    assert nearest("STRIPE_PUBLIC_KEY", ["STRIPE_SECRET_KEY"]) == "STRIPE_SECRET_KEY"
    assert nearest("STRIPE_PUBLIC_KEY", ["STRIPE_SECRET_KEY"], 0.8) is None


def test_a_long_word_is_not_compared() -> None:
    """The time grows with the square of the length, and a text that long is no slip of a finger."""
    assert LONGEST == 100
    assert nearest("a" * 100, ["a" * 99]) is not None
    assert nearest("a" * 101, ["a" * 100]) is None


def test_the_word_itself_is_no_suggestion() -> None:
    """Nobody is asked whether they meant what they wrote; another case of it is a question."""
    assert meant("aws", SCHEMES) == ""
    assert meant("Aws", SCHEMES) == "did you mean 'aws'?"
    assert meant("zzz", SCHEMES) == ""


def test_unknown() -> None:
    """The sentence has the nearest word, or else all of them in order."""
    assert unknown("provider", "asw", iter(SCHEMES)) == "unknown provider 'asw': did you mean 'aws'?"
    assert unknown("provider", "zzz", SCHEMES) == "unknown provider 'zzz': known are aws, aws-ssm, dotenv, env, vault"
