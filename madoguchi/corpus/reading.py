"""Reading of the corpus from `policies/`."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from madoguchi import LANGUAGES, Language, MadoguchiError

from .model import Clause, Company, Corpus, Document, Facet, Gap, Names, Phrasings, Point, Text, Topic

POLICIES = Path(__file__).resolve().parents[2] / "policies"
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class CorpusError(MadoguchiError):
    """A file of the corpus cannot be used; the message names the file and what is wrong with it."""


def _yaml(path: Path) -> Any:
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a safe loader, in C where there is one
    except (OSError, yaml.YAMLError) as error:
        raise CorpusError(f"{path}: cannot be read: {error}") from error


def _text(raw: Any, where: str) -> Text:
    if not isinstance(raw, Mapping) or any(not isinstance(raw.get(lang), str) or not raw[lang].strip() for lang in LANGUAGES):
        raise CorpusError(f"{where}: needs a text in each of {', '.join(LANGUAGES)}")
    if None in raw.values():
        raise CorpusError(f"{where}: {[key for key, value in raw.items() if value is None]} has no text; quote a text that holds a comma")
    return {lang: raw[lang].strip() for lang in LANGUAGES}


def _phrasings(raw: Any) -> Phrasings:
    raw = raw or {}
    return {lang: tuple(str(text).strip() for text in raw.get(lang) or ()) for lang in LANGUAGES}


def _strings(raw: Iterable[Any] | None) -> tuple[str, ...]:
    return tuple(str(item) for item in raw or ())


def _lines(raw: Any, where: str) -> tuple[int, int]:
    first, _, last = str(raw).partition("-")
    try:
        return int(first), int(last or first)
    except ValueError as error:
        raise CorpusError(f"{where}: lines must be like 12 or 12-15, not {raw!r}") from error


def _point(raw: Mapping[str, Any], where: str) -> Point:
    return Point(str(raw["id"]), _text(raw, where), _phrasings(raw.get("words")), _strings(raw.get("facets")))


def _clause(raw: Mapping[str, Any], document: str) -> Clause:
    name = str(raw["id"])
    return Clause(
        id=name,
        document=document,
        lines=_lines(raw["lines"], name),
        topics=_strings(raw["topics"]),
        title=_text(raw["title"], f"{name} title"),
        says=_text(raw["says"], f"{name} says"),
        points=tuple(_point(point, f"{name} {point['id']}") for point in raw.get("points") or ()),
        facets=_strings(raw.get("facets")),
        also=_strings(raw.get("also")),
        with_=_strings(raw.get("with")),
        asked_as=_phrasings(raw.get("asked_as")),
    )


def _gap(raw: Mapping[str, Any], document: str) -> Gap:
    name = str(raw["id"])
    return Gap(
        id=name,
        document=document,
        topic=str(raw["topic"]),
        title=_text(raw["title"], f"{name} title"),
        says=_text(raw["says"], f"{name} says"),
        facets=_strings(raw.get("facets")),
        stated=_strings(raw.get("stated")),
        near=_strings(raw.get("near")),
        asked_as=_phrasings(raw.get("asked_as")),
    )


def _document(folder: Path) -> Document:
    path = folder / "clauses.yml"
    raw = _yaml(path)
    try:
        name = str(raw["document"])
        language: Language = "ja" if raw["language"] == "ja" else "en"
        return Document(
            id=name,
            company=str(raw["company"]),
            language=language,
            title=_text(raw["title"], f"{path} title"),
            names=tuple({lang: _strings(item.get(lang)) for lang in LANGUAGES} for item in raw.get("names") or ()),
            source=tuple((folder / "source.txt").read_text(encoding="utf-8").split("\n")),
            clauses=tuple(_clause(clause, name) for clause in raw["clauses"]),
            gaps=tuple(_gap(gap, name) for gap in raw.get("gaps") or ()),
        )
    except (KeyError, TypeError) as error:
        raise CorpusError(f"{path}: {type(error).__name__} at {error}; see README.md, 'Change an answer'") from error


def _company(raw: Mapping[str, Any]) -> Company:
    name = str(raw["id"])
    return Company(
        id=name,
        full=_text(raw["full"], name),
        button=_text(raw["button"], name),
        names=_phrasings(raw["names"]),
        weak_names=_phrasings(raw.get("weak")),
        yields_to=_strings(raw.get("weak", {}).get("yields_to")),
        documents=_strings(raw["documents"]),
    )


def _topics(path: Path) -> dict[str, Topic]:
    with path.open(encoding="utf-8", newline="") as lines:
        return {
            row["topic"]: Topic(row["topic"], {"ja": row["japanese"], "en": row["english"]})
            for row in csv.DictReader(lines, delimiter="\t")
        }


def load(policies: Path = POLICIES) -> Corpus:
    """Read the corpus.

    Raises:
        CorpusError: a file is missing or has the wrong shape. What the texts say is the business of `corpus.check`.
    """
    listed = _yaml(policies / "companies.yml")
    companies = [_company(raw) for raw in listed["companies"]]
    asked = {lang: _yaml(policies / "questions" / f"{lang}.yml") for lang in LANGUAGES}
    facets = {}
    for raw in _yaml(policies / "facets.yml"):
        phrasings = _phrasings({lang: asked[lang].get(raw["id"]) for lang in LANGUAGES})
        facets[raw["id"]] = Facet(raw["id"], raw["topic"], _text(raw, raw["id"]), phrasings)
    return Corpus(
        companies={company.id: company for company in companies},
        documents={name: _document(policies / name) for company in companies for name in company.documents},
        facets=facets,
        topics=_topics(policies / "topics.tsv"),
        names=Names(
            neutral=tuple(str(name) for lang in LANGUAGES for name in listed["neutral"][lang]),
            unlike=frozenset(listed["unlike"]),
            others=tuple(str(name) for lang in LANGUAGES for name in listed["others"][lang]),
        ),
    )


@lru_cache(maxsize=1)
def shared_corpus() -> Corpus:
    """The repository's corpus, read once a process."""
    return load()


def corpus_hash(policies: Path = POLICIES) -> str:
    """A hash over the content of every file of the corpus: it changes when a statement or a phrasing does."""
    return folder_hash(policies)


def folder_hash(*folders: Path) -> str:
    """A hash over names and content of every file in folders, whatever their dates; compiled files left out."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix != ".pyc"):
            digest.update(f"{path.relative_to(folder).as_posix()}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
