"""Requests made beside a running gateway, as far as tests of the console need them: in any state, by mail or telephone."""

from __future__ import annotations

import itertools
import uuid
from datetime import timedelta

import sqlalchemy as sa

from madoguchi.office import office_of
from madoguchi.requests import Actor, Contact, LogFilters, Logged, Office, RequestDraft, Requests, Staff, new_number
from madoguchi.requests.clocks import japan_day
from madoguchi.requests.tables import Audit, Mail, Ticket
from madoguchi.settings import Settings

from .client import Gateway
from .console import COMPANIES

NAME, EMAIL, PHONE = "中頭 うるま", "uruma.nakagami@example.com", "03-6234-5678"
OFFICER = Actor("maker", "privacy_officer", frozenset(COMPANIES))
_instances = itertools.count(1)

_WAYS = {
    "awaiting_form_or_documents": ("awaiting_form_or_documents",),
    "identity_check": ("identity_check",),
    "in_review": ("identity_check", "in_review"),
    "answered_fulfilled": ("identity_check", "in_review", "answered_fulfilled"),
    "closed": ("identity_check", "in_review", "answered_fulfilled", "closed"),
    "withdrawn": ("withdrawn",),
}


class Tickets:
    """The services of a gateway's data directory, in the test's own process."""

    def __init__(self, gateway: Gateway) -> None:
        self.office: Office = office_of(Settings.load(gateway.environment))
        self.requests, self.staff = Requests(self.office), Staff(self.office)

    def make(
        self,
        company="lexus",
        type_="disclosure",
        state=None,
        email=EMAIL,
        name=NAME,
        phone=None,
        lang="en",
        relation="self",
        days=0,
        about=None,
    ) -> str:
        """The number of a request of so many days ago, brought to a state; its mailbox is proven, unless it has a telephone."""
        draft = RequestDraft(company, type_, relation, "phone" if phone else "email", lang, f"made-{next(_instances)}", "i", about=about)
        number = self.requests.open(draft).number
        contact = Contact(name, None if phone else email, phone, represented_name=None if relation == "self" else "中頭 はる")
        self.requests.give_contact(number, contact, self.requests.notice(number, "ja").version, origin=draft.origin)
        if not phone:
            with self.office.unit() as unit:
                ticket = unit.locked(number)
                ticket.contact_verified = True
                self.requests._arrive(unit, ticket)
                unit.session.execute(sa.delete(Mail).where(Mail.ticket_id == ticket.id))
        with self.office.database.write() as session:
            moved = {"opened_at": Ticket.opened_at, "arrived_at": Ticket.arrived_at}
            row = session.execute(sa.select(*moved.values()).where(Ticket.number == number)).one()
            earlier = {name: getattr(row, name) - timedelta(days=days) for name in moved}
            session.execute(sa.update(Ticket).where(Ticket.number == number).values(**earlier))
        for to in _WAYS.get(state or "", ()):
            self.staff.move(number, to, OFFICER)
        return number

    def copies(self, number: str, count: int) -> set[str]:
        """A request and others like it, without personal fields; the numbers of all."""
        columns = [column.name for column in Ticket.__table__.columns if column.name not in ("id", "number", "origin")]
        original, numbers = self.row(number), {number}
        with self.office.database.write() as session:
            for _ in range(count - 1):
                session.add(Ticket(id=uuid.uuid4().hex, number=new_number(), **{name: getattr(original, name) for name in columns}))
            numbers |= {ticket.number for ticket in session.new}
        return numbers

    def row(self, number: str) -> Ticket:
        with self.office.database.read() as session:
            return session.execute(sa.select(Ticket).where(Ticket.number == number)).scalar_one()

    def audited(self, actor: str | None = None, action: str | None = None, number: str | None = None, after: int = 0) -> list[Logged]:
        """Entries of the audit log, in their order."""
        auditor = Actor("au", "auditor", frozenset(COMPANIES))
        return [*self.staff.log(auditor, LogFilters(number, actor, action, after=after, limit=1_000))]

    def last(self) -> int:
        """The number of the newest entry of the audit log."""
        with self.office.database.read() as session:
            return session.execute(sa.select(sa.func.coalesce(sa.func.max(Audit.seq), 0))).scalar_one()

    def today(self) -> str:
        return japan_day(self.office.now()).isoformat()
