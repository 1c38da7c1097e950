"""The customer API, as openapi.yml describes it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import datetime
from functools import lru_cache, wraps
from pathlib import Path
from typing import Any

import yaml
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from madoguchi import JAPAN, LANGUAGES
from madoguchi.answers.compose import contact_text
from madoguchi.conversations import ConversationError
from madoguchi.conversations.live import LIVE
from madoguchi.store import utc_now

from . import metrics
from .assistant import AssistantError
from .runtime import Runtime, address_of, runtime_of
from .security import hold_origin, json_body
from .threads import run_sync
from .wording import say

HEARTBEAT_SECONDS = 15.0
TYPING_SECONDS = 2.0
THERE_SECONDS = 20.0
MAX_SEQ = 1_000_000_000
MAX_OFFER = 20
_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")

_STATUS = {
    "unknown_conversation": 401,
    "no_token": 401,
    "gone": 410,
    "closed": 409,
    "too_large": 413,
    "too_long": 413,
    "too_fast": 429,
    "too_many_conversations": 429,
    "unknown_offer": 422,
    "not_votable": 422,
    "unknown_site": 404,
    "not_found": 404,
    "not_allowed": 405,
    "foreign_origin": 403,
    "refused": 403,
    "contact_invalid": 422,
    "notice_outdated": 409,
    "already_given": 409,
    "try_again": 503,
    "failure": 500,
}
Handler = Callable[[Request], Awaitable[Response]]


def refusal(
    code: str, retry_after: int | None = None, headers: Mapping[str, str] | None = None, problems: Mapping[str, str] | None = None
) -> JSONResponse:
    """A refusal in both languages; `problems`: what is wrong with which field of a form."""
    metrics.REFUSALS.labels(code).inc()
    body: dict[str, Any] = {"error": code, "message": {lang: say(code, lang) for lang in LANGUAGES}}
    headers = dict(headers or {})
    if problems:
        body["problems"] = dict(problems)
    if retry_after:
        body["retry_after"] = retry_after
        headers["Retry-After"] = str(retry_after)
    return JSONResponse(body, _STATUS.get(code, 400), headers)


def guarded(handler: Handler) -> Handler:
    """A handler that refuses writes from other origins, and whose refusals become replies."""

    @wraps(handler)
    async def run(request: Request) -> Response:
        try:
            if request.method not in ("GET", "HEAD"):
                hold_origin(request)
            return await handler(request)
        except ConversationError as error:
            return refusal(error.code, error.retry_after)

    return run


def _token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise ConversationError("no_token")
    if not _TOKEN.fullmatch(token):
        raise ConversationError("unknown_conversation")
    return token


async def conversation_of(request: Request) -> str:
    """The id of the conversation that the request's token stands for."""
    return await run_sync(runtime_of(request).conversations.find, _token(request))


def _number(request: Request, name: str, highest: int) -> int:
    return _digits(request.query_params.get(name, "0"), highest)


def _digits(raw: str, highest: int) -> int:
    if not (raw.isascii() and raw.isdecimal()) or len(raw) > 10 or int(raw) > highest:
        raise ConversationError("bad_request")
    return int(raw)


def _site(request: Request, site: str | None) -> str | None:
    if not site:
        return None
    if site not in runtime_of(request).layout.corpus.companies:
        raise ConversationError("unknown_site")
    return site


@guarded
async def info(request: Request) -> Response:
    """Who operates the assistant, and whether it can answer now."""
    runtime = runtime_of(request)
    site = _site(request, request.query_params.get("site"))
    corpus, now = runtime.layout.corpus, utc_now()
    contact = {lang: contact_text(corpus, site, lang, now) for lang in LANGUAGES} if site else {}
    return JSONResponse(
        {
            "operator": {lang: runtime.operator(lang) for lang in LANGUAGES},
            "keep_days": runtime.settings.keep_days,
            "site": site,
            "sites": [{"id": company.id, "name": dict(company.full)} for company in corpus.companies.values()],
            "assistant": runtime.client.presence,
            "contact": contact if any(contact.values()) else None,
        }
    )


@guarded
async def open_conversation(request: Request) -> Response:
    """Open a conversation."""
    body = await json_body(request, {"site": (str, type(None)), "lang": str})
    lang = body.get("lang", LANGUAGES[0])
    if lang not in LANGUAGES:
        raise ConversationError("bad_request")
    site = _site(request, body.get("site"))
    token, state = await run_sync(runtime_of(request).conversations.open, site, lang, address_of(request))
    return JSONResponse({"token": token, "conversation": state}, 201)


