"""Live chats as they happen: what every page's badge shows, and an open chat. Server-sent events over the console's session."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response, StreamingResponse

from madoguchi.conversations import ConversationError, LiveChat
from madoguchi.gateway.threads import run_sync
from madoguchi.requests import ForbiddenError

from .chat_view import Lists, helpers, shown
from .rights import RIGHTS
from .visit import Visit, signed_in

BEAT_SECONDS = 10.0
TYPING_SECONDS = 2.0
SESSION_SECONDS = 30.0
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


async def pulse(visit: Visit) -> Response:
    """How many wait and what is unread, as it changes; as long as it is read, its reader's console counts as open."""
    return StreamingResponse(_pulse(visit), media_type="text/event-stream", headers=_HEADERS)


async def _pulse(visit: Visit) -> AsyncIterator[str]:
    services, told = visit.services, ""
    time = asyncio.get_running_loop().time
    beat_at = 0.0
    is_available = False
    with services.board.watched() as changed, contextlib.suppress(ConversationError):
        while True:
            changed.clear()
            if beat_at == 0.0 or time() - beat_at >= BEAT_SECONDS:
                visit = await _still(visit)
                is_available = await run_sync(services.presence.beat, visit.who.actor)
                beat_at = time()
            lists = Lists.of(visit, services.board.rows)
            news = {
                "waiting": len(lists.waiting),
                "unread": lists.unread,
                "available": is_available,
                "newest": max((row.waiting_since.isoformat() for row in lists.waiting), default=""),
                "revision": lists.revision(),
            }
            data = json.dumps(news, default=str, separators=(",", ":"))
            # A page counts what it hears: silence for longer than the heartbeat means that the line is broken.
            yield f"event: pulse\ndata: {data}\n\n" if data != told else _event("beat", {})
            told = data
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(changed.wait(), BEAT_SECONDS)


async def chat(visit: Visit) -> Response:
    """An open chat: its messages after a number as pieces of its page, and what changes about it."""
    raw = visit.request.query_params.get("after", "0")
    after = int(raw) if raw.isdecimal() and len(raw) < 10 else 0
    mine = visit.request.path_params["id"]
    await run_sync(visit.services.chats.chat, mine, visit.who.actor)
    return StreamingResponse(_chat(visit, mine, after), media_type="text/event-stream", headers=_HEADERS)


async def _chat(visit: Visit, mine: str, after: int) -> AsyncIterator[str]:
    chats, hub = visit.services.chats, visit.services.runtime.hub
    time = asyncio.get_running_loop().time
    names = await run_sync(visit.services.accounts.names)
    told: dict[str, Any] = {}
    head: object = None
    signed_at = checked_at = 0.0
    try:
        with hub.subscribed(mine) as changed:
            while True:
                changed.clear()
                if checked_at == 0.0 or time() - checked_at >= SESSION_SECONDS:
                    visit, checked_at = await _still(visit), time()
                if signed_at == 0.0 or time() - signed_at >= BEAT_SECONDS:
                    await run_sync(chats.sign, mine, visit.who.actor)
                    signed_at = time()
                state, found = await run_sync(chats.follow, mine, visit.who.actor, after)
                for message in shown(visit, found, names):
                    after = message["seq"]
                    yield _event("message", {"seq": after, "sender": message["sender"], "html": piece(visit, message)})
                now = fleeting(visit, state, names)
                new_head = (now["mode"], state.taken_by, state.company, state.lang, state.outcome, now["replied"])
                if now != told or new_head != head:
                    yield _event("state", now | ({"head": head_of(visit, state, names)} if new_head != head else {}))
                    told, head = now, new_head
                else:
                    yield _event("beat", {})
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(changed.wait(), TYPING_SECONDS if state.customer_types else BEAT_SECONDS)
    except (ConversationError, ForbiddenError):
        yield _event("gone", {})
    finally:
        # The reader may be gone while this is cancelled; leaving is worth a moment all the same.
        with contextlib.suppress(SQLAlchemyError, ConversationError):
            await asyncio.shield(asyncio.ensure_future(run_sync(chats.leave, mine, visit.who.actor)))


async def _still(visit: Visit) -> Visit:
    """The visit with what its account is now.

    Raises:
        ConversationError: `gone`, the session has ended or the account has no right to chats any more.
    """
    who = await signed_in(visit.request)
    if who is None or who.role not in RIGHTS["chats"]:
        raise ConversationError("gone")
    return replace(visit, who=who)


def fleeting(visit: Visit, chat: LiveChat, names: Mapping[str, str]) -> dict[str, Any]:
    """What changes about a chat beside its messages."""
    viewers = [names.get(account, "") for account in chat.viewers if account != chat.taken_by]
    between = "、" if visit.lang == "ja" else ", "
    return {
        "mode": mode_of(visit, chat),
        "viewers": visit.say("chats.viewed_by", names=between.join(filter(None, viewers))) if any(viewers) else "",
        "types": chat.customer_types,
        "there": chat.customer_is_there,
        "replied": chat.first_reply_at is not None,
    }


def mode_of(visit: Visit, chat: LiveChat) -> str:
    """What somebody may do: `queued` take it, `mine` answer, `other` read and leave notes, `ended` read."""
    if chat.state != "human":
        return chat.state
    return "mine" if chat.taken_by == visit.who.id else "other"


def head_of(visit: Visit, chat: LiveChat, names: Mapping[str, str]) -> str:
    """The piece of the page above the messages."""
    return _html(visit, "chats_head.html", chat=chat, mode=mode_of(visit, chat), taken_by=names.get(chat.taken_by or "", ""))


def piece(visit: Visit, message: Mapping[str, Any]) -> str:
    """A message as a piece of the page."""
    return _html(visit, "chats_message.html", message=message)


def _html(visit: Visit, template: str, **context: Any) -> str:
    return bytes(visit.render(template, **helpers(visit), **context).body).decode()


def _event(name: str, data: Mapping[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n"
