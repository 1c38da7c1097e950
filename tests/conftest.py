"""What tests share: the corpus, the real servers on ports of their own, and a PostgreSQL server."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
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


def _postgres_program(name: str) -> str | None:
    found = shutil.which(name)
    others = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    return found or (str(others[0]) if others else None)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of an empty database on a PostgreSQL server that lives as long as the tests."""
    initdb, pg_ctl, createdb = (_postgres_program(name) for name in ("initdb", "pg_ctl", "createdb"))
    if not (initdb and pg_ctl and createdb):
        pytest.skip("PostgreSQL's initdb and pg_ctl are not installed")
    is_root, owner = os.geteuid() == 0, "postgres"
    if is_root and owner not in {entry.pw_name for entry in pwd.getpwall()}:
        pytest.skip("the tests run as root, which PostgreSQL refuses, and there is no user `postgres`")
    before = ["runuser", "-u", owner, "--"] if is_root else []
    folder = Path(tempfile.mkdtemp(prefix="madoguchi-pg-"))
    if is_root:
        shutil.chown(folder, owner)
    port = free_port()

    def run(*command: str) -> None:
        with (folder / "commands.log").open("ab") as out:
            done = subprocess.run([*before, *command], cwd=folder, stdout=out, stderr=out, check=False, timeout=90)
        assert done.returncode == 0, (folder / "commands.log").read_text(errors="replace")[-3000:]

    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c synchronous_commit=off"
    try:
        run(initdb, "-D", str(folder / "data"), "-U", "madoguchi", "-A", "trust", "-E", "UTF8", "--no-sync")
        run(pg_ctl, "-D", str(folder / "data"), "-l", str(folder / "server.log"), "-o", options, "-w", "start")
        run(createdb, "-h", "127.0.0.1", "-p", str(port), "-U", "madoguchi", "madoguchi")
        yield f"postgresql://madoguchi@127.0.0.1:{port}/madoguchi"
    finally:
        subprocess.run([*before, pg_ctl, "-D", str(folder / "data"), "-m", "immediate", "stop"], cwd="/", capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)
