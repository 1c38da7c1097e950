"""The look-up without a web: letters and words, what comes first, what is set apart, the comparison."""

import copy
import io
import json
import tarfile
import threading
from datetime import datetime, timezone

import pytest

from madoguchi.answers import Assistant, State, compose
from madoguchi.corpus import Clause, Gap
from madoguchi.lookup import Comparison, Lookup, Trained, marked, read, say_entry
from madoguchi.lookup.letters import stem
from madoguchi.lookup.words import WordIndex
from madoguchi.understanding import choices
from madoguchi.understanding.encoder import NoEncoder
from madoguchi.understanding.inquiry import OUT_OF_SCOPE, POLICY_QUESTION, Inquiry, Question
from madoguchi.understanding.learned import Example, Model
from madoguchi.understanding.understand import Understanding

NOON = datetime(2026, 11, 24, 3, 0, tzinfo=timezone.utc)  # 12:00 in Tokyo


class Told:
    """An understanding that is told what each query means; counts how often it is asked."""

    def __init__(self, **meanings):
        self.meanings = meanings
        self.asked = []

    def understand(self, text):
        self.asked.append(text)
        return self.meanings[text]


def question(wants=POLICY_QUESTION, companies=(), language="ja", other=False, **ranking):
    ranked = {company.replace("_", "-"): tuple(scores) for company, scores in ranking.items()}
    return Inquiry(wants, 0.9, language, companies, other=other, questions=(Question("", ranked),))


@pytest.fixture(scope="module")
def words(corpus):
    return Lookup(corpus)


@pytest.fixture(scope="module")
def index(corpus):
    return WordIndex(corpus)


def find(lookup, text, company=None):
    return lookup.search(text, company, now=NOON)


def ids(hits):
    return [hit.entry.id for hit in hits]


def shown(text, query, more=()):
    return "".join(f"[{piece.text}]" if piece.is_match else piece.text for piece in marked(text, query, more))


# -- letters ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "query", "found"),
    [
        ("Calls are recorded.", "is the recording kept", "Calls are [recorded]."),
        ("Calls are recorded.", "record", "Calls are [recorded]."),
        ("All our policies.", "policy", "All our [policies]."),
        ("The forms for all", "or a", "The forms for all"),
        ("第三者に提供する場合", "第三者提供", "[第三者]に[提供]する場合"),
        ("クッキーの利用", "くっきー", "[クッキー]の利用"),
        ("ｸﾚｼﾞｯﾄの情報", "クレジ", "[ｸﾚｼﾞ]ｯﾄの情報"),
        ("電話をしています", "録音しています", "電話を[しています]"),
        ("電話 0800-500-5577 まで", "０８００５００５５７７", "電話 [0800-500-5577] まで"),
        ("Ｐｒｉｖａｃｙ", "privacy", "[Ｐｒｉｖａｃｙ]"),
        ("㈱は株式会社", "株", "[㈱]は[株]式会社"),
        ("", "x", ""),
        ("同意を得ます", "", "同意を得ます"),
    ],
)
def test_words_are_marked_whatever_their_form(text, query, found):
    assert shown(text, query) == found
    assert "".join(piece.text for piece in marked(text, query)) == text


def test_words_beside_the_query_are_marked():
    assert shown("Given to insurers and insurance agents", "保険会社", ["insur"]) == "Given to [insur]ers and [insur]ance agents"


def test_neighbouring_matches_are_one():
    assert [piece for piece in marked("共同利用", "同利 共同") if piece.is_match][0].text == "共同利"


@pytest.mark.parametrize(
    "words", [("cookie", "cookies"), ("company", "companies"), ("record", "recorded", "recording"), ("address", "addresses")]
)
def test_forms_of_a_word_have_one_stem(words):
    assert len({stem(word) for word in words}) == 1


# -- words -----------------------------------------------------------------------------------------------------


def best(corpus, index, query):
    found = index.find(query)
    return list(corpus.entries)[int((found.score * found.share).argmax())]


