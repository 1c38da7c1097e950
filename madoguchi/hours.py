"""When staff answer live chats: hours by company, in Asia/Tokyo, without Japanese holidays."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta

import jpholiday

from madoguchi import JAPAN, Language

EVERYBODY = "*"
"""Stands for the companies that have no hours of their own."""

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SHOWN: Mapping[Language, tuple[str, ...]] = {
    "ja": ("月", "火", "水", "木", "金", "土", "日"),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SPAN = re.compile(r"([a-z,-]+) +([0-9]{1,2}):([0-9]{2})-([0-9]{1,2}):([0-9]{2})")
_LOOK_AHEAD_DAYS = 30


@dataclass(frozen=True)
class Span:
    """Some days of the week (0 is Monday), from one time of day to another."""

    days: frozenset[int]
    opens: time
    closes: time

    def shown(self, lang: Language) -> str:
        """The span as customers read it: 「月～金曜日 9:30～17:30」, "Mon–Fri 9:30–17:30"."""
        dash, between, after = ("～", "・", "曜日") if lang == "ja" else ("–", ", ", "")
        runs = [[_SHOWN[lang][day] for day in run] for run in _runs(sorted(self.days))]
        days = between.join(dash.join((run[0], run[-1])) if len(run) > 2 else between.join(run) for run in runs)
        return f"{days}{after} {_clock(self.opens)}{dash}{_clock(self.closes)}"


class StaffedHours:
    """The hours of every company; of one without any, staff are there whenever somebody is."""

    def __init__(self, spans: Mapping[str, tuple[Span, ...]]) -> None:
        self._spans = spans

    @classmethod
    def parse(cls, raw: str) -> StaffedHours:
        """Read `lexus=mon-fri 09:30-17:30, sat 10:00-12:00; *=mon-fri 10:00-17:00`.

        Raises:
            ValueError: it cannot be read; the message quotes the part.
        """
        found: dict[str, tuple[Span, ...]] = {}
        for part in filter(None, (piece.strip() for piece in raw.split(";"))):
            company, equals, listed = part.partition("=")
            if not equals or not company.strip():
                raise ValueError(f"{part!r} is not of the form COMPANY=DAYS HH:MM-HH:MM")
            found[company.strip()] = tuple(_span(piece.strip().lower()) for piece in re.split(r",\s+", listed))
        return cls(found)

    def is_open(self, company: str | None, now: datetime) -> bool:
        """Whether staff answer for a company (None: it is not known yet) at an aware time."""
        spans = self._of(company)
        local = now.astimezone(JAPAN)
        return not spans or any(local.time() >= span.opens and local.time() < span.closes for span in _on(spans, local))

    def next_opening(self, company: str | None, now: datetime) -> datetime | None:
        """When staff answer next, where they do not now; None where that is not settled, or not within a month."""
        spans = self._of(company)
        local = now.astimezone(JAPAN)
        for days in range(_LOOK_AHEAD_DAYS if spans else 0):
            day = local + timedelta(days=days)
            openings = sorted(datetime.combine(day.date(), span.opens, JAPAN) for span in _on(spans, day))
            if later := [opening for opening in openings if opening > local]:
                return later[0]
        return None

    def shown(self, company: str | None, lang: Language) -> str | None:
        """The hours as customers read them; None where there are none."""
        spans = self._of(company)
        return ("、" if lang == "ja" else "; ").join(span.shown(lang) for span in spans) or None

    def _of(self, company: str | None) -> tuple[Span, ...]:
        return self._spans.get(company or EVERYBODY, self._spans.get(EVERYBODY, ()))


def day_and_time(moment: datetime, lang: Language) -> str:
    """A time as customers read it: 「11月24日（火）9:30」, "Tue 24 Nov, 9:30"."""
    local = moment.astimezone(JAPAN)
    day = _SHOWN[lang][local.weekday()]
    if lang == "ja":
        return f"{local.month}月{local.day}日（{day}）{_clock(local.time())}"
    return f"{day} {local.day} {_MONTHS[local.month - 1]}, {_clock(local.time())}"


def _on(spans: Iterable[Span], day: datetime) -> list[Span]:
    return [] if jpholiday.is_holiday(day.date()) else [span for span in spans if day.weekday() in span.days]


def _span(raw: str) -> Span:
    match = _SPAN.fullmatch(raw)
    if match is None:
        raise ValueError(f"{raw!r} is not of the form mon-fri 09:30-17:30")
    days: set[int] = set()
    for piece in match[1].split(","):
        first, _, last = piece.partition("-")
        if first not in _DAYS or (last or first) not in _DAYS:
            raise ValueError(f"{piece!r}: days are {', '.join(_DAYS)}")
        begin, end = _DAYS.index(first), _DAYS.index(last or first)
        days |= {(begin + n) % 7 for n in range((end - begin) % 7 + 1)}
    opens, closes = (_time(int(hour), int(minute), raw) for hour, minute in ((match[2], match[3]), (match[4], match[5])))
    if opens >= closes:
        raise ValueError(f"{raw!r} ends before it begins")
    return Span(frozenset(days), opens, closes)


def _time(hour: int, minute: int, raw: str) -> time:
    try:
        return time(23, 59, 59) if (hour, minute) == (24, 0) else time(hour, minute)
    except ValueError as error:
        raise ValueError(f"{raw!r}: {hour}:{minute:02d} is no time of day") from error


def _clock(moment: time) -> str:
    return "24:00" if moment.second else f"{moment.hour}:{moment.minute:02d}"


def _runs(days: list[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for day in days:
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return runs
