"""Conversations: messages, their order, state and life time. Blocking calls; no web framework and no Rasa in here."""

from .chats import HandoverError, LiveChat, LiveChats, Row
from .errors import ConversationError
from .handover import Handovers
from .presence import Presence
from .service import Conversations, Limits
from .turns import Claim, Kept, Turns
from .upkeep import Upkeep
from .writing import Draft, News

__all__ = [
    "Claim",
    "ConversationError",
    "Conversations",
    "Draft",
    "HandoverError",
    "Handovers",
    "Kept",
    "Limits",
    "LiveChat",
    "LiveChats",
    "News",
    "Presence",
    "Row",
    "Turns",
    "Upkeep",
]
