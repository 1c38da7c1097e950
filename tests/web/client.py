"""What the tests of the gateway share: a customer's page over HTTP, a gateway by itself, and a stand-in for Rasa's channel."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from madoguchi.settings import ROOT

from ..conftest import free_port

GENEROUS = {
    "MADOGUCHI_MESSAGES_A_MINUTE": "100000",
    "MADOGUCHI_ADDRESS_MESSAGES_A_MINUTE": "1000000",
    "MADOGUCHI_ADDRESS_CONVERSATIONS": "1000000",
}
_addresses = itertools.count(1)


def wait_for(condition: Callable[[], Any], seconds: float = 20.0, what: str = "") -> Any:
    """The first true value of a condition; fails where none comes in time."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what or condition}"
        time.sleep(0.03)
    return found


def new_address() -> str:
    """An address that no other test uses; the gateway believes a proxy on the loopback address."""
    n = next(_addresses)
    return f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"


def new_id() -> str:
    return uuid.uuid4().hex


def connect(port: int, address: str | None = None, timeout: float = 40.0) -> httpx.Client:
    headers = {"X-Forwarded-For": address or new_address()}
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=timeout, trust_env=False, verify=False)


class Chat:
    """One customer's conversation, as the chat page speaks of it."""

    def __init__(self, port: int, site: str | None = None, lang: str = "ja", address: str | None = None) -> None:
        self.http = connect(port, address)
        opened = self.http.post("/api/conversations", json={"site": site, "lang": lang})
        assert opened.status_code == 201, opened.text
        self.token: str = opened.json()["token"]
        self.http.headers["Authorization"] = f"Bearer {self.token}"

    def post(self, text: str | None = None, offer: str | None = None, client_id: str | None = None) -> httpx.Response:
        what = {"text": text} if offer is None else {"offer": offer}
        return self.http.post("/api/conversation/messages", json={"client_id": client_id or new_id(), **what})

    def send(self, text: str | None = None, offer: str | None = None, client_id: str | None = None) -> dict[str, Any]:
        response = self.post(text, offer, client_id)
        assert response.status_code == 202, response.text
        return response.json()

    def state(self) -> dict[str, Any]:
        return self.http.get("/api/conversation").json()

    def messages(self, after: int = 0, sender: str | None = None) -> list[dict[str, Any]]:
        response = self.http.get("/api/conversation/messages", params={"after": after})
        assert response.status_code == 200, response.text
        return [m for m in response.json()["messages"] if sender in (None, m["sender"])]

    def settled(self, seconds: float = 30.0) -> list[dict[str, Any]]:
        """The messages once no answer is on its way any more."""
        wait_for(lambda: not self.state()["working"], seconds, "an answer")
        return self.messages()

    def ask(self, text: str | None = None, offer: str | None = None, seconds: float = 30.0) -> dict[str, Any]:
        """Send, and return the assistant's answer."""
        seq = self.send(text, offer)["seq"]
        answers = [m for m in self.settled(seconds) if m["seq"] > seq and m["sender"] == "assistant"]
        assert len(answers) == 1, answers
        return answers[0]

    def vote(self, seq: int, **vote: bool) -> httpx.Response:
        return self.http.put(f"/api/conversation/messages/{seq}/feedback", json=vote)

    def erase(self) -> dict[str, Any]:
        response = self.http.delete("/api/conversation")
        assert response.status_code == 200, response.text
        return response.json()


def text_of(message: dict[str, Any]) -> str:
    return "\n".join("".join(run["text"] for run in block.get("runs", ())) for block in message["blocks"])


def events(lines: Iterable[str]) -> Iterator[tuple[str, str | None, Any]]:
    """The events of a stream: name, id, data."""
    name, number, data = "message", None, ""
    for line in lines:
        if line.startswith(":"):
            continue
        if not line:
            if data:
                yield name, number, json.loads(data)
            name, number, data = "message", None, ""
            continue
        key, _, value = line.partition(": ")
        if key == "event":
            name = value
        elif key == "id":
            number = value
        elif key == "data":
            data += value


# What a file may hold of a text.


def forms(value: str) -> set[bytes]:
    """A text as a database or a log may hold it: as it is, as JSON, as part of an address."""
    return {value.encode(), json.dumps(value)[1:-1].encode(), quote(value).encode(), value.encode("utf-16-le")}


