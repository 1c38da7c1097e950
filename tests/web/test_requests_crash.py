"""A process that dies between two steps of a request loses no ticket and makes none twice (issue 5)."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from madoguchi.answers.form import title

from ..conftest import running
from .client import GENEROUS, Chat, text_of, wait_for
from .test_requests import NUMBER, WISHES

STEPS = ("relation_self", "channel_email", "about_all", "decision_open")
COMMANDS = {"gateway": b"madoguchi\0gateway", "actions": b"rasa_sdk\0", "rasa": b"madoguchi.lean\0run"}


def pid_of(servers, name):
    """The process of a part of this product: by its command, and the data directory in its environment."""
    mine = f"MADOGUCHI_DATA_DIR={servers.data}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if COMMANDS[name] in (folder / "cmdline").read_bytes() and mine in (folder / "environ").read_bytes():
                return int(folder.name)
    return None


def kill(servers, name):
    os.kill(wait_for(lambda: pid_of(servers, name)), signal.SIGKILL)


def answered(chat, text, seconds=120.0):
    """Send a text and have it answered, by the offer to ask again where a process had died."""
    last = chat.state()["last_seq"]
    chat.send(text)
    while True:
        newest = wait_for(lambda after=last: not chat.state()["working"] and chat.messages(after), seconds)[-1]
        if newest["kind"] != "failed" and newest["sender"] == "assistant":
            return newest
        last = newest["seq"]
        if newest["offers"]:
            wait_for(lambda: chat.http.get("/readyz").status_code == 200, seconds)
            chat.send(offer=newest["offers"][0]["id"])


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_whoever_dies_between_two_steps_there_is_one_ticket(store, tmp_path, request):
    settings = {"DATABASE_URL": request.getfixturevalue("postgres")} if store == "postgresql" else {}
    with running(tmp_path, **GENEROUS, **settings) as servers:
        chat = Chat(servers.gateway_port, "jamil", "ja")
        answered(chat, WISHES["disclosure"][0])
        for step, dying in zip(STEPS, ("gateway", "actions", "rasa", "rasa"), strict=True):
            if step == "decision_open":
                chat.send(title(step, "ja"))
            kill(servers, dying)
            wait_for(lambda: is_up(chat), 60)
            reply = answered(chat, title(step, "ja"))
        numbers = {NUMBER.search(text_of(m)).group() for m in chat.messages(sender="assistant") if NUMBER.search(text_of(m))}
        assert NUMBER.search(text_of(reply)) and len(numbers) == 1
        here = {**os.environ, "MADOGUCHI_DATA_DIR": str(servers.data), **settings}
        command = [sys.executable, "-m", "madoguchi", "requests", "list"]
        listed = subprocess.run(command, capture_output=True, text=True, check=True, env=here).stdout
        assert [line.split()[0] for line in listed.splitlines()] == list(numbers)


def is_up(chat):
    try:
        return chat.http.get("/healthz").status_code == 200
    except httpx.HTTPError:
        return False
