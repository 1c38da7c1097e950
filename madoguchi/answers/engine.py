"""The assistant's decisions: which company, answer or "not stated", when to ask back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from madoguchi import Language
from madoguchi.corpus import Clause, Corpus, Entry, Gap
from madoguchi.understanding import choices
from madoguchi.understanding.inquiry import (
    NAME_COMPANY,
    NOT_UNDERSTOOD,
    OUT_OF_SCOPE,
    POLICY_QUESTION,
    Inquiry,
    Question,
)

from . import compose
from .phrases import phrase
from .reply import Button, Reply, State

SURE = 0.25
LEAD_COUNTS = 2.0
"""A question is answered from score + LEAD_COUNTS x lead over the second of SURE on. On folds over the phrasings this is where
an answer is more often right than not (docs/understanding.md)."""

CLOSE, CLOSE_GAP, GAP_SHARE, TIE = 0.12, 0.2, 0.55, 0.03
"""Lead under which another entry is said too, where it belongs to the first: what a clause states and what it does not, or another
clause of the same topic; chosen on folds."""

NAMED_ITSELF = 0.6
"""Score from which "show me the original of ..." is about what it names, and not about the last answer."""

MAX_CHOICES = 3
MAX_COMPANIES = 3
DEFAULT_LANGUAGE: Language = "ja"

REQUEST_FACETS = {
    "disclosure": "disclosure-right",
    "correction": "correction-right",
    "addition": "addition-right",
    "deletion": "deletion-right",
    "stop_use": "stop-use-right",
    "stop_third_party": "stop-sharing",
    "purpose_notice": "purpose-notice-right",
    "third_party_records": "provision-records-right",
}
"""The facet that says what a policy states about each type of request (eval contract, Types of request)."""

_SMALLTALK = ("greet", "thank", "goodbye", "ask_bot", "affirm", "deny")


def _fixed_button(wants: str, language: Language) -> Button:
    title = choices.FIXED[wants][language]
    return Button(title, title)


class Assistant:
    """Replies to inquiries from one corpus."""

    def __init__(self, corpus: Corpus, status_page: str = "") -> None:
        """Create the assistant.

        Args:
            corpus: that it answers from.
            status_page: address of the page where the state of a request is looked up, for callers without our own page.
        """
        self.corpus = corpus
        self._status_page = status_page

    @staticmethod
    def settled(inquiry: Inquiry, state: State) -> State:
        """The state with the language to reply in: the message's, else the conversation's, else Japanese."""
        return replace(state, language=inquiry.language or state.language or DEFAULT_LANGUAGE)

    def reply(self, inquiry: Inquiry, state: State, now: datetime) -> Reply:
        """Reply to a message, whatever it wants.

        Args:
            inquiry: the message understood.
            state: of the conversation before this message, its language settled.
            now: an aware time, for the desk's hours.
        """
        handlers: dict[str, Callable[[Inquiry, State, datetime], Reply]] = {
            POLICY_QUESTION: self.answer,
            NAME_COMPANY: self.company_named,
            "correct_company": self.company_named,
            "ask_desk": self.desk,
            "show_original": self.original,
            "more_detail": self.more,
            "ticket_status": self.ticket_status,
            "ask_person": self.human,
            OUT_OF_SCOPE: self.out_of_scope,
        }
        if inquiry.wants in handlers:
            return handlers[inquiry.wants](inquiry, state, now)
        if inquiry.wants in _SMALLTALK:
            return self.smalltalk(inquiry, state, now)
        return self.not_understood(inquiry, state, now)

    # -- which company ------------------------------------------------------------------------------------------

    def companies(self, inquiry: Inquiry, state: State) -> tuple[str, ...]:
        """The companies a message is about: named in it, else of the conversation, else of the site; () where unknown."""
        if inquiry.companies:
            return inquiry.companies[:MAX_COMPANIES]
        settled = state.company or (state.site if state.site in self.corpus.companies else None)
        if inquiry.weak and settled not in self.corpus.companies[inquiry.weak[0]].yields_to:
            return inquiry.weak
        return (settled,) if settled else ()

    def ask_company(self, state: State, questions: Sequence[Question]) -> Reply:
        """Ask which company is meant; the question waits."""
        language = state.language or DEFAULT_LANGUAGE
        buttons = tuple(Button(c.button[language], c.button[language]) for c in self.corpus.companies.values())
        after = replace(state, pending=POLICY_QUESTION, questions=tuple(questions), unsure=0)
        return Reply("ask_company", language, phrase("ask_company", language), after, buttons=buttons)

    def company_named(self, inquiry: Inquiry, state: State, now: datetime) -> Reply:
        """A company was named without a question: it belongs to the question that waits, or to the last one."""
        companies = self.companies(inquiry, state)
        if not companies:
            return self.not_understood(inquiry, state, now)
        if state.pending and state.pending not in (POLICY_QUESTION, NAME_COMPANY):
            waited = replace(inquiry, wants=state.pending, companies=companies)
            return self.reply(waited, replace(state, pending=None), now)
        if state.questions:
            return self.answer(replace(inquiry, companies=companies, questions=state.questions), state, now)
        company = companies[0]
        language = state.language or DEFAULT_LANGUAGE
        after = replace(state, company=company, pending=None, unsure=0)
        return self._clarify(company, self._overview(company), after, language)

    def _overview(self, company: str) -> list[Entry]:
        """The entries that are asked for most, for a customer who names a company and nothing else."""
        return [self.corpus.answering(company, facet)[0] for facet in ("purposes", "sharing", "contact")]

    # -- policy questions ---------------------------------------------------------------------------------------

    def answer(self, inquiry: Inquiry, state: State, now: datetime) -> Reply:
        """Answer a question about a policy: stated, stated in part, or not stated."""
        language = state.language or DEFAULT_LANGUAGE
        if inquiry.entry:
            entry = self.corpus.entries[inquiry.entry]
            question = Question("", {self.corpus.company_of(entry).id: ((entry.id, 1.0),)})
            inquiry = replace(inquiry, companies=(self.corpus.company_of(entry).id,), questions=(question,))
        if not inquiry.questions:
            return self.not_understood(inquiry, state, now)
        companies = self.companies(inquiry, state)
        if not companies:
            return self.ask_company(state, inquiry.questions)
        kept = inquiry.questions if not inquiry.entry else state.questions
        after = replace(state, company=companies[-1], questions=kept, pending=None, choices=(), unsure=0)
        parts: list[tuple[str, compose.Part]] = []
        for company in companies:
            for question in inquiry.questions:
                ranked = self._ranked(question, company, state)
                if not self._is_sure(ranked) and len(companies) == len(inquiry.questions) == 1:
                    unsure = replace(after, unsure=state.unsure)
                    return self._clarify(company, [self.corpus.entries[name] for name, _ in ranked], unsure, language)
                for entry in self._said(ranked):
                    if all(found.entry.id != entry.id for _, found in parts):
                        parts.append((company, compose.part(self.corpus, entry, question.text, language, now)))
        return self._stated(parts, companies, after, language)

    def _is_sure(self, ranked: Sequence[tuple[str, float]]) -> bool:
        """Whether the best is to be answered; what stands on the same clause (it, and gaps that it states in part) counts together."""
        stands_on = [self._stands_on(name) for name, _ in ranked]
        first = sum(max(score, 0.0) for on, (_, score) in zip(stands_on[:4], ranked) if on == stands_on[0])
        second = max((score for on, (_, score) in zip(stands_on, ranked) if on != stands_on[0]), default=0.0)
        return first + LEAD_COUNTS * (first - second) >= SURE

    def _stands_on(self, name: str) -> str:
        entry = self.corpus.entries[name]
        return entry.stated[0] if isinstance(entry, Gap) and entry.stated else name

    def _said(self, ranked: Sequence[tuple[str, float]]) -> list[Entry]:
        """The best entry, and another where it is close and belongs to the first."""
        best = ranked[0][1]
        first, *others = (self.corpus.entries[name] for name, _ in ranked[:3])
        leads = [best - score for _, score in ranked[1:3]]
        if isinstance(first, Clause):
            for other, lead in zip(others, leads, strict=True):
                is_close = lead < max(CLOSE_GAP, GAP_SHARE * best)
                if isinstance(other, Gap) and is_close and first.id in (*other.stated, *other.near):
                    return [first, other]
            if others and leads[0] < CLOSE and isinstance(others[0], Clause) and set(first.topics) & set(others[0].topics):
                return [first, others[0]]
        elif others and leads[0] < TIE and not first.stated and others[0].id in first.near:
            return [others[0], first]
        return [first]

    def _ranked(self, question: Question, company: str, state: State) -> Sequence[tuple[str, float]]:
        """The ranking of a question for a company, with what the conversation adds to it."""
        ranked = question.ranking[company]
        waiting = state.questions[:1] if state.pending == POLICY_QUESTION and not self._is_sure(ranked) else ()
        added = dict(waiting[0].ranking.get(company, ())) if waiting and question not in state.questions else {}
        if not added:
            return ranked
        together = {name: score + added.pop(name, 0.0) for name, score in ranked} | added
        return sorted(together.items(), key=lambda item: -item[1])

    def _stated(self, parts: Sequence[tuple[str, compose.Part]], companies: Sequence[str], after: State, language: Language) -> Reply:
        several = len(companies) > 1
        blocks: list[str] = []
        citations: list[str] = []
        for company, part in parts:
            source = compose.source_lines(self.corpus, part.citations, language)
            head = phrase("several", language, company=self.corpus.companies[company].full[language]) if several else ""
            body = self._with_more(part, language) if len(parts) == 1 else part.body
            if blocks and source and source in blocks[-1]:
                blocks[-1] = blocks[-1].replace(source, f"{body}\n{source}")
            else:
                blocks.append("\n".join(piece for piece in (head, body, source) if piece))
            citations += [c for c in part.citations if c not in citations]
        first = parts[0][1]
        kind = "answer" if any(part.kind == "answer" for _, part in parts) else "not_stated"
        buttons = self._next_steps(first, language) if len(parts) == 1 else (_fixed_button("show_original", language),)
        view = compose.view_of(self.corpus, first.entry, citations, language)
        view["next"] = [{"title": b.title, "payload": b.payload} for b in buttons]
        return Reply(
            kind="desk" if len(parts) == 1 and first.entry.id == compose.DESK_CLAUSE else kind,
            language=language,
            text="\n\n".join(blocks),
            state=replace(after, entries=tuple(part.entry.id for _, part in parts)),
            company=None if several else companies[0],
            topic=first.entry.topic if len(parts) == 1 else None,
            citations=tuple(citations),
            view=view,
            buttons=buttons,
        )

    @staticmethod
    def _with_more(part: compose.Part, language: Language) -> str:
        if not part.rest:
            return part.body
        more = phrase("more_items", language, count=len(part.rest), button=choices.FIXED["more_detail"][language])
        return f"{part.body}\n{more}"

    def _next_steps(self, part: compose.Part, language: Language) -> tuple[Button, ...]:
        wants = ["more_detail"] if part.rest else []
        wants += ["show_original"] if part.citations else ["ask_person"]
        return tuple(_fixed_button(name, language) for name in wants)

    # -- unsure -------------------------------------------------------------------------------------------------

    def _clarify(self, company: str | None, entries: Sequence[Entry], state: State, language: Language) -> Reply:
        if state.unsure >= 1:
            return self._unsure_again(state, company, language)
        offered = list(entries[:MAX_CHOICES])
        buttons = []
        for entry in offered:
            title = choices.title_of(self.corpus, entry, language)
            buttons.append(Button(title, title))
        lines = "".join(f"\n・{button.title}" for button in buttons)
        after = replace(state, unsure=state.unsure + 1, choices=tuple(entry.id for entry in offered))
        return Reply("clarify", language, phrase("clarify", language) + lines, after, company=company, buttons=tuple(buttons))

    def _unsure_again(self, state: State, company: str | None, language: Language) -> Reply:
        button = _fixed_button("ask_person", language)
        after = replace(state, unsure=state.unsure + 1, choices=())
        return Reply("clarify", language, phrase("unsure_again", language, button=button.title), after, company=company, buttons=(button,))

    def not_understood(self, inquiry: Inquiry, state: State, now: datetime) -> Reply:
        """Nothing that the assistant knows comes near the message."""
        language = state.language or DEFAULT_LANGUAGE
        if state.unsure >= 1:
            return self._unsure_again(state, None, language)
        name = "not_understood" if inquiry.wants != NOT_UNDERSTOOD or inquiry.confidence > 0 else "empty"
        after = replace(state, unsure=state.unsure + 1)
        return Reply("clarify", language, phrase(name, language), after, buttons=(_fixed_button("ask_bot", language),))

    def out_of_scope(self, inquiry: Inquiry, state: State, now: datetime) -> Reply:
        """Kindly say what the assistant can help with."""
        language = state.language or DEFAULT_LANGUAGE
        name = "other_company" if inquiry.other else "out_of_scope"
        return Reply("out_of_scope", language, phrase(name, language), replace(state, unsure=0, pending=None))

    # -- around an answer ---------------------------------------------------------------------------------------

    def original(self, inquiry: Inquiry, state: State, now: datetime) -> Reply:
        """Quote the clauses of the last answer, or of the question that the message itself asks."""
        language = state.language or DEFAULT_LANGUAGE
        entries = [self.corpus.entries[name] for name in state.entries]
        companies = self.companies(inquiry, state)
        asked = [q.ranking[c][0] for c in companies for q in inquiry.questions]
        if asked and (not entries or min(score for _, score in asked) >= NAMED_ITSELF):
            entries = [self.corpus.entries[name] for name, _ in asked]
        if not entries:
            return Reply("clarify", language, phrase("original_which", language), state)
        citations = list(dict.fromkeys(c for e in entries for c in self.corpus.cited(e)))
        company = self.corpus.company_of(entries[0]).id
        after = replace(state, company=company, entries=tuple(e.id for e in entries), unsure=0)
        if not citations:
            return Reply("not_stated", language, phrase("original_none", language), after, company=company, topic=entries[0].topic)
        text = compose.original_text(self.corpus, compose.cited_clauses(self.corpus, citations), language)
        view = compose.view_of(self.corpus, entries[0], citations, language)
        several = len({self.corpus.company_of(e).id for e in entries}) > 1
        return Reply(
            "answer", language, text, after,
            company=None if several else company, topic=entries[0].topic, citations=tuple(citations), view=view,
        )  # fmt: skip

    def more(self, inquiry: Inquiry, state: State, now: datetime) -> Reply:
        """Every point of the clause last answered with."""
        language = state.language or DEFAULT_LANGUAGE
        entry = self.corpus.entries[state.entries[0]] if state.entries else None
        if not isinstance(entry, Clause) or not entry.points:
            return Reply("smalltalk", language, phrase("more_none", language), replace(state, unsure=0))
        head = phrase("more_of", language, title=entry.title[language])
        points = "".join(f"\n・{point.says[language]}" for point in entry.points)
        source = compose.source_lines(self.corpus, (entry.id,), language)
        return Reply(
            "answer", language, f"{head}{points}\n{source}", replace(state, unsure=0),
            company=self.corpus.company_of(entry).id, topic=entry.topic, citations=(entry.id,),
            view=compose.view_of(self.corpus, entry, (entry.id,), language),
        )  # fmt: skip

    def smalltalk(self, inquiry: Inquiry, state: State, now: datetime) -> Reply:
        """Greetings and thanks; yes after a choice of one means that choice."""
        language = state.language or DEFAULT_LANGUAGE
        if inquiry.wants == "affirm" and state.choices:
            return self.answer(replace(inquiry, wants=POLICY_QUESTION, entry=state.choices[0]), state, now)
        return Reply("smalltalk", language, phrase(inquiry.wants, language), replace(state, unsure=0, choices=()))

    # -- contacts, requests, people -----------------------------------------------------------------------------

    def desk(self, inquiry: Inquiry, state: State, now: datetime) -> Reply:
        """The LEXUS Information Desk; for another company, that company's own contact point."""
        language = state.language or DEFAULT_LANGUAGE
        companies = self.companies(inquiry, state) or ("lexus",)
        if companies[0] != "lexus":
            entries = dict.fromkeys(self.corpus.answering(companies[0], facet)[0].id for facet in ("contact", "hours"))
            parts = [(companies[0], compose.part(self.corpus, self.corpus.entries[name], "", language, now)) for name in entries]
            after = replace(state, company=companies[0], pending=None, unsure=0)
            return self._stated(parts, companies[:1], after, language)
        entry = self.corpus.clause(compose.DESK_CLAUSE)
        part = compose.part(self.corpus, entry, "", language, now)
        after = replace(state, company="lexus", pending=None, unsure=0, choices=())
        return self._stated([("lexus", part)], ("lexus",), after, language)

    def request(self, kind: str, company: str, state: State) -> Reply:
        """What a company's policy states about a request of a type: whether it speaks of it, how it is made, where."""
        language = state.language or DEFAULT_LANGUAGE
        parts = self.of_facets(company, [REQUEST_FACETS[kind], "procedure", "contact"], language)
        name = self.corpus.companies[company].full[language]
        lead = phrase("request_begin", language, type=phrase(f"type_{kind}", language), company=name)
        citations = tuple(dict.fromkeys(c for found in parts for c in found.citations))
        bodies = "".join(f"\n・{found.body}" for found in parts)
        tail = [] if compose.has_contact(self.corpus, company) else [phrase("request_no_contact", language)]
        text = "\n".join(filter(None, [lead + bodies, *tail, compose.source_lines(self.corpus, citations, language)]))
        after = replace(state, company=company, pending=None, entries=tuple(found.entry.id for found in parts), unsure=0, choices=())
        view = compose.view_of(self.corpus, parts[0].entry, citations, language)
        return Reply("request", language, text, after, company=company, topic="procedure", request=kind, citations=citations, view=view)

    def of_facets(self, company: str, facets: Sequence[str], language: Language) -> list[compose.Part]:
        """What answers facets for a company; the entry once, by its point where the facet has one."""
        found: list[compose.Part] = []
        for facet in facets:
            entry, point = self.corpus.answering(company, facet)
            citations = self.corpus.cited(entry)
            said = "".join(part.body for part in found)
            body = point.says[language] if point else entry.says[language]
            if not compose.covered(body, said):
                found.append(compose.Part(entry, body, citations, ()))
        return found

    def ticket_status(self, inquiry: Inquiry, state: State, now: datetime) -> Reply:
        """Where the state of a request can be looked up: by its number and a one-time code, never in the conversation itself."""
        language = state.language or DEFAULT_LANGUAGE
        companies = self.companies(inquiry, state)
        text = phrase("status_here", language) if state.on_page else phrase("status_page", language, page=self._status_page)
        view = {"form": {"form": "status", "ticket": None}} if state.on_page else {}
        after = replace(state, pending=None, unsure=0, choices=())
        return Reply("ticket_status", language, text, after, company=companies[0] if companies else None, view=view)

    def human(self, inquiry: Inquiry, state: State, now: datetime) -> Reply:
        """When a person can be reached: at the contact that the policy states, where it states one."""
        language = state.language or DEFAULT_LANGUAGE
        companies = self.companies(inquiry, state)
        pieces: list[str] = [phrase("human", language)]
        citations: tuple[str, ...] = ()
        after = replace(state, pending=None, unsure=0, choices=())
        view: dict[str, Any] = {}
        if not companies:
            pieces.append(phrase("human_which", language))
            return Reply("human", language, "\n".join(pieces), replace(after, pending=inquiry.wants))
        company = companies[0]
        name = self.corpus.companies[company].full[language]
        entry = self.corpus.answering(company, "contact")[0]
        if compose.has_contact(self.corpus, company):
            stated = compose.part(self.corpus, entry, "", language, now)
            citations = stated.citations
            pieces += [phrase("human_contact", language, company=name), stated.body]
            pieces.append(compose.source_lines(self.corpus, citations, language))
            view = compose.view_of(self.corpus, entry, citations, language)
        else:
            pieces.append(phrase("human_no_contact", language, company=name))
        after = replace(after, company=company, entries=(entry.id,))
        return Reply("human", language, "\n".join(pieces), after, company=company, topic="contact", citations=citations, view=view)
