"""Handover and live chat over HTTP: the customer's side and the staff's, with a stand-in for Rasa."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from madoguchi.answers.form import title
from madoguchi.settings import ROOT
from madoguchi.understanding.choices import FIXED

from .client import GENEROUS, Chat, Rasa, alone, answer, conversation_of, events, new_id, rows, sql, text_of, wait_for
from .console import Member, account
from .test_requests import WISHES

PERSON = FIXED["ask_person"]["en"]


def wanted(company, text="A person, please"):
    """What the assistant replies to somebody who wants a person."""
    return lambda: (200, [answer("nobody is here; the contact is 0800-500-5577", kind="human", company=company, topic="contact")])


class Staff(Member):
    """Somebody who takes chats."""

    def there(self, yes=True):
        assert self.post("/chats/available", available="1" if yes else "0").status_code == 303
        return self

    def do(self, chat, what, **fields):
        return self.post(f"/chats/{chat}/{what}", piece=True, **fields)

    def page(self, chat):
        return self.get(f"/chats/{chat}")

    def said(self, chat, text, **fields):
        response = self.do(chat, "say", text=text, **fields)
        assert response.status_code == 200, response.text
        return response.json()["seq"]

    def follow(self, path, until, after=None, seconds=15.0):
        """The events of a stream until one fits."""
        found = []
        with self.http.stream("GET", path, timeout=seconds) as response:
            assert response.status_code == 200
            for name, _, data in events(response.iter_lines()):
                found.append((name, data))
                if after is not None and len(found) == 1:
                    after()
                if until(name, data):
                    return found
        raise AssertionError(found)


def made(gateway, name, companies, role="operator", lang="en", worker_port=None):
    account(f"sqlite:///{gateway.database}", name, role, companies, lang)
    return Staff(worker_port or gateway.console_port, name)


@pytest.fixture(scope="module")
def staff(gateway):
    """Ann of LEXUS and Jamil, Bob of LEXUS, Cy of Jamil."""
    found = {
        "ann": made(gateway, "chats-ann", ["lexus", "jamil"]),
        "bob": made(gateway, "chats-bob", ["lexus"], "privacy_officer"),
        "cy": made(gateway, "chats-cy", ["jamil"], lang="ja"),
    }
    yield found
    for member in found.values():
        member.there(False)


@pytest.fixture(autouse=True)
def _nobody_is_left(request):
    yield
    if "staff" in request.fixturenames:
        for member in request.getfixturevalue("staff").values():
            member.there(False)


@pytest.fixture
def queued(gateway, stub, staff):
    """A customer of LEXUS in the queue, and the id by which staff know the chat."""
    stub.on["A person, please"] = wanted("lexus")
    staff["ann"].there()
    chat = Chat(gateway.port, "lexus", "en")
    chat.ask("are calls recorded?")
    chat.send("A person, please")
    chat.settled()
    assert chat.state()["state"] == "queued"
    yield chat, conversation_of(gateway.database, chat)["id"]
    chat.http.post("/api/conversation/handover", json={"want": "assistant"})  # for the tests that follow, the queue is empty


@pytest.fixture
def taken(queued, staff):
    assert staff["ann"].do(queued[1], "take").status_code == 204
    return queued


# The customer's side.


def test_nobody_there_the_contact_and_a_ticket(gateway, stub, staff):
    stub.on["A person, please"] = wanted("lexus")
    chat = Chat(gateway.port, "lexus", "en")
    chat.send("A person, please")
    messages = chat.settled()
    assert [(m["sender"], m["kind"]) for m in messages] == [("customer", None), ("assistant", "human"), ("system", "handover_away")]
    assert "0800-500-5577" in text_of(messages[1])
    assert chat.state()["state"] == "bot"
    [offer] = messages[2]["offers"]
    assert text_of(chat.ask(offer=offer["id"])) == "re: I would like to make a request"


@pytest.mark.parametrize(("site", "wanted_text"), [("lexus", "0800-500-5577"), ("g-link", "does not state a contact"), (None, "")])
def test_the_way_to_staff_without_the_assistant(gateway, site, wanted_text):
    chat = Chat(gateway.port, site, "en")
    response = chat.http.post("/api/conversation/handover", json={"want": "person"})
    assert (response.status_code, response.json()["state"]) == (200, "bot")
    [told] = chat.messages()
    assert told["kind"] == "handover_away"
    assert wanted_text in text_of(told)
    assert "No member of staff is there" in text_of(told)


def test_the_queue_and_back_to_the_assistant(queued, stub, staff):
    chat, _ = queued
    assert chat.messages()[-1]["kind"] == "handover_queued"
    assert "human" not in [m["kind"] for m in chat.messages()]  # the assistant's "nobody is here" is not said
    assert chat.state()["queue"] >= 1
    asked = len(stub.asked)
    chat.send("/restart")
    chat.send("still waiting")
    assert chat.state()["state"] == "queued"
    response = chat.http.post("/api/conversation/handover", json={"want": "assistant"})
    assert response.json()["state"] == "bot"
    assert "queue" not in response.json()
    assert chat.messages()[-1]["kind"] == "handover_cancelled"
    assert text_of(chat.ask("for the machine again")) == "re: for the machine again"
    assert [text for _, text in stub.asked[asked:]] == ["for the machine again"]


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """A gateway with hours of Jamil that hardly begin, and three messages a minute from an address."""
    rasa = Rasa().start()
    rasa.on |= {text: lambda: (200, [answer("I do not understand", kind="clarify")]) for text in ("qwrt", "zxcv")}
    settings = {**GENEROUS, "MADOGUCHI_ADDRESS_MESSAGES_A_MINUTE": "3", "MADOGUCHI_STAFFED_HOURS": "jamil=sun 0:00-0:01"}
    with alone(tmp_path_factory.mktemp("strict"), rasa, **settings) as gateway:
        yield gateway, rasa
    rasa.kill()


def test_hours_are_said(strict):
    gateway, _ = strict
    made(gateway, "cy", ["jamil"]).there()
    chat = Chat(gateway.port, "jamil", "ja")
    chat.http.post("/api/conversation/handover", json={"want": "person"})
    [told] = chat.messages()
    assert "日曜日 0:00～0:01（日本時間、祝日を除く）" in text_of(told)
    assert "次の受付時間は" in text_of(told)
    assert "03-5945-0121" in text_of(told)


def test_calling_staff_again_and_again_is_limited(strict):
    chat = Chat(strict[0].port, "jamil")
    statuses = [chat.http.post("/api/conversation/handover", json={"want": "person"}).status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]


def test_the_button_calls_staff_even_without_the_assistant(strict):
    gateway, rasa = strict
    chat = Chat(gateway.port, "lexus", "en")
    assert chat.ask("qwrt")["offers"] == []
    second = chat.ask("zxcv")
    assert [offer["title"] for offer in second["offers"]] == [PERSON]  # unsure twice: a person is offered
    rasa.kill()
    made(gateway, "ann", ["lexus"]).there()
    chat.send(offer=second["offers"][0]["id"])
    wait_for(lambda: chat.state()["state"] == "queued", 10)
    assert [row["reason"] for row in rows(gateway.database, "SELECT reason FROM handover")] == ["unsure"]


def test_who_waits_for_long_is_told_and_may_leave_a_ticket(gateway, queued):
    chat, mine = queued
    with sql(gateway.database) as connection:
        connection.execute("UPDATE handover SET waiting_since = '2026-01-01 00:00:00.000000' WHERE conversation_id = ?", (mine,))
    told = wait_for(lambda: [m for m in chat.messages() if m["kind"] == "handover_wait"], 12)[0]
    assert chat.state()["state"] == "queued"
    reply = chat.ask(offer=told["offers"][0]["id"])
    assert text_of(reply) == "re: I would like to make a request"
    assert chat.state()["state"] == "bot"
    assert rows(gateway.database, "SELECT outcome FROM handover WHERE conversation_id = ?", mine)[0]["outcome"] == "cancelled"


def test_a_request_that_staff_have_to_pass_on_offers_them(servers, tmp_path_factory):
    """G-Link's policy states no contact: once the contact of the ticket is there, it needs routing."""
    url = f"sqlite:///{servers.data / 'madoguchi.db'}"
    account(url, "chats-gil", "operator", ["g-link"])
    gil = Staff(servers.console_port, "chats-gil").there()
    chat = Chat(servers.gateway_port, "g-link", "en")
    chat.ask(WISHES["disclosure"][1])
    for name in ("relation_self", "channel_letter", "about_all"):
        chat.ask(title(name, "en"))
    reply = chat.ask(title("decision_open", "en"))
    number = next(block["ticket"] for block in reply["blocks"] if block["type"] == "form")
    version = chat.http.post("/api/requests/notice", json={"ticket": number, "lang": "en"}).json()["version"]
    details = {"ticket": number, "lang": "en", "notice": version, "name": "湖東 みぎわ", "address": "東京都港区芝公園1-2-3"}
    given = chat.http.post("/api/requests/contact", json=details).json()
    assert given["state"]["code"] == "needs_routing"
    offered = chat.messages()[-1]
    assert offered["kind"] == "handover_request"
    gil.there()
    chat.send(offer=offered["offers"][0]["id"])
    wait_for(lambda: chat.state()["state"] == "queued")
    mine = conversation_of(servers.data / "madoguchi.db", chat)["id"]
    page = gil.page(mine).text
    assert "request to be passed on" in page
    assert number in page
    assert "湖東" not in page
    gil.do(mine, "take")
    gil.said(mine, "I will find out.")
    gil.do(mine, "assistant")
    gil.there(False)
    # Rasa goes on as if nothing had been, and the ticket's button still leads into its form.
    assert chat.ask("Whom can I contact at LEXUS?")["kind"] in ("answer", "not_stated", "desk")
    chat.send("Let me talk to a person")
    away = chat.settled()[-1]
    assert away["kind"] == "handover_away"
    assert chat.ask(offer=away["offers"][0]["id"])["kind"] == "request"


