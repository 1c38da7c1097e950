"""The open handovers, as all consoles of a process look at them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator

from sqlalchemy.exc import SQLAlchemyError

from madoguchi.conversations import LiveChats, Row
from madoguchi.gateway.threads import run_sync

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0


class Board:
    """The open handovers, read for all consoles of a process together, while there is one that looks."""

    def __init__(self, chats: LiveChats) -> None:
        self._chats = chats
        self._looking: set[asyncio.Event] = set()
        self._reading: asyncio.Task[None] | None = None
        self.rows: list[Row] = []

    @contextlib.contextmanager
    def watched(self) -> Iterator[asyncio.Event]:
        """An event that is set whenever the rows have changed."""
        event = asyncio.Event()
        self._looking.add(event)
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        try:
            yield event
        finally:
            self._looking.discard(event)

    async def _read(self) -> None:
        seen = None
        while self._looking:
            try:
                signature = await run_sync(self._chats.signature)
                if signature != seen:
                    self.rows = await run_sync(self._chats.board)
                    seen = signature
                    for event in self._looking:
                        event.set()
            except SQLAlchemyError as error:
                logger.error("consoles are not told of news for now", exc_info=error)
            await asyncio.sleep(POLL_SECONDS)
