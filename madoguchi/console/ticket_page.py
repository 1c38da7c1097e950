"""What the page of a request shows, from the service's sheet and the corpus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from madoguchi import Language
from madoguchi.answers.engine import REQUEST_FACETS
from madoguchi.corpus import Clause, Corpus, Entry, Gap, Point
from madoguchi.requests import Logged, Moved, RequestSettings, Sheet, StaffView, law
from madoguchi.requests.clocks import Due, japan_day
from madoguchi.requests.states import (
    ASIDE,
    AWAITING_DOCUMENTS,
    CLOSED,
    DECISIONS,
    IDENTITY_CHECK,
    IN_REVIEW,
    NEEDS_ROUTING,
    UNVERIFIED,
    Choice,
)
from madoguchi.requests.views import SOON_DAYS

from .visit import Visit, local

_PROCEDURE = ("procedure", "id-documents", "agent", "fee", "response-time", "contact")
_ROUTED = (AWAITING_DOCUMENTS, IDENTITY_CHECK)


@dataclass(frozen=True)
class Tag:
    """A few words and how pressing they are: `late`, `soon` or nothing."""

    text: str
    urgency: str = ""


@dataclass(frozen=True)
class Step:
    """A point of the timeline; `place` is `past`, `now` or `ahead`."""

    name: str
    when: str
    place: str
    tag: Tag | None = None


@dataclass(frozen=True)
class Move:
    """A move that may be made now, and what its form asks for.

    Attributes:
        group: `forward`, `decision` or `aside`.
        reasons: ids and words to choose from.
        asks, wants: fields that there are, and those of them that are needed.
        has_mail: whether the person is told of such a move by mail, where there is a proven address.
    """

    to: str
    label: str
    group: str
    reasons: Sequence[tuple[str, str]]
    asks: frozenset[str]
    wants: frozenset[str]
    is_told: bool
    has_mail: bool


@dataclass(frozen=True)
class Source:
    """A clause that something is taken from."""

    clause: str
    document: str
    title: str
    lines: str
    original: str
    lang: Language


@dataclass(frozen=True)
class Stated:
    """What a policy states, or does not state, on one or several questions."""

    questions: Sequence[str]
    says: str
    is_gap: bool
    is_translation: bool
    sources: Sequence[Source]


@dataclass(frozen=True)
class Event:
    """Something that happened to a request."""

    at: datetime
    who: str
    text: str
    details: Sequence[str] = ()


def urgency(left: int) -> str:
    """How pressing something is that runs out in so many days."""
    return "late" if left < 0 else "soon" if left <= SOON_DAYS else ""


def shown_day(due: Due) -> date:
    """The day that staff read of a clock: the last one in time; of a suit, the first on which it is possible."""
    return due.day + timedelta(days=due.clock == "suit")


def due_tag(visit: Visit, due: Due, today: date) -> Tag:
    """When a clock runs out, in words."""
    left = due.left(today)
    when = "late" if left < 0 else "left" if left else "today"
    days = -left if left < 0 else (shown_day(due) - today).days
    return Tag(visit.say(f"tickets.{when}_{due.clock}", n=days), urgency(left))


def first_due(visit: Visit, view: StaffView, clock: str | None, today: date) -> tuple[Tag, date] | None:
    """What is due of a request first, or by the clock that was asked for."""
    for due in view.clocks.due if view.is_running else ():
        if clock in (None, due.clock):
            return due_tag(visit, due, today), shown_day(due)
    return None


def timeline(visit: Visit, view: StaffView, settings: RequestSettings, now: datetime) -> list[Step]:
    """What happened and what is due, in the order of time, with today in between."""
    today, steps = japan_day(now), list[tuple[date, int, Step]]()
    happened = {
        "opened": view.opened_at,
        "arrived": view.arrived_at,
        "documents": view.documents_at,
        "answered": view.answered_at,
        "closed": view.closed_at,
        "shredded": view.shredded_at,
    }
    for place, (name, moment) in enumerate(happened.items()):
        if moment is not None:
            steps.append((japan_day(moment), place, Step(name, local(moment), "past")))
    later = len(happened)
    steps.append((today, later, Step("now", today.isoformat(), "now")))
    for due in view.clocks.due if view.is_running else ():
        left = due.left(today)
        day = shown_day(due)
        until = (day - today).days
        name = "left" if until > 0 else "none" if until == 0 else "since" if due.clock == "suit" else "late"
        tag = Tag(visit.say(f"tickets.days_{name}", n=abs(until)), urgency(left))
        steps.append((day, later + 1, Step(due.clock, day.isoformat(), "ahead" if left >= 0 else "past", tag)))
    ahead = {
        "expires": view.opened_at + timedelta(days=settings.unverified_days) if view.state in UNVERIFIED else None,
        "shred": view.closed_at + settings.kept_for(view.company) if view.closed_at and not view.shredded_at else None,
    }
    for name, moment in ahead.items():
        if moment is not None:
            steps.append((japan_day(moment), later + 1, Step(name, japan_day(moment).isoformat(), "ahead")))
    return [step for _, _, step in sorted(steps, key=lambda each: each[:2])]


def moves(visit: Visit, sheet: Sheet) -> list[Move]:
    """The forms of the moves that may be made now."""
    return [_move(visit, sheet, choice) for choice in sheet.choices]


def _move(visit: Visit, sheet: Sheet, choice: Choice) -> Move:
    view, to = sheet.view, choice.to
    is_back = view.state in ASIDE and to not in ASIDE
    if is_back:
        label = visit.say("tickets.move_back", state=visit.say(f"tickets.state_{to}"))
    elif to == IN_REVIEW and view.state in DECISIONS | {CLOSED}:
        label = visit.say("tickets.move_reopen")
    else:
        label = visit.say(f"tickets.move_{to}")
    asks = {"reason", "notice_date", "duplicate_of", "documents_at"} & choice.wants
    if to == IDENTITY_CHECK and view.documents_at is None:
        asks.add("documents_at")
    if to in DECISIONS:
        asks.add("notice_date")
    is_routed = view.state == NEEDS_ROUTING and to in _ROUTED
    return Move(
        to,
        label,
        group="decision" if to in DECISIONS else "aside" if to in ASIDE else "forward",
        reasons=[(reason, reason_text(visit, reason)) for reason in choice.reasons],
        asks=frozenset(asks | {"routed_to" if is_routed else "note"}),
        wants=choice.wants | ({"routed_to"} if is_routed else set()),
        is_told=to in sheet.tells,
        has_mail=to in DECISIONS | {AWAITING_DOCUMENTS, CLOSED},
    )


def reason_text(visit: Visit, reason: str) -> str:
    """A reason in words, with its article where it has one."""
    if reason in law.holds():
        return law.holds()[reason][visit.lang]
    found = law.reason(reason)
    return visit.say("tickets.reason_article", reason=found.says[visit.lang].rstrip("。."), article=found.article)


def statements(corpus: Corpus, view: StaffView, lang: Language) -> list[Stated]:
    """What the company's policy states on this type of request and on the procedure."""
    facets = [REQUEST_FACETS[view.type], *(name for name in _PROCEDURE if name != "agent" or view.relation != "self")]
    found: dict[tuple[str, str], tuple[Entry, Point | None, list[str]]] = {}
    for facet in facets:
        entry, point = corpus.answering(view.company, facet)
        key = (entry.id, point.id if point else "")
        found.setdefault(key, (entry, point, []))[2].append(corpus.facets[facet].name[lang])
    return [_stated(corpus, entry, point, questions, lang) for entry, point, questions in found.values()]