# The staff's side.


def test_take_answer_with_a_source_and_return(queued, staff, stub):
    chat, mine = queued
    ann = staff["ann"]
    assert "asked for staff" in ann.get("/chats").text
    assert ann.do(mine, "take").status_code == 204
    assert chat.messages()[-1]["kind"] == "handover_joined"
    seq = ann.said(mine, "The number is 0800-500-5577.", clauses="lexus/contact no/such")
    message = chat.messages(seq - 1)[0]
    assert message["sender"] == "person"
    source = message["blocks"][-1]
    assert source["type"] == "source"
    assert [original["clause"] for original in source["originals"]] == ["lexus/contact"]
    assert "by" not in message and "chats-ann" not in str(chat.messages()).lower()
    asked = len(stub.asked)
    chat.send("thank you")
    assert ann.do(mine, "assistant").status_code == 204
    assert chat.messages()[-1]["kind"] == "handover_back"
    assert text_of(chat.ask("and the machine?")) == "re: and the machine?"
    assert [text for _, text in stub.asked[asked:]] == ["and the machine?"]
    assert "and the machine?" not in ann.page(mine).text  # what comes afterwards is not staff's


def test_one_of_two_takes_it_over_two_processes(stub, tmp_path):
    stub.on["A person, please"] = wanted("lexus")
    with alone(tmp_path, stub, MADOGUCHI_WORKERS="2", **GENEROUS) as gateway:
        members = [made(gateway, f"staff-{n}", ["lexus"]).there() for n in range(3)]
        for _ in range(2):
            chat = Chat(gateway.port, "lexus", "en")
            chat.send("A person, please")
            chat.settled()
            mine = conversation_of(gateway.database, chat)["id"]
            gate = threading.Barrier(len(members))

            def take(member, gate=gate, mine=mine):
                gate.wait()
                return member.do(mine, "take")

            with ThreadPoolExecutor(len(members)) as pool:
                results = list(pool.map(take, members))
            assert sorted(result.status_code for result in results) == [204, 409, 409]
            winner = next(n for n, result in enumerate(results) if result.status_code == 204)
            assert all(f"Staff-{winner} was quicker" in result.text for result in results if result.status_code == 409)
            assert [m["kind"] for m in chat.messages() if m["sender"] == "system"] == ["handover_queued", "handover_joined"]
        # The gateway dies with a chat open and comes back: everything goes on, and what is sent again comes once.
        member, client_id = members[winner], new_id()
        first = member.said(mine, "before", client_id=client_id)
        gateway.kill()
        gateway.start()
        assert member.said(mine, "before", client_id=client_id) == first
        chat.send("still there?")
        assert "still there?" in member.page(mine).text
        member.said(mine, "yes")
        assert [text_of(m) for m in chat.messages() if m["sender"] in ("person", "customer")][-3:] == ["before", "still there?", "yes"]
        # Each side hears of the other although they are at different processes.
        for _ in range(2):
            news = member.follow(
                f"/chats/{mine}/stream?after=1000000",
                lambda name, data: name == "state" and data["types"],
                after=lambda: chat.http.post("/api/conversation/typing", json={"typing": True}),
            )
            assert news
            chat.http.post("/api/conversation/typing", json={"typing": False})
        # One whose console is no longer heard of loses the chat.
        with sql(gateway.database) as connection:
            connection.execute("UPDATE staff_presence SET seen_at = '2026-01-01 00:00:00.000000'")
            connection.execute("UPDATE handover SET taken_at = '2026-01-01 00:00:00.000000'")
        wait_for(lambda: chat.state()["state"] == "queued", 12)
        assert "handover_lost" in [m["kind"] for m in chat.messages()]


