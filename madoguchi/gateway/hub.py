"""Who waits for news of which conversation: woken at once by this process, within half a second by any other."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Iterator
from typing import NoReturn

from anyio.to_thread import run_sync
from sqlalchemy.exc import SQLAlchemyError

from madoguchi.conversations import Conversations

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.5
_NEVER_SEEN = -1


class Hub:
    """Subscriptions of one process. Waking is a hint: a reader that is woken reads the database."""

    def __init__(self, conversations: Conversations) -> None:
        self._conversations = conversations
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._versions: dict[str, int | None] = {}

    @property
    def readers(self) -> int:
        """Streams and long polls that are open."""
        return sum(map(len, self._waiting.values()))

    @contextlib.contextmanager
    def subscribed(self, conversation_id: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever something about the conversation has changed."""
        event = asyncio.Event()
        self._waiting[conversation_id].add(event)
        try:
            yield event
        finally:
            self._waiting[conversation_id].discard(event)
            if not self._waiting[conversation_id]:
                del self._waiting[conversation_id]
                self._versions.pop(conversation_id, None)

    def wake(self, conversation_id: str) -> None:
        """Wake those who wait for a conversation in this process."""
        for event in self._waiting.get(conversation_id, ()):
            event.set()

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
