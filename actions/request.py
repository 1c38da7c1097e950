"""The form of a data subject request: what a message means to it, what it asks, and how it ends (issue 5)."""

from __future__ import annotations

import logging
import uuid
from abc import abstractmethod
from dataclasses import replace
from datetime import datetime

from rasa_sdk import Tracker
from rasa_sdk.events import EventType, SlotSet

from madoguchi.answers import Assistant, Reply, State
from madoguchi.answers.draft import CANCEL, STEPS, Draft
from madoguchi.answers.form import begin, take
from madoguchi.understanding.inquiry import Inquiry

from .base import SafeAction, SafeEvents, assistant, form, inquiry_of, slots_of, state_of
from .tickets import TicketError, open_ticket

REQUESTED_SLOT = "requested_slot"
logger = logging.getLogger(__name__)


class ValidateRequestForm(SafeEvents):
    """What a message means to the form. No slot set means that it is a matter of its own, which Rasa then answers by its rule."""

    def name(self) -> str:
        """The name that Rasa's form calls."""
        return "validate_request_form"

    def events(self, tracker: Tracker) -> list[EventType]:
        """Set the slots of the draft; a draft that ends early ends the form."""
        inquiry, state = inquiry_of(tracker), state_of(tracker)
        if tracker.slots.get(REQUESTED_SLOT) is None:
            after: Draft | None = begin(inquiry, assistant().companies(inquiry, state), uuid.uuid4().hex)
        else:
            after = take(state.draft, tracker.latest_message.get("text") or "", inquiry)
        if after is None:
            return []
        settled = Assistant.settled(inquiry, state)
        events = slots_of(state, replace(settled, draft=after))
        return [*events, SlotSet(REQUESTED_SLOT, None)] if after.decision == CANCEL else events


class _Ask(SafeAction):
    """The question of one step."""

    @property
    @abstractmethod
    def step(self) -> str:
        """The step's name."""

    def name(self) -> str:
        """The name by which Rasa's form finds it."""
        return f"action_ask_request_form_request_{self.step}"

    def respond(self, inquiry: Inquiry, state: State, now: datetime) -> Reply:
        """The question."""
        return form().ask(state, inquiry.questions[0].text if inquiry.questions else "")


class AskCompany(_Ask):
    """Which company."""

    step = STEPS[0]


class AskType(_Ask):
    """Which type of request."""

    step = STEPS[1]


class AskRelation(_Ask):
    """For oneself or for another."""

    step = STEPS[2]


class AskChannel(_Ask):
    """How to be contacted."""

    step = STEPS[3]


class AskAbout(_Ask):
    """What information."""

    step = STEPS[4]


class AskDecision(_Ask):
    """Whether to open the ticket."""

    step = STEPS[5]


class OpenRequest(SafeAction):
    """The end of the form: the ticket is opened, once, or the draft is dropped."""

    def name(self) -> str:
        """The action's name in domain.yml."""
        return "action_open_request"

    def respond(self, inquiry: Inquiry, state: State, now: datetime) -> Reply:
        """The ticket's number; where it cannot be opened, the answers stay for another try."""
        if state.draft.decision == CANCEL:
            return form().cancelled(state)
        if not state.draft.is_complete:
            return assistant().not_understood(inquiry, state, now)
        try:
            ticket = open_ticket(state)
        except TicketError as error:
            logger.error("no ticket opened: %s", error)
            return form().not_opened(state)
        return form().opened(state, ticket.number, ticket.link)
