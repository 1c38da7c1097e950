"""Slows down guessing, counted in the database for all processes together.

Counted are one name from one address, one address, and one name. A try is counted as a failure before it is made and taken back when it
succeeds, so that many at once are not more than one after another. The waits of a name are short, and do not hold for addresses that it
was let in from within a month: whoever wants to lock somebody out can make them wait, and not keep them out.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from madoguchi.conversations.service import network_of
from madoguchi.store import Database, utc_now

from .errors import WaitError
from .tables import SignInTry

Kind = Literal["password", "code"]

KNOWN_FOR = timedelta(days=30)
_FORGIVE = timedelta(minutes=10)
"""One failure is taken off for each of these that passes without a try."""
_FORGET = timedelta(hours=24)


@dataclass(frozen=True)
class _Limit:
    """Failures without a wait, and the longest wait in seconds, that the doubling ones after them grow to."""

    free: int
    longest: int

    def until(self, failures: int, since: datetime) -> datetime | None:
        if failures <= self.free:
            return None
        return since + timedelta(seconds=min(self.longest, 2 ** min(failures - self.free, 20)))


_PAIR, _ADDRESS = _Limit(5, 900), _Limit(30, 900)
_NAME: dict[Kind, _Limit] = {"password": _Limit(20, 60), "code": _Limit(10, 900)}
"""Who guesses codes knows the password already, and a code is short."""


@dataclass(frozen=True)
class Try:
    """One that was let through."""

    kind: Kind
    pair: str
    address: str
    name: str

    @property
    def limits(self) -> dict[str, _Limit]:
        """By key, in the order in which all processes lock them."""
        return dict(sorted({self.pair: _PAIR, self.address: _ADDRESS, self.name: _NAME[self.kind]}.items()))


class Throttle:
    """Says who has to wait."""

    def __init__(self, database: Database, key: bytes, now: Callable[[], datetime] = utc_now) -> None:
        """Create it.

        Args:
            database: migrated.
            key: under which names and addresses are hashed.
            now: the clock, aware.
        """
        self._database = database
        self._key = key
        self._now = now

    def begin(self, kind: Kind, name: str, address: str) -> Try:
        """Count a try, as a failure until `succeeded` is called.

        Raises:
            WaitError: it is too early for another one; this one is not counted.
        """
        network = network_of(address)
        made = Try(
            kind, self._hashed(kind, "pair", name, network), self._hashed(kind, "address", network), self._hashed(kind, "name", name)
        )
        now = self._now()
        with self._database.write() as session:
            rows = self._locked(session, made, now)
            pair = rows[made.pair]
            is_known = pair.good_at is not None and pair.good_at > now - KNOWN_FOR
            waits = [row.until for key, row in rows.items() if row.until is not None and not (is_known and key == made.name)]
            if waits and max(waits) > now:
                is_first, pair.told = not pair.told, True
                seconds = math.ceil((max(waits) - now).total_seconds())
            else:
                seconds = 0
                for key, limit in made.limits.items():
                    row = rows[key]
                    forgiven = max(0, (now - row.active_at) // _FORGIVE)  # clocks of processes differ
                    row.failures = max(0, row.failures - forgiven) + 1
                    row.until, row.told, row.active_at = limit.until(row.failures, now), False, now
        if seconds:
            raise WaitError(seconds, is_first)
        return made

    def succeeded(self, made: Try) -> None:
        """Take the count of a try back: it was no failure. Others' failures at the name and the address stay counted."""
        now = self._now()
        with self._database.write() as session:
            for key, row in self._locked(session, made, now).items():
                row.failures = 0 if key == made.pair else max(0, row.failures - 1)
                row.until = made.limits[key].until(row.failures, row.active_at)
                if key == made.pair:
                    row.good_at = now

    def forget(self) -> None:
        """Delete what does not count any more."""
        now = self._now()
        old = (SignInTry.active_at < now - _FORGET, sa.or_(SignInTry.good_at.is_(None), SignInTry.good_at < now - KNOWN_FOR))
        with self._database.write() as session:
            # Without waiting for those that another process is using, which could wait for this one in turn.
            for row in session.execute(sa.select(SignInTry).where(*old).limit(200).with_for_update(skip_locked=True)).scalars():
                session.delete(row)

    def _locked(self, session: Session, made: Try, now: datetime) -> dict[str, SignInTry]:
        insert: Any = sqlite.insert if self._database.is_sqlite else postgresql.insert
        rows = {}
        for key in made.limits:
            new = {"key": key, "failures": 0, "told": False, "active_at": now}
            session.execute(insert(SignInTry.__table__).values(new).on_conflict_do_nothing())
            rows[key] = session.execute(sa.select(SignInTry).where(SignInTry.key == key).with_for_update()).scalar_one()
        return rows

    def _hashed(self, *parts: str) -> str:
        return hmac.new(self._key, "\0".join(("sign-in", *parts)).encode(), hashlib.sha256).hexdigest()
