"""Companies' names in every spelling."""

import pytest

from madoguchi.text import clean
from madoguchi.understanding.naming import Namer


@pytest.fixture(scope="module")
def namer(corpus):
    return Namer(corpus)


@pytest.mark.parametrize(
    ("text", "companies"),
    [
        ("レクサスの電話番号", ("lexus",)),
        ("ﾚｸｻｽ", ("lexus",)),
        ("lexas privacy", ("lexus",)),
        ("Ｇ－Ｌｉｎｋの利用目的", ("g-link",)),
        ("glink", ("g-link",)),
        ("ジーリンク", ("g-link",)),
        ("トヨタコネクテッドは", ("g-link",)),
        ("トヨタコネクティッドは", ("g-link",)),
        ("Toyota Connected?", ("g-link",)),
        ("jameel's policy", ("jamil",)),
        ("ジャミル商事", ("jamil",)),
        ("ジャミールさん", ("jamil",)),
        ("インフィニテイ", ("infiniti",)),
        ("infinity privacy", ("infiniti",)),
        ("日産", ("infiniti",)),
        ("jin jidousha", ("jin-jidosha",)),
        ("ジン自動車", ("jin-jidosha",)),
        ("Jin Jidosya", ("jin-jidosha",)),
        ("ジンに聞きたい", ("jin-jidosha",)),
        ("Jin社の", ("jin-jidosha",)),
        ("does jin motors sell data", ("jin-jidosha",)),
        ("エンジンの不調", ()),
        ("ジンクス", ()),
        ("kojin jouhou", ()),
        ("レクサスのG-Link", ("g-link",)),
        ("レクサスとインフィニティの違い", ("lexus", "infiniti")),
        ("infinite scrolling", ()),
        ("my email", ()),
        ("LEXUS TOKYOとは", ()),
        ("トヨタ系の会社", ()),
    ],
)
def test_companies(namer, text, companies):
    assert namer.find(clean(text), "ja").companies == companies


def test_toyota_alone_is_weak(namer):
    found = namer.find("トヨタはどう使いますか", "ja")
    assert found.companies == ()
    assert found.weak == ("lexus",)


@pytest.mark.parametrize("text", ["Hondaのポリシー", "does BMW share data", "テスラのカメラ"])
def test_other_companies(namer, text):
    assert namer.find(text, "ja").other


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("do you share my data with Google?", "do you share my data with another company?"),
        ("is it sold to Honda", "is it sold to another company"),
        ("does this site keep it on the Amazon servers", "does this site keep it on the another company servers"),
        ("御社はGoogleに情報を渡していますか", "御社は他の会社に情報を渡していますか"),
        ("アマゾンとも共有してる?", "他の会社とも共有してる?"),
        ("does this page use Google Analytics?", "does this page use Google Analytics?"),
        ("グーグルアナリティクスは使ってる?", "グーグルアナリティクスは使ってる?"),
    ],
)
def test_who_data_might_be_given_to_is_not_who_is_asked(namer, text, bare):
    found = namer.find(clean(text), "ja" if not text.isascii() else "en")
    assert (found.bare, found.other) == (bare, False)


@pytest.mark.parametrize(
    "text",
    [
        "does Honda share my data with Google?",
        "ホンダに開示を請求したい",
        "ホンダに渡した情報を消したい",
        "how do I complain to Honda",
        "I want to send a request to Amazon",
        "Amazonのポリシーを教えて",
    ],
)
def test_who_is_asked_stays_another_company(namer, text):
    assert namer.find(clean(text), "ja" if not text.isascii() else "en").other


@pytest.mark.parametrize(
    ("text", "alone"), [("レクサスです", True), ("and Infiniti?", True), ("じゃあジャミールの方は?", True), ("レクサスの手数料は", False)]
)
def test_alone(namer, text, alone):
    assert namer.find(text, "ja").alone is alone


def test_names_are_replaced(namer):
    assert namer.find("ジャミールの手数料は", "ja").bare == "御社の手数料は"
    assert namer.find("does Jamil share", "en").bare == "does your company share"
