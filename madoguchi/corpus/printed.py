"""The corpus printed for people at a terminal."""

from __future__ import annotations

import unicodedata

from madoguchi import LANGUAGES

from .model import Clause, Corpus, Gap
from .reading import CorpusError


def entry(corpus: Corpus, name: str) -> str:
    """A clause or gap: titles, statements, points, and the original lines with their numbers.

    Raises:
        CorpusError: there is no such clause or gap.
    """
    if name not in corpus.entries:
        raise CorpusError(f"no clause or gap {name!r}; `madoguchi corpus table` shows what there is")
    found = corpus.entries[name]
    out = [f"{found.id}   {found.title['ja']} / {found.title['en']}"]
    for language in LANGUAGES:
        out += ["", f"[{language}] {found.says[language]}"]
        if isinstance(found, Clause):
            out += [f"  - {point.says[language]}" for point in found.points]
    clauses = [found] if isinstance(found, Clause) else [corpus.clause(cited) for cited in (*found.stated, *found.near)]
    if isinstance(found, Gap):
        out += ["", f"partly stated in: {', '.join(found.stated) or 'nothing'}; near: {', '.join(found.near) or 'nothing'}"]
    for clause in clauses:
        first, last = clause.lines
        out += ["", f"{clause.id}, {clause.document}/source.txt"]
        out += [f"{number:5}  {corpus.documents[clause.document].source[number - 1]}" for number in range(first, last + 1)]
    return "\n".join(out) + "\n"


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _cell(corpus: Corpus, company: str, topic: str) -> str:
    entries = corpus.entries_of(company)
    stated = sum(isinstance(e, Clause) and topic in e.topics for e in entries)
    partly = sum(isinstance(e, Gap) and e.topic == topic and bool(e.stated) for e in entries)
    missing = sum(isinstance(e, Gap) and e.topic == topic and not e.stated for e in entries)
    return f"{'S' if stated else '.'}{'p' if partly else '.'}{'-' if missing else '.'} {stated}/{partly}/{missing}"


def table(corpus: Corpus) -> str:
    """Companies x topics: S where clauses state it, p where a part is stated, - where something is not, and how many of each."""
    names = list(corpus.companies)
    rows = ["S clauses state it, p partly stated, - something not stated; counts of each"]
    label = max(_width(f"{t.id} {t.name['ja']}") for t in corpus.topics.values()) + 2
    rows.append(" " * label + "".join(name.ljust(14) for name in names))
    for topic in corpus.topics.values():
        head = f"{topic.id} {topic.name['ja']}"
        rows.append(head + " " * (label - _width(head)) + "".join(_cell(corpus, name, topic.id).ljust(14) for name in names))
    return "\n".join(rows) + "\n"
