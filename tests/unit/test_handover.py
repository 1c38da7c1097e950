"""Conversations that go to staff and come back: the services, with a clock that the test moves."""

from __future__ import annotations

import re
import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa
import yaml

from madoguchi.conversations import (
    ConversationError,
    Conversations,
    Draft,
    HandoverError,
    Handovers,
    Limits,
    LiveChats,
    Presence,
    Turns,
    Upkeep,
)
from madoguchi.conversations.handover_tables import Handover, Sign
from madoguchi.conversations.service import IDLE
from madoguchi.corpus import shared_corpus
from madoguchi.hours import StaffedHours
from madoguchi.requests import Actor, ForbiddenError, KeyRing
from madoguchi.requests.tables import Audit
from madoguchi.settings import ROOT
from madoguchi.store import Database

from .requests_counter import Counter, new_counter

WAIT = timedelta(minutes=5)
ANN = Actor("ann", "operator", frozenset({"lexus", "jamil"}))
BOB = Actor("bob", "privacy_officer", frozenset({"lexus"}))
CY = Actor("cy", "operator", frozenset({"jamil"}))


def answer(kind="answer", company="lexus", topic="contact", citations=("lexus/contact",)):
    fields = {"kind": kind, "company": company, "topic": topic, "request": None, "language": "en", "citations": list(citations)}
    return Draft("assistant", "en", f"re: {kind}", kind, {"answer": fields})


class House:
    """Customers and staff over one database."""

    def __init__(self, counter: Counter, hours="") -> None:
        self.counter = counter
        clock = counter.clock
        self.conversations = Conversations(counter.database, Limits(100_000, 1_000_000, 1_000_000), b"key", clock)
        self.turns = Turns(counter.database, clock)
        self.upkeep = Upkeep(counter.database, clock)
        self.handovers = Handovers(counter.office, StaffedHours.parse(hours), WAIT, clock)
        self.chats = LiveChats(counter.office, clock)
        self.presence = Presence(counter.database, clock)
        self._count = 0

    def later(self, **how):
        self.counter.later(**how)

    def there(self, *actors):
        for actor in actors:
            self.presence.set_available(actor, True)

    def opened(self, site="lexus"):
        return self.conversations.find(self.conversations.open(site, "en", "10.0.0.1")[0])

    def sent(self, mine, text):
        self._count += 1
        return self.conversations.send(mine, f"client-{self._count}", text, None)["seq"]

    def asked(self, mine, text="a question", draft=None):
        self.sent(mine, text)
        claim = self.turns.claim(mine)
        assert self.turns.answer(claim, [draft or answer()])

    def queued(self, site="lexus"):
        mine = self.opened(site)
        assert self.handovers.queue(mine)
        return mine

    def state(self, mine):
        return self.conversations.state(mine)

    def codes(self, mine):
        return [m["kind"] for m in self.conversations.messages(mine)[0] if m["sender"] == "system"]

    def rows(self, table):
        return self.counter.rows(table)

    def audited(self):
        return [row.action for row in self.rows(Audit)]


@pytest.fixture
def house(tmp_path):
    return House(new_counter(tmp_path))


@pytest.fixture
def houses(database_url, tmp_path):
    """Two processes on one database, SQLite and PostgreSQL."""
    ring = KeyRing.from_file(tmp_path / "keys.yml")[0]
    made = [House(Counter(database_url, ring)) for _ in range(2)]
    yield made
    for each in made:
        each.counter.database.engine.dispose()


def draft(text="hello", client_id=None, sender="person"):
    return Draft(sender, "en", text, sender, {"by": "ann"}, client_id)


def refusal(act, *arguments):
    with pytest.raises(ConversationError) as caught:
        act(*arguments)
    return caught.value


# When staff are called.


def test_only_where_somebody_of_the_company_is_there(house):
    mine = house.opened()
    assert not house.handovers.queue(mine)
    house.presence.beat(ANN)  # her console is open, and she takes no chats
    house.there(CY)
    assert not house.handovers.queue(mine)
    house.there(ANN)
    house.later(seconds=31)
    assert not house.handovers.queue(mine)
    assert house.presence.beat(ANN)
    assert house.handovers.queue(mine)
    assert house.state(mine)["state"] == "queued"


