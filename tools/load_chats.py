"""Many live chats at once: whether every message arrives once and in order, on both sides, and how long it takes.

    .venv/bin/python tools/load_chats.py                                     # 200 chats, 20 staff, 5 minutes, SQLite, 2 processes
    .venv/bin/python tools/load_chats.py --chats 20 --staff 4 --seconds 20 --url postgresql://…

Starts a gateway of its own in a temporary folder. Every customer holds a stream and writes every now and then; staff hold a stream for
each of their chats (more than their pages do) and the console's own pulse, take chats from the queue, type and reply. Prints one line of
JSON; the exit status is 1 where a message was lost, came twice or out of order.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import re
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from madoguchi.accounts.passwords import hashed
from madoguchi.accounts.service import new_account
from madoguchi.settings import ROOT
from madoguchi.store import Database, utc_now

PASSWORD = "a long enough password"  # noqa: S105 - of accounts that live as long as this program
SETTLE_SECONDS = 60.0
"""How long everything may take to come once the last message was written; it is over as soon as it has."""
_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # one for all clients, who do not use it
_TEXT = re.compile(r"(staff|customer) ([a-j]{4}) ([0-9]+)")


@dataclass
class Talk:
    """What one side of one chat sent, and what the other has seen of it: numbers in their order."""

    sent: list[int] = field(default_factory=list)
    seen: list[int] = field(default_factory=list)
    began: dict[int, float] = field(default_factory=dict)


@dataclass
class Figures:
    """Everything that happened.

    Attributes:
        talks: by side that sends and key of the chat.
        delays: seconds from before a message was posted until the other side's stream had it, by the side that sends.
        broken: streams that had to be opened again; `refused`: takes that somebody else was quicker at.
    """

    talks: dict[tuple[str, str], Talk] = field(default_factory=dict)
    delays: dict[str, list[float]] = field(default_factory=lambda: {"staff": [], "customer": []})
    broken: int = 0
    refused: int = 0

    def talk(self, side: str, key: str) -> Talk:
        """Of one side of a chat."""
        return self.talks.setdefault((side, key), Talk())

    def saw(self, text: str) -> None:
        """A text came in at the other side."""
        if match := _TEXT.search(text):
            talk, number = self.talk(match[1], match[2]), int(match[3])
            talk.seen.append(number)
            if number in talk.began:
                self.delays[match[1]].append(time.perf_counter() - talk.began[number])

    def is_settled(self) -> bool:
        """Whether as much has come as was sent."""
        return all(len(talk.seen) >= len(talk.sent) for talk in self.talks.values())

    def summary(self) -> dict[str, Any]:
        """As it is printed."""
        lost = sum(len(set(talk.sent) - set(talk.seen)) for talk in self.talks.values())
        doubled = sum(len(talk.seen) - len(set(talk.seen)) for talk in self.talks.values())
        disordered = sum(talk.seen != sorted(talk.seen) for talk in self.talks.values())
        found: dict[str, Any] = {"lost": lost, "doubled": doubled, "disordered": disordered, "broken": self.broken, "refused": self.refused}
        for side, delays in self.delays.items():
            found[f"{side}_messages"] = sum(len(talk.sent) for (of, _), talk in self.talks.items() if of == side)
            if len(delays) > 1:
                cuts = statistics.quantiles(delays, n=100)
                found[f"from_{side}_ms"] = {"p50": round(cuts[49] * 1000), "p95": round(cuts[94] * 1000), "max": round(max(delays) * 1000)}
        return found


async def events(response: httpx.Response) -> AsyncIterator[tuple[str, Any]]:
    """Names and data of a stream's events."""
    name, data = "message", ""
    async for line in response.aiter_lines():
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            data += line[6:]
        elif not line:
            if data:
                yield name, json.loads(data)
            name, data = "message", ""


def plain(message: dict[str, Any]) -> str:
    """The text of a message of the customer API."""
    return " ".join(run["text"] for block in message["blocks"] for run in block.get("runs", ()))


class Start:
    """The moment at which every chat has its customer and its staff, from which time is counted."""

    def __init__(self, chats: int, seconds: float) -> None:
        self.left = chats
        self.writing = 2 * chats
        self.seconds = seconds
        self.until = float("inf")
        self.came = asyncio.Event()

    def ready(self) -> None:
        """One more chat is ready."""
        self.left -= 1
        if not self.left:
            self.until = time.perf_counter() + self.seconds
            self.came.set()


