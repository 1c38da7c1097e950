"""The learned part: one kernel regression from messages to what they want and to the clauses and gaps of every company.

Two sentences are alike by their embeddings, their words and their characters: k = e + w/2 + c/2 (cosines), and the kernel is
(1 + k)^2 / 4. One regularised solve gives, for a message, a score for each intent and for each clause and gap of each company.
Phrasings of a facet, and those of another company's entry that answers the same facets, count for each company's entry that
answers them; so a question asked of one company helps to understand it of all. Compared with others in docs/understanding.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import linalg, sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from .encoder import Matrix
from .words import words_of

WORD_SHARE, CHARACTER_SHARE = 0.5, 0.5
REGULARISATION = 0.5

Floats = npt.NDArray[np.float32]


def _words(text: str) -> list[str]:
    return [word.text for word in words_of(text.casefold())]


@dataclass(frozen=True)
class Example:
    """A sentence to learn from.

    Attributes:
        text: with the names of companies replaced.
        targets: columns with their weights.
        group: what it is near to when a message is near to it, such as an intent.
        weight: how closely it has to be fitted; examples of rare groups more than those of a common one.
    """

    text: str
    targets: Mapping[str, float]
    group: str
    weight: float = 1.0


class _Surface:
    """Words and characters of sentences as rows of unit length."""

    def __init__(
        self, vocabularies: Sequence[Mapping[str, int]] | None = None, weights: Sequence[npt.NDArray[np.float64]] | None = None
    ) -> None:
        shared = {"sublinear_tf": True, "dtype": np.float32, "lowercase": False}
        self._parts = [
            TfidfVectorizer(analyzer=_words, vocabulary=vocabularies[0] if vocabularies else None, **shared),
            TfidfVectorizer(analyzer="char", ngram_range=(2, 4), min_df=2, vocabulary=vocabularies[1] if vocabularies else None, **shared),
        ]
        if weights:
            for part, idf in zip(self._parts, weights, strict=True):
                part.idf_ = idf

    def fit(self, texts: Sequence[str]) -> _Surface:
        for part in self._parts:
            part.fit([text.casefold() for text in texts])
        return self

    def rows(self, texts: Sequence[str]) -> list[sparse.csr_matrix]:
        return [part.transform([text.casefold() for text in texts]) for part in self._parts]

    @property
    def vocabularies(self) -> list[dict[str, int]]:
        return [{term: int(column) for term, column in part.vocabulary_.items()} for part in self._parts]

    @property
    def weights(self) -> list[npt.NDArray[np.float64]]:
        return [part.idf_ for part in self._parts]


def _on_surface(surface: Sequence[sparse.csr_matrix], turned: Sequence[sparse.csr_matrix]) -> Floats:
    """Likeness of sentences to others by words and characters; the others' rows come transposed (a column a sentence)."""
    words, characters = (
        np.float32(share) * (ours @ theirs).toarray()
        for share, ours, theirs in zip((WORD_SHARE, CHARACTER_SHARE), surface, turned, strict=True)
    )
    alike: Floats = words + characters
    return alike


def _turned(rows: Sequence[sparse.csr_matrix]) -> list[sparse.csr_matrix]:
    return [part.T.tocsr() for part in rows]


def _kernel(alike: Floats) -> Floats:
    return np.square(1.0 + alike) / np.float32(4.0)


@dataclass(frozen=True)
class Scores:
    """What the model finds in one sentence.

    Attributes:
        columns: a score for each column of the model.
        alike: cosine to each example (likeness by words where there is no encoder).
    """

    columns: Floats
    alike: Floats


class Model:
    """A trained model; see the module's description."""

    def __init__(
        self,
        columns: Sequence[str],
        groups: Sequence[str],
        dense: Matrix,
        surface: _Surface,
        turned: Sequence[sparse.csr_matrix],
        solution: Floats,
    ) -> None:
        """Put a model together.

        Args:
            columns: what is scored.
            groups: the group of each example.
            turned: surface rows of the examples, transposed.
            solution: a row a column, a column an example: the product with a message's likenesses reads it in order.
        """
        self.columns = tuple(columns)
        self.groups = np.asarray(groups)
        self._dense = dense
        self._surface = surface
        self._turned = list(turned)
        self._solution = solution

    @classmethod
    def train(cls, examples: Sequence[Example], dense: Matrix) -> Model:
        """Learn from examples.

        Args:
            dense: a row of the encoder for each example.
        """
        columns = list(dict.fromkeys(column for example in examples for column in example.targets))
        place = {column: index for index, column in enumerate(columns)}
        wanted = np.zeros((len(examples), len(columns)), dtype=np.float32)
        for row, example in enumerate(examples):
            for column, weight in example.targets.items():
                wanted[row, place[column]] += weight
        texts = [example.text for example in examples]
        surface = _Surface().fit(texts)
        rows = surface.rows(texts)
        turned = _turned(rows)
        system = _kernel(dense @ dense.T + _on_surface(rows, turned))
        system[np.diag_indices(len(system))] += np.array([REGULARISATION / e.weight for e in examples], dtype=np.float32)
        factor = linalg.cho_factor(system, lower=True, overwrite_a=True, check_finite=False)
        solution = np.ascontiguousarray(linalg.cho_solve(factor, wanted, check_finite=False).T, dtype=np.float32)
        return cls(columns, [example.group for example in examples], dense, surface, turned, solution)

    def score(self, text: str, dense: Matrix) -> Scores:
        """Score a sentence.

        Args:
            dense: its row of the encoder.
        """
        near = self._dense @ dense.reshape(-1)
        surface = _on_surface(self._surface.rows([text]), self._turned).reshape(-1)
        return Scores(self._solution @ _kernel(near + surface), near if self._dense.shape[1] else surface)

    def save(self, folder: Path) -> None:
        """Write the model as JSON and numpy files; nothing in them runs when they are read."""
        folder.mkdir(parents=True, exist_ok=True)
        names = {"columns": self.columns, "groups": self.groups.tolist(), "vocabularies": self._surface.vocabularies}
        (folder / "names.json").write_text(json.dumps(names, ensure_ascii=False), encoding="utf-8")
        words, characters = self._surface.weights
        np.savez(folder / "numbers.npz", dense=self._dense, solution=self._solution, words=words, characters=characters)
        for index, part in enumerate(self._turned):
            sparse.save_npz(folder / f"surface{index}.npz", part, compressed=False)

    @classmethod
    def load(cls, folder: Path) -> Model:
        """Read a model that `save` wrote."""
        names = json.loads((folder / "names.json").read_text(encoding="utf-8"))
        with np.load(folder / "numbers.npz", allow_pickle=False) as numbers:
            surface = _Surface(names["vocabularies"], [numbers["words"], numbers["characters"]])
            turned = [sparse.load_npz(folder / f"surface{index}.npz") for index in range(2)]
            return cls(names["columns"], names["groups"], numbers["dense"], surface, turned, numbers["solution"])
