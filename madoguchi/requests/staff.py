"""What staff do with tickets. Every act is audited, reading included, and only tickets of an actor's own companies can be touched."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from madoguchi.spreadsheet import written
from madoguchi.store import UtcDateTime

from .actors import Actor
from .audit import Head, Verdict
from .clocks import clocks, japan_day
from .contacts import looked_up
from .errors import ConflictError, Entry, RequestError, UnknownTicketError
from .mail import Letter, Words, worded
from .mailing import kind_for, tell_of_move
from .numbers import parse
from .office import Office, Unit
from .ranking import COLUMNS, Ranked, by_due, counted, ranked
from .retention import shred
from .seal import Rotation
from .states import ENDED, OPEN, REASONED, Facts, choices, move, problem
from .tables import Audit, BlindIndex, History, Mail, SealedField, Ticket
from .views import Filters, Likely, LogFilters, Logged, Mailed, Moved, Preview, Queue, Sheet, StaffView

PERSONAL_FIELDS = ("name", "email", "phone", "address", "represented_name", "note")
_COLUMNS = (
    "number", "company", "type", "relation", "channel", "lang", "state", "held_from", "reason", "notice_date", "duplicate_of",
    "assignee", "contact_verified", "ground", "about", "opened_at", "arrived_at", "documents_at", "answered_at", "closed_at",
)  # fmt: skip
_LONGEST_NOTE = 4_000
_MOST_FOUND = 1_000
_MOST_LIKELY = 10
_CHANGES = ("moved", "noted", "assigned", "dated", "shredded", "contact_given", "arrived", "duplicate_linked")
"""The acts that raise a ticket's version."""


