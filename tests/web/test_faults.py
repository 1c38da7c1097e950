"""What goes wrong between the gateway and Rasa, and the gateway's own end: nothing is lost, nothing is answered twice."""

import contextlib
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from ..conftest import running
from .client import GENEROUS, Chat, Gate, alone, answer, connect, conversation_of, new_id, rows, sql, text_of, wait_for


def kinds(messages):
    return [(m["sender"], m["kind"]) for m in messages]


# Rasa is not there.


def test_a_question_asked_before_rasa_is_there_is_answered_once(rasa, tmp_path):
    with alone(tmp_path, rasa) as gateway:
        chat = Chat(gateway.port, "lexus", "en")
        assert chat.http.get("/api/info").json()["assistant"] == "starting"
        assert chat.http.get("/readyz").status_code == 503
        chat.send("asked too early")
        wait_for(lambda: chat.messages(sender="system"), what="being told")
        told_at = time.monotonic()
        wait_for(lambda: time.monotonic() - told_at > 4.5, what="two more tries")
        assert kinds(chat.messages()) == [("customer", None), ("system", "starting")]
        assert chat.state()["working"]
        rasa.start()
        chat.settled()
        assert kinds(chat.messages()) == [("customer", None), ("system", "starting"), ("assistant", "smalltalk")]
        assert rasa.texts() == ["asked too early"]
        wait_for(lambda: chat.http.get("/api/info").json()["assistant"] == "ready")
        assert chat.http.get("/readyz").status_code == 200


def test_rasa_goes_away_and_comes_back(rasa, tmp_path):
    rasa.start()
    with alone(tmp_path, rasa) as gateway:
        chat = Chat(gateway.port, "lexus", "ja")
        chat.ask("before")
        rasa.kill()
        for text in ("first", "second"):
            chat.send(text)
        wait_for(lambda: chat.messages(sender="system"), what="being told")
        wait_for(lambda: chat.http.get("/api/info").json()["assistant"] == "failing")
        rasa.start()
        messages = chat.settled()
    told = [m for m in messages if m["sender"] == "system"]
    assert [m["kind"] for m in told] == ["away"]
    assert "0800-500-5577" in text_of(told[0])
    assert [text_of(m) for m in messages if m["sender"] == "assistant"] == ["re: before", "re: first", "re: second"]
    assert rasa.texts() == ["before", "first", "second"]


def test_rasa_dies_with_the_question_in_hand(rasa, tmp_path):
    gate = Gate((200, [answer("never seen")]))
    rasa.on["in hand"] = gate
    rasa.start()
    with alone(tmp_path, rasa) as gateway:
        chat = Chat(gateway.port)
        chat.send("in hand")
        assert gate.reached.wait(10)
        rasa.kill()
        wait_for(lambda: chat.messages(sender="system"), what="being told")
        del rasa.on["in hand"]
        rasa.start()
        messages = chat.settled()
        gate.open()
    assert [text_of(m) for m in messages if m["sender"] == "assistant"] == ["re: in hand"]


# Rasa is there and fails.


def test_a_failure_is_tried_once_more(gateway, stub):
    replies = [(200, [answer("the second try")]), (500, {"error": "failed"})]
    stub.on["fails once"] = replies.pop
    assert text_of(Chat(gateway.port).ask("fails once")) == "the second try"
    assert stub.texts().count("fails once") == 2


BROKEN = {
    "a 5xx": (500, {"error": "failed"}),
    "no message": (200, []),
    "no answer beside the text": (200, [{"text": "hello"}]),
    "an answer that is null": (200, [{"text": "hello", "custom": None}]),
}
UNREADABLE = {
    "no JSON": (200, b"<html>busy</html>"),
    "no list": (200, {"text": "hello"}),
    "a list of something else": (200, ["hello"]),
    "an answer without a language": (200, [{"text": "hello", "custom": {"answer": {"kind": "answer"}}}]),
    "an original of an unknown clause": (
        200,
        [
            {
                "text": "Yes.\nSource: Privacy Policy",
                "custom": {
                    **answer("")["custom"],
                    "view": {"original": [{"clause": "nowhere/9", "lines": [1, 1], "language": "ja", "text": "x"}]},
                },
            }
        ],
    ),
}


