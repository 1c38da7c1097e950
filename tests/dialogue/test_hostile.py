"""Whatever is sent: an answer or a refusal with its reason, never silence, never personal data on the disk."""

import http.client
import json
import re
import sqlite3
import time
import unicodedata
import uuid

import pytest

JAPANESE, ENGLISH = "レクサスは個人情報を何に使いますか。", "What does LEXUS use my data for? "


@pytest.fixture(autouse=True)
def still_answers(servers):
    """After every test the servers answer a plain question."""
    yield
    assert servers.talk()("G-Linkの電話番号は?").kind == "not_stated"


def sender():
    return f"hostile-{uuid.uuid4().hex}"


def send(servers, body, **headers):
    """Send raw bytes; an empty list is never an answer."""
    status, answer = servers.post(body, headers)
    assert answer, (status, answer)
    if status == 200:
        assert sum("answer" in (message.get("custom") or {}) for message in answer) == 1, answer
    return status, answer


def refused(servers, body, *statuses):
    """The request is refused, with a reason in both languages."""
    status, answer = send(servers, body)
    assert 400 <= status < 500, (status, answer)
    assert not statuses or status in statuses, status
    assert re.search(r"[ぁ-ん]", answer["message"]["ja"]), answer
    assert re.search(r"[a-z]{3}", answer["message"]["en"]), answer


def kind_of(answer):
    return next(message["custom"]["answer"]["kind"] for message in answer if "custom" in message)


# -- bodies --------------------------------------------------------------------------------------------------------------

BAD_BODIES = {
    "empty": b"",
    "brace": b"{",
    "list": b"[]",
    "null": b"null",
    "number": b"17",
    "string": b'"\xe3\x83\xac"',
    "broken": b'{"sender": "x", "message": "hi"',
    "not-utf8": b'{"sender": "x", "message": "\xff\xfe"}',
    "deep": b"[" * 20_000,
    "no-message": b'{"sender": "x"}',
    "null-message": b'{"sender": "x", "message": null}',
    "number-message": b'{"sender": "x", "message": 5}',
    "list-message": b'{"sender": "x", "message": ["hi"]}',
    "object-message": b'{"sender": "x", "message": {"text": "hi"}}',
    "bool-message": b'{"sender": "x", "message": true}',
    "number-sender": b'{"sender": 5, "message": "hi"}',
    "object-sender": b'{"sender": {}, "message": "hi"}',
    "nul-sender": b'{"sender": "a\\u0000b", "message": "hi"}',
    "surrogate-sender": b'{"sender": "a\\ud83d", "message": "hi"}',
    "long-sender": b'{"sender": "' + b"a" * 5_000 + b'", "message": "hi"}',
    "list-metadata": b'{"sender": "x", "message": "hi", "metadata": ["lexus"]}',
    "string-metadata": b'{"sender": "x", "message": "hi", "metadata": "lexus"}',
    "number-metadata": b'{"sender": "x", "message": "hi", "metadata": 1}',
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
def test_bad_body_is_refused_with_a_reason(servers, body):
    refused(servers, body)


def test_three_megabytes_are_refused(servers):
    refused(servers, json.dumps({"sender": sender(), "message": "あ" * 3_000_000}, ensure_ascii=False).encode()[:3_000_000], 413)


def test_three_megabytes_of_valid_json_are_refused(servers):
    refused(servers, json.dumps({"sender": sender(), "message": "hi", "padding": "x" * 3_000_000}).encode(), 413)


@pytest.mark.parametrize("text", [JAPANESE, ENGLISH], ids=["ja", "en"])
def test_two_thousand_characters_and_no_more(servers, text):
    longest = (text * 2_000)[:2_000]
    status, answer = send(servers, json.dumps({"sender": sender(), "message": longest}).encode())
    assert status == 200
    assert kind_of(answer) in ("answer", "clarify"), answer
    refused(servers, json.dumps({"sender": sender(), "message": longest + "あ"}).encode(), 400, 413)


# -- texts ---------------------------------------------------------------------------------------------------------------

RAW_TEXTS = {
    "high-surrogate": rb"\ud83d",
    "low-surrogate": rb"\ude00",
    "surrogates-swapped": rb"\ude00\ud83d",
    "surrogate-in-ja": "レクサスの電話番号は".encode() + rb"\ud83d?",
    "surrogate-in-en": rb"LEXUS phone \ud83d number",
    "nul": rb"\u0000",
    "nul-in-text": "G-Linkの".encode() + rb"\u0000" + "電話番号は?".encode(),
    "emoji": "😀🚗".encode(),
    "emoji-joined": "👨‍👩‍👧‍👦🏳️‍🌈".encode(),
    "empty": b"",
    "spaces": "  \u3000 ".encode(),
    "newlines": rb"\n\r\n\t",
    "zero-width": "\u200b\u2060\ufeff".encode(),
    "right-to-left": "\u202eレクサス\u202c".encode(),
    "zalgo": ("L" + "\u0301" * 300).encode(),
    "bracket": b"0[",
    "format": b"{0[a]} {} {company} {sender_id}",
    "braces": b"{{{{ }} ${HOME} %s %(a)s",
    "braces-ja": "レクサスの{電話番号}は?".encode(),
    "entity": b'[LEXUS](company) [x]{\\"entity\\": \\"company\\"}',
    "html": b"<script>alert(1)</script>",
    "sql": b"'; DROP TABLE events; --",
    "digits": b"1" * 60,
    "one-letter": b"a",
}


@pytest.mark.parametrize("text", RAW_TEXTS.values(), ids=RAW_TEXTS)
def test_any_text_gets_a_reply(servers, text):
    status, answer = send(servers, b'{"sender": "' + sender().encode() + b'", "message": "' + text + b'"}')
    assert status == 200
    assert kind_of(answer) != "error", answer
    assert all("\ud83d" not in message.get("text", "") for message in answer)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("レクサスの電話番号は\ud83d?", "desk"),
        ("LEXUS Information Desk \ud83d phone number?", "desk"),
        ("G-Linkの\x00電話番号は?", "not_stated"),
        ("ジャミール商事の{電話番号}は? 0[", "answer"),
        ("What is Jamil Shoji's phone number? {0[", "answer"),
    ],
)
def test_what_surrounds_the_rubbish_is_understood(servers, text, kind):
    status, answer = send(servers, json.dumps({"sender": sender(), "message": text}).encode())
    assert (status, kind_of(answer)) == (200, kind), answer


