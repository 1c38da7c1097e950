"""The customer API of the whole product, as a page uses it and as somebody else misuses it."""

import contextlib
import json
import re
import secrets
import threading
from datetime import datetime, timezone

import httpx
import pytest

from .client import (
    GENEROUS,
    Chat,
    Gate,
    Rasa,
    alone,
    answer,
    connect,
    conversation_of,
    events,
    files_of,
    holds,
    in_metrics,
    new_id,
    rows,
    text_of,
    wait_for,
)

QUESTION = "レクサスの電話番号を教えてください"


@pytest.fixture
def port(servers):
    return servers.gateway_port


@pytest.fixture
def database(servers):
    return servers.data / "madoguchi.db"


def refused(response, status, code):
    assert response.status_code == status, response.text
    body = response.json()
    assert body["error"] == code
    assert body["message"].keys() == {"ja", "en"}
    assert re.search(r"[ぁ-ん]", body["message"]["ja"])
    assert re.fullmatch(r"[\x20-\x7e]+", body["message"]["en"])
    return True


# Opening.


def test_a_conversation_is_opened_and_answered(port):
    http = connect(port)
    opened = http.post("/api/conversations", json={"site": "lexus", "lang": "ja"})
    assert opened.status_code == 201
    token, state = opened.json()["token"], opened.json()["conversation"]
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", token)
    assert state == {"state": "bot", "site": "lexus", "lang": "ja", "last_seq": 0, "working": False}
    assert "set-cookie" not in opened.headers
    chat = Chat(port, "lexus")
    found = chat.ask(QUESTION)
    assert (found["sender"], found["lang"], found["votable"]) == ("assistant", "ja", True)
    assert "0800-500-5577" in text_of(found)
    sources = [block for block in found["blocks"] if block["type"] == "source"]
    assert sources[0]["originals"][0]["text"]
    links = [run["href"] for block in found["blocks"] for run in block.get("runs", ()) if "href" in run]
    assert "tel:08005005577" in links


def test_a_question_in_english_is_answered_in_english(port):
    found = Chat(port, "lexus", "ja").ask("What is the telephone number?")
    assert found["lang"] == "en"
    assert "0800-500-5577" in text_of(found)


@pytest.mark.parametrize("body", [{}, {"site": None}, {"site": ""}, {"lang": "en"}])
def test_a_conversation_without_a_site(port, body):
    opened = connect(port).post("/api/conversations", json=body)
    assert opened.status_code == 201
    assert opened.json()["conversation"]["site"] is None


def test_the_token_is_not_kept(port, servers):
    chat = Chat(port)
    chat.ask("hello")
    assert not holds([*files_of(servers.data / "madoguchi.db"), *files_of(servers.data / "tracker.db"), servers.log], chat.token)


def test_an_unknown_site(port):
    assert refused(connect(port).post("/api/conversations", json={"site": "nobody"}), 404, "unknown_site")
    assert refused(connect(port).get("/api/info", params={"site": "nobody"}), 404, "unknown_site")


def test_info(port):
    found = connect(port).get("/api/info", params={"site": "jamil"}).json()
    assert found["operator"] == {"ja": "Example Operator", "en": "Example Operator"}
    assert (found["site"], found["assistant"]) == ("jamil", "ready")
    assert {site["id"] for site in found["sites"]} == {"lexus", "g-link", "jamil", "infiniti", "jin-jidosha"}
    assert "03-5945-0121" in found["contact"]["ja"]
    assert "03-5945-0121" in found["contact"]["en"]


# Tokens.

READING = ("/api/conversation", "/api/conversation/messages", "/api/conversation/stream", "/api/conversation/transcript")


