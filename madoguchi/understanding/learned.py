"""The learned part: one kernel regression from messages to what they want and to the clauses and gaps of every company.

Two sentences are alike by their embeddings, their words and their characters: k = e + w/2 + c/2 (cosines), and the kernel is
(1 + k)^2 / 4. One regularised solve gives, for a message, a score for each intent and for each clause and gap of each company.
Phrasings of a facet, and those of another company's entry that answers the same facets, count for each company's entry that
answers them; so a question asked of one company helps to understand it of all. Compared with others in docs/understanding.md.

What is multiplied with each message is kept small. Of the embedding, the axes along which the examples differ most are used.
Many columns are taught by the same examples, so the solve is for lessons: what a group of examples all teach, which columns how much.
There are half as many of them as columns, whose scores are sums of theirs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import linalg, sparse

from madoguchi.text import language_of

from .encoder import Matrix
from .readings import sound, sound_terms
from .terms import Floats, Row, Terms, joined, likenesses
from .words import words_of

WORD_SHARE, CHARACTER_SHARE = 0.5, 0.5
REGULARISATION = 0.5
AXES = 320
"""Of the embedding; chosen on folds (docs/understanding.md)."""

BLOCK = 1024


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
    """Words and characters of sentences."""

    def __init__(self, vocabularies: Sequence[Mapping[str, int]] = (), weights: Sequence[npt.NDArray[np.float64]] = ()) -> None:
        words, characters = zip(vocabularies, weights, strict=True) if vocabularies else ((None, None), (None, None))
        self.words = Terms(_words, vocabulary=words[0], weights=words[1])
        self.characters = Terms("char", (2, 3), 2, *characters)
        self._parts = ((self.words, WORD_SHARE), (self.characters, CHARACTER_SHARE))

    def fit(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """Learn the terms of texts and return their rows."""
        folded = [text.casefold() for text in texts]
        return sparse.hstack([terms.fit(folded) * np.sqrt(share, dtype=np.float32) for terms, share in self._parts]).tocsr()

    def row(self, text: str) -> Row:
        """The row of one sentence."""
        folded = text.casefold()
        return joined([(terms.row(folded), terms, share) for terms, share in self._parts])


def _kernel(alike: Floats) -> Floats:
    return np.square(1.0 + alike) / np.float32(4.0)


def _system(dense: Matrix, rows: sparse.csr_matrix) -> Floats:
    """The kernel of sentences with each other, its lower half alone, a block of rows at a time to spare memory."""
    count = len(dense)
    system = np.empty((count, count), dtype=np.float32)

    def fill(start: int) -> None:
        end = min(start + BLOCK, count)
        surface = (rows[start:end] @ rows[:end].T).toarray()
        system[start:end, :end] = _kernel(dense[start:end] @ dense[:end].T + surface)

    with ThreadPoolExecutor(2) as pool:  # products of sparse matrices use one core, and leave Python's lock alone
        list(pool.map(fill, reversed(range(0, count, BLOCK))))
    return system


def _axes(dense: Matrix) -> Matrix:
    """The directions along which rows of the encoder differ most, a direction a column, as many as there are or `AXES`."""
    _, directions = np.linalg.eigh(dense.T @ dense)  # the greatest last
    return np.ascontiguousarray(directions[:, -AXES:], dtype=np.float32)


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
        axes: Matrix,
        dense: Matrix,
        surface: _Surface,
        rows: sparse.csr_matrix,
        sounds: Terms,
        sound_rows: sparse.csr_matrix,
        solution: Floats,
        shares: sparse.csr_matrix,
    ) -> None:
        """Put a model together.

        Args:
            columns: what is scored.
            groups: the group of each example.
            axes: those of the embedding that are used, each a column.
            dense, rows, sound_rows: rows of the examples by these axes, by surface and by sound.
            solution: a row a lesson, a column an example: the product with a message's likenesses reads it in order.
            shares: a row a column, with how much each lesson teaches it.
        """
        self.columns = tuple(columns)
        self.groups = np.asarray(groups)
        self._axes = axes
        # Column by column, the product with one message reads it three times as fast as row by row.
        self._dense = np.asfortranarray(dense)
        self._surface = surface
        self._rows = rows
        self._turned = rows.T.tocsr()
        self._sounds = sounds
        self._sound_rows = sound_rows
        self._sounds_turned = sound_rows.T.tocsr()
        self._solution = solution
        self._shares = shares

    @classmethod
    def train(cls, examples: Sequence[Example], dense: Matrix) -> Model:
        """Learn from examples.

        Args:
            dense: a row of the encoder for each example.
        """
        columns = list(dict.fromkeys(column for example in examples for column in example.targets))
        place = {column: index for index, column in enumerate(columns)}
        lessons: dict[frozenset[tuple[str, float]], int] = {}
        taught = [lessons.setdefault(frozenset(example.targets.items()), len(lessons)) for example in examples]
        shares = sparse.dok_matrix((len(columns), len(lessons)), dtype=np.float32)
        for lesson, number in lessons.items():
            for column, weight in lesson:
                shares[place[column], number] = weight
        wanted = np.zeros((len(examples), len(lessons)), dtype=np.float32)
        wanted[np.arange(len(examples)), taught] = 1.0
        surface = _Surface()
        rows = surface.fit([example.text for example in examples])
        axes = _axes(dense)
        dense = dense @ axes
        system = _system(dense, rows)
        system[np.diag_indices(len(system))] += np.array([REGULARISATION / e.weight for e in examples], dtype=np.float32)
        # In place: numpy's rows are LAPACK's columns, so the lower half of ours is the upper half of its matrix.
        factor = linalg.cho_factor(system.T, lower=False, overwrite_a=True, check_finite=False)
        solution = np.ascontiguousarray(linalg.cho_solve(factor, wanted, check_finite=False).T, dtype=np.float32)
        sounds = sound_terms()
        sound_rows = sounds.fit([sound(example.text) if language_of(example.text) == "ja" else "" for example in examples])
        groups = [example.group for example in examples]
        return cls(columns, groups, axes, dense, surface, rows, sounds, sound_rows, solution, shares.tocsr())

    def score(self, text: str, dense: Matrix) -> Scores:
        """Score a sentence.

        Args:
            dense: its row of the encoder.
        """
        near = self._dense @ (dense.reshape(-1) @ self._axes)
        surface = likenesses(self._surface.row(text), self._turned)
        return Scores(self._columns_of(near + surface), near if self._dense.shape[1] else surface)

    def score_by_sound(self, text: str) -> Scores:
        """Score a sentence by its sound alone, for Japanese without kanji; as near as sentences can be where it sounds the same."""
        near = likenesses(self._sounds.row(sound(text)), self._sounds_turned)
        return Scores(self._columns_of(np.float32(1.0 + WORD_SHARE + CHARACTER_SHARE) * near), near)

    def _columns_of(self, alike: Floats) -> Floats:
        return self._shares @ (self._solution @ _kernel(alike))

    def save(self, folder: Path) -> None:
        """Write the model as JSON and numpy files; nothing in them runs when they are read."""
        folder.mkdir(parents=True, exist_ok=True)
        names = {
            "columns": self.columns,
            "groups": self.groups.tolist(),
            "vocabularies": [self._surface.words.vocabulary, self._surface.characters.vocabulary],
            "sounds": self._sounds.vocabulary,
        }
        (folder / "names.json").write_text(json.dumps(names, ensure_ascii=False), encoding="utf-8")
        numbers: dict[str, npt.NDArray[Any]] = {
            "axes": self._axes,
            "words": self._surface.words.weights,
            "characters": self._surface.characters.weights,
            "sounds": self._sounds.weights,
            # Half precision is enough for what is only multiplied and added up, and halves the file.
            "dense": self._dense.astype(np.float16),
            "solution": self._solution.astype(np.float16),
        }
        np.savez(folder / "numbers.npz", **numbers)
        for name, matrix in (("sounds", self._sound_rows), ("surface", self._rows), ("shares", self._shares)):
            sparse.save_npz(folder / f"{name}.npz", matrix, compressed=False)

    @classmethod
    def load(cls, folder: Path) -> Model:
        """Read a model that `save` wrote."""
        names = json.loads((folder / "names.json").read_text(encoding="utf-8"))
        with np.load(folder / "numbers.npz", allow_pickle=False) as numbers:
            surface = _Surface(names["vocabularies"], [numbers["words"], numbers["characters"]])
            sounds = sound_terms(names["sounds"], numbers["sounds"])
            axes, dense, solution = (numbers[name].astype(np.float32) for name in ("axes", "dense", "solution"))
        sound_rows, rows, shares = (sparse.load_npz(folder / f"{name}.npz") for name in ("sounds", "surface", "shares"))
        return cls(names["columns"], names["groups"], axes, dense, surface, rows, sounds, sound_rows, solution, shares)
