"""The web process: the gateway on one port and the staff console on another, over the same services."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.supervisors import Multiprocess

from madoguchi.gateway import app as gateway
from madoguchi.settings import Settings


class ByPort:
    """Passes a request to the application whose port it came in by."""

    def __init__(self, customers: ASGIApp, staff: Callable[[], ASGIApp], staff_port: int) -> None:
        """Put it together.

        Args:
            staff: makes the application when it is first asked for, so that customers do not wait for it at the start.
        """
        self._customers = customers
        self._make_staff = staff
        self._staff_port = staff_port

    @cached_property
    def _staff(self) -> ASGIApp:
        return self._make_staff()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request; start and stop of the process are the gateway's."""
        is_staff = scope["type"] != "lifespan" and (scope.get("server") or (None, None))[1] == self._staff_port
        await (self._staff if is_staff else self._customers)(scope, receive, send)


def create() -> ASGIApp:
    """Both applications.

    Raises:
        SettingError, DatabaseError, KeyRingError: it cannot start; the message says why.
    """
    customers, runtime = gateway.create()

    def staff() -> ASGIApp:
        from madoguchi.console.app import create as console

        return console(runtime)

    return ByPort(customers, staff, runtime.settings.console_port)


def serve() -> int:
    """Run it until it is stopped; return the exit status."""
    settings = Settings.load()
    options = {
        "factory": True, "log_config": None, "access_log": False, "server_header": False, "timeout_graceful_shutdown": 5,
        "lifespan": "on", "ws": "none", "workers": settings.workers,
    }  # fmt: skip
    config = uvicorn.Config("madoguchi.web:create", host=settings.host, port=settings.port, **options)
    staff = uvicorn.Config("madoguchi.web:create", host=settings.console_host, port=settings.console_port, **options)
    server = uvicorn.Server(config)
    sockets = [config.bind_socket(), staff.bind_socket()]
    if settings.workers > 1:
        Multiprocess(config, sockets=sockets).run()
    else:
        server.run(sockets=sockets)
    return 0 if server.started or settings.workers > 1 else os.EX_UNAVAILABLE
