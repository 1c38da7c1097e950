"""Madoguchi: a bilingual assistant that answers privacy inquiries from published policies."""

from typing import Literal

Language = Literal["ja", "en"]
LANGUAGES: tuple[Language, Language] = ("ja", "en")


class MadoguchiError(Exception):
    """Base of every error that this project raises; its message tells a person what to do."""
