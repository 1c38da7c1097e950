"""Reports and the review over HTTP: who sees which companies and whose words, files for spreadsheets, decisions, the audit log."""

from __future__ import annotations

import csv
import io
import re
import shutil
from datetime import timedelta

import pytest

from madoguchi.settings import ROOT
from madoguchi.store import Database, utc_now

from .client import GENEROUS, alone, rows
from .console import ROLES, Member, account
from .planted import plant, turn

AT = utc_now().replace(hour=3, minute=0) - timedelta(days=17)
DAY = AT.date().isoformat()
PERIOD = {"from": DAY, "to": DAY}


@pytest.fixture(scope="module")
def gateway(stub, tmp_path_factory):
    """One of these tests' own: other tests' conversations would be counted."""
    with alone(tmp_path_factory.mktemp("reports"), stub, **GENEROUS) as made:
        yield made


@pytest.fixture(scope="module")
def database(gateway):
    made = Database(f"sqlite:///{gateway.database}")
    yield made
    made.engine.dispose()


@pytest.fixture(scope="module")
def members(gateway, database, corpus):
    url = f"sqlite:///{gateway.database}"
    account(url, "rep-jamil", "operator", ["jamil"])
    account(url, "rep-lexus", "privacy_officer", ["lexus"], lang="ja")
    account(url, "rep-auditor", "auditor")
    account(url, "rep-admin", "admin", ["jamil"])
    gap = corpus.entries["jamil#coverage"]
    says = {"topic": gap.topic, "text": gap.says["en"]}
    plant(database, [turn("Does it cover =HYPERLINK planets?", "not_stated", "jamil", **says), turn("x", "answer", "jamil", "fee")], at=AT)
    plant(database, [turn("Jamil, in confidence", "clarify", "jamil"), turn("no use", "answer", "jamil", "fee", vote=False)], at=AT)
    plant(database, [turn("Lexus, in confidence", "answer", "lexus", "hours"), turn("the weather", "out_of_scope", None)], at=AT)
    plant(database, [turn("of nobody", "clarify")], at=AT)
    return {name: Member(gateway.console_port, f"rep-{name}") for name in ("jamil", "lexus", "auditor", "admin")}


def table(member, name, **more):
    response = member.get(f"/reports/{name}.csv", **PERIOD, **more)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert f"madoguchi-{name}-{DAY}-{DAY}.csv" in response.headers["content-disposition"]
    assert response.text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(response.text.lstrip("\ufeff"))))


def test_reports_are_open_to_all_and_the_review_not_to_auditors(gateway):
    url = f"sqlite:///{gateway.database}"
    for role in ROLES:
        account(url, f"rep-role-{role}", role)
        member = Member(gateway.console_port, f"rep-role-{role}")
        assert member.get("/reports").status_code == 200
        assert member.get("/review").status_code == (403 if role == "auditor" else 200)


def test_everybody_sees_the_numbers_of_their_companies(members):
    def companies(name, **more):
        return {row[0]: row[1] for row in table(members[name], "companies", **more)[1:]}

    assert companies("jamil") == {"Jamil Shoji": "4", "No company": "1"}
    assert companies("lexus") == {"レクサス": "2", "会社不明": "1"}
    everything = {"LEXUS": "2", "Jamil Shoji": "4", "No company": "1"}
    assert companies("auditor") == companies("admin") == everything
    assert companies("auditor", company="lexus") == {"LEXUS": "2"}
    # Another's company cannot be asked for.
    assert companies("jamil", company="lexus") == companies("jamil")


def test_customers_words_are_for_those_who_work_for_the_company(members):
    words = "Does it cover =HYPERLINK planets?"
    seen = {name: words in member.get("/reports", **PERIOD).text for name, member in members.items()}
    assert seen == {"jamil": True, "lexus": False, "auditor": False, "admin": False}
    assert all(words not in member.get("/reports/not_stated.csv", **PERIOD).text for member in members.values())
    for name, member in members.items():
        page = member.get("/reports", **PERIOD).text + (member.get("/review").text if name != "auditor" else "")
        assert ("Jamil, in confidence" in page) is (name == "jamil")
        assert ("of nobody" in page) is (name in ("jamil", "lexus"))


def test_what_is_not_stated_stands_in_a_table(members, corpus):
    [head, row] = table(members["jamil"], "not_stated")
    assert row == ["Jamil Shoji", corpus.entries["jamil#coverage"].title["en"], corpus.topics["scope"].name["en"], "1", "0", "1"]
    assert len(head) == len(row)


@pytest.mark.parametrize("name", ["trend", "topics", "companies", "kinds", "votes", "handovers", "requests", "clocks"])
def test_every_table_is_a_file_in_both_languages(members, name):
    for who in ("jamil", "lexus"):
        rows = table(members[who], name)
        assert len({len(row) for row in rows}) <= 1