@pytest.mark.parametrize(
    ("query", "entry"),
    [
        ("0800-500-5577", "lexus/contact"),
        ("５５７７", "lexus/contact"),
        ("privacy_policy@mail.nissan.co.jp", "infiniti/contact"),
        ("ﾄﾖﾀﾒﾄﾛｼﾞｯｸ", "jamil/joint-use-companies"),
        ("とよためとろじっく", "jamil/joint-use-companies"),
        ("トヨタメトロ", "jamil/joint-use-companies"),
        ("customer assis", "lexus/call-recording"),
    ],
)
def test_terms_numbers_and_halfway_words_are_found(corpus, index, query, entry):
    found = index.find(query)
    place = list(corpus.entries).index(entry)
    assert found.phrase[place]
    assert best(corpus, index, query) == entry or found.share[place] == pytest.approx(1.0)


def test_a_phrase_in_latin_letters_begins_with_a_word(corpus, index):
    assert not index.find("ersonal informatio").phrase.any()
    assert index.find("personal informatio").phrase.any()


def test_words_that_stand_nowhere_find_nothing(index):
    found = index.find("GCLID")
    assert not found.share.any()
    assert not found.phrase.any()


# -- the look-up by words alone --------------------------------------------------------------------------------


def test_without_a_model_words_find_the_clause_and_say_so(corpus, words):
    found = find(words, "レクサスに電話すると録音されますか")
    assert not found.is_learned
    assert found.companies == ("lexus",)
    assert found.is_named
    assert ids(found.hits)[0] == "lexus/call-recording"
    assert {hit.company for hit in found.hits} == {"lexus"}


def test_a_company_in_the_query_wins_over_the_one_chosen(words):
    assert find(words, "ジャミールの手数料", "lexus").companies == ("jamil",)
    assert find(words, "手数料", "lexus").companies == ("lexus",)
    assert not find(words, "手数料", "lexus").is_named


def test_a_missing_term_is_said_to_be_missing(words):
    found = find(words, "GCLID")
    assert (found.note, found.hits) == ("nothing", ())


def test_a_term_that_has_a_companys_name_in_it_is_looked_for_where_it_stands(words):
    found = find(words, "トヨタメトロ")
    assert (found.companies, found.is_named) == ((), False)
    assert ids(found.hits)[0] == "jamil/joint-use-companies"
    assert find(words, "トヨタの電話番号").companies == ("lexus",)


@pytest.mark.parametrize("text", ["", "  ", "。。", "\0", "\ud800", "/"])
def test_nothing_readable_finds_nothing_and_says_nothing(words, text):
    found = find(words, text, "lexus")
    assert (found.hits, found.apart, found.note) == ((), (), None)


def test_a_text_of_any_length_is_searched(words):
    assert find(words, "手数料 " * 5000).hits


# -- the look-up by meaning ------------------------------------------------------------------------------------


@pytest.fixture
def learned(words):
    """A look-up that is told what queries mean; the words of the corpus are read once."""

    def made(meanings):
        lookup = copy.copy(words)
        lookup.learned(meanings if isinstance(meanings, Told) else Told(**meanings))
        return lookup

    return made


def test_the_assistants_answers_come_first_the_plainest_company_first(corpus, learned):
    meaning = question(
        lexus=[("lexus#fee", 0.8)], jamil=[("jamil#fee", 0.9), ("jamil/rights", 0.2)], infiniti=[("infiniti#fee-amount", 0.7)]
    )
    lookup = learned({"いくらかかりますか": meaning})
    found = find(lookup, "いくらかかりますか")
    assert ids(found.hits)[:3] == ["jamil#fee", "lexus#fee", "infiniti#fee-amount"]
    assert [hit.why for hit in found.hits[:3]] == ["answer"] * 3
    reply = Assistant(corpus).reply(Inquiry(POLICY_QUESTION, 1, "ja", ("jamil",), questions=meaning.questions), State(language="ja"), NOON)
    assert reply.state.entries[0] == "jamil#fee"


def test_every_company_has_its_ranking_even_where_one_has_none(learned):
    lookup = learned({"x y z?": question(lexus=[("lexus#fee", 0.9)], jamil=[])})
    assert ids(find(lookup, "x y z?").hits) == ["lexus#fee"]


def test_a_rare_term_comes_first_where_it_stands(learned):
    meaning = question(jamil=[("jamil#fee", 0.9)])
    lookup = learned({"トヨタメトロジック": meaning, "トヨタメトロジックの手数料はいくらですか": meaning})
    found = find(lookup, "トヨタメトロジック")
    assert (found.hits[0].entry.id, found.hits[0].why) == ("jamil/joint-use-companies", "phrase")
    asked = find(lookup, "トヨタメトロジックの手数料はいくらですか")
    assert (asked.hits[0].entry.id, asked.hits[0].why) == ("jamil#fee", "answer")


