"""How long conversations live, and what an operator does with them."""

import json
from datetime import datetime, timedelta, timezone

import pytest

from madoguchi.conversations import ConversationError, Conversations, Draft, Limits, Turns, Upkeep
from madoguchi.store import Database

from .client import Chat, Rasa, alone, conversation_of, files_of, holds, new_id, rows, sql, wait_for

ANSWER = {"kind": "answer", "company": "lexus", "topic": "contact", "request": None, "language": "en", "citations": ["lexus/contact"]}


class Desk:
    """The services over one database, with a clock that a test moves."""

    def __init__(self, path):
        self.now = datetime(2026, 11, 1, 9, 0, tzinfo=timezone.utc)
        self.path = path
        self.database = Database(f"sqlite:///{path}")
        self.database.migrate()
        self.service = Conversations(self.database, Limits(), b"key", self.clock)
        self.turns = Turns(self.database, self.clock)
        self.upkeep = Upkeep(self.database, self.clock)

    def clock(self):
        return self.now

    def later(self, **how):
        self.now += timedelta(**how)

    def opened(self):
        token, _ = self.service.open("lexus", "en", "10.0.0.1")
        return token, self.service.find(token)

    def asked(self, mine, text, reply="the number"):
        seq = self.service.send(mine, new_id(), text, None)["seq"]
        claim = self.turns.claim(mine)
        assert claim.seq == seq
        assert self.turns.answer(claim, [Draft("assistant", "en", reply, "answer", {"answer": ANSWER, "votable": True})])
        return seq + 1


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path / "unit.db")


def refusal(act, *arguments):
    with pytest.raises(ConversationError) as caught:
        act(*arguments)
    return caught.value.code


# Tokens and idle conversations.


def test_a_token_is_good_for_a_day_after_the_last_message(desk):
    token, mine = desk.opened()
    desk.later(hours=23)
    desk.service.send(mine, new_id(), "still here", None)
    desk.later(hours=23, minutes=59)
    assert desk.service.find(token) == mine
    desk.later(minutes=1)
    assert refusal(desk.service.find, token) == "unknown_conversation"


def test_reading_and_voting_do_not_prolong_a_token(desk):
    token, mine = desk.opened()
    seq = desk.asked(mine, "what is the number?")
    desk.later(hours=12)
    desk.service.messages(mine)
    desk.service.vote(mine, seq, True, False)
    desk.service.set_language(mine, "ja")
    desk.later(hours=12)
    assert refusal(desk.service.find, token) == "unknown_conversation"


def test_idle_conversations_are_closed_and_their_addresses_forgotten(desk):
    _, idle = desk.opened()
    desk.later(hours=23)
    _, busy = desk.opened()
    assert desk.upkeep.close_idle() == 0
    desk.later(hours=1)
    assert desk.upkeep.close_idle() == 1
    assert desk.upkeep.close_idle() == 0
    assert (desk.service.state(idle)["state"], desk.service.state(busy)["state"]) == ("closed", "bot")
    assert rows(desk.path, "SELECT address_hash, closed_at FROM conversation WHERE id = ?", idle)[0][0] is None
    assert refusal(desk.service.send, idle, new_id(), "too late", None) == "closed"


def test_closed_conversations_do_not_count_for_an_address(desk):
    for _ in range(40):
        desk.opened()
    assert refusal(desk.opened) == "too_many_conversations"
    desk.later(days=1)
    desk.opened()


def test_a_closed_conversation_has_no_turns(desk):
    _, mine = desk.opened()
    desk.service.send(mine, new_id(), "unanswered", None)
    desk.later(days=1)
    desk.upkeep.close_idle()
    assert desk.turns.waiting() == []
    assert desk.turns.claim(mine) is None


# Leases.


