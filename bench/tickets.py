"""Data subject requests: opening them, and finding one among 100,000, on SQLite and PostgreSQL.

    python -m bench.tickets [--tickets 100000] [--postgres URL] [--quick] [--render]

PostgreSQL is measured where the URL of an empty database of its own is given.
"""

from __future__ import annotations

import itertools
import re
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bench import common
from madoguchi.office import office_of
from madoguchi.requests import Actor, Contact, Filters, Mailer, Office, RefusedError, RequestDraft, Requests, Staff, new_number
from madoguchi.requests.tables import BlindIndex, Ticket
from madoguchi.settings import Settings
from madoguchi.store import utc_now

NAME = "tickets"
OPENED, WORKERS = 400, 8
LOOKED_UP = 60
BATCH = 5_000
YEARS = 2
COMPANY = "lexus"
_CODE = re.compile(r"\b[0-9]{8}\b")


class _Post:
    """Keeps the last mail to each address."""

    def __init__(self) -> None:
        self.codes: dict[str, str] = {}

    def send(self, _mail_id: str, message: EmailMessage) -> None:
        found = _CODE.search(message.get_content())
        if found:
            self.codes[str(message["To"])] = found.group()


def _address(place: int) -> str:
    return f"customer{place}@example.com"


def _timed(calls: Sequence[Callable[[], object]]) -> dict[str, float]:
    times = []
    for call in calls:
        began = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - began))
    return {"p50": common.percentile(times, 0.5), "p95": common.percentile(times, 0.95)}


def _opening(requests: Requests, count: int, workers: int) -> dict[str, float]:
    drafts = [RequestDraft(COMPANY, "disclosure", "self", "email", "ja", f"bench-{uuid.uuid4().hex}", "1") for _ in range(count)]
    times: list[float] = []

    def call(draft: RequestDraft) -> None:
        began = time.perf_counter()
        requests.open(draft)
        times.append(1000 * (time.perf_counter() - began))

    began = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(call, drafts))
    seconds = time.perf_counter() - began
    return {"a_second": count / seconds, "p50": common.percentile(times, 0.5), "p95": common.percentile(times, 0.95)}


def _received(office: Office, count: int) -> tuple[list[str], _Post]:
    """Tickets taken all the way to a proven mailbox; their numbers."""
    requests, post = Requests(office), _Post()
    mailer, numbers = Mailer(office, post, "noreply@example.com"), []
    for place in range(count):
        draft = RequestDraft(COMPANY, "disclosure", "self", "email", "en", f"proven-{place}", "1")
        number = requests.open(draft).number
        contact = Contact("Uruma Nakagami", _address(place), None)
        requests.give_contact(number, contact, requests.notice(number, "en").version, origin=draft.origin)
        mailer.deliver()
        requests.verify_contact(number, post.codes[_address(place)])
        numbers.append(number)
    mailer.deliver()
    return numbers, post


def _fill(office: Office, number: str, count: int) -> None:
    """Copies of a ticket, opened over the last years, four of five of them closed, each found by an address of its own."""
    with office.database.read() as session:
        original = session.execute(sa.select(Ticket.__table__).where(Ticket.number == number)).mappings().one()
    kept = {name: value for name, value in original.items() if name not in {"id", "number", "origin", "instance", "link_hash"}}
    step = timedelta(days=365 * YEARS) / count
    places = iter(range(count))
    while batch := list(itertools.islice(places, BATCH)):
        tickets, indices = [], []
        for place in batch:
            ticket_id, at = uuid.uuid4().hex, utc_now() - step * place
            state = kept["state"] if place % 5 == 0 else "closed"
            tickets.append({**kept, "id": ticket_id, "number": new_number(), "state": state, "opened_at": at, "arrived_at": at})
            address = office.seals.blind_index(COMPANY, "email", f"filler{place}@example.com")
            indices.append({"ticket_id": ticket_id, "kind": "email", "company": COMPANY, "hash": address})
        with office.database.write() as session:
            session.execute(Ticket.__table__.insert(), tickets)
            session.execute(BlindIndex.__table__.insert(), indices)
        common.say(f"  {batch[-1] + 1:,} tickets")
    with office.database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(sa.text("ANALYZE"))


def _refused(requests: Requests) -> Callable[[], None]:
    def call() -> None:
        try:
            requests.status(new_number(), "00000000")
        except RefusedError:
            return
        raise RuntimeError("an unknown number was not refused")

    return call