def test_a_quotation_of_the_original_is_found_whatever_the_model_says(learned):
    passage = "any communication are to be recorded in order"
    found = find(learned({passage: question(OUT_OF_SCOPE, language="en")}), passage)
    assert ids(found.hits)[0] == "lexus/call-recording"
    assert found.note is None


def test_a_number_is_found_across_its_hyphens(learned, words):
    meaning = question(OUT_OF_SCOPE, language="en")
    for lookup in (words, learned({"0055": meaning})):
        assert ids(find(lookup, "0055").hits)[0] == "lexus/contact"


def test_out_of_scope_is_said_and_what_shares_words_is_set_apart(learned):
    lookup = learned({"what's the weather": question(OUT_OF_SCOPE, language="en"), "zzz": question(OUT_OF_SCOPE, language="en")})
    found = find(lookup, "what's the weather")
    assert (found.note, found.hits) == ("out_of_scope", ())
    assert "g-link/purposes" in ids(found.apart)
    assert find(lookup, "zzz").apart == ()


def test_a_company_that_is_not_ours_is_said(learned):
    lookup = learned({"ホンダの手数料": question(OUT_OF_SCOPE, other=True)})
    assert find(lookup, "ホンダの手数料").note == "other_company"


def test_a_wish_leads_to_the_right_then_the_procedure_then_the_contact(learned):
    lookup = learned({"消して": Inquiry("request_deletion", 0.9, "ja", ("infiniti",))})
    found = find(lookup, "消して")
    assert (found.note, found.request) == ("request", "deletion")
    assert ids(found.hits)[:3] == ["infiniti/rights", "infiniti/request-steps", "infiniti/contact"]


def test_refining_by_company_understands_nothing_anew(learned):
    told = Told(手数料=question(lexus=[("lexus#fee", 0.8)], jamil=[("jamil#fee", 0.9)]))
    lookup = learned(told)
    assert ids(find(lookup, "手数料", "jamil").hits)[0] == "jamil#fee"
    assert ids(find(lookup, "手数料", "lexus").hits)[0] == "lexus#fee"
    assert told.asked == ["手数料"]


def test_personal_data_in_a_query_does_not_reach_the_model(learned):
    told = Told(**{"[phone] は録音されますか": question(lexus=[("lexus/call-recording", 0.9)])})
    find(learned(told), "090-1234-5678 は録音されますか")
    assert told.asked == ["[phone] は録音されますか"]


# -- in words --------------------------------------------------------------------------------------------------


def test_both_languages_with_source_and_whose_words(corpus):
    said = say_entry(corpus, corpus.entries["lexus/call-recording"], "電話は録音されますか", now=NOON)
    assert said.stated == "stated"
    assert said.spoken["ja"].is_translation
    assert not said.spoken["en"].is_translation
    assert said.spoken["ja"].copy.startswith(said.spoken["ja"].lead)
    assert "出典：" in said.spoken["ja"].copy
    assert "Source: " in said.spoken["en"].copy


def test_the_original_is_verbatim_with_its_line_numbers(corpus):
    for entry in corpus.entries.values():
        for original in say_entry(corpus, entry, "個人情報 personal information", now=NOON).originals:
            source = corpus.documents[original.clause.document].source
            for line in original.lines:
                assert "".join(piece.text for piece in line.pieces) == source[line.number - 1]


def test_a_question_in_the_other_language_marks_the_words_of_the_point_it_singles_out(corpus):
    marks = [
        piece.text
        for line in say_entry(corpus, corpus.clause("infiniti/id-documents"), "免許証でいいですか", now=NOON).originals[0].lines
        for piece in line.pieces
        if piece.is_match
    ]
    assert marks == ["driver's", "license"]


def test_nothing_is_lost_between_the_assistants_words_and_ours(corpus):
    for entry in corpus.entries.values():
        said = say_entry(corpus, entry, now=NOON)
        for language, spoken in said.spoken.items():
            body = compose.part(corpus, entry, "", language, NOON).body
            assert "\n".join([spoken.lead, *spoken.items]) == body.replace("\n・", "\n")


def test_a_gap_says_what_is_stated_and_what_is_near(corpus):
    for entry in corpus.entries.values():
        if isinstance(entry, Gap):
            said = say_entry(corpus, entry, now=NOON)
            assert said.stated == ("partly" if entry.stated else "not_stated")
            assert [o.relation for o in said.originals] == ["stated"] * len(entry.stated) + ["near"] * len(entry.near)


