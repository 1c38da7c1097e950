"""The audit log: what tampering it finds, and that it says what happened."""

import json

import pytest
import sqlalchemy as sa

from madoguchi.requests import AuditLog, Filters, ForbiddenError, Head, IllegalMoveError
from madoguchi.requests.errors import Entry
from madoguchi.requests.tables import Audit

from .requests_counter import EMAIL, NAME, OFFICER, OPERATOR, OTHER_OFFICER, new_counter


@pytest.fixture
def counter(tmp_path):
    made = new_counter(tmp_path)
    for _ in range(3):
        made.received()
    return made


def tamper(counter, statement):
    with counter.database.write() as session:
        session.execute(statement)


def test_an_untouched_log_is_sound(counter):
    verdict = counter.office.audit.verify(counter.office.audit.head())
    assert verdict.is_sound
    assert verdict.entries == len(counter.rows(Audit)) >= 9


@pytest.mark.parametrize(
    "values",
    [{"actor": "somebody"}, {"action": "noted"}, {"number": None}, {"detail": "{}"}, {"role": "admin"}, {"hmac": "0" * 64}],
)
def test_an_edited_entry_is_found(counter, values):
    tamper(counter, sa.update(Audit).where(Audit.seq == 4).values(**values))
    problems = counter.office.audit.verify().problems
    assert problems
    assert all(problem.startswith(("4:", "5:")) for problem in problems)


def test_an_edited_time_is_found(counter):
    counter.later(minutes=1)
    tamper(counter, sa.update(Audit).where(Audit.seq == 4).values(at=counter.now))
    assert counter.office.audit.verify().problems == ("4: was changed",)


@pytest.mark.parametrize("seq", [1, 4])
def test_a_deleted_entry_is_found(counter, seq):
    tamper(counter, sa.delete(Audit).where(Audit.seq == seq))
    assert counter.office.audit.verify().problems == (f"{seq}: entries are missing before {seq + 1}",)


def test_a_deleted_entry_whose_followers_were_numbered_anew_is_found(counter):
    count = len(counter.rows(Audit))
    tamper(counter, sa.delete(Audit).where(Audit.seq == 4))
    for seq in range(5, count + 1):
        tamper(counter, sa.update(Audit).where(Audit.seq == seq).values(seq=seq - 1))
    assert "4: was changed" in counter.office.audit.verify().problems


def test_two_entries_put_in_each_others_place_are_found(counter):
    for old, new in ((4, 1_000), (5, 4), (1_000, 5)):
        tamper(counter, sa.update(Audit).where(Audit.seq == old).values(seq=new))
    problems = counter.office.audit.verify().problems
    assert {"4: was changed", "5: was changed"} <= set(problems)


def test_a_cut_tail_is_found_against_an_exported_head_alone(counter):
    head = counter.office.audit.head()
    tamper(counter, sa.delete(Audit).where(Audit.seq > head.seq - 2))
    assert counter.office.audit.verify().is_sound
    assert counter.office.audit.verify(head).problems == (f"{head.seq}: entries are missing at the end; the exported head names this one",)
    counter.received(), counter.received()  # the log grows past the head again
    assert counter.office.audit.verify().is_sound
    assert counter.office.audit.verify(head).problems == (f"{head.seq}: is not the entry that the exported head names",)


def test_an_entry_put_back_from_a_log_that_went_another_way_is_found(counter):
    old = {column.name: getattr(counter.rows(Audit)[4], column.name) for column in Audit.__table__.c}
    tamper(counter, sa.delete(Audit).where(Audit.seq >= 5))
    counter.received()
    tamper(counter, sa.update(Audit).where(Audit.seq == 5).values(**old))
    assert counter.office.audit.verify().problems == ("6: does not follow the entry before it",)


def test_an_emptied_log_is_found_against_a_head(counter):
    head = counter.office.audit.head()
    tamper(counter, sa.delete(Audit))
    assert counter.office.audit.head() == Head(0, "0" * 64)
    assert counter.office.audit.verify(Head(0, "0" * 64)).is_sound
    assert not counter.office.audit.verify(head).is_sound


def test_without_the_key_no_entry_can_be_forged(counter):
    forger = AuditLog(counter.database, b"x" * 32, counter.clock)
    forger.record(Entry(OFFICER, "noted", None))
    assert counter.office.audit.verify().problems == (f"{len(counter.rows(Audit))}: was changed",)


def test_reading_is_recorded(counter):
    number = counter.received().number
    counter.staff.show(number, OPERATOR)
    counter.staff.reveal(number, "email", OFFICER)
    counter.staff.export(number, OFFICER)
    counter.staff.list(OPERATOR)
    counter.staff.csv(OFFICER)
    counter.requests.request_status_code(number)
    counter.mailer.deliver()
    counter.requests.status(number, counter.post.code())
    last = counter.rows(Audit)[-7:]
    assert [(row.actor, row.action) for row in last] == [
        ("op-1", "shown"), ("po-1", "revealed"), ("po-1", "exported"), ("op-1", "listed"), ("po-1", "csv"), ("customer", "status_code"),
        ("customer", "status_read"),
    ]  # fmt: skip
    assert json.loads(last[1].detail) == {"field": "email"}


def test_refusals_are_recorded_although_nothing_else_is(counter):
    number, before = counter.received().number, len(counter.rows(Audit))
    with pytest.raises(ForbiddenError):
        counter.staff.reveal(number, "email", OTHER_OFFICER)
    with pytest.raises(IllegalMoveError):
        counter.staff.move(number, "closed", OFFICER)
    rows = counter.rows(Audit)[before:]
    assert [(row.actor, row.action, row.number) for row in rows] == [("po-2", "forbidden", number), ("po-1", "illegal_move", number)]
    assert counter.office.audit.verify().is_sound


def test_what_fails_is_not_recorded(counter):
    before = len(counter.rows(Audit))
    with pytest.raises(RuntimeError), counter.office.unit() as unit:
        unit.audit(OFFICER, "noted")
        raise RuntimeError
    assert len(counter.rows(Audit)) == before


def test_nothing_personal_is_in_the_log(counter):
    number = counter.received().number
    counter.staff.list(OFFICER, Filters(contact=EMAIL))
    counter.staff.note(number, f"{NAME} telephoned", OFFICER)
    everything = " ".join(f"{row.actor} {row.detail}" for row in counter.rows(Audit))
    for secret in (NAME, EMAIL, "yamada"):
        assert secret.lower() not in everything.lower()
