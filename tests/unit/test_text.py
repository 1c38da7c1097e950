"""Cleaning, language and masking of typed text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madoguchi.text import MAX_ACCEPTED, PUBLISHED_CONTACTS, TextTooLongError, clean, language_of, mask, take_in


@pytest.mark.parametrize(
    ("typed", "cleaned"),
    [
        ("ﾚｸｻｽ", "レクサス"),
        ("Ｇ－Ｌｉｎｋ", "G-Link"),
        ("プライバシ－ポリシ－", "プライバシーポリシー"),
        ("すごーーーい！！！", "すごーい!"),
        ("a\0b\u200bc\ud83dd", "abcd"),
        ("  one\n\ttwo\u3000three ", "one two three"),
        ("/restart", "restart"),
        ("／ /session_start", "session_start"),
        ("\u202eabc", "abc"),
        ("😀", "😀"),
        ("03-5945-0121", "03-5945-0121"),
    ],
)
def test_clean(typed, cleaned):
    assert clean(typed) == cleaned


def test_too_long_is_refused_with_the_limit_in_the_message():
    assert clean("a" * MAX_ACCEPTED)
    with pytest.raises(TextTooLongError, match="2000"):
        clean("a" * (MAX_ACCEPTED + 1))


@given(st.text(max_size=300))
def test_taking_in_twice_changes_nothing_more(text):
    once = take_in(text).text
    assert take_in(once).text == once
    assert not once.startswith("/")
    once.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("利用目的", "ja"),
        ("G-Linkの利用目的は?", "ja"),
        ("privacy policyを見たい", "ja"),
        ("opt-outしたいです", "ja"),
        ("what does 個人情報 mean?", "en"),
        ("jamil phone", "en"),
        ("and Infiniti?", "en"),
        ("kojin joho no riyou mokuteki wa", "ja"),
        ("denwa bango oshiete kudasai", "ja"),
        ("GDPR", None),
        ("LEXUS?", None),
        ("123", None),
        ("😀", None),
        ("[phone]", None),
    ],
)
def test_language(text, language):
    assert language_of(text) == language


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("taro.yamada@example.co.jp です", "e-mail"),
        ("ｔａｒｏ＠ｅｘａｍｐｌｅ．ｊｐ", "e-mail"),
        ("電話は090-1234-5678です", "phone"),
        ("電話は０９０−１２３４−５６７８", "phone"),
        ("call me on +81 90 1234 5678", "phone"),
        ("(03)1234-5678", "phone"),
        ("〒100-0001", "postal code"),
        ("東京都千代田区千代田1-1-1に住んでいます", "address"),
        ("港区赤坂1丁目2番3号に引っ越した", "address"),
        ("I live at 221B Baker Street", "address"),
        ("card 4111 1111 1111 1111", "card"),
        ("マイナンバーは1234 5678 9012", "my number"),
        ("免許証番号は123456789012です", "licence"),
        ("品川 300 あ 12-34", "plate"),
        ("my plate is Shinagawa 500 A 73-16", "plate"),
        ("顧客番号 12345678901", "number"),
    ],
)
def test_personal_data_is_masked(text, kind):
    masked = take_in(text)
    assert kind in masked.masked
    assert f"[{kind}]" in masked.text
    assert mask(masked.text).kinds == ()


@pytest.mark.parametrize(
    "text",
    [
        "0800-500-5577は何の番号ですか",
        "03-5945-0121 で合っていますか",
        "is privacy_policy@mail.nissan.co.jp right?",
        "D-7K3M-92QX-4T6B-W の状況",
        "2週間くらいですか",
        "2024年4月1日の改訂",
        "利用目的の(1)から(6)まで",
        "365日9時から18時まで",
    ],
)
def test_what_is_no_personal_data_passes(text):
    assert take_in(text).masked == ()


def test_the_contacts_that_pass_are_those_of_the_policies(corpus):
    sources = {name: "\n".join(d.source) for name, d in corpus.documents.items()}
    assert "0800-500-5577" in sources["lexus"]
    assert "03-5945-0121" in sources["jamil"]
    assert "privacy_policy@mail.nissan.co.jp" in sources["infiniti"]
    assert len(PUBLISHED_CONTACTS) == 3
