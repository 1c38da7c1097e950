"""Every kind of reply, and what a conversation keeps from one message to the next."""

import re

import pytest

from .checks import COMPANIES, CONTACTS, check_reply, says_not_stated, source_of

PERSON = {"ja": "担当者につなぐ", "en": "Talk to a person"}
ORIGINAL = {"ja": "原文を表示", "en": "Show the original wording"}

KINDS = [
    ("answer", "ja", "ジャミール商事はどんな目的で私の情報を使いますか"),
    ("answer", "en", "What does Jamil Shoji use my information for?"),
    ("answer", "ja", "レクサスに開示を求めるにはどこへ言えばいいですか"),
    ("answer", "en", "Where do I turn to have LEXUS disclose my data?"),
    ("not_stated", "ja", "G-Linkは個人情報を何年間保存しますか"),
    ("not_stated", "en", "How long does G-Link keep personal information?"),
    ("ask_company", "ja", "クッキーを拒否することはできますか"),
    ("ask_company", "en", "Can I refuse cookies?"),
    ("clarify", "ja", "レクサスについて"),
    ("clarify", "en", "about LEXUS, please"),
    ("out_of_scope", "ja", "おすすめのラーメン屋を教えて"),
    ("out_of_scope", "en", "Who won the baseball game last night?"),
    ("out_of_scope", "ja", "ホンダは個人情報を何に使いますか"),
    ("out_of_scope", "en", "What is Honda's privacy policy on cookies?"),
    ("desk", "ja", "レクサスのインフォメーションデスクは何時まで開いていますか"),
    ("desk", "en", "Is the LEXUS Information Desk open right now?"),
    ("ticket_status", "ja", "先月お願いした請求はどうなっていますか。番号は D-7K3M-92QX-4T6B-W です"),
    ("ticket_status", "en", "What has become of my request? Its number is D-7K3M-92QX-4T6B-W."),
    ("human", "ja", "機械ではなく人と話したいです"),
    ("human", "en", "Let me talk to a real person, please."),
    ("smalltalk", "ja", "こんにちは"),
    ("smalltalk", "en", "Good morning!"),
    ("smalltalk", "ja", "ありがとうございました"),
    ("smalltalk", "en", "Thanks a lot"),
    ("smalltalk", "ja", "さようなら"),
    ("smalltalk", "en", "Goodbye then"),
    ("smalltalk", "ja", "あなたは人間ですか、ロボットですか"),
    ("smalltalk", "en", "What are you, a bot?"),
]

REQUESTS = [
    ("disclosure", "ja", "{}に私の個人情報の開示を請求したいです"),
    ("disclosure", "en", "I want {} to disclose my personal data to me, I'd like to file a request."),
    ("correction", "ja", "{}に登録された私の住所が間違っているので訂正してください"),
    ("correction", "en", "Please have {} correct my wrong address."),
    ("addition", "ja", "{}の私のデータに抜けている電話番号を追加してほしいです"),
    ("addition", "en", "I'd like {} to add my missing phone number to my data."),
    ("deletion", "ja", "{}にある私の個人情報を削除してください"),
    ("deletion", "en", "Please delete my personal data at {}."),
    ("stop_use", "ja", "{}に私の個人情報の利用を停止してほしい"),
    ("stop_use", "en", "I demand that {} stop using my personal information."),
    ("stop_third_party", "ja", "{}から第三者への私の情報の提供を止めてください"),
    ("stop_third_party", "en", "Please have {} stop giving my data to third parties."),
    ("purpose_notice", "ja", "{}に、私の情報の利用目的の通知を求めます"),
    ("purpose_notice", "en", "I request that {} notify me of the purposes my own data is used for."),
    ("third_party_records", "ja", "{}に、第三者提供記録の開示を請求します"),
    ("third_party_records", "en", "I want to request the records of what {} provided about me to third parties."),
]
NAMES = {
    "lexus": ("レクサス", "LEXUS"),
    "g-link": ("G-Link", "G-Link"),
    "jamil": ("ジャミール商事", "Jamil Shoji"),
    "infiniti": ("インフィニティ", "Infiniti"),
    "jin-jidosha": ("Jin Jidosha", "Jin Jidosha"),
}


def named(company, language):
    return NAMES[company][language == "en"]


def pressed(payload, language):
    """What the press of a payload may lead to: LEXUS's contact is the desk, and a person is what that button says."""
    return ("human",) if payload == PERSON[language] else ("answer", "not_stated", "desk")