def _apology(gateway, stub, text, reply):
    stub.on[text] = lambda: reply
    chat = Chat(gateway.port, "lexus", "en")
    chat.send(text)
    messages = chat.settled(5)
    assert kinds(messages) == [("customer", None), ("system", "failed")]
    assert [offer["title"] for offer in messages[1]["offers"]] == ["Ask again"]
    assert "0800-500-5577" in text_of(messages[1])
    assert stub.texts().count(text) == 2
    del stub.on[text]
    again = chat.ask(offer=messages[1]["offers"][0]["id"])
    assert text_of(again) == f"re: {text}"
    assert text_of(chat.messages(sender="customer")[-1]) == "Ask again"


@pytest.mark.parametrize("how", BROKEN)
def test_a_lasting_failure_is_an_apology_with_an_offer_to_ask_again(gateway, stub, how):
    _apology(gateway, stub, f"broken: {how}", BROKEN[how])


@pytest.mark.parametrize("how", UNREADABLE)
def test_a_reply_that_cannot_be_read_is_an_apology_too(gateway, stub, how):
    _apology(gateway, stub, f"unreadable: {how}", UNREADABLE[how])


def test_something_else_on_rasas_port_is_told_by_readyz(rasa, tmp_path):
    rasa.health = lambda: (200, b"<html>hello</html>")
    rasa.start()
    with alone(tmp_path, rasa) as gateway:
        chat = Chat(gateway.port)
        assert chat.http.get("/readyz").status_code == 503
        rasa.health = lambda: (200, {"status": "ok", "model": "m"})
        wait_for(lambda: chat.http.get("/api/info").json()["assistant"] == "ready", 8)


# The gateway dies.


def test_a_gateway_killed_in_mid_turn_goes_on_after_its_restart(rasa, tmp_path):
    gate = Gate((200, [answer("too late")]))
    rasa.on["mid-turn"] = gate
    rasa.start()
    with alone(tmp_path, rasa) as gateway:
        chat = Chat(gateway.port)
        chat.ask("before")
        kept = chat.send("mid-turn", client_id="the-same-one")
        assert gate.reached.wait(10)
        chat.send("queued behind")
        gateway.kill()
        del rasa.on["mid-turn"]
        gate.open()
        gateway.start()
        assert chat.send("mid-turn", client_id="the-same-one") == kept
        mine = conversation_of(gateway.database, chat)
        assert mine["lease_by"] is not None
        assert chat.state()["working"]
        # Nobody touches it while the dead process may be alive; then the lease, 45 s, runs out.
        assert len(chat.messages(sender="assistant")) == 1
        with sql(gateway.database) as connection:
            connection.execute("UPDATE conversation SET lease_until = '2026-01-01 00:00:00.000000' WHERE id = ?", (mine["id"],))
        messages = chat.settled()
    assert [text_of(m) for m in messages if m["sender"] == "customer"] == ["before", "mid-turn", "queued behind"]
    assert [text_of(m) for m in messages if m["sender"] == "assistant"] == ["re: before", "re: mid-turn", "re: queued behind"]
    assert [m["seq"] for m in messages] == list(range(1, 7))


def test_a_gateway_that_is_stopped_finishes_the_turn_under_way(rasa, tmp_path):
    gate = Gate((200, [answer("finished")]))
    rasa.on["last question"] = gate
    rasa.start()
    with alone(tmp_path, rasa) as gateway:
        chat = Chat(gateway.port)
        chat.send("last question")
        assert gate.reached.wait(10)
        gateway.process.send_signal(signal.SIGTERM)
        threading.Timer(1.0, gate.open).start()
        assert gateway.process.wait(15) in (0, -signal.SIGTERM)  # uvicorn ends by the signal it was sent
        gateway.start()
        assert [text_of(m) for m in chat.settled(5) if m["sender"] == "assistant"] == ["finished"]
    assert rasa.texts() == ["last question"]


