"""Rasa custom actions: thin, one module each, all on one safe base class.

Import of this package makes the action server safe, whichever command starts it: it listens on the loopback address,
takes calls only with the key, and its logs hold no personal data.
"""

from __future__ import annotations

import asyncio
import gc
import hmac
import os
import sys

import pluggy
from rasa_sdk.plugin import plugin_manager
from sanic import Sanic
from sanic.request import Request
from sanic.response import HTTPResponse, json

from madoguchi import logs
from madoguchi.settings import Settings

KEY_HEADER = "X-Madoguchi-Key"
KEPT_SECONDS = 75
"""How long an idle connection is kept: longer than Rasa's side keeps it, so that none is closed while a call is on its way."""

# rasa_sdk listens on every address unless told otherwise, and reads this after it has imported the actions.
os.environ.setdefault("SANIC_HOST", "127.0.0.1")
logs.configure()
hookimpl = pluggy.HookimplMarker("rasa_sdk")


@hookimpl
def attach_sanic_app_extensions(app: Sanic) -> None:
    """rasa_sdk's hook: refuse calls without the key, and bodies that are no JSON object; look for garbage in what turns leave alone."""
    key = Settings.load().action_key.encode()
    app.config.KEEP_ALIVE_TIMEOUT = KEPT_SECONDS

    @app.after_server_start
    async def settle(_app: Sanic, _loop: asyncio.AbstractEventLoop) -> None:
        gc.freeze()

    @app.on_request
    async def guard(request: Request) -> HTTPResponse | None:
        if request.method == "GET" and request.path == "/health":
            return None
        if not hmac.compare_digest(request.headers.get(KEY_HEADER, "").encode(), key):
            return json({"error": f"the action server wants its key as {KEY_HEADER}"}, status=401)
        return None


if not plugin_manager().is_registered(sys.modules[__name__]):
    plugin_manager().register(sys.modules[__name__])
