"""Peer: fastText's supervised classifier on words by fugashi. Runs in the bench's own environment, which has no Rasa."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import fasttext  # type: ignore[import-not-found]

from bench.workers.phases import Scores, Sentence, run

_PREFIX = "__label__"


def _line(words: str) -> str:
    return words.replace("\n", " ")


class FastText:
    """A model for each task."""

    def __init__(self) -> None:
        self._models: dict[str, Any] = {}
        self._labels: dict[str, list[str]] = {}

    def learn(self, tasks: Mapping[str, Any], folder: Path, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """Learn each task by itself; labels are numbered, since fastText's may hold no space."""
        for name, task in tasks.items():
            stem = folder / name.replace(":", "-")
            labels = sorted({row[3] for row in task["train"]})
            number = {label: i for i, label in enumerate(labels)}
            lines = [f"{_PREFIX}{number[row[3]]} {_line(row[1])}\n" for row in task["train"]]
            stem.with_suffix(".txt").write_text("".join(lines), encoding="utf-8")
            model = fasttext.train_supervised(str(stem.with_suffix(".txt")), loss="softmax", verbose=0, thread=2, **settings["fasttext"])
            model.save_model(str(stem.with_suffix(".bin")))
            stem.with_suffix(".labels").write_text("\n".join(labels), encoding="utf-8")
        return {"models": len(tasks)}

    def load(self, tasks: Sequence[str], folder: Path, settings: Mapping[str, Any]) -> None:
        """Read the models."""
        for name in tasks:
            stem = folder / name.replace(":", "-")
            self._models[name] = fasttext.load_model(str(stem.with_suffix(".bin")))
            self._labels[name] = stem.with_suffix(".labels").read_text(encoding="utf-8").split("\n")

    def scores(self, task: str, sentences: Sequence[Sentence]) -> Sequence[Scores]:
        """The probability of each label."""
        names = self._labels[task]
        found = []
        for sentence in sentences:
            labels, chances = self._models[task].predict(_line(sentence[1]), k=-1)
            found.append({names[int(label.removeprefix(_PREFIX))]: float(chance) for label, chance in zip(labels, chances)})
        return found


if __name__ == "__main__":
    run(FastText())