@guarded
async def state(request: Request) -> Response:
    """The conversation's state."""
    return JSONResponse(await run_sync(runtime_of(request).conversations.state, await conversation_of(request)))


@guarded
async def change(request: Request) -> Response:
    """Change the language."""
    mine = await conversation_of(request)
    body = await json_body(request, {"lang": str})
    if body.get("lang") not in LANGUAGES:
        raise ConversationError("bad_request")
    changed = await run_sync(runtime_of(request).conversations.set_language, mine, body["lang"])
    runtime_of(request).hub.wake(mine)
    return JSONResponse(changed)


@guarded
async def erase(request: Request) -> Response:
    """End the conversation and delete it, here and in Rasa's store."""
    runtime, mine = runtime_of(request), await conversation_of(request)
    erased = await run_sync(runtime.conversations.erase, mine)
    runtime.hub.wake(mine)
    events, is_pending = 0, False
    try:
        events = await runtime.client.erase(erased.sender)
        await run_sync(runtime.upkeep.erased, erased.sender)
    except AssistantError:
        is_pending = True
    return JSONResponse({"messages": erased.messages, "events": events, "pending": is_pending})


def _message(body: dict[str, Any]) -> dict[str, Any]:
    if (
        not _CLIENT_ID.fullmatch(body.get("client_id", ""))
        or ("text" in body) == ("offer" in body)
        or len(body.get("offer", "")) > MAX_OFFER
    ):
        raise ConversationError("bad_request")
    return body


@guarded
async def send(request: Request) -> Response:
    """Keep a message and have it answered."""
    runtime, token = runtime_of(request), _token(request)
    try:
        body = _message(await json_body(request, {"client_id": str, "text": str, "offer": str}))
    except ConversationError:
        await conversation_of(request)  # whoever has no conversation is told that first
        raise
    if "offer" in body:
        await run_sync(runtime.handing.before_press, await conversation_of(request), body["offer"])
    process = runtime.driver.process
    taken = await run_sync(runtime.conversations.take, token, body["client_id"], body.get("text"), body.get("offer"), process)
    runtime.driver.wake(taken.conversation_id, taken.claim)
    runtime.hub.wake(taken.conversation_id, taken.news)
    return JSONResponse(taken.message, 202)


@guarded
async def messages(request: Request) -> Response:
    """The messages after a number; with `wait`, as soon as something has changed."""
    runtime, mine = runtime_of(request), await conversation_of(request)
    after, wait = _number(request, "after", MAX_SEQ), _number(request, "wait", 25)
    with runtime.hub.subscribed(mine) as changed:
        found, now = first = await run_sync(runtime.conversations.messages, mine, after)
        if now["state"] in LIVE and wait:
            await run_sync(runtime.handovers.customer_is_there, mine)
        until = asyncio.get_running_loop().time() + wait
        while not found and now == first[1] and (left := until - asyncio.get_running_loop().time()) > 0:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(changed.wait(), min(left, _longest_wait(now)))
            changed.clear()
            found, now = await run_sync(runtime.conversations.messages, mine, after)
    return JSONResponse({"messages": found, "conversation": now})


@guarded
async def stream(request: Request) -> Response:
    """Messages and states as they come."""
    runtime, mine = runtime_of(request), await conversation_of(request)
    after = _number(request, "after", MAX_SEQ)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    if request.method == "HEAD":
        return Response(media_type="text/event-stream", headers=headers)
    return StreamingResponse(_events(runtime, mine, after), media_type="text/event-stream", headers=headers)


async def _events(runtime: Runtime, mine: str, after: int) -> AsyncIterator[str]:
    told: dict[str, Any] = {}
    now: dict[str, Any] = {}
    found: list[dict[str, Any]]
    version: int | None = None
    time, there_at = asyncio.get_running_loop().time, 0.0
    with runtime.hub.subscribed(mine) as changed:
        while True:
            changed.clear()
            news = changed.take(version)
            if news is None:
                try:
                    found, now, version = await run_sync(runtime.conversations.read, mine, after)
                except ConversationError:
                    yield "event: gone\ndata: {}\n\n"
                    return
            elif news:
                found, now, version = [message for each in news for message in each.messages], dict(news[-1].state), news[-1].version
            else:
                found = []
            events = [f"id: {message['seq']}\nevent: message\ndata: {_json(message)}\n\n" for message in found]
            after = max(after, now["last_seq"])
            if now != told:
                told = now
                events.append(f"event: state\ndata: {_json(now)}\n\n")
            if events:
                yield "".join(events)
            if now["state"] in LIVE and time() - there_at > THERE_SECONDS:
                there_at = time()
                await run_sync(runtime.handovers.customer_is_there, mine)
            try:
                await asyncio.wait_for(changed.wait(), _longest_wait(now))
            except asyncio.TimeoutError:
                changed.hear()
                yield ": still here\n\n"


