"""Peers: Rasa's DIET classifier, with the pipeline of `rasa init`, or with fugashi's words in the place of words by spaces."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from bench.workers.phases import Scores, Sentence, run

_FEATURES = [
    {"name": "RegexFeaturizer"},
    {"name": "LexicalSyntacticFeaturizer"},
    {"name": "CountVectorsFeaturizer"},
    {"name": "CountVectorsFeaturizer", "analyzer": "char_wb", "min_ngram": 1, "max_ngram": 4},
]
TOKENIZERS = {"default": "WhitespaceTokenizer", "fugashi": "madoguchi.nlu.tokenizer.JapaneseEnglishTokenizer"}


def configuration(tokenizer: str, epochs: int) -> dict[str, Any]:
    """The pipeline that `rasa init` leaves to Rasa, less what has nothing to do here (synonyms, response selector, fallback).

    `ranking_length: 0` has every label in the result instead of ten; it changes no score.
    """
    diet = {"name": "DIETClassifier", "epochs": epochs, "constrain_similarities": True, "ranking_length": 0, "random_seed": 1}
    return {
        "recipe": "default.v1",
        "language": "en",  # Rasa refuses its whitespace tokenizer for Japanese
        "assistant_id": "bench",
        "pipeline": [{"name": TOKENIZERS[tokenizer]}, *_FEATURES, diet],
        "policies": [{"name": "RulePolicy"}],
    }


class Diet:
    """One model for the only task; its labels are numbered for Rasa."""

    def __init__(self) -> None:
        self._agents: dict[str, Any] = {}
        self._labels: dict[str, list[str]] = {}

    def learn(self, tasks: Mapping[str, Any], folder: Path, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """Write Rasa's training files and have Rasa train."""
        _quiet(folder)
        fitted = _watch_accuracy()
        from rasa.model_training import train_nlu

        for name, task in tasks.items():
            labels = sorted({row[3] for row in task["train"]})
            examples: dict[str, list[str]] = {label: [] for label in labels}
            for row in task["train"]:
                examples[row[3]].append(" ".join(row[0].split()))
            nlu = [
                {"intent": f"l{number}", "examples": "".join(f"- {text}\n" for text in examples[label])}
                for number, label in enumerate(labels)
            ]
            files = folder / name
            files.mkdir()
            (files / "nlu.yml").write_text(yaml.safe_dump({"version": "3.1", "nlu": nlu}, allow_unicode=True), encoding="utf-8")
            (files / "config.yml").write_text(yaml.safe_dump(configuration(settings["tokenizer"], settings["epochs"])), encoding="utf-8")
            (files / "labels.json").write_text(json.dumps(labels), encoding="utf-8")
            train_nlu(str(files / "config.yml"), str(files / "nlu.yml"), str(files), fixed_model_name="model")
        return {"models": len(tasks), "epochs": settings["epochs"], "accuracy_on_training": fitted}

    def load(self, tasks: Sequence[str], folder: Path, settings: Mapping[str, Any]) -> None:
        """Load the model as Rasa's server does."""
        _quiet(folder)
        from rasa.core.agent import Agent

        for name in tasks:
            self._agents[name] = Agent.load(str(folder / name / "model.tar.gz"))
            self._labels[name] = json.loads((folder / name / "labels.json").read_text(encoding="utf-8"))

    def scores(self, task: str, sentences: Sequence[Sentence]) -> Sequence[Scores]:
        """The confidence of each label."""

        async def ask() -> list[Scores]:
            agent, names = self._agents[task], self._labels[task]
            found: list[Scores] = []
            for sentence in sentences:
                parsed = await agent.parse_message(sentence[0])
                ranking = parsed.get("intent_ranking") or []
                found.append({names[int(item["name"][1:])]: float(item["confidence"]) for item in ranking if item["name"]})
            return found

        return asyncio.run(ask())


def _watch_accuracy() -> list[float]:
    """A list that fills with DIET's accuracy on its own training data, an epoch at a time: whether it has learned enough."""
    from rasa.utils.tensorflow.callback import RasaTrainingLogger

    fitted: list[float] = []
    before = RasaTrainingLogger.on_epoch_end

    def on_epoch_end(self: Any, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        fitted.append(round(float((logs or {}).get("i_acc", 0.0)), 4))
        before(self, epoch, logs)

    RasaTrainingLogger.on_epoch_end = on_epoch_end
    return fitted


def _quiet(folder: Path) -> None:
    os.environ["RASA_CACHE_DIRECTORY"] = str(folder / "cache")  # a cache would hide the training
    logging.disable(logging.WARNING)
    from rasa.utils.log_utils import configure_structlog

    configure_structlog(logging.ERROR)


if __name__ == "__main__":
    run(Diet())
