"""Who waits for news of which conversation: woken at once by this process, within half a second by any other."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Iterator
from typing import NoReturn

from sqlalchemy.exc import SQLAlchemyError

from madoguchi.conversations import Conversations, News

from .threads import run_sync

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.5
_NEVER_SEEN = -1
_MOST_NEWS = 16


class Subscription(asyncio.Event):
    """Set whenever something about a conversation has changed; may have been handed what."""

    def __init__(self) -> None:
        super().__init__()
        self._news: list[News] = []
        self._has_to_read = True

    def hear(self, news: News | None = None) -> None:
        """Wake the reader; without news it has to read."""
        if news is None or len(self._news) >= _MOST_NEWS:
            self._has_to_read = True
            self._news.clear()
        else:
            self._news.append(news)
        self.set()

    def take(self, version: int | None) -> list[News] | None:
        """What came after a version, without a gap; None where the reader has to read the database."""
        news, has_to_read = self._news, self._has_to_read
        self._news, self._has_to_read = [], False
        if has_to_read or version is None:
            return None
        following = []
        for each in news:
            if each.version <= version:
                continue  # it was in what the reader has read
            if each.before != version:
                return None
            following.append(each)
            version = each.version
        return following


class Hub:
    """Subscriptions of one process. Waking is a hint: a reader that was not handed all that is new reads the database."""

    def __init__(self, conversations: Conversations) -> None:
        self._conversations = conversations
        self._waiting: defaultdict[str, set[Subscription]] = defaultdict(set)
        self._versions: dict[str, int | None] = {}

    @property
    def readers(self) -> int:
        """Streams and long polls that are open."""
        return sum(map(len, self._waiting.values()))

    @contextlib.contextmanager
    def subscribed(self, conversation_id: str) -> Iterator[Subscription]:
        """An event that is set whenever something about the conversation has changed."""
        event = Subscription()
        self._waiting[conversation_id].add(event)
        try:
            yield event
        finally:
            self._waiting[conversation_id].discard(event)
            if not self._waiting[conversation_id]:
                del self._waiting[conversation_id]
                self._versions.pop(conversation_id, None)

    def wake(self, conversation_id: str, news: News | None = None) -> None:
        """Wake those who wait for a conversation in this process, with what is new, where that is known."""
        if news is not None and self._versions.get(conversation_id) == news.before:
            self._versions[conversation_id] = news.version  # they need not be woken for it once more
        for event in self._waiting.get(conversation_id, ()):
            event.hear(news)

    async def poll(self) -> NoReturn:
        """Notice what other processes have written."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            watched = list(self._waiting)
            if not watched:
                continue
            try:
                found = await run_sync(self._conversations.versions, watched)
            except SQLAlchemyError as error:
                logger.error("readers are not told of news for now", exc_info=error)
                continue
            for conversation_id in watched:
                # One that is seen for the first time may have changed since its reader looked.
                version = found.get(conversation_id)
                if self._versions.get(conversation_id, _NEVER_SEEN) != version:
                    self.wake(conversation_id)
                self._versions[conversation_id] = version