def _longest_wait(state: dict[str, Any]) -> float:
    """When to look again although nothing was heard: that staff have stopped typing shows by time alone."""
    return TYPING_SECONDS if "typing" in state else HEARTBEAT_SECONDS


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@guarded
async def handover(request: Request) -> Response:
    """Call staff, or go back to the assistant."""
    runtime, mine = runtime_of(request), await conversation_of(request)
    body = await json_body(request, {"want": str})
    if body.get("want") not in ("person", "assistant"):
        raise ConversationError("bad_request")
    await run_sync(runtime.conversations.hold_address, address_of(request))
    await run_sync(runtime.handing.call if body["want"] == "person" else runtime.handovers.cancel, mine)
    runtime.hub.wake(mine)
    return JSONResponse(await run_sync(runtime.conversations.state, mine))


@guarded
async def typing(request: Request) -> Response:
    """Keep that the customer types, for staff."""
    runtime, mine = runtime_of(request), await conversation_of(request)
    body = await json_body(request, {"typing": bool})
    if "typing" not in body:
        raise ConversationError("bad_request")
    await run_sync(runtime.handovers.customer_types, mine, body["typing"])
    runtime.hub.wake(mine)
    return Response(status_code=204)


@guarded
async def feedback(request: Request) -> Response:
    """Keep a vote."""
    mine = await conversation_of(request)
    body = await json_body(request, {"helpful": bool, "with_words": bool})
    seq = _digits(request.path_params["seq"], MAX_SEQ)
    if "helpful" not in body or seq == 0:
        raise ConversationError("bad_request")
    await run_sync(runtime_of(request).conversations.vote, mine, seq, body["helpful"], body.get("with_words", False))
    return Response(status_code=204)


@guarded
async def transcript(request: Request) -> Response:
    """The conversation as a text file, in the language of the page."""
    runtime, mine = runtime_of(request), await conversation_of(request)
    found, now = await run_sync(runtime.conversations.messages, mine, 0)
    lang = now["lang"]
    lines = [say("transcript_title", lang), say("transcript_note", lang, operator=runtime.operator(lang)), ""]
    for message in found:
        at = datetime.fromisoformat(message["at"]).astimezone(JAPAN)
        lines += [f"[{at:%Y-%m-%d %H:%M}] {say('who_' + message['sender'], lang)}", *_plain(message["blocks"]), ""]
    return PlainTextResponse("\n".join(lines), headers={"Content-Disposition": 'attachment; filename="madoguchi.txt"'})


def _plain(blocks: list[dict[str, Any]]) -> list[str]:
    lines = []
    for block in blocks:
        if block["type"] == "form":
            continue
        if block["type"] == "list":
            lines += ["・" + "".join(run["text"] for run in item) for item in block["items"]]
        else:
            lines.append("".join(run["text"] for run in block["runs"]))
    return lines


@lru_cache(maxsize=1)
def description() -> dict[str, Any]:
    """The OpenAPI description."""
    loaded: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("openapi.yml").read_text(encoding="utf-8"))
    return loaded


async def openapi(_request: Request) -> Response:
    """The OpenAPI description as JSON."""
    return JSONResponse(description())


def _by_method(**handlers: Handler) -> Handler:
    """One route for all methods of a path, so that a refused method is told which there are."""

    async def run(request: Request) -> Response:
        return await handlers["GET" if request.method == "HEAD" else request.method](request)

    return run


ROUTES = [
    Route("/api/info", info),
    Route("/api/openapi.json", openapi),
    Route("/api/conversations", open_conversation, methods=["POST"]),
    Route("/api/conversation", _by_method(GET=state, PATCH=change, DELETE=erase), methods=["GET", "PATCH", "DELETE"]),
    Route("/api/conversation/messages", _by_method(GET=messages, POST=send), methods=["GET", "POST"]),
    Route("/api/conversation/stream", stream),
    Route("/api/conversation/handover", handover, methods=["POST"]),
    Route("/api/conversation/typing", typing, methods=["POST"]),
    Route("/api/conversation/messages/{seq}/feedback", feedback, methods=["PUT"]),
    Route("/api/conversation/transcript", transcript),
]
