"""The servers that are compared: the product as `make run` starts it, and the bot that `rasa init` makes. Ports are free ones."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import common
from madoguchi.settings import ROOT

READY_SECONDS = 900.0
_UNLIMITED = {
    "MADOGUCHI_MESSAGES_A_MINUTE": "100000",
    "MADOGUCHI_ADDRESS_MESSAGES_A_MINUTE": "1000000",
    "MADOGUCHI_ADDRESS_CONVERSATIONS": "1000000",
}


@dataclass(frozen=True)
class Running:
    """Servers that answer.

    Attributes:
        pid: the first process; everything else was started by it.
        rasa_port, gateway_port: where they listen.
        seconds: from the start of the first process to the first answered message.
    """

    pid: int
    rasa_port: int
    gateway_port: int | None
    seconds: float

    def memory(self, with_gateway: bool) -> float:
        """Memory of all processes in MB."""
        return common.memory_mb(pid for pid in common.descendants(self.pid) if with_gateway or not self._serves_pages(pid))

    def busy(self, with_gateway: bool) -> float:
        """Seconds on the processor so far."""
        return common.busy_seconds(pid for pid in common.descendants(self.pid) if with_gateway or not self._serves_pages(pid))

    def rasa(self) -> int:
        """The process of Rasa."""
        of_rasa = [pid for pid in common.descendants(self.pid) if {"run", "--model"} <= set(_words(pid))]
        return of_rasa[-1] if of_rasa else self.pid

    def action_server(self) -> int | None:
        """The process of the action server, where there is one."""
        return next((pid for pid in common.descendants(self.pid) if "rasa_sdk" in _words(pid)), None)

    def _serves_pages(self, pid: int) -> bool:
        return pid == self.pid or "gateway" in _words(pid)


def _words(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace").split("\0")
    except OSError:
        return []


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int, text: str) -> bool:
    body = json.dumps({"sender": "bench-ready", "message": text}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/webhooks/rest/webhook", data=body, headers={"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
            return bool(response.status == 200 and json.load(response))
    except (OSError, ValueError):
        return False


@contextlib.contextmanager
def _started(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], rasa_port: int, text: str
) -> Iterator[tuple[int, float]]:
    log = folder / "server.log"
    began = time.perf_counter()
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=environment["BENCH_FOLDER"], env=dict(environment), stdout=out, stderr=out)  # noqa: S603
        try:
            while not _answers(rasa_port, text):
                if process.poll() is not None or time.perf_counter() - began > READY_SECONDS:
                    raise RuntimeError("the servers did not start:\n" + log.read_text(errors="replace")[-2000:])
                time.sleep(0.1)
            yield process.pid, time.perf_counter() - began
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()


@contextlib.contextmanager
def product(root: Path = ROOT) -> Iterator[Running]:
    """The product: gateway, Rasa and action server on SQLite, in a data directory of its own; the model has to be there already.

    Args:
        root: a checkout, this one or another of which something is to be compared.
    """
    rasa, gateway, actions, metrics, console = (free_port() for _ in range(5))
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **common.plain_environment(),
            **_UNLIMITED,
            "MADOGUCHI_DATA_DIR": str(Path(folder) / "data"),
            "MADOGUCHI_PORT": str(gateway),
            "MADOGUCHI_RASA_PORT": str(rasa),
            "MADOGUCHI_ACTION_PORT": str(actions),
            "MADOGUCHI_METRICS_PORT": str(metrics),
            "MADOGUCHI_CONSOLE_PORT": str(console),
            "BENCH_FOLDER": str(root),
            "PYTHONPATH": str(root),
        }
        with _started([sys.executable, "-m", "madoguchi", "run"], Path(folder), environment, rasa, "こんにちは") as (pid, seconds):
            yield Running(pid, rasa, gateway, seconds)


def make_init_bot(folder: Path) -> Path:
    """Have `rasa init` make its bot, trained; returns its folder."""
    bot = folder / "bot"
    bot.mkdir(parents=True)
    command = [sys.executable, "-m", "rasa", "init", "--no-prompt", "--init-dir", str(bot)]
    # In a folder outside this repository, so that nothing here is on its path.
    environment = {name: value for name, value in common.plain_environment().items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=folder, env=environment, check=False, capture_output=True, text=True)  # noqa: S603
    if done.returncode or not list((bot / "models").glob("*.tar.gz")):
        raise RuntimeError(f"rasa init failed:\n{done.stderr[-2000:]}")
    return bot


@contextlib.contextmanager
def init_bot(bot: Path, store: str) -> Iterator[Running]:
    """The bot of `rasa init`.

    Args:
        bot: its folder.
        store: `memory`, Rasa's default, or `sqlite`.
    """
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        endpoints = Path(folder) / "endpoints.yml"
        database = {"tracker_store": {"type": "SQL", "dialect": "sqlite", "db": str(Path(folder) / "tracker.db")}}
        endpoints.write_text(json.dumps(database if store == "sqlite" else {}), encoding="utf-8")  # JSON is YAML
        environment = {name: value for name, value in common.plain_environment().items() if name != "PYTHONPATH"}
        environment["BENCH_FOLDER"] = str(bot)
        credentials = Path(folder) / "credentials.yml"
        credentials.write_text("rest:\n", encoding="utf-8")
        model = max((bot / "models").glob("*.tar.gz"))
        command = [
            sys.executable, "-m", "rasa", "run", "-i", "127.0.0.1", "-p", str(port), "--model", str(model),
            "--endpoints", str(endpoints), "--credentials", str(credentials),
        ]  # fmt: skip
        with _started(command, Path(folder), environment, port, "hello") as (pid, seconds):
            yield Running(pid, port, None, seconds)
