"""The audit log: an append-only chain of HMACs, written in the same transaction as what it records (R6, R7).

Each entry covers the one before it, so an entry that was changed, taken out or put elsewhere is found by `verify`. Entries cut off
at the end are found only against a head that was exported earlier and kept somewhere else.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from madoguchi.store import Database, utc_now

from .errors import Entry
from .tables import Audit

_START = "0" * 64
_LOCK = 7_305_813
"""Any number, the same in every process: PostgreSQL's advisory lock under which one process appends."""
_BATCH = 1_000


@dataclass(frozen=True)
class Head:
    """The end of the chain: export it daily and keep it where nobody who can write to the database can write."""

    seq: int
    hmac: str

    def __str__(self) -> str:
        """As it is kept elsewhere: NUMBER:HMAC."""
        return f"{self.seq}:{self.hmac}"

    @classmethod
    def parse(cls, text: str) -> Head | None:
        """The head that was kept; None where the text is none."""
        seq, _, mac = text.strip().partition(":")
        return cls(int(seq), mac) if seq.isascii() and seq.isdecimal() and len(seq) < 20 and mac.isascii() and mac else None


_PROBLEMS = {
    "missing_before": "entries are missing before {other}",
    "does_not_follow": "does not follow the entry before it",
    "changed": "was changed",
    "not_head": "is not the entry that the exported head names",
    "cut_off": "entries are missing at the end; the exported head names this one",
}


@dataclass(frozen=True)
class Problem:
    """What is wrong with an entry; `other` is the number that the entry after a gap has."""

    seq: int
    code: str
    other: int = 0

    def __str__(self) -> str:
        """In English, for the command line."""
        return f"{self.seq}: {_PROBLEMS[self.code].format(other=self.other)}"


@dataclass(frozen=True)
class Verdict:
    """What a check of the chain found: how many entries there are, and what is wrong with which."""

    entries: int
    found: tuple[Problem, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong, in words."""
        return tuple(map(str, self.found))

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.found


class AuditLog:
    """Appends to the chain and checks it."""

    def __init__(self, database: Database, key: bytes, now: Callable[[], datetime] = utc_now) -> None:
        """Create the log.

        Args:
            database: migrated.
            key: the ring's audit key.
            now: the clock, aware.
        """
        self._database = database
        self._key = key
        self._now = now

    def append(self, session: Session, entries: Sequence[Entry]) -> None:
        """Append within a transaction that writes; nothing else of it may take locks afterwards, or two could wait for each other."""
        if not entries:
            return
        if not self._database.is_sqlite:
            session.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        last = session.execute(sa.select(Audit.seq, Audit.hmac).order_by(Audit.seq.desc()).limit(1)).one_or_none()
        seq, prev = last or (0, _START)
        at = self._now()
        rows = []
        for entry in entries:
            seq += 1
            row = {
                "seq": seq, "at": at, "actor": entry.actor.id, "role": entry.actor.role, "action": entry.action, "number": entry.number,
                "detail": _canonical(entry.detail), "prev": prev,
            }  # fmt: skip
            prev = self._hmac(row)
            rows.append({**row, "hmac": prev})
        session.execute(sa.insert(Audit), rows)

    def record(self, entry: Entry) -> None:
        """Append in a transaction of its own."""
        with self._database.write() as session:
            self.append(session, [entry])

    def head(self) -> Head:
        """The end of the chain; of an empty one the number 0."""
        with self._database.read() as session:
            last = session.execute(sa.select(Audit.seq, Audit.hmac).order_by(Audit.seq.desc()).limit(1)).one_or_none()
        return Head(*last) if last else Head(0, _START)

    def verify(self, head: Head | None = None) -> Verdict:
        """Check every entry against the one before it.

        Args:
            head: exported earlier; without it, entries cut off at the end are not noticed.
        """
        problems: list[Problem] = []
        count, expected, prev, seen = 0, 1, _START, head is None or head.seq == 0
        for row in self._rows():
            count += 1
            if row["seq"] != expected:
                problems.append(Problem(expected, "missing_before", row["seq"]))
            elif row["prev"] != prev:
                problems.append(Problem(row["seq"], "does_not_follow"))
            if not hmac.compare_digest(self._hmac(row), row["hmac"]):
                problems.append(Problem(row["seq"], "changed"))
            if head is not None and row["seq"] == head.seq:
                seen = True
                if not hmac.compare_digest(row["hmac"], head.hmac):
                    problems.append(Problem(row["seq"], "not_head"))
            expected, prev = row["seq"] + 1, row["hmac"]
        if not seen and head is not None:
            problems.append(Problem(head.seq, "cut_off"))
        return Verdict(count, tuple(problems))

    def _rows(self) -> Iterator[Mapping[str, Any]]:
        with self._database.read() as session:
            yield from session.execute(sa.select(Audit.__table__).order_by(Audit.seq)).yield_per(_BATCH).mappings()

    def _hmac(self, row: Mapping[str, Any]) -> str:
        covered = {name: row[name] for name in ("seq", "actor", "role", "action", "number", "detail", "prev")}
        covered["at"] = row["at"].astimezone(timezone.utc).isoformat(timespec="microseconds")
        return hmac.new(self._key, _canonical(covered).encode(), hashlib.sha256).hexdigest()


def _canonical(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
