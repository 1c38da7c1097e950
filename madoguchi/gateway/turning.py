"""Takes customers' questions to the assistant and its answers back, and does what has to be done every now and then."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NoReturn

from sqlalchemy.exc import SQLAlchemyError

from madoguchi import MadoguchiError
from madoguchi.answers.compose import contact_text
from madoguchi.conversations import Claim, Draft, Turns, Upkeep
from madoguchi.office import forget_mails
from madoguchi.requests import Mailer, Retention
from madoguchi.settings import Settings
from madoguchi.store import utc_now
from madoguchi.text import MAX_ACCEPTED

from . import metrics
from .assistant import AssistantAwayError, AssistantClient, AssistantError
from .blocks import Layout
from .handing import Handing
from .hub import Hub
from .threads import run_sync
from .wording import say

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 1.0
UPKEEP_SECONDS = 30.0
MAIL_SECONDS = 10.0
RETRY_AWAY = timedelta(seconds=2)
GIVE_UP = timedelta(minutes=10)
"""A question older than this is not answered out of the blue; the customer may ask it again by a button."""


class TurnDriver:
    """Answers questions: one turn of a conversation at a time, however many processes there are."""

    def __init__(self, turns: Turns, client: AssistantClient, hub: Hub, layout: Layout, handing: Handing) -> None:
        self._turns = turns
        self._handing = handing
        self._client = client
        self._hub = hub
        self._layout = layout
        self._running: dict[str, asyncio.Task[None]] = {}
        self._due: dict[str, Claim | None] = {}

    def wake(self, conversation_id: str, claim: Claim | None = None) -> None:
        """See to a conversation's questions, in the background; `claim`: on one that is this process's already."""
        self._due[conversation_id] = claim or self._due.get(conversation_id)
        if conversation_id not in self._running:
            self._running[conversation_id] = asyncio.create_task(self._serve(conversation_id))

    async def sweep(self) -> NoReturn:
        """Go on with questions that a process left behind, or that wait for the assistant to be there."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            try:
                for conversation_id in await run_sync(self._turns.waiting):
                    self.wake(conversation_id)
            except SQLAlchemyError as error:
                logger.error("sweep failed", exc_info=error)

    async def stop(self) -> None:
        """Wait for the turns under way."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    @property
    def process(self) -> str:
        """What this process's claims are marked with."""
        return self._turns.process

    async def _serve(self, conversation_id: str) -> None:
        try:
            while conversation_id in self._due:
                claim = self._due.pop(conversation_id) or await run_sync(self._turns.claim, conversation_id)
                while claim:
                    claim = await self._turn(claim)
        except SQLAlchemyError as error:
            logger.error("turn failed, the question is kept", exc_info=error)
        finally:
            # Whoever wakes it from here on starts it anew.
            del self._running[conversation_id]
            self._due.pop(conversation_id, None)

    async def _turn(self, claim: Claim) -> Claim | None:
        """One question; returns the next, where there is one and this one has not to wait."""
        try:
            if await self._handing.is_called_at_once(claim):
                drafts = []
            else:
                draft = await self._ask(claim)
                metrics.TURNS.labels("answered").inc()
                answer = draft.body["answer"]
                metrics.REPLIES.labels(answer["kind"], answer["company"] or "", answer["language"]).inc()
                drafts = await self._handing.drafts(claim, draft)
        except AssistantAwayError:
            if utc_now() - claim.asked_at < GIVE_UP:
                metrics.TURNS.labels("postponed").inc()
                told = None if claim.is_told else self._sorry(claim, "starting" if self._client.presence == "starting" else "away")
                await run_sync(self._turns.postpone, claim, utc_now() + RETRY_AWAY, told)
                self._hub.wake(claim.conversation_id)
                return None
            drafts = [self._failure(claim, "away too long")]
        except AssistantError as error:
            drafts = [self._failure(claim, error.reason)]
        kept = await run_sync(self._turns.answer, claim, drafts)
        self._hub.wake(claim.conversation_id, kept.news)
        if not kept:
            await self._forget(claim.sender)
        metrics.TURN_SECONDS.observe((utc_now() - claim.asked_at).total_seconds())
        return kept.next

    def _laid_out(self, messages: list[dict[str, Any]]) -> Draft:
        try:
            return self._layout.reply(messages)
        except (LookupError, TypeError, AttributeError, StopIteration) as error:
            raise AssistantError(f"the reply cannot be read ({type(error).__name__})") from error

    async def _ask(self, claim: Claim) -> Draft:
        """The assistant's answer; a failed turn is tried once more."""
        # Cleaning and masking may lengthen a text; the understanding reads its beginning.
        text = claim.text[:MAX_ACCEPTED]
        try:
            return self._laid_out(await self._client.ask(claim.sender, text, claim.site, claim.lang))
        except AssistantAwayError:
            raise
        except AssistantError as error:
            logger.warning("a turn is tried again: %s", error.reason)
            await asyncio.sleep(0.3)
            return self._laid_out(await self._client.ask(claim.sender, text, claim.site, claim.lang))

    async def _forget(self, sender: str) -> None:
        """The conversation was deleted during the turn, whose events came after that; what fails here is done later."""
        try:
            await self._client.erase(sender)
        except AssistantError as error:
            logger.warning("events of a deleted conversation are erased later: %s", error.reason)

    def _failure(self, claim: Claim, reason: str) -> Draft:
        logger.error("a turn failed: %s", reason)
        metrics.TURNS.labels("failed").inc()
        return self._sorry(claim, "failed")

    def _sorry(self, claim: Claim, code: str) -> Draft:
        lines = [say(code, claim.lang)]
        contact = contact_text(self._layout.corpus, claim.site, claim.lang, utc_now()) if claim.site else None
        lines += [contact] if contact else []
        offers = [{"title": say("retry", claim.lang), "payload": claim.text}] if code == "failed" else []
        return self._layout.system(code, lines, claim.lang, offers)