def test_a_colleague_takes_over(taken, staff):
    chat, mine = taken
    ann, bob = staff["ann"], staff["bob"].there()
    assert "Chats-Bob" in ann.get(f"/chats/{mine}/colleagues").text
    assert "Chats-Cy" not in ann.get(f"/chats/{mine}/colleagues").text
    to = re.search(r'value="([0-9a-f]{32})"[^>]*> Chats-Bob', ann.get(f"/chats/{mine}/colleagues").text)[1]
    assert bob.do(mine, "say", text="not mine").status_code == 409
    assert ann.do(mine, "transfer", to=to, note="knows the case").status_code == 204
    refused = ann.do(mine, "say", text="no longer mine")
    assert refused.status_code == 409
    assert "Chats-Bob" in refused.text
    bob.said(mine, "hello from Bob")
    assert "knows the case" in bob.page(mine).text
    assert "knows the case" not in str(chat.messages())
    assert bob.do(mine, "transfer", to="").status_code == 204
    assert chat.state()["state"] == "queued"


def test_notes_and_late_answers_reach_no_customer(taken, staff):
    chat, mine = taken
    assert staff["bob"].do(mine, "note", text="between us").status_code == 200
    assert "between us" in staff["ann"].page(mine).text
    for text in (str(chat.messages()), chat.http.get("/api/conversation/transcript").text):
        assert "between us" not in text
    plain, whole = staff["ann"].http.get(f"/chats/{mine}/transcript"), staff["ann"].http.get(f"/chats/{mine}/transcript?notes=1")
    assert "attachment" in plain.headers["content-disposition"]
    assert "between us" not in plain.text and "A member of staff has joined" in plain.text
    assert "between us" in whole.text


