"""Terms of sentences, weighted by how rare they are: a row a sentence, so that the product of two rows is their likeness."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

Floats = npt.NDArray[np.float32]


class Row(NamedTuple):
    """The row of one sentence: its columns, and what stands in them."""

    columns: Sequence[int]
    values: Sequence[float]


class Terms:
    """TF-IDF of scikit-learn for many sentences; for one, the same in a tenth of its time."""

    def __init__(
        self,
        analyzer: str | Callable[[str], list[str]],
        ngram_range: tuple[int, int] = (1, 1),
        min_df: int = 1,
        vocabulary: Mapping[str, int] | None = None,
        weights: npt.NDArray[np.float64] | None = None,
    ) -> None:
        """Terms to be learned, or with what was learned.

        Args:
            analyzer, ngram_range, min_df: as scikit-learn's `TfidfVectorizer` takes them.
            vocabulary, weights: the column of each term, and the weight of each column.
        """
        self._vectorizer = TfidfVectorizer(
            analyzer=analyzer, ngram_range=ngram_range, min_df=min_df, sublinear_tf=True, dtype=np.float32, lowercase=False
        )
        self._terms_of = self._vectorizer.build_analyzer()
        self.vocabulary = dict(vocabulary or {})
        self.weights = weights if weights is not None else np.zeros(0)

    def fit(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """Learn the terms of texts and return their rows; without any text there are no terms."""
        if not any(texts):
            return sparse.csr_matrix((len(texts), 0), dtype=np.float32)
        rows = self._vectorizer.fit_transform(texts)
        self.vocabulary = {term: int(column) for term, column in self._vectorizer.vocabulary_.items()}
        self.weights = self._vectorizer.idf_
        return rows

    def row(self, text: str) -> Row:
        """The row of one sentence, of length 1 where any of its terms is known."""
        counts = Counter(column for term in self._terms_of(text) if (column := self.vocabulary.get(term)) is not None)
        weighted = [(1.0 + math.log(count)) * self.weights[column] for column, count in counts.items()]
        length = math.hypot(*weighted) or 1.0
        return Row(list(counts), [weight / length for weight in weighted])


def joined(parts: Sequence[tuple[Row, Terms, float]]) -> Row:
    """Rows beside each other, each weighted by the root of its share in the likeness."""
    columns: list[int] = []
    values: list[float] = []
    start = 0
    for row, terms, share in parts:
        columns += [start + column for column in row.columns]
        values += [math.sqrt(share) * value for value in row.values]
        start += len(terms.vocabulary)
    return Row(columns, values)


def likenesses(row: Row, turned: sparse.csr_matrix) -> Floats:
    """The product of a sentence's row with the rows of many.

    Args:
        turned: those rows, turned: a row a column, a column a sentence. Only the columns that the sentence has are read.

    Returns:
        One likeness a sentence, in single precision: one double in a product with a large matrix would have numpy copy it into doubles.
    """
    starts = turned.indptr
    reaches = [slice(starts[column], starts[column + 1]) for column in row.columns]
    if not reaches:
        return np.zeros(turned.shape[1], dtype=np.float32)
    found = np.concatenate([turned.indices[reach] for reach in reaches])
    weights = np.concatenate([turned.data[reach] * value for reach, value in zip(reaches, row.values)])
    return np.bincount(found, weights, turned.shape[1]).astype(np.float32)
