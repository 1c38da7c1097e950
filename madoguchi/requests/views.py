"""What staff are told of tickets, of the audit log and of mails: nothing personal, which `Staff.reveal` alone reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from madoguchi import Language

from .clocks import Clock, Clocks
from .mail import Words
from .states import Choice

SOON_DAYS = 3
"""What runs out within so many days is due soon."""


@dataclass(frozen=True)
class Filters:
    """Which tickets to list; what is None does not restrict.

    Attributes:
        contact: a mail address, a telephone number or a name, found by its blind index; it is not kept anywhere. For officers.
        is_assigned: whether somebody has it.
        is_open: whether it has not ended.
        by_due: what runs out first comes first, instead of the newest; what nothing is due of comes last.
        clock: look at this clock alone.
        due_within: what runs out within so many days; -1 for what has run out.
        after: the number of the last ticket of the page before.
    """

    company: str | None = None
    state: str | None = None
    type: str | None = None
    assignee: str | None = None
    contact: str | None = None
    is_assigned: bool | None = None
    is_open: bool | None = None
    by_due: bool = False
    clock: Clock | None = None
    due_within: int | None = None
    limit: int = 50
    after: str | None = None


@dataclass(frozen=True)
class StaffView:
    """A ticket as staff see it.

    Attributes:
        has: names of the personal fields that there are.
        clocks: what is due.
        is_running: whether the clocks still run: nothing was answered yet.
    """

    number: str
    company: str
    type: str
    relation: str
    channel: str
    lang: Language
    state: str
    held_from: str | None
    reason: str | None
    notice_date: date | None
    duplicate_of: str | None
    assignee: str | None
    contact_verified: bool
    ground: str | None
    about: str | None
    opened_at: datetime
    arrived_at: datetime | None
    documents_at: datetime | None
    answered_at: datetime | None
    closed_at: datetime | None
    shredded_at: datetime | None
    version: int
    clocks: Clocks
    is_running: bool
    has: tuple[str, ...] = ()


@dataclass(frozen=True)
class Counts:
    """How many tickets of an actor's companies have not ended, and what is due of them.

    Attributes:
        late, soon: some clock has run out; some clock runs out within `SOON_DAYS`, or has.
        clocks: the same two by clock.
    """

    open: int
    late: int
    soon: int
    mine: int
    unassigned: int
    needs_routing: int
    clocks: Mapping[Clock, tuple[int, int]]


@dataclass(frozen=True)
class Queue:
    """A page of tickets, and whether there is another one."""

    views: tuple[StaffView, ...]
    has_more: bool
    counts: Counts


@dataclass(frozen=True)
class Moved:
    """A move in a ticket's history."""

    at: datetime
    actor: str
    from_state: str | None
    to_state: str
    facts: dict[str, Any]


@dataclass(frozen=True)
class Logged:
    """An entry of the audit log."""

    seq: int
    at: datetime
    actor: str
    role: str
    action: str
    number: str | None
    detail: dict[str, Any]


@dataclass(frozen=True)
class LogFilters:
    """Which entries of the audit log to read; what is None does not restrict.

    Attributes:
        number: of a ticket.
        since, until: from when, and before when.
        after: the number of the last entry of the page before, in the order of the log;
        before: the same where the newest come first.
    """

    number: str | None = None
    actor: str | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: int = 0
    before: int | None = None
    newest_first: bool = False
    limit: int = 200


@dataclass(frozen=True)
class Mailed:
    """A mail about a ticket and what became of it; `problem` is the kind of the last failure."""

    kind: str
    state: str
    created_at: datetime
    sent_at: datetime | None
    problem: str | None


@dataclass(frozen=True)
class Likely:
    """Another ticket of the company with the same contact; `shared` are the fields that are equal."""

    number: str
    type: str
    state: str
    opened_at: datetime
    shared: tuple[str, ...]


@dataclass(frozen=True)
class Sheet:
    """A ticket with all that its page shows.

    Attributes:
        choices: where the actor may move it now.
        tells: the states of which the person would hear by mail.
        acts: whatever changed it, moves too, out of the audit log.
        seen: number of the last entry of the audit log: what has a higher one came later.
    """

    view: StaffView
    choices: tuple[Choice, ...]
    tells: frozenset[str]
    history: tuple[Moved, ...]
    acts: tuple[Logged, ...]
    mails: tuple[Mailed, ...]
    likely: tuple[Likely, ...]
    seen: int


@dataclass(frozen=True)
class Preview:
    """What a move would do.

    Attributes:
        problem: the code of what stands against it, as IllegalMoveError would have it.
        mail: what the person would read; None where no mail would go.
    """

    problem: str | None
    mail: Words | None
