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
    ("text", "alone"), [("レクサスです", True), ("and Infiniti?", True), ("じゃあジャミールの方は?", True), ("レクサスの手数料は", False)]
)
def test_alone(namer, text, alone):
    assert namer.find(text, "ja").alone is alone


def test_names_are_replaced(namer):
    assert namer.find("ジャミールの手数料は", "ja").bare == "御社の手数料は"
    assert namer.find("does Jamil share", "en").bare == "does your company share"
