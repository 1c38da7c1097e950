"""Cleaning of typed text: length, control characters, NFKC and the rules that NFKC lacks."""

import re
import unicodedata

from madoguchi import MadoguchiError

MAX_ACCEPTED = 2_000
"""Characters that a message may have at all; more is refused."""

MAX_UNDERSTOOD = 500
"""Characters of a message that the understanding looks at."""

_HYPHENS = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_KATAKANA = "\u30a1-\u30fa\u30fc"
_LONG_VOWEL = re.compile(f"(?<=[{_KATAKANA}])[{_HYPHENS}](?=[{_KATAKANA}ぁ-ん一-龥、。!?]|$)")
_REPEATED = re.compile(r"([ー!?〜~wｗ草…。、.])\1{2,}")
_SPACES = re.compile(r"\s+")
_LEADING_SLASHES = re.compile(r"^(?:\s*/)+\s*")
# Tabs and line ends become spaces; every other control, format, private or surrogate character goes.
_DROPPED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_VARIATION_SELECTORS = re.compile("[\ufe00-\ufe0f]")


class TextTooLongError(MadoguchiError):
    """A message has more than MAX_ACCEPTED characters."""

    def __init__(self, length: int) -> None:
        super().__init__(f"a message may have {MAX_ACCEPTED} characters, this one has {length}")


def clean(text: str) -> str:
    """Return a typed text as the rest of the product sees it.

    Lone surrogates, NUL, control, zero-width and direction characters are dropped, the text is put into NFKC, a hyphen
    typed for a long vowel after katakana becomes ー, runs of a repeated mark shrink to one, white space to one space,
    and a leading "/" (a command to Rasa, only text to us) is taken away.

    Raises:
        TextTooLongError: the text has more than MAX_ACCEPTED characters.
    """
    if len(text) > MAX_ACCEPTED:
        raise TextTooLongError(len(text))
    spaced = text.replace("\t", " ").replace("\n", " ").replace("\r", " ")
    kept = "".join(char for char in spaced if unicodedata.category(char) not in _DROPPED_CATEGORIES)
    normal = unicodedata.normalize("NFKC", _VARIATION_SELECTORS.sub("", kept))
    normal = _LONG_VOWEL.sub("ー", normal)
    normal = _REPEATED.sub(r"\1", normal)
    normal = _SPACES.sub(" ", normal).strip()
    return _LEADING_SLASHES.sub("", normal)


def fold(text: str) -> str:
    """Return the letters and digits of a text alone, NFKC and case folded: what two texts are compared by."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).casefold())