class Caretaker:
    """Closes idle conversations, purges old ones once a day, carries out erasures, keeps an eye on the assistant."""

    def __init__(self, upkeep: Upkeep, client: AssistantClient, hub: Hub, settings: Settings, mailer: Mailer, retention: Retention) -> None:
        self._upkeep = upkeep
        self._mailer = mailer
        self._retention = retention
        self._has_mail = asyncio.Event()
        self._client = client
        self._hub = hub
        self._settings = settings

    async def watch(self) -> NoReturn:
        """Know whether the assistant is there before a customer asks, and serve the metrics where no other process does."""
        server = None
        while True:
            await self._client.model()
            metrics.READERS.set(self._hub.readers)
            server = server or metrics.serve(self._settings.metrics_port)
            await asyncio.sleep(2.0)

    async def tend(self) -> NoReturn:
        """Run what is due."""
        while True:
            await self._quietly(self._tend)
            await asyncio.sleep(UPKEEP_SECONDS)

    def hurry(self) -> None:
        """Have mails sent at once: somebody waits for a code."""
        self._has_mail.set()

    async def post(self) -> NoReturn:
        """Send the mails that are due."""
        while True:
            await self._quietly(self._deliver)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._has_mail.wait(), MAIL_SECONDS)

    async def _deliver(self) -> None:
        self._has_mail.clear()
        await run_sync(self._mailer.deliver)

    async def erase_due(self) -> None:
        """Delete the events of deleted conversations from Rasa's store."""
        for sender in await run_sync(self._upkeep.erasures_due):
            try:
                await self._client.erase(sender)
            except AssistantAwayError:
                raise
            except AssistantError as error:
                logger.warning("events of a deleted conversation are erased later: %s", error.reason)
            else:
                await run_sync(self._upkeep.erased, sender)

    async def _tend(self) -> None:
        await run_sync(self._upkeep.close_idle)
        if await run_sync(self._upkeep.take_job, "purge", timedelta(days=1)):
            count = await run_sync(self._upkeep.purge, timedelta(days=self._settings.keep_days))
            logger.info("purged %d conversations", count)
            await run_sync(self._retention.run)
            await run_sync(forget_mails, self._settings)
        await self.erase_due()

    async def _quietly(self, run: Callable[[], object]) -> None:
        try:
            await run()  # type: ignore[misc]
        except (SQLAlchemyError, MadoguchiError, OSError) as error:
            logger.warning("upkeep is tried again: %s", type(error).__name__)