@pytest.mark.parametrize(
    "header, code",
    [
        (None, "no_token"),
        ("", "no_token"),
        ("Bearer", "no_token"),
        ("Basic {token}", "no_token"),
        ("Bearer x", "unknown_conversation"),
        ("Bearer {token}x", "unknown_conversation"),
        ("Bearer {reversed}", "unknown_conversation"),
        ("Bearer {random}", "unknown_conversation"),
        ("Bearer {token} {token}", "unknown_conversation"),
        ("Bearer {id}", "unknown_conversation"),
        ("Bearer {digest}", "unknown_conversation"),
        ("Bearer ' OR 1=1 --aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "unknown_conversation"),
        ("Bearer \xff\xfe", "unknown_conversation"),
    ],
)
@pytest.mark.parametrize("path", READING)
def test_only_the_token_opens_a_conversation(port, database, header, code, path):
    chat = Chat(port)
    mine = conversation_of(database, chat)
    http = connect(port, timeout=5)
    headers = {}
    if header is not None:
        given = header.format(
            token=chat.token, reversed=chat.token[::-1], random=secrets.token_urlsafe(32), id=mine["id"], digest=mine["token_hash"]
        )
        headers["Authorization"] = given.encode("latin-1")
    assert refused(http.get(path, headers=headers), 401, code)


def test_writing_needs_the_token_too(port):
    chat = Chat(port)
    chat.http.headers["Authorization"] = f"Bearer {secrets.token_urlsafe(32)}"
    assert refused(chat.post("hello"), 401, "unknown_conversation")
    assert refused(chat.vote(1, helpful=True), 401, "unknown_conversation")
    assert refused(chat.http.patch("/api/conversation", json={"lang": "en"}), 401, "unknown_conversation")
    assert refused(chat.http.delete("/api/conversation"), 401, "unknown_conversation")


def test_a_token_in_the_address_opens_nothing(port):
    chat = Chat(port)
    http = connect(port)
    for name in ("token", "access_token", "conversation"):
        assert refused(http.get("/api/conversation", params={name: chat.token}), 401, "no_token")


def test_what_one_says_is_never_read_by_another(port):
    one, two = Chat(port), Chat(port)
    same = new_id()
    one.send("only for one: rambutan", client_id=same)
    two.send("only for two: durian", client_id=same)  # an id that another conversation uses says nothing
    one.settled()
    two.settled()
    assert "rambutan" in text_of(one.messages()[0])
    for path in READING[1:]:
        if path.endswith("stream"):
            with two.http.stream("GET", path, params={"after": 0}) as response:
                seen = ""
                for line in response.iter_lines():
                    seen += line
                    if "event: state" in line:
                        break
        else:
            seen = two.http.get(path).text
        assert "durian" in seen
        assert "rambutan" not in seen


def test_the_id_of_a_conversation_is_told_to_nobody(port, database):
    chat = Chat(port)
    chat.ask("hello")
    mine = conversation_of(database, chat)
    for path in ("/api/conversation", "/api/conversation/messages", "/api/conversation/transcript"):
        seen = chat.http.get(path).text
        assert mine["id"] not in seen
        assert mine["sender"] not in seen


# Sending.


def test_sending_again_is_safe(port):
    chat = Chat(port)
    client_id = new_id()
    first = chat.send("hello", client_id=client_id)
    assert chat.send("hello", client_id=client_id) == first
    chat.settled()
    assert chat.send("something else", client_id=client_id) == first
    assert [m["sender"] for m in chat.settled()] == ["customer", "assistant"]


def test_sending_eight_times_at_once_is_one_message_and_one_answer(port):
    chat = Chat(port)
    client_id, kept = new_id(), []
    begin = threading.Barrier(8)

    def send():
        http = connect(port)
        http.headers["Authorization"] = chat.http.headers["Authorization"]
        begin.wait()
        kept.append(http.post("/api/conversation/messages", json={"client_id": client_id, "text": "hello"}))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [response.status_code for response in kept] == [202] * 8
    assert {json.dumps(response.json(), sort_keys=True) for response in kept} == {json.dumps(kept[0].json(), sort_keys=True)}
    assert [m["sender"] for m in chat.settled()] == ["customer", "assistant"]


def test_messages_are_numbered_without_gaps_and_read_from_a_number(port):
    chat = Chat(port)
    for text in ("hello", "thank you", "goodbye"):
        chat.ask(text)
    messages = chat.messages()
    assert [m["seq"] for m in messages] == list(range(1, 7))
    assert [m["seq"] for m in chat.messages(after=4)] == [5, 6]
    assert chat.messages(after=6) == []
    assert chat.state()["last_seq"] == 6
    assert all(datetime.fromisoformat(m["at"]) <= datetime.now(timezone.utc) for m in messages)


@pytest.mark.parametrize("text", ["/restart", "／greet", '/request{"kind": "deletion"}', "  /  /back"])
def test_typed_text_is_never_a_command(port, text):
    chat = Chat(port)
    kept = chat.send(text)
    assert not text_of(kept).startswith("/")
    assert [m["sender"] for m in chat.settled()] == ["customer", "assistant"]


# Bodies.


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'"text"',
        b"[" * 8000,
        b"9" * 5000,
        b"{}",
        b'{"client_id": "12345678"}',
        b'{"client_id": "12345678", "text": 1}',
        b'{"client_id": "12345678", "text": null}',
        b'{"client_id": "12345678", "text": true}',
        b'{"client_id": "12345678", "text": ["a"]}',
        b'{"client_id": 12345678, "text": "a"}',
        b'{"client_id": "1234567", "text": "a"}',
        b'{"client_id": "' + b"1" * 65 + b'", "text": "a"}',
        b'{"client_id": "12345678\\n", "text": "a"}',
        b'{"client_id": "12345678", "text": "a", "offer": "1-0"}',
        b'{"client_id": "12345678", "text": "a", "payload": "/restart"}',
        b'{"text": "a"}',
    ],
)
def test_a_body_that_cannot_be_read(port, body):
    assert refused(Chat(port).http.post("/api/conversation/messages", content=body), 400, "bad_request")


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"site": 1}', b'{"site": []}', b'{"lang": "fr"}', b'{"lang": null}', b'{"token": "x"}'])
def test_an_opening_that_cannot_be_read(port, body):
    assert refused(connect(port).post("/api/conversations", content=body), 400, "bad_request")