class Staff:
    """The staff's side of tickets. Calls block: an event loop makes them in a thread.

    Every method may raise ForbiddenError, which is audited: the role may not do that, or the ticket is another company's;
    and, where it is given a number, UnknownTicketError.
    """

    def __init__(self, office: Office) -> None:
        self._office = office

    def list(self, actor: Actor, filters: Filters | None = None) -> tuple[StaffView, ...]:
        """Tickets of the actor's companies, the newest first, or as the filters say."""
        filters = filters or Filters()
        with self._reading() as session:
            views = tuple(self._listed(session, actor, filters, "list"))
        self._record_list(actor, views, filters)
        return views

    def queue(self, actor: Actor, filters: Filters) -> Queue:
        """A page of such a list, and how many tickets there are that have not ended."""
        office = self._office
        with self._reading() as session:
            own = sa.select(*COLUMNS).where(Ticket.company.in_(self._companies(actor)), Ticket.state.not_in(ENDED))
            running = ranked(session.execute(own), office.settings)
            views = self._listed(session, actor, replace(filters, limit=filters.limit + 1), "list", running)
            counts = counted(running, actor.id, japan_day(office.now()))
        shown = tuple(views[: filters.limit])
        self._record_list(actor, shown, filters)
        return Queue(shown, len(views) > filters.limit, counts)

    def show(self, number: str, actor: Actor) -> tuple[StaffView, tuple[Moved, ...]]:
        """A ticket and its history."""
        with self._office.unit() as unit:
            ticket = self._ticket(unit, number, actor, "show")
            unit.audit(actor, "shown", ticket.number)
            return self._view(unit.session, ticket, with_fields=True), self._history(unit.session, ticket)

    def sheet(self, number: str, actor: Actor) -> Sheet:
        """A ticket with all that its page shows."""
        with self._office.unit() as unit:
            ticket, session = self._ticket(unit, number, actor, "show"), unit.session
            unit.audit(actor, "shown", ticket.number)
            open_to_actor = choices(ticket, actor, unit.now)
            mails = session.execute(sa.select(Mail).where(Mail.ticket_id == ticket.id).order_by(Mail.created_at, Mail.id)).scalars()
            return Sheet(
                view=self._view(session, ticket, with_fields=True),
                choices=open_to_actor,
                tells=frozenset(choice.to for choice in open_to_actor if self._is_told(session, ticket, choice.to)),
                history=self._history(session, ticket),
                acts=self._acts(session, ticket),
                mails=tuple(Mailed(mail.kind, mail.state, mail.created_at, mail.sent_at, mail.problem) for mail in mails),
                likely=self._likely(session, ticket),
                seen=session.execute(sa.select(sa.func.coalesce(sa.func.max(Audit.seq), 0))).scalar_one(),
            )

    def preview(
        self,
        number: str,
        to: str,
        actor: Actor,
        reason: str | None = None,
        notice_date: date | None = None,
        duplicate_of: str | None = None,
        documents_at: datetime | None = None,
    ) -> Preview:
        """What `move` would do with the same: nothing is moved, and nothing is sent.

        Raises:
            UnknownTicketError: of the earlier ticket too.
        """
        with self._office.unit() as unit:
            ticket, session = self._ticket(unit, number, actor, "move"), unit.session
            other = self._find(session, duplicate_of) if duplicate_of is not None else None
            found = problem(ticket, to, actor, unit.now, Facts(reason, notice_date, other, documents_at))
            unit.audit(actor, "previewed", ticket.number, to="unknown" if found and found[0] == "no_such_move" else to)
            if found is not None:
                return Preview(found[0], None)
            words = self._words(ticket, to, reason, unit.now) if self._is_told(session, ticket, to) else None
            return Preview(None, words)

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
        note: str | None = None,
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
            note: to add with it, sealed.

        Raises:
            IllegalMoveError: audited; `code` and message say what is missing.
            ConflictError: it has changed since it was seen.
            RequestError: as of `note`.
        """
        with self._office.unit() as unit:
            ticket = self._ticket(unit, number, actor, "move")
            _hold(ticket, version)
            other = self._find(unit.session, duplicate_of) if duplicate_of is not None else None
            before = ticket.state
            move(unit.session, ticket, to, actor, unit.now, Facts(reason, notice_date, other, documents_at))
            unit.audit(actor, "moved", ticket.number, **{"from": before, "to": to, "reason": reason})
            if note is not None:
                self._note(unit, ticket, note, actor)
            tell_of_move(self._office, unit.session, ticket, unit.now)
            return self._view(unit.session, ticket)

    def note(self, number: str, text: str, actor: Actor) -> None:
        """Add a note, sealed, because it may say anything.

        Raises:
            RequestError: `empty`, `too_long`; `shredded`: the ticket takes nothing personal any more.
        """
        with self._office.unit() as unit:
            self._note(unit, self._ticket(unit, number, actor, "note"), text, actor)

    def assign(
        self,
        number: str,
        assignee: str | None,
        actor: Actor,
        version: int | None = None,
        colleagues: Mapping[str, Collection[str]] | None = None,
    ) -> StaffView:
        """Give a ticket to somebody, by the id of their account, or to nobody.

        Args:
            number: of the ticket.
            assignee: who is to have it.
            actor: who says so.
            version: of the ticket as it was seen.
            colleagues: by company, who may have its tickets; anybody where it is not given.

        Raises:
            RequestError: `too_long`, `not_colleague`.
            ConflictError: it has changed since it was seen, where a version is given.
        """
        if assignee is not None and not 0 < len(assignee) <= 64:
            raise RequestError("too_long", "the id of an account has 1 to 64 characters")
        with self._office.unit() as unit:
            ticket = self._ticket(unit, number, actor, "assign")
            if assignee is not None and colleagues is not None and assignee not in colleagues.get(ticket.company, ()):
                raise RequestError("not_colleague", "tickets of a company go to those who work for it")
            _hold(ticket, version)
            ticket.assignee = assignee
            ticket.version += 1
            unit.audit(actor, "assigned", ticket.number, to=assignee)
            return self._view(unit.session, ticket)

    def set_dates(
        self,
        number: str,
        actor: Actor,
        arrived_at: datetime | None = None,
        documents_at: datetime | None = None,
        version: int | None = None,
    ) -> StaffView:
        """Put right when the formal request or its documents came in, which the clocks run from.

        Raises:
            RequestError: `in_future`.
            ConflictError: it has changed since it was seen, where a version is given.
        """
        with self._office.unit() as unit:
            ticket = self._ticket(unit, number, actor, "date")
            _hold(ticket, version)
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
        with self._reading() as session:
            views = self._listed(session, actor, filters, "csv")
        self._office.audit.record(Entry(actor, "csv", None, {"count": len(views), "company": filters.company}))
        rows = [[*(getattr(view, name) for name in _COLUMNS), view.clocks.target, view.clocks.suit_alert] for view in views]
        return written([[*_COLUMNS, "target", "suit_alert"], *rows])

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

    def log(self, actor: Actor, filters: LogFilters | None = None) -> tuple[Logged, ...]:
        """Entries of the audit log, as far as they concern tickets of the actor's companies or none; for auditors."""
        wanted = filters or LogFilters()
        number = None if wanted.number is None else parse(wanted.number) or ""
        with self._reading() as session:
            actor.require("audit")
            own = sa.select(Ticket.number).where(Ticket.company.in_(self._companies(actor)))
            query = sa.select(Audit).where(Audit.seq > wanted.after, sa.or_(Audit.number.is_(None), Audit.number.in_(own)))
            for column, value in ((Audit.number, number), (Audit.actor, wanted.actor), (Audit.action, wanted.action)):
                if value is not None:
                    query = query.where(column == value)
            for bound, beyond in ((wanted.since, Audit.at.__ge__), (wanted.until, Audit.at.__lt__), (wanted.before, Audit.seq.__lt__)):
                if bound is not None:
                    query = query.where(beyond(bound))
            query = query.order_by(Audit.seq.desc() if wanted.newest_first else Audit.seq).limit(wanted.limit)
            found = tuple(map(_logged, session.execute(query).scalars()))
        self._office.audit.record(Entry(actor, "log_read", number or None, {"count": len(found)}))
        return found

    def verify_log(self, actor: Actor, head: Head | None = None) -> tuple[Verdict, Head]:
        """Check the whole audit log (`AuditLog.verify`), and tell its end, to be kept elsewhere; for auditors.

        Args:
            actor: an auditor.
            head: kept earlier; without it, entries cut off at the end are not noticed.
        """
        audit = self._office.audit
        with self._office.unit() as unit:
            actor.require("audit")
            unit.audit(actor, "log_verified", head=head.seq if head is not None else None)
        # The end is read first: whatever is appended meanwhile follows it.
        end = audit.head()
        return audit.verify(head), end

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

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Session]:
        with self._office.refusing(), self._office.database.read() as session:
            yield session

    def _record_list(self, actor: Actor, views: Sequence[StaffView], filters: Filters) -> None:
        detail = {"count": len(views), "company": filters.company, "by_contact": filters.contact is not None}
        self._office.audit.record(Entry(actor, "listed", None, detail))

    def _companies(self, actor: Actor) -> Sequence[str]:
        return [*self._office.companies] if actor.is_system else sorted(actor.companies)

    def _note(self, unit: Unit, ticket: Ticket, text: str, actor: Actor) -> None:
        if not text.strip() or len(text) > _LONGEST_NOTE:
            raise RequestError("too_long" if text.strip() else "empty", f"a note has 1 to {_LONGEST_NOTE} characters")
        if ticket.shredded_at is not None:
            raise RequestError("shredded", "the personal fields of this ticket were destroyed; it takes no notes")
        mine = (SealedField.ticket_id == ticket.id, SealedField.name == "note")
        last = unit.session.execute(sa.select(sa.func.max(SealedField.position)).where(*mine)).scalar_one()
        self._office.seals.put(unit.session, ticket.id, "note", text, (last or 0) + 1)
        ticket.version += 1
        unit.audit(actor, "noted", ticket.number)

    def _is_told(self, session: Session, ticket: Ticket, to: str) -> bool:
        """Whether the person hears by mail of a ticket's coming into a state (`tell_of_move`)."""
        has_email = sa.exists().where(SealedField.ticket_id == ticket.id, SealedField.name == "email")
        return kind_for(to) is not None and ticket.contact_verified and session.execute(sa.select(has_email)).scalar_one()

    def _words(self, ticket: Ticket, to: str, reason: str | None, now: datetime) -> Words:
        facts = {"state": to, "reason": reason if to in REASONED else None}
        office, lang = self._office, ticket.lang
        return worded(
            Letter(
                "", kind_for(to) or "", lang, "", ticket.number, office.companies[ticket.company][lang], ticket.type,
                office.settings.operator_name(lang), now, facts,
            )
        )  # fmt: skip

    def _acts(self, session: Session, ticket: Ticket) -> tuple[Logged, ...]:
        """What was done to a ticket, out of the audit log."""
        query = sa.select(Audit).where(Audit.number == ticket.number, Audit.action.in_(_CHANGES)).order_by(Audit.seq)
        return tuple(map(_logged, session.execute(query).scalars()))

    def _likely(self, session: Session, ticket: Ticket) -> tuple[Likely, ...]:
        """Other tickets of the company that share a field which is indexed: first those that share the most, then the newest."""
        mine, theirs = BlindIndex.__table__.alias("mine"), BlindIndex.__table__.alias("theirs")
        same = sa.and_(theirs.c.company == mine.c.company, theirs.c.kind == mine.c.kind, theirs.c.hash == mine.c.hash)
        query = (
            sa.select(theirs.c.ticket_id, theirs.c.kind)
            .join(mine, same)
            .where(mine.c.ticket_id == ticket.id, theirs.c.ticket_id != ticket.id)
            .limit(_MOST_FOUND)
        )
        shared: dict[str, set[str]] = {}
        for row in session.execute(query):
            shared.setdefault(row.ticket_id, set()).add(row.kind)
        others = session.execute(sa.select(Ticket).where(Ticket.id.in_([*shared]))).scalars()
        found = [Likely(each.number, each.type, each.state, each.opened_at, tuple(sorted(shared[each.id]))) for each in others]
        found.sort(key=lambda each: (len(each.shared), each.opened_at), reverse=True)
        return tuple(found[:_MOST_LIKELY])

    def _find(self, session: Session, number: str) -> Ticket:
        ticket = session.execute(sa.select(Ticket).where(Ticket.number == (parse(number) or ""))).scalar_one_or_none()
        if ticket is None:
            raise UnknownTicketError
        return ticket

    def _listed(
        self, session: Session, actor: Actor, filters: Filters, action: str, running: Sequence[Ranked] | None = None
    ) -> Sequence[StaffView]:
        actor.require(action, filters.company)
        if filters.contact is not None:
            actor.require("find")
        companies = [filters.company] if filters.company else self._companies(actor)
        query = sa.select(Ticket).where(Ticket.company.in_(companies))
        for name in ("state", "type", "assignee"):
            if (wanted := getattr(filters, name)) is not None:
                query = query.where(getattr(Ticket, name) == wanted)
        if filters.is_open is not None:
            query = query.where(Ticket.state.not_in(ENDED) if filters.is_open else Ticket.state.in_(ENDED))
        if filters.is_assigned is not None:
            query = query.where(Ticket.assignee.is_not(None) if filters.is_assigned else Ticket.assignee.is_(None))
        if filters.contact is not None:
            # First the few tickets that there are: left to itself, SQLite looks through all of the company's.
            found = session.execute(self._by_contact(companies, filters.contact)).scalars().all()
            if not found:
                return []
            query = query.where(Ticket.id.in_(found))
        if filters.by_due or filters.due_within is not None:
            return self._views(session, self._by_due(session, query, filters, running))
        if filters.after is not None:
            last = self._find(session, filters.after)
            query = query.where(
                sa.tuple_(Ticket.opened_at, Ticket.id) < sa.tuple_(sa.literal(last.opened_at, UtcDateTime), sa.literal(last.id))
            )
        query = query.order_by(Ticket.opened_at.desc(), Ticket.id.desc()).limit(filters.limit)
        return self._views(session, session.execute(query).scalars().all())

    def _by_due(self, session: Session, query: Any, filters: Filters, running: Sequence[Ranked] | None) -> Sequence[Ticket]:
        today = japan_day(self._office.now())
        if running is not None and filters.is_open:  # all that have not ended are ranked already
            wanted = set(session.execute(query.with_only_columns(Ticket.id)).scalars())
            found = [each for each in running if each.id in wanted]
        else:
            found = ranked(session.execute(query.with_only_columns(*COLUMNS)), self._office.settings)
        order = by_due(found, filters.clock, filters.due_within, today)
        # Where the last ticket of the page before is not among them any more, the list begins anew.
        start = next((place for place, each in enumerate(order, 1) if each.number == filters.after), 0)
        ids = [each.id for each in order[start : start + filters.limit]]
        tickets = {ticket.id: ticket for ticket in session.execute(sa.select(Ticket).where(Ticket.id.in_(ids))).scalars()}
        return [tickets[each] for each in ids]

    def _views(self, session: Session, tickets: Sequence[Ticket]) -> Sequence[StaffView]:
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
        is_running = ticket.state in OPEN
        return StaffView(**kept | {"duplicate_of": numbers.get(ticket.duplicate_of)}, clocks=due, is_running=is_running, has=has)

    def _opened(self, session: Session, ticket: Ticket, field: str) -> tuple[str, ...]:
        query = sa.select(SealedField).where(SealedField.ticket_id == ticket.id, SealedField.name == field).order_by(SealedField.position)
        return tuple(self._office.seals.open(row) for row in session.execute(query).scalars())

    def _history(self, session: Session, ticket: Ticket) -> tuple[Moved, ...]:
        query = sa.select(History).where(History.ticket_id == ticket.id).order_by(History.id)
        return tuple(Moved(row.at, row.actor, row.from_state, row.to_state, row.facts) for row in session.execute(query).scalars())


def _hold(ticket: Ticket, version: int | None) -> None:
    if version is not None and version != ticket.version:
        raise ConflictError


def _logged(row: Audit) -> Logged:
    return Logged(row.seq, row.at, row.actor, row.role, row.action, row.number, json.loads(row.detail))


def _numbers(session: Session, ids: Sequence[str]) -> dict[str, str]:
    """The numbers of tickets by their ids."""
    if not ids:
        return {}
    return {row.id: row.number for row in session.execute(sa.select(Ticket.id, Ticket.number).where(Ticket.id.in_(ids)))}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, (date, datetime)) else value
