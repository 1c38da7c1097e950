"""One's own account: language, password, second factor, sessions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.responses import Response

from madoguchi.accounts import AccountError, WaitError
from madoguchi.gateway.threads import run_sync

from .entry import client_of, go_to_provider, hold_same, problem_of, set_up_of
from .visit import Visit, route

_DONE = frozenset({"password", "totp_off", "session", "unlinked"})


async def first(visit: Visit) -> Response:
    """Everything about it."""
    return await _page(visit)


async def _page(visit: Visit, status: int = 200, **more: Any) -> Response:
    accounts, settings = visit.services.accounts, visit.services.settings
    shown = {
        "own": await run_sync(accounts.own, visit.who),
        "has_provider": settings.oidc is not None,
        "has_passwords": settings.password_sign_in,
        "require_totp": settings.require_totp,
        "done": done if (done := visit.request.query_params.get("done", "")) in _DONE else "",
        "path": "/own",
    }
    return visit.render("own_account.html", status, **(shown | more))


def _refusing(part: str, act: Callable[[Visit], Awaitable[Response]]) -> Callable[[Visit], Awaitable[Response]]:
    """What is refused is said where it was entered."""

    async def handler(visit: Visit) -> Response:
        try:
            return await act(visit)
        except AccountError as error:
            status = 429 if isinstance(error, WaitError) else 422
            problem = problem_of(error, visit.lang)
            if part == "totp":
                return await _set_up(visit, status, problem)
            return await _page(visit, status, problem=problem, problem_at=part)

    return handler


async def password(visit: Visit) -> Response:
    """Take a new password."""
    hold_same(visit.form)
    present, new = visit.form.get("present", ""), visit.form.get("new", "")
    await run_sync(visit.services.accounts.change_password, visit.who, present, new, client_of(visit.request))
    return visit.to("/own?done=password")


async def set_up(visit: Visit) -> Response:
    """Set up a second factor."""
    return await _set_up(visit)


async def _set_up(visit: Visit, status: int = 200, problem: str = "") -> Response:
    own = await run_sync(visit.services.accounts.own, visit.who)
    if not own.has_password:
        return await _page(visit, 422, problem=visit.say("people.error_by_provider"), problem_at="password")
    return visit.render("own_totp.html", status, own=own, problem=problem, path="/own/totp", **await set_up_of(visit.request, visit.who))


async def turn_on(visit: Visit) -> Response:
    """Take the first code of a second factor, and show the recovery codes once."""
    present, code = visit.form.get("present", ""), visit.form.get("code", "")
    spares = await run_sync(visit.services.accounts.turn_on_totp, visit.who, present, code, client_of(visit.request))
    return visit.render("own_spares.html", spares=spares, path="/own")


async def turn_off(visit: Visit) -> Response:
    """Turn the second factor off."""
    await run_sync(visit.services.accounts.turn_off_totp, visit.who, visit.form.get("present", ""), client_of(visit.request))
    return visit.to("/own?done=totp_off")


async def spares(visit: Visit) -> Response:
    """Make new recovery codes, and show them once."""
    made = await run_sync(visit.services.accounts.new_spares, visit.who, visit.form.get("present", ""), client_of(visit.request))
    return visit.render("own_spares.html", spares=made, path="/own")


async def end_session(visit: Visit) -> Response:
    """End one of the sessions."""
    await run_sync(visit.services.accounts.end_session, visit.who, visit.request.path_params["session"])
    return visit.to("/own?done=session")


async def end_sessions(visit: Visit) -> Response:
    """Sign out everywhere, here too."""
    await run_sync(visit.services.accounts.end_own_sessions, visit.who)
    return visit.to("/sign-in")


async def link(visit: Visit) -> Response:
    """Have the account linked to the identity provider."""
    return await go_to_provider(visit.request, "/own", visit.lang, visit.who)


async def unlink(visit: Visit) -> Response:
    """Take that back."""
    await run_sync(visit.services.accounts.unlink, visit.who, visit.form.get("present", ""), client_of(visit.request))
    return visit.to("/own?done=unlinked")


ROUTES = [
    route("/own", first, "own"),
    route("/own/password", _refusing("password", password), "own", ["POST"]),
    route("/own/totp", set_up, "own"),
    route("/own/totp", _refusing("totp", turn_on), "own", ["POST"]),
    route("/own/totp/off", _refusing("totp_off", turn_off), "own", ["POST"]),
    route("/own/spares", _refusing("spares", spares), "own", ["POST"]),
    route("/own/sessions/end", end_sessions, "own", ["POST"]),
    route("/own/sessions/{session}/end", end_session, "own", ["POST"]),
    route("/own/provider", link, "own"),
    route("/own/provider/unlink", _refusing("provider", unlink), "own", ["POST"]),
]
