"""The text of an answer from the statements of a clause or gap."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from madoguchi import JAPAN, Language
from madoguchi.corpus import Clause, Corpus, Entry, Gap, Point
from madoguchi.text import fold

from .phrases import phrase

LIMIT = 400
"""Characters of an answer before the reader asks for more; one statement may exceed it, a second is then not added."""

MAX_MATCHED = 4
WHOLE_WORD_UNDER = 5
_COVERED = 0.6
_SENTENCE = re.compile(r"[^。]*。|[^。]+$|")
_ENGLISH_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z“\"])")

DESK_CLAUSE = "lexus/contact"
DESK_OPENS, DESK_CLOSES = time(9), time(18)
"""`lexus/contact`: 9am until 6pm, 365 days a year. That this is Japan's time, and that it is closed at 18:00, is our reading."""


@dataclass(frozen=True)
class Part:
    """What one question to one company leads to."""

    entry: Entry
    body: str
    citations: tuple[str, ...]
    rest: tuple[str, ...]

    @property
    def kind(self) -> str:
        """`answer`, or `not_stated` for a gap of which no part is stated."""
        return "not_stated" if isinstance(self.entry, Gap) and not self.entry.stated else "answer"


def sentences(text: str, language: Language) -> list[str]:
    """The sentences of a statement."""
    if language == "ja":
        return [match.group() for match in _SENTENCE.finditer(text) if match.group()]
    return _ENGLISH_SENTENCE.split(text)


def _grams(text: str) -> set[str]:
    folded = fold(text)
    return {folded[i : i + 3] for i in range(max(1, len(folded) - 2))}


def covered(sentence: str, said: str) -> bool:
    """Whether a sentence repeats what has been said."""
    grams = _grams(sentence)
    return len(grams & _grams(said)) >= _COVERED * len(grams)


def matching_points(clause: Clause, question: str, language: Language) -> list[Point]:
    """The points of a clause that a question singles out, those with the most words of the question first."""
    lowered = question.casefold()
    hits = []
    for order, point in enumerate(clause.points):
        found = sum(_mentions(lowered, word.casefold()) for of_language in point.words.values() for word in of_language)
        if found:
            hits.append((-found, order, point))
    chosen = [point for _, _, point in sorted(hits, key=lambda hit: hit[:2])]
    return chosen[:MAX_MATCHED] if len(chosen) < len(clause.points) or len(chosen) == 1 else []


def _mentions(question: str, word: str) -> bool:
    """Whether a question has a word: Japanese anywhere, Latin at the start of a word, short Latin words as a whole word."""
    if not word.isascii() or word not in question:
        return word in question
    end = "" if len(word) >= WHOLE_WORD_UNDER else r"(?:s|'s)?(?![a-z0-9])"
    return re.search(rf"(?<![a-z0-9]){re.escape(word)}{end}", question) is not None


def _joined(lead: str, more: Iterable[str], language: Language) -> str:
    return ("" if language == "ja" else " ").join([lead, *more])


def part(corpus: Corpus, entry: Entry, question: str, language: Language, now: datetime) -> Part:
    """Compose what an entry has to say to a question: the sentence that answers first, then the rest of the clause."""
    if entry.id == DESK_CLAUSE:
        return Part(entry, desk_text(now, language), corpus.cited(entry), ())
    if isinstance(entry, Gap):
        return Part(entry, entry.says[language], corpus.cited(entry), ())
    matched = matching_points(entry, question, language)
    statement = sentences(entry.says[language], language)
    if matched:
        lead = _joined(matched[0].says[language], (p.says[language] for p in matched[1:]), language)
        if not all(p.says[language].rstrip().endswith(("。", ".")) for p in matched):
            lead = phrase("items", language) + "".join(f"\n・{p.says[language]}" for p in matched) + "\n"
        added = [s for s in statement if not covered(s, lead)]
    else:
        lead, added = entry.says[language], []
    body = lead
    for sentence in added:
        if len(body) + len(sentence) > LIMIT:
            break
        body = body + sentence if body.endswith("\n") else _joined(body, [sentence], language)
    body = body.rstrip("\n")
    rest = [p.says[language] for p in entry.points if p not in matched and not covered(p.says[language], body)]
    shown: list[str] = []
    if not matched:
        while rest and len(body) + sum(map(len, shown)) + len(rest[0]) <= LIMIT:
            shown.append(rest.pop(0))
    body += "".join(f"\n・{item}" for item in shown)
    return Part(entry, body, corpus.cited(entry), tuple(rest))


