"""Signing in, and what somebody does with their own account. Calls block: an event loop makes them in a thread.

Every sign-in, failed or not, and every change stands in the audit log, by the account's id. Where there is no account of a name, the log
holds that somebody tried, and not the name: people type passwords there.
"""

from __future__ import annotations

import unicodedata
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from madoguchi import Language
from madoguchi.requests import Actor, Office, Role
from madoguchi.requests.errors import Entry
from madoguchi.requests.office import Unit
from madoguchi.requests.tables import SealedSecret
from madoguchi.store import Database

from . import passwords, second_factor, sessions
from .errors import AccountError, WaitError
from .sessions import HalfSignedIn, Opened, SessionView, SignedIn, Step
from .tables import Account, AccountSession, RecoveryCode
from .throttle import Kind, Throttle, Try

VISITOR = Actor("visitor", "system")
"""Whoever is at the sign-in form, as far as it is not known who; the audit log tells them apart from the product by the id."""

_TOTP, _TOTP_NEW = "totp", "totp_new"


@dataclass(frozen=True)
class AccountSettings:
    """What an installation may set.

    Attributes:
        key: under which names and addresses are hashed where failures are counted.
        require_totp: whether a sign-in by password needs a second factor.
        password_sign_in: whether there are sign-ins by password.
    """

    key: bytes
    require_totp: bool = False
    password_sign_in: bool = True


@dataclass(frozen=True)
class Client:
    """Where a request comes from: the address is counted with and not kept, of the browser a rough name is."""

    address: str
    browser: str = ""


@dataclass(frozen=True)
class Identity:
    """Somebody as an identity provider knows them, and what its claims give here, if anything."""

    issuer: str
    subject: str
    name: str
    shown: str
    role: Role | None
    companies: tuple[str, ...]


@dataclass(frozen=True)
class Own:
    """One's own account, as its owner sees it."""

    name: str
    has_password: bool
    is_linked: bool
    totp_since: datetime | None
    spares_left: int
    sessions: tuple[SessionView, ...]


