"""The life of a ticket: every move that there is, every one that there is not, and what moves ask for."""

import itertools
from datetime import date, timedelta

import pytest

from madoguchi.requests import CUSTOMER, SYSTEM, Actor, IllegalMoveError
from madoguchi.requests.law import holds, reason, reasons_for
from madoguchi.requests.service import TYPES
from madoguchi.requests.states import MOVES, OPEN, STATES, Facts, move
from madoguchi.requests.tables import Ticket

from .requests_counter import ADMIN, AUDITOR, OFFICER, OPERATOR, OTHER_OFFICER, START

ASIDE = "withdrawn duplicate_of on_hold"
# Written out here once more, so that the product's table cannot drift alone.
EXPECTED = {
    "awaiting_contact": f"awaiting_contact_verification received needs_routing expired_unverified {ASIDE}",
    "awaiting_contact_verification": f"received needs_routing expired_unverified {ASIDE}",
    "received": f"needs_routing awaiting_form_or_documents identity_check {ASIDE}",
    "needs_routing": f"awaiting_form_or_documents identity_check {ASIDE}",
    "awaiting_form_or_documents": f"identity_check {ASIDE}",
    "identity_check": f"awaiting_form_or_documents in_review {ASIDE}",
    "in_review": f"answered_fulfilled answered_partly answered_refused no_data_found {ASIDE}",
    "answered_fulfilled": "closed in_review",
    "answered_partly": "closed in_review",
    "answered_refused": "closed in_review",
    "no_data_found": "closed in_review",
    "closed": "in_review",
    "on_hold": "received withdrawn duplicate_of",  # held from `received`
    "withdrawn": "received",
    "duplicate_of": "received",
    "expired_unverified": "",
}
BY_THEMSELVES = {"awaiting_contact", "awaiting_contact_verification"}


class Kept:
    """A session that keeps what is added to it."""

    def __init__(self):
        self.added = []

    def add(self, row):
        self.added.append(row)


def ticket(state, **values):
    held = "received" if state in {"on_hold", "withdrawn", "duplicate_of"} else None
    given = {"id": "t1", "number": "D-7K3M-92QX-4T6B-J", "company": "lexus", "type": "disclosure", "state": state, "held_from": held}
    return Ticket(**given | {"opened_at": START, "version": 1} | values)


OTHER = Ticket(id="t2", number="D-0000-0000-0000-0", company="lexus", state="received")
FITTING = {
    "answered_partly": "harm_to_rights", "answered_refused": "harm_to_rights", "no_data_found": "data_not_found",
    "on_hold": "awaiting_person",
}  # fmt: skip


def facts(to):
    return Facts(FITTING.get(to), date(2026, 11, 2), OTHER if to == "duplicate_of" else None, START if to == "identity_check" else None)


def actor_for(state, to):
    return CUSTOMER if to == "expired_unverified" or (state in BY_THEMSELVES and to not in ASIDE.split()) else OFFICER


def refused(subject, to, actor, given=None):
    session, before = Kept(), dict(vars(subject))
    with pytest.raises(IllegalMoveError) as caught:
        move(session, subject, to, actor, START, facts(to) if given is None else given)
    assert session.added == [], "nothing is written"
    after = dict(vars(subject))
    before.pop("_sa_instance_state"), after.pop("_sa_instance_state")
    assert after == before, "the ticket is as before"
    assert caught.value.entry.action == "illegal_move"
    assert caught.value.entry.actor == actor
    return caught.value.code


def test_the_table_is_that_of_the_notes():
    assert set(STATES) == set(EXPECTED)
    assert all(to in STATES for reachable in MOVES.values() for to in reachable)


@pytest.mark.parametrize(("state", "to"), itertools.product(EXPECTED, EXPECTED))
def test_every_move(state, to):
    subject, session = ticket(state), Kept()
    if to in EXPECTED[state].split():
        move(session, subject, to, actor_for(state, to), START, facts(to))
        assert subject.state == to
        assert subject.version == 2
        (kept,) = session.added
        assert (kept.from_state, kept.to_state, kept.at) == (state, to, START)
    else:
        assert refused(subject, to, actor_for(state, to)) in {"no_such_move", "not_held_from", "not_unverified"}


def test_a_state_that_does_not_exist_is_not_repeated_in_the_message():
    with pytest.raises(IllegalMoveError) as caught:
        move(Kept(), ticket("received"), "090-1234-5678", OFFICER, START)
    assert "090" not in str(caught.value)
    assert "090" not in str(caught.value.entry.detail)


@pytest.mark.parametrize("state", ["awaiting_form_or_documents", "received", "needs_routing"])
@pytest.mark.parametrize("actor", [CUSTOMER, SYSTEM, ADMIN, AUDITOR, OTHER_OFFICER])
def test_the_identity_check_is_done_by_a_person_of_the_company(state, actor):
    assert refused(ticket(state), "identity_check", actor) == "person_needed"


@pytest.mark.parametrize("to", ["answered_fulfilled", "answered_partly", "answered_refused", "no_data_found"])
def test_decisions_are_made_by_a_person_of_the_company(to):
    for actor in (SYSTEM, ADMIN, AUDITOR, OTHER_OFFICER):
        assert refused(ticket("in_review"), to, actor) == "person_needed"
    move(Kept(), ticket("in_review"), to, OPERATOR, START, facts(to))


