"""The audit log's page over HTTP: for auditors, filtered, in pages, and checked."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from madoguchi.requests.errors import Entry
from madoguchi.settings import ROOT

from .client import sql
from .console import ROLES, Member, account
from .tickets import OFFICER, Tickets


@pytest.fixture(scope="module")
def tickets(gateway):
    return Tickets(gateway)


@pytest.fixture(scope="module")
def members(gateway):
    url = f"sqlite:///{gateway.database}"
    for role in ROLES:
        account(url, f"audit-{role}", role)
    account(url, "audit-jamil", "auditor", ["jamil"])
    account(url, "audit-ja", "auditor", lang="ja")
    return {name: Member(gateway.console_port, f"audit-{name}") for name in (*ROLES, "jamil", "ja")}


def entries(response):
    rows = re.findall(r"<tr(?: class=\"refused\")?>\s*<td class=\"day\">(\d+)</td>(.*?)</tr>", response.text, re.S)
    return [(int(seq), " ".join(html.unescape(re.sub(r"<[^>]+>", " ", rest)).split())) for seq, rest in rows]


@pytest.mark.parametrize(("method", "path"), [("get", "/audit"), ("post", "/audit/verify")])
@pytest.mark.parametrize("role", ROLES)
def test_every_route_for_every_role(members, tickets, method, path, role):
    before = tickets.last()
    response = getattr(members[role], method)(path)
    assert response.status_code == (200 if role == "auditor" else 403)
    refused = tickets.audited(action="forbidden", after=before)
    assert [entry.detail["wanted"] for entry in refused] == ([] if role == "auditor" else ["console audit"])


def test_filters_and_companies(members, tickets):
    mine, other = tickets.make("jamil"), tickets.make("lexus")
    tickets.staff.note(mine, "x", OFFICER)
    auditor = members["auditor"]
    assert {text.split("D-")[1][:16] for _, text in entries(auditor.get("/audit", number=other.lower()))} == {other[2:]}
    assert other not in members["jamil"].get("/audit").text
    assert entries(members["jamil"].get("/audit", number=other)) == []
    noted = entries(auditor.get("/audit", action="noted", number=mine))
    assert len(noted) == 1
    assert "maker privacy officer added a note" in noted[0][1]
    assert entries(auditor.get("/audit", actor="customer"))
    assert not [text for _, text in entries(auditor.get("/audit", actor="customer")) if "maker" in text]
    today = tickets.office.now()
    day = tickets.today()
    assert entries(auditor.get("/audit", since=day, until=day))
    assert "No entry fits" in auditor.get("/audit", until=f"{today - timedelta(days=3):%Y-%m-%d}").text
    for wrong in ({"number": "D-1"}, {"since": "yesterday"}, {"until": "9999-12-31"}):
        response = auditor.get("/audit", **wrong)
        assert response.status_code == 422
        assert not entries(response)


def test_pages_hold_every_entry_once(members, tickets):
    number = tickets.make("jamil")
    with tickets.office.database.write() as session:
        tickets.office.audit.append(session, [Entry(OFFICER, "shown", number)] * 120)
    seen, path = [], f"/audit?number={number}"
    while path:
        page = members["auditor"].http.get(path)
        seen += [seq for seq, _ in entries(page)]
        more = re.search(r'href="([^"]+)" rel="next"', page.text)
        path = html.unescape(more[1]) if more else None
    assert len(seen) == len(set(seen)) > 120
    assert seen == sorted(seen, reverse=True)


def test_refusals_stand_out(members, tickets):
    members["admin"].get("/requests")
    assert 'class="refused"' in members["auditor"].get("/audit", action="forbidden").text


def test_the_log_is_checked_and_its_end_is_kept(gateway, members, tickets):
    sound = members["auditor"].post("/audit/verify")
    assert "The log is sound" in sound.text
    head = re.search(r'id="head" value="([^"]+)"', sound.text)[1]
    assert gateway.command("audit", "verify", "--head", head).returncode == 0
    assert "also agrees" in members["auditor"].post("/audit/verify", head=f" {head} ").text
    wrong = members["auditor"].post("/audit/verify", head="nonsense")
    assert wrong.status_code == 422
    assert 'value="nonsense"' in wrong.text
    cut = members["ja"].post("/audit/verify", head=f"{int(head.split(':')[0]) + 1_000}:{'0' * 64}")
    assert "記録に異常があります" in cut.text
    assert "末尾から失われています" in cut.text
    with sql(gateway.database) as database:
        (before,) = database.execute("SELECT actor FROM audit WHERE seq = 2").fetchone()
        database.execute("UPDATE audit SET actor = 'somebody' WHERE seq = 2")
    try:
        assert "Entry 2 was changed" in members["auditor"].post("/audit/verify").text
        assert "2番が書き換えられています" in members["ja"].post("/audit/verify").text
    finally:
        with sql(gateway.database) as database:
            database.execute("UPDATE audit SET actor = ? WHERE seq = 2", (before,))
    assert tickets.audited(action="log_verified")


def test_every_act_has_its_name():
    known = yaml.safe_load((ROOT / "madoguchi/console/phrases/audit.yml").read_text(encoding="utf-8"))
    found = set()
    for path in sorted(Path(ROOT / "madoguchi").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        found |= set(re.findall(r"(?:\.audit\(|\bEntry\()\s*[\w.()]+(?: or \w+)?,\s*\"(\w+)\"", text))
    assert len(found) > 30
    assert not {name for name in found if f"action_{name}" not in known}
