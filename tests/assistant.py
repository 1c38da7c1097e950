"""A caller of the running assistant, for dialogue tests."""

from __future__ import annotations

import http.client
import json
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Turn:
    """One reply: the joined text, the answer object, the view and the buttons' payloads."""

    text: str
    answer: dict[str, Any]
    view: dict[str, Any]
    payloads: list[str]
    raw: list[dict[str, Any]]

    @property
    def kind(self) -> str:
        return str(self.answer["kind"])

    @property
    def citations(self) -> list[str]:
        return list(self.answer["citations"])


@dataclass
class Assistant:
    """The servers under test."""

    port: int
    action_port: int
    data: Path
    log: Path
    gateway_port: int
    metrics_port: int
    console_port: int

    def post(
        self, body: bytes, headers: dict[str, str] | None = None, path: str = "/webhooks/rest/webhook", method: str = "POST"
    ) -> tuple[int, Any]:
        """Send a raw request; returns status and decoded body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json", **(headers or {})})
            response = connection.getresponse()
            return response.status, json.loads(response.read() or b"null")
        finally:
            connection.close()

    def talk(self, site: str | None = None) -> Conversation:
        """A new conversation."""
        return Conversation(self, site)


@dataclass
class Conversation:
    """One customer's conversation; calling it sends a message."""

    assistant: Assistant
    site: str | None = None
    sender: str = field(default_factory=lambda: f"test-{uuid.uuid4().hex}")

    def __call__(self, message: str, **metadata: str) -> Turn:
        body: dict[str, Any] = {"sender": self.sender, "message": message}
        if self.site or metadata:
            body["metadata"] = {**({"site": self.site} if self.site else {}), **metadata}
        status, messages = self.assistant.post(json.dumps(body).encode())
        assert status == 200, (status, messages)
        answers = [m["custom"] for m in messages if isinstance(m.get("custom"), dict) and "answer" in m["custom"]]
        assert len(answers) == 1, messages
        text = "\n".join(m["text"] for m in messages if m.get("text"))
        payloads = [button["payload"] for m in messages for button in m.get("buttons") or ()]
        return Turn(text, answers[0]["answer"], answers[0].get("view", {}), payloads, messages)
