"""What staff do with tickets. Every act is audited, reading included, and only tickets of an actor's own companies can be touched."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from madoguchi import Language
from madoguchi.store import UtcDateTime

from .actors import Actor
from .clocks import Clocks, clocks
from .contacts import looked_up
from .errors import ConflictError, RequestError, UnknownTicketError
from .mailing import tell_of_move
from .numbers import parse
from .office import Office, Unit
from .retention import shred
from .seal import Rotation
from .states import ENDED, Facts, move
from .tables import Audit, BlindIndex, History, Mail, SealedField, Ticket

PERSONAL_FIELDS = ("name", "email", "phone", "address", "represented_name", "note")
_COLUMNS = (
    "number", "company", "type", "relation", "channel", "lang", "state", "held_from", "reason", "notice_date", "duplicate_of",
    "assignee", "contact_verified", "ground", "about", "opened_at", "arrived_at", "documents_at", "answered_at", "closed_at",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_LONGEST_NOTE = 4_000
_MOST_FOUND = 1_000


@dataclass(frozen=True)
class Filters:
    """Which tickets to list; what is None does not restrict.

    Attributes:
        contact: a mail address, a telephone number or a name, found by its blind index; it is not kept anywhere.
        after: the number of the last ticket of the page before.
    """

    company: str | None = None
    state: str | None = None
    type: str | None = None
    assignee: str | None = None
    contact: str | None = None
    is_open: bool | None = None
    limit: int = 50
    after: str | None = None


@dataclass(frozen=True)
class StaffView:
    """A ticket as staff see it: nothing personal, which `reveal` reads.

    Attributes:
        has: names of the personal fields that there are.
        clocks: what is due.
    """

    number: str
    company: str
    type: str
    relation: str
    channel: str
    lang: Language
    state: str
    held_from: str | None
    reason: str | None
    notice_date: date | None
    duplicate_of: str | None
    assignee: str | None
    contact_verified: bool
    ground: str | None
    about: str | None
    opened_at: datetime
    arrived_at: datetime | None
    documents_at: datetime | None
    answered_at: datetime | None
    closed_at: datetime | None
    shredded_at: datetime | None
    version: int
    clocks: Clocks
    has: tuple[str, ...] = ()


@dataclass(frozen=True)
class Moved:
    """A move in a ticket's history."""

    at: datetime
    actor: str
    from_state: str | None
    to_state: str
    facts: dict[str, Any]


@dataclass(frozen=True)
class Logged:
    """An entry of the audit log."""

    seq: int
    at: datetime
    actor: str
    role: str
    action: str
    number: str | None
    detail: dict[str, Any]