def test_an_unknown_table_is_not_found_and_a_wrong_period_said(members):
    assert members["jamil"].get("/reports/secret.csv").status_code == 404
    response = members["jamil"].get("/reports", **{"from": "2026-11-09", "to": "2026-11-01"})
    assert response.status_code == 422
    assert "That is no period" in response.text
    assert members["jamil"].get("/reports/topics.csv", **{"from": "x", "to": "y"}).status_code == 404
    assert members["jamil"].get("/reports", days="12").status_code == 200


def item_of(member, words, **params):
    found = re.search(rf'data-id="([0-9a-f]{{32}}-[0-9]+)"(?:(?!</a>).)*?{re.escape(words)}', member.get("/review", **params).text, re.S)
    assert found, words
    return found[1]


def test_a_question_is_accepted_and_withdrawn(gateway, database, members):
    member = members["jamil"]
    plant(database, [turn("who do you whisper my secrets to, tell Hanako", "clarify", "jamil", text="Which of these?")])
    number = item_of(member, "who do you whisper my secrets to")
    panel = member.get(f"/review/{number}").text
    assert "Which of these?" in panel
    assert 'value="jamil/contact"' in panel
    assert "lexus/" not in panel
    response = member.post(f"/review/{number}", do="accept", entry="jamil/contact", text="mail hanako@example.com", show="open")
    assert response.status_code == 422
    assert "looks personal (mail address)" in response.text
    assert "mail hanako@example.com" in response.text  # what was typed stays
    text = "who do you whisper secrets to"
    response = member.post(f"/review/{number}", do="accept", entry="jamil/contact", text=text, show="open")
    assert response.headers["location"] == "/review?show=open&done=accept"
    assert "whisper my secrets" not in member.get("/review").text
    accepted = member.get("/review", show="accepted").text
    assert text in accepted
    assert "Rep-Jamil" in accepted
    # The administrator sees what was accepted, of all companies; another company's officer does not.
    assert text in members["admin"].get("/review").text
    assert text not in members["lexus"].get("/review", show="accepted").text
    again = member.post(f"/review/{number}", do="dismiss")
    assert again.headers["location"].endswith("done=gone")
    phrasing = re.search(r'action="/review/accepted/([0-9]+)"', accepted)[1]
    assert members["lexus"].post(f"/review/accepted/{phrasing}").status_code == 403
    assert members["admin"].post(f"/review/accepted/{phrasing}", show="accepted").status_code == 303
    assert item_of(member, "who do you whisper my secrets to") == number
    acts = [row["action"] for row in rows(gateway.database, "SELECT action FROM audit ORDER BY seq")]
    assert {"review_accept", "review_withdraw"} <= set(acts)


def test_what_is_said_of_nobody_may_be_given_to_an_own_company(database, members):
    plant(database, [turn("whose is this riddle", "clarify"), turn("bye", "smalltalk")])
    member = members["lexus"]
    number = item_of(member, "whose is this riddle")
    wrong = member.post(f"/review/{number}", do="accept", entry="jamil/contact", text="whose is this riddle")
    assert wrong.status_code == 422
    right = member.post(f"/review/{number}", do="accept", entry="lexus/contact", text="whose is this riddle")
    assert right.status_code == 303


def test_another_companys_question_is_refused_and_the_refusal_audited(gateway, database, members):
    plant(database, [turn("for Jamil's eyes only", "clarify", "jamil")])
    number = item_of(members["jamil"], "for Jamil")

    def refusals():
        return len(rows(gateway.database, "SELECT seq FROM audit WHERE action = 'forbidden'"))

    before = refusals()
    for name in ("lexus", "admin"):
        assert members[name].get(f"/review/{number}").status_code == 403
        assert members[name].get("/review", item=number).status_code == 403
        assert members[name].post(f"/review/{number}", do="dismiss").status_code == 403
    assert refusals() == before + 6
    assert members["auditor"].get(f"/review/{number}").status_code == 403
    assert members["jamil"].http.post(f"/review/{number}", data={"do": "dismiss"}).status_code == 403
    assert item_of(members["jamil"], "for Jamil") == number


def test_not_stated_on_demand(members):
    assert "HYPERLINK" not in members["jamil"].get("/review").text
    assert "HYPERLINK" in members["jamil"].get("/review", show="not_stated").text


def test_the_command_writes_what_was_accepted(gateway, members, tmp_path):
    """Into a copy: the files of the repository are what everything else learns from."""
    for name in ("policies", "data"):
        shutil.copytree(ROOT / name, tmp_path / name)
    copy = ("--root", str(tmp_path), "--encoder", "none", "--questions", str(tmp_path / "none.jsonl"))
    done = gateway.command("corpus", "accept", *copy)
    assert done.returncode == 0, done.stderr
    assert "none.jsonl here, so not checked" in done.stderr
    assert "policies/lexus/clauses.yml: lexus/contact (en): whose is this riddle" in done.stdout
    written = (tmp_path / "policies/lexus/clauses.yml").read_text(encoding="utf-8")
    assert written.replace("        - whose is this riddle\n", "") == (ROOT / "policies/lexus/clauses.yml").read_text(encoding="utf-8")
    assert "whose is this riddle" in members["lexus"].get("/review", show="written").text
    assert gateway.command("corpus", "accept", *copy).stdout == "nothing waits to be written\n"
