"""The sentences of the understanding comparison: the product's own folds, and the development questions where they are present."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from madoguchi.corpus import Clause, Corpus, load
from madoguchi.settings import ROOT
from madoguchi.text import clean, language_of
from madoguchi.understanding.folds import _grouped, dialogue_examples, is_right
from madoguchi.understanding.inquiry import OUT_OF_SCOPE, POLICY_QUESTION
from madoguchi.understanding.knowledge import ENTRY, entry_column, intents, phrasings
from madoguchi.understanding.learned import Example
from madoguchi.understanding.naming import Namer
from madoguchi.understanding.words import words_of

DEVELOPMENT_SET = ROOT.parent / "shared" / "eval" / "dev.jsonl"
_SMALLTALK = frozenset({"greet", "thank", "goodbye", "ask_bot", "affirm", "deny"})
_WANTS = {"desk": "ask_desk", "human": "ask_person", "ticket_status": "ticket_status", "out_of_scope": OUT_OF_SCOPE}
_STATING = ("answer", "not_stated")


class Sentence(NamedTuple):
    """A sentence as every system gets it: names of companies replaced; its words by fugashi, parted by spaces; its language."""

    bare: str
    words: str
    language: str


class Question(NamedTuple):
    """A sentence to test on.

    Attributes:
        text: as a customer types it.
        source: `fold` or `dev`.
        intents: what it may be taken for.
        company: the company that it is asked of, where one is known.
        entry: the entry that it was written for (`fold`).
        expect, clauses: what the answer has to be and to cite (`dev`).
    """

    text: str
    sentence: Sentence
    source: str
    intents: tuple[str, ...]
    company: str | None
    entry: str | None
    expect: str
    clauses: tuple[str, ...]

    @property
    def is_policy(self) -> bool:
        """Whether it asks something that a clause or gap answers."""
        return self.intents == (POLICY_QUESTION,) and (self.entry is not None or self.expect in _STATING)

    @property
    def is_out_of_scope(self) -> bool:
        """Whether nothing of the assistant answers it."""
        return self.intents == (OUT_OF_SCOPE,)


class Labelled(NamedTuple):
    """A sentence with the label that one classifier learns."""

    sentence: Sentence
    label: str


@dataclass(frozen=True)
class Split:
    """What is learned from, and what is tested on.

    Attributes:
        examples: what our model learns; `sentences` are the same, as peers get them, and `owners` the (company, entry) that each
            was written for.
    """

    corpus: Corpus
    examples: Sequence[Example]
    sentences: Sequence[Sentence]
    owners: Sequence[tuple[str, str] | None]
    questions: Sequence[Question]

    def intents(self) -> list[Labelled]:
        """Every sentence with its intent."""
        return [Labelled(sentence, example.group) for sentence, example in zip(self.sentences, self.examples)]

    def entries(self, company: str) -> list[Labelled]:
        """Every sentence that counts for an entry of a company, whichever company it was written for: what our model learns too."""
        prefix = entry_column(company, "")
        found = []
        for sentence, example in zip(self.sentences, self.examples):
            weights = {column: weight for column, weight in example.targets.items() if column.startswith(prefix)}
            if weights:
                found.append(Labelled(sentence, max(weights, key=weights.__getitem__).removeprefix(prefix)))
        return found

    def together(self) -> list[Labelled]:
        """For systems too slow for a model a company: one set of labels, an intent or a company's entry.

        A phrasing counts for the entry that it was written for; one that is about no single company, for one company after the other.
        """
        found = []
        turns = itertools.count()
        for sentence, example, owner in zip(self.sentences, self.examples, self.owners):
            if example.group != POLICY_QUESTION:
                found.append(Labelled(sentence, example.group))
            elif owner is not None:
                found.append(Labelled(sentence, entry_column(*owner)))
            else:
                columns = [column for column, weight in example.targets.items() if column.startswith(ENTRY) and weight >= 1.0]
                found.append(Labelled(sentence, columns[next(turns) % len(columns)] if columns else POLICY_QUESTION))
        return found


def sentence_of(bare: str, language: str | None = None) -> Sentence:
    """A sentence in the shape in which systems get it."""
    return Sentence(bare, " ".join(word.text for word in words_of(bare.casefold())), language or language_of(bare) or "ja")


def split(fold: int, thin: int = 1) -> Split:
    """One fold of the five: learn from the others, test on this one and on the development questions.

    Args:
        fold: its number, from 0.
        thin: keep one sentence in so many, for quick runs.
    """
    corpus = load()
    namer = Namer(corpus)
    asked = list(phrasings(corpus, namer))
    written, always = [p for p in asked if p.entry], [p for p in asked if not p.entry]
    said = list(dialogue_examples())
    examples = [*(p.example for p in written), *intents(((item.text, item.intent) for item in said), namer)]
    texts = [*(p.text for p in written), *(item.text for item in said)]
    languages = [*(p.language for p in written), *(item.language for item in said)]
    owners = [*((str(p.company), str(p.entry)) for p in written), *(None for _ in said)]
    fold_of = _grouped(texts)
    learned = [i for i, number in enumerate(fold_of) if number != fold][::thin]
    tested = [i for i, number in enumerate(fold_of) if number == fold][::thin]
    questions = [
        Question(
            clean(texts[i]),
            sentence_of(examples[i].text, languages[i]),
            "fold",
            (examples[i].group,),
            (owners[i] or (None, None))[0],
            (owners[i] or (None, None))[1],
            "",
            (),
        )
        for i in tested
    ]
    questions += development(namer)
    always = always[::thin]
    return Split(
        corpus,
        [*(examples[i] for i in learned), *(p.example for p in always)],
        [*(sentence_of(examples[i].text, languages[i]) for i in learned), *(sentence_of(p.example.text, p.language) for p in always)],
        [*(owners[i] for i in learned), *(_titled(corpus, p.example) for p in always)],
        questions,
    )


def _titled(corpus: Corpus, example: Example) -> tuple[str, str] | None:
    """The entry whose title a sentence is, None for what is about no single company."""
    full = [column for column, weight in example.targets.items() if weight >= 1.0 and column.startswith(ENTRY)]
    if len(full) != 1:
        return None
    company, entry = full[0].removeprefix(ENTRY).split(" ", 1)
    return company, entry


def development(namer: Namer, path: Path = DEVELOPMENT_SET) -> Iterator[Question]:
    """The development questions; nothing where they are not present."""
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        raw = json.loads(line)
        text, expect = clean(raw["text"]), raw["expect"]
        if expect in _STATING:
            wanted: tuple[str, ...] = (POLICY_QUESTION,)
        elif expect == "request":
            wanted = (f"request_{raw['request']}",)
        elif expect == "smalltalk":
            wanted = tuple(sorted(_SMALLTALK))
        elif expect == "ask_company":
            continue  # whether a policy question or a request, the label does not say
        else:
            wanted = (_WANTS[expect],)
        naming = namer.find(text, raw["lang"])
        yield Question(text, sentence_of(naming.bare, raw["lang"]), "dev", wanted, raw["company"], None, expect, tuple(raw["clauses"]))


def entry_is_right(corpus: Corpus, question: Question, found: str | None) -> bool:
    """Whether an entry answers a question: the product's own rule on folds; on development questions, whether what it cites is wanted.

    On development questions a clause is right where it or a clause that it draws on is one of those labelled, and what is
    labelled as not stated is right where the entry found is a gap without a stated part.
    """
    if found is None:
        return False
    if question.entry is not None:
        return is_right(corpus, question.entry, found)
    entry = corpus.entries[found]
    stated = (entry.id, *entry.with_) if isinstance(entry, Clause) else entry.stated
    if question.expect == "not_stated":
        return not stated
    return bool(set(stated) & set(question.clauses))