def _stated(corpus: Corpus, entry: Entry, point: Point | None, questions: Sequence[str], lang: Language) -> Stated:
    names = entry.stated if isinstance(entry, Gap) else (entry.id, *entry.with_)
    sources = [_source(corpus, corpus.clause(name), lang) for name in names]
    says = point.says[lang] if point else entry.says[lang]
    return Stated(questions, says, isinstance(entry, Gap), any(source.lang != lang for source in sources), sources)


def _source(corpus: Corpus, clause: Clause, lang: Language) -> Source:
    document = corpus.documents[clause.document]
    first, last = clause.lines
    lines = f"{first}–{last}" if last != first else f"{first}"
    return Source(clause.id, document.title[lang], clause.title[lang], lines, document.original(clause), document.language)


def person(visit: Visit, actor: str, names: Mapping[str, str]) -> str:
    """How staff read whoever did something."""
    if actor in ("customer", "system", "visitor"):
        return visit.say(f"tickets.actor_{actor}")
    kind, _, name = actor.partition(":")
    return visit.say("tickets.actor_shell", who=name) if kind == "shell" else names.get(actor, actor)


def events(visit: Visit, sheet: Sheet, names: Mapping[str, str]) -> list[Event]:
    """What happened, the newest first."""
    found = [
        Event(moved.at, person(visit, moved.actor, names), _move_text(visit, moved.from_state, moved.to_state), _facts(visit, moved))
        for moved in sheet.history
    ]
    # That a request arrived, or was moved, its history tells by the states.
    found += [act_event(visit, act, names) for act in sheet.acts if act.action not in ("moved", "arrived")]
    return sorted(found, key=lambda event: event.at, reverse=True)


def act_event(visit: Visit, act: Logged, names: Mapping[str, str]) -> Event:
    """What the audit log holds of a change, in words."""
    detail, values = act.detail, dict[str, Any]()
    action = act.action
    if action == "moved":
        return Event(act.at, person(visit, act.actor, names), _move_text(visit, detail.get("from"), detail["to"]))
    if action == "assigned":
        action = "assigned" if detail.get("to") else "unassigned"
        values["who"] = names.get(detail.get("to") or "", detail.get("to"))
    elif action == "dated":
        days = {name: japan_day(datetime.fromisoformat(moment)).isoformat() for name, moment in detail.items()}
        values["dates"] = " · ".join(visit.say(f"tickets.date_{name}", day=day) for name, day in days.items())
    return Event(act.at, person(visit, act.actor, names), visit.say(f"tickets.act_{action}", **values))


def _move_text(visit: Visit, before: str | None, after: str) -> str:
    to = visit.say(f"tickets.state_{after}")
    if before is None:
        return visit.say("tickets.act_moved_first", to=to)
    return visit.say("tickets.act_moved", from_state=visit.say(f"tickets.state_{before}"), to=to)


def _facts(visit: Visit, moved: Moved) -> list[str]:
    facts = moved.facts
    lines = [reason_text(visit, facts["reason"])] if facts.get("reason") else []
    if facts.get("notice_date"):
        lines.append(f"{visit.say('tickets.notice_date')} {facts['notice_date']}")
    if facts.get("documents_at"):
        lines.append(f"{visit.say('tickets.documents_date')} {japan_day(datetime.fromisoformat(facts['documents_at'])).isoformat()}")
    if facts.get("duplicate_of"):
        lines.append(f"{visit.say('tickets.duplicate_of')} {facts['duplicate_of']}")
    return lines