def has_contact(corpus: Corpus, company: str) -> bool:
    """Whether a policy gives a telephone number or mail address; a heading "Contact Office" with nothing under it is none."""
    return any(isinstance(corpus.answering(company, facet)[0], Clause) for facet in ("phone", "email"))


def contact_text(corpus: Corpus, company: str, language: Language, now: datetime) -> str | None:
    """The contact that a company's policy gives, introduced; None where it gives none."""
    if not has_contact(corpus, company):
        return None
    lead = phrase("human_contact", language, company=corpus.companies[company].full[language])
    return _joined(lead, [part(corpus, corpus.answering(company, "contact")[0], "", language, now).body], language)


def desk_text(now: datetime, language: Language) -> str:
    """The LEXUS Information Desk's number and hours, its state at a time, and that calls are recorded.

    Source: `lexus/contact`, `lexus/call-recording`, `lexus/number-display`.
    """
    local = now.astimezone(JAPAN)
    if local.time() < DESK_OPENS:
        name = "desk_closed_until_today"
    elif local.time() >= DESK_CLOSES:
        name = "desk_closed_until_tomorrow"
    else:
        name = "desk_open"
    state = phrase(name, language, now=f"{local.hour}:{local.minute:02d}")
    return _joined(phrase("desk", language), [state, phrase("desk_notice", language)], language)


def cited_clauses(corpus: Corpus, citations: Sequence[str]) -> list[Clause]:
    """The clauses of a list of citations."""
    return [corpus.clause(citation) for citation in citations]


def source_lines(corpus: Corpus, citations: Sequence[str], language: Language) -> str:
    """One line that names company, document and clause for what is cited first, and says whose wording prevails."""
    clauses = cited_clauses(corpus, citations[:1])
    if not clauses:
        return ""
    document = corpus.documents[clauses[0].document]
    named = phrase(
        "source",
        language,
        company=corpus.companies[document.company].full[language],
        document=document.title[language],
        title=clauses[0].title[language],
    )
    if document.language == language:
        return named
    return _joined(named, [phrase("our_translation", language)], language)


def original_text(corpus: Corpus, clauses: Sequence[Clause], language: Language) -> str:
    """The published lines of clauses, introduced in the reader's language."""
    quoted = []
    for clause in clauses:
        document = corpus.documents[clause.document]
        first, last = clause.lines
        intro = phrase(
            "original",
            language,
            title=clause.title[language],
            document=document.title[language],
            lines=str(first) if first == last else f"{first}–{last}",
        )
        body = "\n".join(line for line in document.original(clause).split("\n") if line.strip())
        quoted.append(f"{intro}\n{body}")
    return "\n".join(quoted)


def view_of(corpus: Corpus, entry: Entry, citations: Sequence[str], language: Language) -> dict[str, Any]:
    """The parts of an answer for a page: points, source, translation mark and original wording."""
    clauses = cited_clauses(corpus, citations)
    view: dict[str, Any] = {
        "points": [{"id": p.id, "text": p.says[language]} for p in entry.points] if isinstance(entry, Clause) else [],
        "translation": False,
        "original": [
            {
                "clause": clause.id,
                "lines": list(clause.lines),
                "language": corpus.documents[clause.document].language,
                "text": corpus.documents[clause.document].original(clause),
            }
            for clause in clauses
        ],
    }
    if clauses:
        document = corpus.documents[clauses[0].document]
        view["source"] = {
            "company": corpus.companies[document.company].full[language],
            "document": document.title[language],
            "title": clauses[0].title[language],
        }
        view["translation"] = document.language != language
    return view
