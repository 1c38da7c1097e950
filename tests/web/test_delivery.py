"""Two gateway processes, sixty readers that lose their connection again and again: every message once, in order."""

import asyncio
import random

import httpx
import pytest

from madoguchi.conversations import Conversations, Limits
from madoguchi.gateway.hub import Hub
from madoguchi.store import Database

from .client import GENEROUS, Chat, alone, events, new_id, sockets

CONVERSATIONS, READERS, QUESTIONS = 20, 3, 10
WHOLE = list(range(1, 2 * QUESTIONS + 1))


async def _stream_once(http, after, most):
    """Up to `most` messages of one connection, which is then cut."""
    found = []
    lines: list[str] = []
    async with http.stream("GET", "/api/conversation/stream", params={"after": after}) as response:
        assert response.status_code == 200
        async for line in response.aiter_lines():
            lines.append(line)
            if line:
                continue
            found += [data for name, _, data in events(lines) if name == "message"]
            lines = []
            if len(found) >= most or (found and found[-1]["seq"] == WHOLE[-1]):
                break
    return found


async def _poll_once(http, after, most):
    response = await http.get("/api/conversation/messages", params={"after": after, "wait": 5})
    assert response.status_code == 200
    return response.json()["messages"][:most]


async def _read(port, token, chance, reader):
    """All that a reader sees until the last message, over many connections."""
    once = _poll_once if reader == READERS - 1 else _stream_once
    seen = []
    async with _client(port, token) as http:
        while not seen or seen[-1]["seq"] < WHOLE[-1]:
            seen += await once(http, seen[-1]["seq"] if seen else 0, chance.randint(1, 6))
    return seen


def _client(port, token):
    # No connection is kept: each request may reach another process.
    limits = httpx.Limits(max_keepalive_connections=0)
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=40, limits=limits, trust_env=False, verify=False)


async def _write(port, token, n, chance):
    async with _client(port, token) as http:
        for question in range(QUESTIONS):
            body = {"client_id": new_id(), "text": f"question {n} {question}"}
            for _ in range(chance.choice((1, 1, 2))):  # a page that lost the response sends again
                response = await http.post("/api/conversation/messages", json=body)
                assert response.status_code == 202, response.text
            await asyncio.sleep(0.3 + chance.random() * 0.6)


async def _all(gateway, tokens):
    chance = random.Random(4)
    readers = [_read(gateway.port, token, random.Random(n * READERS + r), r) for n, token in enumerate(tokens) for r in range(READERS)]
    tasks = [asyncio.create_task(reader) for reader in readers]
    spread: list[int] = []
    for _ in range(100):  # until most readers are connected, which takes its time on a busy machine
        spread = [count for pid in gateway.workers() if (count := sockets(pid))]
        if sum(spread) > len(readers) * 0.8:
            break
        await asyncio.sleep(0.1)
    await asyncio.gather(*(_write(gateway.port, token, n, chance) for n, token in enumerate(tokens)))
    return await asyncio.wait_for(asyncio.gather(*tasks), 75), spread


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_two_processes_and_sixty_readers(kind, request, stub, tmp_path):
    url = {} if kind == "sqlite" else {"DATABASE_URL": request.getfixturevalue("postgres")}
    with alone(tmp_path, stub, MADOGUCHI_WORKERS="2", **GENEROUS, **url) as gateway:
        tokens = [Chat(gateway.port).token for _ in range(CONVERSATIONS)]
        seen, spread = asyncio.run(_all(gateway, tokens))
    assert len(seen) == CONVERSATIONS * READERS
    for n in range(CONVERSATIONS):
        of_one = seen[n * READERS : (n + 1) * READERS]
        for messages in of_one:
            assert [m["seq"] for m in messages] == WHOLE
            asked = [m["blocks"][0]["runs"][0]["text"] for m in messages if m["sender"] == "customer"]
            told = [m["blocks"][0]["runs"][0]["text"] for m in messages if m["sender"] == "assistant"]
            assert asked == [f"question {n} {question}" for question in range(QUESTIONS)]
            assert told == [f"re: {text}" for text in asked]
        assert all(messages == of_one[0] for messages in of_one)
    assert len(spread) == 2, spread
    assert min(spread) >= 5, f"both processes were to have readers: {spread}"