def test_what_looks_personal_has_to_be_confirmed(taken, staff):
    chat, mine = taken
    ann = staff["ann"]
    refused = ann.do(mine, "say", text="call me at 090-1234-5678")
    assert (refused.status_code, refused.json().keys()) == (409, {"warning"})
    assert not [m for m in chat.messages() if m["sender"] == "person"]
    ann.said(mine, "call me at 090-1234-5678", confirmed="1")
    ann.said(mine, "the desk's 0800-500-5577 is published")
    assert ann.do(mine, "say", text=" \n ").status_code == 422
    assert ann.do(mine, "say", text="a" * 2001).status_code == 422
    assert ann.do(mine, "say", text="two\r\n\r\n\r\nlines\0").status_code == 200
    assert rows_text(chat) == "two\nlines"


def rows_text(chat):
    return text_of(chat.messages()[-1])


def test_closed_with_an_outcome(taken, staff, gateway):
    chat, mine = taken
    assert staff["ann"].do(mine, "close", outcome="x").status_code == 409
    assert staff["ann"].do(mine, "close", outcome="answered").status_code == 204
    assert chat.state()["state"] == "closed"
    assert chat.messages()[-1]["kind"] == "handover_closed"
    assert chat.post("more").status_code == 409
    assert chat.http.post("/api/conversation/handover", json={"want": "person"}).status_code == 409
    page = staff["ann"].get("/chats").text
    assert f'href="/chats/{mine}"' in page and "answered" in page


