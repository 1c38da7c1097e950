"""Sessions: rows that are deleted to revoke them, found by a token of 256 random bits of which only a hash is kept."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from madoguchi import Language
from madoguchi.requests import Actor, Role

from .tables import Account, AccountSession

IDLE, LONGEST = timedelta(hours=12), timedelta(days=7)
"""A session ends this long after it was last used, and this long after the sign-in however much it is used."""
STEP_LIFE = timedelta(minutes=15)
"""A sign-in with a step still to be done has to be finished within this time."""
TOUCH_EVERY = timedelta(minutes=1)

Step = Literal["code", "password", "totp"]
"""What a sign-in may still want: the second factor's code, a password of one's own, the second factor's set-up."""


@dataclass(frozen=True)
class SignedIn:
    """Somebody of the staff, signed in.

    Attributes:
        id: of the account.
        session: id of the session, by which it is revoked.
        csrf: what a write has to send along.
    """

    id: str
    name: str
    shown: str
    role: Role
    companies: frozenset[str]
    lang: Language
    session: str
    csrf: str

    @property
    def actor(self) -> Actor:
        """Who acts on tickets."""
        return Actor(self.id, self.role, self.companies)


@dataclass(frozen=True)
class HalfSignedIn:
    """Somebody whose sign-in still wants a step; may do that and nothing else."""

    who: SignedIn
    step: Step


@dataclass(frozen=True)
class Opened:
    """A token to be handed to the browser, and the step that its session still wants, if any."""

    token: str
    step: Step | None


@dataclass(frozen=True)
class SessionView:
    """A session as its owner sees it in a list."""

    id: str
    browser: str
    created_at: datetime
    active_at: datetime


def open_session(session: Session, account: Account, step: Step | None, proof: str, browser: str, now: datetime) -> Opened:
    """Add a session to an account."""
    token = secrets.token_urlsafe(32)
    session.add(
        AccountSession(
            id=uuid.uuid4().hex, account_id=account.id, token_hash=digest(token), csrf=secrets.token_urlsafe(24), step=step, proof=proof,
            browser=browser, created_at=now, active_at=now,
        )
    )  # fmt: skip
    return Opened(token, step)


def found(session: Session, token: str, now: datetime) -> tuple[Account, AccountSession] | None:
    """The account and the session of a token that is good at present."""
    query = (
        sa.select(Account, AccountSession)
        .join(AccountSession, AccountSession.account_id == Account.id)
        .where(AccountSession.token_hash == digest(token), Account.active)
        .where(AccountSession.active_at > now - IDLE, AccountSession.created_at > now - LONGEST)
        .where(sa.or_(AccountSession.step.is_(None), AccountSession.created_at > now - STEP_LIFE))
    )
    row = session.execute(query).one_or_none()
    return None if row is None else (row[0], row[1])


def signed_in(account: Account, opened: AccountSession) -> SignedIn:
    """What pages know of whoever a session belongs to."""
    companies = frozenset(account.companies)
    return SignedIn(account.id, account.name, account.shown, account.role, companies, account.lang, opened.id, opened.csrf)


def end_sessions(session: Session, account_id: str, but: str | None = None) -> int:
    """End all sessions of an account, but for one; returns how many."""
    of = AccountSession.account_id == account_id
    where: Any = sa.and_(of, AccountSession.id != but) if but else of
    return int(session.execute(sa.delete(AccountSession).where(where).execution_options(synchronize_session=False)).rowcount)


def purge(session: Session, now: datetime) -> None:
    """Delete sessions that are over."""
    over = sa.or_(
        AccountSession.active_at <= now - IDLE,
        AccountSession.created_at <= now - LONGEST,
        sa.and_(AccountSession.step.is_not(None), AccountSession.created_at <= now - STEP_LIFE),
    )
    session.execute(sa.delete(AccountSession).where(over).execution_options(synchronize_session=False))


def digest(token: str) -> str:
    """A token as it is kept."""
    return hashlib.sha256(token.encode()).hexdigest()


_BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS X", "macOS"), ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)  # fmt: skip


def browser_of(user_agent: str) -> str:
    """A rough name of a browser and its system, such as "Firefox, Windows"; empty where neither is known."""
    names = [next((name for part, name in listed if part in user_agent), "") for listed in (_BROWSERS, _SYSTEMS)]
    return ", ".join(filter(None, names))
