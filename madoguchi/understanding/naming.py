"""Which companies a message names, in whatever spelling."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from rapidfuzz.distance import DamerauLevenshtein

from madoguchi import Language
from madoguchi.corpus import Corpus

_LATIN = re.compile(r"[A-Za-z0-9]")
_SHORT_KANA = re.compile(r"[ァ-ヴー]{1,2}")
"""A name that other words hold, as that of an engine holds "ジン"."""
_WORD = re.compile(r"[A-Za-z][A-Za-z'-]*|[ァ-ヴー・]+(?:商事|自動車)?")
_STAND_IN: dict[Language, str] = {"ja": "御社", "en": "your company"}
_ANOTHER: dict[Language, str] = {"ja": "他の会社", "en": "another company"}
_SEVERAL = re.compile(r"御社(?:(?:と|や|、|・| )+御社)+|your company(?:(?:,| and| or| &|/)+ ?your company)+")
SHORTEST_MISSPELT = 5
_NEUTRAL_ID, _OTHER_ID = "", "?"


@dataclass(frozen=True)
class Naming:
    """The names found in a message.

    Attributes:
        companies: ids in order of first mention; a weak name counts only where no company is named in full.
        weak: companies named by a weak name alone ("Toyota"); they yield to the site or the conversation.
        other: a company is named whose policy is not in the corpus, and not only as one that data might be given to.
        bare: the message with each company's name replaced by "your company" (by "another company" where data might be given to
            it), for company-neutral understanding.
        alone: nothing but names and small words stands in the message.
    """

    companies: tuple[str, ...]
    weak: tuple[str, ...]
    other: bool
    bare: str
    alone: bool


@dataclass(frozen=True)
class _Form:
    text: str
    target: str
    weak: bool


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _pattern(forms: Iterable[str]) -> re.Pattern[str]:
    alternatives = []
    for form in sorted(forms, key=len, reverse=True):
        escaped = re.escape(form).replace(r"\ ", r"[ -]?")
        short = _SHORT_KANA.fullmatch(form)
        starts = r"(?<![a-z0-9])" if _LATIN.match(form) else r"(?<![ァ-ヴー])" if short else ""
        ends = r"(?![a-z0-9])" if _LATIN.match(form[-1]) else r"(?![ァ-ヴー])" if short else ""
        alternatives.append(f"{starts}{escaped}{ends}")
    return re.compile("|".join(alternatives))


_SMALL = re.compile(
    r"株式会社|co\.?,? ?ltd\.?|corporation|corp\.?|inc\.?|(?<![a-z])(?:and|or|the|for|about|at|what|how|with|same|it's|it|is|i|"
    r"mean|meant|my|ok|please|then|s|to|from|in|of|question|case|also|both|company|sorry|no|not|yes)(?![a-z])|でしたら|ですか|です|だと|では|じゃあ|じゃ|なら|場合|について|に関して|のこと|の方|のほう|どう|でも|も|は|の|と|って|さん|様|ほう|方|お願いします|を|に|が|か|だ|いや|それ|同じ|質問|"
    r"[\s,.、。?!・「」『』()'’\"…-]+"
)


_NEGATED_AFTER = re.compile(r"[\s'’\"」』]*(?:の方|のほう|のこと)?(?:じゃな|ではな|でな|じゃね|以外)")
_NEGATED_BEFORE = re.compile(r"(?:not|instead of|rather than|other than)(?: about| from| the)? ?$")


_GIVES = r"(?:shar|sell|pass|giv|send|forward|disclos|provid|hand|transfer|stor|keep|us(?:e|ing)|upload|leak|work|cooperat|partner)[a-z]*"
_GIVEN = r"(?:shared|sold|passed|given|sent|forwarded|disclosed|provided|handed|transferred|stored|leaked|go|going)"
_GIVEN_BEFORE = re.compile(
    rf"(?:\b(?:you|u|(?:this|the) (?:site|page|app|company|website))\b[^.?!;]*\b{_GIVES}"
    rf"|\b(?:is|are|was|were|does|do|gets?|be|being|been)\b[^.?!;]*\b{_GIVEN})\b"
    r"[^.?!;]*(?:\b(?:with|to|on|by|via|through|from|in|into|like|or|and)|,) (?:the )?$"
)
_GIVEN_AFTER = re.compile(
    r"(?:さん|社|とか|など|みたいなところ)?(?:に|へ|と)(?:も|は)?[^。?!]*(?:渡(?!した)|売(?!った)|提供(?!した)|共有(?!した)|流(?!した)|送(?!った)|教え(?!た)|連携)"
    r"|の(?:サーバ|クラウド|広告)"
)


def _is_given_to(text: str, start: int, end: int) -> bool:
    """Whether a name stands for one that data might be given to, as in "do you share it with Amazon?", not for the one that is asked."""
    return _GIVEN_BEFORE.search(text, 0, start) is not None or _GIVEN_AFTER.match(text, end) is not None


def _not_negated(spans: list[tuple[int, int, _Form]], text: str) -> list[tuple[int, int, _Form]]:
    """The names without those that are turned down ("not LEXUS, Jamil"), where others are left."""
    kept = [
        (start, end, form)
        for start, end, form in spans
        if not _NEGATED_AFTER.match(text, end) and not _NEGATED_BEFORE.search(text, 0, start)
    ]
    return kept or spans


class Namer:
    """Finds companies' names in messages; built once from the corpus."""

    def __init__(self, corpus: Corpus) -> None:
        forms = [
            _Form(_folded(name), company.id, weak)
            for company in corpus.companies.values()
            for weak, names in ((False, company.names), (True, company.weak_names))
            for of_language in names.values()
            for name in of_language
        ]
        forms += [_Form(_folded(name), _NEUTRAL_ID, False) for name in corpus.names.neutral]
        forms += [_Form(_folded(name), _OTHER_ID, False) for name in corpus.names.others]
        self._forms = {form.text: form for form in forms}
        self._pattern = _pattern(self._forms)
        self._unlike = corpus.names.unlike
        self._fuzzy: dict[str, list[_Form]] = {}
        for form in forms:
            if form.target in corpus.companies and not form.weak and len(form.text) >= SHORTEST_MISSPELT and " " not in form.text:
                self._fuzzy.setdefault(form.text[0], []).append(form)

    def _misspelt(self, word: str) -> _Form | None:
        """The name that a word is within a letter (two in long names) of."""
        if len(word) < SHORTEST_MISSPELT - 1 or word in self._unlike or word in self._forms:
            return None
        best, least = None, 3
        for form in self._fuzzy.get(word[:1], ()):
            size = min(len(word), len(form.text))
            allowed = 2 if size >= 7 else 1 if size >= 5 else 0
            if allowed and abs(len(word) - len(form.text)) <= allowed:
                distance = DamerauLevenshtein.distance(word, form.text, score_cutoff=allowed)
                if distance <= allowed and distance < least:
                    best, least = form, distance
        return best

    def find(self, text: str, language: Language) -> Naming:
        """Find the companies that a cleaned message names.

        Args:
            text: cleaned and masked.
            language: of the message, for the words that stand in for a name.
        """
        folded = text.casefold() if len(text.casefold()) == len(text) else text.lower()
        spans = [(m.start(), m.end(), self._lookup(m.group())) for m in self._pattern.finditer(folded)]
        taken = [(start, end) for start, end, _ in spans]
        for match in _WORD.finditer(folded):
            if not any(start < match.end() and match.start() < end for start, end in taken):
                form = self._misspelt(match.group().strip("'-"))
                if form:
                    spans.append((match.start(), match.end(), form))
        spans.sort()
        given_to = {start for start, end, form in spans if form.target == _OTHER_ID and _is_given_to(folded, start, end)}
        weak = list(dict.fromkeys(form.target for *_, form in spans if form.weak))
        bare, rest, last = [], [], 0
        for start, end, form in spans:
            bare.append(text[last:start])
            rest.append(folded[last:start])
            if start in given_to:
                bare.append(_ANOTHER[language])
            else:
                bare.append(text[start:end] if form.target in (_NEUTRAL_ID, _OTHER_ID) else _STAND_IN[language])
            last = end
        bare.append(text[last:])
        rest.append(folded[last:])
        spans = _not_negated(spans, folded)
        strong = list(dict.fromkeys(form.target for *_, form in spans if form.target not in (_NEUTRAL_ID, _OTHER_ID) and not form.weak))
        ours = [form for *_, form in spans if form.target not in (_NEUTRAL_ID, _OTHER_ID)]
        return Naming(
            companies=tuple(self._of_one_owner(strong, text)),
            weak=tuple(weak) if not strong else (),
            other=any(form.target == _OTHER_ID and start not in given_to for start, _, form in spans),
            bare=_SEVERAL.sub(_STAND_IN[language], "".join(bare)),
            alone=bool(ours) and not _SMALL.sub("", "".join(rest)),
        )

    def _lookup(self, found: str) -> _Form:
        for candidate in (found, found.replace("-", " "), found.replace(" ", "-"), found.replace("-", "").replace(" ", "")):
            if candidate in self._forms:
                return self._forms[candidate]
        spaceless = found.replace("-", "").replace(" ", "")
        return next(form for text, form in self._forms.items() if text.replace("-", "").replace(" ", "") == spaceless)

    @staticmethod
    def _of_one_owner(companies: list[str], text: str) -> list[str]:
        """G-Link alone for “LEXUS's G-Link”: LEXUS beside it counts only where the two are set side by side."""
        if set(companies) == {"lexus", "g-link"} and re.search(r"(?i)レクサスの?\s?g-?\s?(?:link|リンク)|lexus(?:'s|’s)? g-?\s?link", text):
            return ["g-link"]
        return companies