def files_of(database: Path) -> list[Path]:
    """A SQLite database with what belongs to it, after a checkpoint."""
    with contextlib.closing(sqlite3.connect(database, timeout=20)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return [path for end in ("", "-wal", "-journal") if (path := database.with_name(database.name + end)).exists()]


def holds(paths: Iterable[Path], value: str) -> list[str]:
    """Where a text stands, in whichever form."""
    wanted = forms(value)
    return [f"{path.name}: {form!r}" for path in paths for content in [_bytes(path)] for form in wanted if form in content]


def _bytes(path: Path) -> bytes:
    """The content of a file; a WAL goes with the last connection."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


@contextlib.contextmanager
def sql(database: Path) -> Iterator[sqlite3.Connection]:
    """A connection whose changes are committed at the end."""
    with contextlib.closing(sqlite3.connect(database, timeout=20)) as connection:
        connection.row_factory = sqlite3.Row
        with connection:
            yield connection


def rows(database: Path, query: str, *values: Any) -> list[sqlite3.Row]:
    with sql(database) as connection:
        return connection.execute(query, values).fetchall()


def conversation_of(database: Path, chat: Chat) -> sqlite3.Row:
    import hashlib

    digest = hashlib.sha256(chat.token.encode()).hexdigest()
    return rows(database, "SELECT * FROM conversation WHERE token_hash = ?", digest)[0]


# A stand-in for Rasa.

Reply = tuple[int, Any]


def answer(text: str, **more: Any) -> dict[str, Any]:
    """One message as Rasa's channel gives it."""
    fields = {"kind": "smalltalk", "company": None, "topic": None, "request": None, "language": "en", "citations": []}
    return {"text": text, "custom": {"answer": {**fields, **more}}}


@dataclass
class Rasa:
    """Answers like Rasa's channel, at once, or as `on[text]` says.

    Attributes:
        on: by the text of a message, what to do instead of answering: returns status and body, and may block.
        asked: sender and text of each message that came in, in order.
        erased: senders whose events were to be erased, in order.
        log: both, in order.
    """

    port: int = field(default_factory=free_port)
    on: dict[str, Callable[[], Reply]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    erased: list[str] = field(default_factory=list)
    log: list[tuple[str, str]] = field(default_factory=list)
    health: Callable[[], Reply] = lambda: (200, {"status": "ok", "model": "m"})
    _server: ThreadingHTTPServer | None = None
    _open: set[socket.socket] = field(default_factory=set)

    def texts(self) -> list[str]:
        return [text for _, text in self.asked]

    def start(self) -> Rasa:
        rasa = self

        class Handler(BaseHTTPRequestHandler):
            def setup(self) -> None:
                rasa._open.add(self.request)
                super().setup()

            def finish(self) -> None:
                rasa._open.discard(self.request)
                with contextlib.suppress(OSError):
                    super().finish()

            def log_message(self, *_: Any) -> None:
                pass

            def _reply(self, reply: Reply) -> None:
                status, value = reply
                body = value if isinstance(value, bytes) else json.dumps(value).encode()
                with contextlib.suppress(OSError):
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def do_GET(self) -> None:
                self._reply(rasa.health())

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                sender, text = body["sender"], body["message"]
                rasa.asked.append((sender, text))
                rasa.log.append(("asked", sender))
                act = rasa.on.get(text, lambda: (200, [answer(f"re: {text}")]))
                reply = act()
                rasa.log.append(("answered", sender))
                self._reply(reply)

            def do_DELETE(self) -> None:
                sender = self.path.rsplit("/", 1)[-1]
                rasa.erased.append(sender)
                rasa.log.append(("erased", sender))
                self._reply((200, {"erased": 1}))

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True
            request_queue_size = 128

            def handle_error(self, *_: Any) -> None:
                pass

        self._server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def kill(self) -> None:
        """End it, cutting every connection."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Gate:
    """Holds a reply back until it is opened."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._is_open = threading.Event()
        self.reached = threading.Event()

    def __call__(self) -> Reply:
        self.reached.set()
        self._is_open.wait(60)
        return self._reply

    def open(self) -> None:
        self._is_open.set()


# A gateway by itself.


@dataclass
class Gateway:
    """`madoguchi gateway`, without the rest of the product."""

    data: Path
    settings: dict[str, str]
    port: int = field(default_factory=free_port)
    console_port: int = field(default_factory=free_port)
    metrics_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def database(self) -> Path:
        return self.data / "madoguchi.db"

    @property
    def log(self) -> Path:
        return self.data.with_suffix(".log")

    @property
    def environment(self) -> dict[str, str]:
        ports = {
            "MADOGUCHI_PORT": str(self.port),
            "MADOGUCHI_CONSOLE_PORT": str(self.console_port),
            "MADOGUCHI_METRICS_PORT": str(self.metrics_port),
        }
        return {**os.environ, "MADOGUCHI_DATA_DIR": str(self.data), "SQLALCHEMY_SILENCE_UBER_WARNING": "1", **ports, **self.settings}

    def start(self) -> Gateway:
        with self.log.open("ab") as out:
            command = [sys.executable, "-m", "madoguchi", "gateway"]
            self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=out, stderr=out, start_new_session=True)
        wait_for(self._is_up, 40, f"the gateway; its log: {self.log}")
        return self

    def _is_up(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text(errors="replace")[-3000:]
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"http://127.0.0.1:{self.port}/healthz", timeout=2, trust_env=False, verify=False).status_code == 200
        return False

    def kill(self) -> None:
        """End all its processes at once, as a crash would."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(20)
            self.process = None

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
            self.kill()

    def workers(self) -> list[int]:
        """Its processes that serve requests, where there are several."""
        assert self.process is not None
        found = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(self.process.pid)], capture_output=True, text=True, check=False)
        return [int(line.split()[0]) for line in found.stdout.splitlines() if "resource_tracker" not in line]

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`madoguchi …` with this gateway's settings."""
        command = [sys.executable, "-m", "madoguchi", *arguments]
        return subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=60, check=False)


@contextlib.contextmanager
def alone(folder: Path, rasa: Rasa, **settings: str) -> Iterator[Gateway]:
    """A gateway that talks to a stand-in for Rasa."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Gateway(folder / "data", {"MADOGUCHI_RASA_PORT": str(rasa.port), "MADOGUCHI_ACTION_PORT": str(rasa.port), **settings})
    try:
        yield made.start()
    finally:
        made.stop()


def sockets(pid: int) -> int:
    """How many sockets a process has open."""
    count = 0
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            count += str(entry.readlink()).startswith("socket:")
    return count


def in_metrics(metrics: str, name: str) -> dict[str, float]:
    """The samples of a metric, by their labels."""
    return {labels: float(value) for labels, value in re.findall(rf"^{name}(?:{{(.*)}})? (\S+)$", metrics, re.M)}
