"""Peer: TF-IDF of words (by fugashi) and of runs of characters, and scikit-learn's logistic regression."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import joblib  # type: ignore[import-untyped]
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline

from bench.workers.phases import Scores, Sentence, run


def _bare(sentence: Sentence) -> str:
    return sentence[0].casefold()


def _words(sentence: Sentence) -> list[str]:
    return sentence[1].split(" ")


class Logistic:
    """A pipeline for each task."""

    def __init__(self) -> None:
        self._models: dict[str, Pipeline] = {}

    def learn(self, tasks: Mapping[str, Any], folder: Path, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """Learn each task by itself."""
        for name, task in tasks.items():
            words = TfidfVectorizer(analyzer=_words, sublinear_tf=True)
            characters = TfidfVectorizer(preprocessor=_bare, analyzer="char", ngram_range=(2, 3), min_df=2, sublinear_tf=True)
            model = Pipeline(
                [
                    ("terms", FeatureUnion([("words", words), ("characters", characters)])),
                    ("regression", LogisticRegression(C=10.0, max_iter=settings["iterations"], tol=1e-3)),
                ]
            )
            model.fit([row[:3] for row in task["train"]], [row[3] for row in task["train"]])
            joblib.dump(model, folder / f"{name.replace(':', '-')}.joblib")
        return {"models": len(tasks)}

    def load(self, tasks: Sequence[str], folder: Path, settings: Mapping[str, Any]) -> None:
        """Read the pipelines."""
        self._models = {name: joblib.load(folder / f"{name.replace(':', '-')}.joblib") for name in tasks}

    def scores(self, task: str, sentences: Sequence[Sentence]) -> Sequence[Scores]:
        """The probability of each label."""
        model = self._models[task]
        labels = [str(label) for label in model.classes_]
        return [dict(zip(labels, row)) for row in model.predict_proba(sentences)]


if __name__ == "__main__":
    # By its importable name, so that the pipelines that are written can be read by the next process.
    run(importlib.import_module("bench.workers.logistic").Logistic())
