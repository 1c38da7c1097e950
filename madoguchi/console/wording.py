"""The console's sentences: one file an area in phrases/, named `area.name`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from madoguchi import Language
from madoguchi.answers.phrases import Phrases

_FOLDER = Path(__file__).with_name("phrases")


@cache
def area(name: str) -> Phrases:
    """The sentences of an area."""
    return Phrases(_FOLDER / f"{name}.yml")


def say(name: str, language: Language, **values: object) -> str:
    """A sentence, its placeholders filled.

    Args:
        name: `area.name`, such as `base.sign_out`.

    Raises:
        KeyError: no such sentence, or a placeholder without a value.
    """
    where, _, which = name.partition(".")
    return area(where)(which, language, **values)
