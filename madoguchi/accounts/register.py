"""What administrators do with accounts. All of it is audited, refusals too; no account is deleted, as the audit log names them."""

from __future__ import annotations

import contextlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, get_args

import sqlalchemy as sa
from sqlalchemy.orm import Session

from madoguchi import Language
from madoguchi.requests import Actor, ForbiddenError, Office, Role
from madoguchi.requests.errors import Entry
from madoguchi.requests.office import Unit

from . import passwords, sessions
from .errors import AccountError
from .service import drop_totp, new_account, normal_name
from .tables import Account, AccountSession

START_FOR = timedelta(days=7)
"""A password that was handed out has to be changed within this time."""

ROLES: tuple[Role, ...] = tuple(role for role in get_args(Role) if role != "system")
ROLES_WITH_COMPANIES: frozenset[Role] = frozenset({"operator", "privacy_officer"})
"""They work on the tickets of companies, and are of no use without any."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{1,63}")
_REFUSED = frozenset({"last_admin", "own_account"})
"""What the audit log keeps besides missing rights."""


@dataclass(frozen=True)
class AccountView:
    """An account as administrators see it.

    Attributes:
        start_until: until when a password that was handed out is good; None where it was changed, or there is none.
        sessions: how many are open.
    """

    id: str
    name: str
    shown: str
    role: Role
    companies: tuple[str, ...]
    is_active: bool
    has_password: bool
    is_linked: bool
    start_until: datetime | None
    has_totp: bool
    created_at: datetime
    signed_in_at: datetime | None
    sessions: int


class Register:
    """Accounts in the hands of an administrator."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def all(self, actor: Actor) -> Sequence[AccountView]:
        """All accounts by their names, those in use first.

        Raises:
            ForbiddenError: not an administrator.
        """
        self._require(actor, "list")
        with self._office.database.read() as session:
            rows = session.execute(sa.select(Account).order_by(Account.active.desc(), Account.name)).scalars().all()
            open_ = self._open_sessions(session)
        return [_view(row, open_.get(row.id, 0)) for row in rows]

    def get(self, actor: Actor, account_id: str) -> AccountView:
        """One account.

        Raises:
            ForbiddenError: not an administrator.
            AccountError: `unknown_account`.
        """
        self._require(actor, "show")
        with self._office.database.read() as session:
            row = session.get(Account, account_id)
            if row is None:
                raise AccountError("unknown_account")
            return _view(row, self._open_sessions(session).get(row.id, 0))

    def find(self, actor: Actor, name: str) -> AccountView:
        """The account of a name.

        Raises:
            ForbiddenError: not an administrator.
            AccountError: `unknown_account`.
        """
        found = next((view for view in self.all(actor) if view.name == normal_name(name)), None)
        if found is None:
            raise AccountError("unknown_account", "there is no account of that name; `madoguchi accounts list` shows them")
        return found

    def create(
        self, actor: Actor, name: str, role: str, companies: Iterable[str], shown: str = "", lang: Language = "ja"
    ) -> tuple[str, str]:
        """Create an account; returns its id and the password to hand out, which is told this once.

        Raises:
            ForbiddenError: not an administrator.
            AccountError: `bad_name`, `name_taken`, `bad_role`, `bad_company`, `no_company`, `bad_shown`.
        """
        self._require(actor, "create")
        account, password = self._new(name, role, companies, shown, lang)
        with self._acting(actor, "create", account.id) as unit:
            self._add(unit, actor, account)
        return account.id, password

    def first_admin(self, actor: Actor, name: str) -> str:
        """Create the first administrator; returns the password to hand out.

        Raises:
            AccountError: `has_admin`: there is one already, who makes the others; and as for `create`.
        """
        account, password = self._new(name, "admin", (), "", "ja")
        with self._acting(actor, "create", account.id) as unit:
            if _active_admins(unit.session):
                raise AccountError("has_admin", "there is an administrator already, who makes further accounts in the console")
            self._add(unit, actor, account)
        return password

    def change(self, actor: Actor, account_id: str, role: str, companies: Iterable[str], shown: str) -> None:
        """Change role, companies and shown name; they hold at once.

        Raises:
            ForbiddenError: not an administrator.
            AccountError: `unknown_account`, `own_account` (one's own role), `last_admin`; `bad_role`, `bad_company`, `no_company`,
                `bad_shown`.
        """
        self._require(actor, "change")
        wanted, listed, shown = self._checked(role, companies, shown)
        with self._acting(actor, "change", account_id) as unit:
            admins = _active_admins(unit.session)
            account = _locked(unit.session, account_id)
            if wanted != account.role:
                _hold_own_account(actor, account)
                _hold_last_admin(admins, account)
            detail: dict[str, Any] = {"account": account.id}
            if (wanted, listed) != (account.role, account.companies):
                detail |= {"role": wanted, "companies": listed, "role_before": account.role, "companies_before": account.companies}
            account.role, account.companies, account.shown = wanted, listed, shown
            unit.audit(actor, "account_changed", **detail)

    def deactivate(self, actor: Actor, account_id: str) -> None:
        """Let nobody sign in to an account any more; its sessions end at once.

        Raises:
            ForbiddenError: not an administrator.
            AccountError: `unknown_account`, `own_account`, `last_admin`.
        """
        self._require(actor, "deactivate")
        with self._acting(actor, "deactivate", account_id) as unit:
            admins = _active_admins(unit.session)
            account = _locked(unit.session, account_id)
            _hold_own_account(actor, account)
            _hold_last_admin(admins, account)
            account.active = False
            ended = sessions.end_sessions(unit.session, account.id)
            unit.audit(actor, "account_deactivated", account=account.id, sessions=ended)

    def activate(self, actor: Actor, account_id: str) -> str | None:
        """Let somebody sign in again; returns a new password to hand out, or None where the identity provider vouches for them.

        Raises:
            ForbiddenError: not an administrator.
            AccountError: `unknown_account`.
        """
        self._require(actor, "activate")
        password = passwords.start_password()
        hashed = passwords.hashed(password)
        with self._acting(actor, "activate", account_id) as unit:
            account = _locked(unit.session, account_id)
            account.active = True
            unit.audit(actor, "account_activated", account=account.id)
            if account.password_hash is None:
                return None
            account.password_hash, account.start_until = hashed, unit.now + START_FOR
        return password

    def reset_password(self, actor: Actor, account_id: str) -> str:
        """Give an account a new password to hand out; its sessions end.

        Raises:
            ForbiddenError: not an administrator.
            AccountError: `unknown_account`; `own_account`: one's own is changed on one's own page; `by_provider`: it has none.
        """
        self._require(actor, "reset password")
        password = passwords.start_password()
        hashed = passwords.hashed(password)
        with self._acting(actor, "reset password", account_id) as unit:
            account = _locked(unit.session, account_id)
            _hold_own_account(actor, account)
            if account.password_hash is None:
                raise AccountError("by_provider", "that account signs in by the identity provider and has no password here")
            account.password_hash, account.start_until = hashed, unit.now + START_FOR
            ended = sessions.end_sessions(unit.session, account.id)
            unit.audit(actor, "password_reset", account=account.id, sessions=ended)
        return password

    def reset_second_factor(self, actor: Actor, account_id: str) -> None:
        """Take the second factor and the recovery codes away from somebody who lost them; their sessions end.

        Raises:
            ForbiddenError: not an administrator.
            AccountError: `unknown_account`; `own_account`: one's own is turned off on one's own page.
        """
        self._require(actor, "reset second factor")
        with self._acting(actor, "reset second factor", account_id) as unit:
            account = _locked(unit.session, account_id)
            _hold_own_account(actor, account)
            drop_totp(unit.session, account)
            ended = sessions.end_sessions(unit.session, account.id)
            unit.audit(actor, "second_factor_reset", account=account.id, sessions=ended)

    def end_sessions(self, actor: Actor, account_id: str) -> int:
        """End all sessions of an account; returns how many there were.

        Raises:
            ForbiddenError: not an administrator.
            AccountError: `unknown_account`.
        """
        self._require(actor, "end sessions")
        with self._acting(actor, "end sessions", account_id) as unit:
            ended = sessions.end_sessions(unit.session, _locked(unit.session, account_id).id)
            unit.audit(actor, "sessions_ended", account=account_id, sessions=ended)
        return ended

    def _require(self, actor: Actor, action: str) -> None:
        if actor.role != "admin":
            error = ForbiddenError(actor, f"accounts {action}")
            self._office.audit.record(error.entry)
            raise error

    @contextlib.contextmanager
    def _acting(self, actor: Actor, action: str, account_id: str) -> Iterator[Unit]:
        try:
            with self._office.unit() as unit:
                yield unit
        except AccountError as error:
            if error.code in _REFUSED:
                detail = {"wanted": f"accounts {action}", "account": account_id, "reason": error.code}
                self._office.audit.record(Entry(actor, "forbidden", None, detail))
            raise

    def _new(self, name: str, role: str, companies: Iterable[str], shown: str, lang: Language) -> tuple[Account, str]:
        name = normal_name(name)
        if not _NAME.fullmatch(name):
            raise AccountError("bad_name", "a name has 2 to 64 letters of a-z, digits and . _ @ + -, the first a letter or a digit")
        wanted, listed, shown = self._checked(role, companies, shown or name)
        password, now = passwords.start_password(), self._office.now()
        hashed = passwords.hashed(password)
        return new_account(name, wanted, listed, shown, lang, now, password_hash=hashed, start_until=now + START_FOR), password

    def _add(self, unit: Unit, actor: Actor, account: Account) -> None:
        if unit.session.execute(sa.select(Account.id).where(Account.name == account.name)).first():
            raise AccountError("name_taken", "there is an account of that name already")
        unit.session.add(account)
        unit.audit(actor, "account_created", account=account.id, role=account.role, companies=account.companies)

    def _checked(self, role: str, companies: Iterable[str], shown: str) -> tuple[Role, list[str], str]:
        wanted = next((known for known in ROLES if known == role), None)
        if wanted is None:
            raise AccountError("bad_role", f"a role is one of {', '.join(ROLES)}")
        listed = sorted(set(companies))
        if not set(listed) <= set(self._office.companies):
            raise AccountError("bad_company", f"a company is one of {', '.join(self._office.companies)}")
        if wanted in ROLES_WITH_COMPANIES and not listed:
            raise AccountError("no_company", "operators and privacy officers work for one company at least")
        shown = " ".join("".join(char for char in unicodedata.normalize("NFC", shown) if unicodedata.category(char)[0] != "C").split())
        if not 0 < len(shown) <= 80:
            raise AccountError("bad_shown", "a shown name has 1 to 80 characters")
        return wanted, listed, shown

    def _open_sessions(self, session: Session) -> dict[str, int]:
        now = self._office.now()
        alive = (AccountSession.active_at > now - sessions.IDLE, AccountSession.created_at > now - sessions.LONGEST)
        query = sa.select(AccountSession.account_id, sa.func.count()).where(AccountSession.step.is_(None), *alive)
        return dict(session.execute(query.group_by(AccountSession.account_id)).all())


def _locked(session: Session, account_id: str) -> Account:
    account = session.execute(sa.select(Account).where(Account.id == account_id).with_for_update()).scalar_one_or_none()
    if account is None:
        raise AccountError("unknown_account", "there is no such account")
    return account


def _active_admins(session: Session) -> Sequence[str]:
    """Their ids. Their rows are locked, before any other one, so that two administrators cannot remove each other at once."""
    query = sa.select(Account.id).where(Account.role == "admin", Account.active).order_by(Account.id).with_for_update()
    return session.execute(query).scalars().all()


def _hold_own_account(actor: Actor, account: Account) -> None:
    if actor.id == account.id:
        raise AccountError("own_account", "administrators do that to each other's accounts, not to their own")


def _hold_last_admin(admins: Sequence[str], account: Account) -> None:
    if list(admins) == [account.id]:
        raise AccountError("last_admin", "this is the last administrator; make another one first")


def _view(row: Account, open_sessions: int) -> AccountView:
    return AccountView(
        row.id, row.name, row.shown, row.role, tuple(row.companies), row.active, row.password_hash is not None, row.issuer is not None,
        row.start_until, row.totp_since is not None, row.created_at, row.signed_in_at, open_sessions,
    )  # fmt: skip
