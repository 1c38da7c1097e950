"""Our understanding on a generated corpus: the product's own way of learning and understanding."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.generator import corpus_of
from bench.workers.phases import Scores, Sentence, run
from madoguchi.text import clean
from madoguchi.understanding import choices
from madoguchi.understanding.encoder import Matrix, encoder_named
from madoguchi.understanding.folds import dialogue_examples
from madoguchi.understanding.learned import Model
from madoguchi.understanding.naming import Namer
from madoguchi.understanding.understand import Understanding

A_FEW = 2
"""Examples of each other intent and language: a constant beside the clauses."""


def _dialogue() -> list[tuple[str, str]]:
    taken: dict[tuple[str, str], int] = {}
    found = []
    for item in dialogue_examples():
        taken[item.intent, item.language] = taken.get((item.intent, item.language), 0) + 1
        if taken[item.intent, item.language] <= A_FEW:
            found.append((item.text, item.intent))
    return found


class Grown:
    """The task `message` is understood with its embedding; `lookup` has the embedding already."""

    def __init__(self) -> None:
        self._encoder = encoder_named("use")
        self._rows: dict[str, Matrix] = {}

    def learn(self, tasks: Mapping[str, Any], folder: Path, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """Learn a generated corpus."""
        corpus = corpus_of(settings["clauses"])
        started, busy = time.perf_counter(), time.process_time()
        model = Understanding.learn(corpus, self._encoder, _dialogue())
        seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - busy
        model.save(folder)
        size = sum(path.stat().st_size for path in folder.glob("*.np*")) / 1024**2
        return {
            "own_seconds": seconds,
            "own_cpu_seconds": cpu_seconds,
            "examples": len(model.groups),
            "columns": len(model.columns),
            "file_mb": size,
        }

    def load(self, tasks: Sequence[str], folder: Path, settings: Mapping[str, Any]) -> None:
        """Read the model."""
        corpus = corpus_of(settings["clauses"])
        self._namer = Namer(corpus)
        self._understanding = Understanding(corpus, Model.load(folder), self._encoder, choices.table(corpus))

    def scores(self, task: str, sentences: Sequence[Sentence]) -> Sequence[Scores]:
        """The ranking of the company's clauses."""
        found = []
        for text, language, company in sentences:
            row = self._row(text, language) if task == "lookup" else None
            inquiry = self._understanding.understand(clean(text), row)
            found.append(dict(inquiry.questions[0].ranking[company]) if inquiry.questions else {})
        return found

    def _row(self, text: str, language: str) -> Matrix:
        if text not in self._rows:
            self._rows[text] = self._encoder.encode([self._namer.find(clean(text), "ja" if language == "ja" else "en").bare])
        return self._rows[text]


if __name__ == "__main__":
    run(Grown())
