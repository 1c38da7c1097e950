"""The days that a report is about: days in Japan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from madoguchi import JAPAN, MadoguchiError

LONGEST = 366
PRESETS = (1, 7, 30, 90)
"""Periods up to today that can be chosen by their number of days."""


class PeriodError(MadoguchiError):
    """Two days that make no period: not dates, in the wrong order, or more than a year apart."""


@dataclass(frozen=True)
class Period:
    """From the first day to the last, both included."""

    first: date
    last: date

    @classmethod
    def until_today(cls, days: int, now: datetime) -> Period:
        """So many days, of which today is the last.

        Args:
            now: aware.
        """
        today = now.astimezone(JAPAN).date()
        return cls(today - timedelta(days=days - 1), today)

    @classmethod
    def between(cls, first: str, last: str) -> Period:
        """A period from two dates as forms send them.

        Raises:
            PeriodError: see there.
        """
        try:
            period = cls(date.fromisoformat(first), date.fromisoformat(last))
        except ValueError as error:
            raise PeriodError("write dates as YYYY-MM-DD") from error
        if not 0 <= (period.last - period.first).days < LONGEST or period.last == date.max:
            raise PeriodError(f"the last day is the first or comes within {LONGEST} days")
        return period

    @property
    def starts(self) -> datetime:
        """The first moment."""
        return datetime.combine(self.first, time(), JAPAN)

    @property
    def ends(self) -> datetime:
        """The first moment that is no longer in it."""
        return datetime.combine(self.last + timedelta(days=1), time(), JAPAN)

    @property
    def days(self) -> int:
        """How many."""
        return (self.last - self.first).days + 1

    def __iter__(self) -> Iterator[date]:
        return (self.first + timedelta(days=n) for n in range(self.days))
