"""From the assistant's reply to what a page lays out: paragraphs, lists, sources that unfold the original, links."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from madoguchi import Language
from madoguchi.answers import phrase
from madoguchi.conversations import Draft
from madoguchi.conversations.tables import ASSISTANT, SYSTEM
from madoguchi.corpus import Corpus
from madoguchi.understanding import choices

VOTABLE = frozenset({"answer", "not_stated", "desk"})
"""Kinds of reply for which it is asked whether they helped."""

_ITEM = "・"
_ADDRESS = re.compile(
    r"https?://[A-Za-z0-9./_~?&=%#-]+[A-Za-z0-9/]|[A-Za-z0-9._+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|(?<![0-9-])0[0-9]{1,4}-[0-9]{1,4}-[0-9]{3,4}(?![0-9-])"
)

Runs = list[dict[str, str]]


def _href(address: str) -> str:
    if "@" in address:
        return f"mailto:{address}"
    return address if address.startswith("http") else f"tel:{address.replace('-', '')}"


class Layout:
    """Lays out messages for one corpus."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus

    @cached_property
    def _published(self) -> frozenset[str]:
        """Every address that a policy's text publishes: the only ones that become links."""
        texts = (unicodedata.normalize("NFKC", line) for document in self.corpus.documents.values() for line in document.source)
        return frozenset(address for text in texts for address in _ADDRESS.findall(text))

    def runs(self, text: str) -> Runs:
        """A text in pieces, with the addresses that a policy publishes as links."""
        runs: Runs = []
        last = 0
        for match in _ADDRESS.finditer(text):
            if match.group() in self._published:
                runs += [{"text": text[last : match.start()]}] if match.start() > last else []
                runs.append({"text": match.group(), "href": _href(match.group())})
                last = match.end()
        return [*runs, {"text": text[last:]}] if text[last:] or not runs else runs

    def blocks(self, text: str, view: Mapping[str, Any], language: Language) -> list[dict[str, Any]]:
        """The blocks of a reply's text (openapi.yml, Block).

        Args:
            text: of the reply; lines that begin with ・ are items, those that begin as a source does are sources.
            view: the reply's view: originals and whether the text is a translation.
            language: of the reply.
        """
        source_begins = phrase.all["source"][language].split("{", 1)[0]
        lines = [line for line in text.split("\n") if line.strip()]
        originals = self._shared_out([line for line in lines if line.startswith(source_begins)], view, language)
        blocks: list[dict[str, Any]] = []
        for line in lines:
            if line.startswith(source_begins):
                translation = bool(view.get("translation"))
                blocks.append({"type": "source", "runs": [{"text": line}], "translation": translation, "originals": originals.pop(0)})
            elif line.startswith(_ITEM):
                item = self.runs(line.removeprefix(_ITEM))
                if blocks and blocks[-1]["type"] == "list":
                    blocks[-1]["items"].append(item)
                else:
                    blocks.append({"type": "list", "items": [item]})
            else:
                blocks.append({"type": "text", "runs": self.runs(line)})
        return blocks

    def _shared_out(self, sources: Sequence[str], view: Mapping[str, Any], language: Language) -> list[list[dict[str, Any]]]:
        """The originals of each source line: those whose title it names; the last has the rest."""
        shares: list[list[dict[str, Any]]] = [[] for _ in sources]
        for original in view.get("original", ()) if sources else ():
            title = self.corpus.clause(original["clause"]).title[language]
            of = next((n for n, source in enumerate(sources) if title in source), len(sources) - 1)
            shown = {"clause": original["clause"], "title": title, "lines": original["lines"], "lang": original["language"]}
            shares[of].append({**shown, "text": original["text"]})
        return shares

    def reply(self, messages: Sequence[Mapping[str, Any]]) -> Draft:
        """The assistant's reply, the list of messages of Rasa's channel, as one message of the conversation.

        Raises:
            StopIteration: none of the messages carries `custom.answer` (eval contract).
        """
        text = "\n".join(message["text"] for message in messages if message.get("text"))
        custom = next(m["custom"] for m in messages if isinstance(m.get("custom"), Mapping) and "answer" in m["custom"])
        answer, view = custom["answer"], custom.get("view") or {}
        language: Language = answer["language"]
        blocks = self.blocks(text, view, language)
        if "form" in view:
            blocks.append({"type": "form", **view["form"]})
        unfolds = set(choices.FIXED["show_original"].values()) if any(b["type"] == "source" for b in blocks) else set()
        buttons = [button for message in messages for button in message.get("buttons") or ()]
        body = {
            "blocks": blocks,
            # The page unfolds the original under the source; a button that asks for it would say it twice.
            "offers": [{"title": b["title"], "payload": b["payload"]} for b in buttons if b["payload"] not in unfolds],
            "answer": answer,
            "votable": answer["kind"] in VOTABLE,
        }
        return Draft(ASSISTANT, language, text, answer["kind"], body)

    def system(self, code: str, lines: Sequence[str], language: Language, offers: Sequence[Mapping[str, str]] = ()) -> Draft:
        """A message of the gateway itself."""
        blocks = [{"type": "text", "runs": self.runs(line)} for line in lines]
        return Draft(SYSTEM, language, "\n".join(lines), code, {"blocks": blocks, "offers": list(offers)})
