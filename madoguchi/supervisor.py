"""`madoguchi run`: trains where something changed, starts the processes, says when they are ready, stops them cleanly."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO, NoReturn

from madoguchi import MadoguchiError
from madoguchi.corpus import folder_hash
from madoguchi.settings import ROOT, Settings

MODELS = ROOT / "models"
GRACE_SECONDS = 20.0
READY_SECONDS = 180.0
_LEARNED_FROM = (
    "config.yml",
    "domain.yml",
    "data",
    "policies",
    "madoguchi/nlu",
    "madoguchi/understanding",
    "madoguchi/text",
    "madoguchi/corpus",
)
_BACKOFF = (1.0, 2.0, 4.0, 8.0)
_STEADY_SECONDS = 60.0


class RunError(MadoguchiError):
    """Something that keeps the product from starting, said in one line."""


def say(text: str) -> None:
    """Tell the person at the terminal."""
    sys.stderr.write(f"madoguchi: {text}\n")
    sys.stderr.flush()


def content_hash(root: Path = ROOT) -> str:
    """A hash over the content of everything that a model is made from; dates do not matter."""
    digest = hashlib.sha256()
    for name in _LEARNED_FROM:
        path = root / name
        digest.update(f"{name} {folder_hash(path) if path.is_dir() else path.read_bytes().hex()}\0".encode())
    return digest.hexdigest()[:16]


def model_path() -> Path:
    """Where the model of the present content is, or will be."""
    return MODELS / f"madoguchi-{content_hash()}.tar.gz"


def environment() -> dict[str, str]:
    """The environment of every process: no telemetry, one thread a process, quiet TensorFlow."""
    return {
        **os.environ,
        "RASA_TELEMETRY_ENABLED": "false",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "SANIC_HOST": "127.0.0.1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "ignore",
        "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
        "TQDM_DISABLE": "1",
    }


def train(force: bool = False) -> Path:
    """Train a model where none stands for the present content, and return its path.

    Raises:
        RunError: the training failed; its output stands above.
    """
    path = model_path()
    if path.exists() and not force:
        return path
    MODELS.mkdir(exist_ok=True)
    say("training the model (a minute or two)")
    started = time.monotonic()
    command = [
        sys.executable,
        "-m",
        "madoguchi.lean",
        "train",
        "--skip-validation",
        "--out",
        str(MODELS),
        "--fixed-model-name",
        path.name.removesuffix(".tar.gz"),
    ]
    command += ["--force"] if force else []
    several = {**environment(), "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
    done = subprocess.run(command, cwd=ROOT, env=several, check=False)  # noqa: S603
    if done.returncode or not path.exists():
        raise RunError("the training failed; what it said stands above")
    say(f"trained in {time.monotonic() - started:.0f} s: {path.relative_to(ROOT)}")
    _keep_two(path)
    return path


def _keep_two(newest: Path) -> None:
    """Keep the newest model and one before it."""
    older = sorted((p for p in MODELS.glob("madoguchi-*.tar.gz") if p != newest), key=lambda p: p.stat().st_mtime, reverse=True)
    for path in older[1:]:
        path.unlink()


@dataclass
class _Process:
    name: str
    command: Sequence[str]
    ready_url: str
    extra: Mapping[str, str] = field(default_factory=dict)
    running: subprocess.Popen[str] | None = None
    started: float = 0.0
    failures: int = 0

    def start(self) -> None:
        self.started = time.monotonic()
        self.running = subprocess.Popen(  # noqa: S603
            self.command, cwd=ROOT, env={**environment(), **self.extra}, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        )  # fmt: skip
        threading.Thread(target=_prefix, args=(self.name, self.running.stdout), daemon=True).start()

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(self.ready_url, timeout=2) as response:  # noqa: S310
                return bool(response.status == 200)
        except OSError:
            return False


def _prefix(name: str, lines: IO[str] | None) -> None:
    for line in lines or ():
        sys.stderr.write(f"{name:>7} | {line}")


def _check_ports(settings: Settings) -> None:
    ports = (
        (settings.port, "MADOGUCHI_PORT"),
        (settings.console_port, "MADOGUCHI_CONSOLE_PORT"),
        (settings.rasa_port, "MADOGUCHI_RASA_PORT"),
        (settings.action_port, "MADOGUCHI_ACTION_PORT"),
    )
    for port, variable in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise RunError(f"port {port} is taken; stop what listens there or set {variable}") from error


@contextlib.contextmanager
def _endpoints(settings: Settings) -> Iterator[Path]:
    """endpoints.yml, or a copy with the configured port of the action server."""
    original = ROOT / "endpoints.yml"
    if settings.action_port == 5055:
        yield original
        return
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    copy = settings.data_dir / f"endpoints-{os.getpid()}.yml"
    copy.write_text(original.read_text(encoding="utf-8").replace("127.0.0.1:5055", f"127.0.0.1:{settings.action_port}"), encoding="utf-8")
    try:
        yield copy
    finally:
        copy.unlink(missing_ok=True)


class _Stopped(Exception):
    """A signal asked to stop."""


def _on_signal(_number: int, _frame: FrameType | None) -> NoReturn:
    raise _Stopped


def run() -> int:
    """Start everything and stay until Ctrl-C or SIGTERM; return the exit status.

    Raises:
        RunError: a port is taken, the training failed, or a process does not become ready.
    """
    settings = Settings.load()
    _check_ports(settings)
    began = time.monotonic()
    signal.signal(signal.SIGTERM, _on_signal)
    signal.signal(signal.SIGINT, _on_signal)
    processes: list[_Process] = []
    try:
        _ = settings.action_key, settings.erasure_key  # made here, before two processes ask for them at once
        with _endpoints(settings) as endpoints:
            # The gateway first: it takes questions, and says that the assistant is starting, while a model is trained.
            processes.append(_gateway(settings))
            _start(processes)
            say(f"open {_address(settings)} in a browser, staff {settings.console_url}; the assistant is starting")
            processes += _assistant(settings, train(), endpoints)
            _start(processes[1:])
            _welcome(settings, time.monotonic() - began)
            _watch(processes)
    except _Stopped:
        say("stopping")
    finally:
        _stop(processes)
    return 0


def _address(settings: Settings) -> str:
    return f"http://{'127.0.0.1' if settings.host in ('0.0.0.0', '::') else settings.host}:{settings.port}/"  # noqa: S104


def _gateway(settings: Settings) -> _Process:
    shared = settings.data_dir.absolute() / "metrics"
    shutil.rmtree(shared, ignore_errors=True)
    shared.mkdir(parents=True)
    extra = {"MADOGUCHI_MODEL": model_path().name, "PROMETHEUS_MULTIPROC_DIR": str(shared)}
    return _Process("gateway", [sys.executable, "-m", "madoguchi", "gateway"], f"{_address(settings)}healthz", extra)


def _assistant(settings: Settings, model: Path, endpoints: Path) -> list[_Process]:
    python = sys.executable
    actions = [python, "-m", "rasa_sdk", "--actions", "actions", "--port", str(settings.action_port)]
    rasa = [
        python, "-m", "madoguchi.lean", "run", "-i", "127.0.0.1", "-p", str(settings.rasa_port), "--model", str(model),
        "--endpoints", str(endpoints), "--credentials", str(ROOT / "credentials.yml"),
    ]  # fmt: skip
    return [
        _Process("actions", actions, f"http://127.0.0.1:{settings.action_port}/health"),
        _Process("rasa", rasa, f"http://127.0.0.1:{settings.rasa_port}/webhooks/rest/"),
    ]


def _start(processes: Sequence[_Process]) -> None:
    """Start processes and wait until each is ready."""
    for process in processes:
        process.start()
    deadline = time.monotonic() + READY_SECONDS
    for process in processes:
        while not process.is_ready():
            if process.running is None or process.running.poll() is not None:
                raise RunError(f"{process.name} stopped while starting; what it said stands above")
            if time.monotonic() > deadline:
                raise RunError(f"{process.name} was not ready within {READY_SECONDS:.0f} s")
            time.sleep(0.2)


def _welcome(settings: Settings, seconds: float) -> None:
    say(f"ready after {seconds:.0f} s: {_address(settings)}")
    if settings.operator is None:
        say("customers read that the operator's name is not set; set OPERATOR_NAME")
    if not _has_accounts(settings):
        say("nobody can sign in to the staff console yet; make the first administrator: .venv/bin/madoguchi accounts first-admin NAME")
    say("In a second terminal: make chat. Ctrl-C stops it.")


def _has_accounts(settings: Settings) -> bool:
    from madoguchi.accounts import has_accounts
    from madoguchi.store import Database

    return has_accounts(Database(settings.database_url))


def _watch(processes: Sequence[_Process]) -> NoReturn:
    """Restart what dies, later each time it dies soon."""
    while True:
        time.sleep(0.5)
        for process in processes:
            if process.running is not None and process.running.poll() is not None:
                if time.monotonic() - process.started > _STEADY_SECONDS:
                    process.failures = 0
                pause = _BACKOFF[min(process.failures, len(_BACKOFF) - 1)]
                say(f"{process.name} stopped with status {process.running.returncode}; starting it again in {pause:.0f} s")
                time.sleep(pause)
                process.failures += 1
                process.start()


def _stop(processes: Sequence[_Process]) -> None:
    """Ask each process to finish, and end what does not."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    running = [p.running for p in processes if p.running is not None and p.running.poll() is None]
    for process in running:
        process.terminate()
    deadline = time.monotonic() + GRACE_SECONDS
    for process in running:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
    if running:
        say("stopped")


def clean() -> None:
    """Remove trained models and Rasa's cache."""
    for folder in (MODELS, ROOT / ".rasa"):
        shutil.rmtree(folder, ignore_errors=True)