def test_a_turn_of_a_dead_process_is_taken_over_after_its_lease(desk):
    _, mine = desk.opened()
    desk.service.send(mine, new_id(), "whose turn?", None)
    dead, alive = Turns(desk.database, desk.clock), Turns(desk.database, desk.clock)
    lost = dead.claim(mine)
    desk.later(seconds=44)
    assert alive.claim(mine) is None
    assert alive.waiting() == []
    desk.later(seconds=2)
    assert alive.waiting() == [mine]
    claim = alive.claim(mine)
    assert claim == lost
    # What the other one says after that is not heard.
    assert dead.answer(lost, [Draft("assistant", "en", "from the dead", "answer", {"answer": ANSWER})])
    assert alive.answer(claim, [Draft("assistant", "en", "from the living", "answer", {"answer": ANSWER})])
    assert [m["blocks"][0]["runs"][0]["text"] for m in desk.service.messages(mine)[0]] == ["whose turn?", "from the living"]


# Purging.


def test_purge_takes_what_nobody_has_written_in_for_that_long(desk):
    _, old = desk.opened()
    desk.asked(old, "an old question about kumquats")
    desk.later(days=10)
    _, young = desk.opened()
    desk.asked(young, "a young question")
    desk.later(days=20, seconds=1)
    sender = rows(desk.path, "SELECT sender FROM conversation WHERE id = ?", old)[0][0]
    assert desk.upkeep.purge(timedelta(days=30)) == 1
    assert desk.upkeep.purge(timedelta(days=30)) == 0
    assert refusal(desk.service.messages, old) == "gone"
    assert len(desk.service.messages(young)[0]) == 2
    assert desk.upkeep.erasures_due() == [sender]
    assert not holds(files_of(desk.path), "kumquats")


def test_purge_leaves_votes_without_words(desk):
    _, mine = desk.opened()
    seq = desk.asked(mine, "a question about kumquats")
    desk.service.vote(mine, seq, False, True)
    assert rows(desk.path, "SELECT words FROM feedback")[0][0] == "a question about kumquats"
    desk.later(days=31)
    desk.upkeep.purge(timedelta(days=30))
    vote = rows(desk.path, "SELECT * FROM feedback")[0]
    assert (vote["words"], vote["conversation_id"], vote["seq"]) == (None, None, None)
    assert json.loads(vote["clauses"]) == ["lexus/contact"]
    assert not holds(files_of(desk.path), "kumquats")


def test_purge_takes_more_than_one_batch(desk):
    desk.service._limits = Limits(address_conversations=1000)
    for _ in range(450):
        desk.opened()
    desk.later(days=2)
    assert desk.upkeep.purge(timedelta(days=1)) == 450


def test_old_votes_lose_their_words_in_a_conversation_that_goes_on(desk):
    _, mine = desk.opened()
    seq = desk.asked(mine, "a question about kumquats")
    desk.service.vote(mine, seq, True, True)
    for _ in range(31):
        desk.later(hours=23, minutes=59)
        desk.service.send(mine, new_id(), "still here", None)
    desk.upkeep.purge(timedelta(days=30))
    assert rows(desk.path, "SELECT words FROM feedback")[0][0] is None


def test_the_daily_job_runs_once_a_day_for_all_processes(desk):
    others = Upkeep(desk.database, desk.clock)
    assert desk.upkeep.take_job("purge", timedelta(days=1))
    assert not others.take_job("purge", timedelta(days=1))
    desk.later(days=1)
    assert others.take_job("purge", timedelta(days=1))
    assert not desk.upkeep.take_job("purge", timedelta(days=1))


def test_an_erasure_waits_for_the_turn_under_way(desk):
    _, mine = desk.opened()
    desk.service.send(mine, new_id(), "under way", None)
    desk.turns.claim(mine)
    sender = desk.service.erase(mine).sender
    assert desk.upkeep.erasures_due() == []
    desk.upkeep.erased(sender)  # Rasa was told at once, and may write after that
    desk.later(seconds=46)
    assert desk.upkeep.erasures_due() == [sender]
    desk.upkeep.erased(sender)
    assert desk.upkeep.erasures_due() == []


# Export.


