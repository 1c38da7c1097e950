"""The classifier: what a message wants, and the ranking of clauses and gaps that goes with it to the tracker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.constants import ENTITIES, INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from madoguchi import understanding
from madoguchi.corpus import corpus_hash, folder_hash, shared_corpus
from madoguchi.understanding import choices
from madoguchi.understanding.encoder import Encoder, Matrix, encoder_named
from madoguchi.understanding.learned import Model
from madoguchi.understanding.understand import Understanding

from . import adjustments

adjustments.install()
INQUIRY = "inquiry"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class InquiryClassifier(GraphComponent, IntentClassifier):
    """Sets a message's intent, its companies as entities, and the whole `Inquiry` under the key `inquiry`."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """`encoder`: the same as the featurizer's; its embedding of the message is used where it stands."""
        return {"encoder": "use"}

    def __init__(self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource, model: Model | None = None) -> None:
        """Create the component, untrained where no model is given."""
        self._storage = model_storage
        self._resource = resource
        self._encoder: Encoder = encoder_named(config["encoder"])
        self._understanding = self._around(model) if model else None

    def _around(self, model: Model) -> Understanding:
        corpus = shared_corpus()
        return Understanding(corpus, model, self._encoder, choices.table(corpus))

    @classmethod
    def create(
        cls, config: dict[str, Any], model_storage: ModelStorage, resource: Resource, execution_context: ExecutionContext
    ) -> InquiryClassifier:
        """Create an untrained component."""
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls, config: dict[str, Any], model_storage: ModelStorage, resource: Resource, execution_context: ExecutionContext, **_: Any
    ) -> InquiryClassifier:
        """Load a trained component."""
        with model_storage.read_from(resource) as folder:
            return cls(config, model_storage, resource, Model.load(folder))

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str | None:
        """A changed statement, phrasing or name means another model, and so does changed code of the understanding."""
        code = Path(understanding.__file__).parent
        return f"{corpus_hash()} {folder_hash(code, code.with_name('text'))}"

    def train(self, training_data: TrainingData) -> Resource:
        """Learn from the corpus's phrasings and the examples in data/nlu."""
        messages = training_data.intent_examples
        rows = [row for message in messages if (row := _embedding(message)) is not None]
        known = np.concatenate(rows) if rows and len(rows) == len(messages) else None
        model = Understanding.learn(shared_corpus(), self._encoder, [(m.get(TEXT), m.get(INTENT)) for m in messages], known)
        with self._storage.write_to(self._resource) as folder:
            model.save(folder)
        self._understanding = self._around(model)
        return self._resource

    def process(self, messages: list[Message]) -> list[Message]:
        """Set intent, entities and inquiry of each message."""
        for message in messages:
            if self._understanding is None:
                continue
            about = (message.get("metadata") or {}).get("about")
            inquiry = self._understanding.understand(message.get(TEXT) or "", _embedding(message), about)
            message.set(INTENT, {"name": inquiry.wants, "confidence": inquiry.confidence}, add_to_output=True)
            message.set("intent_ranking", [message.get(INTENT)], add_to_output=True)
            message.set(ENTITIES, message.get(ENTITIES) or [], add_to_output=True)
            message.set(INQUIRY, inquiry.to_dict(), add_to_output=True)
        return messages


def _embedding(message: Message) -> Matrix | None:
    _, sentence = message.get_dense_features(TEXT, [])
    return np.asarray(sentence.features, dtype=np.float32).reshape(1, -1) if sentence is not None else None
