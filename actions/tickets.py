"""The way from a finished form to the ticket store; the only place where actions touch the database."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, cast

from sqlalchemy.exc import SQLAlchemyError

from madoguchi import MadoguchiError
from madoguchi.answers import State
from madoguchi.answers.form import about_text
from madoguchi.office import office_of
from madoguchi.requests import RequestDraft, Requests
from madoguchi.requests.contacts import Channel
from madoguchi.requests.service import Relation, RequestType
from madoguchi.settings import Settings


class TicketError(MadoguchiError):
    """The ticket could not be opened; the message holds nothing of it."""


class OpenedTicket(NamedTuple):
    """A ticket's number, and the one-time page for contact details where the customer's page has no form."""

    number: str
    link: str | None


@lru_cache(maxsize=1)
def _requests() -> Requests:
    return Requests(office_of(Settings.load()))


def open_ticket(state: State) -> OpenedTicket:
    """Open the ticket of a complete draft; the same draft again gives the same ticket.

    Raises:
        TicketError: the store cannot be used.
    """
    draft, language = state.draft, state.language or "ja"
    wanted = RequestDraft(
        company=str(draft.company),
        type=cast(RequestType, draft.type),
        relation=cast(Relation, draft.relation),
        channel=cast(Channel, draft.channel),
        about=about_text(str(draft.about), language),
        lang=language,
        origin=state.sender,
        instance=str(draft.id),
    )
    try:
        opened = _requests().open(wanted)
        link = None if state.on_page else _requests().make_link(opened.number)
    except (SQLAlchemyError, MadoguchiError) as error:
        raise TicketError(type(error).__name__) from error
    address = f"{Settings.load().public_url}request#{link}" if link else None
    return OpenedTicket(opened.number, address)
