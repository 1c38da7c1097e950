"""The way to Rasa: its channel on the loopback address, and whether it is there."""

from __future__ import annotations

from typing import Any, Literal

import httpx

from madoguchi import Language, MadoguchiError
from madoguchi.settings import Settings

Presence = Literal["ready", "starting", "failing"]

TURN_SECONDS = 16.0
"""One second more than the channel itself gives a turn."""


class AssistantError(MadoguchiError):
    """Rasa took a message and gave no answer to it; `reason` is short and holds nothing of the message."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the assistant gave no answer: {reason}")


class AssistantAwayError(AssistantError):
    """Nothing takes messages at Rasa's address: it is starting, or down."""


class AssistantClient:
    """Calls of Rasa's channel (eval contract: `POST /webhooks/rest/webhook`) and of the action server's health."""

    def __init__(self, settings: Settings) -> None:
        self._erasure_key = settings.erasure_key
        keys = {"X-Madoguchi-Key": settings.channel_key} if settings.channel_key else {}
        self._rasa = f"http://127.0.0.1:{settings.rasa_port}/webhooks/rest"
        self._actions = f"http://127.0.0.1:{settings.action_port}"
        # trust_env: a proxy of the environment has no business between two processes of one machine.
        self._http = httpx.AsyncClient(headers=keys, timeout=httpx.Timeout(TURN_SECONDS, connect=2.0), trust_env=False)
        self.presence: Presence = "starting"

    async def ask(self, sender: str, text: str, site: str | None, lang: Language) -> list[dict[str, Any]]:
        """Have a message answered; returns what should be the channel's list of messages.

        Raises:
            AssistantAwayError: nobody takes messages.
            AssistantError: it was taken, and there is no answer.
        """
        body = {"sender": sender, "message": text, "metadata": {"via": "web", "lang": lang, **({"site": site} if site else {})}}
        try:
            response = await self._http.post(f"{self._rasa}/webhook", json=body)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            self._is_away()
            raise AssistantAwayError("not reachable") from error
        except httpx.HTTPError as error:
            raise AssistantError(type(error).__name__) from error
        if response.status_code != 200:
            raise AssistantError(f"status {response.status_code}")
        self.presence = "ready"
        try:
            messages: list[dict[str, Any]] = response.json()
        except ValueError as error:
            raise AssistantError("no JSON") from error
        return messages

    async def erase(self, sender: str) -> int:
        """Delete a conversation's events from Rasa's store; returns how many there were.

        Raises:
            AssistantError: it could not be done now.
        """
        try:
            response = await self._http.delete(f"{self._rasa}/conversations/{sender}", headers={"X-Madoguchi-Key": self._erasure_key})
        except httpx.HTTPError as error:
            raise AssistantAwayError(type(error).__name__) from error
        if response.status_code != 200:
            raise AssistantError(f"status {response.status_code}")
        return int(response.json()["erased"])

    async def model(self) -> str | None:
        """The name of the model that answers, None while Rasa is not there."""
        try:
            response = await self._http.get(f"{self._rasa}/", timeout=3.0)
            found: str | None = response.json()["model"] if response.status_code == 200 else None
        except (httpx.HTTPError, ValueError, LookupError, TypeError):
            found = None
        if found:
            self.presence = "ready"
        else:
            self._is_away()
        return found

    async def has_actions(self) -> bool:
        """Whether the action server is healthy."""
        try:
            return (await self._http.get(f"{self._actions}/health", timeout=3.0)).status_code == 200
        except httpx.HTTPError:
            return False

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def _is_away(self) -> None:
        if self.presence == "ready":
            self.presence = "failing"
