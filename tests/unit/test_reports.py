"""The numbers of reports and the review, over planted conversations, on SQLite and on PostgreSQL."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa

from madoguchi import LANGUAGES
from madoguchi.console.figures import Column, Table, stacked
from madoguchi.console.wording import area, say
from madoguchi.conversations import Upkeep
from madoguchi.conversations.handover_tables import Handover
from madoguchi.reports import Numbers, Period, PeriodError, Review, ReviewError, Scope
from madoguchi.reports.tables import Phrasing, Reviewed
from madoguchi.reports.wordings import KINDS
from madoguchi.requests.tables import Ticket
from madoguchi.spreadsheet import written
from madoguchi.store import Database
from madoguchi.text import masking

from ..web.planted import plant, turn

AT = datetime(2026, 11, 10, 3, 0, tzinfo=timezone.utc)
WEEK = Period(date(2026, 11, 8), date(2026, 11, 14))
ALL = Scope(None, has_words=True)
JAMIL = Scope(frozenset({"jamil"}), has_words=True)
LEXUS = Scope(frozenset({"lexus"}), has_words=True)


@pytest.fixture
def database(database_url):
    made = Database(database_url)
    yield made
    made.engine.dispose()


@pytest.fixture
def numbers(database, corpus):
    return Numbers(database, corpus)


@pytest.fixture
def review(database, corpus):
    return Review(database, corpus, lambda: AT)


def counted(replies, *names):
    found = Counter()
    for each in replies:
        found[tuple(getattr(each, name) for name in names)] += each.count
    return dict(found)


def test_days_are_days_in_japan():
    period = Period.until_today(7, datetime(2026, 11, 9, 15, 30, tzinfo=timezone.utc))
    assert (period.first, period.last) == (date(2026, 11, 4), date(2026, 11, 10))
    assert period.starts == datetime(2026, 11, 3, 15, tzinfo=timezone.utc)
    assert period.ends == datetime(2026, 11, 10, 15, tzinfo=timezone.utc)


@pytest.mark.parametrize(("first", "last"), [("2026-11-02", "2026-11-01"), ("x", "2026-11-01"), ("2025-01-01", "2026-11-01"), ("", "")])
def test_what_is_no_period_is_refused(first, last):
    with pytest.raises(PeriodError):
        Period.between(first, last)


def test_replies_are_counted_by_company_topic_language_and_day(database, numbers):
    plant(database, [turn("a", "answer", "jamil", "fee", lang="ja"), turn("b", "answer", "jamil", "fee"), turn("c", "smalltalk")], at=AT)
    plant(database, [turn("d", "not_stated", "lexus", "hours")], at=datetime(2026, 11, 10, 15, tzinfo=timezone.utc))
    plant(database, [turn("e", "answer", "lexus", "fee")], at=AT - timedelta(days=30))
    plant(database, [turn("f", "failed", sender="system")], site="lexus", at=AT)
    plant(database, [turn("g", "away", sender="system")], site="lexus", at=AT)
    assert counted(numbers.replies(WEEK, ALL), "kind", "company", "topic", "lang") == {
        ("answer", "jamil", "fee", "ja"): 1,
        ("answer", "jamil", "fee", "en"): 1,
        ("smalltalk", "jamil", None, "en"): 1,
        ("not_stated", "lexus", "hours", "en"): 1,
        ("failed", "lexus", None, "en"): 1,
    }
    assert numbers.daily(WEEK, ALL) == {
        (date(2026, 11, 10), "answer"): 2,
        (date(2026, 11, 10), "smalltalk"): 1,
        (date(2026, 11, 10), "failed"): 1,
        (date(2026, 11, 11), "not_stated"): 1,
    }


def test_an_answer_without_a_company_is_of_the_page_or_of_the_conversation(database, numbers):
    plant(database, [turn("a", "clarify"), turn("b", "answer", "jamil", "fee"), turn("c", "out_of_scope")], at=AT)
    plant(database, [turn("d", "clarify"), turn("e", "answer", "jamil", "fee")], site="lexus", at=AT)
    plant(database, [turn("f", "clarify")], at=AT)
    found = counted(numbers.replies(WEEK, ALL), "kind", "company")
    assert found == {
        ("clarify", "jamil"): 1,
        ("answer", "jamil"): 2,
        ("out_of_scope", "jamil"): 1,
        ("clarify", "lexus"): 1,
        ("clarify", None): 1,
    }
    assert counted(numbers.replies(WEEK, LEXUS), "kind", "company") == {("clarify", "lexus"): 1, ("clarify", None): 1}
    assert counted(numbers.replies(WEEK, ALL.only("lexus")), "company") == {("lexus",): 1}
    assert numbers.replies(WEEK, LEXUS.only("jamil")) == []


def test_what_is_not_stated_is_known_by_gap_with_examples(database, numbers, corpus):
    gap, other = corpus.entries["jamil#coverage"], corpus.answering("lexus", "retention")[0]
    says = gap.says["ja"]
    for words in ("どの店舗？", "どの店舗", "全部の店？", "どの会社？", "ほかの店？"):
        plant(database, [turn(words, "not_stated", "jamil", gap.topic, lang="ja", text=f"{says}\n出典")], at=AT)
    plant(database, [turn("Show", "not_stated", "jamil", gap.topic, text=gap.says["en"], pressed="Scope")], at=AT)
    plant(database, [turn("how long?", "not_stated", "lexus", other.topic, text=other.says["en"])], at=AT)
    plant(database, [turn("old", "not_stated", "lexus", "fee", text="An earlier wording.")], at=AT)
    both = f"A: {gap.says['en']}\n\nB: {other.says['en']}"
    plant(database, [turn("and both?", "not_stated", None, None, text=both)], at=AT)
    rows = {(each.company, each.gap and each.gap.id): each for each in numbers.not_stated(WEEK, ALL)}
    assert {key: each.count for key, each in rows.items()} == {
        ("jamil", gap.id): 7,
        ("lexus", other.id): 2,
        ("lexus", None): 1,
    }
    assert rows["jamil", gap.id].langs == {"ja": 5, "en": 2}
    # The newest three, each wording once, and no button's title.
    assert len(rows["jamil", gap.id].examples) == 3
    assert "Show" not in rows["jamil", gap.id].examples
    assert rows["lexus", other.id].examples == ["and both?", "how long?"] or set(rows["lexus", other.id].examples) == {
        "and both?",
        "how long?",
    }
    assert {each.company for each in numbers.not_stated(WEEK, LEXUS)} == {"lexus"}
    assert all(not each.examples for each in numbers.not_stated(WEEK, Scope(None, has_words=False)))


def test_votes_outlive_their_conversations_and_words_do_not(database, numbers):
    cid = plant(database, [turn("a", "answer", "jamil", "fee", vote=False), turn("b", "answer", "jamil", "fee", vote=True)], at=AT)
    Upkeep(database).erase(cid)
    [vote] = numbers.votes(WEEK, JAMIL)
    assert (vote.company, vote.topic, vote.helpful, vote.unhelpful) == ("jamil", "fee", 1, 1)
    assert numbers.replies(WEEK, ALL) == []
    assert numbers.votes(WEEK, LEXUS) == []


def test_handovers_with_reason_and_wait(database, numbers):
    with database.write() as session:
        for minutes, reason in ((2, "asked"), (10, "asked"), (None, "unsure")):
            reply = AT + timedelta(minutes=minutes) if minutes else None
            session.add(
                Handover(reason=reason, company="jamil", lang="ja", summary={}, queued_at=AT, waiting_since=AT, first_reply_at=reply)
            )
    [found] = numbers.handovers(WEEK, ALL)
    assert (found.company, found.reasons, found.answered, round(found.wait)) == ("jamil", {"asked": 2, "unsure": 1}, 2, 6)
    assert numbers.handovers(WEEK, LEXUS) == []


def test_requests_by_state_and_the_median_of_each_stretch(database, numbers):
    with database.write() as session:
        for n, (state, arrived, answered) in enumerate((("closed", 1, 3), ("in_review", 2, None), ("closed", 3, 13))):
            times = {"arrived_at": AT + timedelta(days=arrived), "answered_at": AT + timedelta(days=answered) if answered else None}
            kept = {"company": "jamil", "type": "disclosure", "relation": "self", "channel": "email", "lang": "ja", "version": 1}
            session.add(Ticket(id=f"t{n}", number=f"D-{n}", state=state, opened_at=AT, contact_verified=True, **kept, **times))
    [found] = numbers.requests(WEEK, JAMIL)
    assert (found.type, found.states) == ("disclosure", {"closed": 2, "in_review": 1})
    assert [(round(days, 3) if days is not None else None, n) for days, n in found.clocks] == [(2, 3), (6, 2), (None, 0), (None, 0)]
    assert numbers.requests(WEEK, LEXUS) == []


# The review.


def test_each_question_once_with_its_counts_the_newest_first(database, review):
    plant(database, [turn("Do you sell data?", "clarify", "jamil")], at=AT)
    plant(database, [turn("do you SELL data", "out_of_scope")], site="jamil", at=AT + timedelta(minutes=2))
    plant(database, [turn("Do you sell data?", "clarify", "lexus")], at=AT + timedelta(minutes=1))
    plant(database, [turn("A button", "clarify", "jamil", pressed="Fee")], at=AT)
    plant(
        database,
        [turn("fine", "answer", "jamil", "fee", vote=True), turn("kept to myself", "answer", "jamil", vote=False, words=False)],
        at=AT,
    )
    plant(database, [turn("bad answer", "answer", "jamil", "fee", vote=False)], at=AT)
    plant(database, [turn("not stated", "not_stated", "jamil", "fee")], at=AT)
    found = [(each.text, each.company, len(each.members), dict(each.kinds), each.unhelpful) for each in review.waiting(ALL)]
    assert found == [
        ("do you SELL data", "jamil", 2, {"out_of_scope": 1, "clarify": 1}, 0),
        ("Do you sell data?", "lexus", 1, {"clarify": 1}, 0),
        ("bad answer", "jamil", 1, {"answer": 1}, 1),
    ]
    assert [each.text for each in review.waiting(LEXUS)] == ["Do you sell data?"]
    assert [each.text for each in review.waiting(JAMIL, ("not_stated",))] == ["not stated"]
    assert review.waiting(Scope(None, has_words=False)) == []


def test_what_the_customer_chose_afterwards_comes_first(database, review, corpus):
    from madoguchi.understanding.choices import title_of

    titles = [title_of(corpus, corpus.entries[name], "ja") for name in ("jamil/contact", "jamil#hours")]
    offered = turn("えっと", "clarify", "jamil", lang="ja", offers=titles)
    plant(database, [offered, turn(titles[1], "not_stated", "jamil", pressed=titles[1], lang="ja")], at=AT)
    found = review.item(JAMIL, review.waiting(JAMIL)[0].id)
    assert found.likely == ("jamil#hours", "jamil/contact")


def test_accepting_takes_every_asking_off_the_list_and_keeps_no_customers_words(database, review):
    ids = [
        plant(database, [turn("Can Hanako opt out of the mailing thing", "clarify", "jamil")], at=AT + timedelta(minutes=n)) for n in (0, 1)
    ]
    [item] = review.waiting(JAMIL)
    review.accept(JAMIL, item.id, "jamil/contact", " Which  counter takes my wish about mailings ", "account")
    assert review.waiting(JAMIL) == []
    # Asked again before the bot has learned it.
    plant(database, [turn("Can Hanako opt out of the mailing thing", "clarify", "jamil")], at=AT + timedelta(minutes=9))
    assert review.waiting(JAMIL) == []
    [accepted] = review.accepted(JAMIL, is_written=False)
    assert (accepted.company, accepted.entry, accepted.text) == ("jamil", "jamil/contact", "Which counter takes my wish about mailings")
    for cid in ids:
        Upkeep(database).erase(cid)
    with database.read() as session:
        assert session.execute(sa.select(sa.func.count()).select_from(Reviewed)).scalar_one() == 0
        texts = session.execute(sa.select(Phrasing.text)).scalars().all()
    assert texts == ["Which counter takes my wish about mailings"]
    review.mark_written([accepted.id])
    assert review.accepted(JAMIL, is_written=False) == []
    assert len(review.accepted(JAMIL, is_written=True)) == 1
    with pytest.raises(ReviewError, match="gone"):
        review.withdraw(JAMIL, accepted.id)


def test_withdrawing_puts_the_question_back(database, review):
    plant(database, [turn("something quite unlike the rest", "out_of_scope", "jamil")], at=AT)
    [item] = review.waiting(JAMIL)
    number = review.accept(JAMIL, item.id, None, item.text, "account")
    assert review.accepted(JAMIL, is_written=False)[0].entry is None
    review.withdraw(JAMIL, number)
    assert [each.text for each in review.waiting(JAMIL)] == [item.text]
    review.dismiss(JAMIL, item.id)
    assert review.waiting(JAMIL) == []
    with pytest.raises(ReviewError, match="gone"):
        review.dismiss(JAMIL, item.id)


@pytest.mark.parametrize(
    ("text", "entry", "code"),
    [
        ("", "jamil/contact", "empty"),
        ("、。", "jamil/contact", "empty"),
        ("あ" * 301, "jamil/contact", "too_long"),
        ("please write to hanako@example.com", "jamil/contact", "personal e-mail"),
        ("please call [phone]", "jamil/contact", "personal phone"),
        ("what {is} it", "jamil/contact", "brackets"),
        ("what [is] it", "jamil/contact", "brackets"),
        ("a new wording altogether", "", "entry"),
        ("a new wording altogether", "lexus/contact", "entry"),
        ("Does it cover job applicants or only customers?", "jamil#coverage", "known jamil#coverage"),
        ("Does it cover job applicants or only customers?", None, "known jamil#coverage"),
    ],
)
def test_what_may_not_be_learned(database, review, text, entry, code):
    plant(database, [turn("hm", "clarify", "jamil")], at=AT)
    [item] = review.waiting(JAMIL)
    with pytest.raises(ReviewError) as caught:
        review.accept(JAMIL, item.id, entry, text, "account")
    assert str(caught.value) == code
    assert len(review.waiting(JAMIL)) == 1


def test_every_kind_of_personal_data_has_its_words():
    assert {rule.kind for rule in masking._RULES} == set(KINDS)
    for kind in KINDS:
        for lang in LANGUAGES:
            assert say(f"review.data_{kind.replace(' ', '_').replace('-', '_')}", lang)


@pytest.mark.parametrize("name", ["reports", "review"])
def test_both_languages_say_the_same(name):
    for phrase in area(name).all.values():
        assert set(phrase) == {"ja", "en"}
        assert set(re.findall(r"{\w+}", phrase["ja"])) == set(re.findall(r"{\w+}", phrase["en"]))


def test_the_same_wording_is_accepted_once(database, review):
    for n, words in enumerate(("one odd thing", "another odd thing")):
        plant(database, [turn(words, "clarify", "jamil")], at=AT + timedelta(minutes=n))
    first, second = review.waiting(JAMIL)
    review.accept(JAMIL, first.id, "jamil/contact", "where do odd things go to", "account")
    with pytest.raises(ReviewError, match="accepted"):
        review.accept(JAMIL, second.id, "jamil/contact", "Where do odd things go to?", "account")


def test_another_companys_question_cannot_be_reached(database, review):
    plant(database, [turn("of jamil", "clarify", "jamil")], at=AT)
    plant(database, [turn("answered well", "answer", "lexus", "fee")], at=AT)
    [item] = review.waiting(JAMIL)
    for scope in (LEXUS, Scope(None, has_words=False)):
        with pytest.raises(ReviewError, match="forbidden"):
            review.item(scope, item.id)
        with pytest.raises(ReviewError, match="forbidden"):
            review.dismiss(scope, item.id)
    for unknown in ("", "x", "x-1", f"{item.conversation_id}-99", f"{item.conversation_id}-{'9' * 12}"):
        with pytest.raises(ReviewError, match="gone"):
            review.item(JAMIL, unknown)


# Tables and plots.


def test_no_cell_is_a_formula():
    table = Table("x", [Column("=name"), Column("share", "share"), Column("n", "bar"), Column("d", "days")], [["@SUM(A1)", 0.125, 3, None]])
    assert written(table.plain) == '"\'=name","share","n","d"\r\n"\'@SUM(A1)","12.5%","3",""\r\n'


@pytest.mark.parametrize(
    ("highest", "lines"), [(0, [0, 1]), (4, [0, 1, 2, 3, 4]), (5, [0, 2, 4, 6]), (17, [0, 5, 10, 15, 20]), (81, [0, 50, 100])]
)
def test_lines_stand_at_round_numbers(highest, lines):
    plot = stacked(["a", "b"], ["x", "y"], [{"x": highest}, {}])
    assert [number for _, number in plot.grid] == lines


def test_columns_are_stacked_without_a_gap():
    plot = stacked(["a"], ["x", "y"], [{"x": 3, "y": 1}])
    low, high = plot.bars
    assert low.y + low.height == pytest.approx(plot.base)
    assert high.y + high.height == pytest.approx(low.y)
    assert low.height == pytest.approx(3 * high.height, rel=0.01)
