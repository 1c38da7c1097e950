"""The console's live chats: the queue, a chat beside it, and what staff do there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response

from madoguchi import JAPAN
from madoguchi.conversations import ConversationError, HandoverError, LiveChat, Row
from madoguchi.conversations.handover_tables import OUTCOMES
from madoguchi.conversations.tables import NOTE
from madoguchi.gateway.threads import run_sync

from .chat_streams import chat as chat_stream
from .chat_streams import fleeting, mode_of, pulse
from .chat_view import MAX_TEXT, Lists, canned, helpers, known_clauses, noted, personal, short_time, shown, tidy, written
from .visit import Visit, local, route

_MAX_CLIENT_ID = 64


async def first(visit: Visit) -> Response:
    """The queue, no chat open."""
    return await _page(visit)


async def one(visit: Visit) -> Response:
    """A chat beside the queue."""
    services, mine, actor = visit.services, visit.request.path_params["id"], visit.who.actor
    try:
        chat = await run_sync(services.chats.chat, mine, actor, True)
    except ConversationError as error:
        raise HTTPException(404) from error
    messages = await run_sync(services.chats.messages, mine, actor)
    await run_sync(services.chats.log, mine, actor, "chat_shown")
    names = await run_sync(services.accounts.names)
    return await _page(
        visit,
        chat=chat,
        mode=mode_of(visit, chat),
        fleeting=fleeting(visit, chat, names),
        taken_by=names.get(chat.taken_by or "", ""),
        messages=shown(visit, messages, names),
        last_seq=max((message["seq"] for message in messages), default=0),
        canned=canned(services.runtime.layout, chat.company),
        max_text=MAX_TEXT,
    )


async def _page(visit: Visit, chat: LiveChat | None = None, **context: Any) -> Response:
    context |= helpers(visit)
    is_available = await run_sync(visit.services.presence.is_available, visit.who.actor)
    return visit.render(
        "chats_page.html", area="chats", chat=chat, is_available=is_available, outcomes=OUTCOMES, **await _lists(visit, chat), **context
    )


async def _lists(visit: Visit, chat: LiveChat | None = None) -> dict[str, Any]:
    services = visit.services
    rows = await run_sync(services.chats.board)
    ended = await run_sync(services.chats.recent, visit.who.actor)
    return {
        "lists": Lists.of(visit, rows, ended),
        "names": await run_sync(services.accounts.names),
        "wait_seconds": services.settings.wait_minutes * 60,
        "short_time": short_time,
        "open_id": chat.conversation_id if chat is not None else visit.request.query_params.get("open", ""),
    }


async def queue(visit: Visit) -> Response:
    """The list alone, for a page that shows it."""
    return visit.render("chats_list.html", **await _lists(visit))


async def available(visit: Visit) -> Response:
    """Take chats, or take none."""
    is_available = visit.form.get("available") == "1"
    await run_sync(visit.services.presence.set_available, visit.who.actor, is_available)
    return visit.render("chats_available.html", is_available=is_available) if visit.is_piece else visit.to("/chats")


async def take(visit: Visit) -> Response:
    """Take a chat; where a colleague was quicker, say who."""
    return await _move(visit, visit.services.chats.take)


async def to_assistant(visit: Visit) -> Response:
    """Give a chat back to the assistant."""
    return await _move(visit, visit.services.chats.to_assistant)


async def close(visit: Visit) -> Response:
    """End a chat."""
    return await _move(visit, visit.services.chats.close, visit.form.get("outcome", ""))


async def transfer(visit: Visit) -> Response:
    """Give a chat to a colleague or back to the queue."""
    to, text = visit.form.get("to", ""), tidy(visit.form.get("note", ""))[:MAX_TEXT]
    return await _move(visit, visit.services.chats.transfer, to or None, noted(visit, text) if text else None)


async def _move(visit: Visit, move: Callable[..., None], *arguments: Any) -> Response:
    mine = visit.request.path_params["id"]
    try:
        await run_sync(move, mine, visit.who.actor, *arguments)
    except HandoverError as error:
        return await _refused(visit, error)
    await _moved(visit, mine)
    return Response(status_code=204)


async def _moved(visit: Visit, conversation_id: str) -> None:
    visit.services.runtime.hub.wake(conversation_id)
    await run_sync(visit.services.runtime.handovers.move_up)


async def _refused(visit: Visit, error: HandoverError) -> Response:
    names = await run_sync(visit.services.accounts.names)
    name = names.get(error.by or "") or visit.say("chats.a_colleague")
    text = visit.say(f"chats.error_{error.code}", who=name)
    if visit.is_piece:
        return visit.render("notice.html", 409, text=text)
    return JSONResponse({"error": text}, 409)


async def colleagues(visit: Visit) -> Response:
    """Whom a chat can be given to."""
    services = visit.services
    chat = await run_sync(services.chats.chat, visit.request.path_params["id"], visit.who.actor)
    there = await run_sync(services.presence.colleagues, visit.who.actor, chat.company)
    names = await run_sync(services.accounts.names)
    found = sorted(((account, names[account]) for account in there if account in names), key=lambda each: each[1])
    return visit.render("chats_colleagues.html", colleagues=found)


async def say(visit: Visit) -> Response:
    """Write to the customer; what looks like personal data has to be confirmed."""
    services, mine = visit.services, visit.request.path_params["id"]
    text, client_id = tidy(visit.form.get("text", "")), visit.form.get("client_id", "")[:_MAX_CLIENT_ID] or None
    if problem := _problem(visit, text):
        return problem
    if visit.form.get("confirmed") != "1" and (kinds := personal(text)):
        between = "、" if visit.lang == "ja" else ", "
        found = between.join(visit.say(f"chats.masked_{kind.replace(' ', '_').replace('-', '_')}") for kind in kinds)
        return JSONResponse({"warning": visit.say("chats.personal", kinds=found)}, 409)
    chat = await run_sync(services.chats.chat, mine, visit.who.actor)
    clauses = known_clauses(services.corpus, visit.form.get("clauses", ""))
    draft = written(visit, services.runtime.layout, chat, text, clauses, client_id)
    return await _kept(visit, services.chats.say, draft)


async def note(visit: Visit) -> Response:
    """Leave a note for colleagues."""
    text = tidy(visit.form.get("text", ""))
    if problem := _problem(visit, text):
        return problem
    draft = noted(visit, text, visit.form.get("client_id", "")[:_MAX_CLIENT_ID] or None)
    return await _kept(visit, visit.services.chats.note, draft)


def _problem(visit: Visit, text: str) -> Response | None:
    if text and len(text) <= MAX_TEXT:
        return None
    return JSONResponse({"error": visit.say("chats.too_long" if text else "chats.empty", most=MAX_TEXT)}, 422)


async def _kept(visit: Visit, keep: Callable[..., int], draft: Any) -> Response:
    mine = visit.request.path_params["id"]
    try:
        seq = await run_sync(keep, mine, visit.who.actor, draft)
    except HandoverError as error:
        return await _refused(visit, error)
    visit.services.runtime.hub.wake(mine)
    return JSONResponse({"seq": seq})


async def sign(visit: Visit) -> Response:
    """Somebody types, or has read."""
    mine, read, typing = visit.request.path_params["id"], visit.form.get("read", ""), visit.form.get("typing")
    seq = int(read) if read.isdecimal() and len(read) < 10 else None
    await run_sync(visit.services.chats.sign, mine, visit.who.actor, seq, None if typing is None else typing == "1")
    visit.services.runtime.hub.wake(mine)
    return Response(status_code=204)


async def transcript(visit: Visit) -> Response:
    """A chat as a text file; with notes only where they are asked for."""
    services, mine = visit.services, visit.request.path_params["id"]
    with_notes = visit.request.query_params.get("notes") == "1"
    chat = await run_sync(services.chats.chat, mine, visit.who.actor)
    messages = await run_sync(services.chats.messages, mine, visit.who.actor)
    await run_sync(services.chats.log, mine, visit.who.actor, "chat_exported")
    names = await run_sync(services.accounts.names)
    lines = [
        visit.say("chats.transcript_title"),
        visit.say("chats.transcript_about", company=_company(visit, chat), queued=local(chat.queued_at)),
        visit.say("chats.transcript_zone"),
        "",
    ]
    for message in shown(visit, messages, names):
        if message["sender"] == NOTE and not with_notes:
            continue
        lines += [f"[{message['created_at'].astimezone(JAPAN):%Y-%m-%d %H:%M:%S}] {message['who']}", message["text"]]
        lines += [f"({', '.join(message['citations'])})"] if message["citations"] else []
        lines.append("")
    name = f"chat-{chat.queued_at.astimezone(JAPAN):%Y%m%d-%H%M}.txt"
    return PlainTextResponse("\n".join(lines), headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _company(visit: Visit, chat: LiveChat | Row) -> str:
    return visit.company_name(chat.company) or visit.say("chats.no_company")


ROUTES = [
    route("/chats", first, "chats"),
    route("/chats/pulse", pulse, "chats"),
    route("/chats/queue", queue, "chats"),
    route("/chats/available", available, "chats", ["POST"]),
    route("/chats/{id}", one, "chats"),
    route("/chats/{id}/stream", chat_stream, "chats"),
    route("/chats/{id}/colleagues", colleagues, "chats"),
    route("/chats/{id}/transcript", transcript, "chats"),
    route("/chats/{id}/take", take, "chats", ["POST"]),
    route("/chats/{id}/say", say, "chats", ["POST"]),
    route("/chats/{id}/note", note, "chats", ["POST"]),
    route("/chats/{id}/sign", sign, "chats", ["POST"]),
    route("/chats/{id}/transfer", transfer, "chats", ["POST"]),
    route("/chats/{id}/assistant", to_assistant, "chats", ["POST"]),
    route("/chats/{id}/close", close, "chats", ["POST"]),
]
