"""Data subject requests over HTTP against the real servers: the form, what interrupts it, and how it ends (issue 5)."""

import re

import pytest

from madoguchi.answers.form import title

NUMBER = re.compile(r"D(?:-[0-9A-Z]{4}){3}-[0-9A-Z]")

WISHES = [
    ("ja", "ジャミール商事に、私の個人情報を開示してほしい", "disclosure", "jamil"),
    ("en", "I want Infiniti to send me a copy of the data you hold on me", "disclosure", "infiniti"),
    ("ja", "レクサスに登録した住所が間違っているので訂正してください", "correction", "lexus"),
    ("ja", "私の情報を全部消して。Jin Jidoshaです", "deletion", "jin-jidosha"),
    ("en", "Please delete everything you have on me, Jin Jidosha", "deletion", "jin-jidosha"),
    ("en", "Infiniti, stop sending my details to your dealers", "stop_third_party", "infiniti"),
    ("ja", "G-Linkは私の情報の利用を停止してください", "stop_use", "g-link"),
]


def answer_steps(talk, language, steps=("relation_self", "channel_email", "about_purchase")):
    return [talk(title(name, language)) for name in steps]


@pytest.mark.parametrize(("language", "wish", "kind", "company"), WISHES)
def test_from_the_wish_to_the_ticket(servers, language, wish, kind, company):
    talk = servers.talk()
    first = talk(wish)
    assert (first.kind, first.answer["request"], first.answer["company"], first.answer["language"]) == ("request", kind, company, language)
    assert title("relation_self", language) in first.payloads
    turns = answer_steps(talk, language)
    assert [turn.kind for turn in turns] == ["form", "form", "form"]
    assert title("decision_open", language) in turns[-1].payloads
    opened = talk(title("decision_open", language))
    assert (opened.kind, opened.answer["request"], opened.answer["company"]) == ("request", kind, company)
    assert NUMBER.search(opened.text)
    assert "#" in opened.text, "a caller without our page gets the one-time link"


def test_the_company_is_settled_first(servers):
    talk = servers.talk()
    assert talk("自分の個人情報を開示してほしいです").kind == "ask_company"
    named = talk("ジャミール商事")
    assert (named.kind, named.answer["request"], named.answer["company"]) == ("request", "disclosure", "jamil")


def test_the_site_settles_the_company(servers):
    assert servers.talk(site="infiniti")("I want to see the personal data you hold about me").answer["company"] == "infiniti"


@pytest.mark.parametrize(
    ("language", "wish", "question"),
    [
        ("ja", "ジャミール商事に個人情報の開示を請求します", "手数料はかかりますか"),
        ("en", "I request disclosure of my data, Jamil Shoji", "is there a fee?"),
    ],
)
def test_a_question_in_between_is_answered_and_the_form_goes_on(servers, language, wish, question):
    talk = servers.talk()
    talk(wish)
    between = talk(question)
    assert between.kind in ("answer", "not_stated") and between.answer["topic"] == "fee"
    assert title("relation_self", language) in between.payloads
    assert talk(title("relation_self", language)).kind == "form"


@pytest.mark.parametrize("words", ["請求をやめる", "やっぱりキャンセルします"])
def test_cancelled_keeps_nothing_and_the_talk_goes_on(servers, words):
    talk = servers.talk()
    talk("ジャミール商事に個人情報の開示を請求します")
    assert talk(words).kind == "cancelled"
    assert talk("利用目的は?").kind == "answer"


def test_back_and_change(servers):
    talk = servers.talk()
    talk("I request disclosure of my data from Jamil Shoji")
    answer_steps(talk, "en")
    assert title("change_channel", "en") in talk(title("decision_change", "en")).payloads
    assert title("channel_letter", "en") in talk(title("change_channel", "en")).payloads
    assert "Contact by: letter" in talk(title("channel_letter", "en")).text
    assert title("about_all", "en") in talk(title("back", "en")).payloads


def test_another_type_in_between(servers):
    talk = servers.talk()
    talk("ジャミール商事に個人情報の開示を請求します")
    changed = talk("やっぱり私の情報を削除してください")
    assert (changed.kind, changed.answer["request"]) == ("request", "deletion")


@pytest.mark.parametrize("again", ["ですから、開示してほしいのです", "Yes, open the ticket", "個人情報の開示を請求します"])
def test_the_wish_repeated_in_between_asks_on(servers, again):
    talk = servers.talk()
    talk("ジャミール商事に個人情報の開示を請求します")
    assert title("relation_self", "ja") in talk(again).payloads or title("relation_self", "en") in talk(again).payloads


def test_a_person_wanted_in_between(servers):
    talk = servers.talk()
    talk("ジャミール商事に個人情報の開示を請求します")
    assert talk("担当者と話したい").kind == "human"


@pytest.mark.parametrize("said", ["最近届いたDMに使われた住所", "なぜ広告が届くのか分かる記録"])
def test_a_description_in_free_words_stands_in_the_summary(servers, said):
    talk = servers.talk()
    talk("ジャミール商事に個人情報の開示を請求します")
    answer_steps(talk, "ja", ("relation_self", "channel_email"))
    assert said in talk(said).text


def test_what_is_typed_as_personal_data_is_masked_in_the_draft(servers):
    talk = servers.talk()
    talk("ジャミール商事に個人情報の開示を請求します")
    answer_steps(talk, "ja", ("relation_self", "channel_email"))
    summary = talk("090-1234-5678 に電話があった件")
    assert "090-1234-5678" not in summary.text and "[phone]" in summary.text


def test_the_same_confirmation_again_is_the_same_ticket(servers):
    talk = servers.talk()
    talk("ジャミール商事に個人情報の開示を請求します")
    answer_steps(talk, "ja")
    first, again = talk(title("decision_open", "ja")), talk(title("decision_open", "ja"))
    assert NUMBER.search(first.text).group() == NUMBER.search(again.text).group()


def test_without_a_draft_there_is_nothing_to_open(servers):
    reply = servers.talk()(title("decision_open", "en"))
    assert reply.kind == "clarify" and not NUMBER.search(reply.text)
