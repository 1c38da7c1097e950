"""The console's part: reports. Numbers of the companies that somebody works for; for auditors and administrators of all, without words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from madoguchi.conversations.handover_tables import ASKED as ASKED_FOR
from madoguchi.conversations.handover_tables import REQUEST, UNSURE
from madoguchi.gateway.threads import run_sync
from madoguchi.reports import PRESETS, Numbers, Period, PeriodError, Scope
from madoguchi.reports.turns import ASKED, MISUNDERSTOOD
from madoguchi.requests.states import STATES
from madoguchi.requests.wording import phrase
from madoguchi.spreadsheet import written
from madoguchi.store import utc_now

from .figures import Column, Plot, Table, stacked
from .visit import Visit, route

DEFAULT_DAYS = 30
_DAILY_UP_TO = 92
_SERIES = ("answered", "not_stated", "asked_back", "misunderstood")
_SERIES_OF = {"answer": "answered", "desk": "answered", "not_stated": "not_stated", "ask_company": "asked_back"} | dict.fromkeys(
    MISUNDERSTOOD, "misunderstood"
)
_REASONS = (ASKED_FOR, UNSURE, REQUEST)
_BYTE_ORDER_MARK = "\ufeff"  # without it, Excel takes Japanese for something else


def scope_of(visit: Visit) -> Scope:
    """What somebody may know of conversations: operators and officers of their own companies, words too; others of all, no words."""
    if visit.who.role in ("operator", "privacy_officer"):
        return Scope(visit.who.companies, has_words=True)
    return Scope(None, has_words=False)


@dataclass(frozen=True)
class Asked:
    """What a report is asked for.

    Attributes:
        days: of a period up to today; None for one between two dates.
    """

    period: Period
    days: int | None
    company: str | None

    def query(self, **changes: Any) -> str:
        """The same, or nearly so, as a part of an address."""
        period = {"from": self.period.first, "to": self.period.last} if self.days is None else {"days": self.days}
        values = {**period, "company": self.company} | changes
        return urlencode({name: value for name, value in values.items() if value is not None})


def asked_of(visit: Visit, scope: Scope) -> Asked:
    """What the address asks for.

    Raises:
        PeriodError: the dates make no period.
    """
    given = visit.request.query_params
    company = given.get("company") or None
    if company is not None and (company not in visit.services.corpus.companies or not scope.holds(company)):
        company = None
    first, last, days = given.get("from"), given.get("to"), given.get("days", "")
    if first and last:
        period = Period.between(first, last)
        is_preset = period.days in PRESETS and period == Period.until_today(period.days, utc_now())
        return Asked(period, period.days if is_preset else None, company)
    chosen = int(days) if days.isdecimal() and int(days) in PRESETS else DEFAULT_DAYS
    return Asked(Period.until_today(chosen, utc_now()), chosen, company)


class Report:
    """The tables of a period in somebody's language."""

    def __init__(self, visit: Visit, period: Period, scope: Scope) -> None:
        """Query what every table stands on."""
        self._visit = visit
        self._period = period
        self._scope = scope
        self._numbers = Numbers(visit.services.runtime.database, visit.services.corpus)
        self._replies = self._numbers.replies(period, scope)
        self._votes = self._numbers.votes(period, scope)
        self._handovers = self._numbers.handovers(period, scope)

    def _t(self, name: str, **values: object) -> str:
        return self._visit.say(f"reports.{name}", **values)

    def _company(self, company: str | None) -> str:
        return self._visit.company_name(company) or company or self._t("no_company")

    def _topic(self, topic: str | None) -> str:
        found = self._visit.services.corpus.topics.get(topic or "")
        return found.name[self._visit.lang] if found is not None else topic or self._t("no_topic")

    def _in_order(self, companies: Iterable[str | None]) -> list[str | None]:
        """Companies in the order of the corpus, none at the end."""
        order = [*self._visit.services.corpus.companies]
        return sorted(companies, key=lambda each: order.index(each) if each in order else len(order))

    def _count(self, kinds: Iterable[str]) -> int:
        wanted = frozenset(kinds)
        return sum(each.count for each in self._replies if each.kind in wanted)

    def totals(self) -> list[tuple[str, int, str]]:
        """What stands at the top: name, number, and of what it is a share."""
        asked = self._count(ASKED)
        votes = sum(each.helpful + each.unhelpful for each in self._votes)
        unhelpful = sum(each.unhelpful for each in self._votes)

        def of(number: int, whole: int, name: str) -> str:
            return self._t(name, share=round(100 * number / whole)) if whole else ""

        parts = {name: self._count(kind for kind, series in _SERIES_OF.items() if series == name) for name in _SERIES}
        return [
            (self._t("questions"), asked, ""),
            *((self._t(name), number, of(number, asked, "of_questions")) for name, number in parts.items()),
            (self._t("unhelpful"), unhelpful, of(unhelpful, votes, "of_votes")),
            (self._t("handed_over"), sum(each.reasons.total() for each in self._handovers), ""),
        ]

    def plot(self) -> tuple[Plot, Table] | None:
        """Questions over time by what became of them, a column a day, or a week where the period is long; none for one day."""
        step = 1 if self._period.days <= _DAILY_UP_TO else 7
        days = list(self._period)
        starts = days[::step]
        if len(starts) < 2:
            return None
        counted: dict[date, Counter[str]] = {day: Counter() for day in starts}
        for (day, kind), count in self._numbers.daily(self._period, self._scope).items():
            if kind in _SERIES_OF:
                counted[starts[(day - days[0]) // timedelta(days=step)]][_SERIES_OF[kind]] += count
        labels = [f"{day.month}/{day.day}" for day in starts]
        names = [Column(self._t("day" if step == 1 else "week")), Column(self._t("questions"), "count")]
        columns = [*names, *(Column(self._t(name), "count") for name in _SERIES)]
        rows = [[day, each.total(), *(each[name] for name in _SERIES)] for day, each in counted.items()]
        return stacked(labels, _SERIES, list(counted.values())), Table("trend", columns, rows)

    def not_stated(self) -> Table:
        """What customers ask and the policies do not say."""
        lang = self._visit.lang
        columns = [Column(self._t("company")), Column(self._t("not_said")), Column(self._t("topic")), Column(self._t("questions"), "bar")]
        columns += [Column(self._t("in_ja"), "count"), Column(self._t("in_en"), "count")]
        found = self._numbers.not_stated(self._period, self._scope)
        rows = [
            [
                self._company(each.company), each.gap.title[lang] if each.gap else self._t("no_gap"), self._topic(each.topic),
                each.count, each.langs["ja"], each.langs["en"],
            ]
            for each in found
        ]  # fmt: skip
        return Table("not_stated", columns, rows, {n: each.examples for n, each in enumerate(found) if each.examples})

    def topics(self) -> Table:
        """Questions by topic, company and language."""
        companies: list[str | None] = [*self._scope.listed(self._visit.services.corpus.companies)]
        companies += [None] if self._scope.holds(None) else []
        by_topic: dict[str, Counter[Any]] = {}
        for each in self._replies:
            if each.kind in ASKED and each.topic is not None:
                counter = by_topic.setdefault(each.topic, Counter())
                counter.update({"all": each.count, ("of", each.company): each.count, ("in", each.lang): each.count})
        columns = [Column(self._t("topic")), Column(self._t("questions"), "bar")]
        columns += [Column(self._company(company), "count") for company in companies]
        columns += [Column(self._t("in_ja"), "count"), Column(self._t("in_en"), "count")]
        rows = [
            [
                self._topic(topic),
                counted["all"],
                *(counted["of", company] for company in companies),
                counted["in", "ja"],
                counted["in", "en"],
            ]
            for topic, counted in sorted(by_topic.items(), key=lambda item: (-item[1]["all"], item[0]))
        ]
        return Table("topics", columns, rows)

    def companies(self) -> Table:
        """What became of questions, by company."""
        columns = [Column(self._t("company")), Column(self._t("questions"), "bar"), *(Column(self._t(name), "count") for name in _SERIES)]
        columns += [Column(self._t(name), "count") for name in ("unhelpful", "handed_over", "in_ja", "in_en")]
        counted: dict[str | None, Counter[str]] = {}
        for reply in self._replies:
            if reply.kind in ASKED:
                counter = counted.setdefault(reply.company, Counter())
                counter.update({"questions": reply.count, _SERIES_OF[reply.kind]: reply.count, reply.lang: reply.count})
        for vote in self._votes:
            counted.setdefault(vote.company, Counter())["unhelpful"] += vote.unhelpful
        for each in self._handovers:
            counted.setdefault(each.company, Counter())["handed_over"] += each.reasons.total()
        names = ("questions", *_SERIES, "unhelpful", "handed_over", "ja", "en")
        rows = [[self._company(company), *(counted[company][name] for name in names)] for company in self._in_order(counted)]
        return Table("companies", columns, rows)

    def kinds(self) -> Table:
        """Every kind of reply, greetings too."""
        counted: dict[str, Counter[str]] = {}
        for each in self._replies:
            counted.setdefault(each.kind, Counter()).update({"all": each.count, each.lang: each.count})
        whole = sum(each["all"] for each in counted.values())
        columns = [Column(self._t("kind")), Column(self._t("replies"), "bar"), Column(self._t("share"), "share")]
        columns += [Column(self._t("in_ja"), "count"), Column(self._t("in_en"), "count")]
        rows = [
            [self._t(f"kind_{kind}"), each["all"], each["all"] / whole, each["ja"], each["en"]]
            for kind, each in sorted(counted.items(), key=lambda item: -item[1]["all"])
        ]
        return Table("kinds", columns, rows)

    def votes(self) -> Table:
        """Votes by company and topic, the most unhelpful first."""
        columns = [Column(self._t("company")), Column(self._t("topic")), Column(self._t("unhelpful"), "bar")]
        columns += [Column(self._t("helpful"), "count"), Column(self._t("unhelpful_share"), "share")]
        rows = [
            [
                self._company(each.company),
                self._topic(each.topic),
                each.unhelpful,
                each.helpful,
                each.unhelpful / (each.unhelpful + each.helpful),
            ]
            for each in sorted(self._votes, key=lambda each: (-each.unhelpful, -each.helpful))
        ]
        return Table("votes", columns, rows)

    def handovers(self) -> Table:
        """Conversations that went to staff, why, and how long customers waited."""
        columns = [Column(self._t("company")), Column(self._t("handed_over"), "bar")]
        columns += [Column(self._t(f"reason_{reason}"), "count") for reason in _REASONS]
        columns += [Column(self._t("got_reply"), "count"), Column(self._t("wait"), "days")]
        by_company = {each.company: each for each in self._handovers}
        rows = [
            [self._company(company), each.reasons.total(), *(each.reasons[reason] for reason in _REASONS), each.answered, each.wait]
            for company in self._in_order(by_company)
            for each in (by_company[company],)
        ]
        return Table("handovers", columns, rows)

    def requests(self) -> Table:
        """Requests by type and state."""
        found = self._numbers.requests(self._period, self._scope)
        states = [state for state in STATES if any(each.states[state] for each in found)]
        lang = self._visit.lang
        columns = [
            Column(self._t("type")),
            Column(self._t("requests"), "bar"),
            *(Column(self._visit.say(f"tickets.state_{state}"), "count") for state in states),
        ]
        rows = [[phrase(f"type_{each.type}", lang), each.states.total(), *(each.states[state] for state in states)] for each in found]
        return Table("requests", columns, rows)

    def clocks(self) -> Table:
        """The median days of each stretch of a request."""
        columns = [Column(self._t("type"))]
        for name in ("clock_contact", "clock_target", "clock_documents", "clock_end"):
            columns += [Column(self._t(name), "days"), Column(self._t("ended"), "count")]
        rows = [
            [phrase(f"type_{each.type}", self._visit.lang), *(value for clock in each.clocks for value in clock)]
            for each in self._numbers.requests(self._period, self._scope)
        ]
        return Table("clocks", columns, rows)

    def trend(self) -> Table:
        """The numbers of the plot."""
        found = self.plot()
        return found[1] if found is not None else Table("trend", [], [])


TABLES: dict[str, Callable[[Report], Table]] = {
    "trend": Report.trend,
    "not_stated": Report.not_stated,
    "topics": Report.topics,
    "companies": Report.companies,
    "kinds": Report.kinds,
    "votes": Report.votes,
    "handovers": Report.handovers,
    "requests": Report.requests,
    "clocks": Report.clocks,
}
_SHOWN: Sequence[str] = [name for name in TABLES if name != "trend"]


async def page(visit: Visit) -> Response:
    """All tables of a period."""
    scope = scope_of(visit)
    problem = False
    try:
        asked = asked_of(visit, scope)
    except PeriodError:
        asked, problem = Asked(Period.until_today(DEFAULT_DAYS, utc_now()), DEFAULT_DAYS, None), True
    narrowed = scope.only(asked.company) if asked.company else scope
    report = await run_sync(Report, visit, asked.period, narrowed)
    tables = {name: await run_sync(TABLES[name], report) for name in _SHOWN}
    keep = visit.services.settings.keep_days
    since = utc_now() - timedelta(days=keep)
    return visit.render(
        "reports_page.html",
        422 if problem else 200,
        area="reports",
        asked=asked,
        presets=PRESETS,
        problem=problem,
        companies=scope.listed(visit.services.corpus.companies),
        scope=scope,
        totals=report.totals(),
        plot=await run_sync(report.plot),
        series=_SERIES,
        tables=tables,
        keep_days=keep,
        is_cut=asked.period.starts < since,
    )


async def table(visit: Visit) -> Response:
    """One table as a file for spreadsheets; no customer's words."""
    name = visit.request.path_params["table"]
    if name not in TABLES:
        raise HTTPException(404)
    scope = scope_of(visit)
    try:
        asked = asked_of(visit, scope)
    except PeriodError as error:
        raise HTTPException(404) from error
    narrowed = scope.only(asked.company) if asked.company else scope
    made = await run_sync(lambda: TABLES[name](Report(visit, asked.period, narrowed)))
    file = f"madoguchi-{name}-{asked.period.first}-{asked.period.last}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{file}"'}
    return Response(_BYTE_ORDER_MARK + written(made.plain), media_type="text/csv; charset=utf-8", headers=headers)


ROUTES: list[Route] = [route("/reports", page, "reports"), route("/reports/{table}.csv", table, "reports")]