# -- the comparison --------------------------------------------------------------------------------------------


def test_the_comparison_has_each_facet_once_and_each_company(corpus):
    comparison = Comparison(corpus)
    assert sorted(comparison.facets) == sorted(corpus.facets)
    for row in comparison.rows:
        for place, summary in enumerate(row.summaries):
            states = [cells[place].stated for _, cells in row.facets]
            assert list(summary.facets) == states
            assert summary.stated == (
                "stated" if set(states) == {"stated"} else "not_stated" if set(states) == {"not_stated"} else "partly"
            )
            about = comparison.about(row.topic.id, summary.company)
            assert {cells[place].entry.id for _, cells in row.facets} <= {entry.id for entry in about}
            assert len(about) == len({entry.id for entry in about})
            assert all(corpus.company_of(entry).id == summary.company for entry in about)


def test_the_comparison_tells_stated_from_not_stated(corpus):
    comparison = Comparison(corpus)
    assert {cell.company: cell.stated for cell in comparison.cells("fee")}["jamil"] == "not_stated"
    assert {cell.company: cell.stated for cell in comparison.cells("call-recording")}["lexus"] == "stated"


# -- the trained model -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def archive(corpus, tmp_path_factory):
    """A model as `rasa train` packs it, of a few sentences."""
    folder = tmp_path_factory.mktemp("model")
    targets = {"intent ask_policy": 1.0, "entry lexus lexus/call-recording": 1.0}
    texts = {
        "お電話は録音されますか": targets,
        "are calls recorded": targets,
        "こんにちは": {"intent greet": 1.0},
        "hello there": {"intent greet": 1.0},
    }
    examples = [Example(text, of, "ask_policy" if "entry" in str(of) else "greet") for text, of in texts.items()]
    Model.train(examples, NoEncoder().encode(list(texts))).save(folder / "files")
    packed = folder / "model.tar.gz"
    component = "components/train_madoguchi.nlu.classifier.InquiryClassifier2"
    metadata = {"train_schema": {"nodes": {"train_madoguchi.nlu.classifier.InquiryClassifier2": {"config": {"encoder": "none"}}}}}
    with tarfile.open(packed, "w:gz") as out:
        for path in (folder / "files").iterdir():
            out.add(path, f"{component}/{path.name}")
        raw = json.dumps(metadata).encode()
        info = tarfile.TarInfo("metadata.json")
        info.size = len(raw)
        out.addfile(info, io.BytesIO(raw))
    return packed


def test_the_model_is_read_without_rasa(corpus, archive):
    understanding = read(archive, corpus)
    assert isinstance(understanding, Understanding)
    inquiry = understanding.understand("お電話は録音されますか")
    assert inquiry.questions[0].ranking["lexus"][0][0] == "lexus/call-recording"
    assert choices.table(corpus)


def test_it_is_waited_for_and_handed_over_once(corpus, archive, tmp_path):
    there = threading.Event()
    trained = Trained(corpus, tmp_path / "later.tar.gz", lambda _: there.set())
    assert trained.state == "loading"
    trained.start()
    assert not there.wait(0.2)
    (tmp_path / "later.part").write_bytes(archive.read_bytes())
    (tmp_path / "later.part").rename(tmp_path / "later.tar.gz")
    assert there.wait(20)


def test_a_broken_archive_is_a_state_and_no_more(corpus, tmp_path, caplog):
    (tmp_path / "broken.tar.gz").write_bytes(b"no archive")
    trained = Trained(corpus, tmp_path / "broken.tar.gz", lambda _: None)
    trained.start()
    deadline = threading.Event()
    for _ in range(100):
        if trained.state == "failed":
            break
        deadline.wait(0.05)
    assert trained.state == "failed"


def test_no_model_is_to_be_expected(corpus):
    trained = Trained(corpus, None, lambda _: None)
    trained.start()
    assert trained.state == "none"


def test_each_clause_is_found_by_its_own_title(corpus, words):
    missed = []
    for entry in corpus.entries.values():
        if isinstance(entry, Clause):
            for language in ("ja", "en"):
                found = find(words, entry.title[language], corpus.company_of(entry).id)
                if entry.id not in ids(found.hits):
                    missed.append((entry.id, language))
    assert missed == []