@pytest.mark.parametrize("text", ["", " ", "\u200b\u200d", "\x00", "///", "\ud800"])
def test_a_message_without_words(port, text):
    body = json.dumps({"client_id": new_id(), "text": text}).encode()
    assert refused(Chat(port).http.post("/api/conversation/messages", content=body), 400, "empty")


def test_a_message_may_have_2000_characters(port):
    chat = Chat(port)
    assert refused(chat.post("あ" * 2001), 413, "too_long")
    chat.send("あい" * 1000)
    assert [m["sender"] for m in chat.settled()] == ["customer", "assistant"]


@pytest.mark.parametrize("text", ["㌖" * 600, "〒150-0001 " * 180], ids=["NFKC", "masks"])
def test_a_message_that_grows_when_it_is_cleaned_is_answered_too(port, text):
    chat = Chat(port)
    chat.send(text)
    assert [(m["sender"], m["kind"]) for m in chat.settled() if m["sender"] == "system"] == []


def test_a_large_body_is_refused_before_it_is_read(port):
    chat = Chat(port)
    fits = json.dumps({"client_id": new_id(), "text": "a"}).encode()
    assert refused(chat.http.post("/api/conversation/messages", content=fits + b" " * (16 * 1024 + 1)), 413, "too_large")
    assert chat.http.post("/api/conversation/messages", content=fits + b" " * (16 * 1024 - len(fits))).status_code == 202

    def endless():
        for _ in range(100_000):
            yield b" " * 1024

    with contextlib.suppress(httpx.WriteError, httpx.ReadError):  # the connection was closed on us, which refuses it as well
        assert refused(chat.http.post("/api/conversations", content=endless()), 413, "too_large")
    assert connect(port).get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "query", ["after=-1", "after=x", "after=1.5", "after=99999999999", "wait=26", "wait=-1", "after=%EF%BC%91", "after="]
)
def test_a_number_that_cannot_be_read(port, query):
    assert refused(Chat(port).http.get(f"/api/conversation/messages?{query}"), 400, "bad_request")


