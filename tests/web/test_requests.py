"""A data subject request from the chat to a ticket with a proven contact, over HTTP against the real servers (issue 5)."""

from __future__ import annotations

import email
import json
import re
from email.policy import default as policy
from pathlib import Path

import pytest

from madoguchi.answers.form import title

from ..assistant import Assistant
from .client import Chat, connect, files_of, holds, sql, text_of, wait_for

NUMBER = re.compile(r"D(?:-[0-9A-Z]{4}){3}-[0-9A-Z]")
PERSONAL = {"name": "名護 浦波", "email": "urara.nago@example.com"}

WISHES = {
    "disclosure": ("私の個人情報を開示してください", "I request disclosure of my personal data"),
    "correction": ("登録されている住所を訂正してほしい", "Please correct my address, it is wrong"),
    "addition": ("私の情報に電話番号を追加してください", "Please add my new phone number to my data"),
    "deletion": ("私の個人情報を削除してください", "Please delete my personal data"),
    "stop_use": ("私の個人情報の利用を停止してください", "Stop using my personal data"),
    "stop_third_party": ("私の情報を第三者に提供するのをやめてください", "Stop giving my data to third parties"),
    "purpose_notice": ("私の個人情報の利用目的を通知してください", "I request notification of the purpose for which my data is used"),
    "third_party_records": ("私の情報の第三者提供記録を開示してください", "I request the records of third-party provision of my data"),
}
COMPANIES = ["lexus", "g-link", "jamil", "infiniti", "jin-jidosha"]
WAYS = [(kind, company, ("ja", "en")[(n + m) % 2]) for n, kind in enumerate(WISHES) for m, company in enumerate(COMPANIES)]


def opened(chat: Chat, kind: str, language: str, channel: str = "email") -> str:
    """Go through the form; returns the ticket's number."""
    chat.ask(WISHES[kind][language == "en"])
    for name in ("relation_self", f"channel_{channel}", "about_all"):
        chat.ask(title(name, language))
    reply = chat.ask(title("decision_open", language))
    card = next(block for block in reply["blocks"] if block["type"] == "form")
    found = NUMBER.search(text_of(reply))
    assert found and card["form"] == "contact" and card["ticket"] == found.group()
    return found.group()


def mails(servers: Assistant) -> list[email.message.EmailMessage]:
    folder = Path(servers.data) / "outbox"
    paths = sorted(folder.glob("*.eml"), key=lambda path: path.stat().st_mtime)
    return [email.message_from_bytes(path.read_bytes(), policy=policy) for path in paths]


def code_for(servers: Assistant, recipient: str, count: int = 1) -> str:
    """The code of the newest mail to somebody, once there are so many."""
    found = wait_for(lambda: [m for m in mails(servers) if recipient in str(m["To"])][count - 1 :])
    return re.search(r"(?<![0-9])[0-9]{8}(?![0-9])", found[-1].get_content()).group()


@pytest.mark.parametrize(("kind", "company", "language"), WAYS)
def test_every_type_of_every_company_becomes_a_ticket(servers, kind, company, language):
    chat = Chat(servers.gateway_port, company, language)
    number = opened(chat, kind, language)
    with sql(Path(servers.data) / "madoguchi.db") as database:
        row = database.execute("SELECT company, type, state, lang FROM ticket WHERE number = ?", (number,)).fetchone()
    assert tuple(row) == (company, kind, "awaiting_contact", language)


@pytest.mark.parametrize(
    ("company", "state"), [("jamil", "received"), ("infiniti", "received"), ("g-link", "needs_routing"), ("jin-jidosha", "needs_routing")]
)
def test_contact_is_given_proven_and_looked_up(servers, company, state):
    chat = Chat(servers.gateway_port, company, "ja")
    number = opened(chat, "disclosure", "ja")
    notice = chat.http.post("/api/requests/notice", json={"ticket": number, "lang": "ja"}).json()
    assert notice["step"] == "contact" and "Example Operator" in notice["text"]["ja"] and notice["channel"] == "email"
    mine = {**PERSONAL, "email": f"{company}@example.com"}
    given = chat.http.post("/api/requests/contact", json={"ticket": number, "notice": notice["version"], **mine})
    assert given.json()["step"] == "code", given.text
    code = code_for(servers, mine["email"])
    assert chat.http.post("/api/requests/code", json={"ticket": number, "code": "00000000"}).status_code == 403
    proven = chat.http.post("/api/requests/code", json={"ticket": number, "code": code})
    assert proven.json() == {"step": "done", "state": {"code": state, "label": proven.json()["state"]["label"]}}
    other = connect(servers.gateway_port)
    before = len([m for m in mails(servers) if mine["email"] in str(m["To"])])
    assert other.post("/api/requests/status-code", json={"ticket": number}).json() == {"sent": True}
    found = other.post("/api/requests/status", json={"ticket": number, "code": code_of_status(servers, mine["email"], before)})
    assert found.json()["state"]["code"] == state


