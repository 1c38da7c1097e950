"""The short way of a question: kept and claimed in one transaction, answered and followed in another, told without reading again."""

import asyncio
import threading
from datetime import timedelta

import pytest

from madoguchi.conversations import ConversationError, Conversations, Draft, Limits, News, Turns
from madoguchi.conversations.tables import Conversation
from madoguchi.gateway.hub import Hub, Subscription
from madoguchi.gateway.turning import TurnDriver
from madoguchi.store import Database, utc_now

from .client import new_id

ANSWER = {"kind": "answer", "company": None, "topic": None, "request": None, "language": "en", "citations": []}


def reply(text="the answer"):
    return Draft("assistant", "en", text, "answer", {"answer": ANSWER, "blocks": []})


class Desk:
    """Services on one database, with a clock that the test sets."""

    def __init__(self, url):
        self.database = Database(url)
        self.database.migrate()
        self.ahead = timedelta(0)
        self.service = Conversations(self.database, Limits(3, 1000, 1000), b"key", self.now)
        self.turns = Turns(self.database, self.now)

    def now(self):
        return utc_now() + self.ahead

    def opened(self):
        token = self.service.open("lexus", "en", "10.1.2.3")[0]
        return token, self.service.find(token)

    def take(self, token, text="is there a phone number?", client_id=None, turns=None):
        return self.service.take(token, client_id or new_id(), text, None, (turns or self.turns).process)

    def set(self, mine, **values):
        with self.database.write() as session:
            for name, value in values.items():
                setattr(session.get(Conversation, mine), name, value)


@pytest.fixture(params=["sqlite", "postgresql"])
def desk(request, tmp_path):
    return Desk(f"sqlite:///{tmp_path / 'short.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres"))


def code_of(call, *arguments):
    with pytest.raises(ConversationError) as refused:
        call(*arguments)
    return refused.value.code


def test_a_question_is_claimed_as_it_is_kept_and_only_once(desk):
    token, mine = desk.opened()
    taken = desk.take(token)
    assert taken.conversation_id == mine
    assert (taken.claim.seq, taken.claim.text, taken.claim.site, taken.claim.is_told) == (1, "is there a phone number?", "lexus", False)
    assert desk.turns.waiting() == []
    assert Turns(desk.database, desk.now).claim(mine) is None
    following = desk.take(token, "and a fax?")
    assert following.claim is None  # the process has one under way
    kept = desk.turns.answer(taken.claim, [reply()])
    assert kept
    assert (kept.next.seq, kept.next.text) == (2, "and a fax?")
    assert Turns(desk.database, desk.now).claim(mine) is None  # it is this process's at once
    assert desk.turns.answer(kept.next, [reply("no fax")]).next is None
    found, state = desk.service.messages(mine)
    assert [m["seq"] for m in found] == [1, 2, 3, 4]
    assert not state["working"]
    assert desk.take(token).claim.seq == 5


def test_a_question_is_not_claimed_while_another_process_has_one(desk):
    token, mine = desk.opened()
    other = Turns(desk.database, desk.now)
    theirs = desk.take(token, turns=other).claim
    assert desk.take(token, "a second one").claim is None
    assert other.answer(theirs, [reply()]).next.seq == 2
    desk.ahead += timedelta(minutes=1)  # that process is gone
    assert desk.take(token, "a third one").claim is None  # the second comes first
    assert desk.turns.claim(mine).seq == 2


def test_a_message_that_comes_again_is_kept_once_and_counted_once(desk):
    token, _mine = desk.opened()
    same = new_id()
    first = desk.take(token, "one", same)
    for _ in range(5):
        again = desk.take(token, "one", same)
        assert again.message == first.message
        assert (again.news, again.claim) == (None, None)
    desk.take(token, "two")
    desk.take(token, "three")
    assert code_of(desk.take, token, "four") == "too_fast"
    assert desk.take(token, "one", same).message["seq"] == 1
    desk.ahead += timedelta(minutes=2)
    assert desk.take(token, "four").message["seq"] == 4  # what was refused left no gap


def test_tokens_that_are_wrong_old_or_closed(desk):
    token, mine = desk.opened()
    assert code_of(desk.take, "A" * 43) == "unknown_conversation"
    desk.set(mine, state="closed")
    assert code_of(desk.take, token) == "closed"
    assert desk.service.messages(mine)[0] == []
    desk.ahead += timedelta(hours=25)
    assert code_of(desk.take, token) == "unknown_conversation"
    desk.service.erase(mine)
    assert code_of(desk.take, token) == "unknown_conversation"


def test_only_the_assistants_conversations_are_claimed_and_told_of(desk):
    token, mine = desk.opened()
    claim = desk.take(token).claim
    desk.set(mine, state="human")
    taken = desk.take(token, "to staff")
    assert (taken.claim, taken.news) == (None, None)
    kept = desk.turns.answer(claim, [reply("late")])
    assert kept
    assert (kept.news, kept.next) == (None, None)
    assert [m["sender"] for m in desk.service.messages(mine)[0]] == ["customer", "customer"]  # the late answer is a note
    assert desk.service.state(mine)["last_seq"] == 3


