"""Plain texts that are understood exactly: the payloads of buttons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from madoguchi import LANGUAGES, Language
from madoguchi.corpus import Corpus, Entry
from madoguchi.text import fold

from .inquiry import NAME_COMPANY, POLICY_QUESTION


class Choice(NamedTuple):
    """What a payload means: an intent, in the language of the button, with the entry or company that it stands for."""

    wants: str
    language: Language | None
    entry: str | None = None
    company: str | None = None


FIXED: Mapping[str, Mapping[Language, str]] = {
    "show_original": {"ja": "原文を表示", "en": "Show the original wording"},
    "more_detail": {"ja": "続きを見る", "en": "Show more"},
    "ask_person": {"ja": "担当者につなぐ", "en": "Talk to a person"},
    "open_request": {"ja": "この内容で受付票を作る", "en": "Yes, open the ticket"},
    "ask_bot": {"ja": "何が聞けますか", "en": "What can I ask?"},
}
"""Buttons that are the same everywhere: what they show and send, by the intent that they mean."""


def title_of(corpus: Corpus, entry: Entry, language: Language) -> str:
    """The title of a clause or gap with its company: what a button for it shows and sends."""
    company = corpus.company_of(entry).full[language]
    return f"{entry.title[language]}（{company}）" if language == "ja" else f"{entry.title[language]} ({company})"


def table(corpus: Corpus) -> dict[str, Choice]:
    """Every payload, folded, with its meaning."""
    found: dict[str, Choice] = {}
    for wants, texts in FIXED.items():
        for language in LANGUAGES:
            found[fold(texts[language])] = Choice(wants, language)
    for language in LANGUAGES:
        for entry in corpus.entries.values():
            found[fold(title_of(corpus, entry, language))] = Choice(POLICY_QUESTION, language, entry=entry.id)
    for company in corpus.companies.values():
        same = company.button["ja"] == company.button["en"]
        for language in LANGUAGES:
            found[fold(company.button[language])] = Choice(NAME_COMPANY, None if same else language, company=company.id)
    return found
