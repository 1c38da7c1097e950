"""The pages of requests over HTTP: who may do what, what is said when something does not go, and that nothing personal leaks."""

from __future__ import annotations

import csv
import html
import io
import itertools
import re

import pytest

from madoguchi.requests import Actor, new_number

from .client import files_of, holds
from .console import ROLES, Member, account
from .tickets import EMAIL, NAME, OFFICER, PHONE, Tickets

STAFF = {"operator", "privacy_officer"}
_names = itertools.count(1)


@pytest.fixture(scope="module")
def url(gateway):
    return f"sqlite:///{gateway.database}"


@pytest.fixture(scope="module")
def tickets(gateway):
    return Tickets(gateway)


@pytest.fixture(scope="module")
def ids(url):
    found = {role: account(url, f"tickets-{role}", role) for role in ROLES}
    found["elsewhere"] = account(url, "tickets-elsewhere", "privacy_officer", ["jamil"])
    found["nowhere"] = account(url, "tickets-nowhere", "operator", [])
    found["japanese"] = account(url, "tickets-japanese", "privacy_officer", lang="ja")
    return found


@pytest.fixture(scope="module")
def members(gateway, ids):
    return {name: Member(gateway.console_port, f"tickets-{name}") for name in ids}


def text(response):
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.text)).split())


