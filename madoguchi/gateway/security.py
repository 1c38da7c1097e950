"""What holds for every request: headers, the size of a body, where a request may come from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from madoguchi.conversations import ConversationError

from . import metrics

MAX_BODY = 16 * 1024

_HEADERS = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def content_policy(frame_ancestors: Sequence[str] = ("'none'",)) -> str:
    """The content security policy of a page: everything from our own origin, nothing inline."""
    own = ("script-src", "style-src", "img-src", "connect-src", "form-action", "frame-src")
    rules = ["default-src 'none'", *(f"{name} 'self'" for name in own), "base-uri 'none'", f"frame-ancestors {' '.join(frame_ancestors)}"]
    return "; ".join(rules)


class Guard:
    """ASGI middleware: refuses writes from other origins, adds security headers, counts requests."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Content-Security-Policy", content_policy())
                headers.setdefault("Cache-Control", "no-store")
                route = getattr(scope.get("route"), "path", "other")
                metrics.REQUESTS.labels(route, scope["method"], message["status"]).inc()
            await send(message)

        await self._app(scope, receive, send_guarded)


def hold_origin(request: Request) -> None:
    """Refuse a write that a page of another origin makes.

    Raises:
        ConversationError: `foreign_origin`.
    """
    headers: Headers = request.headers
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise ConversationError("foreign_origin")
    origin = headers.get("origin")
    if origin is not None and _host_of(origin) != headers.get("host", "").lower():
        raise ConversationError("foreign_origin")


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


async def json_body(request: Request, fields: Mapping[str, type | tuple[type, ...]]) -> dict[str, Any]:
    """The JSON object of a request's body, with known fields of known types and no others.

    Args:
        request: whose body has not been read.
        fields: name → type or types; NoneType allows null.

    Raises:
        ConversationError: `too_large`, `bad_request`.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise ConversationError("too_large")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ConversationError("bad_request") from error
    if not isinstance(value, dict) or not value.keys() <= fields.keys():
        raise ConversationError("bad_request")
    for name, found in value.items():
        kinds = fields[name]
        # bool is an int to Python, and is none to JSON.
        if not isinstance(found, kinds) or (isinstance(found, bool) and kinds is not bool):
            raise ConversationError("bad_request")
    return value
