"""The tokenizer: words of Japanese, English and mixed messages."""

from __future__ import annotations

import importlib.metadata
from typing import Any

from rasa.engine.graph import ExecutionContext
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.tokenizers.tokenizer import Token, Tokenizer
from rasa.shared.nlu.training_data.message import Message

from madoguchi.understanding.words import words_of

from . import adjustments

adjustments.install()


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_TOKENIZER, is_trainable=False)
class JapaneseEnglishTokenizer(Tokenizer):
    """Splits a message by fugashi and unidic-lite; offsets are those of the message, lemmas are lower case."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """The settings that every tokenizer of Rasa has."""
        return {"intent_tokenization_flag": False, "intent_split_symbol": "_", "token_pattern": None, "prefix_separator_symbol": None}

    @staticmethod
    def required_packages() -> list[str]:
        """Packages that have to be installed."""
        return ["fugashi", "unidic_lite"]

    @classmethod
    def create(
        cls, config: dict[str, Any], model_storage: ModelStorage, resource: Resource, execution_context: ExecutionContext
    ) -> JapaneseEnglishTokenizer:
        """Create the component."""
        return cls(config)

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str | None:
        """Another version of the dictionary means other words."""
        return " ".join(f"{name} {importlib.metadata.version(name)}" for name in ("fugashi", "unidic-lite"))

    def tokenize(self, message: Message, attribute: str) -> list[Token]:
        """The words of a message's attribute; one token of the whole text where it holds no word."""
        text = message.get(attribute) or ""
        tokens = [Token(word.text, word.start, word.end, lemma=word.text.casefold()) for word in words_of(text)]
        return tokens or [Token(text, 0, len(text))]
