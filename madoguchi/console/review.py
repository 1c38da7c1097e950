"""The console's part: the review of questions that the bot did not understand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from madoguchi.corpus import Clause, Entry, Gap
from madoguchi.gateway.threads import run_sync
from madoguchi.reports import Found, Item, Review, ReviewError, Scope
from madoguchi.reports.wordings import LONGEST
from madoguchi.requests import ForbiddenError
from madoguchi.requests.errors import Entry as AuditEntry

from .reports import scope_of
from .visit import Visit, route

SHOWN = 100
_LISTS = {"open": ("misunderstood", "unhelpful"), "unhelpful": ("unhelpful",), "not_stated": ("not_stated",)}
_DONE = frozenset({"accept", "out_of_scope", "dismiss", "withdraw"})


@dataclass(frozen=True)
class Choice:
    """A clause or gap that a question may be taken to ask for.

    Attributes:
        words: what it is found by beside its title and statement.
    """

    id: str
    title: str
    topic: str
    is_gap: bool
    says: str
    words: str


def _review(visit: Visit) -> Review:
    return Review(visit.services.runtime.database, visit.services.corpus)


def _choices(visit: Visit, company: str | None) -> list[Choice]:
    """The clauses and gaps of a company, those of a topic together."""
    corpus, lang = visit.services.corpus, visit.lang
    if company is None:
        return []
    order = {topic: place for place, topic in enumerate(corpus.topics)}

    def words(entry: Entry) -> Iterable[str]:
        points = entry.points if isinstance(entry, Clause) else ()
        names = [corpus.facets[facet].name for facet in (*entry.facets, *(facet for point in points for facet in point.facets))]
        for texts in (entry.title, corpus.topics[entry.topic].name, *names):
            yield from texts.values()
        for point in points:
            for listed in point.words.values():
                yield from listed

    entries = sorted(corpus.entries_of(company), key=lambda entry: order.get(entry.topic, len(order)))
    return [
        Choice(
            entry.id, entry.title[lang], entry.topic, isinstance(entry, Gap), entry.says[lang], " ".join(dict.fromkeys(words(entry)))
        )
        for entry in entries
    ]  # fmt: skip


def _asked(visit: Visit, name: str, default: str = "") -> str:
    return visit.form.get(name) or visit.request.query_params.get(name) or default


def _list(visit: Visit, scope: Scope) -> str:
    """Which list is looked at; who may read no customer's words sees what was accepted."""
    lists = [*(_LISTS if scope.has_words else ()), "accepted", "written"]
    return next((name for name in lists if name == _asked(visit, "show")), lists[0])


def _company(visit: Visit, scope: Scope) -> str | None:
    """The company that the list is narrowed to."""
    return next((company for company in scope.listed(visit.services.corpus.companies) if company == _asked(visit, "company")), None)


def _address(visit: Visit, scope: Scope, **more: str | None) -> str:
    values = {"show": _list(visit, scope), "company": _company(visit, scope), **more}
    return "/review?" + urlencode({name: value for name, value in values.items() if value})


def _addresses(visit: Visit, scope: Scope) -> Callable[..., str]:
    """The same, for templates."""
    return lambda **more: _address(visit, scope, **more)


async def _forbidden(visit: Visit, action: str) -> ForbiddenError:
    """A refusal, noted in the audit log."""
    error = ForbiddenError(visit.who.actor, action)
    await run_sync(visit.services.office.audit.record, error.entry)
    return error


async def _found(visit: Visit, scope: Scope, item_id: str) -> Found | None:
    """A question of the list; None where it is not in it any more.

    Raises:
        ForbiddenError: it is of another company.
    """
    try:
        return await run_sync(_review(visit).item, scope, item_id)
    except ReviewError as error:
        if error.code == "forbidden":
            raise await _forbidden(visit, "review") from error
        return None


def _panel(visit: Visit, scope: Scope, found: Found, problem: str = "") -> dict[str, Any]:
    """What the form of a question needs."""
    corpus, item = visit.services.corpus, found.item
    own = scope.listed(corpus.companies)
    company = item.company or next((each for each in own if each == _asked(visit, "for")), own[0] if len(own) == 1 else None)
    choices = _choices(visit, company)
    by_id = {choice.id: choice for choice in choices}
    return {
        "found": found,
        "item": item,
        "for_company": company,
        "own": own,
        "choices": choices,
        "likely": [by_id[name] for name in found.likely if name in by_id],
        "topics": [(topic, corpus.topics[topic].name[visit.lang]) for topic in dict.fromkeys(choice.topic for choice in choices)],
        "cited": [corpus.entries[name].title[visit.lang] for name in found.citations if name in corpus.entries],
        "chosen": visit.form.get("entry") or "",
        "wording": visit.form.get("text", item.text),
        "longest": LONGEST,
        "problem": problem,
    }


