"""The pages: the chat, a demonstration, what is kept; and the script that a host page includes."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

from madoguchi import LANGUAGES, Language

from .runtime import runtime_of
from .security import content_policy

_HERE = Path(__file__).parent
_STATIC = _HERE / "static"
_templates = Jinja2Templates(_HERE / "templates")
_CACHED = {"Cache-Control": "public, max-age=300"}


@lru_cache(maxsize=1)
def asset_version() -> str:
    """A short hash over the static files, so that pages name the version they were made for."""
    digest = hashlib.sha256()
    for path in sorted(_STATIC.iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:10]


def _language(request: Request) -> Language:
    """The page's language: asked for, else the browser's first that we have, else Japanese."""
    asked = request.query_params.get("lang")
    preferred = [part.split(";")[0].strip()[:2].lower() for part in request.headers.get("accept-language", "").split(",")]
    return next((lang for name in (asked, *preferred) for lang in LANGUAGES if lang == name), LANGUAGES[0])


def _site(request: Request) -> str:
    site = request.query_params.get("site", "")
    if site and site not in runtime_of(request).layout.corpus.companies:
        raise HTTPException(404)
    return site


def _page(request: Request, name: str, ancestors: tuple[str, ...] = ("'none'",), **values: Any) -> Response:
    lang = _language(request)
    headers = {"Content-Security-Policy": content_policy(ancestors), "Content-Language": lang, "Vary": "Accept-Language"}
    return _templates.TemplateResponse(request, name, {"lang": lang, "asset": asset_version(), **values}, headers=headers)


async def chat(request: Request) -> Response:
    """The chat: in a frame of an allowed host page, or by itself."""
    site = _site(request)
    origins = runtime_of(request).settings.origins.get(site, ())
    embedded = request.query_params.get("embedded") == "1"
    return _page(request, "chat.html", ("'self'", *origins), site=site, origins=json.dumps(origins), embedded=embedded)


async def demo(request: Request) -> Response:
    """A page of a fictitious host with the widget on it."""
    sites = [{"id": company.id, "name": company.full} for company in runtime_of(request).layout.corpus.companies.values()]
    chosen = _site(request) if "site" in request.query_params else sites[0]["id"]
    return _page(request, "demo.html", sites=sites, site=chosen)


async def kept(request: Request) -> Response:
    """What is kept of a conversation, and for how long."""
    runtime = runtime_of(request)
    settings = runtime.settings
    operator = runtime.operator(_language(request))
    return _page(request, "kept.html", operator=operator, days=settings.keep_days, request_days=settings.keep_request_days)


async def contact_form(request: Request) -> Response:
    """The page of a one-time link for contact details; the link's secret stands behind # and is not sent with it."""
    return _page(request, "request.html", mode="contact")


async def status_form(request: Request) -> Response:
    """The page where the state of a ticket is looked up."""
    return _page(request, "request.html", mode="status")


async def embed(_request: Request) -> Response:
    """The script of the one line on a host page."""
    return FileResponse(
        _STATIC / "embed.js", media_type="text/javascript", headers=_CACHED | {"Cross-Origin-Resource-Policy": "cross-origin"}
    )


class _Files(StaticFiles):
    """Static files that browsers keep for some minutes; pages name their version."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers.update(_CACHED)
        return response


# Files alone: what holds a token or a customer's words is not compressed, whose length would tell of its content.
_COMPRESSED = [Middleware(GZipMiddleware)]

ROUTES = [
    Route("/", demo),
    Route("/chat", chat),
    Route("/kept", kept),
    Route("/request", contact_form),
    Route("/status", status_form),
    Route("/embed.js", embed, middleware=_COMPRESSED),
    Mount("/static", _Files(directory=_STATIC), middleware=_COMPRESSED),
]
