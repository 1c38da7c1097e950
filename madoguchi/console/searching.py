"""The look-up in the console's process: made in the background when the console is first opened, used in threads of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from madoguchi.corpus import Corpus, Entry
from madoguchi.lookup import Comparison, Found, Lookup, ModelState, Said, Trained, say_entry
from madoguchi.settings import ROOT
from madoguchi.store import utc_now

if TYPE_CHECKING:
    from madoguchi.understanding.understand import Understanding

THREADS = 2
"""The word splitter keeps a dictionary for each thread, so the look-up has few, and the same ones."""

_WARM_UP = ("お電話は録音されますか", "are calls recorded?")


class Result(NamedTuple):
    """What a query leads to, and each result of it in words: those set apart after the others."""

    found: Found
    said: Sequence[Said]


class Searching:
    """The look-up of one process. No query is kept longer than in the memory of this process, and none is logged."""

    def __init__(self, corpus: Corpus, model: str | None) -> None:
        """Begin to read the corpus's words, and then the trained model; a search waits for the former, not for the latter.

        Args:
            model: the name of the model's archive, as the supervisor gives it; None where none is to be expected.
        """
        self._corpus = corpus
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="look-up")
        self._lookup: Future[Lookup] = Future()
        self._trained = Trained(corpus, ROOT / "models" / model if model else None, self._learned)
        threading.Thread(target=self._prepare, name="look-up", daemon=True).start()

    @property
    def state(self) -> ModelState:
        """Whether the trained model is there."""
        return self._trained.state

    @cached_property
    def comparison(self) -> Comparison:
        """What each company states, side by side."""
        return Comparison(self._corpus)

    async def search(self, text: str, company: str | None) -> Result:
        """Search; see `Lookup.search`."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._search, text, company)

    async def say(self, entries: Sequence[Entry]) -> Sequence[Said]:
        """Clauses and gaps in words, without a query."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._say, entries, "", utc_now())

    def _search(self, text: str, company: str | None) -> Result:
        now = utc_now()
        found = self._lookup.result().search(text, company, now=now)
        return Result(found, self._say([hit.entry for hit in (*found.hits, *found.apart)], found.query, now))

    def _say(self, entries: Sequence[Entry], query: str, now: datetime) -> Sequence[Said]:
        return [say_entry(self._corpus, entry, query, now=now) for entry in entries]

    def _prepare(self) -> None:
        try:
            self._lookup.set_result(Lookup(self._corpus))
        except Exception as error:  # whoever searches is told, instead of waiting for ever
            self._lookup.set_exception(error)
            raise
        self._trained.start()

    def _learned(self, understanding: Understanding) -> None:
        lookup = self._lookup.result()
        lookup.learned(understanding)
        for text in _WARM_UP * THREADS:
            self._pool.submit(lookup.search, text, now=utc_now())
