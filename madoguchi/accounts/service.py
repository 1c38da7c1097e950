"""Accounts and sign-ins. Calls block: an event loop makes them in a thread."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from madoguchi import Language
from madoguchi.requests import Actor, Role
from madoguchi.store import Database, utc_now

from .errors import AccountError
from .tables import Account, AccountSession

IDLE = timedelta(hours=12)
"""A session ends this long after it was last used."""

_TOUCH_EVERY = timedelta(minutes=1)
_SHORTEST = 12
_hasher = PasswordHasher()
_NOBODY = _hasher.hash(secrets.token_hex())
"""Verified against where there is no such account, so that both take equally long."""


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


class Accounts:
    """Creating accounts, signing in and out."""

    def __init__(self, database: Database, now: Callable[[], datetime] = utc_now) -> None:
        """Create the service.

        Args:
            database: migrated.
            now: the clock, aware.
        """
        self._database = database
        self._now = now

    def create(self, name: str, password: str, role: Role, companies: Iterable[str], shown: str = "", lang: Language = "ja") -> str:
        """Create an account; returns its id.

        Raises:
            AccountError: `weak_password` (under 12 characters), `name_taken`.
        """
        if len(password) < _SHORTEST:
            raise AccountError("weak_password", f"a password has at least {_SHORTEST} characters")
        account = Account(
            id=uuid.uuid4().hex, name=name.strip().lower(), shown=shown or name, role=role, companies=sorted(companies), lang=lang,
            password_hash=_hasher.hash(password), active=True, created_at=self._now(),
        )  # fmt: skip
        with self._database.write() as session:
            if session.execute(sa.select(Account.id).where(Account.name == account.name)).first():
                raise AccountError("name_taken", f"there is an account {account.name} already")
            session.add(account)
            return str(account.id)

    def sign_in(self, name: str, password: str) -> str:
        """Open a session; returns its token, 256 random bits.

        Raises:
            AccountError: `wrong`: name or password; the two look alike.
        """
        with self._database.read() as session:
            account = session.execute(sa.select(Account).where(Account.name == name.strip().lower(), Account.active)).scalar_one_or_none()
        try:
            _hasher.verify(account.password_hash if account is not None and account.password_hash else _NOBODY, password)
        except (VerificationError, InvalidHashError) as error:
            raise AccountError("wrong") from error
        return self._opened(account.id)

    def session(self, token: str) -> SignedIn | None:
        """Whose session a token stands for; None where there is none, or none any more."""
        now = self._now()
        with self._database.read() as session:
            query = (
                sa.select(Account, AccountSession)
                .join(AccountSession, AccountSession.account_id == Account.id)
                .where(AccountSession.token_hash == _digest(token), AccountSession.active_at > now - IDLE, Account.active)
            )
            row = session.execute(query).one_or_none()
        if row is None:
            return None
        account, opened = row
        if opened.active_at < now - _TOUCH_EVERY:
            with self._database.write() as session:
                session.execute(sa.update(AccountSession).where(AccountSession.id == opened.id).values(active_at=now))
        return SignedIn(
            account.id, account.name, account.shown, account.role, frozenset(account.companies), account.lang, opened.id, opened.csrf
        )

    def sign_out(self, session_id: str) -> None:
        """End a session."""
        with self._database.write() as session:
            session.execute(sa.delete(AccountSession).where(AccountSession.id == session_id))

    def set_language(self, account_id: str, lang: Language) -> None:
        """Keep the language that somebody works in."""
        with self._database.write() as session:
            session.execute(sa.update(Account).where(Account.id == account_id).values(lang=lang))

    def names(self) -> dict[str, str]:
        """How colleagues read each account, by id, those who have left too."""
        with self._database.read() as session:
            return {row.id: row.shown for row in session.execute(sa.select(Account.id, Account.shown))}

    def _opened(self, account_id: str) -> str:
        token, now = secrets.token_urlsafe(32), self._now()
        with self._database.write() as session:
            session.add(
                AccountSession(
                    id=uuid.uuid4().hex,
                    account_id=account_id,
                    token_hash=_digest(token),
                    csrf=secrets.token_urlsafe(24),
                    created_at=now,
                    active_at=now,
                )
            )
        return token


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