def test_another_companys_chat_is_refused_and_audited(queued, staff, gateway):
    _, mine = queued
    before = rows(gateway.database, "SELECT count(*) FROM audit WHERE action = 'forbidden'")[0][0]
    cy = staff["cy"]
    assert f"/chats/{mine}" not in cy.get("/chats").text
    assert [cy.get(f"/chats/{mine}{path}").status_code for path in ("", "/stream", "/transcript", "/colleagues")] == [403] * 4
    assert [cy.do(mine, what, text="x").status_code for what in ("take", "say", "note", "sign", "transfer", "assistant", "close")] == [
        403
    ] * 7
    assert rows(gateway.database, "SELECT count(*) FROM audit WHERE action = 'forbidden'")[0][0] == before + 11


def test_auditors_and_administrators_take_no_chats(gateway, queued):
    _, mine = queued
    for role in ("auditor", "admin"):
        member = made(gateway, f"chats-{role}", [], role)
        assert [member.get(path).status_code for path in ("/chats", "/chats/pulse", "/chats/queue", f"/chats/{mine}")] == [403] * 4
        assert member.post(f"/chats/{mine}/take").status_code == 403
        assert "pulse.js" not in member.get("/").text


def test_a_chat_that_is_not_there(staff):
    assert staff["ann"].get(f"/chats/{'0' * 32}").status_code == 404
    assert staff["ann"].do("0" * 32, "take").status_code in (404, 422)


# As it happens.


def test_staff_hear_of_the_queue_and_count_as_there(queued, staff, gateway):
    chat, mine = queued
    ann = staff["ann"]
    with sql(gateway.database) as connection:
        connection.execute("UPDATE staff_presence SET seen_at = datetime('now', '-45 seconds') || '.000000'")
    news = ann.follow("/chats/pulse", lambda name, data: name == "pulse" and any(mine in row for row in data["revision"][0]))
    assert news[-1][1]["available"] is True
    assert news[-1][1]["waiting"] >= 1
    other = Chat(gateway.port, "lexus", "en")
    assert (
        other.http.post("/api/conversation/handover", json={"want": "person"}).json()["state"] == "queued"
    )  # the stream was a sign of life