def test_a_new_code_takes_the_place_of_the_one_before(servers):
    chat = Chat(servers.gateway_port, "jamil", "ja")
    number, address = opened(chat, "disclosure", "ja"), "again@example.com"
    version = chat.http.post("/api/requests/notice", json={"ticket": number}).json()["version"]
    chat.http.post("/api/requests/contact", json={"ticket": number, "notice": version, "name": "x y", "email": address})
    first = code_for(servers, address)
    assert chat.http.post("/api/requests/resend", json={"ticket": number}).json()["code_sent"] is True
    second = code_for(servers, address, 2)
    assert chat.http.post("/api/requests/code", json={"ticket": number, "code": first}).status_code == 403
    assert chat.http.post("/api/requests/code", json={"ticket": number, "code": second}).json()["step"] == "done"


def code_of_status(servers: Assistant, recipient: str, before: int) -> str:
    def newest() -> str | None:
        later = [m for m in mails(servers) if recipient in str(m["To"])][before:]
        codes = [c.group() for m in later if (c := re.search(r"(?<![0-9])[0-9]{8}(?![0-9])", m.get_content()))]
        return codes[-1] if codes else None

    return wait_for(newest)


def test_wrong_number_and_wrong_code_look_alike(servers):
    chat = Chat(servers.gateway_port, "jamil", "ja")
    number = opened(chat, "deletion", "ja")
    other = connect(servers.gateway_port)
    wrong = [other.post("/api/requests/status", json={"ticket": n, "code": "12345678"}) for n in (number, "D-7K3M-92QX-4T6B-0", "x")]
    assert {(r.status_code, r.text) for r in wrong} == {(403, wrong[0].text)}


def test_a_ticket_is_of_the_conversation_that_opened_it(servers):
    mine, other = Chat(servers.gateway_port, "jamil", "ja"), Chat(servers.gateway_port, "jamil", "ja")
    number = opened(mine, "disclosure", "ja")
    assert other.http.post("/api/requests/notice", json={"ticket": number}).status_code == 403
    assert connect(servers.gateway_port).post("/api/requests/notice", json={"ticket": number}).status_code == 401


def test_what_is_wrong_is_told_by_field(servers):
    chat = Chat(servers.gateway_port, "jamil", "en")
    number = opened(chat, "disclosure", "en")
    version = chat.http.post("/api/requests/notice", json={"ticket": number}).json()["version"]
    refused = chat.http.post("/api/requests/contact", json={"ticket": number, "notice": version, "name": "", "email": "nobody"})
    assert refused.status_code == 422 and set(refused.json()["problems"]) == {"name", "email"}
    assert chat.http.post("/api/requests/contact", json={"ticket": number, "notice": "old", **PERSONAL}).status_code == 409


def test_the_link_of_other_channels_opens_the_form_once(servers):
    talk = servers.talk(site="jamil")
    talk("私の個人情報を開示してください")
    for name in ("relation_self", "channel_phone", "about_all"):
        talk(title(name, "ja"))
    link = re.search(r"/request#(\S+)", talk(title("decision_open", "ja")).text).group(1)
    http = connect(servers.gateway_port)
    notice = http.post("/api/requests/notice", json={"link": link}).json()
    details = {"link": link, "notice": notice["version"], "name": "名護", "phone": "03-1234-5678"}
    assert http.post("/api/requests/contact", json=details).json()["step"] == "done"
    assert http.post("/api/requests/notice", json={"link": link}).status_code == 403


def test_personal_details_are_nowhere_in_the_clear(servers):
    chat = Chat(servers.gateway_port, "infiniti", "ja")
    number = opened(chat, "disclosure", "ja")
    version = chat.http.post("/api/requests/notice", json={"ticket": number}).json()["version"]
    assert chat.http.post("/api/requests/contact", json={"ticket": number, "notice": version, **PERSONAL}).status_code == 200
    code_for(servers, PERSONAL["email"])
    kept = [*files_of(Path(servers.data) / "madoguchi.db"), *files_of(Path(servers.data) / "tracker.db"), servers.log]
    assert not [found for value in PERSONAL.values() for found in holds(kept, value)]


def test_the_state_of_a_request_has_its_card(servers):
    reply = Chat(servers.gateway_port, "jamil", "en").ask("What is the state of the request I made?")
    assert reply["kind"] == "ticket_status"
    assert [block["form"] for block in reply["blocks"] if block["type"] == "form"] == ["status"]


def test_the_same_confirmation_from_two_pages_is_one_ticket(servers):
    chat = Chat(servers.gateway_port, "jamil", "ja")
    number = opened(chat, "disclosure", "ja")
    assert number in text_of(chat.ask(title("decision_open", "ja")))


def test_a_refused_body_is_json_in_both_languages(servers):
    http = connect(servers.gateway_port)
    refused = http.post("/api/requests/contact", content=json.dumps({"notice": 1}))
    assert refused.status_code == 400 and set(refused.json()["message"]) == {"ja", "en"}
