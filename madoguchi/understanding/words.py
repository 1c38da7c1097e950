"""Words of Japanese, English and mixed text by fugashi and unidic-lite."""

from __future__ import annotations

import threading
from typing import NamedTuple

import fugashi

MAX_CHARACTERS = 10_000
"""MeCab ends the process on texts of some hundred thousand characters; nothing past this is looked at."""

_RENEW_AFTER = 50_000


class Word(NamedTuple):
    """A word and where it stands: `text[start:end]`."""

    text: str
    start: int
    end: int


class _Local(threading.local):
    """A tagger of its own for each thread; renewed now and then, since MeCab's cache of surfaces only grows."""

    def __init__(self) -> None:
        self.tagger = fugashi.Tagger("-Owakati")
        self.reader = fugashi.Tagger()
        self.used = 0


_local = _Local()


def _tagger() -> fugashi.Tagger:
    if _local.used >= _RENEW_AFTER:
        _local.tagger, _local.used = fugashi.Tagger("-Owakati"), 0
    _local.used += 1
    return _local.tagger


def _readable(text: str) -> str:
    return "".join(" " if char == "\0" or "\ud800" <= char <= "\udfff" else char for char in text[:MAX_CHARACTERS])


def words_of(text: str) -> list[Word]:
    """Split a text into words with exact offsets into it; white space belongs to none.

    Lone surrogates and NUL, at which MeCab fails or stops, are read as spaces. Text past `MAX_CHARACTERS` is left out.
    """
    readable = _readable(text)
    found, position = [], 0
    for node in _tagger()(readable):
        start = position + len(node.white_space)
        position = start + len(node.surface)
        found.append(Word(text[start:position], start, position))
    return found


def readings_of(text: str) -> list[str]:
    """The reading of each word in katakana; the word itself where the dictionary has none."""
    # A node's features are read from memory that the next parse reuses, so they are copied at once.
    return [str(node.feature.kana or node.surface) for node in _local.reader(_readable(text))]