# Offers.


def offered(port):
    """A conversation in which the assistant has asked which company is meant."""
    chat = Chat(port, None, "en")
    asked = chat.ask("What is the telephone number?")
    assert asked["offers"], asked
    return chat, asked


def test_an_offer_is_pressed_by_its_id(port):
    chat, asked = offered(port)
    lexus = next(offer for offer in asked["offers"] if "LEXUS" in offer["title"].upper())
    found = chat.ask(offer=lexus["id"])
    assert "0800-500-5577" in text_of(found)
    assert text_of(chat.messages(sender="customer")[-1]) == lexus["title"]
    assert "payload" not in chat.http.get("/api/conversation/messages").text


def test_an_offer_of_another_conversation_is_refused(port):
    _, asked = offered(port)
    other = Chat(port)
    for offer in asked["offers"]:
        assert refused(other.post(offer=offer["id"]), 422, "unknown_offer")
    assert other.messages() == []


@pytest.mark.parametrize(
    "offer", ["", "-", "2", "2-", "-0", "2--1", "2-99", "99-0", "1-0", "2-0-0", "0-0", "a-b", "9999999999-0", "2-０x", " 2-0"]
)
def test_an_offer_that_nobody_made_is_refused(port, offer):
    chat, _ = offered(port)
    assert refused(chat.post(offer=offer), 422, "unknown_offer")


@pytest.mark.parametrize(
    "offer",
    [
        pytest.param("2-" + "9" * 5000, id="number"),
        pytest.param("9" * 5000 + "-0", id="seq"),
    ],
)
def test_an_offer_longer_than_described_is_refused(port, offer):
    chat, _ = offered(port)
    assert chat.post(offer=offer).status_code in (400, 422)


# Was this helpful?


def test_a_vote_is_kept_with_its_clauses_and_without_words(port, database):
    chat = Chat(port, "lexus")
    found = chat.ask(QUESTION)
    mine = conversation_of(database, chat)["id"]
    assert found["helpful"] is None
    assert chat.vote(found["seq"], helpful=True).status_code == 204
    kept = rows(database, "SELECT * FROM feedback WHERE conversation_id = ?", mine)
    assert len(kept) == 1
    assert "lexus/contact" in json.loads(kept[0]["clauses"])
    assert (kept[0]["helpful"], kept[0]["company"], kept[0]["words"]) == (1, "lexus", None)
    assert chat.messages()[-1]["helpful"] is True


def test_the_words_are_kept_where_the_customer_agrees_and_taken_back(port, database):
    chat = Chat(port, "lexus")
    found = chat.ask(QUESTION)
    mine = conversation_of(database, chat)["id"]
    assert chat.vote(found["seq"], helpful=False, with_words=True).status_code == 204
    assert [tuple(row) for row in rows(database, "SELECT helpful, words FROM feedback WHERE conversation_id = ?", mine)] == [(0, QUESTION)]
    assert chat.vote(found["seq"], helpful=True, with_words=False).status_code == 204
    assert [tuple(row) for row in rows(database, "SELECT helpful, words FROM feedback WHERE conversation_id = ?", mine)] == [(1, None)]


def test_the_words_kept_are_those_of_the_question_that_was_answered(gateway, stub):
    reply = (200, [answer("one", kind="answer", company="lexus", topic="contact", citations=["lexus/contact"])])
    gate = Gate(reply)
    stub.on["first of two"] = gate
    chat = Chat(gateway.port)
    chat.send("first of two")
    assert gate.reached.wait(10)
    chat.send("second of two")
    gate.open()
    one = next(m for m in chat.settled() if text_of(m) == "one")
    assert chat.vote(one["seq"], helpful=True, with_words=True).status_code == 204
    mine = conversation_of(gateway.database, chat)["id"]
    assert rows(gateway.database, "SELECT words FROM feedback WHERE conversation_id = ?", mine)[0]["words"] == "first of two"


