"""Japanese typed by sound: in hiragana alone or in Latin letters, as by children, elderly people and foreign keyboards.

Such a message shares no words with how things are written, so it is compared by reading: UniDic's kana of the known sentences,
spelt in Latin letters without the differences between spelling systems.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import jaconv
import numpy as np
import numpy.typing as npt

from madoguchi.text import language_of

from .terms import Terms
from .words import readings_of

_HIRAGANA = re.compile(r"[\u3041-\u309f]")
_WRITTEN = re.compile(r"[\u30a1-\u30fa\u3400-\u9fff々]")
_LATIN = re.compile(r"[A-Za-z]{2,}")
# Hepburn and its variants to one spelling; long vowels short, double consonants single.
_SPELLINGS = """ou:o oo:o uu:u aa:a ee:e ei:e ii:i shi:si sh:sy chi:ti tch:ty ch:ty cch:ty tsu:tu fu:hu
    ji:zi dji:zi dzu:zu du:zu di:zi j:zy wo:o he:e ha:wa mb:nb mp:np"""


def by_sound(text: str) -> bool:
    """Whether a message is Japanese typed by sound: hiragana without kanji and katakana, or Latin letters that spell Japanese."""
    if _WRITTEN.search(text):
        return False
    if _HIRAGANA.search(text):
        return not _LATIN.search(text)
    return language_of(text) == "ja" and _LATIN.search(text) is not None


def sound(text: str) -> str:
    """A text's reading in Latin letters, one spelling for each sound; texts without Japanese letters are taken as they are."""
    kana = jaconv.kata2hira("".join(readings_of(text)))
    letters = re.sub(r"[^a-z]", "", jaconv.kana2alphabet(kana).casefold())
    for spelling, one in (pair.split(":") for pair in _SPELLINGS.split()):
        letters = letters.replace(spelling, one)
    return re.sub(r"(.)\1", r"\1", letters)


def sound_terms(vocabulary: Mapping[str, int] | None = None, weights: npt.NDArray[np.float64] | None = None) -> Terms:
    """The terms by which sounds are compared: runs of two to five letters."""
    return Terms("char", (2, 5), 2, vocabulary, weights)
