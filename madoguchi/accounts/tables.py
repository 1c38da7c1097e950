"""The tables of accounts."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from madoguchi.store import Base, UtcDateTime

Json: Any = sa.JSON().with_variant(sa.dialects.postgresql.JSONB(), "postgresql")


class Account(Base):
    """Somebody of the staff.

    Attributes:
        id: never changes, and is what the audit log, tickets and chats name.
        name: what they sign in with, lower case.
        shown: how colleagues read them.
        role: see `madoguchi.requests.actors.Role`.
        companies: ids of the companies that they work for.
        password_hash: argon2; none where they sign in by an identity provider alone.
    """

    __tablename__ = "account"

    id = sa.Column(sa.String(32), primary_key=True)
    name = sa.Column(sa.String(120), nullable=False, unique=True)
    shown = sa.Column(sa.String(80), nullable=False)
    role = sa.Column(sa.String(20), nullable=False)
    companies = sa.Column(Json, nullable=False)
    lang = sa.Column(sa.String(2), nullable=False)
    password_hash = sa.Column(sa.Text)
    active = sa.Column(sa.Boolean, nullable=False, default=True)
    created_at = sa.Column(UtcDateTime, nullable=False)


class AccountSession(Base):
    """One sign-in; deleted to revoke it. `token_hash` is SHA-256 of the cookie's value, which is not kept."""

    __tablename__ = "account_session"

    id = sa.Column(sa.String(32), primary_key=True)
    account_id = sa.Column(sa.String(32), sa.ForeignKey("account.id", ondelete="CASCADE"), nullable=False, index=True)
    token_hash = sa.Column(sa.String(64), nullable=False, unique=True)
    csrf = sa.Column(sa.String(64), nullable=False)
    created_at = sa.Column(UtcDateTime, nullable=False)
    active_at = sa.Column(UtcDateTime, nullable=False)