def test_an_answer_to_a_deleted_conversation_is_not_kept(desk):
    token, mine = desk.opened()
    claim = desk.take(token).claim
    desk.service.erase(mine)
    assert not desk.turns.answer(claim, [reply()])


def test_news_say_what_reading_says(desk):
    token, mine = desk.opened()
    _, _, before = desk.service.read(mine)
    taken = desk.take(token)
    found, state, version = desk.service.read(mine)
    assert (taken.news.before, taken.news.version) == (before, version)
    assert (list(taken.news.messages), taken.news.state) == (found, state)
    kept = desk.turns.answer(taken.claim, [reply(), reply("and more")])
    assert kept.news.before == version
    found, state, version = desk.service.read(mine, 1)
    assert (list(kept.news.messages), kept.news.state, kept.news.version) == (found, state, version)


def test_many_threads_leave_no_gap(desk):
    desk.service = Conversations(desk.database, Limits(1000, 1000, 1000), b"key", desk.now)
    token, mine = desk.opened()
    claims = []
    threads = [threading.Thread(target=lambda: claims.append(desk.take(token).claim)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([claim for claim in claims if claim]) == 1
    assert [m["seq"] for m in desk.service.messages(mine)[0]] == list(range(1, 13))


# What a reader is handed.


def news(before, version):
    return News(before, version, [{"seq": version}], {"last_seq": version})


def test_a_reader_reads_unless_it_was_handed_all_that_is_new():
    reader = Subscription()
    assert reader.take(None) is None  # at first it has seen nothing
    assert reader.take(4) == []
    reader.hear(news(4, 5))
    reader.hear(news(5, 7))
    assert reader.is_set()
    assert [each.version for each in reader.take(4)] == [5, 7]
    reader.hear(news(4, 5))  # it was read already
    assert reader.take(7) == []
    reader.hear(news(8, 9))  # another process made 8
    assert reader.take(7) is None
    reader.hear(news(7, 8))
    reader.hear()
    assert reader.take(7) is None
    for version in range(7, 60):  # nobody takes them
        reader.hear(news(version, version + 1))
    assert len(reader._news) < 20
    assert reader.take(7) is None


def test_what_was_handed_over_wakes_nobody_a_second_time(tmp_path):
    desk = Desk(f"sqlite:///{tmp_path / 'hub.db'}")
    token, mine = desk.opened()
    hub = Hub(desk.service)

    async def run():
        polling = asyncio.create_task(hub.poll())
        with hub.subscribed(mine) as changed:
            await asyncio.sleep(0.8)  # seen for the first time
            changed.clear()
            changed.take(0)
            hub.wake(mine, desk.take(token).news)
            assert changed.is_set()
            changed.clear()
            await asyncio.sleep(1.2)
            assert not changed.is_set()
            desk.service.set_language(mine, "ja")  # as another process would
            await asyncio.wait_for(changed.wait(), 15)
            assert changed.take(1) is None
        polling.cancel()

    asyncio.run(run())


# The driver.


class Assistant:
    """Answers, after what a test has it wait for."""

    presence = "ready"

    def __init__(self):
        self.asked = []
        self.during = {}

    async def ask(self, _sender, text, _site, _lang):
        self.asked.append(text)
        if text in self.during:
            await self.during[text]()
        return [{"text": f"re: {text}", "custom": {"answer": ANSWER}}]


class Handing:
    async def is_called_at_once(self, _claim):
        return False

    async def drafts(self, _claim, draft):
        return [draft]


def test_claims_that_are_handed_over_are_all_answered(tmp_path, corpus):
    """A question comes in while the answer to the one before is kept, before the driver is done with it."""
    from madoguchi.gateway.blocks import Layout

    desk = Desk(f"sqlite:///{tmp_path / 'driver.db'}")
    desk.service = Conversations(desk.database, Limits(1000, 1000, 1000), b"key", desk.now)
    token, mine = desk.opened()
    assistant = Assistant()
    driver = TurnDriver(desk.turns, assistant, Hub(desk.service), Layout(corpus), Handing())
    answer = desk.turns.answer

    def answer_and_be_asked(claim, drafts):
        kept = answer(claim, drafts)
        if len(assistant.asked) < 4:
            taken = desk.take(token, f"question {len(assistant.asked)}")
            assert taken.claim is not None
            loop.call_soon_threadsafe(driver.wake, mine, taken.claim)
        return kept

    desk.turns.answer = answer_and_be_asked

    async def run():
        nonlocal loop
        loop = asyncio.get_running_loop()
        taken = desk.take(token, "question 0")
        driver.wake(mine, taken.claim)
        driver.wake(mine)
        for _ in range(200):
            await asyncio.sleep(0.02)
            if not driver._running and len(assistant.asked) == 4:
                return

    loop = None
    asyncio.run(run())
    assert assistant.asked == [f"question {n}" for n in range(4)]
    assert [m["seq"] for m in desk.service.messages(mine)[0]] == list(range(1, 9))
    assert driver._due == {}
