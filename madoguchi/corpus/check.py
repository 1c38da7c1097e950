"""The proof that the corpus says nothing which the policies do not say, and leaves no question without an answer."""

from __future__ import annotations

import csv
import importlib.util
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

from madoguchi import LANGUAGES, Language
from madoguchi.text import fold

from .model import Clause, Corpus, Document, Entry, Gap
from .reading import POLICIES

MIN_PHRASINGS = 12
"""Phrasings of each clause in each language, and of each gap together with those of its facets."""

NEAR_DUPLICATE = 0.8
"""Jaccard similarity of character 4-grams from which two phrasings of one company count as one."""

_NUMBER = re.compile(r"[0-9][0-9,.:]*[0-9]|[0-9]")
_ADDRESS = re.compile(r"https?://[^\s>)」』]+|[\w.+-]+@[\w.-]+\.\w+")
_CAPITALISED = re.compile(r"\b[A-Z][\w&-]*(?: (?:& |of (?:the )?|on the )?[A-Z][\w&-]*)*")
_OPENING = re.compile(r"(^|[.!?:] |[“\"(]|\) ?|[①-⑳] ?)$")
_KATAKANA = re.compile(r"[ァ-ヴー]{3,}")
_LATIN = re.compile(r"[A-Za-z][A-Za-z0-9&/.'-]*(?: [A-Za-z0-9&][A-Za-z0-9&/.'-]*)*")
_SAYS_SO: dict[Language, re.Pattern[str]] = {
    "ja": re.compile(r"(記載|明記|示さ|含まれ|書かれ|触れ|述べ|載って)[^。]{0,14}(ません|ない|なし)"),
    "en": re.compile(
        r"\bnot (stated?|say|mention(ed)?|named?|list(ed)?|specify|include|contain|set out|describe|given)\b",
        re.I,
    ),
}


def problems(corpus: Corpus, policies: Path = POLICIES) -> Iterator[str]:
    """Everything wrong with a corpus, a sentence each; nothing where it is sound."""
    yield from _ids(corpus, policies)
    yield from _references(corpus)
    yield from _coverage(corpus)
    yield from _statements(corpus, policies)
    yield from _gap_sentences(corpus)
    yield from _titles(corpus)
    yield from _phrasings(corpus)
    yield from _near_duplicates(corpus)


def _ids(corpus: Corpus, policies: Path) -> Iterator[str]:
    with (policies / "clauses.tsv").open(encoding="utf-8", newline="") as file:
        fixed = {row["clause"]: (row["lines"], row["topics"].split()) for row in csv.DictReader(file, delimiter="\t")}
    ours = {entry.id: entry for entry in corpus.entries.values() if isinstance(entry, Clause)}
    for name in fixed.keys() ^ ours.keys():
        yield f"{name}: stands in only one of clauses.tsv and the corpus"
    for name in fixed.keys() & ours.keys():
        first, last = ours[name].lines
        lines = str(first) if first == last else f"{first}-{last}"
        if (lines, list(ours[name].topics)) != fixed[name]:
            yield f"{name}: lines {lines} and topics {ours[name].topics} are not those of clauses.tsv"
        if last > len(corpus.documents[ours[name].document].source):
            yield f"{name}: the source has no line {last}"


def _references(corpus: Corpus) -> Iterator[str]:
    for entry in corpus.entries.values():
        named = [*entry.facets, *entry.also] if isinstance(entry, Clause) else list(entry.facets)
        named += [facet for point in entry.points for facet in point.facets] if isinstance(entry, Clause) else []
        yield from (f"{entry.id}: no facet {facet!r}" for facet in named if facet not in corpus.facets)
        topics = entry.topics if isinstance(entry, Clause) else (entry.topic,)
        yield from (f"{entry.id}: no topic {topic!r}" for topic in topics if topic not in corpus.topics)
        if isinstance(entry, Gap):
            own = corpus.company_of(entry).documents
            for clause in (*entry.stated, *entry.near):
                if not isinstance(corpus.entries.get(clause), Clause):
                    yield f"{entry.id}: no clause {clause!r}"
                elif clause.split("/")[0] not in own:
                    yield f"{entry.id}: {clause} is another company's"
    yield from (f"{facet.id}: no topic {facet.topic!r}" for facet in corpus.facets.values() if facet.topic not in corpus.topics)


