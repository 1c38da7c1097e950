"""The fixed sentences of replies."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import yaml

from madoguchi import Language


class Phrases:
    """Sentences in both languages from a YAML file: {name: {ja: …, en: …}} with the same {placeholders}."""

    def __init__(self, file: Path) -> None:
        self.file = file

    @cached_property
    def all(self) -> Mapping[str, Mapping[Language, str]]:
        """Every phrase by name and language."""
        raw: Mapping[str, Mapping[Language, str]] = yaml.safe_load(self.file.read_text(encoding="utf-8"))
        return raw

    def __call__(self, name: str, language: Language, **values: object) -> str:
        """The phrase of that name in a language, its placeholders filled.

        Raises:
            KeyError: no such phrase, or a placeholder without a value.
        """
        return self.all[name][language].format(**values)


phrase = Phrases(Path(__file__).with_name("phrases.yml"))
