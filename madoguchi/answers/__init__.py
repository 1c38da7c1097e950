"""From an inquiry and the state of the conversation to the reply. No Rasa and no database in here."""

from .draft import DRAFT_FIELDS, Draft
from .engine import Assistant
from .form import RequestForm
from .phrases import phrase
from .reply import Button, Reply, State

__all__ = ["DRAFT_FIELDS", "Assistant", "Button", "Draft", "Reply", "RequestForm", "State", "phrase"]
