"""Live chats as pages show them: rows of the list, messages, and what staff write with its sources."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from madoguchi import JAPAN, LANGUAGES, Language
from madoguchi.answers import compose, phrase
from madoguchi.conversations import Draft, LiveChat, Row
from madoguchi.conversations.tables import NOTE, PERSON
from madoguchi.corpus import Clause, Corpus
from madoguchi.gateway.blocks import Layout
from madoguchi.requests.wording import phrase as request_phrase
from madoguchi.store import utc_now
from madoguchi.text import language_of, mask

from .visit import Visit

MAX_TEXT = 2_000
MAX_CLAUSES = 5
_CANNED = Path(__file__).with_name("canned.yml")


@dataclass(frozen=True)
class Lists:
    """What somebody sees in the list.

    Attributes:
        waiting: in the order of the queue; `mine`, `others`: taken by them, by colleagues; `ended`: had by them until lately.
    """

    waiting: list[Row]
    mine: list[Row]
    others: list[Row]
    ended: list[Row]

    @classmethod
    def of(cls, visit: Visit, rows: Sequence[Row], ended: Sequence[Row] = ()) -> Lists:
        """Sort what their companies let somebody see."""
        seen = [row for row in rows if row.company is None or row.company in visit.who.companies]
        mine = sorted((row for row in seen if row.taken_by == visit.who.id), key=lambda row: row.queued_at)
        others = [row for row in seen if row.taken_by not in (None, visit.who.id)]
        return cls([row for row in seen if row.taken_by is None], mine, others, list(ended))

    @property
    def unread(self) -> int:
        """Chats of theirs in which the customer wrote something new."""
        return sum(row.is_unread for row in self.mine)

    def revision(self) -> list[Any]:
        """Equal where the list looks the same."""
        return [
            [(row.conversation_id, row.company, row.last_seq) for row in self.waiting],
            [(row.conversation_id, row.last_seq, row.is_unread, row.first_reply_at is None) for row in self.mine],
            [(row.conversation_id, row.taken_by) for row in self.others],
        ]


def short_time(moment: datetime) -> str:
    """A time of today by the clock, of another day with its date."""
    local, today = moment.astimezone(JAPAN), utc_now().astimezone(JAPAN).date()
    return local.strftime("%H:%M") if local.date() == today else local.strftime("%m/%d %H:%M")


def helpers(visit: Visit) -> dict[str, Any]:
    """What templates of chats call: where a clause is looked up, and names for people."""
    corpus, lang = visit.services.corpus, visit.lang

    def clause_title(name: str) -> str:
        entry = corpus.entries.get(name)
        return f"{corpus.company_of(entry).button[lang]} {entry.title[lang]}" if entry is not None else name

    return {
        "clause_href": lambda name: f"/?entry={quote(name, safe='/')}",
        "clause_title": clause_title,
        "topic_name": lambda name: corpus.topics[name].name[lang] if name in corpus.topics else name,
        "state_name": lambda code: request_phrase(f"state_{code}", lang),
    }


def shown(visit: Visit, messages: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Messages as the template lays them out (chats_message.html)."""
    return [_shown(visit, message, names) for message in messages]


def _shown(visit: Visit, message: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    sender, by = message["sender"], message["by"]
    name = names.get(by, "") if by else ""
    if sender == NOTE:
        who = visit.say("chats.who_note", who=name) if by else visit.say("chats.who_unseen")
    elif sender == PERSON:
        who = visit.say("chats.who_me") if by == visit.who.id else name or visit.say("chats.who_person")
    else:
        who = visit.say(f"chats.who_{sender}")
    answer = message["answer"] or {}
    kind = answer.get("kind")
    return {
        **message,
        "who": who,
        "is_mine": sender == PERSON and by == visit.who.id,
        "time": short_time(message["created_at"]),
        "kind_text": visit.say(f"chats.kind_{kind}") if kind in ("not_stated", "clarify", "out_of_scope") else "",
        "citations": answer.get("citations", ()),
    }


def with_sources(layout: Layout, text: str, clauses: Sequence[str], lang: Language) -> tuple[str, list[dict[str, Any]]]:
    """A text of staff with the source of each clause, which the customer can unfold; as text and as blocks.

    Args:
        text: may name sources already, as the look-up copies them.
        clauses: ids.
    """
    corpus = layout.corpus
    lines = [line for clause in clauses if (line := compose.source_lines(corpus, (clause,), lang)) and line not in text]
    whole = "\n".join([text, *lines])
    view = compose.view_of(corpus, corpus.clause(clauses[0]), clauses, lang) if clauses else {}
    return whole, layout.blocks(whole, view, lang)


def written(visit: Visit, layout: Layout, chat: LiveChat, text: str, clauses: Sequence[str], client_id: str | None) -> Draft:
    """What staff write to the customer as a message."""
    lang = language_of(text) or chat.lang
    whole, blocks = with_sources(layout, text, clauses, lang)
    return Draft(PERSON, lang, whole, "person", {"blocks": blocks, "by": visit.who.id, "clauses": list(clauses)}, client_id)


def noted(visit: Visit, text: str, client_id: str | None = None) -> Draft:
    """A note for colleagues alone."""
    return Draft(NOTE, language_of(text) or visit.lang, text, "note", {"by": visit.who.id}, client_id)


def tidy(text: str) -> str:
    """A text of staff without control characters and outer space; its lines stay."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(char for char in text if char == "\n" or unicodedata.category(char) not in ("Cc", "Cs", "Co", "Cn"))
    return re.sub(r"\n{3,}", "\n\n", kept).strip()


def personal(text: str) -> tuple[str, ...]:
    """Kinds of personal data that a text looks as if it held."""
    return mask(text).kinds


def known_clauses(corpus: Corpus, raw: str) -> list[str]:
    """The clauses of a form's field, parted by spaces; what is no clause is left out."""
    return [name for name in dict.fromkeys(raw.split()) if isinstance(corpus.entries.get(name), Clause)][:MAX_CLAUSES]


@cache
def _canned() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    loaded: Mapping[str, Mapping[str, Mapping[str, str]]] = yaml.safe_load(_CANNED.read_text(encoding="utf-8"))
    return loaded


def canned(layout: Layout, company: str | None) -> str:
    """The replies that `/` offers, as JSON: name, title and text in both languages; the contact is the policy's own."""
    found = []
    for name, entry in _canned().items():
        text = {lang: _filled(layout.corpus, entry["text"][lang], company, lang) for lang in LANGUAGES}
        if all(text.values()):
            found.append({"name": name, "title": entry["title"], "text": text})
    return json.dumps(found, ensure_ascii=False).replace("<", "\\u003c")


def _filled(corpus: Corpus, text: str, company: str | None, lang: Language) -> str:
    if "{contact}" in text:
        contact = compose.contact_text(corpus, company, lang, utc_now()) if company else None
        return text.format(contact=contact) if contact else ""
    if "{no_contact}" in text:
        if company is None or compose.has_contact(corpus, company):
            return ""
        return text.format(no_contact=phrase("human_no_contact", lang, company=corpus.companies[company].full[lang]))
    return text