def problem(response):
    """What stands on a page against what was done, without its markup."""
    found = re.search(r'<(p|div) class="problem" role="alert"[^>]*>(.*?)</\1>', response.text, re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", found[2])).split())


def version(tickets, number):
    return tickets.row(number).version


# Who may do what. Each act with the roles that may, on a request of LEXUS; the officer of another company may none.
ROUTES = {
    "queue": ("GET", "/requests", {}, STAFF | {"elsewhere"}),
    "find by number": ("POST", "/requests/find", {"q": "{number}"}, STAFF | {"elsewhere"}),
    "find by contact": ("POST", "/requests/find", {"q": "nobody@example.com"}, {"privacy_officer", "elsewhere"}),
    "csv": ("POST", "/requests/csv", {}, {"privacy_officer", "elsewhere"}),
    "one": ("GET", "/requests/{number}", {}, STAFF),
    "preview": ("POST", "/requests/{number}/move", {"to": "awaiting_form_or_documents", "step": "preview"}, STAFF),
    "move": ("POST", "/requests/{number}/move", {"to": "identity_check", "step": "send"}, STAFF),
    "note": ("POST", "/requests/{number}/note", {"text": "a note"}, STAFF),
    "assign": ("POST", "/requests/{number}/assign", {"assignee": "me"}, STAFF),
    "dates": ("POST", "/requests/{number}/dates", {"arrived_at": "2026-01-05"}, STAFF),
    "reveal": ("POST", "/requests/{number}/reveal", {"field": "email"}, {"privacy_officer"}),
    "export": ("POST", "/requests/{number}/export", {}, {"privacy_officer"}),
    "erase": ("POST", "/requests/{number}/erase", {"confirm": "{number}"}, {"privacy_officer"}),
}


@pytest.mark.parametrize("name", ROUTES)
@pytest.mark.parametrize("role", [*ROLES, "elsewhere"])
def test_every_route_for_every_role(tickets, members, ids, name, role):
    method, path, fields, allowed = ROUTES[name]
    number = tickets.make(state="withdrawn" if name == "erase" else None)
    path, fields = path.format(number=number), {key: value.format(number=number) for key, value in fields.items()}
    before = tickets.last()
    response = members[role].get(path) if method == "GET" else members[role].post(path, **fields)
    refused = tickets.audited(ids[role], "forbidden", after=before)
    if role in allowed:
        assert response.status_code in (200, 303), text(response)
        assert not refused
    else:
        assert response.status_code == 403
        assert len(refused) == 1
        assert EMAIL not in response.text
        row = tickets.row(number)
        assert (row.assignee, row.shredded_at) == (None, None)
        assert row.state == ("withdrawn" if name == "erase" else "received")


def test_every_route_of_these_pages_is_in_the_table():
    from madoguchi.console import tickets as pages

    paths = {route.path for route in pages.ROUTES}
    assert paths == {path for _, path, _, _ in ROUTES.values()}


@pytest.mark.parametrize("path", ["/requests/find", "/requests/csv", "/requests/D-1/move", "/requests/D-1/reveal"])
def test_a_write_without_the_token_is_refused(members, path):
    assert members["privacy_officer"].http.post(path, data={"q": "x"}).status_code == 403


# The queue.


def test_the_queue_has_what_is_due_first_and_its_filters_hold(tickets, members, ids):
    member = Member(int(members["operator"].http.base_url.port), "tickets-elsewhere")
    late, new = tickets.make("jamil", days=20), tickets.make("jamil", type_="deletion")
    page = member.get("/requests").text
    assert page.index(late) < page.index(new)
    assert "suit possible (day" in page
    assert new not in member.get("/requests", due="late").text
    assert late not in member.get("/requests", type="deletion").text
    assert "No request fits" in member.get("/requests", state="on_hold").text
    member.post(f"/requests/{new}/assign", assignee="me", version=version(tickets, new))
    assert late not in member.get("/requests", assignee="me").text
    assert new not in member.get("/requests", assignee="none").text
    assert tickets.row(new).assignee == ids["elsewhere"]
    assert member.get("/requests", which="nonsense", due="-5", clock="x", after="x").status_code == 200
    foreign = member.get("/requests", company="lexus")
    assert foreign.status_code == 403


def test_an_account_without_companies_is_told_so(members):
    assert "works for no company" in text(members["nowhere"].get("/requests"))


def test_the_queue_in_pages(tickets, members):
    made = tickets.copies(tickets.make("jin-jidosha", type_="correction"), 52)
    seen, path = set(), "/requests?company=jin-jidosha&type=correction"
    while path:
        page = members["operator"].http.get(path).text
        found = set(re.findall(r"data-row href=\"/requests/(D-[^\"]+)\"", page))
        assert not found & seen
        seen |= found
        more = re.search(r'href="([^"]+)" rel="next"', page)
        path = html.unescape(more[1]) if more else None
    assert seen == made


def test_a_number_is_found_however_it_is_typed(tickets, members):
    number = tickets.make()
    found = members["operator"].post("/requests/find", q=number.lower().replace("-", " "))
    assert (found.status_code, found.headers["location"]) == (303, f"/requests/{number}")
    assert members["operator"].post("/requests/find", q="D-0000-0000-0000-1").status_code == 422
    unknown = members["operator"].get(f"/requests/{new_number()}")
    assert unknown.status_code == 404
    assert "no request of that number" in problem(unknown)
    assert "Only privacy officers" in problem(members["operator"].post("/requests/find", q="Uruma"))


def test_a_search_for_a_contact_leaves_nothing_behind(gateway, tickets, members, ids):
    address, name = "satsuki.search@example.com", "検索 さつき"
    number = tickets.make(email=address, name=name)
    for typed in (address, name):
        response = members["japanese"].post("/requests/find", q=typed)
        assert number in response.text
        assert typed not in response.text
        assert response.headers["cache-control"] == "no-store"
        assert response.url.path == "/requests/find"
        assert not response.url.query
    assert number not in members["elsewhere"].post("/requests/find", q=address).text
    kept = [*files_of(gateway.database), gateway.log]
    assert not [found for value in (address, name) for found in holds(kept, value)]
    assert tickets.audited(ids["japanese"], "listed")[-1].detail["by_contact"] is True


def test_the_table_for_spreadsheets(tickets, members):
    number = tickets.make("lexus", about="=1+1")
    response = members["privacy_officer"].post("/requests/csv", company="lexus")
    assert response.headers["content-disposition"].startswith('attachment; filename="requests-')
    assert response.content.startswith(b"\xef\xbb\xbf")
    header, *rows = csv.reader(io.StringIO(response.content.decode("utf-8-sig")))
    found = {row[0]: dict(zip(header, row, strict=True)) for row in rows}
    assert found[number]["about"] == "'=1+1"
    assert {row["company"] for row in found.values()} == {"lexus"}
    assert EMAIL not in response.text
    assert members["privacy_officer"].post("/requests/csv", state="on_hold").text.count("\n") == 1


# One request.


def test_the_page_says_what_is_due_what_the_policy_states_and_nothing_personal(tickets, members):
    number = tickets.make("infiniti", days=3, relation="legal_representative", about="all")
    for name in ("operator", "privacy_officer"):
        page = text(members[name].get(f"/requests/{number}"))
        assert "fixes no number of days" in page
        assert "A suit is possible from here" in page
        assert "Infiniti says it will respond in about two weeks" in page
        assert "Request by an agent not stated" in page
        assert "All the information you hold on me" in page
        assert not [value for value in (EMAIL, NAME, PHONE) if value in page]
    assert "Name of the person represented sealed" in text(members["operator"].get(f"/requests/{number}"))


@pytest.mark.parametrize("name", ["privacy_officer", "japanese"])
def test_personal_fields_are_shown_one_by_one_and_audited(tickets, members, ids, name):
    number, before = tickets.make(), tickets.last()
    piece = members[name].post(f"/requests/{number}/reveal", piece=True, field="email")
    assert EMAIL in piece.text
    assert NAME not in piece.text
    assert "<html" not in piece.text
    assert piece.headers["cache-control"] == "no-store"
    page = members[name].post(f"/requests/{number}/reveal", field="name")
    assert NAME in page.text
    assert EMAIL not in page.text
    assert page.headers["refresh"] == f"60; url=/requests/{number}"
    shown = tickets.audited(ids[name], "revealed", number, after=before)
    assert [entry.detail for entry in shown] == [{"field": "email"}, {"field": "name"}]
    assert EMAIL not in members[name].get(f"/requests/{number}").text
    assert members[name].post(f"/requests/{number}/reveal", field="code_contact").status_code == 422


def test_notes_are_written_by_all_and_read_by_officers(gateway, tickets, members):
    number, words = tickets.make(), "ひみつのメモ <b>"
    assert members["operator"].post(f"/requests/{number}/note", text=words).status_code == 303
    assert words not in html.unescape(members["operator"].get(f"/requests/{number}").text)
    assert words in html.unescape(members["privacy_officer"].post(f"/requests/{number}/reveal", field="note").text)
    empty = members["operator"].post(f"/requests/{number}/note", text="  ")
    assert (empty.status_code, problem(empty)) == (422, "Write something first.")
    long = members["operator"].post(f"/requests/{number}/note", text="あ" * 4_001)
    assert long.status_code == 422
    assert "あ" * 4_001 in long.text
    assert not holds([*files_of(gateway.database), gateway.log], "ひみつのメモ")


def test_a_decision_is_previewed_and_sent(tickets, members, ids):
    number = tickets.make(state="in_review", lang="ja")
    member, path = members["privacy_officer"], f"/requests/{number}/move"
    given = {"to": "answered_refused", "reason": "harm_to_rights", "notice_date": tickets.today()}
    missing = member.post(path, **{**given, "reason": "", "step": "preview", "note": "keep this"})
    assert (missing.status_code, problem(missing)) == (422, "Choose a reason.")
    assert "keep this" in missing.text
    wrong = member.post(path, **{**given, "notice_date": "2020-01-01", "step": "preview"})
    assert "lies between" in problem(wrong)
    assert problem(member.post(path, **{**given, "notice_date": "x", "step": "preview"})) == "That is not a date."
    preview = member.post(path, **{**given, "step": "preview"})
    assert "ご請求についての判断が記録されました" in preview.text
    assert "個人情報保護法第33条" in preview.text
    assert EMAIL not in preview.text
    assert tickets.row(number).state == "in_review"
    assert not tickets.audited(ids["privacy_officer"], "illegal_move", number)
    assert 'value="2026' in member.post(path, **{**given, "step": "change"}).text
    sent = member.post(path, **{**given, "step": "send", "version": version(tickets, number)})
    assert sent.status_code == 303
    page = text(member.get(f"/requests/{number}"))
    assert "refused" in page
    assert "Disclosure could harm" in page
    assert "decision" in page


def test_only_what_may_be_done_now_is_offered(tickets, members, ids):
    number = tickets.make()
    page = members["operator"].get(f"/requests/{number}").text
    assert set(re.findall(r'id="move-(\w+)"', page)) == {
        "needs_routing", "awaiting_form_or_documents", "identity_check", "withdrawn", "duplicate_of", "on_hold",
    }  # fmt: skip
    illegal = members["operator"].post(f"/requests/{number}/move", to="closed", step="send")
    assert (illegal.status_code, problem(illegal)) == (422, "That cannot be done in the present state.")
    assert [entry.detail["code"] for entry in tickets.audited(ids["operator"], "illegal_move", number)] == ["no_such_move"]
    closed = tickets.make(state="closed")
    assert 'id="move-in_review"' not in members["operator"].get(f"/requests/{closed}").text
    assert "Only a privacy officer" in members["operator"].get(f"/requests/{closed}").text
    assert "Reopen the review" in members["privacy_officer"].get(f"/requests/{closed}").text
    refused = members["operator"].post(f"/requests/{closed}/move", to="in_review", step="send")
    assert refused.status_code == 422
    held = tickets.make()
    assert members["operator"].post(f"/requests/{held}/move", to="on_hold", reason="awaiting_person", step="send").status_code == 303
    page = text(members["operator"].get(f"/requests/{held}"))
    assert "Back to “received”" in page
    assert "Waiting for the person" in page


@pytest.mark.parametrize("lang", ["privacy_officer", "japanese"])
def test_a_change_made_meanwhile_is_told_and_what_was_typed_stays(tickets, members, lang):
    number = tickets.make(state="in_review")
    member = members[lang]
    page = member.get(f"/requests/{number}").text
    seen, old = re.search(r'name="seen" value="(\d+)"', page)[1], version(tickets, number)
    tickets.staff.note(number, "x", Actor("colleague", "operator", frozenset({"lexus"})))
    given = {"to": "answered_refused", "reason": "harm_to_rights", "notice_date": tickets.today(), "step": "send", "note": "my words"}
    conflict = member.post(f"/requests/{number}/move", **given, version=old, seen=seen)
    assert conflict.status_code == 409
    assert tickets.row(number).state == "in_review"
    said = problem(conflict)
    assert "colleague" in said
    assert ("メモを追加" if lang == "japanese" else "added a note") in said
    assert "my words" in conflict.text
    assert f'name="version" value="{old + 1}"' in conflict.text
    tickets.staff.move(number, "withdrawn", OFFICER)
    gone = member.post(f"/requests/{number}/move", **given, version=old + 1, seen=seen)
    assert gone.status_code == 409
    assert '<li class="typed">my words</li>' in gone.text
    taken = member.post(f"/requests/{number}/assign", assignee="me", version=old)
    assert taken.status_code == 409


def test_a_request_that_needs_routing_says_where_it_was_sent(tickets, members):
    number = tickets.make("g-link")
    assert tickets.row(number).state == "needs_routing"
    page = text(members["operator"].get(f"/requests/{number}"))
    assert "policy states no contact" in page
    path, to = f"/requests/{number}/move", {"to": "identity_check", "step": "send"}
    missing = members["operator"].post(path, **to, routed_to="  ")
    assert (missing.status_code, problem(missing)) == (422, "Record where the request was sent before going on.")
    assert members["operator"].post(path, **to, routed_to="legal unit, by mail").status_code == 303
    assert tickets.row(number).state == "identity_check"
    assert "Sent to: legal unit, by mail" in members["privacy_officer"].post(f"/requests/{number}/reveal", field="note").text


def test_likely_duplicates_are_listed_and_marked(tickets, members):
    address = "twice@example.com"
    first, second = tickets.make(email=address, name="A B"), tickets.make(type_="deletion", email=address, name="C D")
    page = members["operator"].get(f"/requests/{second}")
    assert first in page.text
    assert "same: Mail address" in text(page)
    path = f"/requests/{second}/move"
    for wrong in (new_number(), "nonsense", second, tickets.make("jamil")):
        response = members["operator"].post(path, to="duplicate_of", duplicate_of=wrong, step="send")
        assert (response.status_code, problem(response)[:15]) == (422, "Give the number")
    done = members["operator"].post(path, to="duplicate_of", duplicate_of=first, step="send", version=version(tickets, second))
    assert done.status_code == 303
    assert first in members["operator"].get(f"/requests/{second}").text


def test_dates_are_put_right(tickets, members):
    number, path = tickets.make(state="awaiting_form_or_documents", days=3), "/requests/{}/dates"
    arrived = tickets.row(number).arrived_at
    day = re.search(r'name="arrived_at_was" value="([^"]+)"', members["operator"].get(f"/requests/{number}").text)[1]
    given = {"arrived_at": day, "arrived_at_was": day, "documents_at": tickets.today(), "documents_at_was": ""}
    assert members["operator"].post(path.format(number), **given, version=version(tickets, number)).status_code == 303
    row = tickets.row(number)
    assert row.arrived_at == arrived
    assert row.documents_at.isoformat()[11:16] == "15:00"
    for wrong, said in (({"arrived_at": "2999-01-01"}, "future"), ({"arrived_at": "soon"}, "not a date"), ({}, "Give a day")):
        response = members["operator"].post(path.format(number), **wrong)
        assert response.status_code == 422
        assert said in problem(response)


def test_only_colleagues_of_the_company_get_a_request(tickets, members, ids):
    number = tickets.make("lexus")
    path = f"/requests/{number}/assign"
    for stranger in (ids["elsewhere"], ids["auditor"], "nonsense"):
        response = members["operator"].post(path, assignee=stranger)
        assert (response.status_code, problem(response)) == (422, "That colleague does not work for this company.")
    assert members["operator"].post(path, assignee=ids["privacy_officer"]).status_code == 303
    assert tickets.row(number).assignee == ids["privacy_officer"]
    assert members["operator"].post(path, assignee="").status_code == 303
    assert tickets.row(number).assignee is None


def test_everything_is_exported(tickets, members, ids):
    number = tickets.make()
    response = members["privacy_officer"].post(f"/requests/{number}/export")
    assert response.headers["content-disposition"] == f'attachment; filename="{number}.json"'
    assert response.headers["cache-control"] == "no-store"
    assert response.json()["personal"] == {"name": [NAME], "email": [EMAIL]}
    assert tickets.audited(ids["privacy_officer"], "exported", number)


def test_personal_fields_are_destroyed_once_the_number_is_typed(tickets, members, ids):
    number, open_ = tickets.make(state="closed"), tickets.make()
    path = f"/requests/{number}/erase"
    for typed in ("", open_, "yes"):
        response = members["privacy_officer"].post(path, confirm=typed)
        assert (response.status_code, problem(response)) == (422, "The number is not the same. Nothing was destroyed.")
    assert tickets.row(number).shredded_at is None
    early = members["privacy_officer"].post(f"/requests/{open_}/erase", confirm=open_)
    assert problem(early) == "An open request still needs its personal details."
    assert members["privacy_officer"].post(path, confirm=number.lower()).status_code == 303
    page = text(members["privacy_officer"].get(f"/requests/{number}"))
    assert "cannot be changed any more" in page
    assert EMAIL not in members["privacy_officer"].post(f"/requests/{number}/export").text
    assert tickets.audited(ids["privacy_officer"], "shredded", number)
    assert members["privacy_officer"].post(f"/requests/{number}/note", text="x").status_code == 422


def test_a_piece_is_the_page_with_what_was_done(tickets, members):
    number = tickets.make()
    response = members["operator"].post(f"/requests/{number}/note", piece=True, text="x")
    assert response.status_code == 200
    assert 'data-said="The note was added."' in response.text
    assert "hx-preserve" not in response.text
    assert "hx-preserve" in members["operator"].get(f"/requests/{number}").text
