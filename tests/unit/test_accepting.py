"""From an accepted wording to the files that the bot learns from, and from those to a bot that knows better."""

from __future__ import annotations

import dataclasses
import difflib
import json
import shutil
from datetime import datetime, timezone

import numpy as np
import pytest

from madoguchi import LANGUAGES
from madoguchi.answers import Assistant, State
from madoguchi.corpus import load
from madoguchi.reports import Review, Scope
from madoguchi.reports import accepting as at_work
from madoguchi.reports.accepting import AcceptError, accept, report
from madoguchi.settings import ROOT
from madoguchi.store import Database
from madoguchi.text import clean
from madoguchi.understanding import choices
from madoguchi.understanding.encoder import NoEncoder
from madoguchi.understanding.folds import dialogue_examples
from madoguchi.understanding.understand import Understanding

from ..web.planted import plant, turn
from .requests_counter import sqlite_url

NOW = datetime(2026, 11, 10, 3, 0, tzinfo=timezone.utc)
STAFF = Scope(frozenset({"jamil", "lexus", "g-link", "infiniti", "jin-jidosha"}), has_words=True)


@pytest.fixture
def root(tmp_path):
    for name in ("policies", "data"):
        shutil.copytree(ROOT / name, tmp_path / "copy" / name)
    return tmp_path / "copy"


@pytest.fixture
def database(tmp_path):
    made = Database(sqlite_url(tmp_path))
    yield made
    made.engine.dispose()


@pytest.fixture
def review(database, corpus):
    return Review(database, corpus)


def wait(database, review, text, entry, company="jamil"):
    """A wording that waits to be written."""
    cid = plant(database, [turn(f"asked in other words: {text[:40]}", "clarify", company)])
    return review.accept(STAFF, f"{cid}-1", entry, text, "account")


def changes(root):
    """The lines that were added, by file; fails where anything else was changed."""
    found = {}
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        before, after = (ROOT / path.relative_to(root)).read_bytes(), path.read_bytes()
        if before != after:
            lines = [text.decode().splitlines(keepends=True) for text in (before, after)]
            diff = [line for line in difflib.ndiff(*lines) if line[0] in "+-"]
            assert all(line.startswith("+ ") for line in diff), diff
            found[path.relative_to(root).as_posix()] = [line[2:] for line in diff]
    return found


def test_a_wording_becomes_one_line_of_its_file(database, review, root):
    number = wait(database, review, "what happens to odd wishes about mailings", "jamil/contact")
    wait(database, review, "郵便物の変わった希望はどの係ですか", "lexus/contact", "lexus")
    wait(database, review, "can you recommend a good ramen shop nearby please", None)
    outcomes = accept(review, root, NoEncoder())
    assert [each.problem for each in outcomes] == ["", "", ""]
    assert changes(root) == {
        "data/nlu/en/out_of_scope.yml": ["      - can you recommend a good ramen shop nearby please\n"],
        "policies/jamil/clauses.yml": ["    - what happens to odd wishes about mailings\n"],
        "policies/lexus/clauses.yml": ["        - 郵便物の変わった希望はどの係ですか\n"],
    }
    before, after = review._corpus, load(root / "policies")
    asked = {name: entry.asked_as for name, entry in before.entries.items()}
    asked["jamil/contact"] = {**asked["jamil/contact"], "en": (*asked["jamil/contact"]["en"], "what happens to odd wishes about mailings")}
    asked["lexus/contact"] = {**asked["lexus/contact"], "ja": (*asked["lexus/contact"]["ja"], "郵便物の変わった希望はどの係ですか")}
    assert {name: entry.asked_as for name, entry in after.entries.items()} == asked
    assert review.accepted(STAFF, is_written=False) == []
    assert number in {each.id for each in review.accepted(STAFF, is_written=True)}
    printed = report(outcomes, root)
    assert "policies/jamil/clauses.yml: jamil/contact (en): what happens to odd wishes about mailings\n" in printed
    assert "make test" in printed
    assert report(accept(review, root, NoEncoder()), root) == "nothing waits to be written\n"


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "1234",
        "what: is it",
        "#what",
        "- what",
        "'what' is it",
        '"what" is it',
        "is it # what",
        "null",
        "*what",
        "@what",
        "what's 'it': x",
    ],
)
def test_what_yaml_would_read_otherwise_is_quoted(text):
    accepted = at_work.Accepted(1, "jamil", "jamil/contact", "en", text, "a", NOW, None)
    source = (ROOT / "policies/jamil/clauses.yml").read_text(encoding="utf-8")
    after, wanted = at_work._with_phrasing(source, accepted)
    assert at_work.yaml.safe_load(after) == wanted


def test_every_entry_of_every_document_can_be_added_to(corpus):
    for document in corpus.documents.values():
        source = (ROOT / "policies" / document.id / "clauses.yml").read_text(encoding="utf-8")
        tree = at_work.yaml.compose(source, Loader=at_work._Loader)
        for part, entries in (("clauses", document.clauses), ("gaps", document.gaps)):
            for node, entry in zip(at_work._child(tree, part).value if entries else (), entries, strict=True):
                for lang in LANGUAGES:
                    listed = at_work._child(at_work._child(node, "asked_as"), lang)
                    assert not listed.flow_style, (entry.id, lang)
                    assert listed.value[-1].value == entry.asked_as[lang][-1]