class Side:
    """What customers and staff have in common: sending until it is kept, and reading until the end."""

    def __init__(self, figures: Figures, start: Start, pace: float) -> None:
        self.figures = figures
        self.start = start
        self.pace = pace
        self.chance = random.Random()  # noqa: S311 - for pauses

    async def pause(self) -> None:
        """As long as somebody takes for a message."""
        await asyncio.sleep(self.pace * (0.5 + self.chance.random()))

    async def settle(self) -> None:
        """Read on until everybody has written and everything has come, or it never will."""
        self.start.writing -= 1
        for _ in range(int(SETTLE_SECONDS * 2)):
            if not self.start.writing and self.figures.is_settled():
                return
            await asyncio.sleep(0.5)

    async def deliver(self, side: str, key: str, post: Any) -> None:
        """Send the next message; what gets no reply is sent again under the same id."""
        talk = self.figures.talk(side, key)
        number, client_id = len(talk.sent), uuid.uuid4().hex
        talk.began[number] = time.perf_counter()
        talk.sent.append(number)
        while True:
            with contextlib.suppress(httpx.HTTPError):
                response = await post(f"{side} {key} {number}", client_id)
                if response.status_code < 300:
                    return
                raise RuntimeError(f"{side}: {response.status_code} {response.text[:200]}")
            await asyncio.sleep(0.3)

    async def follow(self, http: httpx.AsyncClient, path: str, take: Any) -> None:
        """Read a stream for ever, again where it breaks; `take` gives the number to go on after."""
        after = 0
        while True:
            with contextlib.suppress(httpx.HTTPError):
                async with http.stream("GET", path, params={"after": after}, timeout=httpx.Timeout(40, read=40)) as response:
                    async for name, data in events(response):
                        after = max(after, take(name, data))
            self.figures.broken += 1
            await asyncio.sleep(0.3)


class Customer(Side):
    """Opens a conversation, calls staff, and writes once they are there."""

    async def run(self, http: httpx.AsyncClient, key: str) -> None:
        """Until the end."""
        opened = await http.post("/api/conversations", json={"site": "lexus", "lang": "en"})
        http.headers["Authorization"] = f"Bearer {opened.json()['token']}"
        first = {"client_id": uuid.uuid4().hex, "text": f"key {key}"}
        while (await http.post("/api/conversation/handover", json={"want": "person"})).json()["state"] != "queued":
            await asyncio.sleep(1)
        await http.post("/api/conversation/messages", json=first)
        self.is_answered = asyncio.Event()
        reading = asyncio.create_task(self.follow(http, "/api/conversation/stream", self._take))
        try:
            await self.is_answered.wait()
            self.start.ready()
            await self.start.came.wait()
            await self.pause()
            while time.perf_counter() < self.start.until:
                with contextlib.suppress(httpx.HTTPError):  # as the page, which does not try it again
                    await http.post("/api/conversation/typing", json={"typing": True})
                await self.deliver("customer", key, lambda text, client_id: self._post(http, text, client_id))
                await self.pause()
            await self.settle()
        finally:
            reading.cancel()

    def _take(self, name: str, data: dict[str, Any]) -> int:
        if name == "state" and data["state"] == "human":
            self.is_answered.set()
        if name != "message":
            return 0
        if data["sender"] == "person":
            self.figures.saw(plain(data))
        return int(data["seq"])

    @staticmethod
    async def _post(http: httpx.AsyncClient, text: str, client_id: str) -> httpx.Response:
        return await http.post("/api/conversation/messages", json={"client_id": client_id, "text": text})


class Staff(Side):
    """Signs in, takes as many chats as are their share, and replies in each."""

    async def run(self, http: httpx.AsyncClient, name: str, share: int) -> None:
        """Until the end."""
        await http.post("/sign-in", data={"name": name, "password": PASSWORD})
        page = (await http.get("/chats")).text
        match = re.search(r'X-CSRF-Token": "([^"]+)"', page)
        assert match is not None, page[:500]
        http.headers["X-CSRF-Token"] = match[1]
        await http.post("/chats/available", data={"available": "1"})
        self.http = http
        self.mine: list[str] = []
        work: list[asyncio.Task[None]] = []
        pulse = asyncio.create_task(self.follow(http, "/chats/pulse", self._hear))
        self.waiting: list[str] = []
        try:
            while len(self.mine) < share and not self.start.came.is_set():
                for chat in self.chance.sample(self.waiting, len(self.waiting)):
                    if len(self.mine) < share and chat not in self.mine:
                        response = await http.post(f"/chats/{chat}/take", headers={"HX-Request": "true"})
                        if response.status_code == 204:
                            self.mine.append(chat)
                            work.append(asyncio.create_task(self._talk(chat)))
                        else:
                            self.figures.refused += 1
                            break  # the list is old
                await asyncio.sleep(0.3)
            await asyncio.gather(*work)
        finally:
            pulse.cancel()

    def _hear(self, name: str, data: dict[str, Any]) -> int:
        if name == "pulse":
            self.waiting = [row[0] for row in data["revision"][0]]
        return 0

    async def _talk(self, chat: str) -> None:
        key = asyncio.get_running_loop().create_future()

        def take(name: str, data: dict[str, Any]) -> int:
            if name != "message":
                return 0
            if (found := re.search(r"key ([a-j]{4})", data["html"])) and not key.done():
                key.set_result(found[1])
            if data["sender"] == "customer":
                self.figures.saw(data["html"])
            return int(data["seq"])

        reading = asyncio.create_task(self.follow(self.http, f"/chats/{chat}/stream", take))
        try:
            whose = await asyncio.wait_for(key, 60)
            await self.start.came.wait()
            await self.pause()
            while time.perf_counter() < self.start.until:
                with contextlib.suppress(httpx.HTTPError):
                    await self.http.post(f"/chats/{chat}/sign", data={"typing": "1"})
                await self.deliver("staff", whose, lambda text, client_id: self._say(chat, text, client_id))
                await self.pause()
            await self.settle()
        finally:
            reading.cancel()

    async def _say(self, chat: str, text: str, client_id: str) -> httpx.Response:
        return await self.http.post(f"/chats/{chat}/say", data={"text": text, "client_id": client_id, "confirmed": "1"})


