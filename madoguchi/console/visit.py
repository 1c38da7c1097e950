"""One request of somebody who is signed in, and the way to every page: session, right, form, CSRF, refusals."""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.templating import Jinja2Templates

from madoguchi import JAPAN, LANGUAGES, Language
from madoguchi.accounts import AccountError, SignedIn
from madoguchi.conversations import ConversationError
from madoguchi.gateway.assets import Assets
from madoguchi.gateway.pages import preferred_language
from madoguchi.gateway.threads import run_sync
from madoguchi.requests import ForbiddenError, RequestError, UnknownTicketError
from madoguchi.requests.errors import Entry

from .rights import RIGHTS
from .services import Services
from .wording import say

logger = logging.getLogger(__name__)

_COOKIE = "madoguchi-console"
MAX_FIELDS, MAX_FIELD = 60, 64 * 1024
ASSETS = Assets(Path(__file__).with_name("static"))

AREAS = (
    ("lookup", "/"),
    ("chats", "/chats"),
    ("requests", "/requests"),
    ("reports", "/reports"),
    ("review", "/review"),
    ("audit", "/audit"),
    ("people", "/people"),
)
"""The parts of the console in the order of its navigation, with their first pages."""

_templates = Jinja2Templates(Path(__file__).with_name("templates"))


def local(moment: datetime | None) -> str:
    """A time as staff read it, in Asia/Tokyo; nothing for None."""
    return moment.astimezone(JAPAN).strftime("%Y-%m-%d %H:%M") if moment is not None else ""


_templates.env.filters["local"] = local
_templates.env.globals["asset"] = lambda: ASSETS.version
_templates.env.globals["languages"] = LANGUAGES


def render(request: Request, template: str, lang: Language, status: int = 200, **context: Any) -> Response:
    """A page or a piece of one; templates say sentences by `t("area.name", …)`."""

    def t(name: str, **values: object) -> str:
        return say(name, lang, **values)

    response = _templates.TemplateResponse(request, template, {"lang": lang, "t": t, **context}, status_code=status)
    # Without any referrer, browsers would send `Origin: null` with our own forms.
    response.headers["Referrer-Policy"] = "same-origin"
    return response


@dataclass(frozen=True)
class Visit:
    """A request of somebody who is signed in and may see the page.

    Attributes:
        form: the fields of a write, without the token against foreign ones.
    """

    request: Request
    who: SignedIn
    services: Services
    form: Mapping[str, str]

    @property
    def lang(self) -> Language:
        """The language that they work in."""
        return self.who.lang

    @property
    def is_piece(self) -> bool:
        """Whether htmx asks for a piece of a page."""
        return self.request.headers.get("hx-request") == "true"

    def say(self, name: str, **values: object) -> str:
        """A sentence in their language."""
        return say(name, self.lang, **values)

    def may(self, right: str) -> bool:
        """Whether their role may use a part of the console."""
        return self.who.role in RIGHTS[right]

    def render(self, template: str, status: int = 200, **context: Any) -> Response:
        """A page; beside what is handed in it knows `who`, `may`, `areas` and `company_name`."""
        areas = [(name, href) for name, href in AREAS if self.may(name)]
        common = {
            "who": self.who,
            "may": self.may,
            "areas": areas,
            "company_name": self.company_name,
            "path": self.request.url.path,
            "htmx": json.dumps({"allowEval": False, "includeIndicatorStyles": False, "historyCacheSize": 0, "refreshOnHistoryMiss": True}),
        }
        return render(self.request, template, self.lang, status, **(common | context))

    def company_name(self, company: str | None) -> str:
        """A company's name in their language."""
        found = self.services.corpus.companies.get(company or "")
        return found.button[self.lang] if found is not None else ""

    def to(self, path: str) -> Response:
        """Go to another page after a write."""
        if self.is_piece:
            return Response(status_code=204, headers={"HX-Redirect": path})
        return RedirectResponse(path, 303)


Handler = Callable[[Visit], Awaitable[Response]]


def services_of(request: Request) -> Services:
    """The services of the process that handles a request."""
    services: Services = request.app.state.services
    return services


