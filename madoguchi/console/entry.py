"""Signing in and out, and the language of one's own pages."""

from __future__ import annotations

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from madoguchi import LANGUAGES
from madoguchi.accounts import AccountError

from .visit import COOKIE, Visit, failure, preferred_language, render, route, services_of


async def sign_in_page(request: Request) -> Response:
    """The form."""
    return render(request, "sign_in.html", preferred_language(request), to=_inside(request.query_params.get("to", "/")))


async def sign_in(request: Request) -> Response:
    """Open a session."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return failure(request, "foreign", 403)
    form = await request.form(max_files=0, max_fields=8, max_part_size=2048)
    name, password, to = (str(form.get(field, "")) for field in ("name", "password", "to"))
    try:
        token = await run_sync(services_of(request).accounts.sign_in, name, password)
    except AccountError as error:
        lang = preferred_language(request)
        return render(request, "sign_in.html", lang, 422, to=_inside(to), name=name, problem=error.code)
    response = RedirectResponse(_inside(to), 303)
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, token, httponly=True, secure=secure, samesite="strict", path="/")
    return response


async def sign_out(visit: Visit) -> Response:
    """End the session."""
    await run_sync(visit.services.accounts.sign_out, visit.who.session)
    response = RedirectResponse("/sign-in", 303)
    response.delete_cookie(COOKIE, path="/")
    return response


async def language(visit: Visit) -> Response:
    """Work in another language."""
    chosen = next((lang for lang in LANGUAGES if lang == visit.form.get("lang")), visit.lang)
    await run_sync(visit.services.accounts.set_language, visit.who.id, chosen)
    return visit.to(_inside(visit.form.get("to", "/")))


def _inside(path: str) -> str:
    """A path of the console; anything else becomes its first page."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"


ROUTES = [
    Route("/sign-in", sign_in_page, methods=["GET"]),
    Route("/sign-in", sign_in, methods=["POST"]),
    route("/sign-out", sign_out, "own", ["POST"]),
    route("/language", language, "own", ["POST"]),
]
