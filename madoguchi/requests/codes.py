"""One-time codes: eight digits that prove the mailbox, and never an identity."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import unicodedata
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from .mailing import queue
from .office import Office
from .tables import Code, Mail, SealedField, Ticket

Purpose = Literal["contact", "status"]

_DIGITS = 8
_DAY = timedelta(days=1)
_NOT_DIGITS = re.compile(r"[\s\-\u2010-\u2015\u2212\u30fc]+")


def issue(office: Office, session: Session, ticket: Ticket, purpose: Purpose, email: str, now: datetime) -> bool:
    """Make a code for a ticket in place of the one before, and queue its mail; False where as many were sent today as may be.

    The ticket's row is locked. The code stands sealed in the database until its mail is sent, and afterwards as a keyed hash alone.
    A mail that still waits with the code before it finds its sealed row gone, and is dropped by the mailer.
    """
    row = _locked(office, session, ticket.number, purpose, now)
    if row.sends_since is None or row.sends_since <= now - _DAY:
        row.sends, row.sends_since = 0, now
    if row.sends >= office.settings.code_sends or _sent_to(office, session, email, now) >= office.settings.address_sends:
        return False
    code = "".join(secrets.choice("0123456789") for _ in range(_DIGITS))
    row.hash, row.expires_at, row.tries = _hashed(office, purpose, ticket.number, code), now + office.settings.code_life, 0
    row.issued += 1
    row.sends += 1
    row.active_at = now
    kind = f"code_{purpose}"
    session.execute(sa.delete(SealedField).where(SealedField.ticket_id == ticket.id, SealedField.name == kind))
    office.seals.put(session, ticket.id, kind, code, row.issued)
    queue(office, session, ticket, kind, f"{kind}|{secrets.token_hex(16)}", email, now, {"issued": row.issued}, row.expires_at)
    return True


def attempt(office: Office, session: Session, number: str, purpose: Purpose, typed: str, now: datetime, spend: bool) -> bool:
    """Whether a code is the one that is good at present.

    A number that no ticket has is treated like one whose code is wrong, statement by statement.

    Args:
        office: keys and settings.
        session: that writes; it has to be committed where the answer is False, too.
        number: in its printed form.
        purpose: of the code.
        typed: as it was entered.
        now: the present.
        spend: whether the code is good for this once.
    """
    row = _locked(office, session, number, purpose, now)
    row.tries += 1
    row.active_at = now
    code = _NOT_DIGITS.sub("", unicodedata.normalize("NFKC", typed[:40]))
    matches = hmac.compare_digest(_hashed(office, purpose, number, code), row.hash or "-" * 64)
    is_good = matches and row.expires_at is not None and now < row.expires_at and row.tries <= office.settings.code_tries
    if is_good:
        row.tries = 0
        if spend:
            row.hash = None
    return is_good


def _locked(office: Office, session: Session, number: str, purpose: Purpose, now: datetime) -> Code:
    insert: Any = sqlite.insert if office.database.is_sqlite else postgresql.insert
    new = {"number": number, "purpose": purpose, "tries": 0, "issued": 0, "sends": 0, "active_at": now}
    session.execute(insert(Code.__table__).values(new).on_conflict_do_nothing())
    query = sa.select(Code).where(Code.number == number, Code.purpose == purpose)
    return session.execute(query.with_for_update()).scalar_one()


def _sent_to(office: Office, session: Session, email: str, now: datetime) -> int:
    to = Mail.recipient.in_(office.blind_indices("email", email))
    query = sa.select(sa.func.count()).where(to, Mail.created_at > now - _DAY, Mail.kind.in_(("code_contact", "code_status")))
    return int(session.execute(query).scalar_one())


def _hashed(office: Office, purpose: Purpose, number: str, code: str) -> str:
    return hmac.new(office.ring.code_key, f"{purpose}\0{number}\0{code}".encode(), hashlib.sha256).hexdigest()
