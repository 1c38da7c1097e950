"""Conversations: follow-ups, corrections, several questions, greetings around a question, wanting against asking."""

import pytest

from madoguchi.understanding.choices import FIXED


def cites(turn):
    return turn.citations


@pytest.mark.parametrize(
    ("first", "then", "company", "clause"),
    [
        ("ジャミール商事の利用目的を教えてください", "じゃあインフィニティは?", "infiniti", "infiniti/purposes"),
        ("What does Infiniti use personal data for?", "and G-Link?", "g-link", "g-link/purposes"),
        ("レクサスは委託先をどう管理していますか", "G-Linkの方は?", "g-link", "g-link/outsourcing"),
        ("How does Jin Jidosha use cookies?", "and lexus.jp?", "lexus", "lexus-web/cookies"),
    ],
)
def test_the_question_carries_over_to_another_company(servers, first, then, company, clause):
    say = servers.talk()
    say(first)
    turn = say(then)
    assert turn.answer["company"] == company
    assert clause in cites(turn)


@pytest.mark.parametrize(
    ("first", "correction", "company", "clause"),
    [
        ("レクサスの個人情報の窓口は?", "いや、レクサスじゃなくてジャミールの方です", "jamil", "jamil/contact"),
        ("Which laws does Jamil Shoji follow?", "no, I meant Infiniti", "infiniti", "infiniti/law"),
        ("What is the contact of Jamil?", "sorry, not Jamil, Infiniti", "infiniti", "infiniti/contact"),
    ],
)
def test_a_correction_asks_again(servers, first, correction, company, clause):
    say = servers.talk()
    say(first)
    turn = say(correction)
    assert (turn.answer["company"], turn.citations[0]) == (company, clause)


@pytest.mark.parametrize(
    ("first", "then", "topic"),
    [
        ("ジャミール商事に開示を請求したいときの手続きは?", "費用は?", "fee"),
        ("How do I make a disclosure request to Infiniti?", "and how long does it take?", "response-time"),
    ],
)
def test_the_company_carries_over_to_another_question(servers, first, then, topic):
    say = servers.talk()
    company = say(first).answer["company"]
    turn = say(then)
    assert (turn.answer["company"], turn.answer["topic"]) == (company, topic)


def test_a_language_switch_keeps_company_and_question(servers, corpus):
    say = servers.talk()
    say("ジャミール商事は個人情報を共同利用していますか")
    turn = say("show me the original wording")
    assert turn.answer["language"] == "en"
    assert turn.answer["company"] == "jamil"
    assert corpus.documents["jamil"].source[57] in turn.text
    assert say("費用は?").answer["language"] == "ja"


@pytest.mark.parametrize(
    ("message", "clauses"),
    [
        ("インフィニティの問い合わせ先はどこですか。それと、準拠している法令を教えてください。", {"infiniti/contact", "infiniti/law"}),
        ("Does lexus.jp use cookies? And is what I send encrypted?", {"lexus-web/cookies", "lexus-web/ssl"}),
    ],
)
def test_two_questions_are_both_answered(servers, message, clauses):
    turn = servers.talk()(message)
    assert turn.kind == "answer"
    assert clauses <= set(turn.citations)


@pytest.mark.parametrize(
    ("message", "clauses"),
    [
        ("レクサスとジャミールの問い合わせ窓口を教えてください", {"lexus/contact", "jamil/contact"}),
        ("Which laws do Infiniti and Jamil Shoji comply with?", {"infiniti/law", "jamil/law"}),
    ],
)
def test_two_companies_are_answered_company_by_company(servers, message, clauses):
    turn = servers.talk()(message)
    assert turn.answer["company"] is None
    assert clauses <= set(turn.citations)


@pytest.mark.parametrize(
    ("message", "clause"),
    [
        ("お世話になっております。ありがとうございます。ジャミール商事の個人情報の窓口を教えてください。", "jamil/contact"),
        ("Hello! Thanks for being here. Does Infiniti give my data to dealers?", "infiniti/third-party"),
        ("ふざけるな、いい加減にしろ。レクサスに電話したら録音されるのか?", "lexus/call-recording"),
        ("You useless machine! Does lexus.jp use cookies?", "lexus-web/cookies"),
    ],
)
def test_words_around_a_question_do_not_hide_it(servers, message, clause):
    assert clause in servers.talk()(message).citations


# Wanting it done, against asking whether it can be done.
@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("I want my data deleted by Infiniti", "request"),
        ("can I have my data deleted by Infiniti?", "answer"),
        ("インフィニティに登録した私の情報を消してください", "request"),
        ("インフィニティに登録した情報は、頼めば消してもらえますか", "answer"),
        ("Please correct my address at Jamil Shoji", "request"),
        ("Can wrong data be corrected at Jamil Shoji?", "answer"),
        ("ジャミール商事に登録した住所を直してほしい", "request"),
        ("ジャミール商事では、間違った登録内容を訂正してもらえるのでしょうか", "answer"),
    ],
)
def test_wanting_against_asking(servers, message, kind):
    assert servers.talk()(message).kind == kind