def test_only_answers_are_voted_on(port):
    chat = Chat(port, "lexus")
    chat.ask(QUESTION)
    for seq in (1, 3, 999_999_999):
        assert refused(chat.vote(seq, helpful=True), 422, "not_votable")
    for vote in (
        {},
        {"helpful": 1},
        {"helpful": None},
        {"helpful": "yes"},
        {"helpful": True, "with_words": 1},
        {"helpful": True, "words": "x"},
    ):
        assert refused(chat.vote(2, **vote), 400, "bad_request")
    assert refused(Chat(port).vote(2, helpful=True), 422, "not_votable")


@pytest.mark.parametrize(
    "seq",
    [
        "0",
        "9999999999",
        "x",
        "-1",
        pytest.param("9" * 5000, id="many digits"),
    ],
)
def test_a_vote_on_no_number(port, seq):
    response = Chat(port).http.put(f"/api/conversation/messages/{seq}/feedback", json={"helpful": True})
    assert response.status_code in (400, 404), response.text


# Language, transcript.


def test_the_language_of_the_page_is_switched(port):
    chat = Chat(port, "lexus", "ja")
    assert chat.http.patch("/api/conversation", json={"lang": "en"}).json()["lang"] == "en"
    assert chat.state()["lang"] == "en"
    assert chat.ask("OK?")["lang"] == "en"  # no language of its own
    for body in ({}, {"lang": "fr"}, {"lang": None}, {"lang": 1}, {"lang": "en", "site": "lexus"}):
        assert refused(chat.http.patch("/api/conversation", json=body), 400, "bad_request")


def test_a_stream_hears_of_the_language(port):
    chat = Chat(port, "lexus", "ja")
    seen = []
    with chat.http.stream("GET", "/api/conversation/stream") as response:
        for name, _, data in events(response.iter_lines()):
            assert name == "state"
            seen.append(data["lang"])
            if len(seen) == 2:
                break
            chat.http.patch("/api/conversation", json={"lang": "en"})
    assert seen == ["ja", "en"]


def test_the_transcript(port):
    chat = Chat(port, "lexus", "ja")
    chat.ask(f"{QUESTION}。私は 090-1234-5678 です")
    found = chat.http.get("/api/conversation/transcript")
    assert found.headers["content-type"].startswith("text/plain")
    assert found.headers["content-disposition"].startswith("attachment")
    assert found.headers["cache-control"] == "no-store"
    assert found.text.startswith("窓口との会話の記録")
    assert "Example Operator" in found.text
    assert re.search(r"\[\d{4}-\d\d-\d\d \d\d:\d\d\] お客様", found.text)
    assert "[phone]" in found.text
    assert "090" not in found.text
    assert "0800-500-5577" in found.text
    chat.http.patch("/api/conversation", json={"lang": "en"})
    assert "] Automated assistant" in chat.http.get("/api/conversation/transcript").text


# End and delete.

MARKER = "kumquatzyx"


def test_a_deleted_conversation_is_gone_from_both_databases(port, servers, database):
    tracker = servers.data / "tracker.db"
    chat, other = Chat(port, "lexus", "en"), Chat(port, "lexus", "en")
    for _ in range(3):
        chat.ask(f"What is your telephone number, {MARKER}?")
    vote = chat.messages(sender="assistant")[0]
    assert chat.vote(vote["seq"], helpful=True, with_words=True).status_code == 204
    other.ask("What is your telephone number, othermarker?")
    mine = conversation_of(database, chat)
    assert holds(files_of(database), MARKER)
    assert holds(files_of(tracker), MARKER)
    assert rows(tracker, "SELECT count(*) FROM events WHERE sender_id = ?", mine["sender"])[0][0] > 0

    erased = chat.erase()
    assert erased["messages"] == 6
    assert erased["events"] > 0
    assert erased["pending"] is False
    assert not holds(files_of(database), MARKER)
    assert not holds(files_of(tracker), MARKER)
    assert not holds([servers.log], MARKER)
    for file in (files_of(database), files_of(tracker)):
        assert not holds(file, mine["sender"])
    assert not holds(files_of(database), mine["id"])
    assert holds(files_of(database), "othermarker")
    assert holds(files_of(tracker), "othermarker")
    assert refused(chat.http.get("/api/conversation"), 401, "unknown_conversation")
    assert refused(chat.http.delete("/api/conversation"), 401, "unknown_conversation")
    kept = [row for row in rows(database, "SELECT * FROM feedback WHERE conversation_id IS NULL") if "lexus/contact" in row["clauses"]]
    assert kept
    assert all(row["words"] is None and row["seq"] is None for row in kept)


