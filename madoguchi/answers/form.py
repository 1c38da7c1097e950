"""The form of a data subject request: what it asks next, and what an answer means. It asks nothing personal (issue 5).

Rasa runs the form (one slot a step); what is decided stands in here, so that it can be tested without Rasa.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from madoguchi import LANGUAGES, Language
from madoguchi.text import fold
from madoguchi.understanding import choices
from madoguchi.understanding.inquiry import NAME_COMPANY, NOT_UNDERSTOOD, OUT_OF_SCOPE, POLICY_QUESTION, REQUEST_PREFIX, Inquiry

from . import compose
from .draft import CANCEL, OPEN, STEPS, Draft
from .engine import REQUEST_FACETS, Assistant
from .phrases import Phrases, phrase
from .reply import Button, Reply, State

say = Phrases(Path(__file__).with_name("form.yml"))
"""The form's sentences and options (form.yml)."""

OPTIONS: Mapping[str, tuple[str, ...]] = {
    "relation": ("self", "legal_representative", "mandated_representative"),
    "channel": ("email", "phone", "letter"),
    "about": ("all", "purchase", "web", "mailings", "unsure"),
    "decision": ("open", "change", "cancel"),
}
SURE_OF_TYPE = 0.35
"""Confidence of the type of request under which it is asked for."""

MAX_ABOUT = 500
_PROCEDURE = ("procedure", "id-documents", "agent", "fee", "response-time")

_LEAVES = re.compile(
    r"やめ(?:る|ます|たい|て|とき)|キャンセル|中止|取り消|取りやめ|もういい|\b(?:cancel|stop this|forget it|never ?mind|quit|abort)\b",
    re.IGNORECASE,
)
_STOPS_USE = re.compile(r"(?:利用|使用|提供|共有|送付|使う|渡す|送る)(?:する)?(?:こと|の)*[をはも]?(?:やめ|中止|取りやめ|止め)")
"""What is to stop is the company's use of the data, and not the form: 「利用をやめてほしい」 is a request."""

_GOES_BACK = re.compile(r"^(?:戻る|戻って|ひとつ前|一つ前|前の質問)|\b(?:go )?back\b", re.IGNORECASE)
_CHANGES = re.compile(r"変更|直し(?:たい|て)|訂正したい|間違え|\b(?:change|edit|correct something|wrong)\b", re.IGNORECASE)
_ASKS = re.compile(
    r"[?？]\s*$|(?:ですか|ますか|でしょうか|のか|かな|なの)[。]?\s*$"
    r"|^(?:what|who|why|how|when|where|which|is|are|do|does|can|could|will|may)\b", re.IGNORECASE,
)  # fmt: skip
_SPOKEN: Mapping[str, Mapping[str, re.Pattern[str]]] = {
    "relation": {
        "legal_representative": re.compile(
            r"法定|親権|後見|保護者|未成年|\b(?:parent|guardian|my (?:son|daughter|child))\b", re.IGNORECASE
        ),
        "mandated_representative": re.compile(
            r"代理|委任|弁護士|行政書士|\b(?:agent|lawyer|attorney|on behalf|authori[sz]ed)\b", re.IGNORECASE
        ),
        "self": re.compile(r"本人|自分|私|わたし|\b(?:myself|me|self|mine|own)\b", re.IGNORECASE),
    },
    "channel": {
        "email": re.compile(r"メール|\be-?mail\b", re.IGNORECASE),
        "phone": re.compile(r"電話|携帯|\b(?:phone|telephone|call)\b", re.IGNORECASE),
        "letter": re.compile(r"郵送|郵便|手紙|書面|\b(?:letter|post|postal|by mail)\b", re.IGNORECASE),
    },
}


def title(name: str, language: Language) -> str:
    """What the button of an option shows and sends."""
    # Understood outside the form too, where opening the ticket failed and the customer tries again.
    return choices.FIXED["open_request"][language] if name == "decision_open" else say(name, language)


def _is_option(text: str, name: str) -> bool:
    return any(fold(text) == fold(title(name, language)) for language in LANGUAGES)


