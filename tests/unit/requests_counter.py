"""What the tests of data subject requests share: all their services over one database, with a clock that a test moves."""

from __future__ import annotations

import itertools
import re
import tempfile
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path

import sqlalchemy as sa

from madoguchi.requests import Actor, Contact, KeyRing, Mailer, Office, RequestDraft, Requests, RequestSettings, Retention, Staff
from madoguchi.requests.mail import TransportError
from madoguchi.store import Database

COMPANIES = {
    "lexus": {"ja": "レクサス", "en": "LEXUS"},
    "g-link": {"ja": "G-Link", "en": "G-Link"},
    "jamil": {"ja": "ジャミール商事", "en": "Jamil Shoji"},
    "infiniti": {"ja": "インフィニティ", "en": "Infiniti"},
    "jin-jidosha": {"ja": "Jin Jidosha Japan", "en": "Jin Jidosha Japan"},
}
WITH_CONTACT = frozenset({"lexus", "jamil", "infiniti"})
NAME, EMAIL, PHONE, ADDRESS = "山田花子", "Hanako.Yamada@example.co.jp", "03-6234-5678", "東京都港区芝公園9丁目8番7号"
START = datetime(2026, 11, 2, 1, 0, tzinfo=timezone.utc)

OPERATOR = Actor("op-1", "operator", frozenset({"lexus"}))
OFFICER = Actor("po-1", "privacy_officer", frozenset({"lexus"}))
OTHER_OFFICER = Actor("po-2", "privacy_officer", frozenset({"jamil"}))
AUDITOR = Actor("au-1", "auditor", frozenset(COMPANIES))
ADMIN = Actor("ad-1", "admin", frozenset(COMPANIES))

_instances = itertools.count(1)


class Post:
    """A transport that keeps what it is given, or fails as told."""

    def __init__(self):
        self.messages = []
        self.failures = []

    def send(self, mail_id, message):
        if self.failures:
            failure = self.failures.pop(0)
            if isinstance(failure, TransportError):
                raise failure
            self.messages.append(message)
            raise failure
        self.messages.append(message)

    def code(self):
        return re.search(r"(?:Code: |確認コード：)([0-9]{8})\b", self.messages[-1].get_content()).group(1)

    def subjects(self):
        return [str(message["Subject"]) for message in self.messages]


class Counter:
    """All services over one database."""

    def __init__(self, url, ring, **settings):
        self.now = START
        self.ring = ring
        self.database = Database(url)
        self.office = Office(
            self.database, ring, RequestSettings(operator="Example Operator", **settings), COMPANIES, WITH_CONTACT, self.clock
        )
        self.requests, self.staff, self.retention = Requests(self.office), Staff(self.office), Retention(self.office)
        self.post = Post()
        self.mailer = Mailer(self.office, self.post, "noreply@madoguchi.example")

    def clock(self):
        return self.now

    def later(self, **how):
        self.now += timedelta(**how)

    def opened(self, company="lexus", type_="disclosure", channel="email", relation="self", lang="en", origin=None):
        instance = f"i{next(_instances)}"
        return self.requests.open(RequestDraft(company, type_, relation, channel, lang, origin or f"sender-{instance}", instance)), (
            origin or f"sender-{instance}"
        )

    def give(self, number, origin, **values):
        contact = Contact(**{"name": NAME, "email": EMAIL} | values)
        return self.requests.give_contact(number, contact, self.requests.notice(number, "ja").version, origin=origin)

    def received(self, company="lexus", type_="disclosure", email=EMAIL, **how):
        """A ticket with a proven mailbox; its mails are sent."""
        ticket, origin = self.opened(company, type_, **how)
        self.give(ticket.number, origin, email=email)
        self.mailer.deliver()
        view = self.requests.verify_contact(ticket.number, self.post.code())
        self.mailer.deliver()
        return view

    def rows(self, table, *where):
        with self.database.read() as session:
            return session.execute(sa.select(table).where(*where)).scalars().all()


@lru_cache(maxsize=1)
def _migrated():
    """The bytes of a migrated SQLite database: migrating takes longer than most tests."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/template.db")
        database.migrate()
        database.engine.dispose()
        return (Path(folder) / "template.db").read_bytes()


def sqlite_url(folder):
    """The URL of a new, migrated database in a folder."""
    (folder / "requests.db").write_bytes(_migrated())
    return f"sqlite:///{folder / 'requests.db'}"


def new_counter(folder, **settings):
    """One over an SQLite file in a folder."""
    return Counter(sqlite_url(folder), KeyRing.from_file(folder / "keys.yml")[0], **settings)
