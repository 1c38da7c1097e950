"""The audit log, for auditors: reading it, and checking that nobody changed it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from madoguchi.gateway.threads import run_sync
from madoguchi.requests import Head, LogFilters, Logged, parse
from madoguchi.requests.clocks import japan_midnight

from .ticket_page import person
from .visit import Visit, route
from .wording import area

_A_PAGE = 100
_MOST_PROBLEMS = 50
_ASKED = ("number", "actor", "action", "since", "until")
_ACTION = "action_"


async def first(visit: Visit) -> Response:
    """Entries, the newest first."""
    return await _page(visit)


async def verify(visit: Visit) -> Response:
    """Check the whole log, against an end that was kept elsewhere where one is given."""
    typed = visit.form.get("head", "").strip()
    head = Head.parse(typed) if typed else None
    if typed and head is None:
        return await _page(visit, 422, wrong_head=typed)
    verdict, end = await run_sync(visit.services.tickets.verify_log, visit.who.actor, head)
    return await _page(visit, verdict=verdict, end=end, kept=head)


async def _page(visit: Visit, status: int = 200, **checked: Any) -> Response:
    asked = {name: value for name, value in visit.request.query_params.items() if name in (*_ASKED, "before") and value}
    names = await run_sync(visit.services.accounts.names)
    problem, entries = "", tuple[Logged, ...]()
    try:
        filters = _filters(asked)
    except ValueError as error:
        problem, status = visit.say(f"audit.{error}"), 422
    else:
        entries = await run_sync(visit.services.tickets.log, visit.who.actor, filters)
    shown, kept = entries[:_A_PAGE], {name: value for name, value in asked.items() if name != "before"}
    older = f"/audit?{urlencode({**kept, 'before': shown[-1].seq})}" if len(entries) > _A_PAGE else None
    return visit.render(
        "audit_log.html",
        status,
        area="audit",
        path="/audit",
        entries=[(entry, person(visit, entry.actor, names), _detail(visit, entry, names)) for entry in shown],
        asked=asked,
        newest=f"/audit?{urlencode(kept)}" if kept else "/audit",
        older=older,
        is_filtered=bool(kept),
        problem=problem,
        names=dict(sorted(names.items(), key=lambda item: item[1])),
        actions={name.removeprefix(_ACTION): says[visit.lang] for name, says in area("audit").all.items() if name.startswith(_ACTION)},
        most_problems=_MOST_PROBLEMS,
        **{"verdict": None, "end": None, "kept": None, "wrong_head": "", **checked},
    )


def _filters(asked: Mapping[str, str]) -> LogFilters:
    """The filters of an address.

    Raises:
        ValueError: `wrong_number`, `wrong_date`.
    """
    number = asked.get("number")
    if number and parse(number) is None:
        raise ValueError("wrong_number")
    until = _day(asked.get("until"))
    before = asked.get("before", "")
    return LogFilters(
        number=number,
        actor=asked.get("actor"),
        action=asked.get("action"),
        since=_midnight(_day(asked.get("since"))),
        until=_midnight(until + timedelta(days=1)) if until else None,
        before=int(before) if before.isdecimal() and len(before) < 19 else None,
        newest_first=True,
        limit=_A_PAGE + 1,
    )


def _day(text: str | None) -> date | None:
    try:
        day = date.fromisoformat(text) if text else None
    except ValueError:
        raise ValueError("wrong_date") from None
    if day is not None and not 1900 < day.year < 9999:
        raise ValueError("wrong_date")
    return day


def _midnight(day: date | None) -> datetime | None:
    return japan_midnight(day) if day else None


def _detail(visit: Visit, entry: Logged, names: Mapping[str, str]) -> str:
    """What an entry says besides: codes as they stand there, accounts by their names."""
    parts = []
    for name, value in entry.detail.items():
        if value is None or value is False:
            continue
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        parts.append(f"{name}: {names.get(text, text)}")
    return " · ".join(parts)


ROUTES = [route("/audit", first, "audit"), route("/audit/verify", verify, "audit", ["POST"])]