class Accounts:
    """Signing in and out, one's own password, second factor and sessions."""

    def __init__(self, office: Office, settings: AccountSettings) -> None:
        """Create the service.

        Args:
            office: database, audit log, keys and clock; migrated.
            settings: see there.
        """
        self.office = office
        self.settings = settings
        self._throttle = Throttle(office.database, settings.key, office.now)

    # Signing in.

    def is_empty(self) -> bool:
        """Whether there is no account at all yet, so that nobody can sign in."""
        return not has_accounts(self.office.database)

    def sign_in(self, name: str, password: str, client: Client) -> Opened:
        """Open a session, which may still want a step.

        Raises:
            AccountError: `wrong`: name or password, the two look alike; `passwords_off`.
            WaitError: after too many failures.
        """
        if not self.settings.password_sign_in:
            raise AccountError("passwords_off")
        name = normal_name(name)
        made = self._begin("password", name, client, None)
        with self.office.database.read() as session:
            account = session.execute(sa.select(Account).where(Account.name == name)).scalar_one_or_none()
        is_right = passwords.matches(account.password_hash if account is not None else None, password)
        reason = self._reason_against(account, is_right)
        if account is None or reason is not None:
            self._failed(account, reason or "unknown")
            raise AccountError("wrong")
        self._throttle.succeeded(made)
        self._tidy()
        outdated = passwords.is_outdated(account.password_hash)
        rehashed = passwords.hashed(password) if outdated else None
        with self.office.unit() as unit:
            present = self._locked(unit.session, account.id)
            if not present.active or present.password_hash != account.password_hash:
                raise AccountError("wrong")  # changed in this very moment
            if rehashed:
                present.password_hash = rehashed
            return self._opened(unit, present, "password", client.browser)

    def sign_in_by_provider(self, identity: Identity, client: Client) -> Opened:
        """Open a session for somebody whom the identity provider vouches for; where it gives them a role, their account is made.

        The role of an account without a password follows the provider; that of one with a password is what an administrator gave it.

        Raises:
            AccountError: `provider_unknown`: no account is linked, and the provider gives no role here; `inactive`.
        """
        of = (Account.issuer == identity.issuer, Account.subject == identity.subject)
        with self.office.unit() as unit:
            account = unit.session.execute(sa.select(Account).where(*of).with_for_update()).scalar_one_or_none()
            refused = self._reason_against_provider(account, identity)
            if refused is None:
                if account is None:
                    account = _made_for(unit.session, identity, unit.now)
                    unit.audit(
                        account_actor(account), "account_created", account=account.id, role=account.role, companies=account.companies
                    )
                elif account.password_hash is None and identity.role is not None:
                    before = (account.role, sorted(account.companies))
                    account.role, account.companies = identity.role, sorted(identity.companies)
                    if (account.role, account.companies) != before:
                        detail = {"account": account.id, "role": account.role, "companies": account.companies, "by": "provider"}
                        unit.audit(account_actor(account), "account_changed", **detail)
                return self._opened(unit, account, "provider", client.browser)
            if account is not None and refused == "provider_unknown":
                sessions.end_sessions(unit.session, account.id)  # the provider has taken the role away
        self._failed(account, refused)
        raise AccountError(refused)

    def provider_failed(self, reason: str) -> None:
        """Have the audit log hold that a sign-in by the provider came to nothing."""
        self._failed(None, reason)

    def half(self, token: str) -> HalfSignedIn | None:
        """Whose sign-in a token stands for that still wants a step."""
        with self.office.database.read() as session:
            row = sessions.found(session, token, self.office.now())
        if row is None or row[1].step is None:
            return None
        return HalfSignedIn(sessions.signed_in(*row), row[1].step)

    def pass_code(self, half: HalfSignedIn, typed: str, client: Client) -> Opened:
        """Take the second factor's code, or a recovery code; returns the next token.

        Raises:
            AccountError: `wrong_code`, `over`.
            WaitError: after too many failures.
        """
        if half.step != "code":
            raise AccountError("over")
        made = self._begin("code", half.who.id, client, half.who.actor)
        with self.office.unit() as unit:
            account, opened = self._stepped(unit.session, half)
            proof = self._proven(unit.session, account, typed, unit.now)
            if proof is not None:
                next_ = self._reopened(unit, account, opened, f"{opened.proof}+{proof}", client.browser)
        if proof is None:
            self.office.audit.record(Entry(half.who.actor, "sign_in_failed", None, {"reason": "code"}))
            raise AccountError("wrong_code")
        self._throttle.succeeded(made)
        return next_

    def pass_password(self, half: HalfSignedIn, new: str, client: Client) -> Opened:
        """Take a password of one's own in place of the one that was handed out; returns the next token.

        Raises:
            AccountError: as `passwords.check` says; `password_same`, `over`.
        """
        if half.step != "password":
            raise AccountError("over")
        self._check_new(half.who, new)
        made = passwords.hashed(new)
        with self.office.unit() as unit:
            account, opened = self._stepped(unit.session, half)
            account.password_hash, account.start_until = made, None
            unit.audit(half.who.actor, "password_changed")
            return self._reopened(unit, account, opened, opened.proof, client.browser)

    def pass_totp(self, half: HalfSignedIn, typed: str, client: Client) -> tuple[Opened, list[str]]:
        """Take the first code of a new second factor; returns the next token and the recovery codes.

        Raises:
            AccountError: `wrong_code`, `over`.
        """
        if half.step != "totp":
            raise AccountError("over")
        made = self._begin("code", half.who.id, client, half.who.actor)
        with self.office.unit() as unit:
            account, opened = self._stepped(unit.session, half)
            spares = self._confirmed(unit, account, typed)
            next_ = self._reopened(unit, account, opened, f"{opened.proof}+code", client.browser)
        self._throttle.succeeded(made)
        return next_, spares

    # Sessions.

    def session(self, token: str) -> SignedIn | None:
        """Whose session a token stands for; None where there is none, none any more, or one that still wants a step."""
        now = self.office.now()
        with self.office.database.read() as session:
            row = sessions.found(session, token, now)
        if row is None or row[1].step is not None:
            return None
        if row[1].active_at < now - sessions.TOUCH_EVERY:
            with self.office.database.write() as session:
                session.execute(sa.update(AccountSession).where(AccountSession.id == row[1].id).values(active_at=now))
        return sessions.signed_in(*row)

    def sign_out(self, who: SignedIn) -> None:
        """End a session."""
        self.end_session(who, who.session, "sign_out")

    def end_session(self, who: SignedIn, session_id: str, action: str = "session_ended") -> None:
        """End one of one's own sessions."""
        with self.office.unit() as unit:
            mine = sa.and_(AccountSession.id == session_id, AccountSession.account_id == who.id)
            if unit.session.execute(sa.delete(AccountSession).where(mine)).rowcount:
                unit.audit(who.actor, action)

    def end_own_sessions(self, who: SignedIn) -> None:
        """Sign out everywhere, here too."""
        with self.office.unit() as unit:
            unit.audit(who.actor, "sessions_ended", account=who.id, sessions=sessions.end_sessions(unit.session, who.id))

    # One's own account.

    def own(self, who: SignedIn) -> Own:
        """What the page of one's own account shows; the present session comes first."""
        now = self.office.now()
        with self.office.database.read() as session:
            account = session.get(Account, who.id)
            mine = AccountSession.account_id == who.id
            spares = session.execute(
                sa.select(sa.func.count()).select_from(RecoveryCode).where(RecoveryCode.account_id == who.id)
            ).scalar_one()
            alive = (AccountSession.active_at > now - sessions.IDLE, AccountSession.created_at > now - sessions.LONGEST)
            query = sa.select(AccountSession).where(mine, AccountSession.step.is_(None), *alive).order_by(AccountSession.active_at.desc())
            rows = session.execute(query).scalars().all()
        listed = [SessionView(row.id, row.browser, row.created_at, row.active_at) for row in rows]
        listed.sort(key=lambda view: view.id != who.session)
        return Own(account.name, account.password_hash is not None, account.issuer is not None, account.totp_since, spares, tuple(listed))

    def set_language(self, account_id: str, lang: Language) -> None:
        """Keep the language that somebody works in."""
        with self.office.database.write() as session:
            session.execute(sa.update(Account).where(Account.id == account_id).values(lang=lang))

    def change_password(self, who: SignedIn, present: str, new: str, client: Client) -> None:
        """Take a new password; the other sessions end.

        Raises:
            AccountError: `wrong_password`; as `passwords.check` says; `password_same`.
            WaitError: after too many failures.
        """
        self._prove(who, present, client)
        self._check_new(who, new)
        made = passwords.hashed(new)
        with self.office.unit() as unit:
            unit.session.get(Account, who.id).password_hash = made
            ended = sessions.end_sessions(unit.session, who.id, but=who.session)
            unit.audit(who.actor, "password_changed", sessions=ended)

    def totp_set_up(self, who: SignedIn) -> str:
        """The secret of a second factor that is being set up; the same one until it is confirmed."""
        with self.office.unit() as unit:
            # The account's row is the lock: two pages opened at once show the same secret.
            unit.session.execute(sa.select(Account.id).where(Account.id == who.id).with_for_update())
            secret = self.office.seals.read_secret(unit.session, who.id, _TOTP_NEW)
            if secret is None:
                secret = second_factor.new_secret()
                self.office.seals.put_secret(unit.session, who.id, _TOTP_NEW, secret)
            return secret

    def turn_on_totp(self, who: SignedIn, password: str, typed: str, client: Client) -> list[str]:
        """Have a second factor asked for from now on; returns the recovery codes. The other sessions end.

        Raises:
            AccountError: `wrong_password`, `wrong_code`.
            WaitError: after too many failures.
        """
        self._prove(who, password, client)
        with self.office.unit() as unit:
            spares = self._confirmed(unit, self._locked(unit.session, who.id), typed)
            sessions.end_sessions(unit.session, who.id, but=who.session)
        return spares

    def turn_off_totp(self, who: SignedIn, password: str, client: Client) -> None:
        """Have no second factor asked for any more.

        Raises:
            AccountError: `wrong_password`; `totp_required` here.
            WaitError: after too many failures.
        """
        if self.settings.require_totp:
            raise AccountError("totp_required")
        self._prove(who, password, client)
        with self.office.unit() as unit:
            drop_totp(unit.session, self._locked(unit.session, who.id))
            unit.audit(who.actor, "second_factor_off")

    def new_spares(self, who: SignedIn, password: str, client: Client) -> list[str]:
        """Make new recovery codes in place of the old ones.

        Raises:
            AccountError: `wrong_password`; `totp_off`: there is no second factor that they could stand in for.
            WaitError: after too many failures.
        """
        self._prove(who, password, client)
        with self.office.unit() as unit:
            account = self._locked(unit.session, who.id)
            if account.totp_since is None:
                raise AccountError("totp_off")
            unit.audit(who.actor, "recovery_codes_made")
            return self._spares(unit.session, account)

    def link(self, account_id: str, session_id: str, identity: Identity) -> None:
        """Have the account of somebody who is signed in recognised by the identity provider.

        Raises:
            AccountError: `over`: that session has ended; `linked_already`: to another account.
        """
        with self.office.unit() as unit:
            now = unit.now
            alive = (AccountSession.active_at > now - sessions.IDLE, AccountSession.created_at > now - sessions.LONGEST)
            mine = (AccountSession.id == session_id, AccountSession.account_id == account_id, AccountSession.step.is_(None))
            if unit.session.execute(sa.select(AccountSession.id).where(*mine, *alive)).first() is None:
                raise AccountError("over")
            account = self._locked(unit.session, account_id)
            other = (Account.issuer == identity.issuer, Account.subject == identity.subject, Account.id != account_id)
            if unit.session.execute(sa.select(Account.id).where(*other)).first() is not None:
                raise AccountError("linked_already")
            account.issuer, account.subject = identity.issuer, identity.subject
            unit.audit(account_actor(account), "provider_linked")

    def unlink(self, who: SignedIn, password: str, client: Client) -> None:
        """Have the identity provider not recognise the account any more; it keeps its password.

        Raises:
            AccountError: `wrong_password`; `passwords_off`: nobody could sign in to it.
            WaitError: after too many failures.
        """
        if not self.settings.password_sign_in:
            raise AccountError("passwords_off")
        self._prove(who, password, client)
        with self.office.unit() as unit:
            account = self._locked(unit.session, who.id)
            account.issuer = account.subject = None
            unit.audit(who.actor, "provider_unlinked")

    def names(self) -> dict[str, str]:
        """How colleagues read each account, by id, those who have left too."""
        with self.office.database.read() as session:
            return {row.id: row.shown for row in session.execute(sa.select(Account.id, Account.shown))}

    def colleagues(self, companies: Iterable[str]) -> dict[str, str]:
        """How those read who work on chats and requests of any of these companies now, by id, in the order of their names."""
        wanted = set(companies)
        staff = sa.select(Account).where(Account.active, Account.role.in_(("operator", "privacy_officer"))).order_by(Account.shown)
        with self.office.database.read() as session:
            return {row.id: row.shown for row in session.execute(staff).scalars() if wanted & set(row.companies)}

    # What these have in common.

    def _begin(self, kind: Kind, name: str, client: Client, actor: Actor | None) -> Try:
        try:
            return self._throttle.begin(kind, name, client.address)
        except WaitError as error:
            if error.is_first:
                self.office.audit.record(Entry(actor or VISITOR, "sign_in_waits", None, {"seconds": error.seconds, "for": kind}))
            raise

    def _reason_against(self, account: Account | None, is_right: bool) -> str | None:
        if account is None:
            return "unknown"
        if not is_right:
            return "password"
        if not account.active:
            return "inactive"
        return "start_password_over" if account.start_until is not None and account.start_until <= self.office.now() else None

    def _reason_against_provider(self, account: Account | None, identity: Identity) -> str | None:
        if account is not None and not account.active:
            return "inactive"
        is_made_by_provider = account is None or account.password_hash is None
        return "provider_unknown" if is_made_by_provider and identity.role is None else None

    def _failed(self, account: Account | None, reason: str) -> None:
        self.office.audit.record(Entry(VISITOR if account is None else account_actor(account), "sign_in_failed", None, {"reason": reason}))

    def _next_step(self, account: Account, proof: str) -> Step | None:
        if proof == "provider":
            return None  # the second factor is the provider's matter
        if account.totp_since is not None and "+" not in proof:
            return "code"
        if account.start_until is not None:
            return "password"
        return "totp" if self.settings.require_totp and account.totp_since is None else None

    def _opened(self, unit: Unit, account: Account, proof: str, browser: str) -> Opened:
        step = self._next_step(account, proof)
        if step is None:
            account.signed_in_at = unit.now
            unit.audit(account_actor(account), "sign_in", by=proof)
        unit.session.flush()
        return sessions.open_session(unit.session, account, step, proof, browser, unit.now)

    def _reopened(self, unit: Unit, account: Account, opened: AccountSession, proof: str, browser: str) -> Opened:
        """The same sign-in a step further, under another token."""
        unit.session.delete(opened)
        return self._opened(unit, account, proof, browser)

    def _stepped(self, session: Session, half: HalfSignedIn) -> tuple[Account, AccountSession]:
        account = self._locked(session, half.who.id)
        opened = session.get(AccountSession, half.who.session)
        if opened is None or opened.step != half.step or not account.active:
            raise AccountError("over")
        return account, opened

    def _locked(self, session: Session, account_id: str) -> Account:
        return session.execute(sa.select(Account).where(Account.id == account_id).with_for_update()).scalar_one()

    def _prove(self, who: SignedIn, password: str, client: Client) -> None:
        """Make sure that it is still the owner who sits at an open session."""
        made = self._begin("password", who.name, client, who.actor)
        with self.office.database.read() as session:
            kept = session.get(Account, who.id).password_hash
        if not passwords.matches(kept, password):
            self.office.audit.record(Entry(who.actor, "password_refused"))
            raise AccountError("wrong_password")
        self._throttle.succeeded(made)

    def _check_new(self, who: SignedIn, new: str) -> None:
        passwords.check(new, who.name)
        with self.office.database.read() as session:
            kept = session.get(Account, who.id).password_hash
        if passwords.matches(kept, new):
            raise AccountError("password_same")

    def _proven(self, session: Session, account: Account, typed: str, now: datetime) -> str | None:
        """What a second factor was shown by, used up with that; None where it is wrong."""
        secret = self.office.seals.read_secret(session, account.id, _TOTP)
        step = second_factor.step_of(secret, typed, now, account.totp_step) if secret is not None else None
        if step is not None:
            account.totp_step = step
            return "code"
        spare = second_factor.spare_hash(self.office.ring.code_key, account.id, typed)
        used = sa.delete(RecoveryCode).where(RecoveryCode.account_id == account.id, RecoveryCode.hash == spare)
        return "spare" if spare is not None and session.execute(used).rowcount else None

    def _confirmed(self, unit: Unit, account: Account, typed: str) -> list[str]:
        secret = self.office.seals.read_secret(unit.session, account.id, _TOTP_NEW)
        step = second_factor.step_of(secret, typed, unit.now, 0) if secret is not None else None
        if secret is None or step is None:
            raise AccountError("wrong_code")
        drop_totp(unit.session, account)
        self.office.seals.put_secret(unit.session, account.id, _TOTP, secret)
        account.totp_since, account.totp_step = unit.now, step
        unit.audit(account_actor(account), "second_factor_on")
        return self._spares(unit.session, account)

    def _spares(self, session: Session, account: Account) -> list[str]:
        made = second_factor.new_spares()
        session.execute(sa.delete(RecoveryCode).where(RecoveryCode.account_id == account.id))
        for code in made:
            session.add(RecoveryCode(account_id=account.id, hash=second_factor.spare_hash(self.office.ring.code_key, account.id, code)))
        return made

    def _tidy(self) -> None:
        self._throttle.forget()
        with self.office.database.write() as session:
            sessions.purge(session, self.office.now())