def test_many_who_write_at_once_are_all_heard(stub, tmp_path):
    """Sixty customers press the button in the same moment, on SQLite, with two processes."""
    with alone(tmp_path, stub, MADOGUCHI_WORKERS="2", **GENEROUS) as gateway:
        tokens = [Chat(gateway.port).token for _ in range(60)]

        async def write(token, n):
            async with _client(gateway.port, token) as http:
                body = [{"client_id": new_id(), "text": f"at once {n} {m}"} for m in range(5)]
                return [(await http.post("/api/conversation/messages", json=each)).status_code for each in body]

        async def run():
            return await asyncio.gather(*(write(token, n) for n, token in enumerate(tokens)))

        statuses = [status for of_one in asyncio.run(run()) for status in of_one]
    assert statuses == [202] * 300


def test_a_reader_that_asks_for_what_is_not_there_yet_gets_it_when_it_comes(gateway):
    chat = Chat(gateway.port)

    async def run():
        async with _client(gateway.port, chat.token) as http:
            waiting = asyncio.create_task(http.get("/api/conversation/messages", params={"wait": 20}))
            await asyncio.sleep(0.3)
            assert not waiting.done()
            await asyncio.to_thread(chat.send, "long poll")
            return await asyncio.wait_for(waiting, 5)

    assert asyncio.run(run()).json()["messages"][0]["blocks"][0]["runs"] == [{"text": "long poll"}]


def test_a_stream_says_that_the_conversation_is_gone(gateway):
    chat = Chat(gateway.port)
    chat.ask("to be deleted")
    with chat.http.stream("GET", "/api/conversation/stream", params={"after": 0}) as response:
        names = []
        for name, number, data in events(response.iter_lines()):
            names.append(name)
            if name == "message":
                assert number == str(data["seq"])
            if name == "state":
                assert Chat.erase(chat)["messages"] == 2
    assert names == ["message", "message", "state", "gone"]


def test_streams_are_neither_kept_nor_buffered(gateway):
    chat = Chat(gateway.port)
    with chat.http.stream("GET", "/api/conversation/stream") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-accel-buffering"] == "no"


# The hub: who is woken by what another process writes.


@pytest.fixture
def two_processes(tmp_path):
    """The services of two gateway processes on one database."""
    database = Database(f"sqlite:///{tmp_path / 'hub.db'}")
    database.migrate()
    return [Conversations(database, Limits(), b"key") for _ in range(2)]


async def _woken(hub, mine, act, seconds=15.0):
    polling = asyncio.create_task(hub.poll())
    try:
        with hub.subscribed(mine) as changed:
            await asyncio.wait_for(act(), seconds)
            await asyncio.wait_for(changed.wait(), seconds)
    finally:
        polling.cancel()


def test_what_another_process_writes_wakes_a_reader(two_processes):
    here, there = two_processes
    mine = here.find(here.open(None, "en", "10.0.0.1")[0])

    async def write_later():
        await asyncio.sleep(0.8)  # the reader has been there for one round of the poll
        await asyncio.to_thread(there.send, mine, new_id(), "hello", None)

    asyncio.run(_woken(Hub(here), mine, write_later))


def test_what_another_process_writes_just_after_a_reader_came_wakes_it(two_processes):
    here, there = two_processes
    mine = here.find(here.open(None, "en", "10.0.0.1")[0])

    async def write_at_once():
        here.messages(mine)  # what the reader has seen
        await asyncio.to_thread(there.send, mine, new_id(), "hello", None)

    asyncio.run(_woken(Hub(here), mine, write_at_once))


def test_the_hub_goes_on_after_the_database_was_away(two_processes, monkeypatch):
    from sqlalchemy.exc import OperationalError

    here, there = two_processes
    mine = here.find(here.open(None, "en", "10.0.0.1")[0])
    versions = here.versions
    failures = [OperationalError("SELECT", {}, Exception("the server closed the connection"))]

    def failing(ids):
        if failures:
            raise failures.pop()
        return versions(ids)

    monkeypatch.setattr(here, "versions", failing)

    async def write_after_the_failure():
        while failures:
            await asyncio.sleep(0.05)
        await asyncio.to_thread(there.send, mine, new_id(), "hello", None)

    asyncio.run(_woken(Hub(here), mine, write_after_the_failure))
