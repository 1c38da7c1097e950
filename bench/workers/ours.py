"""Our understanding, by itself (as the Rasa component calls it, without Rasa around it)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.data import split
from bench.workers.phases import Scores, Sentence, run
from madoguchi.corpus import load
from madoguchi.understanding import choices
from madoguchi.understanding.encoder import encode_many, encoder_named
from madoguchi.understanding.inquiry import POLICY_QUESTION
from madoguchi.understanding.knowledge import INTENT
from madoguchi.understanding.learned import Model
from madoguchi.understanding.understand import SHARPNESS, Understanding


class Ours:
    """One model for everything; the task `understand` is a message as typed, with the company whose entries are ranked."""

    def __init__(self) -> None:
        self._encoder = encoder_named("use")

    def learn(self, tasks: Mapping[str, Any], folder: Path, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """Learn the fold as `madoguchi folds` does."""
        examples = split(settings["fold"], settings["thin"]).examples
        self._encoder.encode(["."])
        # From here on as in the product's training, which has read the corpus before.
        import time

        started, busy = time.perf_counter(), time.process_time()
        dense = encode_many(self._encoder, [example.text for example in examples])
        encoded = time.perf_counter()
        model = Model.train(examples, dense)
        done = time.perf_counter()
        model.save(folder)
        return {
            "models": 1,
            "examples": len(examples),
            "encode_seconds": encoded - started,
            "solve_seconds": done - encoded,
            "own_seconds": done - started,
            "own_cpu_seconds": time.process_time() - busy,
        }

    def load(self, tasks: Sequence[str], folder: Path, settings: Mapping[str, Any]) -> None:
        """Read the model."""
        self._corpus = load()
        self._model = Model.load(folder)
        self._understanding = Understanding(self._corpus, self._model, self._encoder, choices.table(self._corpus))
        self._intents = [i for i, column in enumerate(self._model.columns) if column.startswith(INTENT)]

    def scores(self, task: str, sentences: Sequence[Sentence]) -> Sequence[Scores]:
        """What `Understanding.understand` finds; with `bulk`, the chances of intents too, for the area under the curve."""
        return [self._understood(task, *sentence) for sentence in sentences]

    def _understood(self, task: str, text: str, bare: str, company: str) -> Scores:
        inquiry = self._understanding.understand(text)
        found: dict[str, Any] = {"=": inquiry.wants}
        if inquiry.entry:
            found[f"entry {inquiry.entry}"] = 1.0
        elif inquiry.questions and company:
            found |= {f"entry {entry}": score for entry, score in inquiry.questions[0].ranking[company]}
        if task == "understand":
            columns = self._model.score(bare, self._encoder.encode([bare])).columns[self._intents]
            chances = np.exp(SHARPNESS * (columns - columns.max()))
            chances /= chances.sum()
            found |= {self._model.columns[i]: float(chance) for i, chance in zip(self._intents, chances)}
        return found


class Plain(Ours):
    """The learned part alone on any labels, for HINT3: the same embedding, kernel and solve; `near` is the nearest example's cosine."""

    def learn(self, tasks: Mapping[str, Any], folder: Path, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """Learn each task by itself."""
        from madoguchi.understanding.learned import Example

        for name, task in tasks.items():
            examples = [Example(row[0], {row[3]: 1.0}, row[3]) for row in task["train"]]
            Model.train(examples, encode_many(self._encoder, [example.text for example in examples])).save(folder / name)
        return {"models": len(tasks)}

    def load(self, tasks: Sequence[str], folder: Path, settings: Mapping[str, Any]) -> None:
        """Read the models."""
        self._models = {name: Model.load(folder / name) for name in tasks}

    def scores(self, task: str, sentences: Sequence[Sentence]) -> Sequence[Scores]:
        """The regression's score of each label, and how near the nearest example is."""
        model = self._models[task]
        found = []
        for sentence in sentences:
            scored = model.score(sentence[0], self._encoder.encode([sentence[0]]))
            ranked = {label: float(score) for label, score in zip(model.columns, scored.columns)}
            found.append({**ranked, "near": float(scored.alike.max())})
        return found


__all__ = ["POLICY_QUESTION", "Ours", "Plain"]

if __name__ == "__main__":
    import sys

    run(Plain() if sys.argv[-1] == "plain" else Ours())