def test_a_chat_as_it_happens(taken, staff):
    chat, mine = taken
    ann = staff["ann"]
    news = ann.follow(f"/chats/{mine}/stream?after=0", lambda name, data: name == "state")
    messages = [data for name, data in news if name == "message"]
    assert [m["seq"] for m in messages] == list(range(1, len(messages) + 1))
    assert news[-1][1]["mode"] == "mine" and "Return to assistant" in news[-1][1]["head"]
    last = messages[-1]["seq"]
    news = ann.follow(
        f"/chats/{mine}/stream?after={last}", lambda name, data: name == "message", after=lambda: chat.send("<b>are you there?</b>")
    )
    assert news[-1][1]["sender"] == "customer"
    assert "&lt;b&gt;are you there?" in news[-1][1]["html"]
    news = staff["bob"].follow(f"/chats/{mine}/stream?after={last}", lambda name, data: name == "state")
    assert news[-1][1]["mode"] == "other"
    watching = ann.follow(
        f"/chats/{mine}/stream?after={last}",
        lambda name, data: name == "state" and "Chats-Bob" in data["viewers"],
        after=lambda: staff["bob"].do(mine, "sign"),
    )
    assert watching
    ann.follow(f"/chats/{mine}/stream", lambda name, data: name == "gone", after=chat.erase)
    assert ann.get(f"/chats/{mine}").status_code == 404


def test_the_customer_hears_that_staff_type_and_what_they_say_at_once(taken, staff):
    chat, mine = taken
    seen = {}

    def read():
        with chat.http.stream("GET", "/api/conversation/stream", params={"after": chat.state()["last_seq"]}) as response:
            for name, _, data in events(response.iter_lines()):
                if name == "state" and data.get("typing"):
                    seen.setdefault("typing", time.monotonic())
                if name == "message" and data["sender"] == "person":
                    seen["said"] = time.monotonic()
                    return

    reader = threading.Thread(target=read)
    reader.start()
    time.sleep(0.3)
    staff["ann"].do(mine, "sign", typing="1")
    wait_for(lambda: "typing" in seen, 20)
    staff["ann"].said(mine, "now")
    reader.join(20)
    assert "said" in seen
    assert "typing" not in chat.state()


def test_places_move_up(gateway, stub, staff):
    stub.on["A person, please"] = wanted("jamil")
    staff["cy"].there()
    chats = []
    for _ in range(3):
        chats.append(Chat(gateway.port, "jamil", "ja"))
        chats[-1].send("A person, please")
        chats[-1].settled()
    places = [chat.state()["queue"] for chat in chats]
    assert places == sorted(set(places))
    mine = conversation_of(gateway.database, chats[0])["id"]
    with chats[2].http.stream("GET", "/api/conversation/stream") as response:
        heard = (data["queue"] for name, _, data in events(response.iter_lines()) if name == "state")
        assert next(heard) == places[2]
        staff["cy"].do(mine, "take")
        assert next(heard) == places[2] - 1
    for chat in chats:
        chat.http.post("/api/conversation/handover", json={"want": "assistant"})


def test_deleting_in_the_queue_leaves_nothing(queued, gateway, staff):
    chat, mine = queued
    chat.erase()
    assert not rows(gateway.database, "SELECT * FROM handover WHERE conversation_id = ?", mine)
    assert not rows(gateway.database, "SELECT * FROM chat_sign WHERE conversation_id = ?", mine)
    assert mine not in staff["ann"].get("/chats").text


def test_a_foreign_page_calls_nobody(gateway):
    chat = Chat(gateway.port)
    response = chat.http.post("/api/conversation/handover", json={"want": "person"}, headers={"Origin": "https://evil.example"})
    assert response.status_code == 403
    assert httpx.post(f"http://127.0.0.1:{gateway.port}/api/conversation/typing", json={"typing": True}, trust_env=False).status_code == 401


def test_many_chats_lose_and_double_nothing():
    """The small version of what `tools/load_chats.py` measures: two processes on SQLite."""
    command = [sys.executable, "tools/load_chats.py", "--chats", "10", "--staff", "2", "--seconds", "4", "--pace", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert (found["lost"], found["doubled"], found["disordered"], found["errors"]) == (0, 0, 0, 0)
    assert min(found["staff_messages"], found["customer_messages"]) > 0
