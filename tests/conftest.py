"""What tests share: the corpus, and the real servers on ports of their own."""

from __future__ import annotations

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
    """The product as `make run` starts it: Rasa and the action server, with keys and databases of their own."""
    folder = tmp_path_factory.mktemp("servers")
    rasa, actions = free_port(), free_port()
    environment = {
        **os.environ,
        "MADOGUCHI_DATA_DIR": str(folder / "data"),
        "MADOGUCHI_RASA_PORT": str(rasa),
        "MADOGUCHI_ACTION_PORT": str(actions),
    }
    log = folder / "run.log"
    with log.open("wb") as out:
        running = subprocess.Popen([sys.executable, "-m", "madoguchi", "run"], cwd=ROOT, env=environment, stdout=out, stderr=out)
        try:
            _wait(running, rasa, log)
            yield Assistant(rasa, actions, folder / "data", log)
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(40)


def _wait(running: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if running.poll() is not None:
            pytest.fail("the servers did not start:\n" + log.read_text(errors="replace")[-3000:])
        if "ready after" in log.read_text(errors="replace"):
            return
        time.sleep(0.5)
    pytest.fail(f"the servers were not ready in {READY_SECONDS} s")
