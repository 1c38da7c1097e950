"""The gateway's application."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from madoguchi import logs
from madoguchi.settings import Settings

from . import api, pages, tickets
from .runtime import Runtime
from .security import Guard
from .threads import run_sync

_CODES = {404: "not_found", 405: "not_allowed"}


async def healthz(_request: Request) -> Response:
    """The process answers."""
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """Whether everything that a question needs is there: database, Rasa with the model it was started for, action server."""
    runtime: Runtime = request.app.state.runtime
    model, wanted = await runtime.client.model(), os.environ.get("MADOGUCHI_MODEL")
    ready = {
        "database": await run_sync(runtime.database.is_alive),
        "assistant": model is not None,
        "actions": await runtime.client.has_actions(),
        "model": model is not None and (wanted is None or model == wanted),
    }
    return JSONResponse({**ready, "model_name": model}, 200 if all(ready.values()) else 503)


async def _http_error(_request: Request, error: Exception) -> Response:
    status, headers = (error.status_code, error.headers) if isinstance(error, HTTPException) else (500, None)
    return api.refusal(_CODES.get(status, "bad_request"), headers=headers)


async def _failure(_request: Request, _error: Exception) -> Response:
    return api.refusal("failure")


def create() -> tuple[ASGIApp, Runtime]:
    """The application, its services started with it, and these services.

    Raises:
        SettingError, DatabaseError, KeyRingError: it cannot start; the message says why.
    """
    logs.configure(with_structlog=False)
    runtime = Runtime(Settings.load())

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        runtime.start()
        warming = asyncio.create_task(run_sync(pages.warm))
        yield
        await warming
        await runtime.stop()

    routes = [Route("/healthz", healthz), Route("/readyz", readyz), *api.ROUTES, *tickets.ROUTES, *pages.ROUTES]
    app = Starlette(
        routes=routes,
        exception_handlers={HTTPException: _http_error, Exception: _failure},
        lifespan=lifespan,
    )
    app.state.runtime = runtime
    gc.enable()
    gc.freeze()  # what is there now stays
    return Guard(app), runtime  # the guard is around everything, so that a failure's reply has its headers too
