"""The way to Rasa: its channel on the loopback address, and whether it is there."""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from madoguchi import Language, MadoguchiError
from madoguchi.settings import Settings

from .threads import run_sync

if TYPE_CHECKING:
    from .calls import Calls

Presence = Literal["ready", "starting", "failing"]

TURN_SECONDS = 16.0
"""One second more than the channel itself gives a turn."""


_QUICK_SECONDS = 3.0


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
        self._keys = {"X-Madoguchi-Key": settings.channel_key} if settings.channel_key else {}
        self._rasa = f"http://127.0.0.1:{settings.rasa_port}/webhooks/rest"
        self._actions = f"http://127.0.0.1:{settings.action_port}"
        self._module: Any = None
        self._calls: Calls | None = None
        self.presence: Presence = "starting"

    async def _call(self, method: str, url: str, **options: Any) -> tuple[int, bytes]:
        """Status and body of a response.

        Raises:
            AssistantAwayError: nobody takes requests.
            AssistantError: it was taken, and there is no response.
        """
        module = await run_sync(import_module, "madoguchi.gateway.calls") if self._calls is None else self._module
        if self._calls is None:
            self._module, self._calls = module, module.Calls(self._keys, TURN_SECONDS)
        try:
            return await self._calls.call(method, url, **options)
        except module.NobodyThereError as error:
            raise AssistantAwayError("not reachable") from error
        except module.NoResponseError as error:
            raise AssistantError(str(error)) from error

    async def ask(self, sender: str, text: str, site: str | None, lang: Language) -> list[dict[str, Any]]:
        """Have a message answered; returns what should be the channel's list of messages.

        Raises:
            AssistantAwayError: nobody takes messages.
            AssistantError: it was taken, and there is no answer.
        """
        body = {"sender": sender, "message": text, "metadata": {"via": "web", "lang": lang, **({"site": site} if site else {})}}
        try:
            status, reply = await self._call("POST", f"{self._rasa}/webhook", json=body)
        except AssistantAwayError:
            self._is_away()
            raise
        if status != 200:
            raise AssistantError(f"status {status}")
        self.presence = "ready"
        try:
            messages: list[dict[str, Any]] = json.loads(reply)
        except ValueError as error:
            raise AssistantError("no JSON") from error
        return messages

    async def erase(self, sender: str) -> int:
        """Delete a conversation's events from Rasa's store; returns how many there were.

        Raises:
            AssistantError: it could not be done now.
        """
        try:
            status, reply = await self._call(
                "DELETE", f"{self._rasa}/conversations/{sender}", headers={"X-Madoguchi-Key": self._erasure_key}
            )
        except AssistantAwayError:
            raise
        except AssistantError as error:
            raise AssistantAwayError(error.reason) from error
        if status != 200:
            raise AssistantError(f"status {status}")
        return int(json.loads(reply)["erased"])

    async def model(self) -> str | None:
        """The name of the model that answers, None while Rasa is not there."""
        try:
            status, reply = await self._call("GET", f"{self._rasa}/", seconds=_QUICK_SECONDS)
            found: str | None = json.loads(reply)["model"] if status == 200 else None
        except (AssistantError, ValueError, LookupError, TypeError):
            found = None
        if found:
            self.presence = "ready"
        else:
            self._is_away()
        return found

    async def has_actions(self) -> bool:
        """Whether the action server is healthy."""
        try:
            return (await self._call("GET", f"{self._actions}/health", seconds=_QUICK_SECONDS))[0] == 200
        except AssistantError:
            return False

    async def close(self) -> None:
        """Close the connections."""
        if self._calls is not None:
            await self._calls.close()

    def _is_away(self) -> None:
        if self.presence == "ready":
            self.presence = "failing"
