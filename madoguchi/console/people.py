"""Accounts in the hands of an administrator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from madoguchi.accounts import ROLES, AccountError
from madoguchi.gateway.threads import run_sync

from .entry import problem_of
from .visit import Handler, Visit, failure, route

_DONE = frozenset({"changed", "deactivated", "activated", "totp", "sessions"})


async def first(visit: Visit) -> Response:
    """All accounts."""
    people = await run_sync(visit.services.register.all, visit.who.actor)
    return visit.render("people_list.html", people=people, companies_count=len(visit.services.corpus.companies))


async def new(visit: Visit) -> Response:
    """The form of a new account."""
    return _new(visit)


def _new(visit: Visit, status: int = 200, problem: str = "") -> Response:
    return visit.render(
        "people_new.html", status, problem=problem, entered=visit.form, held=_companies(visit), path="/people/new", **_choices(visit)
    )


def _choices(visit: Visit) -> dict[str, Any]:
    return {"roles": ROLES, "companies": list(visit.services.corpus.companies)}


async def create(visit: Visit) -> Response:
    """Create an account, and show its password once."""
    form, register = visit.form, visit.services.register
    try:
        account_id, password = await run_sync(
            register.create,
            visit.who.actor,
            form.get("name", ""),
            form.get("role", ""),
            _companies(visit),
            form.get("shown", ""),
            visit.lang,
        )
    except AccountError as error:
        return _new(visit, 422, problem_of(error, visit.lang))
    return await _handed_out(visit, account_id, password)


async def one(visit: Visit) -> Response:
    """One account."""
    return await _one(visit)


async def _one(visit: Visit, status: int = 200, problem: str = "") -> Response:
    account_id = visit.request.path_params["account"]
    try:
        account = await run_sync(visit.services.register.get, visit.who.actor, account_id)
    except AccountError:
        return failure(visit.request, "not_found", 404, visit.who)
    done = done if (done := visit.request.query_params.get("done", "")) in _DONE else ""
    path = f"/people/{account.id}"
    return visit.render("people_one.html", status, account=account, problem=problem, done=done, path=path, **_choices(visit))


async def _handed_out(visit: Visit, account_id: str, password: str) -> Response:
    """The page with a password to hand out; the address holds nothing of it, and nothing shows it again."""
    account = await run_sync(visit.services.register.get, visit.who.actor, account_id)
    return visit.render("people_password.html", account=account, password=password, path=f"/people/{account_id}")


def _act(name: str, run: Callable[[Visit, str], str | None]) -> Handler:
    """A write on one account; what is refused is said on its page.

    Args:
        name: of the sentence that says it is done.
        run: does it in a thread; returns a password to hand out, if there is one.
    """

    async def handler(visit: Visit) -> Response:
        account_id = visit.request.path_params["account"]
        try:
            password = await run_sync(run, visit, account_id)
        except AccountError as error:
            return await _one(visit, 422, problem_of(error, visit.lang))
        return visit.to(f"/people/{account_id}?done={name}") if password is None else await _handed_out(visit, account_id, password)

    return handler


def _change(visit: Visit, account_id: str) -> None:
    form = visit.form
    visit.services.register.change(visit.who.actor, account_id, form.get("role", ""), _companies(visit), form.get("shown", ""))


def _deactivate(visit: Visit, account_id: str) -> None:
    visit.services.register.deactivate(visit.who.actor, account_id)


def _activate(visit: Visit, account_id: str) -> str | None:
    return visit.services.register.activate(visit.who.actor, account_id)


def _reset_password(visit: Visit, account_id: str) -> str:
    return visit.services.register.reset_password(visit.who.actor, account_id)


def _reset_totp(visit: Visit, account_id: str) -> None:
    visit.services.register.reset_second_factor(visit.who.actor, account_id)


def _end_sessions(visit: Visit, account_id: str) -> None:
    visit.services.register.end_sessions(visit.who.actor, account_id)


def _companies(visit: Visit) -> list[str]:
    return [company for company in visit.services.corpus.companies if f"company-{company}" in visit.form]


ROUTES = [
    route("/people", first, "people"),
    route("/people", create, "people", ["POST"]),
    route("/people/new", new, "people"),
    route("/people/{account}", one, "people"),
    route("/people/{account}", _act("changed", _change), "people", ["POST"]),
    route("/people/{account}/deactivate", _act("deactivated", _deactivate), "people", ["POST"]),
    route("/people/{account}/activate", _act("activated", _activate), "people", ["POST"]),
    route("/people/{account}/password", _act("password", _reset_password), "people", ["POST"]),
    route("/people/{account}/totp", _act("totp", _reset_totp), "people", ["POST"]),
    route("/people/{account}/sessions", _act("sessions", _end_sessions), "people", ["POST"]),
]
