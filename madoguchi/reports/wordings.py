"""Whether a wording may become a phrasing of the corpus: nothing personal, and not what stands there already."""

from __future__ import annotations

import re
from collections.abc import Iterable

from madoguchi import Language
from madoguchi.corpus import Corpus
from madoguchi.corpus.check import near_duplicates
from madoguchi.text import TextTooLongError, clean, fold, mask

from .errors import ReviewError

LONGEST = 300
"""Characters of a phrasing; the longest of the corpus are about as long."""

KINDS = ("e-mail", "licence", "card", "my number", "phone", "postal code", "address", "plate", "number")
"""Of data that `madoguchi.text.mask` takes out."""

_MASK = re.compile(rf"\[({'|'.join(KINDS)})\]")
_BRACKETS = frozenset("[]{}")


def vetted(text: str) -> str:
    """A wording, cleaned.

    Raises:
        ReviewError: `empty`, `too_long`, `personal` (it holds what looks like personal data, or a mask in its place), `brackets`.
    """
    try:
        cleaned = clean(text)
    except TextTooLongError as error:
        raise ReviewError("too_long") from error
    if not re.search(r"\w", cleaned):
        raise ReviewError("empty")
    if len(cleaned) > LONGEST:
        raise ReviewError("too_long")
    kinds = mask(cleaned).kinds or tuple(_MASK.findall(cleaned))
    if kinds:
        raise ReviewError("personal", ", ".join(dict.fromkeys(kinds)))
    if _BRACKETS & set(cleaned):
        # The files that Rasa learns from would read them as markup.
        raise ReviewError("brackets")
    return cleaned


def learned(corpus: Corpus, company: str | None, entry: str | None, lang: Language) -> list[tuple[str, str]]:
    """What a new phrasing must not repeat, as (owner, text).

    Args:
        company, entry: for which it is meant; both None where it is out of scope, which no phrasing of any company is.
    """
    companies = corpus.companies if company is None else (company,)
    own = [(each.id, text) for name in companies for each in corpus.entries_of(name) for text in each.asked_as[lang]]
    facets = [
        (facet.id, text)
        for facet in corpus.facets.values()
        # Of another entry, a company's own phrasing may set apart what the question means there.
        if company is None or corpus.answering(company, facet.id)[0].id == entry
        for text in facet.asked_as[lang]
    ]
    return own + facets


def repeated(text: str, known: Iterable[tuple[str, str]]) -> str | None:
    """The owner of a known text that a wording is nearly the same as; None where it is new."""
    length = len(fold(text))
    # Texts of very different lengths share too little; most are told apart by that.
    near = ((owner, other) for owner, other in known if 0.6 * length <= len(other) <= 2.5 * length + 4)
    return next((owner for owner, other in near if any(near_duplicates(((owner, other), ("", text))))), None)
