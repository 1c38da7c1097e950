"""How long personal fields live, and their destruction (R9). What happened to a ticket stays, without whom it happened to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from .actors import SYSTEM, Actor
from .office import Office, Unit
from .states import ENDED, EXPIRED, ON_HOLD, UNVERIFIED, move
from .tables import BlindIndex, Code, Mail, SealedField, Ticket

_BATCH = 100
_CODES_FOR = timedelta(days=2)
"""Longer than a code lives and than a day's sends are counted."""


@dataclass(frozen=True)
class Swept:
    """What a round of retention did.

    Attributes:
        expired: tickets whose contact was never proven.
        shredded: tickets that ended long enough ago.
        codes: rows of codes nobody used, those of wrong numbers among them.
    """

    expired: int
    shredded: int
    codes: int


class Retention:
    """What runs once a day, by any number of processes; a second run right after the first does nothing."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def run(self) -> Swept:
        """Expire what nobody proved, shred what ended long enough ago, forget old codes."""
        office = self._office
        unproven = sa.or_(Ticket.state.in_(UNVERIFIED), sa.and_(Ticket.state == ON_HOLD, Ticket.held_from.in_(UNVERIFIED)))
        expired = self._sweep(unproven, Ticket.opened_at <= office.now() - timedelta(days=office.settings.unverified_days), expire=True)
        shredded = 0
        for company in office.companies:
            ended_before = office.now() - office.settings.kept_for(company)
            where = (Ticket.company == company, Ticket.state.in_(ENDED), Ticket.closed_at <= ended_before, Ticket.shredded_at.is_(None))
            shredded += self._sweep(*where, expire=False)
        with office.database.write() as session:
            codes = session.execute(sa.delete(Code).where(Code.active_at <= office.now() - _CODES_FOR)).rowcount
        return Swept(expired, shredded, codes)

    def _sweep(self, *where: Any, expire: bool) -> int:
        count = 0
        while True:
            with self._office.unit() as unit:
                query = sa.select(Ticket).where(*where).order_by(Ticket.id).limit(_BATCH).with_for_update(skip_locked=True)
                found = unit.session.execute(query).scalars().all()
                for ticket in found:
                    if expire:
                        move(unit.session, ticket, EXPIRED, SYSTEM, unit.now)
                        unit.audit(SYSTEM, "moved", ticket.number, to=EXPIRED)
                    shred(unit, ticket, SYSTEM)
            count += len(found)
            if len(found) < _BATCH:
                return count


def shred(unit: Unit, ticket: Ticket, actor: Actor) -> None:
    """Destroy what is personal of a ticket whose row is locked; number, type, company, moves and audit entries stay.

    SQLite overwrites deleted rows (secure_delete); PostgreSQL does when it vacuums.
    """
    for table in (SealedField, BlindIndex, Mail):
        unit.session.execute(sa.delete(table).where(table.ticket_id == ticket.id))
    unit.session.execute(sa.delete(Code).where(Code.number == ticket.number))
    ticket.about = ticket.origin = ticket.instance = ticket.link_hash = ticket.link_until = None
    ticket.shredded_at = unit.now
    ticket.version += 1
    unit.audit(actor, "shredded", ticket.number)