def client(port: int, number: int) -> httpx.AsyncClient:
    """With an address of its own; the gateway believes a proxy on the loopback address."""
    headers = {"X-Forwarded-For": f"10.9.{number >> 8}.{number & 255}"}
    # The server closes what is idle after five seconds; a connection that it is about to close is not used again.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=4, keepalive_expiry=3)
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60, limits=limits, trust_env=False, verify=_TLS)


async def load(gateway: int, console: int, names: list[str], chats: int, seconds: float, pace: float) -> Figures:
    """Run it all; `names` are of the staff."""
    figures, start = Figures(), Start(chats, seconds)
    async with contextlib.AsyncExitStack() as stack:
        staff = [Staff(figures, start, pace) for _ in names]
        clients = [await stack.enter_async_context(client(console, n)) for n in range(len(names))]
        share = -(-chats // len(names))
        work = [asyncio.create_task(one.run(http, name, share)) for one, http, name in zip(staff, clients, names)]
        for n in range(chats):
            http = await stack.enter_async_context(client(gateway, 1000 + n))
            work.append(asyncio.create_task(Customer(figures, start, pace).run(http, _key(n))))
            await asyncio.sleep(0.02)
        await asyncio.gather(*work)
    return figures


def _key(number: int) -> str:
    """A name for a chat in letters: long numbers would be masked as personal data."""
    return f"{number:04d}".translate(str.maketrans("0123456789", "abcdefghij"))


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def gateway(folder: Path, workers: int, url: str | None) -> Iterator[tuple[int, int, str]]:
    """A gateway by itself, without an assistant; gives its ports and its database."""
    ports = [free_port() for _ in range(5)]
    names = ("MADOGUCHI_PORT", "MADOGUCHI_CONSOLE_PORT", "MADOGUCHI_METRICS_PORT", "MADOGUCHI_RASA_PORT", "MADOGUCHI_ACTION_PORT")
    settings = dict(zip(names, map(str, ports))) | {
        "MADOGUCHI_DATA_DIR": str(folder),
        "MADOGUCHI_WORKERS": str(workers),
        "MADOGUCHI_MESSAGES_A_MINUTE": "100000",
        "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
    }
    database = url or f"sqlite:///{folder / 'madoguchi.db'}"
    with (folder / "gateway.log").open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "madoguchi", "gateway"],
            cwd=ROOT, env={**os.environ, **settings, "DATABASE_URL": database}, stdout=out, stderr=out, start_new_session=True,
        )  # fmt: skip
        try:
            for _ in range(400):
                with contextlib.suppress(httpx.HTTPError):
                    if httpx.get(f"http://127.0.0.1:{ports[0]}/healthz", trust_env=False).status_code == 200:
                        break
                time.sleep(0.1)
            yield ports[0], ports[1], database
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


def main() -> int:
    """Run it by the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--chats", type=int, default=200)
    parser.add_argument("--staff", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--pace", type=float, default=15.0, help="seconds between messages of one side of a chat, on average")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--url", help="DATABASE_URL; SQLite without it")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, gateway(Path(folder), given.workers, given.url) as (port, console, database):
        names = [f"load-{n}-{uuid.uuid4().hex[:6]}" for n in range(given.staff)]
        secret = hashed(PASSWORD)
        with Database(database).write() as session:
            session.add_all(new_account(name, "operator", ["lexus"], name, "en", utc_now(), password_hash=secret) for name in names)
        try:
            figures = asyncio.run(load(port, console, names, given.chats, given.seconds, given.pace))
        finally:
            log = (Path(folder) / "gateway.log").read_text(errors="replace")
            sys.stderr.write(log[-4000:])
    found = {"chats": given.chats, "staff": given.staff, "seconds": given.seconds, "workers": given.workers, **figures.summary()}
    found["errors"] = len(re.findall(r"(?i)error|exception", log))
    sys.stdout.write(json.dumps(found) + "\n")
    talked = sum(bool(talk.sent) for (side, _), talk in figures.talks.items() if side == "staff")
    return int(bool(found["lost"] or found["doubled"] or found["disordered"]) or talked < given.chats)


if __name__ == "__main__":
    sys.exit(main())
