"""What the console asks of the service beside single acts: the queue by what is due, the sheet of a ticket, previews, the log's filters."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import pytest

from madoguchi.requests import (
    Actor,
    ConflictError,
    Filters,
    ForbiddenError,
    Head,
    IllegalMoveError,
    KeyRing,
    LogFilters,
    RequestError,
    UnknownTicketError,
    new_number,
)
from madoguchi.requests.states import STATES, Facts, choices, move
from madoguchi.requests.tables import Audit, Mail, Ticket

from .requests_counter import ADMIN, AUDITOR, NAME, OFFICER, OPERATOR, OTHER_OFFICER, START, Counter, new_counter
from .test_requests_states import FITTING, OTHER, Kept, facts, ticket

TODAY = date(2026, 11, 2)


@pytest.fixture
def counter(tmp_path):
    made = new_counter(tmp_path, target_days={"lexus": 5})
    yield made
    made.database.engine.dispose()


@pytest.fixture
def either(database_url, tmp_path):
    """For what asks databases something of its own: SQLite, then PostgreSQL."""
    made = Counter(database_url, KeyRing.from_file(tmp_path / "keys.yml")[0], target_days={"lexus": 5})
    yield made
    made.database.engine.dispose()


@pytest.mark.parametrize(("state", "actor"), itertools.product(STATES, [OPERATOR, OFFICER, OTHER_OFFICER, ADMIN, AUDITOR]))
def test_choices_are_the_moves_that_go(state, actor):
    going = set()
    for to in STATES:
        try:
            move(Kept(), ticket(state), to, actor, START, facts(to))
        except IllegalMoveError:
            continue
        going.add(to)
    assert {choice.to for choice in choices(ticket(state), actor, START)} == going


@pytest.mark.parametrize("state", STATES)
def test_a_choice_wants_the_facts_that_it_is_not_made_without(state):
    given = {"reason": None, "notice_date": TODAY, "duplicate_of": OTHER, "documents_at": START}
    for choice in choices(ticket(state), OFFICER, START):
        for reason in choice.reasons or (None,):
            full = given | {"reason": reason}
            move(Kept(), ticket(state), choice.to, OFFICER, START, Facts(**{name: full[name] for name in choice.wants}))
        for name in choice.wants:
            without = {"reason": FITTING.get(choice.to)} if name != "reason" else {}
            without |= {other: given[other] for other in choice.wants - {name, "reason"}}
            with pytest.raises(IllegalMoveError):
                move(Kept(), ticket(state), choice.to, OFFICER, START, Facts(**without))


def test_nothing_can_be_chosen_once_the_personal_fields_are_gone():
    assert choices(ticket("closed", shredded_at=START), OFFICER, START) == ()


def numbers(queue):
    return [view.number for view in queue.views]


def aged(counter, **days):
    """Requests by name, each so many days old, their clocks running; the newest is made first."""
    start, found = counter.now, {}
    for name, age in days.items():
        counter.now = start - timedelta(days=age)
        found[name] = counter.received(email=f"{name}@example.com").number
    counter.now = start
    return found


def test_what_runs_out_first_comes_first(either):
    found = aged(either, new=0, late=9, soon=5, old=20)
    unproven, _ = either.opened()
    queue = either.staff.queue(OFFICER, Filters(is_open=True, by_due=True))
    assert numbers(queue) == [found["old"], found["late"], found["soon"], found["new"], unproven.number]
    counts = queue.counts
    # Five business days after 2026-10-28 end on the 5th: 3 November is a holiday. A suit is possible once 15 days have gone by.
    assert (counts.open, counts.late, counts.soon) == (5, 2, 3)
    assert counts.clocks == {"target": (2, 3), "promise": (0, 0), "suit": (1, 1)}
    assert numbers(either.staff.queue(OFFICER, Filters(by_due=True, due_within=-1))) == [found["old"], found["late"]]
    assert numbers(either.staff.queue(OFFICER, Filters(due_within=3))) == [found["old"], found["late"], found["soon"]]
    assert numbers(either.staff.queue(OFFICER, Filters(due_within=0, clock="suit"))) == [found["old"]]
    assert either.staff.queue(OTHER_OFFICER, Filters(by_due=True)).counts.open == 0


def test_an_answer_stops_the_clocks(counter):
    number = aged(counter, old=20)["old"]
    for to in ("identity_check", "in_review", "answered_fulfilled"):
        counter.staff.move(number, to, OFFICER)
    queue = counter.staff.queue(OFFICER, Filters(by_due=True))
    assert numbers(queue) == [number]
    assert not queue.views[0].is_running
    assert (queue.counts.open, queue.counts.late) == (1, 0)
    assert numbers(counter.staff.queue(OFFICER, Filters(due_within=-1))) == []


@pytest.mark.parametrize("by_due", [True, False])
def test_pages_hold_every_ticket_once(either, by_due):
    made = set(aged(either, **{f"n{age}": age for age in range(7)}).values())
    seen, after = [], None
    while True:
        page = either.staff.queue(OFFICER, Filters(by_due=by_due, limit=3, after=after))
        seen += numbers(page)
        if not page.has_more:
            break
        after = seen[-1]
    assert len(seen) == 7
    assert set(seen) == made


def test_filters_by_assignee_and_who_may_look_for_a_contact(counter):
    mine, other = aged(counter, a=1, b=2).values()
    counter.staff.assign(mine, "po-1", OFFICER)
    assert numbers(counter.staff.queue(OFFICER, Filters(is_assigned=False))) == [other]
    assert numbers(counter.staff.queue(OFFICER, Filters(is_assigned=True, by_due=True))) == [mine]
    counts = counter.staff.queue(OFFICER, Filters()).counts
    assert (counts.mine, counts.unassigned) == (1, 1)
    assert numbers(counter.staff.queue(OFFICER, Filters(contact="A@example.com", by_due=True))) == [mine]
    with pytest.raises(ForbiddenError):
        counter.staff.queue(OPERATOR, Filters(contact="a@example.com"))
    assert "a@example.com" not in str([row.detail for row in counter.rows(Audit)])


def test_a_ticket_goes_to_those_who_work_for_its_company(counter):
    number = counter.received().number
    with pytest.raises(RequestError) as caught:
        counter.staff.assign(number, "op-9", OFFICER, colleagues={"jamil": ["op-9"], "lexus": ["op-1"]})
    assert caught.value.code == "not_colleague"
    version = counter.staff.show(number, OFFICER)[0].version
    assert counter.staff.assign(number, "op-1", OFFICER, version, {"lexus": ["op-1"]}).assignee == "op-1"
    for act in (
        lambda: counter.staff.assign(number, "op-1", OFFICER, version),
        lambda: counter.staff.set_dates(number, OFFICER, arrived_at=counter.now, version=version),
    ):
        with pytest.raises(ConflictError):
            act()


def test_the_sheet_tells_what_changed_and_names_nothing_personal(counter):
    number = counter.received().number
    seen = counter.staff.sheet(number, OFFICER).seen
    counter.staff.note(number, f"{NAME} called", OPERATOR)
    counter.staff.assign(number, "op-1", OPERATOR)
    counter.staff.move(number, "identity_check", OPERATOR, note="sent on")
    sheet = counter.staff.sheet(number, OFFICER)
    assert [(act.action, act.actor) for act in sheet.acts if act.seq > seen] == [
        ("noted", "op-1"), ("assigned", "op-1"), ("moved", "op-1"), ("noted", "op-1"),
    ]  # fmt: skip
    assert sheet.history[-1].to_state == "identity_check"
    assert sorted(mail.kind for mail in sheet.mails) == ["code_contact", "received"]
    assert NAME not in str(sheet)
    assert counter.staff.reveal(number, "note", OFFICER) == (f"{NAME} called", "sent on")
    with pytest.raises(ForbiddenError):
        counter.staff.sheet(number, OTHER_OFFICER)


def test_a_move_whose_note_is_not_taken_is_not_made(counter):
    number = counter.received().number
    with pytest.raises(RequestError):
        counter.staff.move(number, "identity_check", OFFICER, note="x" * 4_001)
    assert counter.staff.show(number, OFFICER)[0].state == "received"


@pytest.mark.parametrize(
    ("lang", "to", "given"),
    [
        ("ja", "answered_fulfilled", {}),
        ("en", "answered_partly", {"reason": "harm_to_rights", "notice_date": TODAY}),
        ("ja", "answered_refused", {"reason": "identity_not_confirmed", "notice_date": TODAY}),
        ("en", "no_data_found", {"reason": "data_not_found", "notice_date": TODAY}),
    ],
)
def test_the_preview_is_the_mail_that_goes(counter, lang, to, given):
    number = counter.received(lang=lang).number
    for state in ("identity_check", "in_review"):
        counter.staff.move(number, state, OFFICER)
    before, mails = counter.staff.show(number, OFFICER)[0].version, len(counter.rows(Mail))
    assert to in counter.staff.sheet(number, OFFICER).tells
    preview = counter.staff.preview(number, to, OFFICER, **given)
    assert preview.problem is None
    assert (counter.staff.show(number, OFFICER)[0].version, len(counter.rows(Mail))) == (before, mails)
    counter.staff.move(number, to, OFFICER, **given)
    counter.mailer.deliver()
    sent = counter.post.messages[-1]
    assert (preview.mail.lang, preview.mail.subject) == (lang, str(sent["Subject"]))
    assert preview.mail.body.strip() == sent.get_content().replace("\r\n", "\n").strip()


def test_a_preview_tells_what_is_missing_and_where_no_mail_goes(counter):
    number = counter.received().number
    counter.staff.move(number, "identity_check", OFFICER)
    assert counter.staff.preview(number, "in_review", OFFICER).mail is None
    assert counter.staff.preview(number, "closed", OFFICER).problem == "no_such_move"
    assert counter.staff.preview(number, "on_hold", OFFICER).problem == "reason_needed"
    with pytest.raises(UnknownTicketError):
        counter.staff.preview(number, "duplicate_of", OFFICER, duplicate_of=new_number())
    with pytest.raises(ForbiddenError):
        counter.staff.preview(number, "in_review", OTHER_OFFICER)
    by_phone, origin = counter.opened(channel="phone")
    counter.give(by_phone.number, origin, email=None, phone="03-6234-5678")
    assert counter.staff.sheet(by_phone.number, OFFICER).tells == frozenset()
    assert counter.staff.preview(by_phone.number, "awaiting_form_or_documents", OFFICER).mail is None


def test_likely_duplicates_share_a_contact_at_the_same_company(either):
    first = either.received().number
    either.later(hours=1)
    second = either.received(type_="deletion").number
    either.received("jamil")
    namesake = either.received(email="other@example.com").number
    stranger, origin = either.opened()
    either.give(stranger.number, origin, name="somebody else", email="else@example.com")
    likely = either.staff.sheet(first, OFFICER).likely
    assert [(other.number, other.shared) for other in likely] == [(second, ("email", "name")), (namesake, ("name",))]
    either.staff.move(second, "withdrawn", OFFICER)
    either.staff.erase(second, OFFICER)
    assert [other.number for other in either.staff.sheet(first, OFFICER).likely] == [namesake]


def test_the_log_by_actor_action_and_time(either):
    number = either.received().number
    either.later(days=2)
    either.staff.show(number, OFFICER)
    either.later(days=2)
    either.staff.note(number, "x", OPERATOR)

    def read(**filters):
        return [(entry.action, entry.actor) for entry in either.staff.log(AUDITOR, LogFilters(**filters))]

    assert read(actor="po-1") == [("shown", "po-1")]
    assert read(action="noted") == [("noted", "op-1")]
    assert ("noted", "op-1") not in read(until=either.now)
    assert read(since=either.now, number=number) == [("noted", "op-1")]
    assert read(since=START + timedelta(days=1), until=START + timedelta(days=3)) == [("shown", "po-1")]
    newest = either.staff.log(AUDITOR, LogFilters(newest_first=True, limit=2))
    assert newest[0].action == "log_read"
    older = either.staff.log(AUDITOR, LogFilters(newest_first=True, before=newest[-1].seq, limit=2))
    assert [entry.seq for entry in older] == [newest[-1].seq - 1, newest[-1].seq - 2]
    assert read(number="nonsense") == []


def test_the_log_is_checked_by_auditors(counter):
    counter.received()
    verdict, end = counter.staff.verify_log(AUDITOR)
    assert verdict.is_sound
    assert Head.parse(str(end)) == end == counter.office.audit.head()
    assert counter.staff.verify_log(AUDITOR, end)[0].is_sound
    cut = counter.staff.verify_log(AUDITOR, Head(end.seq + 99, "0" * 64))[0]
    assert [(each.seq, each.code) for each in cut.found] == [(end.seq + 99, "cut_off")]
    for actor in (OPERATOR, OFFICER, ADMIN, Actor("x", "privacy_officer")):
        with pytest.raises(ForbiddenError):
            counter.staff.verify_log(actor)
    assert [row.action for row in counter.rows(Audit)].count("log_verified") == 3


@pytest.mark.parametrize("text", ["", "5", ":abc", "x:abc", "5:", "５:abc", "5:é", f"{'9' * 30}:abc"])
def test_what_is_no_kept_end(text):
    assert Head.parse(text) is None


def test_the_tickets_stay_as_they_are_to_look_at(counter):
    number = counter.received().number
    before = vars(counter.rows(Ticket)[0]).copy()
    counter.staff.sheet(number, OFFICER)
    counter.staff.preview(number, "identity_check", OFFICER)
    after = vars(counter.rows(Ticket)[0]).copy()
    before.pop("_sa_instance_state"), after.pop("_sa_instance_state")
    assert before == after