def begin(inquiry: Inquiry, companies: Sequence[str], form_id: str) -> Draft:
    """A new draft from the message that wants a request.

    Args:
        inquiry: whose intent is a request.
        companies: those the message is about, () where unknown.
        form_id: unique.
    """
    kind = inquiry.wants.removeprefix(REQUEST_PREFIX)
    is_sure = inquiry.confidence >= SURE_OF_TYPE
    company = companies[0] if len(companies) == 1 else None
    return Draft(company=company, type=kind if is_sure else None, guess=kind, id=form_id)


def take(draft: Draft, text: str, inquiry: Inquiry) -> Draft | None:
    """The draft after a message; None where the message is no answer to it, but a matter of its own.

    Args:
        draft: with an open step.
        text: the message, cleaned and masked.
        inquiry: the message understood.
    """
    after = _taken(draft.having(unread=0), text, inquiry)
    if after is None and (inquiry.wants.startswith(REQUEST_PREFIX) or inquiry.wants == "open_request"):
        # Their rules lead back to the form itself, which would refuse the message again, and so on.
        after = draft.having(unread=1)
    return after.having(unread=draft.unread + after.unread) if after is not None and after.unread else after


def _taken(draft: Draft, text: str, inquiry: Inquiry) -> Draft | None:
    step = draft.step
    leaves = len(text) <= 40 and step != "about" and _LEAVES.search(text) and not _STOPS_USE.search(text)
    if _is_option(text, "decision_cancel") or leaves:
        return draft.having(decision=CANCEL)
    if _is_option(text, "back") or (len(text) <= 20 and _GOES_BACK.search(text)):
        return _back(draft)
    for name in STEPS[:-1]:
        if _is_option(text, f"change_{name}"):
            return draft.having(
                **{name: None, "decision": None, "changing": False, "stated": draft.stated and name not in ("company", "type")}
            )
    if step == "about" and draft.heard and _is_option(text, "use_as_about"):
        return draft.having(about=draft.heard, heard=None)
    if len(inquiry.companies) == 1 and step != "about" and (step == "company" or inquiry.wants in (NAME_COMPANY, "correct_company")):
        is_question = inquiry.wants == POLICY_QUESTION and _ASKS.search(text)
        return None if is_question else draft.having(company=inquiry.companies[0], stated=False)
    if step == "company":
        return None
    if step == "type":
        return _typed(draft, text, inquiry)
    other = inquiry.wants.removeprefix(REQUEST_PREFIX)
    if step != "about" and inquiry.wants.startswith(REQUEST_PREFIX) and other != draft.type and inquiry.confidence >= SURE_OF_TYPE:
        return draft.having(type=other, stated=False)
    if step == "about":
        return _described(draft, text, inquiry)
    if step == "decision":
        return _decided(draft, text, inquiry)
    return _chosen(draft, str(step), text, inquiry)


def _back(draft: Draft) -> Draft:
    done = [name for name in STEPS if getattr(draft, name) is not None]
    return draft.having(**{done[-1]: None, "decision": None}) if done else draft


def _typed(draft: Draft, text: str, inquiry: Inquiry) -> Draft | None:
    for kind in REQUEST_FACETS:
        if any(fold(phrase.all[f"type_{kind}"][language]) in fold(text) for language in LANGUAGES):
            return draft.having(type=kind)
    return draft.having(type=inquiry.wants.removeprefix(REQUEST_PREFIX)) if inquiry.wants.startswith(REQUEST_PREFIX) else None


def _chosen(draft: Draft, step: str, text: str, inquiry: Inquiry) -> Draft | None:
    for option in OPTIONS[step]:
        if _is_option(text, f"{step}_{option}"):
            return draft.having(**{step: option})
    if _ASKS.search(text) or len(text) > 60:
        return None
    found = next((option for option, pattern in _SPOKEN[step].items() if pattern.search(text)), None)
    return draft.having(**{step: found}) if found else _unread(draft, inquiry)