def _coverage(corpus: Corpus) -> Iterator[str]:
    for company in corpus.companies:
        answers = Counter(
            facet
            for entry in corpus.entries_of(company)
            for facet in (*entry.facets, *(f for p in (entry.points if isinstance(entry, Clause) else ()) for f in p.facets))
        )
        for facet in corpus.facets:
            if answers[facet] != 1:
                yield f"{company}: facet {facet} has {answers[facet]} answers, not one"
        covered = {
            topic for entry in corpus.entries_of(company) for topic in (entry.topics if isinstance(entry, Clause) else (entry.topic,))
        }
        yield from (f"{company}: nothing covers topic {topic}" for topic in corpus.topics if topic not in covered)


def _plain(text: str) -> str:
    dashes = re.sub(r"[\u2010-\u2015\u2212]", "-", unicodedata.normalize("NFKC", text))
    return re.sub(r"\s+", " ", dashes.replace("’", "'").replace("“", '"').replace("”", '"')).casefold()


class _Glossary:
    """Names, units and times in both scripts, and words that are no names although they look like one."""

    def __init__(self, corpus: Corpus, policies: Path) -> None:
        import yaml

        raw = yaml.safe_load((policies / "glossary.yml").read_text(encoding="utf-8"))
        self.same = [[_plain(form) for form in forms] for forms in raw["same"]]
        self.common = {_plain(word) for words in raw["common"] for word in words}
        self.controllers = {
            c.id: [_plain(n) for lang in LANGUAGES for n in (*c.names[lang], *c.weak_names[lang], c.full[lang])]
            for c in corpus.companies.values()
        }

    def supported(self, found: str, lines: str, document: Document) -> bool:
        """Whether a number, name or address of a statement stands in its lines, in whatever script."""
        plain = _plain(found)
        if plain in lines or plain in self.common or plain.rstrip("s") in self.common:
            return True
        controller = self.controllers[document.company]
        if any(plain == name or plain in name.split() for name in controller):
            return True
        listed = [[_plain(form) for lang in LANGUAGES for form in item[lang]] for item in document.names]
        return any(plain in forms and any(form in lines for form in forms) for forms in (*self.same, *listed))


def _lines_of(corpus: Corpus, entry: Entry) -> str:
    clauses = [entry.id, *entry.with_] if isinstance(entry, Clause) else [*entry.stated, *entry.near]
    return _plain(" ".join(corpus.documents[corpus.clause(name).document].original(corpus.clause(name)) for name in clauses))


def _claims(text: str, language: Language, of_gap: bool) -> Iterator[str]:
    """The numbers, addresses and names of a statement; of a gap's, no names where it says what is not stated."""
    rest = text
    for pattern in (_ADDRESS, _NUMBER):
        for match in pattern.finditer(rest):
            yield match.group().rstrip(".,")
        rest = pattern.sub(" ", rest)
    if of_gap:
        rest = " ".join(s for s in re.split(r"(?<=。)|(?<=\.) ", rest) if not _SAYS_SO[language].search(s))
    for pattern in (_CAPITALISED,) if language == "en" else (_KATAKANA, _LATIN):
        for match in pattern.finditer(rest):
            if language == "ja" or " " in match.group() or not _OPENING.search(rest[: match.start()]):
                yield match.group().strip(" .'-").removesuffix("'s")


