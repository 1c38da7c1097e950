"""Messages that speak of what was said before."""

import pytest

from madoguchi.understanding.understand import points_back, spelled_out


@pytest.mark.parametrize(
    "text",
    [
        "which items does that cover?",
        "what is it used for?",
        "それはいくらですか",
        "具体的にはどこですか",
        "what exactly?",
        "what are they used for?",
    ],
)
def test_points_back(text):
    assert points_back(text)


@pytest.mark.parametrize(
    "text",
    [
        "レクサスの電話番号は",
        "what is the fee?",
        "and do they sell my data?",  # they: the company
        "I was told at the dealer last week that they would delete it, and nobody did; why is that so?",
    ],
)
def test_stands_by_itself(text):
    assert not points_back(text)


@pytest.mark.parametrize(
    ("text", "title", "wanted"),
    [
        ("which items does that cover?", "Joint use", "which items does joint use cover?"),
        ("what exactly?", "Joint use", "Joint use: what exactly?"),
        ("それはどの項目が対象ですか", "共同利用", "共同利用のどの項目が対象ですか"),
    ],
)
def test_spelled_out(text, title, wanted):
    assert spelled_out(text, title) == wanted
