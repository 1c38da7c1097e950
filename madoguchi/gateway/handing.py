"""When the assistant's answer is that a person is wanted: calls staff where somebody is there, and says when they are where nobody is."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any, NoReturn

from sqlalchemy.exc import SQLAlchemyError

from madoguchi import Language
from madoguchi.answers import phrase
from madoguchi.answers.compose import contact_text
from madoguchi.conversations import Claim, ConversationError, Draft, Handovers
from madoguchi.conversations.handover import UNSURE_KINDS, ticket_offer
from madoguchi.conversations.live import say as say_handover
from madoguchi.requests.states import NEEDS_ROUTING
from madoguchi.store import utc_now
from madoguchi.text import fold
from madoguchi.understanding import choices

from .blocks import Layout
from .hub import Hub
from .threads import run_sync

logger = logging.getLogger(__name__)

WATCH_SECONDS = 5.0
_WISHES = frozenset(fold(text) for text in choices.FIXED["ask_person"].values())


def person_offer(lang: Language) -> dict[str, Any]:
    """The assistant's own button for a person."""
    title = choices.FIXED["ask_person"][lang]
    return {"title": title, "payload": title}


class Handing:
    """Between the turns of the assistant and the queue of staff."""

    def __init__(self, handovers: Handovers, hub: Hub, layout: Layout) -> None:
        self._handovers = handovers
        self._hub = hub
        self._layout = layout

    async def is_called_at_once(self, claim: Claim) -> bool:
        """Whether the customer pressed the button for a person and staff were called: the assistant is not needed for it."""
        return fold(claim.text) in _WISHES and await run_sync(self._queued, claim, None)

    async def drafts(self, claim: Claim, draft: Draft) -> list[Draft]:
        """What becomes of the assistant's answer: nothing, where staff were called instead; else the answer, with what goes with it."""
        answer = draft.body["answer"]
        if answer["kind"] == "human":
            if await run_sync(self._queued, claim, answer["company"]):
                return []
            # The assistant's own words say that nobody is there, and name the contact.
            return [draft, self._away(answer["company"] or claim.site, draft.lang)]
        offers = draft.body["offers"]
        if (
            answer["kind"] in UNSURE_KINDS
            and not any(fold(offer["payload"]) in _WISHES for offer in offers)
            and await run_sync(self._handovers.last_kind, claim.conversation_id) in UNSURE_KINDS
        ):
            return [replace(draft, body={**draft.body, "offers": [*offers, person_offer(draft.lang)]})]
        return [draft]

    def call(self, conversation_id: str) -> None:
        """Call staff for a customer who wants them, or say when they are there.

        Raises:
            ConversationError: `gone`, `closed`.
        """
        if not self._handovers.queue(conversation_id):
            company, lang = self._handovers.about(conversation_id)
            contact = contact_text(self._layout.corpus, company, lang, utc_now()) if company else None
            if company and contact is None:
                contact = phrase("human_no_contact", lang, company=self._layout.corpus.companies[company].full[lang])
            self._handovers.tell(conversation_id, self._away(company, lang, say_handover("handover_away", lang), contact))

    def before_press(self, conversation_id: str, offer: str) -> None:
        """A customer in the queue presses a button by which they go back to the assistant."""
        if self._handovers.is_way_back(conversation_id, offer):
            self._handovers.cancel(conversation_id)

    def offer_for_request(self, sender: str | None, state: str) -> None:
        """Offer a person to a customer whose ticket staff have to pass on."""
        if sender is not None and state == NEEDS_ROUTING:
            told = self._handovers.offer_for_request(sender, person_offer)
            if told is not None:
                self._hub.wake(told)

    async def watch(self) -> NoReturn:
        """Look after those who wait."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            try:
                for conversation_id in await run_sync(self._handovers.watch):
                    self._hub.wake(conversation_id)
            except SQLAlchemyError as error:
                logger.error("those who wait for staff are looked after later", exc_info=error)

    def _queued(self, claim: Claim, company: str | None) -> bool:
        try:
            return self._handovers.queue(claim.conversation_id, company)
        except ConversationError:  # deleted or closed meanwhile, as keeping the answer will show
            return False

    def _away(self, company: str | None, lang: Language, lead: str | None = None, contact: str | None = None) -> Draft:
        lines = (lead, self._handovers.hours_text(company, lang), contact, say_handover("handover_ticket", lang))
        return self._layout.system("handover_away", [line for line in lines if line], lang, [ticket_offer(lang)])
