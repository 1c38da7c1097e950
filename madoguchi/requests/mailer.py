"""Sending of queued mails: claimed, sent, marked. Whoever dies in between leaves a claim that another takes up after a while."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .actors import CUSTOMER
from .codes import issue
from .keys import KeyRingError
from .mail import Letter, Transport, TransportError, written
from .office import Office
from .seal import SealError
from .tables import DROPPED, FAILED, QUEUED, SENDING, SENT, CodeWish, Mail, SealedField, Ticket

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=3)
"""Longer than a try at sending takes."""
BACKOFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240, 720, 1440))
"""Until the next try after the first, the second, … failure; after the last one the mail is given up."""


@dataclass(frozen=True)
class Delivered:
    """What a round of the mailer did."""

    sent: int = 0
    postponed: int = 0
    failed: int = 0


class Mailer:
    """Sends what is queued. Calls block; several processes may run one each."""

    def __init__(self, office: Office, transport: Transport, sender: str) -> None:
        """Create it.

        Args:
            office: shared.
            transport: how mails go.
            sender: the address they come from.
        """
        self._office = office
        self._transport = transport
        self._sender = sender

    def deliver(self, most: int = 100) -> Delivered:
        """Make the status codes that were asked for, and send what is due, at most so many mails."""
        if self._is_idle():
            return Delivered()
        while self._grant_wish():
            pass
        counts = {SENT: 0, QUEUED: 0, FAILED: 0}
        for _ in range(most):
            letter = self._claim()
            if letter is None:
                break
            counts[self._send(letter)] += 1
        return Delivered(counts[SENT], counts[QUEUED], counts[FAILED])

    def _is_idle(self) -> bool:
        """Whether there is nothing to do, found out without a lock that others could wait for."""
        with self._office.database.read() as session:
            wishes, mails = sa.exists().where(CodeWish.id.is_not(None)), sa.exists().where(_due(self._office.now()))
            return not session.execute(sa.select(sa.or_(wishes, mails))).scalar_one()

    def _grant_wish(self) -> bool:
        """Take up one request for a status code; False where there is none."""
        office = self._office
        with office.unit() as unit:
            query = sa.select(CodeWish).order_by(CodeWish.id).limit(1).with_for_update(skip_locked=True)
            wish = unit.session.execute(query).scalar_one_or_none()
            if wish is None:
                return False
            ticket = unit.locked(wish.number)
            if ticket is not None and ticket.contact_verified:
                email = office.seals.read(unit.session, ticket.id, "email")
                if email is not None and issue(office, unit.session, ticket, "status", email, unit.now):
                    unit.audit(CUSTOMER, "status_code", ticket.number)
            unit.session.execute(sa.delete(CodeWish).where(CodeWish.number == wish.number))
            return True

    def _claim(self) -> Letter | None:
        """The next mail that can be sent, for this process alone; those that have become useless are dropped on the way."""
        now = self._office.now()
        while True:
            with self._office.database.write() as session:
                query = sa.select(Mail).where(_due(now)).order_by(Mail.next_try_at).limit(1).with_for_update(skip_locked=True)
                mail = session.execute(query).scalar_one_or_none()
                if mail is None:
                    return None
                letter = self._letter(session, mail, now)
                if letter is not None:
                    mail.state, mail.lease_until = SENDING, now + LEASE
                    mail.tries += 1
                    return letter
                _forget_code(session, mail)

    def _letter(self, session: Session, mail: Mail, now: datetime) -> Letter | None:
        """What to send; None where the mail is dropped or given up, which is then marked."""
        office, ticket = self._office, session.get(Ticket, mail.ticket_id)
        is_code = mail.kind.startswith("code_")
        try:
            to = office.seals.read(session, ticket.id, "email")
            code = office.seals.read(session, ticket.id, mail.kind, mail.facts["issued"]) if is_code else ""
        except (SealError, KeyRingError) as error:
            mail.state, mail.problem = FAILED, type(error).__name__
            logger.error("mail %s cannot be written: a sealed field does not open (%s)", mail.id, type(error).__name__)
            return None
        is_late = mail.expires_at is not None and mail.expires_at <= now
        if is_late or to is None or code is None or office.seals.blind_index(ticket.company, "email", to) != mail.recipient:
            mail.state = DROPPED
            return None
        return Letter(
            mail.id, mail.kind, mail.lang, to, ticket.number, office.companies[ticket.company][mail.lang], ticket.type,
            office.settings.operator_name(mail.lang), mail.created_at, mail.facts, code,
            int(office.settings.code_life.total_seconds() // 60),
        )  # fmt: skip

    def _send(self, letter: Letter) -> str:
        """Send a mail and mark what became of it; returns its state."""
        try:
            self._transport.send(letter.mail_id, written(letter, self._sender))
        except TransportError as error:
            return self._failed(letter.mail_id, error)
        with self._office.database.write() as session:
            mail = session.get(Mail, letter.mail_id)
            if mail is not None:  # else the ticket was shredded meanwhile
                mail.state, mail.sent_at, mail.lease_until, mail.problem = SENT, self._office.now(), None, None
                _forget_code(session, mail)
        return SENT

    def _failed(self, mail_id: str, error: TransportError) -> str:
        now = self._office.now()
        with self._office.database.write() as session:
            mail = session.get(Mail, mail_id)
            if mail is None:
                return FAILED
            is_over = error.is_permanent or mail.tries > len(BACKOFF)
            mail.state, mail.problem, mail.lease_until = FAILED if is_over else QUEUED, error.problem, None
            if is_over:
                _forget_code(session, mail)
            else:
                mail.next_try_at = now + BACKOFF[mail.tries - 1]
            logger.warning("mail %s (%s) was not sent, try %d: %s", mail.id, mail.kind, mail.tries, error.problem)
            return FAILED if is_over else QUEUED


def _due(now: datetime) -> Any:
    return sa.or_(sa.and_(Mail.state == QUEUED, Mail.next_try_at <= now), sa.and_(Mail.state == SENDING, Mail.lease_until < now))


def _forget_code(session: Session, mail: Mail) -> None:
    if mail.kind.startswith("code_"):
        sealed = (SealedField.ticket_id == mail.ticket_id, SealedField.name == mail.kind, SealedField.position == mail.facts["issued"])
        session.execute(sa.delete(SealedField).where(*sealed))
