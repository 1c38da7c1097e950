"""The four clocks, around the edges of days and years."""

from datetime import date, datetime, timedelta, timezone

import pytest

from madoguchi.corpus import Corpus
from madoguchi.requests.clocks import JAPAN, clocks, is_business_day, japan_day, promise_alarm, suit_alert, target_day
from madoguchi.requests.law import duty
from madoguchi.requests.service import TYPES


def utc(*when):
    return datetime(*when, tzinfo=timezone.utc)


def japan(*when):
    return datetime(*when, tzinfo=JAPAN)


def test_the_day_changes_at_midnight_in_japan():
    assert japan_day(utc(2026, 11, 1, 14, 59, 59)) == date(2026, 11, 1)
    assert japan_day(utc(2026, 11, 1, 15, 0)) == date(2026, 11, 2)


def test_a_time_without_zone_is_refused():
    with pytest.raises(ValueError):
        japan_day(datetime(2026, 11, 1))


@pytest.mark.parametrize(
    ("arrived", "expected"),
    [
        (japan(2026, 12, 1, 0, 0), japan(2026, 12, 16)),
        (japan(2026, 12, 1, 23, 59, 59), japan(2026, 12, 16)),
        (utc(2026, 12, 1, 15, 0), japan(2026, 12, 17)),
        (japan(2026, 12, 20, 9, 0), japan(2027, 1, 4)),
        (japan(2028, 2, 14, 9, 0), japan(2028, 2, 29)),
        (japan(2027, 2, 14, 9, 0), japan(2027, 3, 1)),
    ],
)
def test_art_39_two_weeks_whose_first_day_does_not_count(arrived, expected):
    assert suit_alert("disclosure", arrived) == expected
    assert expected.utcoffset() == timedelta(hours=9)


@pytest.mark.parametrize("type_", TYPES)
def test_art_39_does_not_concern_notices_of_purpose(type_):
    assert (suit_alert(type_, japan(2026, 12, 1)) is None) == (type_ == "purpose_notice")
    assert suit_alert(type_, None) is None


def test_only_infiniti_has_a_promise_and_it_runs_from_the_documents():
    documents = japan(2028, 2, 15, 23, 30)
    assert promise_alarm("infiniti", documents) == japan(2028, 2, 29)
    assert promise_alarm("infiniti", None) is None
    for other in ("lexus", "g-link", "jamil", "jin-jidosha"):
        assert promise_alarm(other, documents) is None


@pytest.mark.parametrize(
    ("day", "is_open"),
    [
        (date(2026, 9, 18), True),
        (date(2026, 9, 19), False),
        (date(2026, 9, 21), False),
        (date(2026, 9, 22), False),  # between two holidays
        (date(2026, 9, 23), False),
        (date(2026, 9, 24), True),
        (date(2028, 2, 29), True),
        (date(2026, 12, 31), True),  # the year's end is no holiday: companies name it as a closure
        (date(2027, 1, 1), False),
    ],
)
def test_business_days(day, is_open):
    assert is_business_day(day) is is_open


def test_targets_skip_weekends_holidays_and_closures():
    assert target_day(japan(2026, 9, 18, 12, 0), 1) == date(2026, 9, 24)
    assert target_day(utc(2026, 9, 17, 15, 0), 1) == date(2026, 9, 24)
    assert target_day(utc(2026, 9, 17, 14, 59), 1) == date(2026, 9, 18)
    closures = {date(2026, 12, day) for day in (29, 30, 31)} | {date(2027, 1, 4)}
    assert target_day(japan(2026, 12, 28, 9, 0), 1) == date(2026, 12, 29)
    assert target_day(japan(2026, 12, 28, 9, 0), 1, closures) == date(2027, 1, 5)
    assert target_day(japan(2028, 2, 28, 9, 0), 1) == date(2028, 2, 29)
    with pytest.raises(ValueError):
        target_day(japan(2026, 9, 18), 0)


def test_the_clocks_of_a_ticket_stand_apart():
    due = clocks("infiniti", "deletion", japan(2026, 11, 1), japan(2026, 11, 2), None, 10)
    assert due.article == "34"
    assert "遅滞なく" in due.statutory["ja"]
    assert not any(char.isdigit() for char in due.statutory["en"].replace("34", ""))
    assert due.promise_alarm is None
    assert due.suit_alert == japan(2026, 11, 17)
    assert due.target == date(2026, 11, 17)  # 3 November is a holiday
    bare = clocks("lexus", "purpose_notice", japan(2026, 11, 1))
    assert (bare.promise, bare.promise_alarm, bare.target, bare.suit_alert) == (None, None, None, None)


def test_the_promise_is_worded_as_the_corpus_words_it(corpus: Corpus):
    due = clocks("infiniti", "disclosure", japan(2026, 11, 1))
    clause = corpus.clause(due.promise_clause)
    assert due.promise == next(dict(point.says) for point in clause.points if point.id == "time")


def test_every_type_has_its_article():
    articles = {type_: duty(type_, date(2026, 11, 1)).article for type_ in TYPES}
    assert articles == {
        "disclosure": "33", "third_party_records": "33", "purpose_notice": "32", "correction": "34", "addition": "34", "deletion": "34",
        "stop_use": "35", "stop_third_party": "35",
    }  # fmt: skip
    with pytest.raises(KeyError):
        duty("disclosure", date(2022, 3, 31))
