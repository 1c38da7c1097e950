"""Every route of the console x every role: who has no right is refused and audited, who has one is served; signed out, nobody is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from unittest import mock

import httpx
import pytest
from starlette.routing import Mount, Route

from madoguchi.accounts import sessions
from madoguchi.accounts.tables import Account, AccountSession
from madoguchi.console import app
from madoguchi.console.rights import RIGHTS
from madoguchi.requests.actors import RIGHTS as TICKET_RIGHTS
from madoguchi.store import Database, utc_now

from .client import Gateway, rows
from .console import ROLES, account

OPEN = {
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("GET", "/sign-in/step"),
    ("POST", "/sign-in/code"),
    ("POST", "/sign-in/password"),
    ("POST", "/sign-in/totp"),
    ("POST", "/sign-in/leave"),
    ("GET", "/sign-in/provider"),
    ("GET", "/sign-in/provider/back"),
}
"""What whoever is not signed in may ask for; everything else has a right."""


@dataclass(frozen=True)
class Way:
    """A way into the console."""

    method: str
    path: str
    right: str | None

    @property
    def url(self) -> str:
        """Its path with parameters that name nothing."""
        return re.sub(r"{[^:}]+(:\w+)?}", lambda found: "999999999" if found[1] == ":int" else "0" * 8, self.path)


def _ways() -> Iterator[Way]:
    with mock.patch.object(app, "Services"):
        built = app.create(None)._app  # type: ignore[arg-type, attr-defined]
    for route in built.routes:
        if isinstance(route, Mount):
            assert route.path == "/static", route
            continue
        assert isinstance(route, Route), route
        for method in sorted((route.methods or set()) - {"HEAD"}):
            yield Way(method, route.path, getattr(route.endpoint, "right", None))


WAYS = list(_ways())


class Somebody:
    """An account of a role, with as many sessions as it takes."""

    def __init__(self, gateway: Gateway, role: str) -> None:
        self.role = role
        self.gateway = gateway
        self.database = Database(f"sqlite:///{gateway.database}")
        self.id = account(f"sqlite:///{gateway.database}", f"rights-{role}", role)  # type: ignore[arg-type]

    def ask(self, way: Way, is_ours: bool = True, **headers: str) -> httpx.Response:
        """Ask in a new session, as some ways end the present one; a stream is left after its headers."""
        with self.database.write() as session:
            opened = sessions.open_session(session, session.get(Account, self.id), None, "password", "", utc_now())
            session.flush()
            row = session.query(AccountSession).filter_by(token_hash=sessions.digest(opened.token)).one()
            csrf = row.csrf
        client = httpx.Client(base_url=f"http://127.0.0.1:{self.gateway.console_port}", timeout=40, trust_env=False, verify=False)
        data = {"csrf": csrf if is_ours else "x" * len(csrf)} if way.method != "GET" else None
        cookies = {"Cookie": f"madoguchi-console={opened.token}"}
        with client, client.stream(way.method, way.url, data=data, headers=cookies | headers) as response:
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                response.read()
            return response

    def refusals(self) -> list[dict[str, str]]:
        """What the audit log holds of theirs."""
        found = rows(self.gateway.database, "SELECT detail FROM audit WHERE action = 'forbidden' AND actor = ? ORDER BY seq", self.id)
        return [json.loads(row["detail"]) for row in found]


@pytest.fixture(scope="module")
def people(gateway):
    return {role: Somebody(gateway, role) for role in ROLES}


def test_every_way_in_has_a_right():
    assert {(way.method, way.path) for way in WAYS if way.right is None} == OPEN
    assert {way.right for way in WAYS if way.right} == set(RIGHTS)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_gets_what_it_may_and_nothing_else(people, role):
    somebody, wrong = people[role], []
    for way in WAYS:
        if way.right is None:
            continue
        before = len(somebody.refusals())
        status = somebody.ask(way).status_code
        new = somebody.refusals()[before:]
        if role in RIGHTS[way.right]:
            # Nothing of that id: 404, nothing entered: 422; but never an error of ours, and nothing to be audited,
            # unless it is an act on tickets that this role has no right to.
            is_refused_act = status == 403 and [role in TICKET_RIGHTS.get(entry["wanted"], ROLES) for entry in new] == [False]
            if not is_refused_act and (status == 403 or status >= 500 or new):
                wrong.append((way, status, new))
        elif status != 403 or new != [{"wanted": f"console {way.right}"}]:
            wrong.append((way, status, new))
    assert not wrong


def test_a_write_that_is_not_from_our_own_page_is_refused_and_audited(people):
    wrong = []
    for way in WAYS:
        if way.right is None or way.method == "GET":
            continue
        somebody = people[next(role for role in ROLES if role in RIGHTS[way.right])]
        before = len(somebody.refusals())
        answers = [
            somebody.ask(way, is_ours=False),
            somebody.ask(way, **{"Sec-Fetch-Site": "cross-site"}),
            somebody.ask(way, **{"Sec-Fetch-Site": "same-site"}),
            somebody.ask(way, Origin="https://elsewhere.example"),
            somebody.ask(way, Origin="null"),
        ]
        new = somebody.refusals()[before:]
        if {answer.status_code for answer in answers} != {403} or new != [{"wanted": f"console {way.right}", "reason": "foreign"}] * 5:
            wrong.append((way, [answer.status_code for answer in answers], new))
    assert not wrong


def test_signed_out_there_is_nothing(gateway):
    client = httpx.Client(base_url=f"http://127.0.0.1:{gateway.console_port}", timeout=40, trust_env=False, verify=False)
    wrong = []
    for way in WAYS:
        if way.right is None:
            continue
        plain, piece = client.request(way.method, way.url), client.request(way.method, way.url, headers={"HX-Request": "true"})
        is_sent_on = plain.status_code == 303 and plain.headers["location"].startswith("/sign-in?to=")
        if not (is_sent_on if way.method == "GET" else plain.status_code == 401) or piece.status_code != 401:
            wrong.append((way, plain.status_code, piece.status_code))
    assert not wrong
