"""The requests: the queue, one request, and what staff do with it. Over who may do what, the service decides, and audits it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from madoguchi.answers.form import about_text
from madoguchi.gateway.threads import run_sync
from madoguchi.requests import ConflictError, Filters, ForbiddenError, Queue, RequestError, Sheet, UnknownTicketError, parse
from madoguchi.requests.clocks import CLOCKS, japan_day, japan_midnight
from madoguchi.requests.service import TYPES
from madoguchi.requests.staff import PERSONAL_FIELDS
from madoguchi.requests.states import DUPLICATE, ENDED, STATES
from madoguchi.requests.views import SOON_DAYS
from madoguchi.requests.wording import phrase

from . import ticket_page
from .visit import Visit, route

_A_PAGE, _MOST_FOUND, _LONGEST_SEARCH = 50, 100, 320
_HIDES_AFTER = 60
"""Seconds until a revealed value is taken from the page again."""
_WITHIN = (SOON_DAYS, 7, 14)


async def first(visit: Visit) -> Response:
    """The queue."""
    asked = dict(visit.request.query_params)
    found = await run_sync(visit.services.tickets.queue, visit.who.actor, _filters(visit, asked))
    return await _queue(visit, found, asked)


async def find(visit: Visit) -> Response:
    """Look for a number, or for officers by a contact; what was typed goes no further."""
    typed = visit.form.get("q", "").strip()[:_LONGEST_SEARCH]
    number = parse(typed)
    if number is not None:
        return visit.to(f"/requests/{number}")
    if not typed or typed[:2].upper() in ("D-", "Ｄ-"):
        return await _nothing(visit, "find_number_wrong", 422)
    try:
        filters = Filters(contact=typed, limit=_MOST_FOUND)
        found = await run_sync(visit.services.tickets.queue, visit.who.actor, filters)
    except ForbiddenError:
        return await _nothing(visit, "find_number_only", 403)
    return await _queue(visit, found, {}, by_contact=True)


async def table(visit: Visit) -> Response:
    """The list as a CSV file, for spreadsheets; nothing personal stands in it."""
    filters = replace(_filters(visit, visit.form), limit=100_000, after=None)
    text = await run_sync(visit.services.tickets.csv, visit.who.actor, filters)
    day = japan_day(visit.services.office.now()).isoformat()
    # Excel takes a file without the mark for one in the system's own encoding.
    return _file(text.encode("utf-8-sig"), f"requests-{day}.csv", "text/csv; charset=utf-8")


async def one(visit: Visit) -> Response:
    """A request."""
    try:
        return await _page(visit)
    except UnknownTicketError:
        return await _nothing(visit, "find_number_wrong", 404)


async def move(visit: Visit) -> Response:
    """Move it, or show beforehand what the person will read."""
    form, tickets, actor = visit.form, visit.services.tickets, visit.who.actor
    to, typed = form.get("to", ""), {**form}
    try:
        facts = _facts(form)
        if form.get("step") == "change":
            return await _page(visit, typed=typed)
        if form.get("step") == "preview":
            preview = await run_sync(lambda: tickets.preview(_number(visit), to, actor, **facts))
            if preview.problem is not None:
                return await _page(visit, 422, typed=typed, problem=_problem(visit, preview.problem))
            return await _page(visit, typed=typed, preview=preview)
        note = _note(visit)
        view = await run_sync(
            lambda: tickets.move(_number(visit), to, actor, **facts, version=_version(form), note=note),
        )
    except RequestError as error:
        # The earlier request of a duplicate may not exist; this one does, or its page says so.
        if isinstance(error, UnknownTicketError) and to == DUPLICATE:
            return await _page(visit, 422, typed=typed, problem=_problem(visit, "duplicate_needed"))
        return await _refused(visit, error, typed=typed)
    return await _done(visit, "moved", state=visit.say(f"tickets.state_{view.state}"))


async def note(visit: Visit) -> Response:
    """Add a note."""
    text = visit.form.get("text", "")
    try:
        await run_sync(visit.services.tickets.note, _number(visit), text, visit.who.actor)
    except RequestError as error:
        return await _refused(visit, error, note_text=text)
    return await _done(visit, "noted")


async def assign(visit: Visit) -> Response:
    """Give it to somebody who works for its company, or to nobody."""
    accounts, who = visit.services.accounts, visit.who
    to = who.id if visit.form.get("assignee") == "me" else visit.form.get("assignee") or None

    def assigned() -> None:
        colleagues = {company: accounts.colleagues([company]) for company in who.companies}
        visit.services.tickets.assign(_number(visit), to, who.actor, _version(visit.form), colleagues)

    try:
        await run_sync(assigned)
    except RequestError as error:
        return await _refused(visit, error)
    return await _done(visit, "assigned")


async def dates(visit: Visit) -> Response:
    """Put right when the request or its documents came in; a day that was not changed keeps its time."""
    form = visit.form
    try:
        days = _changed_days(form)
        actor, version = visit.who.actor, _version(form)
        await run_sync(lambda: visit.services.tickets.set_dates(_number(visit), actor, **days, version=version))
    except RequestError as error:
        return await _refused(visit, error, dates={**form})
    return await _done(visit, "dated")


async def reveal(visit: Visit) -> Response:
    """Show a personal field: a piece for the page that asks, which hides it again, or without scripts the page with it."""
    field = visit.form.get("field", "")
    values = await run_sync(visit.services.tickets.reveal, _number(visit), field, visit.who.actor)
    if visit.is_piece:
        return visit.render("tickets_value.html", field=field, values=values)
    response = await _page(visit, revealed={field: values})
    response.headers["Refresh"] = f"{_HIDES_AFTER}; url=/requests/{_number(visit)}"
    return response


async def export(visit: Visit) -> Response:
    """Everything that is held on it, its personal fields opened."""
    found = await run_sync(visit.services.tickets.export, _number(visit), visit.who.actor)
    return _file(json.dumps(found, ensure_ascii=False, indent=2).encode(), f"{found['ticket']['number']}.json", "application/json")


async def erase(visit: Visit) -> Response:
    """Destroy its personal fields, once its number was typed."""
    try:
        if parse(visit.form.get("confirm", "")) != parse(_number(visit)):
            return await _page(visit, 422, problem=_problem(visit, "confirm"), erasing=True)
        await run_sync(visit.services.tickets.erase, _number(visit), visit.who.actor)
    except RequestError as error:
        return await _refused(visit, error, erasing=True)
    return await _done(visit, "erased")


# What these have in common.


def _number(visit: Visit) -> str:
    return str(visit.request.path_params["number"])


def _filters(visit: Visit, asked: Mapping[str, str]) -> Filters:
    """The filters of an address or a form; what is none of the values that there are does not restrict."""
    which = asked.get("which", "open")
    assignee, due, clock = asked.get("assignee", ""), asked.get("due", ""), asked.get("clock")
    within = -1 if due == "late" else int(due) if due.isdecimal() and int(due) in _WITHIN else None
    known = next((each for each in CLOCKS if each == clock), None)
    return Filters(
        company=asked.get("company") or None,
        state=asked.get("state") if asked.get("state") in STATES else None,
        type=asked.get("type") if asked.get("type") in TYPES else None,
        assignee=visit.who.id if assignee == "me" else assignee if assignee not in ("", "none") else None,
        is_assigned=False if assignee == "none" else None,
        is_open={"open": True, "ended": False}.get(which),
        by_due=which == "open",
        clock=known,
        due_within=within,
        limit=_A_PAGE,
        after=parse(asked.get("after", "")),
    )


async def _queue(
    visit: Visit, found: Queue | None, asked: Mapping[str, str], status: int = 200, problem: str = "", by_contact: bool = False
) -> Response:
    accounts, today = visit.services.accounts, japan_day(visit.services.office.now())
    names, colleagues = await run_sync(lambda: (accounts.names(), accounts.colleagues(visit.who.companies)))
    views = found.views if found is not None else ()
    kept = {name: value for name, value in asked.items() if value and name in _ASKED}

    def link(**changed: str | None) -> str:
        wanted = {name: value for name, value in {**kept, "after": None, **changed}.items() if value}
        return f"/requests?{urlencode(wanted)}" if wanted else "/requests"

    return visit.render(
        "tickets_queue.html",
        status,
        area="requests",
        path="/requests",
        found=found,
        rows=[(view, ticket_page.first_due(visit, view, kept.get("clock"), today)) for view in views],
        asked=kept,
        is_filtered=bool(kept.keys() - {"after"}),
        link=link,
        more=link(after=views[-1].number) if found is not None and found.has_more else None,
        problem=visit.say(f"tickets.{problem}") if problem else "",
        by_contact=by_contact,
        names=names,
        colleagues=colleagues,
        companies=[each for each in visit.services.corpus.companies if each in visit.who.companies],
        states=STATES,
        types=TYPES,
        clocks=CLOCKS,
        within=_WITHIN,
        soon_days=SOON_DAYS,
        most_found=_MOST_FOUND,
        **_words(visit),
    )


_ASKED = ("company", "state", "type", "assignee", "which", "due", "clock", "after")


async def _nothing(visit: Visit, problem: str, status: int) -> Response:
    return await _queue(visit, None, {}, status, problem)


async def _page(visit: Visit, status: int = 200, **more: Any) -> Response:
    """The page of a request.

    Args:
        visit: who asks, and for which.
        status: of the response.
        more: what happened: `said`, `is_noted` (a note that is half typed stays otherwise), `problem`, `conflict`; what was typed:
            `typed` (a move), `note_text`, `dates`, `erasing`; `preview`, and `revealed` values by field.
    """
    services, lang = visit.services, visit.lang
    sheet: Sheet = await run_sync(services.tickets.sheet, _number(visit), visit.who.actor)
    view, accounts = sheet.view, services.accounts
    names, colleagues = await run_sync(lambda: (accounts.names(), accounts.colleagues([view.company])))
    now = services.office.now()
    typed: Mapping[str, str] = more.get("typed") or {}
    offered = ticket_page.moves(visit, sheet)
    notes = [act for act in sheet.acts if act.action == "noted"] if view.shredded_at is None else []
    seen = int(number) if more.get("conflict") and (number := visit.form.get("seen", "")).isdecimal() else None
    context = {
        "said": "", "is_noted": False, "problem": "", "conflict": False, "note_text": "", "dates": {}, "erasing": False, "preview": None,
        "revealed": {}, **more, "typed": typed,
    }  # fmt: skip
    return visit.render(
        "tickets_one.html",
        status,
        area="requests",
        path=f"/requests/{view.number}",
        sheet=sheet,
        view=view,
        moves=offered,
        is_lost=bool(typed) and typed.get("to") not in [each.to for each in offered],
        changes=[ticket_page.act_event(visit, act, names) for act in sheet.acts if seen is not None and act.seq > seen],
        due=ticket_page.first_due(visit, view, None, japan_day(now)),
        steps=ticket_page.timeline(visit, view, services.office.settings, now),
        stated=ticket_page.statements(services.corpus, view, lang),
        events=ticket_page.events(visit, sheet, names),
        notes=[(act.at, ticket_page.person(visit, act.actor, names)) for act in notes],
        reason=ticket_page.reason_text(visit, view.reason) if view.reason else "",
        about=about_text(view.about, lang) if view.about else "",
        fields=[name for name in PERSONAL_FIELDS if name in view.has and name != "note"],
        names=names,
        colleagues=colleagues,
        may_reveal=visit.who.role == "privacy_officer",
        may_duplicate=any(each.to == DUPLICATE for each in offered),
        has_ended=view.state in ENDED,
        japan_day=japan_day,
        hides_after=_HIDES_AFTER,
        **_words(visit),
        **context,
    )


def _words(visit: Visit) -> dict[str, Any]:
    return {
        "state_name": lambda state: visit.say(f"tickets.state_{state}"),
        "type_name": lambda kind: phrase(f"type_{kind}", visit.lang),
    }


async def _done(visit: Visit, what: str, **values: str) -> Response:
    """The page after a change, as a piece of itself or by way of its address."""
    if visit.is_piece:
        return await _page(visit, said=visit.say(f"tickets.said_{what}", **values), is_noted=what == "noted")
    return visit.to(f"/requests/{_number(visit)}")


async def _refused(visit: Visit, error: RequestError, **typed: Any) -> Response:
    """The page as it is now with what stands against the change, and what was typed still there.

    Raises:
        ForbiddenError, UnknownTicketError: the error, where there is no page to show.
    """
    if isinstance(error, (ForbiddenError, UnknownTicketError)):
        raise error
    if isinstance(error, ConflictError):
        return await _page(visit, 409, conflict=True, **typed)
    return await _page(visit, 422, problem=_problem(visit, error.code), **typed)


def _problem(visit: Visit, code: str) -> str:
    try:
        return visit.say(f"tickets.problem_{code}")
    except KeyError:
        return visit.say("tickets.problem_other")


def _facts(form: Mapping[str, str]) -> dict[str, Any]:
    documents = _day(form.get("documents_at", ""))
    return {
        "reason": form.get("reason") or None,
        "notice_date": _day(form.get("notice_date", "")),
        "duplicate_of": form.get("duplicate_of") or None,
        "documents_at": japan_midnight(documents) if documents else None,
    }


def _note(visit: Visit) -> str | None:
    """The note that goes with a move; of one that is routed, where it was sent, which is needed."""
    if "routed_to" not in visit.form:
        return visit.form.get("note", "").strip() or None
    text = visit.form["routed_to"].strip()
    if not text:
        raise RequestError("routed_needed")
    return visit.say("tickets.routed_note", text=text)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise RequestError("date_wrong") from None


def _changed_days(form: Mapping[str, str]) -> dict[str, datetime]:
    days = {}
    for name in ("arrived_at", "documents_at"):
        day = _day(form.get(name, ""))
        if day is not None and day.isoformat() != form.get(f"{name}_was"):
            days[name] = japan_midnight(day)
    if not days:
        raise RequestError("no_dates")
    return days


def _version(form: Mapping[str, str]) -> int | None:
    return int(form["version"]) if form.get("version", "").isdecimal() else None


def _file(content: bytes, name: str, kind: str) -> Response:
    return Response(content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


ROUTES = [
    route("/requests", first, "requests"),
    route("/requests/find", find, "requests", ["POST"]),
    route("/requests/csv", table, "requests", ["POST"]),
    route("/requests/{number}", one, "requests"),
    route("/requests/{number}/move", move, "requests", ["POST"]),
    route("/requests/{number}/note", note, "requests", ["POST"]),
    route("/requests/{number}/assign", assign, "requests", ["POST"]),
    route("/requests/{number}/dates", dates, "requests", ["POST"]),
    route("/requests/{number}/reveal", reveal, "requests", ["POST"]),
    route("/requests/{number}/export", export, "requests", ["POST"]),
    route("/requests/{number}/erase", erase, "requests", ["POST"]),
]