def test_a_copy_of_what_is_known_is_not_written(database, review, root, tmp_path):
    held_out = tmp_path / "questions.jsonl"
    items = [
        {"id": "q1", "text": "Which window takes peculiar wishes?"},
        {"id": "q2", "turns": [{"text": "x"}, {"text": "And peculiar complaints?"}]},
    ]
    held_out.write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf-8")
    wait(database, review, "which window takes peculiar wishes", "jamil/contact")
    wait(database, review, "and peculiar complaints", "jamil/contact")
    wait(database, review, "Volkswagen's data protection officer, whats his name", "jamil/contact")
    outcomes = accept(review, root, NoEncoder(), held_out)
    assert [each.problem for each in outcomes] == [
        "it is nearly the held-out question q1",
        "it is nearly the held-out question q2",
        "it is nearly a phrasing of out_of_scope",
    ]
    assert changes(root) == {}
    assert len(review.accepted(STAFF, is_written=False)) == 3
    printed = report(outcomes, root)
    assert "withdraw it in the console's review" in printed
    assert "peculiar wishes?" not in printed  # the held-out question stays where it is


def test_two_that_wait_do_not_repeat_each_other(database, review, root):
    wait(database, review, "where do the odd wishes go then", "jamil/contact")
    wait(database, review, "Where do the odd wishes go, then?", "lexus/contact", company="lexus")
    [first, second] = accept(review, root, NoEncoder())
    assert (first.problem, second.problem) == ("", "")  # of two companies
    assert len(changes(root)) == 2


def test_the_same_meaning_in_other_words_is_not_written(database, review, root):
    known, new = review._corpus.entries["jamil/contact"].asked_as["en"][0], "the peculiar office of yours"

    class Alike:
        dimensions = 2

        def encode(self, sentences):
            return np.array([[1.0, 0.0] if sentence in (known, new) else [0.0, 1.0] for sentence in sentences], dtype=np.float32)

    wait(database, review, new, "jamil/contact")
    [outcome] = accept(review, root, Alike())
    assert outcome.problem == f"it means the same as a phrasing of jamil/contact: {known}"
    assert changes(root) == {}


def test_what_was_written_before_it_could_be_marked_is_marked(database, review, root, monkeypatch):
    wait(database, review, "what happens to odd wishes about mailings", "jamil/contact")
    marked = Review.mark_written
    monkeypatch.setattr(Review, "mark_written", lambda self, ids: (_ for _ in ()).throw(OSError("gone")))
    with pytest.raises(OSError, match="gone"):
        accept(review, root, NoEncoder())
    monkeypatch.setattr(Review, "mark_written", marked)
    [outcome] = accept(review, root, NoEncoder())
    assert outcome.problem == ""
    assert changes(root) == {"policies/jamil/clauses.yml": ["    - what happens to odd wishes about mailings\n"]}


def test_a_file_of_another_shape_is_left_alone(database, review, root):
    path = root / "data/nlu/en/out_of_scope.yml"
    path.write_text('version: "3.1"\nnlu:\n- intent: greet\n  examples: |\n    - hi\n', encoding="utf-8")
    before = path.read_bytes()
    wait(database, review, "can you recommend a good ramen shop nearby please", None)
    with pytest.raises(AcceptError, match=r"out_of_scope\.yml"):
        accept(review, root, NoEncoder())
    assert path.read_bytes() == before
    assert len(review.accepted(STAFF, is_written=False)) == 1


def test_an_entry_that_is_gone_is_said(database, review, root):
    wait(database, review, "what happens to odd wishes about mailings", "jamil#hours")
    path = root / "policies/jamil/clauses.yml"
    path.write_text(path.read_text(encoding="utf-8").replace("id: jamil#hours", "id: jamil#opening"), encoding="utf-8")
    [outcome] = accept(review, root, NoEncoder())
    assert outcome.problem == "there is no jamil#hours any more"


def few(asked):
    """The first and the last of the phrasings: a new one is the last."""
    return {lang: (*asked[lang][:8], *asked[lang][-2:]) for lang in LANGUAGES}


def bot(root, company="jamil"):
    """What asks and answers, learned from the files below a folder: of one company, from few phrasings, without an encoder, for speed."""
    whole = load(root / "policies")
    [document] = (whole.documents[name] for name in whole.companies[company].documents)
    clauses, gaps = (tuple(dataclasses.replace(e, asked_as=few(e.asked_as)) for e in es) for es in (document.clauses, document.gaps))
    documents = {document.id: dataclasses.replace(document, clauses=clauses, gaps=gaps)}
    facets = {name: dataclasses.replace(facet, asked_as={"ja": (), "en": ()}) for name, facet in whole.facets.items()}
    corpus = dataclasses.replace(whole, companies={company: whole.companies[company]}, documents=documents, facets=facets)
    examples = [(each.text, each.intent) for each in dialogue_examples(root / "data" / "nlu")][::5]
    understanding = Understanding(corpus, Understanding.learn(corpus, NoEncoder(), examples), NoEncoder(), choices.table(corpus))
    assistant = Assistant(corpus)

    def ask(text):
        inquiry = understanding.understand(clean(text))
        state = assistant.settled(inquiry, State(site=company))
        return assistant.reply(inquiry, state, NOW)

    return ask


def test_from_a_bad_answer_to_a_better_bot(database, review, root):
    """The whole way: asked, not understood, reviewed, accepted, written, learned, asked again."""
    question, entry = "おたくの番頭さんに直談判したいときはどこへ", "jamil/contact"
    before = bot(root)(question)
    assert entry not in before.state.entries
    plant(database, [turn(question, "clarify", "jamil", lang="ja")])
    [item] = review.waiting(STAFF)
    review.accept(STAFF, item.id, entry, "番頭さんに直談判したいときはどこへ", "account")
    assert [each.problem for each in accept(review, root, NoEncoder())] == [""]
    after = bot(root)(question)
    assert after.kind == "answer"
    assert entry in after.state.entries
    assert entry in after.citations