def _topic(visit: Visit, item: Item) -> str:
    found = visit.services.corpus.topics.get(item.topic or "")
    return found.name[visit.lang] if found is not None else ""


async def _page(visit: Visit, scope: Scope, panel: dict[str, Any] | None, status: int = 200) -> Response:
    """The list, with a question beside it."""
    show, company = _list(visit, scope), _company(visit, scope)
    narrowed = scope.only(company) if company else scope
    corpus, review = visit.services.corpus, _review(visit)
    common = {
        "area": "review",
        "show": show,
        "lists": [*(_LISTS if scope.has_words else ()), "accepted", "written"],
        "company": company,
        "companies": scope.listed(corpus.companies),
        "scope": scope,
        "address": _addresses(visit, scope),
        "done": _asked(visit, "done") if _asked(visit, "done") in _DONE | {"gone"} else "",
        "keep_days": visit.services.settings.keep_days,
    }
    if show in ("accepted", "written"):
        rows = await run_sync(review.accepted, narrowed, show == "written")
        names = await run_sync(visit.services.accounts.names)
        titles = {name: entry.title[visit.lang] for name, entry in corpus.entries.items()}
        return visit.render("review_accepted.html", status, rows=rows, names=names, titles=titles, **common)
    items = await run_sync(review.waiting, narrowed, _LISTS[show])
    common |= {"items": items[:SHOWN], "more": len(items) - SHOWN, "topic": lambda item: _topic(visit, item)}
    return visit.render("review_page.html", status, **common, **(panel or {"item": None}))


async def page(visit: Visit) -> Response:
    """A list, and the question of it that the address names."""
    scope = scope_of(visit)
    item_id = visit.request.query_params.get("item")
    found = await _found(visit, scope, item_id) if item_id else None
    panel = _panel(visit, scope, found) if found is not None else None
    return await _page(visit, scope, panel)


async def item(visit: Visit) -> Response:
    """A question with its form, a piece of the page."""
    scope = scope_of(visit)
    found = await _found(visit, scope, visit.request.path_params["item"])
    if found is None:
        return visit.render("review_gone.html", 200, address=_address(visit, scope))
    around: dict[str, Any] = {"address": _addresses(visit, scope), "show": _list(visit, scope), "company": _company(visit, scope)}
    return visit.render("review_item.html", **around, **_panel(visit, scope, found))


async def decide(visit: Visit) -> Response:
    """Have the bot learn a wording, or take the question off the list."""
    scope, item_id, act = scope_of(visit), visit.request.path_params["item"], visit.form.get("do", "accept")
    review, form = _review(visit), visit.form
    entry = None if act == "out_of_scope" else form.get("entry", "")
    try:
        if act == "dismiss":
            await run_sync(review.dismiss, scope, item_id)
        else:
            await run_sync(review.accept, scope, item_id, entry, form.get("text", ""), visit.who.id)
    except ReviewError as error:
        if error.code == "forbidden":
            raise await _forbidden(visit, "review") from error
        found = await _found(visit, scope, item_id)
        if found is None:
            return visit.to(_address(visit, scope, done="gone"))
        return await _page(visit, scope, _panel(visit, scope, found, _worded(visit, error)), 422)
    done = act if act in _DONE else "accept"
    await _note(visit, f"review_{done}", entry)
    return visit.to(_address(visit, scope, item=form.get("next"), done=done))


async def withdraw(visit: Visit) -> Response:
    """Take back a wording that was accepted."""
    scope = scope_of(visit)
    try:
        await run_sync(_review(visit).withdraw, scope, int(visit.request.path_params["phrasing"]))
    except ReviewError as error:
        if error.code == "forbidden":
            raise await _forbidden(visit, "review withdraw") from error
        return visit.to(_address(visit, scope, done="gone"))
    await _note(visit, "review_withdraw", None)
    return visit.to(_address(visit, scope, done="withdraw"))


async def _note(visit: Visit, action: str, entry: str | None) -> None:
    await run_sync(visit.services.office.audit.record, AuditEntry(visit.who.actor, action, None, {"entry": entry} if entry else {}))


def _worded(visit: Visit, error: ReviewError) -> str:
    """Why something is not done, with the title or the kinds of data that it is about."""
    corpus, detail = visit.services.corpus, error.detail
    if error.code == "known":
        named = corpus.entries.get(detail)
        detail = named.title[visit.lang] if named is not None else corpus.facets[detail].name[visit.lang]
    elif error.code == "personal":
        detail = visit.say("review.and").join(
            visit.say(f"review.data_{kind.replace(' ', '_').replace('-', '_')}") for kind in detail.split(", ")
        )
    return visit.say(f"review.problem_{error.code}", detail=detail, longest=LONGEST)


ROUTES = [
    route("/review", page, "review"),
    route("/review/{item}", item, "review"),
    route("/review/{item}", decide, "review", ["POST"]),
    route("/review/accepted/{phrasing:int}", withdraw, "review", ["POST"]),
]