def test_two_processes_race_for_one_conversation(rasa, tmp_path):
    rasa.start()
    with alone(tmp_path, rasa, MADOGUCHI_WORKERS="2", **GENEROUS) as gateway:
        chat = Chat(gateway.port)
        texts = [f"race {n}" for n in range(20)]

        def post(mine):
            for text in mine:
                http = connect(gateway.port)  # a connection of its own, to whichever process takes it
                http.headers["Authorization"] = f"Bearer {chat.token}"
                sent = http.post("/api/conversation/messages", json={"client_id": new_id(), "text": text})
                assert sent.status_code == 202, sent.text

        threads = [threading.Thread(target=post, args=(texts[n::4],)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        messages = chat.settled()
    asked = [text_of(m) for m in messages if m["sender"] == "customer"]
    assert sorted(asked) == sorted(texts)
    assert [text_of(m) for m in messages if m["sender"] == "assistant"] == [f"re: {text}" for text in asked]
    assert [m["seq"] for m in messages] == list(range(1, 41))
    assert rasa.texts() == asked


# Deleted, or taken over by a person, while a turn is under way.


def test_a_conversation_deleted_in_mid_turn_leaves_nothing(gateway, stub):
    gate = Gate((200, [answer("a late answer")]))
    stub.on["delete me"] = gate
    chat = Chat(gateway.port)
    chat.send("delete me")
    assert gate.reached.wait(10)
    mine = conversation_of(gateway.database, chat)
    assert chat.erase()["messages"] == 1
    gate.open()
    log = [what for what, sender in wait_for(lambda: _log_after(stub, mine["sender"]), what="erasing again after the turn")]
    assert log[-2:] == ["answered", "erased"]
    assert not rows(gateway.database, "SELECT * FROM message WHERE conversation_id = ?", mine["id"])
    assert not rows(gateway.database, "SELECT * FROM conversation WHERE id = ?", mine["id"])


def _log_after(stub, sender):
    mine = [entry for entry in stub.log if entry[1] == sender]
    return mine if mine[-2:] == [("answered", sender), ("erased", sender)] else None


def test_a_person_answers_and_rasa_is_not_asked(gateway, stub):
    chat = Chat(gateway.port)
    chat.ask("question for the machine")
    mine = conversation_of(gateway.database, chat)["id"]
    _set_state(gateway, mine, "human")
    chat.send("question for the person")
    assert chat.state() | {"last_seq": 0} == {"state": "human", "site": None, "lang": "ja", "last_seq": 0, "working": False}
    _set_state(gateway, mine, "bot")
    chat.ask("question for the machine again")
    assert [text for text in stub.texts() if text.startswith("question for the")] == [
        "question for the machine",
        "question for the machine again",
    ]


def test_an_answer_that_comes_after_a_person_took_over_is_a_note(gateway, stub):
    gate = Gate((200, [answer("overtaken")]))
    stub.on["who answers?"] = gate
    chat = Chat(gateway.port)
    chat.send("who answers?")
    assert gate.reached.wait(10)
    mine = conversation_of(gateway.database, chat)["id"]
    _set_state(gateway, mine, "human")
    gate.open()
    note = wait_for(lambda: rows(gateway.database, "SELECT * FROM message WHERE conversation_id = ? AND seq = 2", mine), what="the note")[0]
    assert (note["sender"], note["text"]) == ("note", "overtaken")
    assert kinds(chat.messages()) == [("customer", None)]
    assert "overtaken" not in chat.http.get("/api/conversation/transcript").text
    chat.send("are you there?")
    assert [m["seq"] for m in chat.messages()] == [1, 3]


def _set_state(gateway, mine, state):
    with sql(gateway.database) as connection:
        connection.execute("UPDATE conversation SET state = ?, version = version + 1 WHERE id = ?", (state, mine))


# The whole product.


def _rasa_of(product):
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            arguments = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdecimal() else []
            if b"madoguchi.lean" in arguments and b"run" in arguments and str(product.port).encode() in arguments:
                return int(entry.name)
    raise AssertionError("no process of Rasa's")


def test_rasa_killed_in_mid_turn(tmp_path):
    with running(tmp_path) as product:
        chat = Chat(product.gateway_port, "lexus", "en")
        chat.ask("hello")
        pid = _rasa_of(product)
        os.kill(pid, signal.SIGSTOP)  # it takes the question and cannot answer
        chat.send("What is the telephone number?")
        database = product.data / "madoguchi.db"
        wait_for(lambda: conversation_of(database, chat)["lease_by"], what="the turn's begin")
        chat.send("Thank you.")
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: chat.messages(sender="system"), what="being told")
        messages = chat.settled(120)
    assert [m["seq"] for m in messages] == list(range(1, len(messages) + 1))
    assert [text_of(m) for m in messages if m["sender"] == "customer"] == ["hello", "What is the telephone number?", "Thank you."]
    assert [m["kind"] for m in messages if m["sender"] == "system"] == ["away"]
    answers = [text_of(m) for m in messages if m["sender"] == "assistant"]
    assert len(answers) == 3
    assert "0800-500-5577" in answers[1]
