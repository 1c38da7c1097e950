"""Replies from the corpus, without Rasa."""

import re
from dataclasses import replace
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import pytest

from madoguchi import LANGUAGES
from madoguchi.answers import Assistant, RequestForm, State
from madoguchi.answers.compose import LIMIT, desk_text, part
from madoguchi.answers.engine import REQUEST_FACETS
from madoguchi.answers.form import begin, take
from madoguchi.answers.phrases import phrase
from madoguchi.corpus import Clause, Gap
from madoguchi.understanding import choices
from madoguchi.understanding.inquiry import NAME_COMPANY, NOT_UNDERSTOOD, OUT_OF_SCOPE, POLICY_QUESTION, Inquiry, Question

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=timezone.utc)
TOKYO = ZoneInfo("Asia/Tokyo")


@pytest.fixture(scope="module")
def assistant(corpus):
    return Assistant(corpus)


def asked(*entries, score=0.9, text="", wants=POLICY_QUESTION, language="ja", companies=None, **more):
    """An inquiry whose ranking has these entries first, the second far behind."""
    ranking = {}
    for place, entry in enumerate(entries):
        company = {"lexus-web": "lexus"}.get(re.split("[/#]", entry)[0], re.split("[/#]", entry)[0])
        ranking.setdefault(company, []).append((entry, score if place == 0 or company not in ranking else score / 10))
    question = Question(text, {company: tuple(ranked) for company, ranked in ranking.items()})
    named = tuple(ranking) if companies is None else companies
    return Inquiry(wants, 0.9, language, companies=named, questions=(question,), **more)


def reply(assistant, inquiry, state=None):
    return assistant.reply(inquiry, Assistant.settled(inquiry, state or State()), NOW)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_entry_gives_a_reply_of_its_company(assistant, corpus, language):
    contacts = {"lexus": "0800-500-5577", "jamil": "03-5945-0121", "infiniti": "privacy_policy@mail.nissan.co.jp"}
    for entry in corpus.entries.values():
        company = corpus.company_of(entry).id
        got = reply(assistant, asked(entry.id, language=language))
        assert got.company == company
        assert got.kind == (
            "not_stated" if isinstance(entry, Gap) and not entry.stated else "desk" if entry.id == "lexus/contact" else "answer"
        )
        assert got.text.strip()
        assert not isinstance(entry, Clause) or got.citations[0] == entry.id
        assert all(corpus.company_of(corpus.clause(c)).id == company for c in got.citations)
        assert all(owner == company or contact not in got.text for owner, contact in contacts.items()), entry.id
        body = part(corpus, entry, "", language, NOW).body
        assert len(body) <= max(LIMIT, len(entry.says[language]), 500), entry.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_source_and_translation_are_named(assistant, language):
    foreign = reply(assistant, asked("jamil/contact" if language == "en" else "infiniti/law", language=language))
    own = reply(assistant, asked("jamil/contact" if language == "ja" else "infiniti/law", language=language))
    assert foreign.view["translation"] and not own.view["translation"]
    mark = {"ja": "原文が優先", "en": "original prevails"}[language]
    assert mark in foreign.text
    assert mark not in own.text
    assert {"ja": "出典", "en": "Source"}[language] in own.text


def test_a_question_about_one_item_gets_that_item_first(assistant):
    got = reply(assistant, asked("jamil/contact", text="電話番号を教えて"))
    assert got.text.split("。")[0].count("03-5945-0121") == 1


@pytest.mark.parametrize(
    ("hour", "minute", "day", "is_open"),
    [(8, 59, 24, False), (9, 0, 24, True), (17, 59, 24, True), (18, 0, 24, False), (0, 0, 24, False)],
)
def test_desk_hours_are_japans(hour, minute, day, is_open):
    local = datetime(2026, 11, day, hour, minute, tzinfo=TOKYO)
    for zone in (timezone.utc, TOKYO, ZoneInfo("America/New_York")):
        text = desk_text(local.astimezone(zone), "en")
        assert ("open now" in text) is is_open
        assert "0800-500-5577" in text
        assert "recorded" in text
        assert "number is displayed" in text


@pytest.mark.parametrize("day", [datetime(2027, 1, 1, 12, tzinfo=TOKYO), datetime(2028, 2, 29, 12, tzinfo=TOKYO)])
def test_desk_is_open_on_every_day(day):
    assert "受付時間内" in desk_text(day, "ja")