def test_who_was_away_for_long_takes_chats_only_when_they_say_so_again(house):
    house.there(ANN)
    house.later(minutes=59)
    assert house.presence.beat(ANN)
    house.later(minutes=60)
    assert not house.presence.beat(ANN)
    assert not house.handovers.queue(house.opened())
    house.there(ANN)
    assert house.presence.is_available(ANN)


def test_only_within_hours(tmp_path):
    house = House(new_counter(tmp_path), "lexus=mon-fri 09:30-17:30")  # the clock stands at Monday 10:00 in Japan
    house.there(ANN)
    assert house.handovers.queue(house.opened())
    assert house.handovers.hours_text("lexus", "en") == "Staff answer in this chat Mon–Fri 9:30–17:30 (Japan time, except public holidays)."
    house.later(hours=8)
    house.there(ANN)
    assert not house.handovers.queue(house.opened())
    assert house.handovers.hours_text("lexus", "en").endswith("The next such time begins Wed 4 Nov, 9:30.")  # Tuesday is a holiday
    assert house.handovers.hours_text("lexus", "ja").endswith("次の受付時間は 11月4日（水）9:30 からです。")
    assert house.handovers.hours_text("jamil", "en") is None


def test_reason_and_summary_go_with_it(house):
    house.there(ANN)
    mine = house.opened()
    house.asked(mine)
    house.asked(mine, draft=answer("not_stated", "jamil", "fee", ()))
    house.handovers.queue(mine)
    [made] = house.rows(Handover)
    assert (made.reason, made.company, made.topic, made.lang) == ("asked", "jamil", "fee", "en")
    assert made.summary["companies"] == ["lexus", "jamil"]
    assert made.summary["citations"] == ["lexus/contact"]
    assert (made.summary["not_stated"], made.summary["unsure"], made.summary["ticket"]) == (1, 0, None)


def test_unsure_twice_running_is_a_reason(house):
    house.there(ANN)
    mine = house.opened()
    for kind in ("clarify", "out_of_scope"):
        house.asked(mine, draft=answer(kind, None, None, ()))
    house.handovers.queue(mine)
    assert house.rows(Handover)[0].reason == "unsure"


def test_a_request_that_has_to_be_passed_on_is_a_reason_and_an_offer(house):
    house.there(CY)
    mine = house.opened("jamil")
    sender = house.conversations.sender(mine)
    ticket, _ = house.counter.opened("g-link", channel="letter", origin=sender)
    assert house.handovers.offer_for_request(sender, lambda lang: {"title": lang, "payload": lang}) is None  # nobody of G-Link is there
    house.there(Actor("gil", "operator", frozenset({"g-link"})))
    assert house.handovers.offer_for_request(sender, lambda lang: {"title": lang, "payload": lang}) == mine
    house.counter.give(ticket.number, sender, email=None, address="東京都港区芝公園1-2-3")
    house.handovers.queue(mine, "g-link")
    [made] = house.rows(Handover)
    assert (made.reason, made.summary["ticket"]) == ("request", ticket.number)


# The queue.


def test_the_place_in_the_queue_counts_whom_the_same_staff_take_first(house):
    house.there(BOB, CY)
    lexus, jamil, second = house.queued("lexus"), house.queued("jamil"), house.queued("lexus")
    assert [house.state(each).get("queue") for each in (lexus, jamil, second)] == [1, 1, 2]
    house.there(ANN)  # who works for both
    assert [house.state(each).get("queue") for each in (lexus, jamil, second)] == [1, 2, 3]
    before = house.conversations.versions([second])
    house.handovers.cancel(lexus)
    assert house.state(second)["queue"] == 2
    assert house.conversations.versions([second]) != before  # whoever waits hears of it


def test_the_assistant_is_not_asked_and_messages_are_kept(house):
    house.there(ANN)
    mine = house.queued()
    house.sent(mine, "/restart")
    assert house.turns.claim(mine) is None
    assert house.turns.waiting() == []
    assert house.state(mine)["working"] is False
    house.chats.take(mine, ANN)
    house.sent(mine, "still there?")
    assert house.turns.claim(mine) is None
    assert [m["text"] for m in house.chats.messages(mine, ANN) if m["sender"] == "customer"] == ["restart", "still there?"]


