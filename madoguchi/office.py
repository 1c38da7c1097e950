"""Puts together what works on tickets, from the settings and the corpus: for the gateway, the actions and the command line."""

from __future__ import annotations

import sys
from datetime import timedelta
from urllib.parse import unquote, urlsplit

from madoguchi.accounts import Accounts, AccountSettings
from madoguchi.answers.compose import has_contact
from madoguchi.corpus import shared_corpus
from madoguchi.requests import KeyRing, Mailer, Office, OutboxTransport, RequestSettings, SmtpTransport, Transport
from madoguchi.settings import SettingError, Settings
from madoguchi.store import Database, utc_now


def office_of(settings: Settings, database: Database | None = None) -> Office:
    """The office of an installation.

    Args:
        settings: of this process.
        database: where it is open already; it has been migrated.

    Raises:
        KeyRingError, DatabaseError: keys or database cannot be used.
    """
    corpus = shared_corpus()
    return Office(
        database or Database(settings.database_url),
        _ring(settings),
        RequestSettings(operator=settings.operator, default_keep_days=settings.keep_request_days, target_days=settings.target_days),
        {company.id: company.full for company in corpus.companies.values()},
        frozenset(company for company in corpus.companies if has_contact(corpus, company)),
    )


def accounts_of(settings: Settings, office: Office) -> Accounts:
    """The accounts of an installation.

    Raises:
        SettingError: `MADOGUCHI_OIDC_ROLES` names a company that there is not.
    """
    named = {company for rule in (settings.oidc.roles if settings.oidc else ()) for company in rule.companies}
    if unknown := named - set(office.companies):
        raise SettingError(f"MADOGUCHI_OIDC_ROLES: there is no company {', '.join(sorted(unknown))}")
    policy = AccountSettings(settings.address_key.encode(), settings.require_totp, settings.password_sign_in)
    return Accounts(office, policy)


def mailer_of(settings: Settings, office: Office) -> Mailer:
    """The mailer of an installation: over SMTP where `MADOGUCHI_SMTP_URL` is set, else into a folder.

    Raises:
        SettingError: the URL cannot be read.
    """
    return Mailer(office, _transport(settings), settings.mail_from)


def forget_mails(settings: Settings) -> None:
    """Delete mails of the outbox folder that are older than conversations are kept: addresses stand in them."""
    if settings.smtp_url is None:
        _outbox(settings).purge(utc_now() - timedelta(days=settings.keep_days))


def _outbox(settings: Settings) -> OutboxTransport:
    return OutboxTransport(settings.data_dir / "outbox")


def _ring(settings: Settings) -> KeyRing:
    if settings.keys is not None:
        return KeyRing.from_text(settings.keys)
    ring, is_new = KeyRing.from_file(settings.keys_file)
    if is_new:
        sys.stderr.write(
            f"madoguchi: made keys for personal fields of tickets in {settings.keys_file}; keep a copy in a safe place: "
            "without them nothing can be opened, and with them everything can\n"
        )
    return ring


def _transport(settings: Settings) -> Transport:
    if settings.smtp_url is None:
        return _outbox(settings)
    parts = urlsplit(settings.smtp_url)
    if parts.scheme not in ("smtp", "smtp+starttls") or not parts.hostname:
        raise SettingError("MADOGUCHI_SMTP_URL: write smtp://HOST:PORT or smtp+starttls://USER:PASSWORD@HOST:PORT")
    user, password = (unquote(part) if part else None for part in (parts.username, parts.password))
    return SmtpTransport(parts.hostname, parts.port or 25, user, password, parts.scheme == "smtp+starttls")