def test_when_the_desk_opens_next():
    assert "本日 9:00" in desk_text(datetime(2026, 11, 24, 7, tzinfo=TOKYO), "ja")
    assert "明日 9:00" in desk_text(datetime(2026, 11, 24, 19, tzinfo=TOKYO), "ja")


@pytest.mark.parametrize("site", ["g-link", "jamil", "infiniti", "jin-jidosha"])
def test_the_desk_is_never_offered_for_another_company(assistant, site):
    got = reply(assistant, Inquiry("ask_desk", 0.9, "ja"), State(site=site))
    assert got.company == site
    assert "0800" not in got.text


class TestCompany:
    def test_named_beats_conversation_beats_site(self, assistant):
        both = asked("jamil/contact", "infiniti/contact", "lexus/contact", companies=())
        state = State(company="infiniti", site="lexus")
        assert reply(assistant, asked("jamil/contact", "infiniti/contact"), state).company is None
        assert reply(assistant, both, state).company == "infiniti"
        assert reply(assistant, both, State(site="lexus")).company == "lexus"

    def test_unknown_is_asked_for_and_the_question_waits(self, assistant, corpus):
        first = reply(assistant, asked("jamil/contact", "infiniti/contact", companies=()))
        assert first.kind == "ask_company"
        assert len(first.buttons) == len(corpus.companies)
        named = Inquiry(NAME_COMPANY, 1.0, None, companies=("infiniti",), alone=True)
        then = reply(assistant, named, first.state)
        assert (then.kind, then.company, then.citations[0]) == ("answer", "infiniti", "infiniti/contact")

    def test_toyota_yields_to_the_site(self, assistant):
        weak = asked("jamil/contact", "lexus/changes", companies=(), weak=("lexus",))
        assert reply(assistant, weak, State(site="jamil")).company == "jamil"
        assert reply(assistant, weak, State()).company == "lexus"

    def test_an_unknown_site_is_ignored(self, assistant):
        assert reply(assistant, asked("jamil/contact", companies=()), State(site="example")).kind == "ask_company"

    def test_and_infiniti(self, assistant):
        first = reply(assistant, asked("jamil/contact", "infiniti/contact", companies=("jamil",)))
        then = reply(assistant, Inquiry(NAME_COMPANY, 1.0, "en", companies=("infiniti",), alone=True), first.state)
        assert then.citations[0] == "infiniti/contact"
        assert then.language == "en"

    def test_two_companies_are_answered_one_by_one(self, assistant):
        got = reply(assistant, asked("jamil/contact", "infiniti/contact"))
        assert got.company is None
        assert {"jamil/contact", "infiniti/contact"} <= set(got.citations)
        assert "【ジャミール商事】" in got.text
        assert "【インフィニティ】" in got.text


class TestUnsure:
    def test_up_to_three_choices_then_help_and_a_person(self, assistant):
        unclear = asked("jamil/contact", "jamil/rights", "jamil#fee", "jamil/law", score=0.05)
        once = reply(assistant, unclear)
        assert once.kind == "clarify"
        assert len(once.buttons) == 3
        twice = reply(assistant, unclear, once.state)
        assert twice.kind == "clarify"
        assert choices.FIXED["ask_person"]["ja"] in twice.text

    def test_an_answer_between_starts_the_count_anew(self, assistant):
        unclear = asked("jamil/contact", "jamil/rights", score=0.05)
        state = reply(assistant, asked("jamil/law"), reply(assistant, unclear).state).state
        assert len(reply(assistant, unclear, state).buttons) == 2

    def test_yes_takes_the_first_choice(self, assistant):
        once = reply(assistant, asked("jamil/law", "jamil/rights", score=0.05))
        then = reply(assistant, Inquiry("affirm", 0.9, "ja"), once.state)
        assert then.citations[0] == "jamil/law"

    def test_nothing_readable(self, assistant):
        got = reply(assistant, Inquiry(NOT_UNDERSTOOD, 0.0, None))
        assert "文字" in got.text

    def test_close_between_a_clause_and_what_it_does_not_state(self, assistant):
        ranking = {"jamil": (("jamil/contact", 0.5), ("jamil#hours", 0.45))}
        got = reply(assistant, Inquiry(POLICY_QUESTION, 0.9, "ja", companies=("jamil",), questions=(Question("", ranking),)))
        assert got.citations[0] == "jamil/contact"
        assert "記載がありません" in got.text


