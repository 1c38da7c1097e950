"""Signing in, step by step, and out; the language of one's own pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from madoguchi import LANGUAGES, Language
from madoguchi.accounts import AccountError, Client, HalfSignedIn, Opened, SignedIn, WaitError, browser_of, second_factor
from madoguchi.gateway.pages import preferred_language
from madoguchi.gateway.runtime import address_of
from madoguchi.gateway.threads import run_sync

from .visit import (
    Visit,
    checked_form,
    cookie_name,
    failure,
    is_behind_tls,
    is_foreign,
    render,
    route,
    services_of,
    set_cookie,
)
from .wording import say

_AWAY = 600
_PAGES = {"code": "sign_in_code.html", "password": "sign_in_password.html", "totp": "sign_in_totp.html"}


def client_of(request: Request) -> Client:
    """Where a request comes from, for counting failures and for the list of one's sessions."""
    return Client(address_of(request), browser_of(request.headers.get("user-agent", "")))


def problem_of(error: AccountError, lang: Language) -> str:
    """What somebody reads about an error of their own account."""
    return say(f"people.error_{error.code}", lang, seconds=error.seconds if isinstance(error, WaitError) else 0)


def inside(path: str) -> str:
    """A path of the console; anything else becomes its first page."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() else "/"


# By password.


async def sign_in_page(request: Request) -> Response:
    """The form; what an unfinished sign-in still wants comes first."""
    to = inside(request.query_params.get("to", "/"))
    if await _half(request) is not None:
        return RedirectResponse(f"/sign-in/step?to={quote(to, safe='/')}", 303)
    return await _form(request, to)


async def _form(request: Request, to: str, status: int = 200, name: str = "", problem: str = "") -> Response:
    services = services_of(request)
    at = services.settings.console_url
    return render(
        request,
        "sign_in.html",
        preferred_language(request),
        status,
        to=to,
        name=name,
        problem=problem,
        is_empty=await run_sync(services.accounts.is_empty),
        has_provider=services.settings.oidc is not None,
        has_passwords=services.settings.password_sign_in,
        # With a cookie that only https gets, nobody could sign in by another address.
        elsewhere=at if is_behind_tls(request) and request.headers.get("host", "").lower() != at.split("/")[2].lower() else "",
    )


async def sign_in(request: Request) -> Response:
    """Take name and password."""
    if is_foreign(request):
        return failure(request, "foreign", 403)
    form = await request.form(max_files=0, max_fields=8, max_part_size=2048)
    name, password, to = (str(form.get(field, "")) for field in ("name", "password", "to"))
    try:
        opened = await run_sync(services_of(request).accounts.sign_in, name, password, client_of(request))
    except AccountError as error:
        problem = problem_of(error, preferred_language(request))
        return await _form(request, inside(to), 429 if isinstance(error, WaitError) else 422, name, problem)
    await _end_present(request)
    return _onward(request, opened, inside(to))


async def _end_present(request: Request) -> None:
    """End the session that the browser had before: nobody signs in to two at once."""
    token, accounts = request.cookies.get(cookie_name(request)), services_of(request).accounts
    who = await run_sync(accounts.session, token) if token else None
    if who is not None:
        await run_sync(accounts.sign_out, who)


def _onward(request: Request, opened: Opened, to: str) -> Response:
    response = RedirectResponse(to if opened.step is None else f"/sign-in/step?to={quote(to, safe='/')}", 303)
    set_cookie(response, request, opened.token)
    return response


# What a sign-in may still want.


async def _half(request: Request) -> HalfSignedIn | None:
    token = request.cookies.get(cookie_name(request))
    return await run_sync(services_of(request).accounts.half, token) if token else None


async def step_page(request: Request) -> Response:
    """The form of what is still wanted."""
    half, to = await _half(request), inside(request.query_params.get("to", "/"))
    if half is None:
        return RedirectResponse(f"/sign-in?to={quote(to, safe='/')}", 303)
    return await _step(request, half, to)


async def _step(request: Request, half: HalfSignedIn, to: str, status: int = 200, problem: str = "") -> Response:
    more = await set_up_of(request, half.who) if half.step == "totp" else {}
    return render(request, _PAGES[half.step], half.who.lang, status, who=half.who, to=to, problem=problem, **more)


async def set_up_of(request: Request, who: SignedIn) -> dict[str, Any]:
    """What a page shows of a second factor that is being set up."""
    secret = await run_sync(services_of(request).accounts.totp_set_up, who)
    return {"qr_code": Markup(second_factor.qr_code(secret, who.name)), "secret": second_factor.grouped(secret)}  # noqa: S704


def _step_route(path: str, take: Callable[[Request, HalfSignedIn, Mapping[str, str], str], Awaitable[Response]]) -> Route:
    """A route for whoever is half signed in; the form has to bring that session's CSRF token."""

    async def endpoint(request: Request) -> Response:
        half = await _half(request)
        if half is None:
            return RedirectResponse("/sign-in", 303)
        form = await checked_form(request, half.who.csrf)
        if form is None:
            return failure(request, "foreign", 403)
        to = inside(form.get("to", "/"))
        try:
            return await take(request, half, form, to)
        except AccountError as error:
            if error.code == "over":
                return RedirectResponse("/sign-in", 303)
            return await _step(request, half, to, 429 if isinstance(error, WaitError) else 422, problem_of(error, half.who.lang))

    return Route(path, endpoint, methods=["POST"])