def is_behind_tls(request: Request) -> bool:
    """Whether staff reach the console by https, whatever stands before it and however it speaks to us."""
    return services_of(request).settings.console_url.startswith("https:")


def cookie_name(request: Request) -> str:
    """The session's cookie; behind https its name keeps other hosts and plain http from setting it."""
    return f"__Host-{_COOKIE}" if is_behind_tls(request) else _COOKIE


def set_cookie(response: Response, request: Request, token: str) -> None:
    """Hand a session to the browser."""
    response.set_cookie(cookie_name(request), token, httponly=True, secure=is_behind_tls(request), samesite="strict", path="/")


async def signed_in(request: Request) -> SignedIn | None:
    """Who makes a request, by the session's cookie."""
    token = request.cookies.get(cookie_name(request))
    return await run_sync(services_of(request).accounts.session, token) if token else None


def route(path: str, handler: Handler, right: str, methods: Sequence[str] = ("GET",)) -> Route:
    """A route for those whose role has a right (rights.py); a write has to bring the session's CSRF token."""

    async def endpoint(request: Request) -> Response:
        who = await signed_in(request)
        if who is None:
            return _to_sign_in(request)
        services = services_of(request)
        if who.role not in RIGHTS[right]:
            await run_sync(services.office.audit.record, ForbiddenError(who.actor, f"console {right}").entry)
            return failure(request, "forbidden", 403, who)
        form = await checked_form(request, who.csrf) if request.method not in ("GET", "HEAD") else {}
        if form is None:
            detail = {"wanted": f"console {right}", "reason": "foreign"}
            await run_sync(services.office.audit.record, Entry(who.actor, "forbidden", None, detail))
            return failure(request, "foreign", 403, who)
        visit = Visit(request, who, services, form)
        try:
            return await handler(visit)
        except ForbiddenError:
            return failure(request, "forbidden", 403, who)
        except UnknownTicketError:
            return failure(request, "not_found", 404, who)
        except (RequestError, ConversationError, AccountError) as error:
            return failure(request, "refused", 422, who, detail=str(error))

    endpoint.right = right  # type: ignore[attr-defined]  # tests hold every route to its right
    return Route(path, endpoint, methods=list(methods))


def is_foreign(request: Request) -> bool:
    """Whether a write comes from a page of another origin, as far as the browser says so."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return True
    origin = request.headers.get("origin")
    if origin is None:
        return False
    is_here = not is_behind_tls(request) and origin.lower() == f"http://{request.headers.get('host', '')}".lower()
    return not is_here and f"{origin}/".lower() != services_of(request).settings.console_url.lower()


async def checked_form(request: Request, csrf: str) -> Mapping[str, str] | None:
    """The fields of a write that comes from our own pages; None where it does not."""
    if is_foreign(request):
        return None
    form: FormData = await request.form(max_files=0, max_fields=MAX_FIELDS, max_part_size=MAX_FIELD)
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    sent = request.headers.get("x-csrf-token") or fields.pop("csrf", "")
    return fields if hmac.compare_digest(sent.encode(), csrf.encode()) else None


def failure(request: Request, code: str, status: int, who: SignedIn | None = None, detail: str = "") -> Response:
    """A page, or for htmx a line, that says what went wrong (`base.error_<code>`)."""
    lang = who.lang if who is not None else preferred_language(request)
    text = say(f"base.error_{code}", lang, detail=detail)
    if request.headers.get("hx-request") == "true":
        # htmx shows it where the page keeps its messages, and leaves what was asked for as it was.
        return render(request, "notice.html", lang, status, text=text, headers=None)
    if who is None:
        return render(request, "outside.html", lang, status, text=text)
    return Visit(request, who, services_of(request), {}).render("error.html", status, text=text)


def _to_sign_in(request: Request) -> Response:
    if request.headers.get("hx-request") == "true":
        return Response(status_code=401, headers={"HX-Redirect": "/sign-in"})
    if request.method != "GET":
        raise HTTPException(401)
    back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if request.headers.get("sec-fetch-site") == "cross-site":
        # Whoever follows a link from a mail or another page comes without the strict cookie; asked again by our own page they have it.
        return render(request, "onward.html", preferred_language(request), to=back)
    return RedirectResponse(f"/sign-in?to={quote(back, safe='/')}", 303)
