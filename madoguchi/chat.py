"""A chat in the terminal with the running assistant, over the same HTTP as every other caller."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
import uuid
from typing import Any

from madoguchi import MadoguchiError
from madoguchi.settings import Settings

_HELLO = """窓口 Madoguchi. Ask about the privacy policies of LEXUS, G-Link, Jamil Shoji, Infiniti or Jin Jidosha, in Japanese or English.
プライバシーポリシーについて、日本語でも英語でもお尋ねください。A number presses a button; an empty line ends.
"""


class ChatError(MadoguchiError):
    """The assistant cannot be reached."""


def ask(url: str, sender: str, text: str, key: str | None = None) -> list[dict[str, Any]]:
    """Send a message and return the assistant's messages.

    Raises:
        ChatError: nothing answers at the address, or the answer is an error.
    """
    headers = {"Content-Type": "application/json", **({"X-Madoguchi-Key": key} if key else {})}
    body = json.dumps({"sender": sender, "message": text}).encode()
    request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            messages: list[dict[str, Any]] = json.load(response)
            return messages
    except urllib.error.HTTPError as error:
        said = json.load(error)
        raise ChatError(f"{said.get('message', {}).get('en', error.reason)}") from error
    except OSError as error:
        raise ChatError(f"nothing answers at {url}; start the assistant with `make run`") from error


def chat() -> int:
    """Read questions from the terminal until an empty line, and print the answers."""
    settings = Settings.load()
    url = f"http://127.0.0.1:{settings.rasa_port}/webhooks/rest/webhook"
    sender = f"chat-{uuid.uuid4().hex}"
    sys.stdout.write(_HELLO)
    payloads: list[str] = []
    while True:
        try:
            text = input("\n> ").strip()
        except (EOFError, KeyboardInterrupt):
            text = ""
        if not text:
            return 0
        if text.isdigit() and 0 < int(text) <= len(payloads):
            text = payloads[int(text) - 1]
        try:
            messages = ask(url, sender, text, settings.channel_key)
        except ChatError as error:
            sys.stdout.write(f"{error}\n")
            continue
        buttons = [button for message in messages for button in message.get("buttons") or ()]
        payloads = [button["payload"] for button in buttons]
        for message in messages:
            if message.get("text"):
                sys.stdout.write(f"{message['text']}\n")
        for number, button in enumerate(buttons, 1):
            sys.stdout.write(f"  [{number}] {button['title']}\n")