def _unread(draft: Draft, inquiry: Inquiry) -> Draft | None:
    """What is no matter of the assistant's elsewhere is a failed answer here."""
    return draft.having(unread=1) if inquiry.wants in (OUT_OF_SCOPE, NOT_UNDERSTOOD) else None


def _described(draft: Draft, text: str, inquiry: Inquiry) -> Draft | None:
    """A description in free words is kept as it is; what reads like a question is answered first, and offered as the description."""
    for option in OPTIONS["about"]:
        if _is_option(text, f"about_{option}"):
            return draft.having(about=option, heard=None)
    if inquiry.wants in ("ask_person", "show_original", "more_detail", "ask_desk"):
        return None
    if _ASKS.search(text) and inquiry.wants == POLICY_QUESTION:
        return None
    return draft.having(about=text[:MAX_ABOUT], heard=None) if fold(text) else None


def _decided(draft: Draft, text: str, inquiry: Inquiry) -> Draft | None:
    asks = _ASKS.search(text) is not None
    if _is_option(text, "decision_open") or (inquiry.wants == "affirm" and not asks):
        return draft.having(decision=OPEN)
    if _is_option(text, "decision_change") or inquiry.wants == "deny" or (len(text) <= 40 and _CHANGES.search(text) and not asks):
        return draft.having(changing=True)
    return _unread(draft, inquiry)


