"""The corpus, and that its checker finds what it is there to find."""

import dataclasses
import filecmp
from pathlib import Path

import pytest

from madoguchi import LANGUAGES
from madoguchi.__main__ import DEVELOPMENT_SET, main
from madoguchi.corpus import Clause, CorpusError, Gap, corpus_hash, load, printed
from madoguchi.corpus.check import leaks, near_duplicates, problems
from madoguchi.corpus.reading import POLICIES


def test_the_corpus_is_sound(corpus):
    assert list(problems(corpus)) == []


def test_size(corpus):
    clauses = [e for e in corpus.entries.values() if isinstance(e, Clause)]
    assert len(clauses) == 93
    assert len(corpus.companies) == 5
    assert len(corpus.topics) == 33


def test_sources_are_the_published_texts(corpus):
    published = DEVELOPMENT_SET.parents[1] / "policies"
    if not published.exists():
        pytest.skip("the published texts do not lie beside the repository")
    for name in corpus.documents:
        assert filecmp.cmp(POLICIES / name / "source.txt", published / f"{name}.txt", shallow=False)


def test_no_development_question_is_learned():
    if not DEVELOPMENT_SET.exists():
        pytest.skip("the development questions do not lie beside the repository")
    assert list(leaks(DEVELOPMENT_SET, [POLICIES, POLICIES.parent / "data"])) == []


def changed(corpus, document, **values):
    """The corpus with a document's first clause changed."""
    first, *rest = corpus.documents[document].clauses
    clauses = (dataclasses.replace(first, **values), *rest)
    documents = {**corpus.documents, document: dataclasses.replace(corpus.documents[document], clauses=clauses)}
    return dataclasses.replace(corpus, documents=documents)


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"says": {"ja": "手数料は1,000円です。", "en": "The fee is ¥1,000."}}, "1,000"),
        ({"says": {"ja": "お答えします。", "en": "See https://example.com/policy"}}, "https://example.com/policy"),
        ({"says": {"ja": "窓口は help@example.com です。", "en": "Write to us."}}, "help@example.com"),
        ({"says": {"ja": "ホンダにも提供します。", "en": "It is given out."}}, "ホンダ"),
        ({"says": {"ja": "提供します。", "en": "It is given to Nielsen Holdings."}}, "Nielsen Holdings"),
        ({"lines": (1, 2)}, "clauses.tsv"),
        ({"facets": ("no-such-facet",)}, "no-such-facet"),
        ({"facets": ("fee",)}, "fee has 2 answers"),
        ({"topics": ("fee",)}, "clauses.tsv"),
        ({"asked_as": {"ja": ("一つ",), "en": ("one",)}}, "too few"),
        ({"title": {"ja": "お問い合わせ窓口", "en": "Contact point"}}, "have the title"),
    ],
)
def test_the_checker_finds(corpus, values, complaint):
    assert any(complaint in problem for problem in problems(changed(corpus, "jamil", **values)))


def test_a_gap_has_to_say_that_something_is_not_stated(corpus):
    document = corpus.documents["jamil"]
    gap = dataclasses.replace(document.gaps[0], says={"ja": "手数料は無料です。", "en": "It is free."})
    documents = {**corpus.documents, "jamil": dataclasses.replace(document, gaps=(gap, *document.gaps[1:]))}
    found = list(problems(dataclasses.replace(corpus, documents=documents)))
    assert any("does not say that something is not stated" in problem for problem in found)


def test_a_gap_may_not_cite_another_company(corpus):
    document = corpus.documents["jamil"]
    gap = dataclasses.replace(document.gaps[0], near=("lexus/contact",))
    documents = {**corpus.documents, "jamil": dataclasses.replace(document, gaps=(gap, *document.gaps[1:]))}
    assert any("another company's" in problem for problem in problems(dataclasses.replace(corpus, documents=documents)))


def test_near_duplicates_are_found():
    texts = [("a", "how much does a request cost me"), ("b", "How much does a request cost me?"), ("c", "who reads my data")]
    assert [(one, other) for one, _, other, _ in near_duplicates(texts)] == [("a", "b")]


@pytest.mark.parametrize("company", ["lexus", "g-link", "jamil", "infiniti", "jin-jidosha"])
def test_every_facet_has_an_answer(corpus, company):
    for facet in corpus.facets:
        entry, point = corpus.answering(company, facet)
        assert corpus.company_of(entry).id == company
        assert point is None or point in entry.points


