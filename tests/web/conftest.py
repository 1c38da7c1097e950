"""A gateway with a stand-in for Rasa, and a PostgreSQL server of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..conftest import free_port
from .client import GENEROUS, Gateway, Rasa, alone


@pytest.fixture(scope="session")
def stub() -> Iterator[Rasa]:
    """The stand-in that `gateway` talks to; tests use texts of their own."""
    rasa = Rasa().start()
    yield rasa
    rasa.kill()


@pytest.fixture(scope="session")
def gateway(stub: Rasa, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One gateway process with high limits, for tests that do not end it."""
    with alone(tmp_path_factory.mktemp("gateway"), stub, **GENEROUS) as made:
        yield made


@pytest.fixture
def rasa() -> Iterator[Rasa]:
    """A stand-in of the test's own that is not there yet: `start` it."""
    made = Rasa()
    yield made
    made.kill()


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