COMMANDS = [
    "/restart",
    "／restart",
    "/session_start",
    "//restart",
    " /restart",
    "/back",
    '/ask_desk{"a": 1}',
    "/",
    "EXTERNAL: x",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_slash_is_only_text(servers, command):
    say = servers.talk()
    assert say("ジャミール商事の電話番号は?").answer["company"] == "jamil"
    turn = say(command)
    assert turn.kind not in ("desk", "request", "error"), turn.text
    assert say("保存期間は?").answer["company"] == "jamil"


def test_an_intent_after_a_slash_is_read_like_the_same_words(servers):
    with_slash, without = servers.talk("jamil")("/request_deletion"), servers.talk("jamil")("request_deletion")
    assert (with_slash.answer, with_slash.text) == (without.answer, without.text)


# -- senders and sites ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [{}, {"sender": None}, {"sender": ""}], ids=["missing", "null", "empty"])
def test_callers_without_sender_do_not_share_a_conversation(servers, body):
    status, answer = send(servers, json.dumps({**body, "message": "レクサスは個人情報を何に使いますか"}).encode())
    assert (status, kind_of(answer)) == (200, "answer")
    status, answer = send(servers, json.dumps({**body, "message": "個人情報の保存期間は?"}).encode())
    assert (status, kind_of(answer)) == (200, "ask_company")


@pytest.mark.parametrize("site", ["honda", "", "0[", "LEXUS\x00", "x" * 5_000, 5, None, ["lexus"], {"a": 1}], ids=lambda s: repr(s)[:12])
def test_unknown_site_is_ignored(servers, site):
    body = {"sender": sender(), "message": "個人情報の保存期間は?", "metadata": {"site": site, "other": "x"}}
    status, answer = send(servers, json.dumps(body).encode())
    assert (status, kind_of(answer)) == (200, "ask_company")


# -- personal data -------------------------------------------------------------------------------------------------------


def wide(text):
    """The same text in full-width letters and digits."""
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def bare(text):
    """A text as it is searched: escapes undone, NFKC, neither spaces nor hyphens."""
    unescaped = re.sub(r"\\+u([0-9a-fA-F]{4})", lambda match: chr(int(match.group(1), 16)), text)
    return re.sub(r"[\s\-‐–−ー・.,()]", "", unicodedata.normalize("NFKC", unescaped)).casefold()


def written(servers):
    """Everything the servers have written: their log and every file of their data folder."""
    time.sleep(0.2)
    files = [servers.log, *(path for path in servers.data.rglob("*") if path.is_file())]
    return {path.name: bare(path.read_bytes().decode("utf-8", "ignore")) for path in files}


PLANTED = {
    "mail-ja": ("私のメールは {} です。レクサスの利用目的は?", "hanako.satou77@example.co.jp"),
    "mail-en": ("My e-mail is {}. What does LEXUS use it for?", "peter.quill42@example.com"),
    "mobile-ja": ("私の携帯は {} です。ジャミール商事は電話番号を誰かに渡しますか", "090-8146-2253"),
    "mobile-en": ("My mobile is {}. Does Jamil Shoji share it?", "080 5519 7364"),
    "abroad-en": ("Call me on {}. Does Infiniti pass my number on?", "+44 7911 652 318"),
    "landline-ja": ("自宅の電話は {} です。インフィニティに登録されていますか", "06-6371-8824"),
    "bare-phone-ja": ("{} に電話をください。レクサスの件です", "07031957726"),
    "postal-ja": ("郵便番号は {} です。G-Linkは住所を集めますか", "〒615-8193"),
    "postal-en": ("My postal code is {}, does G-Link collect addresses?", "604-9137"),
    "address-ja": ("住所は {} です。ジャミール商事の登録を見てください", "大阪府吹田市山田東4丁目26番17号"),
    "address-short-ja": ("私は {} に住んでいます。レクサスは住所を使いますか", "千葉県柏市豊四季813-6"),
    "address-en": ("I live at {}. Does LEXUS use my address?", "4827 Maplecrest Avenue"),
    "address-japan-en": ("My address is {}. Does Infiniti keep it?", "7-31-12 Minamikarasuyama, Setagaya-ku"),
    "card-ja": ("カード番号は {} です。G-Linkの課金に使われますか", "4539 1488 0343 6467"),
    "card-en": ("My card is {}. Is it used for G-Link billing?", "5425-2334-3010-9903"),
    "my-number-ja": ("マイナンバーは {} です。Jin Jidoshaに伝えるべきですか", "7203 9481 5526"),
    "my-number-en": ("My Number is {}. Does Jin Jidosha need it?", "618259430772"),
    "licence-ja": ("免許証番号は {} です。インフィニティの本人確認に使えますか", "412867530914"),
    "licence-en": ("My driver's license number is {}. Is it fine as ID for Infiniti?", "305579162840"),
    "plate-ja": ("車のナンバーは {} です。G-Linkは車の情報を集めますか", "横浜 330 さ 58-27"),
    "plate-en": ("My licence plate is {}. Does Jamil Shoji share it?", "足立 510 た 64-39"),
    "plate-latin-en": ("My licence plate is {}. Does Jamil Shoji share it?", "Shinagawa 500 A 73-16"),
}


@pytest.mark.parametrize("width", [str, wide], ids=["half", "full"])
@pytest.mark.parametrize("name", PLANTED)
def test_personal_data_is_masked_and_nowhere_written(servers, name, width):
    sentence, secret = PLANTED[name]
    turn = servers.talk()(sentence.format(width(secret)))
    found = [file for file, text in written(servers).items() if bare(secret) in text]
    assert not found, found
    assert bare(secret) not in bare(json.dumps(turn.raw))
    assert ("伏せ" if turn.answer["language"] == "ja" else "masked") in turn.text, turn.text


@pytest.mark.parametrize(
    ("field", "secret"),
    [("stream", "Zebulon Quackenbush"), ("name", "Ottoline Vandersnoot"), ("site", "zq.morrow@example.net"), ("lang", "09077246613")],
)
def test_personal_data_in_other_fields_is_not_kept(servers, field, secret):
    body = {"sender": sender(), "message": "レクサスの利用目的は?", "metadata": {field: secret}, field: secret}
    send(servers, json.dumps(body).encode())
    assert not [file for file, text in written(servers).items() if bare(secret) in text]


def test_a_refused_message_leaves_no_trace(servers):
    body = {"sender": sender(), "message": "私の電話は 090-6633-1187 です。" + "あ" * 2_000}
    refused(servers, json.dumps(body).encode())
    send(servers, b'{"sender": "x", "message": "mail gerda.nimble@example.org"')
    assert not [f for f, text in written(servers).items() if "09066331187" in text or bare("gerda.nimble@example.org") in text]


PUBLISHED = [
    "0800-500-5577 はレクサスの番号ですか",
    "Is 0800 500 5577 the LEXUS number?",
    "０８００－５００－５５７７にかければいいですか",
    "ジャミール商事の番号は 03-5945-0121 で合っていますか",
    "Is 03-5945-0121 Jamil Shoji's number?",
    "privacy_policy@mail.nissan.co.jp はインフィニティの窓口ですか",
    "Do I write to privacy_policy@mail.nissan.co.jp for Infiniti?",
    "受付番号 D-7K3M-92QX-4T6B-W の請求はどうなりましたか",
    "What is the status of D-7K3M-92QX-4T6B-W?",
]


@pytest.mark.parametrize("message", PUBLISHED)
def test_published_contacts_and_ticket_numbers_pass(servers, message):
    say = servers.talk()
    turn = say(message)
    assert "伏せ" not in turn.text, turn.text
    assert "masked" not in turn.text, turn.text
    token = re.search(r"[0-9A-Za-z_@.\- ]{12,}", unicodedata.normalize("NFKC", message)).group()
    assert any(bare(token) in bare(data) for data in rows_of(servers, say.sender))


# -- keys and erasure ----------------------------------------------------------------------------------------------------


def rows_of(servers, name):
    with sqlite3.connect(f"file:{servers.data / 'tracker.db'}?mode=ro", uri=True) as store:
        return [row[0] for row in store.execute("SELECT data FROM events WHERE sender_id = ?", (name,))]


@pytest.mark.parametrize("headers", [{}, {"X-Madoguchi-Key": "wrong"}, {"X-Madoguchi-Key": ""}], ids=["none", "wrong", "empty"])
@pytest.mark.parametrize(("method", "path"), [("POST", "/webhook"), ("GET", "/actions"), ("POST", "/"), ("POST", "/health")])
def test_action_server_wants_its_key(servers, headers, method, path):
    connection = http.client.HTTPConnection("127.0.0.1", servers.action_port, timeout=30)
    try:
        connection.request(method, path, b'{"next_action": "action_desk"}', {"Content-Type": "application/json", **headers})
        assert connection.getresponse().status == 401
    finally:
        connection.close()


def erase(servers, name, key):
    headers = {} if key is None else {"X-Madoguchi-Key": key}
    return servers.post(b"", headers, path=f"/webhooks/rest/conversations/{name}", method="DELETE")


def test_erasure_wants_the_key_and_leaves_nothing(servers):
    say, other = servers.talk(), servers.talk()
    say("レクサスは個人情報を何に使いますか")
    other("レクサスは個人情報を何に使いますか")
    rows = len(rows_of(servers, say.sender))
    assert rows
    for wrong in (None, "", "wrong"):
        status, reason = erase(servers, say.sender, wrong)
        assert status == 401
        assert reason["message"]["ja"] and reason["message"]["en"]
    assert len(rows_of(servers, say.sender)) == rows
    status, _ = erase(servers, say.sender, (servers.data / "channel.key").read_text().strip())
    assert status == 200
    assert rows_of(servers, say.sender) == []
    assert rows_of(servers, other.sender)
    assert say("個人情報の保存期間は?").kind == "ask_company"


def test_erasure_of_an_unknown_conversation_is_no_error(servers):
    status, _ = erase(servers, sender(), (servers.data / "channel.key").read_text().strip())
    assert status in (200, 404)


def test_no_other_route_shows_a_conversation(servers):
    say = servers.talk()
    say("レクサスの電話番号は?")
    for method, path in [("GET", f"/conversations/{say.sender}/tracker"), ("GET", f"/webhooks/rest/conversations/{say.sender}")]:
        connection = http.client.HTTPConnection("127.0.0.1", servers.port, timeout=30)
        try:
            connection.request(method, path)
            assert connection.getresponse().status in (401, 403, 404, 405), path
        finally:
            connection.close()
