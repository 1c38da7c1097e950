"""What is due first among many tickets, found from a few columns of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from .clocks import CLOCKS, Clock, Due, due, japan_day, promise_alarm, suit_alert, target_day
from .office import RequestSettings
from .states import NEEDS_ROUTING, OPEN
from .tables import Ticket
from .views import SOON_DAYS, Counts

COLUMNS = (
    Ticket.id, Ticket.number, Ticket.company, Ticket.type, Ticket.state, Ticket.assignee, Ticket.opened_at, Ticket.arrived_at,
    Ticket.documents_at,
)  # fmt: skip


@dataclass(frozen=True)
class Ranked:
    """A ticket and what is due of it, the first clock first."""

    id: str
    number: str
    state: str
    assignee: str | None
    since: datetime
    due: tuple[Due, ...]

    def first(self, clock: Clock | None) -> date:
        """The day on which the first clock runs out, or the named one; far away where none does."""
        return next((each.day for each in self.due if clock in (None, each.clock)), date.max)

    def left(self, clock: Clock | None, today: date) -> int:
        """How many days are left until then."""
        return (self.first(clock) - today).days


def ranked(rows: Iterable[sa.engine.Row], settings: RequestSettings) -> list[Ranked]:
    """Tickets from their `COLUMNS`."""
    known: dict[tuple[object, ...], tuple[Due, ...]] = {}  # many arrived on the same day
    found = []
    for row in rows:
        running: tuple[Due, ...] = ()
        if row.state in OPEN:
            key = (row.company, row.type, *(moment and japan_day(moment) for moment in (row.arrived_at, row.documents_at)))
            if key not in known:
                known[key] = _due(row, settings)
            running = known[key]
        found.append(Ranked(row.id, row.number, row.state, row.assignee, row.arrived_at or row.opened_at, running))
    return found


def by_due(found: Sequence[Ranked], clock: Clock | None, within: int | None, today: date) -> list[Ranked]:
    """Those of which a clock runs out within so many days, the first one first, and the oldest first where nothing is due."""
    wanted = [each for each in found if within is None or each.left(clock, today) <= within]
    return sorted(wanted, key=lambda each: (each.first(clock), each.since, each.id))


def counted(found: Sequence[Ranked], account: str, today: date) -> Counts:
    """How many there are of each kind.

    Args:
        found: every ticket that has not ended.
        account: whose tickets are `mine`.
        today: in Japan.
    """

    def late_and_soon(clock: Clock | None) -> tuple[int, int]:
        left = [each.left(clock, today) for each in found if each.due]
        return sum(days < 0 for days in left), sum(days <= SOON_DAYS for days in left)

    late, soon = late_and_soon(None)
    return Counts(
        open=len(found),
        late=late,
        soon=soon,
        mine=sum(each.assignee == account for each in found),
        unassigned=sum(each.assignee is None for each in found),
        needs_routing=sum(each.state == NEEDS_ROUTING for each in found),
        clocks={clock: late_and_soon(clock) for clock in CLOCKS},
    )


def _due(row: sa.engine.Row, settings: RequestSettings) -> tuple[Due, ...]:
    days = settings.target_days.get(row.company)
    target = target_day(row.arrived_at, days, settings.closures.get(row.company, ())) if days and row.arrived_at else None
    return due(promise_alarm(row.company, row.documents_at), target, suit_alert(row.type, row.arrived_at))
