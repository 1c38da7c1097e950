"""The form of a data subject request, without Rasa."""

from dataclasses import replace

import pytest

from madoguchi.answers import Assistant, RequestForm, State
from madoguchi.answers.draft import CANCEL, OPEN, Draft
from madoguchi.answers.engine import REQUEST_FACETS
from madoguchi.answers.form import OPTIONS, begin, say, take, title
from madoguchi.understanding.inquiry import NAME_COMPANY, POLICY_QUESTION, Inquiry, Question

COMPANIES = ["lexus", "g-link", "jamil", "infiniti", "jin-jidosha"]
FULL = Draft("jamil", "disclosure", "self", "email", "all", id="f", stated=True)


def heard(wants="out_of_scope", confidence=0.9, companies=(), text="x"):
    return Inquiry(wants, confidence, "ja", companies=companies, questions=(Question(text, {}),))


@pytest.fixture(scope="module")
def form(corpus):
    return RequestForm(Assistant(corpus))


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("company", COMPANIES)
@pytest.mark.parametrize("kind", list(REQUEST_FACETS))
def test_every_company_and_type_by_buttons(form, corpus, kind, company, language):
    state = State(language=language, draft=begin(heard(f"request_{kind}"), (company,), "form"))
    kinds, texts = [], []
    for step in ("relation", "channel", "about"):
        reply = form.ask(state, "")
        kinds.append(reply.kind)
        texts.append(reply.text)
        state = replace(reply.state, draft=take(reply.state.draft, title(f"{step}_{OPTIONS[step][0]}", language), heard()))
    summary = form.ask(state, "")
    assert kinds == ["request", "form", "form"]
    assert corpus.companies[company].full[language] in summary.text
    assert summary.citations or not form.ask(state, "").view.get("source")
    assert take(state.draft, title("decision_open", language), heard()).decision == OPEN
    opened = form.opened(replace(state, on_page=True), "D-7K3M-92QX-4T6B-W", None)
    assert "D-7K3M-92QX-4T6B-W" in opened.text and opened.view["form"] == {"form": "contact", "ticket": "D-7K3M-92QX-4T6B-W"}


@pytest.mark.parametrize("company", ["g-link", "jin-jidosha"])
@pytest.mark.parametrize("language", ["ja", "en"])
def test_without_a_contact_in_the_policy_it_says_so(form, company, language):
    state = State(language=language, draft=replace(FULL, company=company))
    assert say("needs_routing", language, company=form._corpus.companies[company].full[language]) in form.opened(state, "D-1", None).text


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("company", COMPANIES)
def test_an_opened_ticket_promises_nothing(form, company, language):
    text = form.opened(State(language=language, draft=replace(FULL, company=company)), "D-1", None).text
    for promise in ("受け付けました", "削除します", "無料です", "accepted", "will be deleted", "free of charge", "営業日以内"):
        assert promise not in text


def test_an_unsure_type_is_asked_for():
    assert begin(heard("request_deletion", 0.2), ("lexus",), "f").step == "type"


def test_two_companies_are_asked_for():
    assert begin(heard("request_deletion"), ("lexus", "jamil"), "f").step == "company"


@pytest.mark.parametrize("text", ["やっぱりやめます", "キャンセルで", "cancel", "never mind", "請求をやめる"])
@pytest.mark.parametrize("step", ["relation", "channel", "decision"])
def test_cancel(text, step):
    assert take(replace(FULL, **{step: None}), text, heard()).decision == CANCEL


@pytest.mark.parametrize("text", ["利用をやめてほしい", "第三者に提供するのをやめてください", "やっぱり利用を中止してください"])
def test_to_stop_the_use_is_not_to_leave_the_form(text):
    after = take(Draft("jamil", "disclosure", guess="disclosure", stated=True), text, heard("request_stop_use"))
    assert (after.decision, after.type) == (None, "stop_use")


