"""What tests share: the corpus, and the real servers on ports of their own."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from madoguchi.corpus import Corpus, shared_corpus
from madoguchi.settings import ROOT

from .assistant import Assistant

READY_SECONDS = 240


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    return shared_corpus()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    """The product as `make run` starts it: gateway, Rasa and action server, with keys and databases of their own."""
    with running(tmp_path_factory.mktemp("servers")) as product:
        yield product


@contextlib.contextmanager
def running(folder: Path, **settings: str) -> Iterator[Assistant]:
    """`madoguchi run` in a folder of its own, on free ports, with further settings from the environment."""
    gateway, console, rasa, actions, metrics = (free_port() for _ in range(5))
    environment = {
        **os.environ,
        "MADOGUCHI_DATA_DIR": str(folder / "data"),
        "MADOGUCHI_PORT": str(gateway),
        "MADOGUCHI_CONSOLE_PORT": str(console),
        "MADOGUCHI_RASA_PORT": str(rasa),
        "MADOGUCHI_ACTION_PORT": str(actions),
        "MADOGUCHI_METRICS_PORT": str(metrics),
        "OPERATOR_NAME": "Example Operator",
        **settings,
    }
    log = folder / "run.log"
    with log.open("wb") as out:
        started = subprocess.Popen([sys.executable, "-m", "madoguchi", "run"], cwd=ROOT, env=environment, stdout=out, stderr=out)
        try:
            _wait(started, log)
            yield Assistant(rasa, actions, folder / "data", log, gateway, metrics, console)
        finally:
            started.send_signal(signal.SIGTERM)
            started.wait(40)


def _wait(started: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if started.poll() is not None:
            pytest.fail("the servers did not start:\n" + log.read_text(errors="replace")[-3000:])
        if "ready after" in log.read_text(errors="replace"):
            return
        time.sleep(0.5)
    pytest.fail(f"the servers were not ready in {READY_SECONDS} s")