def test_one_of_many_takes_it_and_the_others_hear_who(houses):
    here, there = houses
    here.there(ANN, BOB)
    mine = here.queued()
    results, gate = {}, threading.Barrier(6)

    def take(n, house, actor):
        gate.wait()
        try:
            house.chats.take(mine, actor)
            results[n] = "won"
        except HandoverError as error:
            results[n] = error.by

    actors = [Actor(f"staff-{n}", "operator", frozenset({"lexus"})) for n in range(6)]
    threads = [threading.Thread(target=take, args=(n, houses[n % 2], actor)) for n, actor in enumerate(actors)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    [winner] = [n for n, result in results.items() if result == "won"]
    assert {result for n, result in results.items() if n != winner} == {f"staff-{winner}"}
    assert there.state(mine)["state"] == "human"
    assert there.codes(mine) == ["handover_queued", "handover_joined"]
    there.chats.take(mine, actors[winner])  # pressed twice
    assert there.codes(mine) == ["handover_queued", "handover_joined"]


def test_another_companys_chat_cannot_be_seen_or_taken_which_is_audited(house):
    house.there(ANN, CY)
    mine = house.queued("lexus")
    for act in (house.chats.chat, house.chats.messages, house.chats.take, house.chats.sign, house.chats.to_assistant):
        with pytest.raises(ForbiddenError):
            act(mine, CY)
    assert house.audited().count("forbidden") == 5
    assert house.state(mine)["state"] == "queued"
    anybodys = house.queued(None)
    house.chats.take(anybodys, CY)


def test_a_conversation_that_was_never_handed_over_is_not_shown(house):
    mine = house.opened()
    assert refusal(house.chats.chat, mine, ANN).code == "gone"
    assert refusal(house.chats.messages, mine, ANN).code == "gone"


# The chat.


@pytest.fixture
def taken(house):
    house.there(ANN, BOB)
    mine = house.queued()
    house.chats.take(mine, ANN)
    return mine


def test_a_chat_from_two_processes_on_both_databases(houses):
    here, there = houses
    here.there(ANN, BOB)
    mine = here.queued()
    there.handovers.customer_is_there(mine)
    there.chats.take(mine, ANN)
    first = there.chats.say(mine, ANN, draft("one", "client-of-staff"))
    assert here.chats.say(mine, ANN, draft("one", "client-of-staff")) == first
    here.sent(mine, "two")
    here.handovers.customer_types(mine, True)
    there.chats.sign(mine, ANN, read=first + 1, is_typing=True)
    here.chats.sign(mine, BOB)
    chat, messages = here.chats.follow(mine, ANN, first - 1)
    assert (chat.state, chat.customer_types, chat.customer_is_there, chat.viewers) == ("human", True, True, ("bob",))
    assert [m["text"] for m in messages] == ["one", "two"]
    assert here.state(mine)["typing"] is True
    assert [row.is_unread for row in there.chats.board()] == [False]
    here.chats.transfer(mine, ANN, "bob", None)
    there.chats.close(mine, BOB, "answered")
    assert [row.outcome for row in here.chats.recent(BOB)] == ["answered"]
    second = here.queued()
    here.conversations.erase(second)
    there.handovers.customer_is_there(second)
    assert refusal(there.handovers.customer_types, second, True).code == "gone"
    assert refusal(there.chats.sign, second, ANN).code == "gone"


def test_a_message_of_staff_comes_once(house, taken):
    first = house.chats.say(taken, ANN, draft(client_id="once"))
    assert house.chats.say(taken, ANN, draft(client_id="once")) == first
    said = [m for m in house.conversations.messages(taken)[0] if m["sender"] == "person"]
    assert [m["seq"] for m in said] == [first]
    assert house.rows(Handover)[0].first_reply_at is not None
    assert refusal(house.chats.say, taken, BOB, draft()).by == "ann"


def test_notes_stay_hidden(house, taken):
    house.chats.note(taken, BOB, draft("between us", sender="note"))
    assert "between us" not in str(house.conversations.messages(taken))
    assert "between us" not in str(house.upkeep.export(taken))
    assert [m["text"] for m in house.chats.messages(taken, ANN) if m["is_note"]] == ["between us"]


def test_typing_and_viewing_pass(house, taken):
    house.chats.sign(taken, ANN, is_typing=True)
    assert house.state(taken)["typing"] is True
    house.chats.sign(taken, BOB, is_typing=True)  # whose chat it is not
    house.later(seconds=7)
    assert "typing" not in house.state(taken)
    house.chats.sign(taken, BOB)
    assert house.chats.chat(taken, ANN).viewers == ("bob",)
    house.handovers.customer_types(taken, True)
    assert house.chats.chat(taken, ANN).customer_types
    house.handovers.customer_types(taken, False)
    assert not house.chats.chat(taken, ANN).customer_types
    house.chats.leave(taken, BOB)
    assert house.chats.chat(taken, ANN).viewers == ()


def test_unread_is_what_the_customer_wrote_since(house, taken):
    [row] = house.chats.board()
    assert not row.is_unread
    seq = house.sent(taken, "new")
    assert house.chats.board()[0].is_unread
    house.chats.sign(taken, ANN, read=seq)
    assert not house.chats.board()[0].is_unread
    house.chats.sign(taken, ANN, read=1)  # never backwards
    assert not house.chats.board()[0].is_unread


def test_to_a_colleague_who_is_there_with_a_note(house, taken):
    assert refusal(house.chats.transfer, taken, ANN, "cy", None).code == "not_there"
    house.chats.transfer(taken, ANN, "bob", draft("knows it all", sender="note"))
    assert refusal(house.chats.say, taken, ANN, draft()).by == "bob"
    house.chats.say(taken, BOB, draft())
    assert house.codes(taken)[-1] == "handover_changed"
    assert house.state(taken)["state"] == "human"


def test_back_into_the_queue_at_the_old_place(house, taken):
    later = house.queued()
    house.later(minutes=1)
    house.there(ANN, BOB)
    house.chats.transfer(taken, ANN, None, None)
    assert (house.state(taken)["queue"], house.state(later)["queue"]) == (1, 2)
    assert house.codes(taken)[-1] == "handover_requeued"
    house.chats.take(taken, BOB)


def test_back_to_the_assistant_which_answers_what_is_asked_then(house, taken):
    house.sent(taken, "for the person")
    house.chats.say(taken, ANN, draft())
    house.chats.to_assistant(taken, ANN)
    assert house.state(taken) | {"last_seq": 0} == {"state": "bot", "site": "lexus", "lang": "en", "last_seq": 0, "working": False}
    assert house.turns.waiting() == []
    seq = house.sent(taken, "for the machine")
    claim = house.turns.claim(taken)
    assert (claim.seq, claim.text) == (seq, "for the machine")
    assert house.turns.answer(claim, [answer()])
    assert house.turns.claim(taken) is None
    assert "re: answer" not in str(house.chats.messages(taken, ANN))  # what comes after is not for staff
    assert refusal(house.chats.say, taken, ANN, draft()).code == "not_yours"
    assert house.handovers.queue(taken)  # and again
    assert [h.outcome for h in house.rows(Handover)] == ["returned", None]
    assert "re: answer" in str(house.chats.messages(taken, ANN))


def test_an_answer_that_comes_after_staff_came_and_went_is_a_note(house):
    house.there(ANN)
    mine = house.opened()
    house.sent(mine, "slow")
    claim = house.turns.claim(mine)
    house.handovers.queue(mine)
    house.handovers.cancel(mine)
    assert house.turns.answer(claim, [answer()])
    assert "re: answer" not in str(house.conversations.messages(mine))


def test_closed_with_an_outcome_and_still_there_to_read(house, taken):
    assert refusal(house.chats.close, taken, ANN, "nonsense").code == "unknown_outcome"
    house.chats.close(taken, ANN, "contact")
    assert house.state(taken)["state"] == "closed"
    assert refusal(house.conversations.send, taken, "client-x", "more", None).code == "closed"
    assert refusal(house.handovers.queue, taken).code == "closed"
    assert house.codes(taken)[-1] == "handover_closed"
    assert house.rows(Handover)[0].outcome == "contact"
    assert [row.outcome for row in house.chats.recent(ANN)] == ["contact"]


# What time brings about.


def test_nobody_comes(house):
    house.there(ANN)
    mine = house.queued()
    house.later(minutes=4, seconds=59)
    assert house.handovers.watch() == []
    house.later(seconds=1)
    assert house.handovers.watch() == [mine]
    assert house.handovers.watch() == []  # once
    last = house.conversations.messages(mine)[0][-1]
    assert last["kind"] == "handover_wait"
    assert [offer["title"] for offer in last["offers"]] == ["Leave a ticket"]
    assert house.handovers.is_way_back(mine, last["offers"][0]["id"])
    assert not house.handovers.is_way_back(mine, "1-0")
    assert not house.handovers.is_way_back(mine, "x")
    assert house.state(mine)["state"] == "queued"


def test_staff_who_vanish_lose_the_chat(house, taken):
    house.later(minutes=2, seconds=59)
    house.presence.beat(ANN)
    house.later(minutes=2, seconds=59)
    assert house.handovers.watch() == []
    house.later(seconds=1)
    assert house.handovers.watch() == [taken]
    assert house.state(taken)["state"] == "queued"
    assert house.codes(taken)[-1] == "handover_lost"
    assert "chat_requeued" in house.audited()
    house.presence.beat(BOB)
    house.chats.take(taken, BOB)


def test_what_staff_have_is_not_closed_as_idle(house, taken):
    waiting = house.queued()
    idle = house.opened()
    token_of_idle = house.state(idle)["state"]
    house.later(hours=IDLE.total_seconds() / 3600)
    assert token_of_idle == "bot"
    assert house.upkeep.close_idle() == 1
    assert [house.state(each)["state"] for each in (taken, waiting, idle)] == ["human", "queued", "closed"]


def test_deleting_leaves_nothing_of_the_customer(house, taken):
    house.asked_before = house.rows(Handover)[0].summary
    house.handovers.customer_types(taken, True)
    house.conversations.erase(taken)
    [kept] = house.rows(Handover)
    assert (kept.conversation_id, kept.summary, kept.outcome) == (None, {}, "erased")
    assert kept.ended_at is not None
    assert house.rows(Sign) == []
    assert house.chats.board() == []
    assert refusal(house.chats.chat, taken, ANN).code == "gone"
    assert refusal(house.chats.say, taken, ANN, draft()).code == "gone"


def test_old_conversations_go_with_their_handovers(house, taken):
    house.later(days=31)
    assert house.upkeep.purge(timedelta(days=30)) == 1
    assert house.rows(Handover)[0].conversation_id is None


def test_every_change_stands_in_the_audit_log(house, taken):
    house.chats.transfer(taken, ANN, "bob", None)
    house.chats.to_assistant(taken, BOB)
    house.handovers.queue(taken)
    house.handovers.cancel(taken)
    house.handovers.queue(taken)
    house.chats.take(taken, BOB)
    house.chats.close(taken, BOB, "answered")
    wanted = ["queued", "taken", "transferred", "returned", "queued", "cancelled", "queued", "taken", "closed"]
    assert house.audited() == [f"chat_{action}" for action in wanted]
    assert house.counter.office.audit.verify().is_sound


def test_a_conversation_has_one_open_handover(houses):
    here, _ = houses
    here.there(ANN)
    mine = here.queued()
    with pytest.raises(sa.exc.IntegrityError), here.counter.database.write() as session:
        made = here.rows(Handover)[0]
        session.add(
            Handover(conversation_id=mine, reason="asked", lang="en", summary={}, queued_at=made.queued_at, waiting_since=made.queued_at)
        )


def sentences():
    """What customers and staff read of live chats, by file and name, in both languages."""
    for file in ("conversations/handover.yml", "console/phrases/chats.yml", "console/canned.yml"):
        for name, entry in yaml.safe_load((ROOT / "madoguchi" / file).read_text(encoding="utf-8")).items():
            for part in (entry["title"], entry["text"]) if "title" in entry else (entry,):
                yield f"{file}: {name}", part


def test_both_languages_say_the_same_things():
    for name, texts in sentences():
        assert set(texts) == {"ja", "en"}, name
        fields = [sorted(re.findall(r"{(\w+)}", texts[lang])) for lang in ("ja", "en")]
        assert fields[0] == fields[1], name
        assert not re.search("[ぁ-んァ-ヴ一-龥]", texts["en"]), name


def test_canned_replies_say_nothing_of_a_company():
    """What a company states comes from its policy, by the placeholders or the look-up: no number, address or name stands here."""
    names = [text for company in shared_corpus().companies.values() for text in (*company.full.values(), *company.button.values())]
    for name, texts in sentences():
        if name.startswith("console/canned"):
            for text in texts.values():
                assert not re.search("[0-9@]|http", text), name
                assert not any(each in text for each in names), name


def test_a_database_of_its_own(tmp_path):
    """The services need the migration alone."""
    database = Database(f"sqlite:///{tmp_path / 'new.db'}")
    database.migrate()
    assert Presence(database).colleagues(ANN, None) == []