@pytest.mark.parametrize(
    ("text", "relation"),
    [("本人です", "self"), ("自分の分です", "self"), ("for me", "self"), ("母の代理です", "mandated_representative"),
     ("親権者です", "legal_representative"), ("I'm her guardian", "legal_representative"), ("弁護士です", "mandated_representative")],
)  # fmt: skip
def test_spoken_relation(text, relation):
    assert take(Draft("jamil", "disclosure"), text, heard()).relation == relation


@pytest.mark.parametrize("text", ["代理人でも請求できますか?", "What does it cost?", "手数料はかかりますか"])
def test_a_question_in_between_is_a_matter_of_its_own(text):
    assert take(Draft("jamil", "disclosure"), text, heard(POLICY_QUESTION)) is None
    assert take(Draft("jamil", "disclosure", "self", "email"), text, heard(POLICY_QUESTION)) is None


@pytest.mark.parametrize("text", ["最近送られてきたDMに使われた住所", "the marketing calls since May", "全部消してほしい"])
def test_a_description_is_kept_as_it_is(text):
    draft = Draft("jamil", "disclosure", "self", "email")
    assert take(draft, text, heard("request_deletion")).about == text
    assert take(draft, text, heard(POLICY_QUESTION)).about == text


def test_a_description_that_looked_like_a_question_is_offered_and_kept(form):
    state = State(language="en", draft=Draft("jamil", "disclosure", "self", "email", stated=True), interrupted=True)
    reply = form.ask(state, "why do you send me mail?")
    assert reply.custom() is None
    assert title("use_as_about", "en") in [button.payload for button in reply.buttons]
    assert take(reply.state.draft, title("use_as_about", "en"), heard()).about == "why do you send me mail?"


@pytest.mark.parametrize("step", ["relation", "channel", "decision"])
def test_what_cannot_be_read_is_asked_again(form, step):
    draft = replace(FULL, **{step: None})
    once = take(draft, "for my mother", heard(text="for my mother"))
    twice = take(once, "mmm", heard())
    assert (once.unread, twice.unread, twice.step) == (1, 2, step)
    assert form.ask(State(language="en", draft=twice), "").text.startswith(say("not_taken", "en"))
    assert take(twice, title(f"{step}_{OPTIONS[step][0]}", "en"), heard()).unread == 0


@pytest.mark.parametrize("wants", [*(f"request_{kind}" for kind in REQUEST_FACETS), "open_request"])
@pytest.mark.parametrize("confidence", [0.1, 0.9])
@pytest.mark.parametrize("step", ["company", "type", "relation", "channel", "about", "decision"])
def test_what_would_lead_back_to_the_form_is_always_taken(step, confidence, wants):
    assert take(replace(FULL, **{step: None}), "開示をお願いできますか?", heard(wants, confidence)) not in (
        None,
        replace(FULL, **{step: None}),
    )


def test_back_and_change():
    assert take(FULL, "一つ前に戻る", heard()).step == "about"
    changing = take(FULL, title("decision_change", "ja"), heard())
    assert changing.changing and changing.step == "decision"
    after = take(changing, title("change_company", "ja"), heard())
    assert after.step == "company" and not after.stated and not after.changing


def test_another_type_and_another_company_are_taken_over():
    draft = Draft("jamil", "disclosure", stated=True)
    assert take(draft, "やっぱり削除してほしい", heard("request_deletion")) == replace(draft, type="deletion", stated=False)
    assert take(draft, "インフィニティの間違いでした", heard(NAME_COMPANY, companies=("infiniti",))).company == "infiniti"


def test_both_languages_have_the_same_places():
    import string

    for name, texts in say.all.items():
        places = [{field for _, field, _, _ in string.Formatter().parse(texts[language]) if field} for language in ("ja", "en")]
        assert places[0] == places[1], name


def test_every_field_of_the_draft_has_its_slot():
    import yaml

    from madoguchi.answers import DRAFT_FIELDS
    from madoguchi.settings import ROOT

    domain = yaml.safe_load((ROOT / "domain.yml").read_text(encoding="utf-8"))
    assert {f"request_{name}" for name in DRAFT_FIELDS} == {slot for slot in domain["slots"] if slot.startswith("request_")}
