"""The pages: the chat, a demonstration, what is kept; and the script that a host page includes."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from madoguchi import LANGUAGES, Language

from .assets import Assets
from .runtime import runtime_of
from .security import content_policy

_HERE = Path(__file__).parent
_assets = Assets(_HERE / "static")


@lru_cache(maxsize=1)
def _templates() -> Any:
    """Made with the first page: a process need not know of templates to be there."""
    from starlette.templating import Jinja2Templates

    return Jinja2Templates(_HERE / "templates")


@lru_cache(maxsize=2)
def words(lang: Language) -> dict[str, dict[str, str]]:
    """What the chat says in a language: `page` stands in the page, `now` goes along with it for the script, `later` comes with more.js."""
    loaded: dict[str, dict[str, str]] = json.loads(_assets.read(f"words.{lang}.json").plain)
    return loaded


def warm() -> None:
    """Have what the first visitor needs; a process that is there already goes on meanwhile."""
    _templates().get_template("chat.html")
    _assets.prepare("embed.js", "chat.js", "chat.css", *(f"words.{lang}.json" for lang in LANGUAGES))


def preferred_language(request: Request) -> Language:
    """The language of a page that nobody is signed in to: asked for, else the browser's first that we have, else Japanese."""
    asked = request.query_params.get("lang")
    preferred = [part.split(";")[0].strip()[:2].lower() for part in request.headers.get("accept-language", "").split(",")]
    return next((lang for name in (asked, *preferred) for lang in LANGUAGES if lang == name), LANGUAGES[0])


def _site(request: Request) -> str:
    site = request.query_params.get("site", "")
    if site and site not in runtime_of(request).layout.corpus.companies:
        raise HTTPException(404)
    return site


def _page(request: Request, name: str, ancestors: tuple[str, ...] = ("'none'",), **values: Any) -> Response:
    lang = preferred_language(request)
    headers = {"Content-Security-Policy": content_policy(ancestors), "Content-Language": lang, "Vary": "Accept-Language"}
    page: Response = _templates().TemplateResponse(request, name, {"lang": lang, "asset": _assets.version, **values}, headers=headers)
    return page


async def chat(request: Request) -> Response:
    """The chat: in a frame of an allowed host page, or by itself."""
    site, lang, runtime = _site(request), preferred_language(request), runtime_of(request)
    origins = runtime.settings.origins.get(site, ())
    own = words(lang)
    return _page(
        request,
        "chat.html",
        ("'self'", *origins),
        site=site,
        origins=json.dumps(origins),
        embedded=request.query_params.get("embedded") == "1",
        away=runtime.client.presence != "ready",
        words=own["page"],
        now=Markup(json.dumps(own["now"], ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")),  # noqa: S704
        about=own["page"]["about"].replace("{0}", runtime.operator(lang)),
        place=runtime.layout.corpus.companies[site].full[lang] if site else own["now"]["assistant"],
        other=next(other for other in LANGUAGES if other != lang),
    )


async def demo(request: Request) -> Response:
    """A page of a fictitious host with the widget on it."""
    sites = [{"id": company.id, "name": company.full} for company in runtime_of(request).layout.corpus.companies.values()]
    chosen = _site(request) if "site" in request.query_params else sites[0]["id"]
    return _page(request, "demo.html", sites=sites, site=chosen)


async def kept(request: Request) -> Response:
    """What is kept of a conversation, and for how long."""
    runtime = runtime_of(request)
    settings = runtime.settings
    operator = runtime.operator(preferred_language(request))
    return _page(request, "kept.html", operator=operator, days=settings.keep_days, request_days=settings.keep_request_days)


async def contact_form(request: Request) -> Response:
    """The page of a one-time link for contact details; the link's secret stands behind # and is not sent with it."""
    return _page(request, "request.html", mode="contact")


async def status_form(request: Request) -> Response:
    """The page where the state of a ticket is looked up."""
    return _page(request, "request.html", mode="status")


async def embed(request: Request) -> Response:
    """The script of the one line on a host page."""
    return _assets.respond(request, "embed.js", **{"Cross-Origin-Resource-Policy": "cross-origin"})


# Nothing else: what holds a token or a customer's words is not compressed, whose length would tell of its content.
_COMPRESSED = [Middleware(GZipMiddleware)]

ROUTES = [
    Route("/", demo),
    Route("/chat", chat, middleware=_COMPRESSED),
    Route("/kept", kept),
    Route("/request", contact_form),
    Route("/status", status_form),
    Route("/embed.js", embed),
    Route("/static/{name}", _assets.__call__),
]