@pytest.mark.parametrize(("kind", "language", "message"), KINDS, ids=[f"{k}-{lang}-{n // 2}" for n, (k, lang, _) in enumerate(KINDS)])
def test_kind(servers, kind, language, message):
    turn = servers.talk()(message)
    assert turn.kind == kind, turn.text
    assert turn.answer["language"] == language
    assert turn.text
    assert set(turn.answer) == {"kind", "company", "topic", "request", "language", "citations"}
    if kind == "not_stated":
        assert says_not_stated(turn.text, language), turn.text
    if kind == "ask_company":
        assert len(turn.payloads) == len(COMPANIES)
    if kind == "clarify":
        assert 1 <= len(turn.payloads) <= 3
    if kind == "desk":
        assert re.search(CONTACTS["lexus"], turn.text), turn.text
        assert re.search("受付時間(?:内|外)です" if language == "ja" else "(?:open|closed) now", turn.text), turn.text
    assert not any(payload.startswith("/") for payload in turn.payloads)


# -- requests ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("company", COMPANIES)
@pytest.mark.parametrize(("kind", "language", "wish"), REQUESTS, ids=[f"{k}-{lang}" for k, lang, _ in REQUESTS])
def test_request(servers, company, kind, language, wish):
    turn = servers.talk()(wish.format(named(company, language)))
    assert (turn.kind, turn.answer["request"]) == ("request", kind), turn.text
    check_reply(turn, company, language)


BARE_REQUESTS = [
    ("disclosure", "ja", "個人情報の開示を請求したいです"),
    ("disclosure", "en", "I want to file a request for disclosure of my data."),
    ("correction", "ja", "登録内容を訂正してください"),
    ("correction", "en", "Please correct my registered details."),
    ("addition", "ja", "私のデータに情報を追加してほしいです"),
    ("addition", "en", "Please add missing information to my record."),
    ("deletion", "ja", "私の個人情報を削除してください"),
    ("deletion", "en", "Please delete all my personal data."),
    ("stop_use", "ja", "私の個人情報の利用を停止してください"),
    ("stop_use", "en", "Stop using my personal information."),
    ("stop_third_party", "ja", "第三者への提供を停止してください"),
    ("stop_third_party", "en", "Stop providing my data to third parties."),
    ("purpose_notice", "ja", "利用目的の通知を請求します"),
    ("purpose_notice", "en", "I am requesting a notice of the purposes of use of my data."),
    ("third_party_records", "ja", "第三者提供記録の開示を請求します"),
    ("third_party_records", "en", "I request disclosure of the records of third-party provision."),
]


@pytest.mark.parametrize(("kind", "language", "wish"), BARE_REQUESTS, ids=[f"{k}-{lang}" for k, lang, _ in BARE_REQUESTS])
def test_request_asks_for_the_company_and_goes_on(servers, kind, language, wish):
    say = servers.talk()
    asked = say(wish)
    assert asked.kind == "ask_company", asked.text
    turn = say(named("infiniti", language))
    assert (turn.kind, turn.answer["request"]) == ("request", kind), turn.text
    check_reply(turn, "infiniti", language)


@pytest.mark.parametrize("language", ["ja", "en"])
def test_company_of_the_site_takes_the_request(servers, language):
    turn = servers.talk("jamil")({"ja": "私の情報を訂正してください", "en": "Please correct my data."}[language])
    assert (turn.kind, turn.answer["request"]) == ("request", "correction")
    check_reply(turn, "jamil", language)


# -- which company -------------------------------------------------------------------------------------------------------

WAITING = [("ja", "個人情報の利用目的を教えてください"), ("en", "What are the purposes of using personal information?")]


@pytest.mark.parametrize("place", range(len(COMPANIES)), ids=COMPANIES)
@pytest.mark.parametrize(("language", "question"), WAITING, ids=["ja", "en"])
def test_button_of_a_company_answers_the_waiting_question(servers, place, language, question):
    say = servers.talk()
    asked = say(question)
    assert asked.kind == "ask_company"
    turn = say(asked.payloads[place])
    assert turn.kind in ("answer", "not_stated"), turn.text
    assert "purposes" in turn.citations[0], turn.citations
    check_reply(turn, COMPANIES[place], language)