def _statements(corpus: Corpus, policies: Path) -> Iterator[str]:
    glossary = _Glossary(corpus, policies)
    for entry in corpus.entries.values():
        lines, document = _lines_of(corpus, entry), corpus.documents[entry.document]
        texts = [entry.says, *(point.says for point in entry.points)] if isinstance(entry, Clause) else [entry.says]
        for says in texts:
            for language in LANGUAGES:
                for claim in _claims(says[language], language, isinstance(entry, Gap)):
                    rest = claim.split(" ", 1)[1:]  # the first word may be one that opens a sentence
                    if not any(glossary.supported(form, lines, document) for form in (claim, *rest)):
                        yield f"{entry.id} ({language}): {claim!r} does not stand in its lines: {says[language][:60]}…"


def _gap_sentences(corpus: Corpus) -> Iterator[str]:
    for entry in corpus.entries.values():
        for language in LANGUAGES:
            if isinstance(entry, Gap) and not _SAYS_SO[language].search(entry.says[language]):
                yield f"{entry.id} ({language}): does not say that something is not stated"


def _titles(corpus: Corpus) -> Iterator[str]:
    for company in corpus.companies:
        for language in LANGUAGES:
            counted = Counter(fold(entry.title[language]) for entry in corpus.entries_of(company))
            yield from (f"{company} ({language}): {n} entries have the title {title!r}" for title, n in counted.items() if n > 1)


def _phrasings(corpus: Corpus) -> Iterator[str]:
    for entry in corpus.entries.values():
        for language in LANGUAGES:
            count = len(entry.asked_as[language])
            if isinstance(entry, Gap):
                count += sum(len(corpus.facets[facet].asked_as[language]) for facet in entry.facets)
            if count < MIN_PHRASINGS:
                yield f"{entry.id} ({language}): {count} phrasings are too few"


def _grams(text: str) -> frozenset[str]:
    folded = fold(text)
    return frozenset(folded[i : i + 4] for i in range(max(1, len(folded) - 3)))


def near_duplicates(texts: Iterable[tuple[str, str]], limit: float = NEAR_DUPLICATE) -> Iterator[tuple[str, str, str, str]]:
    """Pairs of texts that share most of their character 4-grams.

    Args:
        texts: (owner, text).

    Yields:
        owner and text of the one, owner and text of the other.
    """
    holding: dict[str, list[int]] = defaultdict(list)
    known: list[tuple[str, str, frozenset[str]]] = []
    for owner, text in texts:
        grams = _grams(text)
        shared: Counter[int] = Counter(index for gram in grams for index in holding[gram])
        for index, common in shared.items():
            other_owner, other, other_grams = known[index]
            if common >= limit * (len(grams) + len(other_grams) - common):
                yield other_owner, other, owner, text
        for gram in grams:
            holding[gram].append(len(known))
        known.append((owner, text, grams))


def _near_duplicates(corpus: Corpus) -> Iterator[str]:
    for company in corpus.companies:
        for language in LANGUAGES:
            texts = [(e.id, t) for e in corpus.entries_of(company) for t in e.asked_as[language]]
            for one, text, other, again in near_duplicates(texts):
                yield f"{one} and {other} ({language}): {text!r} and {again!r} are nearly the same"
    for language in LANGUAGES:
        texts = [(f.id, t) for f in corpus.facets.values() for t in f.asked_as[language]]
        for one, text, other, again in near_duplicates(texts):
            yield f"questions {one} and {other} ({language}): {text!r} and {again!r} are nearly the same"


def leaks(questions: Path, learned: Iterable[Path]) -> Iterator[str]:
    """Development questions that stand in what the assistant learns from, by the checker that lies beside them.

    Args:
        questions: a file of labelled questions with `leak.py` in the same folder.
        learned: files or folders.
    """
    import contextlib
    import io

    checker = _module(questions.with_name("leak.py"))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        status = checker.main(["leak.py", str(questions), *map(str, learned)])
    if status:
        yield from printed.getvalue().splitlines()


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
