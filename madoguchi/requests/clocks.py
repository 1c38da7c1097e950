"""The four clocks of a ticket, kept apart: what the law says, what a policy promises, what a company aims at, when a suit is possible.

Only the first two have words for customers, and neither is a date. Days are days in Japan.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal

import jpholiday

from madoguchi import JAPAN, LANGUAGES, Language

from . import law
from .wording import phrase

_PROMISES = {"infiniti": "infiniti/response"}
"""By company, the clause in which its policy speaks of a time; no other policy does."""
_PROMISE_ALARM_DAYS = 14
_SUIT_DAYS = 15
"""Two weeks from the arrival, whose day does not count (Act, art. 39): arrived on the 1st, a suit is possible from the 16th."""
_SATURDAY = 5

Clock = Literal["promise", "target", "suit"]
"""The clocks that run out on a day; the Act's own has none."""
CLOCKS: tuple[Clock, ...] = ("target", "promise", "suit")


@dataclass(frozen=True, order=True)
class Due:
    """A clock that runs out; `day` is the last one in time, in Japan."""

    day: date
    clock: Clock

    def left(self, today: date) -> int:
        """How many days are left; below 0 where it has run out."""
        return (self.day - today).days


@dataclass(frozen=True)
class Clocks:
    """What is due of a ticket.

    Attributes:
        article: of the Act.
        statutory: what the Act says of the time, in words; it fixes no days.
        promise_clause, promise: the clause of the policy that speaks of a time, and its words; None where the policy has none.
        promise_alarm: when staff are reminded of it; runs from the documents.
        target: the day by which the company means to answer; internal.
        suit_alert: from when a suit is possible; internal, and none for notices of purpose.
    """

    article: str
    statutory: dict[Language, str]
    promise_clause: str | None
    promise: dict[Language, str] | None
    promise_alarm: datetime | None
    target: date | None
    suit_alert: datetime | None

    @property
    def due(self) -> tuple[Due, ...]:
        """The clocks that run out, the first one first."""
        return due(self.promise_alarm, self.target, self.suit_alert)


@lru_cache(maxsize=4_096)
def _is_holiday(day: date) -> bool:
    return bool(jpholiday.is_holiday(day))


def japan_day(moment: datetime) -> date:
    """The day in Japan of an aware time."""
    if moment.tzinfo is None:
        raise ValueError("a time without its zone has no day in Japan")
    return moment.astimezone(JAPAN).date()


def japan_midnight(day: date) -> datetime:
    """The beginning of a day in Japan."""
    return datetime.combine(day, time(), JAPAN)


def is_business_day(day: date, closures: Collection[date] = ()) -> bool:
    """Whether a company works on a day: no weekend, no holiday in Japan, no closure of its own."""
    return day.weekday() < _SATURDAY and not _is_holiday(day) and day not in closures


def target_day(start: datetime, business_days: int, closures: Collection[date] = ()) -> date:
    """The last of so many business days after the day of a start, which does not count."""
    if business_days < 1:
        raise ValueError("a target has one business day or more")
    day = japan_day(start)
    while business_days:
        day += timedelta(days=1)
        business_days -= is_business_day(day, closures)
    return day


def promise_alarm(company: str, documents_at: datetime | None) -> datetime | None:
    """The beginning of the fourteenth day after the documents came in, where the policy speaks of about two weeks (`infiniti/response`)."""
    if company not in _PROMISES or documents_at is None:
        return None
    return japan_midnight(japan_day(documents_at) + timedelta(days=_PROMISE_ALARM_DAYS))


def suit_alert(request_type: str, arrived_at: datetime | None) -> datetime | None:
    """From when a suit over the request is possible (Act, art. 39); None before it arrived and for notices of purpose."""
    if arrived_at is None or not law.duty(request_type, japan_day(arrived_at)).has_suit:
        return None
    return japan_midnight(japan_day(arrived_at) + timedelta(days=_SUIT_DAYS))


def due(promise: datetime | None, target: date | None, suit: datetime | None) -> tuple[Due, ...]:
    """The clocks that run out, the first one first; a suit is possible from the day after its last one."""
    days: dict[Clock, date | None] = {
        "promise": promise and japan_day(promise),
        "target": target,
        "suit": suit and japan_day(suit) - timedelta(days=1),
    }
    return tuple(sorted(Due(day, clock) for clock, day in days.items() if day is not None))


def clocks(
    company: str,
    request_type: str,
    opened_at: datetime,
    arrived_at: datetime | None = None,
    documents_at: datetime | None = None,
    target_days: int | None = None,
    closures: Collection[date] = (),
) -> Clocks:
    """All four clocks of a ticket from the times that are kept of it.

    Args:
        company: by its id.
        request_type: one of the eight.
        opened_at: when the chat opened the ticket.
        arrived_at: when the request arrived.
        documents_at: when form and documents came in.
        target_days: business days within which the company means to answer, from the arrival.
        closures: days on which it does not work.
    """
    article = law.duty(request_type, japan_day(opened_at)).article
    clause = _PROMISES.get(company)
    return Clocks(
        article=article,
        statutory={lang: phrase("statutory", lang, article=article) for lang in LANGUAGES},
        promise_clause=clause,
        promise={lang: phrase("promise_infiniti", lang) for lang in LANGUAGES} if clause else None,
        promise_alarm=promise_alarm(company, documents_at),
        target=target_day(arrived_at, target_days, closures) if arrived_at and target_days else None,
        suit_alert=suit_alert(request_type, arrived_at),
    )
