"""The fixed sentences of replies."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import yaml

from madoguchi import Language

FILE = Path(__file__).with_name("phrases.yml")


@lru_cache(maxsize=1)
def phrases() -> Mapping[str, Mapping[Language, str]]:
    """Every phrase by id and language."""
    raw: Mapping[str, Mapping[Language, str]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return raw


def phrase(name: str, language: Language, **values: object) -> str:
    """The phrase of that name in a language, its {placeholders} filled.

    Raises:
        KeyError: no such phrase, or a placeholder without a value.
    """
    return phrases()[name][language].format(**values)