@pytest.mark.parametrize("state", ["answered_fulfilled", "answered_partly", "answered_refused", "no_data_found", "closed"])
def test_only_a_privacy_officer_of_the_company_reopens(state):
    for actor in (OPERATOR, OTHER_OFFICER, SYSTEM, ADMIN, AUDITOR):
        assert refused(ticket(state), "in_review", actor) == "officer_needed"
    subject = ticket(state, answered_at=START, closed_at=START, notice_date=date(2026, 11, 2), reason="harm_to_rights")
    move(Kept(), subject, "in_review", OFFICER, START)
    assert (subject.answered_at, subject.closed_at, subject.notice_date, subject.reason) == (None, None, None, None)


@pytest.mark.parametrize("state", ["withdrawn", "duplicate_of"])
def test_what_was_put_aside_goes_back_where_it_was(state):
    for actor in (OPERATOR, SYSTEM):
        assert refused(ticket(state), "received", actor) == "officer_needed"
    subject = ticket(state, held_from="awaiting_contact", duplicate_of="t2")
    assert refused(subject, "received", OFFICER) == "not_held_from"
    move(Kept(), subject, "awaiting_contact", OFFICER, START)
    assert subject.state == "awaiting_contact"
    assert subject.held_from is None
    assert subject.duplicate_of == (None if state == "duplicate_of" else "t2")


def test_a_shredded_ticket_stays_as_it_is():
    assert refused(ticket("closed", shredded_at=START), "in_review", OFFICER) == "shredded"


@pytest.mark.parametrize("to", ["answered_partly", "answered_refused", "no_data_found"])
def test_reason_and_notice_date(to):
    day = date(2026, 11, 2)
    assert refused(ticket("in_review"), to, OFFICER, Facts(None, day)) == "reason_needed"
    assert refused(ticket("in_review"), to, OFFICER, Facts("no_such", day)) == "reason_needed"
    assert refused(ticket("in_review"), to, OFFICER, Facts("content_is_true", day)) == "reason_needed"  # of corrections
    assert refused(ticket("in_review"), to, OFFICER, Facts(FITTING[to])) == "notice_date_needed"
    assert refused(ticket("in_review"), to, OFFICER, Facts(FITTING[to], day + timedelta(days=1))) == "notice_date_wrong"
    assert refused(ticket("in_review"), to, OFFICER, Facts(FITTING[to], day - timedelta(days=1))) == "notice_date_wrong"


def test_on_hold_wants_a_known_reason_and_keeps_the_state_through_withdrawal():
    assert refused(ticket("in_review"), "on_hold", OFFICER, Facts()) == "reason_needed"
    assert refused(ticket("in_review"), "on_hold", OFFICER, Facts("harm_to_rights")) == "reason_needed"
    subject = ticket("in_review")
    move(Kept(), subject, "on_hold", OFFICER, START, Facts("awaiting_counsel"))
    assert (subject.held_from, subject.reason) == ("in_review", "awaiting_counsel")
    move(Kept(), subject, "withdrawn", OFFICER, START)
    assert (subject.held_from, subject.reason) == ("in_review", None)
    move(Kept(), subject, "in_review", OFFICER, START)
    assert subject.held_from is None


def test_documents():
    assert refused(ticket("awaiting_form_or_documents"), "identity_check", OFFICER, Facts()) == "documents_needed"
    later = Facts(documents_at=START + timedelta(seconds=1))
    assert refused(ticket("awaiting_form_or_documents"), "identity_check", OFFICER, later) == "documents_in_future"
    move(Kept(), ticket("awaiting_form_or_documents", documents_at=START), "identity_check", OFFICER, START)


@pytest.mark.parametrize(
    "other",
    [
        None,
        Ticket(id="t1", number="D-7K3M-92QX-4T6B-J", company="lexus", state="received"),
        Ticket(id="t2", company="jamil", state="received"),
        Ticket(id="t2", company="lexus", state="duplicate_of"),
    ],
)
def test_a_duplicate_names_another_ticket_of_the_company(other):
    assert refused(ticket("received"), "duplicate_of", OFFICER, Facts(duplicate_of=other)) == "duplicate_needed"


def test_expiry_and_proof_happen_by_themselves():
    assert refused(ticket("awaiting_contact"), "expired_unverified", OFFICER) == "system_only"
    assert refused(ticket("awaiting_contact"), "received", OFFICER) == "system_only"
    assert refused(ticket("on_hold"), "expired_unverified", SYSTEM) == "not_unverified"
    move(Kept(), ticket("on_hold", held_from="awaiting_contact"), "expired_unverified", SYSTEM, START)


def test_an_actor_with_a_staff_role_but_no_company_is_nobody():
    assert refused(ticket("in_review"), "answered_fulfilled", Actor("x", "privacy_officer")) == "person_needed"


def test_every_type_has_a_reason_for_every_decision_that_wants_one():
    for type_ in TYPES:
        for to in ("answered_partly", "answered_refused", "no_data_found"):
            for found in reasons_for(type_, to, date(2026, 11, 1)):
                assert found.article.isdecimal()
                assert all(found.says[lang] for lang in ("ja", "en"))
                assert reason(found.id) == found
            assert reasons_for(type_, to, date(2026, 11, 1))
            assert not reasons_for(type_, to, date(2022, 3, 1))
    assert all(set(says) == {"ja", "en"} for says in holds().values())


def test_open_states_can_be_left_aside_and_others_cannot():
    for state in OPEN - {"on_hold"}:
        assert set(ASIDE.split()) <= MOVES[state]