class Staff:
    """The staff's side of tickets. Calls block: an event loop makes them in a thread.

    Every method may raise ForbiddenError, which is audited: the role may not do that, or the ticket is another company's;
    and, where it is given a number, UnknownTicketError.
    """

    def __init__(self, office: Office) -> None:
        self._office = office

    def list(self, actor: Actor, filters: Filters | None = None) -> tuple[StaffView, ...]:
        """Tickets of the actor's companies, the newest first."""
        filters = filters or Filters()
        with self._office.unit() as unit:
            views = self._listed(unit.session, actor, filters, "list")
            unit.audit(actor, "listed", count=len(views), company=filters.company, by_contact=filters.contact is not None)
        return tuple(views)

    def show(self, number: str, actor: Actor) -> tuple[StaffView, tuple[Moved, ...]]:
        """A ticket and its history."""
        with self._office.unit() as unit:
            ticket = self._ticket(unit, number, actor, "show")
            unit.audit(actor, "shown", ticket.number)
            return self._view(unit.session, ticket, with_fields=True), self._history(unit.session, ticket)

    def reveal(self, number: str, field: str, actor: Actor) -> tuple[str, ...]:
        """The values of a personal field: one, none, or several notes; the audit log keeps that it was read.

        Raises:
            RequestError: `unknown_field`.
        """
        if field not in PERSONAL_FIELDS:
            raise RequestError("unknown_field", f"the personal fields are {', '.join(PERSONAL_FIELDS)}")
        with self._office.unit() as unit:
            ticket = self._ticket(unit, number, actor, "reveal")
            unit.audit(actor, "revealed", ticket.number, field=field)
            return self._opened(unit.session, ticket, field)

    def move(
        self,
        number: str,
        to: str,
        actor: Actor,
        reason: str | None = None,
        notice_date: date | None = None,
        duplicate_of: str | None = None,
        documents_at: datetime | None = None,
        version: int | None = None,
    ) -> StaffView:
        """Move a ticket to a state (states.py), and tell its person by mail where there is a mail for it.

        Args:
            number: of the ticket.
            to: the state.
            actor: who moves it.
            reason: for a decision other than to fulfil, and for putting it on hold (law.yml).
            notice_date: when the person was notified of such a decision.
            duplicate_of: the number of the earlier ticket.
            documents_at: when form and documents came in.
            version: of the ticket as it was seen; where it has changed since, nothing is done.

        Raises:
            IllegalMoveError: audited; `code` and message say what is missing.
            ConflictError: it has changed since it was seen.
        """
        with self._office.unit() as unit:
            ticket = self._ticket(unit, number, actor, "move")
            if version is not None and version != ticket.version:
                raise ConflictError
            other = self._find(unit.session, duplicate_of) if duplicate_of is not None else None
            before = ticket.state
            move(unit.session, ticket, to, actor, unit.now, Facts(reason, notice_date, other, documents_at))
            unit.audit(actor, "moved", ticket.number, **{"from": before, "to": to, "reason": reason})
            tell_of_move(self._office, unit.session, ticket, unit.now)
            return self._view(unit.session, ticket)

    def note(self, number: str, text: str, actor: Actor) -> None:
        """Add a note, sealed, because it may say anything.

        Raises:
            RequestError: `empty`, `too_long`; `shredded`: the ticket takes nothing personal any more.
        """
        if not text.strip() or len(text) > _LONGEST_NOTE:
            raise RequestError("too_long" if text.strip() else "empty", f"a note has 1 to {_LONGEST_NOTE} characters")
        with self._office.unit() as unit:
            ticket = self._ticket(unit, number, actor, "note")
            if ticket.shredded_at is not None:
                raise RequestError("shredded", "the personal fields of this ticket were destroyed; it takes no notes")
            mine = (SealedField.ticket_id == ticket.id, SealedField.name == "note")
            last = unit.session.execute(sa.select(sa.func.max(SealedField.position)).where(*mine)).scalar_one()
            self._office.seals.put(unit.session, ticket.id, "note", text, (last or 0) + 1)
            ticket.version += 1
            unit.audit(actor, "noted", ticket.number)

    def assign(self, number: str, assignee: str | None, actor: Actor) -> StaffView:
        """Give a ticket to somebody, by the id of their account, or to nobody.

        Raises:
            RequestError: `too_long`.
        """
        if assignee is not None and not 0 < len(assignee) <= 64:
            raise RequestError("too_long", "the id of an account has 1 to 64 characters")
        with self._office.unit() as unit:
            ticket = self._ticket(unit, number, actor, "assign")
            ticket.assignee = assignee
            ticket.version += 1
            unit.audit(actor, "assigned", ticket.number, to=assignee)
            return self._view(unit.session, ticket)

    def set_dates(self, number: str, actor: Actor, arrived_at: datetime | None = None, documents_at: datetime | None = None) -> StaffView:
        """Put right when the formal request or its documents came in, which the clocks run from.

        Raises:
            RequestError: `in_future`.
        """
        with self._office.unit() as unit:
            ticket = self._ticket(unit, number, actor, "date")
            given = {"arrived_at": arrived_at, "documents_at": documents_at}
            dates = {name: moment for name, moment in given.items() if moment is not None}
            if any(moment > unit.now for moment in dates.values()):
                raise RequestError("in_future", "a request or a document cannot have come in later than now")
            for name, moment in dates.items():
                setattr(ticket, name, moment)
            ticket.version += 1
            unit.audit(actor, "dated", ticket.number, **{name: moment.isoformat() for name, moment in dates.items()})
            return self._view(unit.session, ticket)

    def export(self, number: str, actor: Actor) -> dict[str, Any]:
        """Everything that is held on a ticket, its personal fields opened (R13)."""
        with self._office.unit() as unit:
            ticket = self._ticket(unit, number, actor, "export")
            session = unit.session
            unit.audit(actor, "exported", ticket.number)
            view = self._view(session, ticket)
            mails = session.execute(sa.select(Mail).where(Mail.ticket_id == ticket.id).order_by(Mail.created_at)).scalars()
            return {
                "ticket": {name: _plain(getattr(view, name)) for name in (*_COLUMNS, "shredded_at")},
                "purpose_notice": {"version": ticket.notice_version, "text": ticket.notice_text},
                "personal": {field: values for field in PERSONAL_FIELDS if (values := [*self._opened(session, ticket, field)])},
                "history": [
                    {"at": _plain(row.at), "actor": row.actor, "from": row.from_state, "to": row.to_state, "facts": row.facts}
                    for row in self._history(session, ticket)
                ],
                "mails": [
                    {"kind": mail.kind, "state": mail.state, "created_at": _plain(mail.created_at), "sent_at": _plain(mail.sent_at)}
                    for mail in mails
                ],
            }

    def csv(self, actor: Actor, filters: Filters | None = None) -> str:
        """Tickets as a table for spreadsheets, nothing personal in it; no cell can be taken for a formula."""
        filters = filters or Filters(limit=100_000)
        with self._office.unit() as unit:
            views = self._listed(unit.session, actor, filters, "csv")
            unit.audit(actor, "csv", count=len(views), company=filters.company)
        out = io.StringIO()
        writer = csv.writer(out, quoting=csv.QUOTE_ALL)
        writer.writerow([*_COLUMNS, "target", "suit_alert"])
        for view in views:
            values = [*(getattr(view, name) for name in _COLUMNS), view.clocks.target, view.clocks.suit_alert]
            writer.writerow([_cell(_plain(value)) for value in values])
        return out.getvalue()

    def erase(self, number: str, actor: Actor) -> None:
        """Destroy the personal fields of a ticket that has ended, before its time.

        Raises:
            RequestError: `not_ended`: close it or note its withdrawal first.
        """
        with self._office.unit() as unit:
            ticket = self._ticket(unit, number, actor, "erase")
            if ticket.state not in ENDED:
                raise RequestError("not_ended", "close the ticket or note its withdrawal first; an open one is still needed")
            if ticket.shredded_at is None:
                shred(unit, ticket, actor)

    def log(self, actor: Actor, number: str | None = None, after: int = 0, limit: int = 200) -> tuple[Logged, ...]:
        """Entries of the audit log in their order, as far as they concern tickets of the actor's companies or none.

        Args:
            actor: an auditor.
            number: of a ticket, for its entries alone.
            after: the number of the last entry of the page before.
            limit: how many at most.
        """
        with self._office.unit() as unit:
            actor.require("audit")
            companies = [*self._office.companies] if actor.is_system else [*actor.companies]
            own = sa.select(Ticket.number).where(Ticket.company.in_(companies))
            query = sa.select(Audit).where(Audit.seq > after, sa.or_(Audit.number.is_(None), Audit.number.in_(own)))
            if number is not None:
                query = query.where(Audit.number == (parse(number) or ""))
            rows = unit.session.execute(query.order_by(Audit.seq).limit(limit)).scalars().all()
            unit.audit(actor, "log_read", parse(number) if number else None, after=after)
            return tuple(Logged(row.seq, row.at, row.actor, row.role, row.action, row.number, json.loads(row.detail)) for row in rows)

    def rotate_keys(self, actor: Actor, add_key: bool = True) -> Rotation:
        """Seal every field anew with the newest key (`Seals.rotate`), audited.

        Raises:
            SealError, KeyRingError: as there.
        """
        with self._office.unit() as unit:
            actor.require("rotate")
            unit.audit(actor, "rotation_begun")
        done = self._office.seals.rotate(self._office.database, add_key)
        with self._office.unit() as unit:
            unit.audit(actor, "rotated", resealed=done.resealed, dropped=list(done.dropped))
        return done

    def _ticket(self, unit: Unit, number: str, actor: Actor, action: str) -> Ticket:
        actor.require(action)
        ticket = unit.locked(parse(number) or "")
        if ticket is None:
            raise UnknownTicketError
        actor.require(action, ticket.company, ticket.number)
        return ticket

    def _find(self, session: Session, number: str) -> Ticket:
        ticket = session.execute(sa.select(Ticket).where(Ticket.number == (parse(number) or ""))).scalar_one_or_none()
        if ticket is None:
            raise UnknownTicketError
        return ticket

    def _listed(self, session: Session, actor: Actor, filters: Filters, action: str) -> Sequence[StaffView]:
        actor.require(action, filters.company)
        if actor.is_system:
            companies = [filters.company] if filters.company else [*self._office.companies]
        else:
            companies = [filters.company] if filters.company else sorted(actor.companies)
        query = sa.select(Ticket).where(Ticket.company.in_(companies))
        for name in ("state", "type", "assignee"):
            if (wanted := getattr(filters, name)) is not None:
                query = query.where(getattr(Ticket, name) == wanted)
        if filters.is_open is not None:
            query = query.where(Ticket.state.not_in(ENDED) if filters.is_open else Ticket.state.in_(ENDED))
        if filters.contact is not None:
            # First the few tickets that there are: left to itself, SQLite looks through all of the company's.
            found = session.execute(self._by_contact(companies, filters.contact)).scalars().all()
            if not found:
                return []
            query = query.where(Ticket.id.in_(found))
        if filters.after is not None:
            last = self._find(session, filters.after)
            query = query.where(
                sa.tuple_(Ticket.opened_at, Ticket.id) < sa.tuple_(sa.literal(last.opened_at, UtcDateTime), sa.literal(last.id))
            )
        query = query.order_by(Ticket.opened_at.desc(), Ticket.id.desc()).limit(filters.limit)
        tickets = session.execute(query).scalars().all()
        numbers = _numbers(session, [ticket.duplicate_of for ticket in tickets if ticket.duplicate_of])
        return [self._view(session, ticket, numbers) for ticket in tickets]

    def _by_contact(self, companies: Sequence[str], contact: str) -> Any:
        seals = self._office.seals
        hits = [
            sa.and_(BlindIndex.company == company, BlindIndex.kind == kind, BlindIndex.hash == seals.blind_index(company, kind, value))
            for company in companies
            for kind, value in looked_up(contact)
        ]
        return sa.select(BlindIndex.ticket_id).where(sa.or_(sa.false(), *hits)).limit(_MOST_FOUND)

    def _view(self, session: Session, ticket: Ticket, numbers: Mapping[str, str] | None = None, with_fields: bool = False) -> StaffView:
        settings, has = self._office.settings, tuple[str, ...]()
        if with_fields:
            names = sa.select(SealedField.name).where(SealedField.ticket_id == ticket.id).distinct()
            has = tuple(sorted(set(session.execute(names).scalars()) & set(PERSONAL_FIELDS)))
        if numbers is None:
            numbers = _numbers(session, [ticket.duplicate_of] if ticket.duplicate_of else [])
        due = clocks(
            ticket.company, ticket.type, ticket.opened_at, ticket.arrived_at, ticket.documents_at,
            settings.target_days.get(ticket.company), settings.closures.get(ticket.company, frozenset()),
        )  # fmt: skip
        kept = {name: getattr(ticket, name) for name in (*_COLUMNS, "shredded_at", "version")}
        return StaffView(**kept | {"duplicate_of": numbers.get(ticket.duplicate_of)}, clocks=due, has=has)

    def _opened(self, session: Session, ticket: Ticket, field: str) -> tuple[str, ...]:
        query = sa.select(SealedField).where(SealedField.ticket_id == ticket.id, SealedField.name == field).order_by(SealedField.position)
        return tuple(self._office.seals.open(row) for row in session.execute(query).scalars())

    def _history(self, session: Session, ticket: Ticket) -> tuple[Moved, ...]:
        query = sa.select(History).where(History.ticket_id == ticket.id).order_by(History.id)
        return tuple(Moved(row.at, row.actor, row.from_state, row.to_state, row.facts) for row in session.execute(query).scalars())


def _numbers(session: Session, ids: Sequence[str]) -> dict[str, str]:
    """The numbers of tickets by their ids."""
    if not ids:
        return {}
    return {row.id: row.number for row in session.execute(sa.select(Ticket.id, Ticket.number).where(Ticket.id.in_(ids)))}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, (date, datetime)) else value


def _cell(value: Any) -> str:
    """A cell that no spreadsheet runs: what begins like a formula gets an apostrophe before it."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text
