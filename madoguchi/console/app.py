"""The console's application."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from madoguchi.gateway.runtime import Runtime
from madoguchi.gateway.security import Guard

from . import audit, chats, entry, lookup, own, people, reports, review, tickets
from .services import Services
from .visit import ASSETS, failure, signed_in


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    code = {401: "signed_out", 404: "not_found", 405: "not_found", 413: "refused"}.get(status, "failed" if status >= 500 else "refused")
    return failure(request, code, status, await signed_in(request) if status < 500 else None)


async def _asset(request: Request) -> Response:
    # Modules import each other without a version, so browsers ask each time whether a file has changed.
    return ASSETS.respond(request, request.path_params["name"], **{"Cache-Control": "no-cache"})


async def _failure(request: Request, _error: Exception) -> Response:
    return failure(request, "failed", 500)


def create(runtime: Runtime) -> ASGIApp:
    """The application over the services of the gateway's process."""
    parts = (entry, own, lookup, chats, tickets, reports, review, audit, people)
    routes = [item for part in parts for item in part.ROUTES]
    app = Starlette(
        routes=[*routes, Mount("/static", routes=[Route("/{name}", _asset)])],
        exception_handlers={HTTPException: _http_error, Exception: _failure},
    )
    app.state.services = Services(runtime)
    return Guard(app)