def _measured(url: str | None, folder: Path, tickets: int, quick: bool) -> dict[str, Any]:
    settings = Settings.load({"MADOGUCHI_DATA_DIR": str(folder), "OPERATOR_NAME": "Example"} | ({"DATABASE_URL": url} if url else {}))
    office = office_of(settings)
    office.database.migrate()
    requests, staff = Requests(office), Staff(office)
    few = 20 if quick else OPENED
    found: dict[str, Any] = {"opening": {str(workers): _opening(requests, few, workers) for workers in (1, WORKERS)}}
    numbers, post = _received(office, 5 if quick else LOOKED_UP)
    _fill(office, numbers[0], tickets)
    found["opening"]["among all"] = _opening(requests, few, 1)
    officer = Actor("bench", "privacy_officer", frozenset({COMPANY}))
    times = range(len(numbers))
    listed, due = Filters(company=COMPANY), Filters(company=COMPANY, is_open=True, by_due=True)
    found["list, newest first, 50"] = _timed([lambda: staff.list(officer, listed) for _ in times])
    found["queue of the open ones by what is due, 50"] = _timed([lambda: staff.queue(officer, due) for _ in times[:5]])
    found["search by mail address (blind index)"] = _timed([_search(staff, officer, place) for place in times])
    for number in numbers:
        requests.request_status_code(number)
    Mailer(office, post, "noreply@example.com").deliver()
    found["status with number and code"] = _timed([_status(requests, number, post.codes[_address(i)]) for i, number in enumerate(numbers)])
    found["status refused"] = _timed([_refused(requests) for _ in times])
    office.database.engine.dispose()
    return found


def _search(staff: Staff, officer: Actor, place: int) -> Callable[[], None]:
    def call() -> None:
        if len(staff.list(officer, Filters(company=COMPANY, contact=_address(place)))) != 1:
            raise RuntimeError("the ticket was not found by its address")

    return call


def _status(requests: Requests, number: str, code: str) -> Callable[[], object]:
    return lambda: requests.status(number, code)


def measure(tickets: int, postgres: str | None, quick: bool) -> common.Raw:
    """Open, fill and look up on each database."""
    results: common.Raw = {
        "machine": common.machine(),
        "versions": common.versions("SQLAlchemy", "psycopg2-binary", "cryptography"),
        "quick": quick,
        "tickets": tickets,
        "databases": {},
    }
    for name, url in (("SQLite", None), *([("PostgreSQL", postgres)] if postgres else [])):
        common.say(name)
        with tempfile.TemporaryDirectory() as folder:
            results["databases"][name] = _measured(url, Path(folder), tickets, quick)
    common.keep(NAME, results)
    return results


def _three(of: dict[str, float]) -> str:
    return f"{of['a_second']:.0f} / {of['p50']:.1f} / {of['p95']:.1f}"


def render(results: common.Raw) -> None:
    """Write docs/benchmarks/tickets.md."""
    databases = results["databases"]
    first = next(iter(databases.values()))
    titles = {"1": "one after the other", str(WORKERS): f"by {WORKERS} threads", "among all": f"among {results['tickets']:,}"}
    opening = [[title, *(_three(of["opening"][key]) for of in databases.values())] for key, title in titles.items()]
    looked_up = [
        [what, *(f"{of[what]['p50']:.1f} / {of[what]['p95']:.1f}" for of in databases.values())] for what in first if what != "opening"
    ]
    common.page(
        NAME,
        [
            "# Data subject requests",
            common.provenance(results),
            "`python -m bench.tickets`. The services that gateway, actions and console call, in one process; every write is durable and "
            "audited in the chained log, and its personal fields are sealed.",
            "## Opening",
            common.table(["tickets a second / p50 / p95, ms", *databases], opening),
            f"## Among {results['tickets']:,} tickets of one company, a fifth of them open",
            common.table(["p50 / p95, ms", *databases], looked_up),
            "A status is asked once for each number, with the code that its mailbox got. The queue ranks every open ticket by its clocks, "
            "and counts them.",
        ],
    )


def main() -> None:
    """Measure, or render what was measured."""
    parser = common.arguments(__doc__)
    parser.add_argument("--tickets", type=int, default=100_000)
    parser.add_argument("--postgres", help="URL of an empty PostgreSQL database")
    chosen = parser.parse_args()
    if not chosen.render:
        measure(500 if chosen.quick else chosen.tickets, chosen.postgres, chosen.quick)
    common.finish(NAME, chosen.remark, render)


if __name__ == "__main__":
    main()
