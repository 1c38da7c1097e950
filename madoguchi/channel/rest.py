"""Rasa's REST channel, made safe: same path and reply as the stock one, named by class path in credentials.yml.

Import of this module sets up the logs and the adjustments, before a message can come in.
"""

from __future__ import annotations

import asyncio
import gc
import hmac
import json
import logging
import secrets
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from rasa.core.channels.channel import CollectingOutputChannel, UserMessage
from rasa.core.channels.rest import RestInput
from rasa.core.tracker_store import FailSafeTrackerStore
from sanic import Blueprint, Sanic, response
from sanic.request import Request
from sanic.response import HTTPResponse

from madoguchi import LANGUAGES
from madoguchi.corpus import shared_corpus
from madoguchi.nlu import adjustments
from madoguchi.settings import Settings
from madoguchi.text import MAX_ACCEPTED
from madoguchi.understanding.understand import points_back

from .errors import BadRequestError, Problem, problem_of
from .tracker_store import RecentEventsTrackerStore

adjustments.install()
logger = logging.getLogger(__name__)

MAX_BODY = 64 * 1024
MAX_SENDER = 200
TURN_SECONDS = 15.0


class MadoguchiInput(RestInput):
    """`POST /webhooks/rest/webhook`, `DELETE /webhooks/rest/conversations/<sender>`."""

    def __init__(self, channel_key: str | None, erasure_key: str) -> None:
        """Create the channel.

        Args:
            channel_key: what callers have to send as X-Madoguchi-Key; None: no key is asked for.
            erasure_key: what callers of the erasure route have to send.
        """
        self._channel_key = channel_key
        self._erasure_key = erasure_key

    @classmethod
    def from_credentials(cls, credentials: dict[str, Any] | None) -> MadoguchiInput:
        """Create the channel from the environment's settings; credentials.yml holds no keys."""
        settings = Settings.load()
        return cls(settings.channel_key, settings.erasure_key)

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        """The routes of the channel."""
        blueprint = Blueprint("madoguchi_rest", __name__)

        @blueprint.listener("after_server_start")
        async def settle(_app: Sanic, _loop: asyncio.AbstractEventLoop) -> None:
            gc.enable()
            gc.freeze()  # Rasa and the model stay: to look through them for garbage would stop a turn for 0.1 s now and then
            gc.set_threshold(20_000)  # and in what a turn leaves, once in some turns and not many times in each

        @blueprint.listener("before_server_stop")
        async def hang_up(_app: Sanic, _loop: asyncio.AbstractEventLoop) -> None:
            await adjustments.close()

        @blueprint.route("/", methods=["GET"])
        async def health(request: Request) -> HTTPResponse:
            agent = getattr(request.app.ctx, "agent", None)
            model = Path(agent.processor.model_path).name if agent and agent.processor else None
            return response.json({"status": "ok", "model": model})

        @blueprint.route("/webhook", methods=["POST"])
        async def receive(request: Request) -> HTTPResponse:
            try:
                _authorise(request, self._channel_key)
                message = _message(request, self.name())
            except BadRequestError as error:
                return _refusal(error.problem)
            return await _turn(on_new_message, message, request)

        @blueprint.route("/conversations/<sender:path>", methods=["DELETE"])
        async def erase(request: Request, sender: str) -> HTTPResponse:
            try:
                _authorise(request, self._erasure_key)
            except BadRequestError as error:
                return _refusal(error.problem)
            store = _tracker_store(request)
            if store is None:
                return _refusal(problem_of("no_erasure"))
            async with request.app.ctx.agent.lock_store.lock(sender):  # a turn that goes on would be written afterwards
                return response.json({"erased": await asyncio.to_thread(store.erase, sender)})

        return blueprint


def _tracker_store(request: Request) -> RecentEventsTrackerStore | None:
    """Our own tracker store, where endpoints.yml names it."""
    store = request.app.ctx.agent.tracker_store
    while isinstance(store, FailSafeTrackerStore):
        store = store._tracker_store
    return store if isinstance(store, RecentEventsTrackerStore) else None


def _answered_last(request: Request, sender: str) -> str | None:
    """The clause or gap that a conversation's last answer was about; the understanding sees no tracker, so it goes with the message."""
    store = _tracker_store(request)
    entries = store.value(sender, "entries") if store else None
    return str(entries[0]) if entries else None


def _authorise(request: Request, key: str | None) -> None:
    given = request.headers.get(adjustments.KEY_HEADER, "")
    if key is not None and not hmac.compare_digest(given.encode(), key.encode()):
        raise BadRequestError("no_key")


def _message(request: Request, channel: str) -> UserMessage:
    """The message of a request, with everything about it checked.

    Raises:
        BadRequestError: the body is too large, no JSON object, or a field has the wrong type or length.
    """
    if len(request.body) > MAX_BODY:
        raise BadRequestError("body_too_large")
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise BadRequestError("no_json") from error
    if not isinstance(body, dict):
        raise BadRequestError("no_object")
    text, sender, metadata = body.get("message"), body.get("sender"), body.get("metadata")
    if not isinstance(text, str):
        raise BadRequestError("no_message")
    if len(text) > MAX_ACCEPTED:
        raise BadRequestError("message_too_long")
    if sender is None or sender == "":
        sender = uuid.uuid4().hex
    if not isinstance(sender, str) or len(sender) > MAX_SENDER or not sender.isprintable():
        raise BadRequestError("bad_sender")
    if metadata is not None and not isinstance(metadata, dict):
        raise BadRequestError("bad_metadata")
    return UserMessage(text, CollectingOutputChannel(), sender, input_channel=channel, metadata=_allowed(metadata or {}))


def _allowed(metadata: dict[str, Any]) -> dict[str, str]:
    """The metadata that is kept: a known company's `site`, a language as `lang`, `via: web` of our own page; all else is dropped."""
    kept = {}
    site, lang = metadata.get("site"), metadata.get("lang")
    if isinstance(site, str) and site in shared_corpus().companies:
        kept["site"] = site
    if lang in LANGUAGES:
        kept["lang"] = lang
    if metadata.get("via") == "web":
        kept["via"] = "web"
    return kept


def _refusal(problem: Problem) -> HTTPResponse:
    return response.json({"error": problem.code, "message": {"ja": problem.ja, "en": problem.en}}, status=problem.status)


async def _turn(on_new_message: Callable[[UserMessage], Awaitable[Any]], message: UserMessage, request: Request) -> HTTPResponse:
    """Have Rasa handle a message; a failure is a 5xx with an error id and never an empty list."""
    started = time.monotonic()
    try:
        if points_back(message.text or ""):
            message.metadata = {**(message.metadata or {}), "about": _answered_last(request, message.sender_id)}
        await asyncio.wait_for(on_new_message(message), TURN_SECONDS)
        messages = message.output_channel.messages
        if messages:
            return response.json(messages, dumps=_dumps)
        code = "no_reply"
    except asyncio.TimeoutError:
        code = "too_slow"
    except Exception as error:  # whatever Rasa raises, the caller gets an answer and the log an id
        logger.error("turn failed", exc_info=error)
        code = "failed"
    error_id = secrets.token_hex(4)
    logger.error("turn without reply: %s, error id %s, after %.1f s", code, error_id, time.monotonic() - started)
    problem = problem_of(code)
    return response.json(
        {"error": problem.code, "error_id": error_id, "message": {"ja": problem.ja, "en": problem.en}}, status=problem.status
    )


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
