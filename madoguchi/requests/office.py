"""What all work on tickets stands on: database, keys, settings, clock, and the transaction that writes its own audit entries."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from madoguchi import Language
from madoguchi.corpus import Text
from madoguchi.store import Database, utc_now

from .actors import Actor
from .audit import AuditLog
from .errors import AuditedError, Entry
from .keys import KeyRing
from .seal import Seals
from .tables import Ticket
from .wording import phrase

COMPANIES_POSTING_FORMS = frozenset({"infiniti"})
"""Whose policy says that a form comes by post (`infiniti/request-steps`): there an address may be given beside a mail address."""


@dataclass(frozen=True)
class RequestSettings:
    """What an installation may set.

    Attributes:
        operator: who operates the assistant; customers read it in the purpose notice and in every mail.
        keep_days: days after the end of a ticket until its personal fields are destroyed, by company; `default_keep_days` for others.
        unverified_days: days within which the contact has to be proven.
        code_life, code_tries: of a code that was sent.
        code_sends, address_sends: codes a day to one ticket, and to one address over all tickets.
        link_life: of the one-time link to the contact form.
        target_days, closures: business days within which a company means to answer, and days on which it does not work.
    """

    operator: str | None = None
    keep_days: Mapping[str, int] = field(default_factory=dict)
    default_keep_days: int = 365
    unverified_days: int = 7
    code_life: timedelta = timedelta(minutes=10)
    code_tries: int = 5
    code_sends: int = 5
    address_sends: int = 10
    link_life: timedelta = timedelta(hours=24)
    target_days: Mapping[str, int] = field(default_factory=dict)
    closures: Mapping[str, frozenset[date]] = field(default_factory=dict)

    def kept_for(self, company: str) -> timedelta:
        """How long the personal fields of a company's tickets stay after the end."""
        return timedelta(days=self.keep_days.get(company, self.default_keep_days))

    def operator_name(self, lang: Language) -> str:
        """The operator as customers read it."""
        return self.operator or phrase("operator_unset", lang)


class Unit:
    """A transaction that writes, with the audit entries of what it does."""

    def __init__(self, session: Session, now: datetime) -> None:
        self.session = session
        self.now = now
        self.entries: list[Entry] = []

    def audit(self, actor: Actor, action: str, number: str | None = None, **detail: object) -> None:
        """Have the audit log record an act when the transaction commits; `detail` holds nothing personal."""
        self.entries.append(Entry(actor, action, number, detail))

    def locked(self, number: str) -> Ticket | None:
        """A ticket by its number, its row locked until the transaction ends."""
        return self.session.execute(sa.select(Ticket).where(Ticket.number == number).with_for_update()).scalar_one_or_none()


class Office:
    """Shared by `Requests`, `Staff`, `Mailer` and `Retention`."""

    def __init__(
        self,
        database: Database,
        ring: KeyRing,
        settings: RequestSettings,
        companies: Mapping[str, Text],
        companies_with_contact: frozenset[str],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """Put it together.

        Args:
            database: migrated.
            ring: the keys.
            settings: see there.
            companies: by id, how customers read the company's name (companies.yml, `full`).
            companies_with_contact: those whose policy states a contact; tickets of the others need routing.
            now: the clock, aware.
        """
        self.database = database
        self.settings = settings
        self.companies = companies
        self.companies_with_contact = companies_with_contact
        self.ring = ring
        self.seals = Seals(ring)
        self.audit = AuditLog(database, ring.audit_key, now)
        self.now = now

    @contextlib.contextmanager
    def unit(self) -> Iterator[Unit]:
        """A transaction; commits at its end together with its audit entries. A refusal that is to be audited is, although nothing else is.

        Raises:
            AuditedError: what was raised within.
        """
        with self.refusing(), self.database.write() as session:
            unit = Unit(session, self.now())
            yield unit
            session.flush()
            self.audit.append(session, unit.entries)

    @contextlib.contextmanager
    def refusing(self) -> Iterator[None]:
        """For what only reads, so that nobody who writes waits for it: a refusal that is to be audited is.

        Raises:
            AuditedError: what was raised within.
        """
        try:
            yield
        except AuditedError as refused:
            self.audit.record(refused.entry)
            raise

    def blind_indices(self, kind: str, value: str) -> list[str]:
        """The hashes of a value at all companies."""
        return [self.seals.blind_index(company, kind, value) for company in self.companies]