# What the notes on the policies call traps: the text is silent, or states a part alone.
@pytest.mark.parametrize(
    ("company", "facet"),
    [
        ("lexus", "fee"),
        ("lexus", "response-time"),
        ("lexus", "id-documents"),
        ("lexus", "form"),
        ("lexus", "agent"),
        ("g-link", "contact"),
        ("g-link", "phone"),
        ("g-link", "hours"),
        ("g-link", "disclosure-right"),
        ("g-link", "procedure"),
        ("g-link", "fee"),
        ("jamil", "fee"),
        ("jamil", "hours"),
        ("jamil", "agent"),
        ("jamil", "response-time"),
        ("jamil", "children"),
        ("jamil", "email"),
        ("infiniti", "operator"),
        ("infiniti", "stop-use-right"),
        ("infiniti", "phone"),
        ("infiniti", "postal-address"),
        ("infiniti", "cookies"),
        ("infiniti", "cross-border"),
        ("infiniti", "hours"),
        ("jin-jidosha", "phone"),
        ("jin-jidosha", "email"),
        ("jin-jidosha", "deletion-right"),
        ("jin-jidosha", "hours"),
        *(
            (company, facet)
            for company in ("lexus", "g-link", "jamil", "infiniti", "jin-jidosha")
            for facet in ("retention", "children", "policy-date")
        ),
    ],
)
def test_silence_is_a_gap(corpus, company, facet):
    entry, _ = corpus.answering(company, facet)
    assert isinstance(entry, Gap)
    assert not entry.stated


@pytest.mark.parametrize(
    ("company", "facet", "stated"),
    [
        ("lexus", "purposes", "lexus/purposes"),
        ("infiniti", "fee", "infiniti/id-documents"),
        ("jin-jidosha", "fee", "jin-jidosha/rights"),
        ("jin-jidosha", "response-time", "jin-jidosha/rights"),
        ("jin-jidosha", "id-documents", "jin-jidosha/rights"),
    ],
)
def test_a_part_is_stated(corpus, company, facet, stated):
    entry, _ = corpus.answering(company, facet)
    assert isinstance(entry, Gap)
    assert stated in entry.stated


CONTACTS = {"lexus": "0800-500-5577", "jamil": "03-5945-0121", "infiniti": "privacy_policy@mail.nissan.co.jp"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_contact_of_another_company(corpus, language):
    for entry in corpus.entries.values():
        company = corpus.company_of(entry).id
        texts = [entry.says[language], *(p.says[language] for p in getattr(entry, "points", ()))]
        for owner, contact in CONTACTS.items():
            assert owner == company or all(contact not in text for text in texts), entry.id


def test_no_promise_that_no_policy_makes(corpus):
    for entry in corpus.entries.values():
        text = entry.says["ja"] + entry.says["en"]
        assert "30日" not in text
        assert "円" not in text.replace("円滑", "").replace("多摩", "")
        assert "日産自動車" not in text


@pytest.mark.parametrize("name", ["lexus-web/ip-use", "lexus-web/usage-anonymity", "g-link/ip-use"])
def test_ip_addresses_both_halves(corpus, name):
    says = corpus.clause(name).says
    assert "特定" in says["ja"]
    assert "identif" in says["en"]


def test_two_lists_of_joint_use_are_kept_apart(corpus):
    clause = corpus.clause("jamil/joint-use-companies")
    together = " ".join([clause.says["ja"], *(point.says["ja"] for point in clause.points)])
    assert "LEXUS TOKYO" in together
    assert "トヨタメトロジック" in together


def test_hash_changes_with_a_statement(tmp_path: Path):
    (tmp_path / "a.yml").write_text("a")
    before = corpus_hash(tmp_path)
    (tmp_path / "a.yml").write_text("b")
    assert corpus_hash(tmp_path) != before


def test_a_broken_file_is_named(tmp_path: Path):
    (tmp_path / "companies.yml").write_text("companies: [")
    with pytest.raises(CorpusError, match="companies.yml"):
        load(tmp_path)


def test_show_and_table(corpus, capsys):
    assert main(["corpus", "show", "jamil/contact"]) == 0
    assert "121  03-5945-0121" in capsys.readouterr().out
    assert main(["corpus", "show", "jamil/none"]) == 1
    assert "jamil/none" in capsys.readouterr().err
    assert printed.table(corpus).count("\n") == 35
