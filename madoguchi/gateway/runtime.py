"""What one process of the gateway is made of."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

from starlette.requests import Request

from madoguchi import Language
from madoguchi.conversations import Conversations, Handovers, Limits, Turns, Upkeep
from madoguchi.corpus import shared_corpus
from madoguchi.office import mailer_of, office_of
from madoguchi.requests import Requests, Retention
from madoguchi.settings import Settings
from madoguchi.store import Database

from .assistant import AssistantClient
from .blocks import Layout
from .handing import Handing
from .hub import Hub
from .turning import Caretaker, TurnDriver
from .wording import say


def runtime_of(request: Request) -> Runtime:
    """The services of the process that handles a request."""
    runtime: Runtime = request.app.state.runtime
    return runtime


def address_of(request: Request) -> str:
    """The network address that a request comes from, for limits."""
    return request.client.host if request.client else ""


class Runtime:
    """Services, wired; `start` and `stop` its background tasks."""

    def __init__(self, settings: Settings) -> None:
        """Open the database and migrate it.

        Raises:
            DatabaseError, KeyRingError: it cannot be used, or the keys of tickets cannot.
        """
        self.settings = settings
        self.database = Database(settings.database_url)
        self.database.migrate()
        self.layout = Layout(shared_corpus())
        self.conversations = Conversations(self.database, Limits(*settings.limits), settings.address_key.encode())
        self.upkeep = Upkeep(self.database)
        self.office = office_of(settings, self.database)
        self.requests = Requests(self.office)
        self.hub = Hub(self.conversations)
        self.client = AssistantClient(settings)
        self.handovers = Handovers(self.office, settings.staffed_hours, timedelta(minutes=settings.wait_minutes))
        self.handing = Handing(self.handovers, self.hub, self.layout)
        self.driver = TurnDriver(Turns(self.database), self.client, self.hub, self.layout, self.handing)
        self.caretaker = Caretaker(self.upkeep, self.client, self.hub, settings, mailer_of(settings, self.office), Retention(self.office))
        self._tasks: list[asyncio.Task[Any]] = []

    def operator(self, language: Language) -> str:
        """Who operates the assistant, as customers read it."""
        return self.settings.operator or say("operator_unset", language)

    def start(self) -> None:
        """Start what runs beside requests."""
        loops: list[Coroutine[Any, Any, Any]] = [
            self.hub.poll(),
            self.driver.sweep(),
            self.caretaker.watch(),
            self.caretaker.tend(),
            self.caretaker.post(),
            self.handing.watch(),
        ]
        self._tasks = [asyncio.create_task(loop) for loop in loops]

    async def stop(self) -> None:
        """Let turns under way finish, then close."""
        for task in self._tasks:
            task.cancel()
        await self.driver.stop()
        await self.client.close()
        self.database.engine.dispose()