def has_accounts(database: Database) -> bool:
    """Whether there is any account, so that somebody can sign in."""
    with database.read() as session:
        return session.execute(sa.select(Account.id).limit(1)).first() is not None


def normal_name(name: str) -> str:
    """The form in which names are kept and compared."""
    return unicodedata.normalize("NFKC", name[:200]).strip().casefold()


def account_actor(account: Account) -> Actor:
    """Whoever an account belongs to, as the audit log names them."""
    return Actor(account.id, account.role, frozenset(account.companies))


def drop_totp(session: Session, account: Account) -> None:
    """Take second factor and recovery codes away from an account."""
    account.totp_since = None
    session.execute(sa.delete(SealedSecret).where(SealedSecret.owner == account.id))
    session.execute(sa.delete(RecoveryCode).where(RecoveryCode.account_id == account.id))


def new_account(name: str, role: Role, companies: Iterable[str], shown: str, lang: Language, now: datetime, **more: Any) -> Account:
    """A row for an account; nothing is checked."""
    return Account(
        id=uuid.uuid4().hex, name=normal_name(name), shown=shown or name, role=role, companies=sorted(companies), lang=lang, active=True,
        totp_step=0, created_at=now, **more,
    )  # fmt: skip


def _made_for(session: Session, identity: Identity, now: datetime) -> Account:
    """The account of somebody whom the provider gives a role; its name is the provider's, with a number where that is taken."""
    assert identity.role is not None
    wanted = normal_name(identity.name)[:100] or "staff"
    taken = set(session.execute(sa.select(Account.name).where(Account.name.startswith(wanted, autoescape=True))).scalars())
    name = next(name for name in (wanted, *(f"{wanted}-{n}" for n in range(2, len(taken) + 3))) if name not in taken)
    shown = identity.shown[:80] or name[:80]
    account = new_account(name, identity.role, identity.companies, shown, "ja", now, issuer=identity.issuer, subject=identity.subject)
    session.add(account)
    session.flush()
    return account
