"""What an operator does with conversations by command, over the same services as the gateway."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

from madoguchi import MadoguchiError
from madoguchi.conversations import ConversationError, Upkeep
from madoguchi.settings import Settings
from madoguchi.store import Database

from .assistant import AssistantClient, AssistantError


class NoConversationError(MadoguchiError):
    """No conversation of that id is kept."""


def _opened() -> tuple[Settings, Upkeep]:
    settings = Settings.load()
    database = Database(settings.database_url)
    database.migrate()
    return settings, Upkeep(database)


def purge(older_than: timedelta) -> tuple[int, int]:
    """Delete what nobody has written in for that long; returns how many conversations, and of how many Rasa still holds events."""
    settings, upkeep = _opened()
    return upkeep.purge(older_than), asyncio.run(_erase_events(settings, upkeep))


def erase(conversation_id: str) -> tuple[int, int]:
    """Delete one conversation; returns the number of its messages, and 1 where Rasa still holds its events.

    Raises:
        NoConversationError: there is none of that id.
    """
    settings, upkeep = _opened()
    try:
        erased = upkeep.erase(conversation_id)
    except ConversationError as error:
        raise NoConversationError(f"no conversation {conversation_id} is kept") from error
    return erased.messages, asyncio.run(_erase_events(settings, upkeep))


def export(conversation_id: str) -> str:
    """Everything that is kept of a conversation, as JSON.

    Raises:
        NoConversationError: there is none of that id.
    """
    try:
        found = _opened()[1].export(conversation_id)
    except ConversationError as error:
        raise NoConversationError(f"no conversation {conversation_id} is kept") from error
    return json.dumps(found, ensure_ascii=False, indent=2) + "\n"


async def _erase_events(settings: Settings, upkeep: Upkeep) -> int:
    client = AssistantClient(settings)
    try:
        due = upkeep.erasures_due()
        while due:
            for sender in due:
                await client.erase(sender)
                upkeep.erased(sender)
            due = upkeep.erasures_due()
    except AssistantError:
        return len(upkeep.erasures_due())
    finally:
        await client.close()
    return 0