def test_an_export_holds_everything(desk):
    _, mine = desk.opened()
    seq = desk.asked(mine, "call me at 090-1234-5678 please", "the number")
    desk.service.vote(mine, seq, True, True)
    asked_at = desk.now.isoformat()
    desk.later(minutes=5)
    desk.service.send(mine, new_id(), "thank you", None)
    found = desk.upkeep.export(mine)
    wanted = {"id": mine, "site": "lexus", "lang": "en", "state": "bot", "created_at": asked_at, "active_at": desk.now.isoformat()}
    assert wanted.items() <= found["conversation"].items()
    assert [(m["seq"], m["sender"], m["text"]) for m in found["messages"]] == [
        (1, "customer", "call me at [phone] please"),
        (2, "assistant", "the number"),
        (3, "customer", "thank you"),
    ]
    assert [m["at"] for m in found["messages"]] == [asked_at, asked_at, desk.now.isoformat()]
    assert found["messages"][1]["answer"] == ANSWER
    assert found["votes"] == [{"seq": 2, "helpful": True, "clauses": ["lexus/contact"], "words": "call me at [phone] please"}]
    assert refusal(desk.upkeep.export, "0" * 32) == "gone"
    for secret in ("token", "address", "web-"):
        assert secret not in json.dumps(found)


# By command, against a gateway that is there.


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    rasa = Rasa().start()
    with alone(tmp_path_factory.mktemp("office"), rasa) as gateway:
        yield gateway, rasa
    rasa.kill()


def test_export_and_erase_by_command(office):
    gateway, rasa = office
    chat = Chat(gateway.port, "lexus", "en")
    chat.ask("a question about loquats")
    mine = conversation_of(gateway.database, chat)
    exported = gateway.command("conversations", "export", mine["id"])
    assert exported.returncode == 0, exported.stderr
    assert [m["text"] for m in json.loads(exported.stdout)["messages"]] == ["a question about loquats", "re: a question about loquats"]
    erased = gateway.command("conversations", "erase", mine["id"])
    assert (erased.returncode, erased.stdout, erased.stderr) == (0, "deleted the conversation with 2 message(s)\n", "")
    assert mine["sender"] in rasa.erased
    assert not rows(gateway.database, "SELECT * FROM erasure WHERE sender = ?", mine["sender"])
    assert chat.http.get("/api/conversation").status_code == 401
    assert not holds(files_of(gateway.database), "loquats")


@pytest.mark.parametrize("command", ["export", "erase"])
def test_an_unknown_conversation_is_a_one_line_error(office, command):
    done = office[0].command("conversations", command, "0" * 32)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.strip() == f"madoguchi: no conversation {'0' * 32} is kept"


def test_purge_by_command(office):
    gateway, rasa = office
    old, young = Chat(gateway.port), Chat(gateway.port)
    old.ask("old")
    young.ask("young")
    mine = conversation_of(gateway.database, old)
    with sql(gateway.database) as connection:
        connection.execute("UPDATE conversation SET active_at = '2020-01-01 00:00:00.000000' WHERE id = ?", (mine["id"],))
    done = gateway.command("conversations", "purge", "--older-than", "30d")
    assert (done.returncode, done.stdout, done.stderr) == (0, "deleted 1 conversation(s)\n", "")
    assert mine["sender"] in rasa.erased
    assert len(young.messages()) == 2


@pytest.mark.parametrize("days", ["-1", "x", "9999999", "99999999999"])
def test_a_number_of_days_that_cannot_be_used_is_said_in_a_line(office, days):
    done = office[0].command("conversations", "purge", f"--older-than={days}")
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr


def test_an_erasure_is_carried_out_once_rasa_is_back(rasa, tmp_path):
    rasa.start()
    with alone(tmp_path, rasa) as gateway:
        chat, other = Chat(gateway.port), Chat(gateway.port)
        chat.ask("forget this")
        other.ask("and this")
        mine, theirs = conversation_of(gateway.database, chat), conversation_of(gateway.database, other)
        rasa.kill()
        assert chat.erase() == {"messages": 2, "events": 0, "pending": True}
        done = gateway.command("conversations", "erase", theirs["id"])
        assert done.returncode == 0
        assert "Rasa cannot be reached" in done.stderr
        assert len(done.stderr.splitlines()) == 1
        waiting = {row["sender"] for row in rows(gateway.database, "SELECT sender FROM erasure")}
        assert waiting == {mine["sender"], theirs["sender"]}
        gateway.stop()
        rasa.start()
        gateway.start()  # which looks at once; while it runs it looks every 30 s
        wait_for(lambda: not rows(gateway.database, "SELECT * FROM erasure"), what="the erasures")
        assert set(rasa.erased) == waiting