# Pairs that are easily mixed up.
@pytest.mark.parametrize(
    ("message", "site", "clause"),
    [
        ("基本方針では、社員への教育について何と書いてありますか", "lexus", "lexus/security"),
        ("lexus.jpに登録した情報を見られるのは誰ですか", "lexus", "lexus-web/security"),
        ("サイトでリンクしている他社のページについては?", "lexus", "lexus-web/links"),
        ("個人情報の窓口に電話したら番号は表示されますか", "lexus", "lexus/number-display"),
        ("G-Linkの運営会社はどこですか", "lexus", "g-link/scope"),
        ("who runs lexus.jp?", "g-link", "lexus-web/scope"),
        ("共同利用する会社はどこですか", "jamil", "jamil/joint-use-companies"),
        ("LEXUS TOKYO 経由で入手した情報はどの会社が使うのですか", "jamil", "jamil/joint-use-companies"),
        ("利用目的を全部教えて", "jamil", "jamil/purposes"),
        ("共同利用の目的は何ですか", "jamil", "jamil/joint-use-purposes"),
    ],
)
def test_pairs(servers, message, site, clause):
    assert clause in servers.talk(site)(message).citations[:2]


@pytest.mark.parametrize(
    ("message", "clause"),
    [
        ("れくさすにでんわするとろくおんされますか", "lexus/call-recording"),
        ("jamiru no kojin jouhou no madoguchi wa doko desu ka", "jamil/contact"),
    ],
)
def test_typed_by_sound(servers, message, clause):
    turn = servers.talk()(message)
    assert turn.answer["language"] == "ja"
    assert turn.citations[0] == clause


@pytest.mark.parametrize(
    ("message", "site", "first"),
    [
        ("Will you call me when my insurance runs out?", "jamil", "insurance"),
        ("与信に使いますか", "jamil", "与信"),
        ("Do you use the data for shareholders?", "jin-jidosha", "shareholder"),
        ("課金のために使うのですか", "g-link", "課金"),
    ],
)
def test_one_item_of_a_list_comes_first(servers, message, site, first):
    turn = servers.talk(site)(message)
    assert turn.kind == "answer"
    assert first in turn.text[:220]


@pytest.mark.parametrize(
    ("message", "site"),
    [("インフィニティは開示に手数料を1,000円取るそうですね?", None), ("So the fee for a Jamil disclosure request is ¥300, right?", None)],
)
def test_a_false_premise_is_not_confirmed(servers, message, site):
    turn = servers.talk(site)(message)
    assert turn.kind in ("answer", "not_stated")
    assert "1,000" not in turn.text
    assert "300" not in turn.text


def test_a_question_after_being_asked_for_the_company(servers):
    say = servers.talk()
    assert say("問い合わせ先の電話番号は?").kind == "ask_company"
    turn = say("ジャミールです。受付時間も知りたいです")
    assert turn.answer["company"] == "jamil"
    assert turn.kind in ("answer", "not_stated")


def test_more_shows_the_rest(servers):
    say = servers.talk()
    say("ジャミール商事は個人情報を何に使いますか")
    turn = say(FIXED["more_detail"]["ja"])
    assert turn.kind == "answer"
    assert "(8)" in turn.text or "保険代理店" in turn.text


POINTING_BACK = [
    (["Does Jamil Shoji use personal data jointly with other companies?", "which items does that cover?"], "jamil/joint-use-items"),
    (["ジャミール商事は個人情報を共同利用していますか", "それはどの項目が対象ですか"], "jamil/joint-use-items"),
    (["Does lexus.jp collect IP addresses?", "what is it used for?"], "lexus-web/ip-use"),
    (["G-Linkはクッキーを使いますか", "それは拒否できますか"], "g-link/cookies"),
    (["Does Infiniti share my data with dealers?", "can I stop that?"], "infiniti/third-party"),
    (["do you use cookies on lexus.jp", "how can I turn them off?"], "lexus-web/cookies"),
    (["ジャミールはどの保険会社と共有しますか", "それは何のためですか"], "jamil/purposes"),
    # What is asked by itself does not need what was said before.
    (["Does Jamil charge a fee for disclosure?", "What about Infiniti, how long do they take?"], "infiniti/response"),
    (["インフィニティの開示請求の方法は", "それはいくらかかりますか"], "infiniti/id-documents"),
    (["Jin Jidoshaの開示請求は", "それはどれくらいで返事がきますか"], "jin-jidosha/rights"),
]


@pytest.mark.parametrize(("messages", "clause"), POINTING_BACK)
def test_a_question_that_points_back_is_about_what_was_answered_last(servers, messages, clause):
    talk = servers.talk()
    turns = [talk(message) for message in messages]
    assert turns[-1].kind == "answer"
    assert turns[-1].citations[0] == clause