@pytest.mark.parametrize(
    ("language", "first", "second"),
    [
        ("ja", "インフィニティは利用停止に応じますか", "じゃあジャミールは?"),
        ("en", "How long does Jamil Shoji keep my data?", "and Infiniti?"),
        ("ja", "G-Linkの個人情報の保存期間は?", "レクサスはどうですか"),
        ("en", "Does LEXUS collect IP addresses?", "What about G-Link?"),
    ],
)
def test_another_company_is_asked_the_same(servers, language, first, second):
    say = servers.talk()
    before, after = say(first), say(second)
    assert after.kind in ("answer", "not_stated")
    assert after.answer["topic"] == before.answer["topic"]
    assert after.answer["company"] != before.answer["company"]
    check_reply(after, after.answer["company"], language)


@pytest.mark.parametrize("language", ["ja", "en"])
def test_company_of_the_message_beats_the_site(servers, language):
    say = servers.talk("jamil")
    turn = say({"ja": "インフィニティの問い合わせ先はどこですか", "en": "What is Infiniti's contact?"}[language])
    assert turn.kind == "answer"
    check_reply(turn, "infiniti", language)
    assert re.search(CONTACTS["infiniti"], turn.text)


@pytest.mark.parametrize("company", COMPANIES)
@pytest.mark.parametrize("language", ["ja", "en"])
def test_site_is_the_company_where_none_is_named(servers, company, language):
    turn = servers.talk(company)({"ja": "未成年者の情報はどう扱われますか", "en": "How are children's data handled?"}[language])
    assert turn.kind == "not_stated"
    check_reply(turn, company, language)


@pytest.mark.parametrize(
    ("message", "company"),
    [
        ("インフィニテイの個人情報の保存期間は?", "infiniti"),
        ("infinity privacy: how long do they keep my data?", "infiniti"),
        ("how long does jameel keep my data?", "jamil"),
        ("ジャミルの個人情報の保存期間は?", "jamil"),
        ("how long does jin jidousha keep my data?", "jin-jidosha"),
        ("ジン自動車の個人情報の保存期間は?", "jin-jidosha"),
        ("ﾚｸｻｽの個人情報の保存期間は?", "lexus"),
        ("how long does lexas keep my data?", "lexus"),
        ("トヨタコネクテッドの個人情報の保存期間は?", "g-link"),
        ("トヨタコネクティッドの個人情報の保存期間は?", "g-link"),
        ("Ｇ－Ｌｉｎｋの個人情報の保存期間は?", "g-link"),
    ],
)
def test_misspelt_name(servers, message, company):
    turn = servers.talk()(message)
    assert (turn.kind, turn.answer["company"], turn.answer["topic"]) == ("not_stated", company, "retention"), turn.text


@pytest.mark.parametrize(
    ("language", "message"),
    [("ja", "レクサスとインフィニティの問い合わせ先を教えてください"), ("en", "What are the contacts of LEXUS and Infiniti?")],
)
def test_two_companies(servers, language, message):
    turn = servers.talk()(message)
    assert (turn.kind, turn.answer["company"], turn.answer["language"]) == ("answer", None, language)
    assert {"lexus/contact", "infiniti/contact"} <= set(turn.citations)
    assert re.search(CONTACTS["lexus"], turn.text)
    assert re.search(CONTACTS["infiniti"], turn.text)
    assert not re.search(CONTACTS["jamil"], turn.text)


# -- buttons -------------------------------------------------------------------------------------------------------------

OFFERING = [
    ("ja", "レクサスについて"),
    ("en", "about LEXUS, please"),
    ("ja", "G-Linkについて"),
    ("en", "about Jamil Shoji, please"),
    ("ja", "インフィニティについて"),
    ("en", "about Jin Jidosha, please"),
    ("ja", "ジャミール商事は個人情報を何に使いますか"),
    ("en", "What does Jamil Shoji use personal information for?"),
    ("ja", "レクサスの個人情報の保存期間は?"),
    ("en", "Does Infiniti charge a fee for a request?"),
    ("ja", "Jin Jidoshaは第三者に情報を渡しますか"),
    ("en", "Which companies does Jamil Shoji share data with for joint use?"),
]


@pytest.mark.parametrize(("language", "message"), OFFERING)
def test_every_payload_leads_to_an_answer(servers, language, message):
    offered = servers.talk()(message).payloads
    assert offered
    for payload in offered:
        say = servers.talk()
        say(message)
        turn = say(payload)
        assert turn.kind in pressed(payload, language), (payload, turn.text)
        assert turn.answer["language"] == language, payload


