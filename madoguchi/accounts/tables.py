"""The tables of accounts. A second factor's secret stands sealed in `sealed_secret`, under the account's id."""

from __future__ import annotations

import sqlalchemy as sa

from madoguchi.store import Base, Json, UtcDateTime


class Account(Base):
    """Somebody of the staff. Never deleted: the audit log, tickets and chats name it.

    Attributes:
        id: never changes.
        name: what they sign in with, lower case.
        shown: how colleagues read them.
        role: see `madoguchi.requests.actors.Role`.
        companies: ids of the companies that they work for.
        password_hash: argon2; none where they sign in by an identity provider alone.
        start_until: set while the password is one that an administrator handed out: until when it is good; it has to be changed first.
        issuer, subject: who they are to the identity provider.
        totp_since: since when a second factor is asked for.
        totp_step: the last time step whose code was taken; no code is good twice.
        signed_in_at: when they last did.
    """

    __tablename__ = "account"
    __table_args__ = (sa.UniqueConstraint("issuer", "subject", name="uq_account_issuer_subject"),)

    id = sa.Column(sa.String(32), primary_key=True)
    name = sa.Column(sa.String(120), nullable=False, unique=True)
    shown = sa.Column(sa.String(80), nullable=False)
    role = sa.Column(sa.String(20), nullable=False)
    companies = sa.Column(Json, nullable=False)
    lang = sa.Column(sa.String(2), nullable=False)
    active = sa.Column(sa.Boolean, nullable=False, default=True)
    password_hash = sa.Column(sa.Text)
    start_until = sa.Column(UtcDateTime)
    issuer = sa.Column(sa.String(255))
    subject = sa.Column(sa.String(255))
    totp_since = sa.Column(UtcDateTime)
    totp_step = sa.Column(sa.BigInteger, nullable=False, default=0)
    created_at = sa.Column(UtcDateTime, nullable=False)
    signed_in_at = sa.Column(UtcDateTime)


class AccountSession(Base):
    """One sign-in; deleted to revoke it.

    Attributes:
        token_hash: SHA-256 of the cookie's value, which is not kept.
        step: what is still to be done before it is good for anything: `code`, `password`, `totp`; None where nothing is.
        proof: what was shown, for the audit log: `password`, `provider`, `password+code`, `password+spare`.
        browser: a rough name such as "Firefox, Windows", by which people tell their sessions apart; no address is kept.
    """

    __tablename__ = "account_session"

    id = sa.Column(sa.String(32), primary_key=True)
    account_id = sa.Column(sa.String(32), sa.ForeignKey("account.id", ondelete="CASCADE"), nullable=False, index=True)
    token_hash = sa.Column(sa.String(64), nullable=False, unique=True)
    csrf = sa.Column(sa.String(64), nullable=False)
    step = sa.Column(sa.String(8))
    proof = sa.Column(sa.String(16), nullable=False)
    browser = sa.Column(sa.String(40), nullable=False)
    created_at = sa.Column(UtcDateTime, nullable=False)
    active_at = sa.Column(UtcDateTime, nullable=False)


class RecoveryCode(Base):
    """A keyed hash of a code that stands in for the second factor once; deleted when it is used."""

    __tablename__ = "recovery_code"

    account_id = sa.Column(sa.String(32), sa.ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    hash = sa.Column(sa.String(64), primary_key=True)


class SignInTry(Base):
    """Failures of one name, one address, or one name from one address; the key is a keyed hash, so that neither is kept.

    Attributes:
        until: nobody is let try before.
        told: whether the audit log holds that somebody tried to before then.
        good_at: when this name was last let in from this address.
    """

    __tablename__ = "sign_in_try"

    key = sa.Column(sa.String(64), primary_key=True)
    failures = sa.Column(sa.Integer, nullable=False)
    until = sa.Column(UtcDateTime)
    told = sa.Column(sa.Boolean, nullable=False)
    good_at = sa.Column(UtcDateTime)
    active_at = sa.Column(UtcDateTime, nullable=False, index=True)
