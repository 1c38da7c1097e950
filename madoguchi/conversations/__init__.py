"""Conversations: messages, their order, state and life time. Blocking calls; no web framework and no Rasa in here."""

from .errors import ConversationError
from .service import Conversations, Limits
from .turns import Claim, Turns
from .upkeep import Upkeep
from .writing import Draft

__all__ = ["Claim", "ConversationError", "Conversations", "Draft", "Limits", "Turns", "Upkeep"]