@pytest.mark.parametrize("language", ["ja", "en"])
def test_unsure_twice_offers_a_person(servers, language):
    say = servers.talk()
    say({"ja": "こんにちは", "en": "Hello"}[language])
    first, second = say("???"), say("……")
    assert first.kind == second.kind == "clarify"
    assert PERSON[language] in second.payloads
    assert PERSON[language] in second.text
    assert say(PERSON[language]).kind == "human"


@pytest.mark.parametrize("language", ["ja", "en"])
def test_yes_takes_the_offered_choice(servers, language):
    say = servers.talk()
    say({"ja": "ジャミール商事について", "en": "about Jamil Shoji, please"}[language])
    turn = say({"ja": "はい", "en": "yes"}[language])
    assert turn.kind in ("answer", "not_stated"), turn.text


# -- original wording ----------------------------------------------------------------------------------------------------

QUOTED = [
    ("lexus", "ja", "レクサスは電話の内容を録音しますか"),
    ("lexus", "en", "Does LEXUS record calls?"),
    ("g-link", "ja", "G-Linkは個人情報を何に使いますか"),
    ("g-link", "en", "Does G-Link use cookies?"),
    ("jamil", "ja", "ジャミール商事は要配慮個人情報をどう扱いますか"),
    ("jamil", "en", "With which companies does Jamil Shoji jointly use personal data?"),
    ("infiniti", "ja", "インフィニティの本人確認書類は何ですか"),
    ("infiniti", "en", "How long does Infiniti take to answer a request?"),
    ("jin-jidosha", "ja", "Jin Jidoshaは個人情報を何に使いますか"),
    ("jin-jidosha", "en", "When does Jin Jidosha share data without consent?"),
]


@pytest.mark.parametrize(("company", "language", "question"), QUOTED, ids=[f"{c}-{lang}" for c, lang, _ in QUOTED])
def test_original_wording_is_quoted_verbatim(servers, company, language, question):
    say = servers.talk()
    answered = say(question)
    assert answered.kind == "answer"
    turn = say(ORIGINAL[language])
    assert turn.kind == "answer"
    check_reply(turn, company, language)
    assert turn.citations[0] == answered.citations[0]
    printed = turn.text.split("\n")
    for clause in turn.citations:
        assert [line for line in source_of(clause) if line not in printed] == [], clause
    assert re.search("原文" if language == "ja" else "original wording", turn.text.split("\n")[0])
    original_language = "ja" if company in ("g-link", "jamil") else "en"
    assert {piece["language"] for piece in turn.view["original"]} == {original_language}
    assert turn.view["translation"] is (original_language != language)


@pytest.mark.parametrize("question", ["インフィニティはどんな法律を守りますか", "Which laws does Jamil Shoji comply with?"])
def test_original_stays_out_of_the_text_until_asked_for(servers, question):
    turn = servers.talk()(question)
    assert turn.view["original"]
    assert not any(piece["text"] in turn.text for piece in turn.view["original"])


def test_translation_is_marked_as_ours(servers):
    assert "原文は英語" in servers.talk()("インフィニティは回答までどれくらいかかりますか").text
    assert "translation" in servers.talk()("What does G-Link use personal information for?").text


# -- language and repetition ---------------------------------------------------------------------------------------------


def test_language_follows_each_message(servers):
    say = servers.talk()
    said = [
        ("en", "How long does Infiniti keep my data?"),
        ("ja", "ジャミール商事の窓口の電話番号は?"),
        ("en", "Does Jamil Shoji pass my data to insurance companies?"),
        ("ja", "原文を表示"),
        ("en", "Show the original wording"),
        ("ja", "ありがとう"),
        ("en", "thank you"),
    ]
    assert [(say(message).answer["language"], message) for _, message in said] == said


@pytest.mark.parametrize(
    "question",
    [
        "インフィニティは開示の請求に何日で答えますか",
        "Does Jin Jidosha charge a fee?",
        "G-Linkの問い合わせ先は?",
        "What does the LEXUS site use cookies for?",
    ],
)
def test_same_question_gets_the_same_answer(servers, question):
    say = servers.talk()
    first, second, elsewhere = say(question), say(question), servers.talk()(question)
    assert first.text == second.text == elsewhere.text
    assert first.answer == second.answer == elsewhere.answer


def test_conversations_do_not_mix(servers):
    one, other = servers.talk(), servers.talk()
    one("レクサスの電話番号は?")
    assert other("個人情報の保存期間は?").kind == "ask_company"
    assert one("個人情報の保存期間は?").answer["company"] == "lexus"