# Headers, origins.

PAGES = ("/", "/chat", "/chat?site=lexus&lang=en&embedded=1", "/kept", "/kept?lang=en")


@pytest.mark.parametrize("path", [*PAGES, "/healthz", "/readyz", "/api/info", "/api/openapi.json", "/nothing-here", "/api/conversation"])
def test_every_response_carries_the_security_headers(port, path):
    response = connect(port).get(path)
    assert response.status_code < 500, response.text
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-store"
    policy = dict(rule.strip().split(" ", 1) for rule in response.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["base-uri"] == "'none'"
    for rule in ("script-src", "style-src", "img-src", "connect-src", "form-action"):
        assert policy[rule] == "'self'"
    assert "server" not in response.headers
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_there(port, path):
    response = connect(port).get(path)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    assert "<script>" not in response.text
    assert not re.search(r"\son\w+=|\sstyle=", response.text)
    shown = re.sub(r"&lt;.*?&gt;", "", response.text, flags=re.S)  # code that is shown to people
    assert not re.findall(r"(?:src|href)=[\"'](?:https?:)?//", shown)


def test_an_unknown_page_and_site(port):
    assert refused(connect(port).get("/nothing-here"), 404, "not_found")
    assert refused(connect(port).get("/chat", params={"site": "nobody"}), 404, "not_found")
    assert refused(connect(port).get("/static/../settings.py"), 404, "not_found")
    assert refused(connect(port).get("/static/%2e%2e/settings.py"), 404, "not_found")


def test_a_failure_carries_the_security_headers_too(monkeypatch, tmp_path):
    from starlette.testclient import TestClient

    from madoguchi.conversations import Conversations
    from madoguchi.gateway.app import create

    def fail(*_):
        raise RuntimeError("rambutan")

    monkeypatch.setenv("MADOGUCHI_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(Conversations, "find", fail)
    app, _ = create()
    response = TestClient(app, raise_server_exceptions=False).get("/api/conversation", headers={"Authorization": f"Bearer {'A' * 43}"})
    assert refused(response, 500, "failure")
    assert "rambutan" not in response.text
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"


FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1"},
    {"Origin": "http://127.0.0.1:1"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_writes_from_other_origins_are_refused(port, headers):
    chat = Chat(port)
    chat.http.headers.update(headers)
    assert refused(chat.http.post("/api/conversations", json={}), 403, "foreign_origin")
    assert refused(chat.post("hello"), 403, "foreign_origin")
    assert refused(chat.vote(2, helpful=True), 403, "foreign_origin")
    assert refused(chat.http.patch("/api/conversation", json={"lang": "en"}), 403, "foreign_origin")
    assert refused(chat.http.delete("/api/conversation"), 403, "foreign_origin")
    assert chat.messages() == []
    assert "access-control-allow-origin" not in chat.http.get("/api/conversation").headers


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "//", "http://"])
def test_an_origin_that_cannot_be_read_is_refused(port, origin):
    response = connect(port).post("/api/conversations", json={}, headers={"Origin": origin})
    assert refused(response, 403, "foreign_origin")


def test_writes_from_our_own_pages_are_taken(port):
    chat = Chat(port)
    chat.http.headers.update({"Origin": f"http://127.0.0.1:{port}", "Sec-Fetch-Site": "same-origin"})
    chat.send("hello")


def test_who_may_hold_the_chat_in_a_frame(tmp_path):
    rasa = Rasa().start()
    allowed = "lexus=https://www.example.com https://shop.example.com:8443; jamil=https://jamil.example"
    with alone(tmp_path, rasa, MADOGUCHI_ORIGINS=allowed) as gateway:
        http = connect(gateway.port)

        def ancestors(path):
            return http.get(path).headers["content-security-policy"].split("frame-ancestors ")[1].split()

        assert ancestors("/chat?site=lexus") == ["'self'", "https://www.example.com", "https://shop.example.com:8443"]
        assert ancestors("/chat?site=jamil") == ["'self'", "https://jamil.example"]
        assert ancestors("/chat?site=infiniti") == ["'self'"]
        assert ancestors("/api/info") == ["'none'"]
    rasa.kill()


# Health and metrics.


def test_health(port):
    http = connect(port)
    assert (http.get("/healthz").status_code, http.get("/healthz").json()) == (200, {"status": "ok"})
    ready = http.get("/readyz")
    assert ready.status_code == 200
    assert {key: value for key, value in ready.json().items() if key != "model_name"} == dict.fromkeys(
        ("database", "assistant", "actions", "model"), True
    )


def test_readyz_tells_what_is_missing(tmp_path):
    with alone(tmp_path, Rasa()) as gateway:
        ready = connect(gateway.port).get("/readyz")
        assert ready.status_code == 503
        assert {"database": True, "assistant": False, "actions": False}.items() <= ready.json().items()
        assert connect(gateway.port).get("/healthz").status_code == 200


def _metrics(made):
    http = connect(made.metrics_port)
    return http.get("/metrics").text


def test_metrics_count_and_hold_nothing_personal(tmp_path):
    rasa = Rasa().start()
    with alone(tmp_path, rasa, **GENEROUS) as gateway:
        chat = Chat(gateway.port, "lexus")
        chat.ask("I am Taro, 090-1234-5678, taro@example.jp")
        chat.post(offer="7-7")
        chat.http.get("/nothing/090-1234-5678?mail=taro@example.jp")
        chat.http.get("/api/info", params={"site": "090-1234-5678"})
        mine = conversation_of(gateway.database, chat)
        found = wait_for(lambda: in_metrics(_metrics(gateway), "madoguchi_turns_total") and _metrics(gateway), what="the metrics")
    assert in_metrics(found, "madoguchi_turns_total") == {'outcome="answered"': 1.0}
    assert in_metrics(found, "madoguchi_refusals_total")['code="unknown_offer"'] == 1.0
    assert in_metrics(found, "madoguchi_turn_seconds_count") == {"": 1.0}
    assert in_metrics(found, "madoguchi_http_requests_total")['method="POST",route="/api/conversations",status="201"'] == 1.0
    for personal in ("Taro", "taro", "1234", "10.0.", chat.token, mine["id"], mine["sender"], mine["token_hash"], mine["address_hash"]):
        assert personal not in found


def test_metrics_of_the_whole_product(servers):
    assert connect(servers.gateway_port).get("/metrics").status_code == 404
    Chat(servers.gateway_port, "lexus").ask(QUESTION)
    found = _metrics(servers)
    assert in_metrics(found, "madoguchi_turns_total")['outcome="answered"'] >= 1
    assert [labels for labels in in_metrics(found, "madoguchi_replies_total") if 'company="lexus"' in labels]
    assert not re.search(r"[0-9a-f]{32}", found)


def test_a_method_of_the_callers_own_making_is_no_label(gateway):
    connect(gateway.port).request("M090-1234-5678", "/api/info")
    found = wait_for(lambda: in_metrics(_metrics(gateway), "madoguchi_http_requests_total"), what="the metrics")
    assert not [labels for labels in found if "1234" in labels]
