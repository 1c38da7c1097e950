"""From an inquiry and the state of the conversation to the reply. No Rasa and no database in here."""

from .engine import Assistant
from .phrases import phrase
from .reply import Button, Reply, State

__all__ = ["Assistant", "Button", "Reply", "State", "phrase"]