class TestAround:
    def test_original_is_verbatim_with_its_lines(self, assistant, corpus):
        state = reply(assistant, asked("lexus/call-recording")).state
        got = reply(assistant, Inquiry("show_original", 1.0, "ja"), state)
        assert got.kind == "answer"
        assert corpus.documents["lexus"].source[2] in got.text
        assert "3行目" in got.text
        assert got.language == "ja"

    def test_original_of_what_no_text_states(self, assistant, corpus):
        gap = next(e for e in corpus.entries.values() if isinstance(e, Gap) and not e.near and not e.stated)
        got = reply(assistant, Inquiry("show_original", 1.0, "ja"), reply(assistant, asked(gap.id)).state)
        assert got.kind == "not_stated"

    def test_original_is_of_the_last_answer_unless_another_is_named(self, assistant):
        state = reply(assistant, asked("jamil/contact")).state
        vague = asked("jamil/law", score=0.3, wants="show_original", companies=("jamil",))
        named = asked("jamil/law", score=0.9, wants="show_original", companies=("jamil",))
        assert reply(assistant, vague, state).citations[0] == "jamil/contact"
        assert reply(assistant, named, state).citations[0] == "jamil/law"

    def test_original_before_any_question(self, assistant):
        assert reply(assistant, Inquiry("show_original", 1.0, "en")).kind == "clarify"

    def test_more_lists_every_point(self, assistant, corpus):
        state = reply(assistant, asked("jamil/purposes")).state
        got = reply(assistant, Inquiry("more_detail", 1.0, "ja"), state)
        assert all(point.says["ja"] in got.text for point in corpus.clause("jamil/purposes").points)

    def test_out_of_scope(self, assistant):
        assert reply(assistant, Inquiry(OUT_OF_SCOPE, 0.9, "en", other=True)).kind == "out_of_scope"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", REQUEST_FACETS)
@pytest.mark.parametrize("company", ["lexus", "g-link", "jamil", "infiniti", "jin-jidosha"])
def test_requests_promise_nothing(assistant, corpus, company, kind, language):
    got = assistant.request(kind, company, State(language=language))
    assert (got.kind, got.company, got.request) == ("request", company, kind)
    assert all(corpus.company_of(corpus.clause(c)).id == company for c in got.citations)
    for promise in ("30 days", "30日", "will be deleted", "削除いたします", "受け付けました", "accepted", "無料です", "free of charge"):
        assert promise not in got.text
    if company in ("g-link", "jin-jidosha"):
        assert phrase.all["request_no_contact"][language] in got.text


def test_a_request_without_company_asks_for_it_and_goes_on(assistant):
    form = RequestForm(assistant)
    first = form.ask(State(language="en", draft=begin(Inquiry("request_deletion", 0.9, "en"), (), "f")), "")
    assert (first.kind, first.request) == ("ask_company", "deletion")
    named = take(first.state.draft, "Jamil", Inquiry(NAME_COMPANY, 1.0, None, companies=("jamil",), alone=True))
    then = form.ask(replace(first.state, draft=named), "")
    assert (then.kind, then.request, then.company, then.language) == ("request", "deletion", "jamil", "en")


@pytest.mark.parametrize(
    ("company", "contact"), [("lexus", "0800-500-5577"), ("jamil", "03-5945-0121"), ("g-link", None), ("jin-jidosha", None)]
)
def test_a_person(assistant, company, contact):
    got = reply(assistant, Inquiry("ask_person", 0.9, "en", companies=(company,)))
    assert got.kind == "human"
    assert contact is None or contact in got.text
    assert contact is not None or "not state a contact" in got.text


class TestParity:
    def test_every_phrase_in_both_languages_with_the_same_placeholders(self):
        for name, texts in phrase.all.items():
            assert set(texts) == set(LANGUAGES), name
            fields = [sorted(re.findall(r"{(\w+)}", texts[language])) for language in LANGUAGES]
            assert fields[0] == fields[1], name
            assert re.search("[ぁ-んァ-ヴ一-龥【]", texts["ja"]), name
            assert not re.search("[ぁ-んァ-ヴ一-龥]", texts["en"]), name
            assert not re.search("[０-９]", texts["ja"]), name

    def test_payloads_are_unambiguous_in_both_languages(self, corpus):
        table = choices.table(corpus)
        count = 2 * len(corpus.entries) + 2 * len(choices.FIXED)
        assert len(table) == count + len({c.button[lang].casefold() for c in corpus.companies.values() for lang in LANGUAGES})
        assert all(not text.startswith("/") for texts in choices.FIXED.values() for text in texts.values())
