"""The forms of tickets: contact details go from the customer's page straight into the sealed store, and never through Rasa."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from madoguchi import LANGUAGES
from madoguchi.answers import phrase
from madoguchi.conversations import ConversationError
from madoguchi.requests import Contact, ContactError, RefusedError, RequestError, TicketView
from madoguchi.requests.states import AWAITING_CONTACT, AWAITING_VERIFICATION
from madoguchi.requests.wording import phrase as request_phrase

from .api import conversation_of, guarded, refusal
from .runtime import address_of, runtime_of
from .security import json_body
from .threads import run_sync

_PROOF: dict[str, type] = {"ticket": str, "link": str, "lang": str}
_DETAILS: dict[str, type] = {"name": str, "email": str, "phone": str, "address": str, "represented_name": str}
_STEPS = {AWAITING_CONTACT: "contact", AWAITING_VERIFICATION: "code"}


def _both(name: str) -> dict[str, str]:
    return {language: request_phrase(name, language) for language in LANGUAGES}


def _state(code: str) -> dict[str, Any]:
    return {"code": code, "label": _both(f"state_{code}")}


async def _ticket(request: Request, body: dict[str, Any]) -> tuple[TicketView, str | None]:
    """The ticket that a request may speak of, and the sender of the conversation that it belongs to.

    Raises:
        RefusedError: neither the conversation nor the link goes with it.
        ConversationError: no token, or `bad_request`.
    """
    requests = runtime_of(request).requests
    if ("ticket" in body) == ("link" in body):
        raise ConversationError("bad_request")
    if "link" in body:
        return await run_sync(requests.by_link, body["link"]), None
    sender = await run_sync(runtime_of(request).conversations.sender, await conversation_of(request))
    return await run_sync(requests.of_conversation, body["ticket"], sender), sender


def _asked(request_error: RequestError) -> Response:
    problems = request_error.problems if isinstance(request_error, ContactError) else None
    return refusal(request_error.code, problems=problems)


@guarded
async def notice(request: Request) -> Response:
    """The purpose notice, and which details the ticket wants."""
    body = await json_body(request, _PROOF)
    try:
        view, _ = await _ticket(request, body)
        notices = {language: await run_sync(runtime_of(request).requests.notice, view.number, language) for language in LANGUAGES}
    except RequestError as error:
        return _asked(error)
    names = runtime_of(request).layout.corpus.companies[view.company].full
    lang = body.get("lang", view.lang)
    return JSONResponse(
        {
            "ticket": view.number,
            "version": notices[lang if lang in LANGUAGES else view.lang].version,
            "text": {language: notices[language].text for language in LANGUAGES},
            "company": dict(names),
            "type": {language: phrase(f"type_{view.type}", language) for language in LANGUAGES},
            "channel": view.channel,
            "relation": view.relation,
            "step": _STEPS.get(view.state, "done"),
            "state": _state(view.state),
        }
    )


@guarded
async def contact(request: Request) -> Response:
    """Take contact details."""
    body = await json_body(request, {**_PROOF, **_DETAILS, "notice": str})
    if "notice" not in body:
        raise ConversationError("bad_request")
    details = Contact(**{name: body.get(name) for name in _DETAILS if name != "name"}, name=body.get("name", ""))
    try:
        view, sender = await _ticket(request, body)
        give = runtime_of(request).requests.give_contact
        after = await run_sync(give, view.number, details, body["notice"], sender, body.get("link"))
    except RequestError as error:
        return _asked(error)
    runtime_of(request).caretaker.hurry()
    await run_sync(runtime_of(request).handing.offer_for_request, sender, after.state)
    return JSONResponse({"step": _STEPS.get(after.state, "done"), "state": _state(after.state), "code_sent": after.code_sent})


@guarded
async def code(request: Request) -> Response:
    """Prove the mailbox."""
    body = await json_body(request, {"ticket": str, "link": str, "code": str})
    if "code" not in body:
        raise ConversationError("bad_request")
    try:
        view, sender = await _ticket(request, body)
        after = await run_sync(runtime_of(request).requests.verify_contact, view.number, body["code"])
    except RequestError as error:
        return _asked(error)
    runtime_of(request).caretaker.hurry()
    await run_sync(runtime_of(request).handing.offer_for_request, sender, after.state)
    return JSONResponse({"step": "done", "state": _state(after.state)})


@guarded
async def resend(request: Request) -> Response:
    """Send a new code."""
    body = await json_body(request, _PROOF)
    try:
        view, sender = await _ticket(request, body)
        is_sent = await run_sync(runtime_of(request).requests.resend_code, view.number, sender, body.get("link"))
    except RequestError as error:
        return _asked(error)
    runtime_of(request).caretaker.hurry()
    return JSONResponse({"step": "code", "state": _state(view.state), "code_sent": is_sent})


@guarded
async def status_code(request: Request) -> Response:
    """Have a code for the look-up sent; the reply tells nothing of whether there is such a ticket."""
    body = await json_body(request, {"ticket": str, "lang": str})
    if "ticket" not in body:
        raise ConversationError("bad_request")
    runtime = runtime_of(request)
    await run_sync(runtime.conversations.hold_address, address_of(request))
    await run_sync(runtime.requests.request_status_code, body["ticket"])
    runtime.caretaker.hurry()
    return JSONResponse({"sent": True}, 202)


@guarded
async def status(request: Request) -> Response:
    """The state of a ticket."""
    body = await json_body(request, {"ticket": str, "code": str})
    if not {"ticket", "code"} <= body.keys():
        raise ConversationError("bad_request")
    runtime = runtime_of(request)
    await run_sync(runtime.conversations.hold_address, address_of(request))
    try:
        found = await run_sync(runtime.requests.status, body["ticket"], body["code"])
    except RefusedError as error:
        return _asked(error)
    return JSONResponse(
        {
            "state": _state(found.state),
            "since": found.since.isoformat(),
            "company": dict(runtime.layout.corpus.companies[found.company].full),
            "type": {language: phrase(f"type_{found.type}", language) for language in LANGUAGES},
        }
    )


ROUTES = [
    Route("/api/requests/notice", notice, methods=["POST"]),
    Route("/api/requests/contact", contact, methods=["POST"]),
    Route("/api/requests/code", code, methods=["POST"]),
    Route("/api/requests/resend", resend, methods=["POST"]),
    Route("/api/requests/status-code", status_code, methods=["POST"]),
    Route("/api/requests/status", status, methods=["POST"]),
]