async def _take_code(request: Request, half: HalfSignedIn, form: Mapping[str, str], to: str) -> Response:
    accounts = services_of(request).accounts
    return _onward(request, await run_sync(accounts.pass_code, half, form.get("code", ""), client_of(request)), to)


async def _take_password(request: Request, half: HalfSignedIn, form: Mapping[str, str], to: str) -> Response:
    hold_same(form)
    accounts = services_of(request).accounts
    return _onward(request, await run_sync(accounts.pass_password, half, form.get("new", ""), client_of(request)), to)


async def _take_totp(request: Request, half: HalfSignedIn, form: Mapping[str, str], to: str) -> Response:
    accounts = services_of(request).accounts
    opened, spares = await run_sync(accounts.pass_totp, half, form.get("code", ""), client_of(request))
    response = render(request, "sign_in_spares.html", half.who.lang, to=to, spares=spares)
    set_cookie(response, request, opened.token)
    return response


async def _leave(request: Request, half: HalfSignedIn, _form: Mapping[str, str], _to: str) -> Response:
    await run_sync(services_of(request).accounts.sign_out, half.who)
    return _signed_out(request)


def hold_same(form: Mapping[str, str]) -> None:
    """Refuse a new password that was not typed the same twice.

    Raises:
        AccountError: `password_differs`.
    """
    if form.get("new", "") != form.get("again", ""):
        raise AccountError("password_differs")


# By the identity provider.


async def to_provider(request: Request) -> Response:
    """Send the browser to the identity provider."""
    return await go_to_provider(request, inside(request.query_params.get("to", "/")), preferred_language(request))


async def go_to_provider(request: Request, to: str, lang: Language, who: SignedIn | None = None) -> Response:
    """Send the browser to the identity provider, to sign in, or to have one's account linked."""
    provider = services_of(request).provider
    if provider is None:
        return failure(request, "not_found", 404, who)
    try:
        url, kept = await provider.start(to, who.id if who else "", who.session if who else "")
    except AccountError as error:
        return _outside(request, problem_of(error, lang), 503)
    response = RedirectResponse(url, 303)
    # Coming back is a step from another site, with which browsers send no strict cookie.
    response.set_cookie(_flow_cookie(request), kept, max_age=_AWAY, httponly=True, secure=is_behind_tls(request), samesite="lax", path="/")
    return response


async def from_provider(request: Request) -> Response:
    """Take whoever comes back from the identity provider."""
    services, lang = services_of(request), preferred_language(request)
    if services.provider is None:
        return failure(request, "not_found", 404)
    is_link = False
    try:
        identity, flow = await services.provider.finish(request.cookies.get(_flow_cookie(request), ""), request.query_params)
        is_link = bool(flow.account)
        if is_link:
            await run_sync(services.accounts.link, flow.account, flow.session, identity)
            response = render(request, "onward.html", lang, to="/own")
        else:
            opened = await run_sync(services.accounts.sign_in_by_provider, identity, client_of(request))
            # Not a redirect: it would still be part of the way from another site, and the strict cookie would not be sent with it.
            response = render(request, "onward.html", lang, to=inside(flow.to))
            set_cookie(response, request, opened.token)
    except AccountError as error:
        if error.code.startswith("provider_") and error.code != "provider_unknown":
            await run_sync(services.accounts.provider_failed, error.code)
        response = _outside(request, problem_of(error, lang), 503 if error.code == "provider_away" else 403, "/own" if is_link else "")
    response.delete_cookie(_flow_cookie(request), path="/", secure=is_behind_tls(request), httponly=True, samesite="lax")
    return response


def _flow_cookie(request: Request) -> str:
    return f"{cookie_name(request)}-flow"


def _outside(request: Request, text: str, status: int, back: str = "") -> Response:
    return render(request, "sign_in_refused.html", preferred_language(request), status, problem=text, to=back)


# Signing out, language.


async def sign_out(visit: Visit) -> Response:
    """End the session."""
    await run_sync(visit.services.accounts.sign_out, visit.who)
    return _signed_out(visit.request)


def _signed_out(request: Request) -> Response:
    response = RedirectResponse("/sign-in", 303)
    response.delete_cookie(cookie_name(request), path="/", secure=is_behind_tls(request), httponly=True, samesite="strict")
    return response


async def language(visit: Visit) -> Response:
    """Work in another language."""
    chosen = next((lang for lang in LANGUAGES if lang == visit.form.get("lang")), visit.lang)
    await run_sync(visit.services.accounts.set_language, visit.who.id, chosen)
    return visit.to(inside(visit.form.get("to", "/")))


ROUTES = [
    Route("/sign-in", sign_in_page, methods=["GET"]),
    Route("/sign-in", sign_in, methods=["POST"]),
    Route("/sign-in/step", step_page, methods=["GET"]),
    _step_route("/sign-in/code", _take_code),
    _step_route("/sign-in/password", _take_password),
    _step_route("/sign-in/totp", _take_totp),
    _step_route("/sign-in/leave", _leave),
    Route("/sign-in/provider", to_provider, methods=["GET"]),
    Route("/sign-in/provider/back", from_provider, methods=["GET"]),
    route("/sign-out", sign_out, "own", ["POST"]),
    route("/language", language, "own", ["POST"]),
]