class RequestForm:
    """What the form says."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant
        self._corpus = assistant.corpus

    def ask(self, state: State, said: str) -> Reply:
        """The next question of the state's draft; the first time with what the policy states about such a request.

        Where something else was answered in this turn, the question stands beside that answer.

        Args:
            state: with a draft that has an open step.
            said: the customer's message; where it was answered as a question, it may have been meant as the description.
        """
        draft, language = state.draft, state.language or LANGUAGES[0]
        step = str(draft.step)
        if state.interrupted and step == "about":
            draft = draft.having(heard=said[:MAX_ABOUT])
        text, buttons = self._question(draft, language)
        after = replace(state, company=draft.company or state.company, pending=None, unsure=0, draft=draft)
        if state.interrupted:
            lead = say("about_heard", language, button=title("use_as_about", language)) if step == "about" else say("again", language)
            return Reply("form", language, f"{lead}\n{text}", after, buttons=buttons, is_further=True)
        if step == "company":
            return Reply("ask_company", language, text, after, request=draft.type or draft.guess, buttons=buttons)
        if step == "type" and not draft.stated:
            return Reply("request", language, text, after, company=draft.company, topic="procedure", request=draft.guess, buttons=buttons)
        if draft.unread:
            text = f"{say('not_taken', language)}{text}" if language == "ja" else f"{say('not_taken', language)} {text}"
        citations: tuple[str, ...] = ()
        view: dict[str, Any] = {}
        kind = "form"
        if draft.type and not draft.stated:
            stated = self._assistant.request(draft.type, str(draft.company), state)
            kind, citations, view = "request", stated.citations, dict(stated.view)
            text = f"{stated.text}\n{text}"
            after = replace(after, draft=draft.having(stated=True), entries=stated.state.entries)
        elif step == "decision" and not draft.changing and not draft.unread:
            stated_text, citations, view = self._stated(draft, language)
            text = f"{stated_text}\n{text}"
        return Reply(
            kind, language, text, after,
            company=draft.company, topic="procedure", request=draft.type, citations=citations, view=view, buttons=buttons,
        )  # fmt: skip

    def cancelled(self, state: State) -> Reply:
        """The form was left; nothing was kept as a request."""
        draft, language = state.draft, state.language or LANGUAGES[0]
        return Reply(
            "cancelled",
            language,
            say("cancelled", language),
            replace(state, unsure=0, draft=Draft()),
            company=draft.company,
            request=draft.type,
        )

    def opened(self, state: State, number: str, link: str | None) -> Reply:
        """The ticket is open: its number, what comes next in the policy's words, and where contact details go.

        Args:
            state: with a complete draft.
            number: the ticket's.
            link: the one-time page for contact details; None where the page that shows the reply has a form of its own.
        """
        draft, language = state.draft, state.language or LANGUAGES[0]
        company = str(draft.company)
        name = self._corpus.companies[company].full[language]
        pieces = [say("already_opened" if draft.number else "opened", language, number=number), say("opened_means", language, company=name)]
        if not compose.has_contact(self._corpus, company):
            pieces.append(say("needs_routing", language, company=name))
        parts = self._assistant.of_facets(company, ["procedure", "response-time"], language)
        pieces.append(say("next_policy", language, company=name))
        pieces += [f"・{part.body}" for part in parts]
        citations = tuple(dict.fromkeys(c for part in parts for c in part.citations))
        pieces.append(compose.source_lines(self._corpus, citations, language))
        pieces.append(say("next_link", language, link=link) if link else say("next_contact", language))
        view = compose.view_of(self._corpus, parts[0].entry, citations, language)
        after = replace(state, company=company, unsure=0, draft=draft.having(number=number))
        if link is None:
            view["form"] = {"form": "contact", "ticket": number}
        return Reply(
            "request", language, "\n".join(filter(None, pieces)), after,
            company=company, topic="procedure", request=draft.type, citations=citations, view=view,
        )  # fmt: skip

    def not_opened(self, state: State) -> Reply:
        """The ticket could not be opened; the answers are kept."""
        draft, language = state.draft, state.language or LANGUAGES[0]
        button = title("decision_open", language)
        text = say("store_failed", language, button=button)
        return Reply("error", language, text, state, company=draft.company, request=draft.type, buttons=(Button(button, button),))

    def _question(self, draft: Draft, language: Language) -> tuple[str, tuple[Button, ...]]:
        """What is asked at a draft's step, and its buttons."""
        step = str(draft.step)
        if draft.changing:
            return say("which_change", language), _buttons(title(f"change_{name}", language) for name in STEPS[:-1])
        leave = (say("back", language), say("decision_cancel", language))
        if step == "company":
            titles = [company.button[language] for company in self._corpus.companies.values()]
            return phrase("ask_company", language), _buttons([*titles, leave[1]])
        if step == "type":
            kinds = sorted(REQUEST_FACETS, key=lambda kind: kind != draft.guess)
            return say("ask_type", language), _buttons([*(phrase(f"type_{kind}", language) for kind in kinds), leave[1]])
        titles = [title(f"{step}_{option}", language) for option in OPTIONS[step]]
        if step == "decision":
            return say("ask_decision", language, **self._summary(draft, language)), _buttons(titles)
        heard = [say("use_as_about", language)] if draft.heard and step == "about" else []
        return say(f"ask_{step}", language), _buttons([*heard, *titles, *leave])

    def _summary(self, draft: Draft, language: Language) -> dict[str, str]:
        return {
            "type": phrase(f"type_{draft.type}", language),
            "company": self._corpus.companies[str(draft.company)].full[language],
            "relation": say(f"summary_{draft.relation}", language),
            "channel": say(f"summary_{draft.channel}", language),
            "about": about_text(str(draft.about), language),
        }

    def _stated(self, draft: Draft, language: Language) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        """What the policy states, and does not, about documents, representatives, fee and time."""
        company = str(draft.company)
        facets = [name for name in _PROCEDURE if name != "agent" or draft.relation != "self"]
        parts = self._assistant.of_facets(company, facets, language)
        citations = tuple(dict.fromkeys(c for part in parts for c in part.citations))
        lead = say("stated", language, company=self._corpus.companies[company].full[language])
        lines = [lead, *(f"・{part.body}" for part in parts), compose.source_lines(self._corpus, citations, language)]
        return "\n".join(filter(None, lines)), citations, compose.view_of(self._corpus, parts[0].entry, citations, language)


def _buttons(titles: Iterable[str]) -> tuple[Button, ...]:
    return tuple(Button(text, text) for text in titles)


def about_text(about: str, language: Language) -> str:
    """What a request is about: the option's words, or the customer's own."""
    return say(f"about_{about}", language) if about in OPTIONS["about"] else about
