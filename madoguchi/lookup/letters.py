"""Letters as the word search compares them, and where the words of a query stand in a text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from madoguchi.text import fold

_TO_HIRAGANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}
_JAPANESE = r"\u3041-\u3096\u30a1-\u30fa\u30fc\u3400-\u9fff々〇"
_RUN = re.compile(rf"(?P<japanese>[{_JAPANESE}]+)|[^\W_{_JAPANESE}]+")
_HIRAGANA = re.compile(r"[\u3041-\u3096]+")
_CLUSTER = re.compile("(?s:.)[\uff9e\uff9f\u3099\u309a\u0300-\u036f]*")
_ENDINGS = (("ing", ""), ("ies", "i"), ("ied", "i"), ("ed", ""), ("sses", "ss"), ("ss", "ss"), ("es", ""), ("s", ""), ("e", ""), ("y", "i"))
_SHORTEST_STEM = 3
_ENDING_LETTERS = 3
"""Hiragana under this length inside a run with kanji is an ending or a particle, and says nothing by itself."""

STOP = frozenset(
    """
    a about am an and any are as at be been but by can could did do does doing for from get give had has have how i if in into is it
    its just know let like ll me my of on or our please re s say says she he should so some t tell than that the their them then
    there they this to us was ve we were what when where whether which who whom whose why will with would you your
    """.split()  # noqa: SIM905
)
"""English words that are in every text and say nothing."""


def flat(text: str) -> str:
    """NFKC, case folded, katakana as hiragana."""
    return unicodedata.normalize("NFKC", text).casefold().translate(_TO_HIRAGANA)


def packed(text: str) -> str:
    """The letters and digits of a text alone: what a Japanese phrase or a number is looked for in."""
    return fold(text).translate(_TO_HIRAGANA)


def spaced(text: str) -> str:
    """The words of a text, a space before each: what a phrase in Latin letters is looked for in, from the start of a word."""
    return "".join(f" {match.group()}" for match in _RUN.finditer(flat(text)))


def stem(word: str) -> str:
    """An English word without its ending: `recorded`, `records` and `recording` are one."""
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM:
            return word.removesuffix(ending) + instead
    return word


def is_hiragana(text: str) -> bool:
    """Whether a text is hiragana alone, as particles and endings are."""
    return _HIRAGANA.fullmatch(text) is not None


class Run(NamedTuple):
    """Letters of one script that stand together: flat, and `typed` with their own kana, letter by letter."""

    text: str
    typed: str
    is_japanese: bool


def runs(text: str) -> Iterator[Run]:
    """The runs of a text."""
    for match in _RUN.finditer(unicodedata.normalize("NFKC", text).casefold()):
        yield Run(match.group().translate(_TO_HIRAGANA), match.group(), match.lastgroup == "japanese")


class Piece(NamedTuple):
    """A piece of a text, with whether it matches."""

    text: str
    is_match: bool


@lru_cache(maxsize=512)
def _placed(text: str) -> tuple[str, Sequence[tuple[int, int]]]:
    """A text flat, with where in the text each of its letters stands: NFKC can make several of one, or one of two."""
    flattened = flat(text)
    if len(flattened) == len(text) and unicodedata.is_normalized("NFKC", text):
        return flattened, [(place, place + 1) for place in range(len(text))]
    letters: list[str] = []
    places: list[tuple[int, int]] = []
    for match in _CLUSTER.finditer(text):
        for letter in flat(match.group()):
            letters.append(letter)
            places.append(match.span())
    return "".join(letters), places


def _japanese(run: Run, text: str) -> Iterator[str]:
    """The longest parts of a run that stand in a text."""
    start = 0
    while start < len(run.text):
        end = start
        while end < len(run.text) and run.text[start : end + 1] in text:
            end += 1
        part = run.text[start:end]
        is_ending = len(part) < _ENDING_LETTERS and is_hiragana(run.typed[start:end])
        if part and (part == run.text or (len(part) >= 2 and not is_ending)):
            yield part
        start = max(end, start + 1)


def _everywhere(part: str, text: str) -> Iterator[tuple[int, int]]:
    return (match.span() for match in re.finditer(re.escape(part), text))


def _spans(query: str, text: str, more: Iterable[str]) -> Iterator[tuple[int, int]]:
    wanted = [run.text for run in runs(query) if not run.is_japanese and run.text not in STOP]
    stems = {stem(word) for word in wanted}
    starts = tuple(wanted)
    for run in runs(query):
        if run.is_japanese:
            for part in _japanese(run, text):
                yield from _everywhere(part, text)
    for match in _RUN.finditer(text):
        word = match.group()
        if match.lastgroup != "japanese" and ((starts and word.startswith(starts)) or stem(word) in stems):
            yield match.span()
    for word in map(flat, more):
        yield from (match.span() for match in re.finditer((r"\b" if word.isascii() else "") + re.escape(word), text))
    phrase = packed(query)
    if len(phrase) >= _SHORTEST_STEM and any(char.isdigit() for char in phrase):
        yield from (match.span() for match in re.finditer(r"[\W_]{0,2}".join(re.escape(char) for char in phrase), text))


def marked(text: str, query: str, more: Iterable[str] = ()) -> list[Piece]:
    """A text in pieces, the words of a query marked, whatever their width, case, kana or English ending.

    Args:
        more: words to mark beside those of the query.
    """
    letters, places = _placed(text)
    pieces: list[Piece] = []
    last = begin = end = 0

    def cut() -> None:
        if end > begin:
            pieces.extend(piece for piece in (Piece(text[last:begin], False), Piece(text[begin:end], True)) if piece.text)

    for first, stop in sorted(_spans(query, letters, more)):
        start, until = places[first][0], places[stop - 1][1]
        if start <= end and end > begin:
            end = max(end, until)
            continue
        cut()
        last, begin, end = end, start, until
    cut()
    return [*pieces, Piece(text[end:], False)] if text[end:] else pieces
