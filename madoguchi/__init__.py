"""Madoguchi: a bilingual assistant that answers privacy inquiries from published policies."""

from typing import Literal
from zoneinfo import ZoneInfo

Language = Literal["ja", "en"]
LANGUAGES: tuple[Language, Language] = ("ja", "en")

JAPAN = ZoneInfo("Asia/Tokyo")
"""The time zone of the companies, whose days and hours are counted in it."""


class MadoguchiError(Exception):
    """Base of every error that this project raises; its message tells a person what to do."""
