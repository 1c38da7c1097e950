"""Answer look-up: results as one types, the comparison of companies, and the panel beside a live chat."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from madoguchi import JAPAN, LANGUAGES, Language
from madoguchi.answers.compose import DESK_CLAUSE, DESK_CLOSES, DESK_OPENS
from madoguchi.corpus import Entry
from madoguchi.lookup import Found, Hit, Said
from madoguchi.store import utc_now

from .visit import Visit, route

MAX_KEPT = 24
"""Pinned and recent entries that are shown at once."""

DESK_NUMBER = "0800-500-5577"
"""Stands in `lexus/contact`; a test holds that."""


@dataclass(frozen=True)
class Card:
    """A result as it is shown: in words, with why it is there."""

    said: Said
    why: str = ""


async def page(visit: Visit) -> Response:
    """The look-up: empty, with one clause or gap (`entry`), or with what a company has on a topic (`topic`, `company`)."""
    query = visit.request.query_params
    chosen: list[Entry] = []
    heading = ""
    corpus = visit.services.corpus
    topic, company = corpus.topics.get(query.get("topic", "")), _company(visit, query.get("company"))
    if topic is not None and company is not None:
        chosen = list(visit.services.lookup.comparison.about(topic.id, company))
        heading = visit.say("lookup.of_company", title=topic.name[visit.lang], company=visit.company_name(company))
    elif query.get("entry") in corpus.entries:
        chosen = [corpus.entries[query["entry"]]]
    cards = [Card(said) for said in await visit.services.lookup.say(chosen)]
    return _page(visit, company, cards=cards, browsed=heading)


async def search(visit: Visit) -> Response:
    """Results; the query comes in the body, so that it stands in no address."""
    company = _company(visit, visit.form.get("company"))
    found, said = await visit.services.lookup.search(visit.form.get("q", ""), company)
    hits, apart = _cards(found.hits, said), _cards(found.apart, said[len(found.hits) :])
    shown: dict[str, Any] = {"found": found, "cards": hits, "apart": apart, "note": _note(visit, found)}
    if visit.is_piece:
        return visit.render("lookup_results.html", **_common(visit), **shown)
    return _page(visit, company, typed=visit.form.get("q", ""), **shown)


async def panel(visit: Visit) -> Response:
    """The look-up as a piece of another page, beside a live chat.

    The other page may say in which language the customer writes (`lang`), and about which company (`company`).
    """
    query = visit.request.query_params
    lang = next((lang for lang in LANGUAGES if lang == query.get("lang")), visit.lang)
    company = _company(visit, query.get("company"))
    return visit.render("lookup_panel.html", **_common(visit), company=company, insert_lang=lang, cards=[], found=None)


async def kept(visit: Visit) -> Response:
    """Pinned and recent clauses and gaps, by the ids that the browser keeps (`pin`, `recent`)."""
    query = visit.request.query_params
    pins, recent = _entries(visit, query.getlist("pin")), _entries(visit, query.getlist("recent"))
    return visit.render(
        "lookup_kept.html",
        **_common(visit),
        pins=await visit.services.lookup.say(pins),
        recent=await visit.services.lookup.say([entry for entry in recent if entry not in pins]),
    )


async def compare(visit: Visit) -> Response:
    """Topics by company."""
    return visit.render("lookup_compare.html", area="lookup", rows=visit.services.lookup.comparison.rows, **_common(visit))


async def facet(visit: Visit) -> Response:
    """What each company states of one facet, sentence beside sentence."""
    comparison = visit.services.lookup.comparison
    facets = comparison.facets
    name = visit.request.path_params["facet"]
    if name not in facets:
        raise HTTPException(404)
    cells = comparison.cells(name)
    said = await visit.services.lookup.say([cell.entry for cell in cells])
    order = list(facets)
    place = order.index(name)
    return visit.render(
        "lookup_facet.html",
        area="lookup",
        facet=facets[name],
        topic=visit.services.corpus.topics[facets[name].topic],
        cells=list(zip(cells, said, strict=True)),
        before=facets[order[place - 1]] if place else None,
        after=facets[order[place + 1]] if place + 1 < len(order) else None,
        **_common(visit),
    )


def _page(visit: Visit, company: str | None, **shown: Any) -> Response:
    defaults: dict[str, Any] = {"found": None, "cards": [], "apart": [], "note": "", "typed": "", "browsed": "", "insert_lang": visit.lang}
    return visit.render("lookup.html", area="lookup", company=company, **(_common(visit) | defaults | shown))


def _common(visit: Visit) -> dict[str, Any]:
    """What every template of the look-up knows."""
    corpus = visit.services.corpus
    other: Language = next(lang for lang in LANGUAGES if lang != visit.lang)
    return {
        "own": visit.lang,
        "other": other,
        "companies": corpus.companies.values(),
        "corpus": corpus,
        "state": visit.services.lookup.state,
        "desk": _desk(),
    }


def _desk() -> dict[str, Any]:
    """The LEXUS Information Desk now; the page goes on by its own clock."""
    local = utc_now().astimezone(JAPAN).time()
    state = "before" if local < DESK_OPENS else "after" if local >= DESK_CLOSES else "open"
    minutes = [moment.hour * 60 + moment.minute for moment in (DESK_OPENS, DESK_CLOSES)]
    return {"number": DESK_NUMBER, "state": state, "opens": minutes[0], "closes": minutes[1], "clause": DESK_CLAUSE}


def _cards(hits: Iterable[Hit], said: Iterable[Said]) -> list[Card]:
    return [Card(of_hit, hit.why) for hit, of_hit in zip(hits, said)]


def _note(visit: Visit, found: Found) -> str:
    """What has to be said before the results."""
    if found.note is None:
        return ""
    kind = visit.say(f"lookup.request_{found.request}") if found.request else ""
    return visit.say(f"lookup.note_{found.note}", query=found.query, kind=kind)


def _company(visit: Visit, name: str | None) -> str | None:
    return name if name in visit.services.corpus.companies else None


def _entries(visit: Visit, names: Iterable[str]) -> list[Entry]:
    """The entries of ids; those that no longer exist are left out."""
    entries = visit.services.corpus.entries
    return [entries[name] for name in dict.fromkeys(names) if name in entries][:MAX_KEPT]


ROUTES = [
    route("/", page, "lookup"),
    route("/lookup", page, "lookup"),
    route("/lookup", search, "lookup", ["POST"]),
    route("/lookup/panel", panel, "lookup"),
    route("/lookup/kept", kept, "lookup"),
    route("/compare", compare, "lookup"),
    route("/compare/{facet}", facet, "lookup"),
]
