"""What happens to a ticket on the customer's side: opening, contact, codes, state."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from madoguchi import LANGUAGES, Language
from madoguchi.store import digest_of
from madoguchi.text import take_in

from .actors import CUSTOMER, SYSTEM
from .codes import attempt, issue
from .contacts import CHANNELS, Channel, Contact, checked
from .errors import RefusedError, RequestError
from .mailing import tell_of_move
from .numbers import new_number, parse
from .office import COMPANIES_POSTING_FORMS, Office, Unit
from .states import AWAITING_CONTACT, AWAITING_VERIFICATION, ENDED, NEEDS_ROUTING, RECEIVED, UNVERIFIED, move
from .tables import BlindIndex, CodeWish, History, SealedField, Ticket
from .wording import phrase

RequestType = Literal[
    "disclosure", "correction", "addition", "deletion", "stop_use", "stop_third_party", "purpose_notice", "third_party_records"
]
TYPES: tuple[RequestType, ...] = (
    "disclosure", "correction", "addition", "deletion", "stop_use", "stop_third_party", "purpose_notice", "third_party_records",
)  # fmt: skip
Relation = Literal["self", "legal_representative", "mandated_representative"]
RELATIONS: tuple[Relation, ...] = ("self", "legal_representative", "mandated_representative")
Ground = Literal["untrue", "unlawful_use", "unlawful_acquisition", "unlawful_provision", "no_longer_needed", "leak", "rights_harmed"]
GROUNDS: tuple[Ground, ...] = (
    "untrue", "unlawful_use", "unlawful_acquisition", "unlawful_provision", "no_longer_needed", "leak", "rights_harmed",
)  # fmt: skip
"""Untrue (art. 34); breach of 18 or 19, of 20, of 27(1) or 28; the three of 35(5)."""

NOTICE_EDITION = "2026-11"
LONGEST_ABOUT = 1_000
_TRIES_FOR_A_NUMBER = 3


@dataclass(frozen=True)
class RequestDraft:
    """What the chat collected; nothing personal.

    Attributes:
        about: what the request concerns, in the customer's words; masked again before it is kept.
        ground: what they base it on, as far as they said.
        origin: Rasa's sender.
        instance: the run of the form within that conversation: the same again is the same ticket.
    """

    company: str
    type: RequestType
    relation: Relation
    channel: Channel
    lang: Language
    origin: str
    instance: str
    about: str | None = None
    ground: Ground | None = None


@dataclass(frozen=True)
class TicketView:
    """A ticket as its customer may see it.

    Attributes:
        duplicate_of: the number of an earlier ticket of the same person, told only to whoever has proven the same mailbox.
        code_sent: whether a code is on its way; False where as many were sent today as may be.
    """

    number: str
    company: str
    type: str
    relation: str
    channel: str
    lang: Language
    state: str
    contact_verified: bool
    duplicate_of: str | None
    opened_at: datetime
    code_sent: bool = False


@dataclass(frozen=True)
class StatusView:
    """What the status look-up tells."""

    state: str
    since: datetime
    type: str
    company: str


@dataclass(frozen=True)
class PurposeNotice:
    """The notice that is shown before the first personal field; its version stands for its very words."""

    version: str
    text: str


class Requests:
    """The customer's side of tickets. Calls block: an event loop makes them in a thread."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def open(self, draft: RequestDraft) -> TicketView:
        """Open a ticket; the same origin and instance again give the same one, from several processes at once too.

        Raises:
            RequestError: `unknown_company`, `unknown_value`: a value of the draft is none of those that there are.
        """
        self._check(draft)
        for _ in range(_TRIES_FOR_A_NUMBER):
            try:
                with self._office.unit() as unit:
                    return self._opened(unit, draft)
            except IntegrityError:  # another process opened it at this moment, or the number is taken
                continue
        raise RequestError("try_again", "the ticket could not be written; try again")

    def notice(self, number: str, lang: Language) -> PurposeNotice:
        """The purpose notice for a ticket's contact form (Act, art. 21(2)).

        Raises:
            RefusedError: no such ticket.
        """
        with self._office.database.read() as session:
            return self._notice(_found(session, number), lang)

    def make_link(self, number: str) -> str:
        """The secret of a link to the contact form, for channels without the widget: good once, for a day, in place of the one before.

        Raises:
            RefusedError: no such ticket, or it waits for no contact.
        """
        secret = secrets.token_urlsafe(32)
        with self._office.unit() as unit:
            ticket = unit.locked(parse(number) or "")
            if ticket is None or ticket.state not in UNVERIFIED:
                raise RefusedError
            ticket.link_hash, ticket.link_until = digest_of(secret), unit.now + self._office.settings.link_life
            unit.audit(CUSTOMER, "link_made", ticket.number)
        return secret

    def of_conversation(self, number: str, origin: str) -> TicketView:
        """A ticket by its number, for the conversation that opened it.

        Raises:
            RefusedError: no such ticket, or another conversation's.
        """
        with self._office.database.read() as session:
            ticket = _found(session, number)
            if ticket.origin != origin:
                raise RefusedError
            return self._view(session, ticket)

    def by_link(self, secret: str) -> TicketView:
        """The ticket whose contact form a link opens.

        Raises:
            RefusedError: the link is unknown, used or too old.
        """
        with self._office.database.read() as session:
            query = sa.select(Ticket).where(Ticket.link_hash == digest_of(secret), Ticket.link_until > self._office.now())
            ticket = session.execute(query).scalar_one_or_none()
            if ticket is None:
                raise RefusedError
            return self._view(session, ticket)

    def give_contact(
        self, number: str, contact: Contact, notice_version: str, origin: str | None = None, link: str | None = None
    ) -> TicketView:
        """Take a ticket's contact details and seal them; again, as long as the mailbox is not proven.

        For the channel `email` a code is sent. A telephone number or an address is not proven: staff see that.

        Args:
            number: of the ticket.
            contact: as entered.
            notice_version: of the purpose notice that was shown.
            origin: Rasa's sender of the conversation that opened the ticket, or
            link: the secret of a link.

        Raises:
            RefusedError: the number does not go with the origin or the link.
            ContactError: by field, what is wrong.
            RequestError: `notice_outdated`: show the notice anew; `already_given`: the ticket has its contact.
        """
        office = self._office
        with office.unit() as unit:
            ticket = unit.locked(parse(number) or "")
            if ticket is None or not self._may_give(ticket, origin, link, unit.now):
                raise RefusedError
            if ticket.state not in UNVERIFIED:
                raise RequestError("already_given", "this ticket has its contact, which does not change any more")
            notices = [notice for lang in LANGUAGES if (notice := self._notice(ticket, lang)).version == notice_version]
            if not notices:
                raise RequestError("notice_outdated", "the purpose notice was worded anew; show it again before taking contact details")
            kept = checked(contact, ticket.channel, ticket.relation != "self", ticket.company in COMPANIES_POSTING_FORMS)
            ticket.notice_version, ticket.notice_text = notices[0].version, notices[0].text
            self._seal(unit, ticket, kept)
            sent = False
            if kept.email is not None:
                if ticket.state == AWAITING_CONTACT:
                    move(unit.session, ticket, AWAITING_VERIFICATION, CUSTOMER, unit.now)
                sent = issue(office, unit.session, ticket, "contact", kept.email, unit.now)
            else:
                self._arrive(unit, ticket)
            return self._view(unit.session, ticket, sent)

    def resend_code(self, number: str, origin: str | None = None, link: str | None = None) -> bool:
        """Send a new code to the mailbox that waits for its proof; False where as many were sent today as may be.

        Raises:
            RefusedError: the number does not go with the origin or the link, or no mailbox waits for its proof.
        """
        with self._office.unit() as unit:
            ticket = unit.locked(parse(number) or "")
            if ticket is None or not self._may_give(ticket, origin, link, unit.now) or ticket.state != AWAITING_VERIFICATION:
                raise RefusedError
            email = self._office.seals.read(unit.session, ticket.id, "email")
            return email is not None and issue(self._office, unit.session, ticket, "contact", email, unit.now)

    def verify_contact(self, number: str, code: str) -> TicketView:
        """Prove the mailbox with the code that was sent to it; again with the same code tells the same.

        Raises:
            RefusedError: whatever is wrong.
        """
        printed, view = parse(number), None
        if printed is not None:
            with self._office.unit() as unit:
                ticket = unit.locked(printed)  # before the code's row, as `give_contact` does, or the two could wait for each other
                is_good = attempt(self._office, unit.session, printed, "contact", code, unit.now, spend=False)
                if is_good and ticket is not None and ticket.state not in ENDED:
                    if ticket.state == AWAITING_VERIFICATION:
                        ticket.contact_verified = True
                        self._arrive(unit, ticket)
                    view = self._view(unit.session, ticket)
        if view is None:
            raise RefusedError
        return view

    def request_status_code(self, number: str) -> None:
        """Have a code for the status look-up sent to the ticket's mailbox, if there are such a ticket and a proven mailbox.

        Nothing is looked up here, so that nobody can tell from the time it takes; the mailer does it.
        """
        printed = parse(number)
        if printed is not None:
            with self._office.database.write() as session:
                session.add(CodeWish(number=printed, at=self._office.now()))

    def status(self, number: str, code: str) -> StatusView:
        """A ticket's state, for a code that is good once.

        Raises:
            RefusedError: the number is wrong, or the code is, or there were too many tries: all alike.
        """
        printed, view = parse(number), None
        if printed is not None:
            with self._office.unit() as unit:
                if attempt(self._office, unit.session, printed, "status", code, unit.now, spend=True):
                    ticket = unit.session.execute(sa.select(Ticket).where(Ticket.number == printed)).scalar_one_or_none()
                    if ticket is not None:
                        last = sa.select(sa.func.max(History.id)).where(History.ticket_id == ticket.id).scalar_subquery()
                        since = unit.session.execute(sa.select(History.at).where(History.id == last)).scalar_one()
                        view = StatusView(ticket.state, since, ticket.type, ticket.company)
                        unit.audit(CUSTOMER, "status_read", printed)
        if view is None:
            raise RefusedError
        return view

    def _check(self, draft: RequestDraft) -> None:
        if draft.company not in self._office.companies:
            raise RequestError("unknown_company", "there is no policy of that company, so there are no tickets to it")
        known = (
            draft.type in TYPES and draft.relation in RELATIONS and draft.channel in CHANNELS and draft.lang in LANGUAGES
            and (draft.ground is None or draft.ground in GROUNDS)
        )  # fmt: skip
        if not known or not 0 < len(draft.origin) <= 64 or not 0 < len(draft.instance) <= 64:
            raise RequestError("unknown_value", "type, relation, channel, language or ground is none of those that there are")

    def _opened(self, unit: Unit, draft: RequestDraft) -> TicketView:
        same = sa.select(Ticket).where(Ticket.origin == draft.origin, Ticket.instance == draft.instance)
        known = unit.session.execute(same).scalar_one_or_none()
        if known is not None:
            return self._view(unit.session, known)
        ticket = Ticket(
            id=uuid.uuid4().hex, number=new_number(), company=draft.company, type=draft.type, relation=draft.relation,
            channel=draft.channel, about=take_in(draft.about[:LONGEST_ABOUT]).text or None if draft.about else None, ground=draft.ground,
            lang=draft.lang, state=AWAITING_CONTACT, origin=draft.origin, instance=draft.instance, contact_verified=False,
            opened_at=unit.now, version=1,
        )  # fmt: skip
        unit.session.add(ticket)
        unit.session.flush()
        unit.session.add(History(ticket_id=ticket.id, at=unit.now, actor=CUSTOMER.id, to_state=AWAITING_CONTACT, facts={}))
        unit.audit(CUSTOMER, "opened", ticket.number, company=ticket.company, type=ticket.type)
        return self._view(unit.session, ticket)

    def _notice(self, ticket: Ticket, lang: Language) -> PurposeNotice:
        text = phrase(
            "purpose_notice", lang, operator=self._office.settings.operator_name(lang),
            company=self._office.companies[ticket.company][lang], type=phrase(f"type_{ticket.type}", lang),
        )  # fmt: skip
        return PurposeNotice(f"{NOTICE_EDITION}-{lang}-{hashlib.sha256(text.encode()).hexdigest()[:12]}", text)

    def _may_give(self, ticket: Ticket, origin: str | None, link: str | None, now: datetime) -> bool:
        if link is not None:
            is_fresh = ticket.link_until is not None and now < ticket.link_until
            return hmac.compare_digest(digest_of(link), ticket.link_hash or "") and is_fresh
        return origin is not None and hmac.compare_digest(digest_of(origin), digest_of(ticket.origin or "")) and ticket.origin is not None

    def _seal(self, unit: Unit, ticket: Ticket, contact: Contact) -> None:
        seals, session = self._office.seals, unit.session
        given = {name: value for name, value in asdict(contact).items() if value is not None}
        session.execute(sa.delete(SealedField).where(SealedField.ticket_id == ticket.id, SealedField.name.in_(list(asdict(contact)))))
        session.execute(sa.delete(BlindIndex).where(BlindIndex.ticket_id == ticket.id))
        for name, value in given.items():
            seals.put(session, ticket.id, name, value)
            if name != "address":
                found_by = seals.blind_index(ticket.company, name, value)
                session.add(BlindIndex(ticket_id=ticket.id, kind=name, company=ticket.company, hash=found_by))
        ticket.version += 1
        unit.audit(CUSTOMER, "contact_given", ticket.number, fields=sorted(given), notice=ticket.notice_version)

    def _arrive(self, unit: Unit, ticket: Ticket) -> None:
        ticket.arrived_at = unit.now
        ticket.link_hash = ticket.link_until = None
        move(unit.session, ticket, RECEIVED if ticket.company in self._office.companies_with_contact else NEEDS_ROUTING, CUSTOMER, unit.now)
        earlier = self._earlier(unit.session, ticket)
        if earlier is not None:
            ticket.duplicate_of = earlier.id
            unit.audit(SYSTEM, "duplicate_linked", ticket.number, earlier=earlier.number)
        unit.audit(CUSTOMER, "arrived", ticket.number, state=ticket.state, verified=ticket.contact_verified)
        tell_of_move(self._office, unit.session, ticket, unit.now)

    def _earlier(self, session: Session, ticket: Ticket) -> Ticket | None:
        """An open ticket of the same company and type by the same contact, and for the same person where somebody represents one."""
        mine = session.execute(sa.select(BlindIndex.kind, BlindIndex.hash).where(BlindIndex.ticket_id == ticket.id))
        indices = {row.kind: row.hash for row in mine}
        kinds = [kind for kind in ("email", "phone") if kind in indices]
        if not kinds:
            return None
        wanted = [kinds[0], *(["represented_name"] if "represented_name" in indices else [])]
        query = sa.select(Ticket).where(
            Ticket.company == ticket.company, Ticket.type == ticket.type, Ticket.relation == ticket.relation, Ticket.id != ticket.id,
            Ticket.arrived_at.is_not(None), Ticket.state.not_in(ENDED),
        )  # fmt: skip
        for kind in wanted:
            hits = sa.select(BlindIndex.ticket_id).where(
                BlindIndex.company == ticket.company, BlindIndex.kind == kind, BlindIndex.hash == indices[kind]
            )
            query = query.where(Ticket.id.in_(hits))
        return session.execute(query.order_by(Ticket.opened_at).limit(1)).scalar_one_or_none()

    def _view(self, session: Session, ticket: Ticket, code_sent: bool = False) -> TicketView:
        earlier = session.get(Ticket, ticket.duplicate_of) if ticket.duplicate_of and ticket.contact_verified else None
        return TicketView(
            ticket.number, ticket.company, ticket.type, ticket.relation, ticket.channel, ticket.lang, ticket.state,
            ticket.contact_verified, earlier.number if earlier else None, ticket.opened_at, code_sent,
        )  # fmt: skip


def _found(session: Session, number: str) -> Ticket:
    ticket = session.execute(sa.select(Ticket).where(Ticket.number == (parse(number) or ""))).scalar_one_or_none()
    if ticket is None:
        raise RefusedError
    return ticket
