"""Masking of what looks like personal data, before anything stores, logs or interprets a message."""

import re
from collections.abc import Iterable
from typing import NamedTuple

PUBLISHED_CONTACTS = frozenset({"08005005577", "0359450121", "privacy_policy@mail.nissan.co.jp"})
"""The contacts that the policies publish (`lexus/contact`, `jamil/contact`, `infiniti/contact`): they may be spoken of."""

TICKET_NUMBER = re.compile(r"(?<![0-9A-Za-z])D(?:-[0-9A-Za-z]{4}){3}-[0-9A-Za-z](?![0-9A-Za-z])", re.IGNORECASE)
"""A ticket's number, as in D-7K3M-92QX-4T6B-W; random, so it tells nothing about a person."""

_DASHES = "-‐‑‒–—―−ー"
_GAP = rf"[{_DASHES}() .・]{{0,2}}"
_PART = rf"[{_DASHES} ]?"
_PREFECTURE = r"(?:北海道|東京都|(?:京都|大阪)府|(?:神奈川|和歌山|鹿児島|[一-龥]{2})県)"
_BANCHI = r"[0-9〇一二三四五六七八九十]+(?:(?:丁目|番地?|号室?|階|[-‐–−ーの])\s?[0-9〇一二三四五六七八九十]*)+"


class _Rule(NamedTuple):
    kind: str
    pattern: re.Pattern[str]


_RULES = (
    _Rule("e-mail", re.compile(r"[A-Za-z0-9._%+'-]+\s?@\s?[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")),
    _Rule("licence", re.compile(r"(?<=免許)(?:証)?(?:の)?(?:番号)?[^0-9]{0,6}[0-9]{12}(?![0-9])")),
    _Rule("licence", re.compile(r"(?i)\blicen[cs]e(?: no\.?| number)?[^0-9]{0,6}[0-9]{12}(?![0-9])")),
    _Rule("card", re.compile(rf"(?<![0-9])[0-9]{{4}}({_PART})[0-9]{{4}}\1[0-9]{{4}}\1[0-9]{{2,4}}(?![0-9])")),
    _Rule("card", re.compile(rf"(?<![0-9])3[47][0-9]{{2}}{_PART}[0-9]{{6}}{_PART}[0-9]{{5}}(?![0-9])")),
    _Rule("my number", re.compile(rf"(?<![0-9])[0-9]{{4}}{_PART}[0-9]{{4}}{_PART}[0-9]{{4}}(?![0-9])")),
    _Rule("phone", re.compile(rf"(?<![0-9])\+[0-9]{{1,3}}{_GAP}(?:\(0\))?(?:[0-9]{{1,4}}{_GAP}){{2,4}}[0-9]{{2,4}}(?![0-9])")),
    _Rule("phone", re.compile(rf"(?<![0-9])\(?0[0-9]{{1,4}}{_GAP}[0-9]{{1,4}}{_GAP}[0-9]{{3,4}}(?![0-9])")),
    _Rule("postal code", re.compile(r"(?:〒\s?[0-9]{3}[-‐–−ー ]?[0-9]{4}|(?<![0-9-])[0-9]{3}[-‐–−ー][0-9]{4}(?![0-9-]))")),
    _Rule("address", re.compile(rf"{_PREFECTURE}[^\s。、!?,]{{1,30}}?{_BANCHI}(?:\s?[^\s。、!?,はがをにで]{{2,20}}[0-9]+号?室?)?")),
    _Rule("address", re.compile(rf"[一-龥ヶケぁ-んァ-ヴー]{{1,8}}[市区町村][^\s。、!?,]{{1,20}}?{_BANCHI}")),
    _Rule(
        "address",
        re.compile(
            r"\b[0-9]+[A-Za-z]?(?:-[0-9]+){0,3},?\s+(?:[A-Z][\w'-]+,?\s+){1,4}(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Way|Court|Ct"
            r"|[A-Z][a-z]+-(?:ku|shi|cho|machi|ken|fu|to))\b\.?"
        ),
    ),
    _Rule("address", re.compile(r"\b[0-9]+(?:-[0-9]+){1,3},?\s+[A-Z][a-z]+(?:-[a-z]+)?,\s*[A-Z][a-z]+(?:-(?:ku|shi|cho|machi))?")),
    _Rule("plate", re.compile(r"[一-龥ぁ-ん]{1,4}\s?[0-9]{2}[0-9A-Z]\s?[ぁ-ん]\s?[0-9・.]{1,2}[-‐–−ー]?[0-9・.]{2}")),
    _Rule("plate", re.compile(r"\b[A-Z][a-z]+,? [0-9]{2,3} ?[A-Za-z]{1,3} ?[0-9]{1,2}-?[0-9]{2}\b")),
    _Rule("number", re.compile(r"(?<![0-9])[0-9]{8,}(?![0-9])")),
)


class Masked(NamedTuple):
    """A text without what looks like personal data, and the kinds of data that were taken out, in order of rule."""

    text: str
    kinds: tuple[str, ...]


def _published(found: str) -> bool:
    if "@" in found:
        return found.replace(" ", "").lower() in PUBLISHED_CONTACTS
    digits = re.sub(r"\D", "", found)
    return digits in PUBLISHED_CONTACTS or "0" + digits.removeprefix("81") in PUBLISHED_CONTACTS


def _spans(text: str, pattern: re.Pattern[str]) -> Iterable[tuple[int, int]]:
    return [match.span() for match in pattern.finditer(text)]


def mask(text: str) -> Masked:
    """Replace what looks like personal data in a cleaned (NFKC) text by its kind in brackets, such as `[phone]`.

    Mail addresses, telephone numbers, postal codes and addresses, card numbers, My Number, licence numbers, plates and
    other runs of eight digits or more are taken; published contacts and ticket numbers pass. A mask too many does less
    harm than one too few, so invalid numbers are masked as well.
    """
    kinds: list[str] = []
    kept = _spans(text, TICKET_NUMBER)
    for kind, pattern in _RULES:
        pieces, last = [], 0
        for start, end in _spans(text, pattern):
            within_kept = any(start < stop and begin < end for begin, stop in kept)
            if within_kept or _published(text[start:end]):
                continue
            pieces += [text[last:start], f"[{kind}]"]
            last = end
            kinds.append(kind)
        if pieces:
            text = "".join([*pieces, text[last:]])
            kept = _spans(text, TICKET_NUMBER)
    return Masked(text, tuple(dict.fromkeys(kinds)))
