"""How well sentences are understood that the model did not learn from: folds over the phrasings and examples."""

from __future__ import annotations

import math
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml

from madoguchi import LANGUAGES
from madoguchi.corpus import Clause, Corpus, load
from madoguchi.corpus.check import near_duplicates
from madoguchi.text import clean

from . import choices
from .encoder import encode_many, encoder_named
from .inquiry import OUT_OF_SCOPE, POLICY_QUESTION
from .knowledge import intents, phrasings
from .learned import Model
from .naming import Namer
from .understand import Understanding

FOLDS = 5
SEED = 20261122
DATA = Path(__file__).resolve().parents[2] / "data" / "nlu"
_ALIKE = 0.6


class Labelled(NamedTuple):
    """A sentence with what it should lead to."""

    text: str
    language: str
    intent: str
    company: str | None
    entry: str | None


class Outcome(NamedTuple):
    """What a sentence led to; `entry` None where it was not taken for a policy question."""

    labelled: Labelled
    intent: str
    entry: str | None


def dialogue_examples(folder: Path = DATA) -> Iterator[Labelled]:
    """The examples of data/nlu."""
    for language in LANGUAGES:
        for path in sorted((folder / language).glob("*.yml")):
            for block in yaml.safe_load(path.read_text(encoding="utf-8"))["nlu"]:
                for line in block["examples"].splitlines():
                    if line.strip():
                        yield Labelled(line.strip().removeprefix("- "), language, block["intent"], None, None)


def is_right(corpus: Corpus, wanted: str, found: str | None) -> bool:
    """Whether an entry answers what another was to answer: the same, a gap that states the clause in part, or another gap of the topic."""
    if found is None or wanted == found:
        return wanted == found
    gold, entry = corpus.entries[wanted], corpus.entries[found]
    if isinstance(gold, Clause):
        return not isinstance(entry, Clause) and entry.stated[:1] == (gold.id,)
    return not isinstance(entry, Clause) and gold.topic == entry.topic and bool(gold.stated) == bool(entry.stated)


def _grouped(texts: Sequence[str]) -> list[int]:
    """A fold for each text; texts that are alike share one."""
    owner = list(range(len(texts)))

    def root(index: int) -> int:
        while owner[index] != index:
            index = owner[index]
        return index

    for one, _, other, _ in near_duplicates(((str(i), text) for i, text in enumerate(texts)), _ALIKE):
        owner[root(int(one))] = root(int(other))
    numbers = np.random.default_rng(SEED).integers(0, FOLDS, len(texts))
    return [int(numbers[root(index)]) for index in range(len(texts))]


def outcomes(corpus: Corpus, encoder_name: str = "use", folds: int = FOLDS) -> list[Outcome]:
    """Train without each fold and understand it."""
    encoder, namer, table = encoder_named(encoder_name), Namer(corpus), choices.table(corpus)
    asked = list(phrasings(corpus, namer))
    labelled = [Labelled(p.text, p.language, POLICY_QUESTION, p.company, p.entry) for p in asked if p.entry]
    examples = [p.example for p in asked if p.entry]
    dialogue = list(dialogue_examples())
    labelled += dialogue
    examples += intents(((item.text, item.intent) for item in dialogue), namer)
    always = [p.example for p in asked if not p.entry]
    rows, always_rows = (encode_many(encoder, [e.text for e in part]) for part in (examples, always))
    fold_of = _grouped([item.text for item in labelled])
    found = []
    for fold in range(folds):
        kept = [i for i, number in enumerate(fold_of) if number != fold]
        sys.stderr.write(f"folds: {fold + 1} of {folds}\n")
        model = Model.train([*(examples[i] for i in kept), *always], np.concatenate([rows[kept], always_rows]))
        understanding = Understanding(corpus, model, encoder, table)
        for i, number in enumerate(fold_of):
            if number != fold:
                continue
            item = labelled[i]
            inquiry = understanding.understand(clean(item.text), rows[i : i + 1])
            ranked = inquiry.questions[0].ranking.get(item.company or "", ()) if inquiry.questions else ()
            entry = ranked[0][0] if inquiry.wants == POLICY_QUESTION and ranked else None
            found.append(Outcome(item, inquiry.wants, entry))
    return found


def interval(right: int, total: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    if total == 0:
        return 0.0, 1.0
    z, share = 1.96, right / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    return middle - half, middle + half


def _line(name: str, verdicts: Sequence[bool]) -> str:
    low, high = interval(sum(verdicts), len(verdicts))
    share = 100 * sum(verdicts) / max(1, len(verdicts))
    return f"| {name} | {share:.1f} % | {100 * low:.1f}-{100 * high:.1f} % | {len(verdicts)} |"


def report() -> str:
    """A report in Markdown: accuracy by language, company and topic with intervals, and what is confused most."""
    corpus = load()
    found = outcomes(corpus)
    policy = [o for o in found if o.labelled.entry]
    right = {id(o): is_right(corpus, str(o.labelled.entry), o.entry) for o in policy}
    tables: dict[str, dict[str, list[bool]]] = {"Language": defaultdict(list), "Company": defaultdict(list), "Topic": defaultdict(list)}
    for o in policy:
        entry = corpus.entries[str(o.labelled.entry)]
        tables["Language"][o.labelled.language].append(right[id(o)])
        tables["Company"][str(o.labelled.company)].append(right[id(o)])
        tables["Topic"][entry.topic].append(right[id(o)])
    out = ["Phrasings understood by a model that did not learn from them (right entry, or one that says the same).", ""]
    head = ["| | right | 95 % interval | n |", "|---|---|---|---|"]
    out += [*head, _line("all", [right[id(o)] for o in policy])]
    for name, groups in tables.items():
        out += ["", f"## {name}", "", *head, *(_line(key, groups[key]) for key in sorted(groups))]
    others = defaultdict(list)
    for o in found:
        if o.labelled.entry is None:
            others[o.labelled.intent].append(o.intent == o.labelled.intent)
    out += ["", "## What else is wanted", "", *head, *(_line(key, others[key]) for key in sorted(others))]
    answered = [o.intent == POLICY_QUESTION for o in found if o.labelled.intent == OUT_OF_SCOPE]
    out += ["", f"Out of scope, yet taken for a policy question: {sum(answered)} of {len(answered)}."]
    pairs = Counter((str(o.labelled.entry), o.entry or o.intent) for o in policy if not right[id(o)])
    out += ["", "## Confused most", ""]
    out += [f"- {wanted} taken for {taken}: {count}" for (wanted, taken), count in pairs.most_common(10)]
    return "\n".join(out) + "\n"
