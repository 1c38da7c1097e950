"""The learned part on a small corpus of sentences, without any embedding."""

import numpy as np
import pytest

from madoguchi.understanding.encoder import EncoderError, NoEncoder, encoder_named
from madoguchi.understanding.folds import interval
from madoguchi.understanding.inquiry import Inquiry, Question
from madoguchi.understanding.learned import AXES, REGULARISATION, Example, Model
from madoguchi.understanding.readings import by_sound, sound
from madoguchi.understanding.terms import Terms, likenesses
from madoguchi.understanding.words import MAX_CHARACTERS, words_of

SENTENCES = {
    "fee": ["手数料はいくらですか", "費用はかかりますか", "how much does it cost", "is there a fee", "手数料の金額"],
    "phone": ["電話番号を教えて", "電話したい", "what is the phone number", "telephone number please", "電話番号はありますか"],
}


@pytest.fixture(scope="module")
def model():
    examples = [Example(text, {name: 1.0}, name) for name, texts in SENTENCES.items() for text in texts]
    return Model.train(examples, NoEncoder().encode([e.text for e in examples]))


@pytest.mark.parametrize(
    ("text", "column"), [("手数料はありますか", "fee"), ("is the fee high", "fee"), ("電話番号は何番", "phone"), ("phone please", "phone")]
)
def test_scores(model, text, column):
    scores = model.score(text, NoEncoder().encode([text]))
    assert model.columns[int(scores.columns.argmax())] == column


def test_a_saved_model_scores_the_same(model, tmp_path):
    model.save(tmp_path)
    again = Model.load(tmp_path)
    for text in ("手数料", "phone", "まったく別のこと", ""):
        dense = NoEncoder().encode([text])
        np.testing.assert_allclose(model.score(text, dense).columns, again.score(text, dense).columns, rtol=1e-2, atol=1e-2)


def test_the_terms_of_one_sentence_are_those_of_scikit_learn():
    texts = ["保存期間は何年ですか", "how long is it kept", "何年も何年も何年も", "???"]
    terms = Terms("char", (2, 3))
    rows = terms.fit(texts)
    for text in [*texts, "何年 long", "zzz"]:
        row, whole = terms.row(text), np.zeros(rows.shape[1])
        whole[list(row.columns)] = row.values
        assert np.allclose(whole, terms._vectorizer.transform([text]).toarray(), atol=1e-6)
        assert np.allclose(likenesses(row, rows.T.tocsr()), rows @ whole, atol=1e-6)


def test_lessons_give_the_scores_of_all_columns():
    """Lessons and the axes of the embedding against the same regression without either."""
    generator = np.random.default_rng(1)
    texts = [text for texts in SENTENCES.values() for text in texts]
    dense = generator.normal(size=(len(texts), 3)).astype(np.float32) @ generator.normal(size=(3, 400)).astype(np.float32) / 100
    kinds = [(name, number % 2) for name in SENTENCES for number in range(5)]
    targets = [{name: 1.0, f"{name} again": 0.5, f"other {kind}": 1.0, f"twin {kind}": 1.0} for name, kind in kinds]
    examples = [Example(text, target, "x") for text, target in zip(texts, targets)]
    model = Model.train(examples, dense)
    wanted = np.array([[target.get(column, 0.0) for column in model.columns] for target in targets])
    rows = model._rows.toarray()
    kernel = np.square(1.0 + dense @ dense.T + rows @ rows.T) / 4.0
    whole = np.linalg.solve(kernel + REGULARISATION * np.eye(len(texts)), wanted)
    for text in [*texts, "手数料を電話で", "what is the number"]:
        words = np.zeros(rows.shape[1])
        found = model._surface.row(text)
        words[list(found.columns)] = found.values
        near = np.square(1.0 + dense @ dense[0] + rows @ words) / 4.0
        np.testing.assert_allclose(model.score(text, dense[:1]).columns, near @ whole, atol=2e-4)
    assert len(model._solution) == 4 < len(model.columns)
    assert model._dense.shape[1] == AXES


def test_nothing_has_to_be_japanese():
    english = {name: [text for text in texts if text.isascii()] for name, texts in SENTENCES.items()}
    examples = [Example(text, {name: 1.0}, name) for name, texts in english.items() for text in texts]
    model = Model.train(examples, NoEncoder().encode([e.text for e in examples]))
    test_scores(model, "phone please", "phone")
    assert model.score_by_sound("てすうりょう").columns.shape == (2,)


def test_an_unknown_encoder_is_named():
    with pytest.raises(EncoderError, match="nonsense"):
        encoder_named("nonsense")


def test_words_of_a_long_text_are_capped():
    assert words_of("あ" * (MAX_CHARACTERS * 3))[-1].end <= MAX_CHARACTERS


def test_inquiry_travels_as_json():
    question = Question("料金は", {"jamil": (("jamil#fee", 0.5),)}, 0.75)
    inquiry = Inquiry("ask_policy", 0.5, "ja", ("jamil",), (), False, False, (question,), None)
    assert Inquiry.from_dict(inquiry.to_dict()) == inquiry


def test_interval():
    low, high = interval(119, 120)
    assert 0.95 < low < 119 / 120 < high <= 1.0


@pytest.mark.parametrize(
    ("text", "is_by_sound"),
    [
        ("りようもくてきはなんですか", True),
        ("riyou mokuteki wa nan desu ka", True),
        ("利用目的は", False),
        ("クッキーはなに", False),
        ("what is the fee", False),
        ("でんわ number", False),
        ("?", False),
    ],
)
def test_typed_by_sound(text, is_by_sound):
    assert by_sound(text) is is_by_sound


@pytest.mark.parametrize(
    "typed", ["りようもくてきはなんですか", "riyou mokuteki wa nan desu ka", "riyomokuteki wa nandesuka", "リヨウモクテキハナンデスカ"]
)
def test_one_sound_for_every_spelling(typed):
    assert sound(typed) == sound("利用目的は何ですか")


@pytest.mark.parametrize("typed", ["てすうりょうはいくらですか", "tesuuryou wa ikura desu ka"])
def test_a_question_typed_by_sound_is_understood(model, typed):
    assert model.columns[int(model.score_by_sound(typed).columns.argmax())] == "fee"
