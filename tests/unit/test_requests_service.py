"""The customer's and the staff's side of tickets, on SQLite and on PostgreSQL."""

from __future__ import annotations

import csv
import io
import json
import logging
import threading
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from madoguchi.requests import (
    Actor,
    ConflictError,
    Contact,
    ContactError,
    Filters,
    ForbiddenError,
    KeyRing,
    LogFilters,
    RefusedError,
    RequestDraft,
    RequestError,
    UnknownTicketError,
    new_number,
)
from madoguchi.requests.mail import TransportError
from madoguchi.requests.service import TYPES
from madoguchi.requests.tables import Audit, BlindIndex, Code, CodeWish, History, Mail, SealedField, Ticket

from .requests_counter import (
    ADDRESS,
    ADMIN,
    AUDITOR,
    COMPANIES,
    EMAIL,
    NAME,
    OFFICER,
    OPERATOR,
    OTHER_OFFICER,
    PHONE,
    WITH_CONTACT,
    Counter,
)

DAY = date(2026, 11, 2)


@pytest.fixture
def counter(database_url, tmp_path):
    made = Counter(database_url, KeyRing.from_file(tmp_path / "keys.yml")[0])
    yield made
    made.database.engine.dispose()


# Opening.


@pytest.mark.parametrize("company", COMPANIES)
def test_every_type_for_every_company(counter, company):
    for type_ in TYPES:
        ticket, _ = counter.opened(company, type_)
        assert (ticket.company, ticket.type, ticket.state) == (company, type_, "awaiting_contact")
    arrived = counter.received(company, email=f"x@{company}.example.com")
    assert arrived.state == ("received" if company in WITH_CONTACT else "needs_routing")


def test_the_same_form_sent_twice_is_one_ticket(counter):
    draft = RequestDraft("lexus", "disclosure", "self", "email", "ja", "sender-1", "form-1")
    first, again = counter.requests.open(draft), counter.requests.open(draft)
    assert first == again
    assert counter.requests.open(RequestDraft("lexus", "disclosure", "self", "email", "ja", "sender-1", "form-2")).number != first.number
    assert [row.action for row in counter.rows(Audit)].count("opened") == 2


def test_many_workers_sending_the_same_make_one_ticket(counter, database_url):
    workers = [Counter(database_url, counter.ring) for _ in range(6)]
    draft = RequestDraft("lexus", "deletion", "self", "email", "ja", "sender-1", "form-1")
    numbers, problems, barrier = [], [], threading.Barrier(len(workers))

    def open_(worker):
        barrier.wait()
        try:
            numbers.append(worker.requests.open(draft).number)
        except Exception as error:  # noqa: BLE001
            problems.append(repr(error))

    threads = [threading.Thread(target=open_, args=(worker,)) for worker in workers]
    [thread.start() for thread in threads], [thread.join() for thread in threads]
    for worker in workers:
        worker.database.engine.dispose()
    assert problems == []
    assert len(numbers) == len(workers)
    assert len(set(numbers)) == len(counter.rows(Ticket)) == len(counter.rows(History)) == 1
    assert counter.office.audit.verify().is_sound


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"company": "honda"}, "unknown_company"), ({"type": "erase"}, "unknown_value"), ({"relation": "friend"}, "unknown_value"),
        ({"channel": "fax"}, "unknown_value"), ({"lang": "fr"}, "unknown_value"), ({"ground": "because"}, "unknown_value"),
        ({"origin": ""}, "unknown_value"), ({"instance": "x" * 65}, "unknown_value"),
    ],
)  # fmt: skip
def test_what_cannot_be_opened(counter, change, code):
    values = {"company": "lexus", "type": "deletion", "relation": "self", "channel": "email", "lang": "ja", "origin": "s", "instance": "i"}
    with pytest.raises(RequestError) as caught:
        counter.requests.open(RequestDraft(**values | change))
    assert caught.value.code == code
    assert counter.rows(Ticket) == []


def test_what_it_concerns_is_masked_before_it_is_kept(counter):
    counter.requests.open(RequestDraft("lexus", "deletion", "self", "email", "ja", "s", "i", about=f"電話 {PHONE} と {EMAIL} の件"))
    (ticket,) = counter.rows(Ticket)
    assert ticket.about == "電話 [phone] と [e-mail] の件"


# The purpose notice.


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_the_notice_names_operator_and_company_as_the_policy_does(counter, lang):
    ticket, _ = counter.opened("infiniti")
    notice = counter.requests.notice(ticket.number, lang)
    assert "Example Operator" in notice.text
    assert COMPANIES["infiniti"][lang] in notice.text
    assert "Nissan" not in notice.text
    assert "日産" not in notice.text
    assert notice.version.startswith(f"2026-11-{lang}-")
    with pytest.raises(RefusedError):
        counter.requests.notice(new_number(), lang)


def test_the_notice_is_kept_as_it_was_seen(counter):
    ticket, origin = counter.opened()
    seen = counter.requests.notice(ticket.number, "en")
    counter.requests.give_contact(ticket.number, Contact(NAME, EMAIL), seen.version, origin=origin)
    (row,) = counter.rows(Ticket)
    assert (row.notice_version, row.notice_text) == (seen.version, seen.text)


@pytest.mark.parametrize("version", ["", "2026-10-ja-000000000000", "of another company"])
def test_an_outdated_notice_takes_no_contact(counter, version):
    ticket, origin = counter.opened()
    other, _ = counter.opened("jamil")
    version = counter.requests.notice(other.number, "ja").version if version == "of another company" else version
    with pytest.raises(RequestError) as caught:
        counter.requests.give_contact(ticket.number, Contact(NAME, EMAIL), version, origin=origin)
    assert caught.value.code == "notice_outdated"
    assert counter.rows(SealedField) == []


# Contact details.


@pytest.mark.parametrize(
    ("channel", "relation", "values", "problems"),
    [
        ("email", "self", {"email": None}, {"email": "missing"}),
        ("email", "self", {"name": " ", "email": "no at sign"}, {"name": "missing", "email": "invalid"}),
        ("email", "self", {"name": "x" * 101}, {"name": "too_long"}),
        ("email", "self", {"phone": PHONE}, {"phone": "not_asked"}),
        ("email", "self", {"address": ADDRESS}, {"address": "not_asked"}),
        ("email", "self", {"represented_name": "子"}, {"represented_name": "not_asked"}),
        ("email", "legal_representative", {}, {"represented_name": "missing"}),
        ("phone", "self", {"email": None, "phone": "090-0000-0000"}, {"phone": "invalid"}),
        ("phone", "self", {"email": None, "phone": "12"}, {"phone": "invalid"}),
        ("letter", "self", {"email": None}, {"address": "missing"}),
        ("email", "self", {"email": "a..b@example.com"}, {"email": "invalid"}),
        ("email", "self", {"email": "a@b.example.com, c@d.example.com"}, {"email": "invalid"}),
        ("email", "self", {"email": "a@example.com\nBcc: c@d.example.com"}, {"email": "invalid"}),
    ],
)
def test_contacts_that_cannot_be_used(counter, channel, relation, values, problems):
    ticket, origin = counter.opened(channel=channel, relation=relation)
    with pytest.raises(ContactError) as caught:
        counter.give(ticket.number, origin, **values)
    assert caught.value.problems == problems
    for value in values.values():
        assert not value or value.strip() == "" or value not in str(caught.value)
    assert counter.rows(SealedField) == []


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Ｈａｎａｋｏ＠ｅｘａｍｐｌｅ．ｃｏ．ｊｐ", "Hanako@example.co.jp"),
        (" hanako@example.co.jp ", "hanako@example.co.jp"),
        ("ha..nako.@docomo.ne.jp", "ha..nako.@docomo.ne.jp"),
    ],
)
def test_mail_addresses_as_people_type_them(counter, typed, kept):
    ticket, origin = counter.opened()
    counter.give(ticket.number, origin, email=typed)
    assert counter.staff.reveal(ticket.number, "email", OFFICER) == (kept,)
    counter.mailer.deliver()
    assert counter.post.messages[-1]["To"].addresses[0].username == kept.split("@")[0]


@pytest.mark.parametrize("typed", ["03-6234-5678", "０３（６２３４）５６７８", "+81 3 6234 5678", "0362345678"])
def test_telephone_numbers_as_people_type_them(counter, typed):
    ticket, origin = counter.opened(channel="phone")
    view = counter.give(ticket.number, origin, email=None, phone=typed)
    assert (view.state, view.contact_verified, view.code_sent) == ("received", False, False)
    assert counter.staff.reveal(ticket.number, "phone", OFFICER) == ("+81362345678",)
    assert counter.mailer.deliver().sent == 0


def test_a_letter(counter):
    ticket, origin = counter.opened("g-link", channel="letter")
    view = counter.give(ticket.number, origin, email=None, address=ADDRESS)
    assert (view.state, view.contact_verified) == ("needs_routing", False)
    officer = Actor("po-9", "privacy_officer", frozenset({"g-link"}))
    assert counter.staff.reveal(ticket.number, "address", officer) == (ADDRESS,)


def test_an_address_beside_the_mail_address_where_the_company_posts_a_form(counter):
    ticket, origin = counter.opened("infiniti")
    assert counter.give(ticket.number, origin, address=ADDRESS).code_sent


def test_only_the_conversation_that_opened_a_ticket_gives_its_contact(counter):
    ticket, origin = counter.opened()
    version = counter.requests.notice(ticket.number, "ja").version
    for number, proof in (
        (ticket.number, {"origin": "sender-other"}), (ticket.number, {}), (ticket.number, {"origin": ""}), (ticket.number, {"link": ""}),
        (ticket.number, {"link": "wrong"}), (new_number(), {"origin": origin}), ("nonsense", {"origin": origin}),
    ):  # fmt: skip
        with pytest.raises(RefusedError):
            counter.requests.give_contact(number, Contact(NAME, EMAIL), version, **proof)


def test_a_contact_can_be_put_right_until_it_is_proven(counter):
    ticket, origin = counter.opened()
    counter.give(ticket.number, origin, email="hanka@example.co.jp")
    counter.mailer.deliver()
    first = counter.post.code()
    counter.give(ticket.number, origin, email=EMAIL)
    counter.mailer.deliver()
    assert counter.post.messages[-1]["To"].addresses[0].addr_spec == EMAIL
    with pytest.raises(RefusedError):
        counter.requests.verify_contact(ticket.number, first)
    view = counter.requests.verify_contact(ticket.number, counter.post.code())
    assert (view.state, view.contact_verified) == ("received", True)
    with pytest.raises(RequestError) as caught:
        counter.give(ticket.number, origin)
    assert caught.value.code == "already_given"
    assert len(counter.rows(BlindIndex)) == 2


def test_a_code_waiting_for_the_old_address_is_not_sent_to_the_new_one(counter):
    ticket, origin = counter.opened()
    counter.give(ticket.number, origin, email="hanka@example.co.jp")
    counter.give(ticket.number, origin, email=EMAIL)
    assert counter.mailer.deliver().sent == 1
    assert sorted(mail.state for mail in counter.rows(Mail)) == ["dropped", "sent"]
    assert counter.requests.verify_contact(ticket.number, counter.post.code()).contact_verified


# Links.


def test_a_link_opens_the_form_once(counter):
    ticket, _ = counter.opened(channel="phone")
    secret = counter.requests.make_link(ticket.number)
    assert counter.requests.by_link(secret).number == ticket.number
    version = counter.requests.notice(ticket.number, "ja").version
    with pytest.raises(ContactError):
        counter.requests.give_contact(ticket.number, Contact(NAME), version, link=secret)
    assert counter.requests.give_contact(ticket.number, Contact(NAME, phone=PHONE), version, link=secret).state == "received"
    for use in (
        lambda: counter.requests.by_link(secret),
        lambda: counter.requests.give_contact(ticket.number, Contact(NAME, phone=PHONE), version, link=secret),
        lambda: counter.requests.make_link(ticket.number),
    ):
        with pytest.raises(RefusedError):
            use()
    assert all(secret not in str(vars(row)) for row in counter.rows(Ticket))


def test_a_link_is_good_for_a_day_and_the_newest_alone(counter):
    ticket, _ = counter.opened()
    old, new = counter.requests.make_link(ticket.number), counter.requests.make_link(ticket.number)
    with pytest.raises(RefusedError):
        counter.requests.by_link(old)
    counter.later(hours=23, minutes=59)
    assert counter.requests.by_link(new)
    counter.later(minutes=1)
    with pytest.raises(RefusedError):
        counter.requests.by_link(new)
    with pytest.raises(RefusedError):
        counter.requests.give_contact(ticket.number, Contact(NAME, EMAIL), counter.requests.notice(ticket.number, "ja").version, link=new)


# Codes.


def waiting(counter):
    ticket, origin = counter.opened()
    assert counter.give(ticket.number, origin).code_sent
    counter.mailer.deliver()
    return ticket, origin, counter.post.code()


def wrong(code):
    return f"{(int(code) + 1) % 10**8:08d}"


@pytest.mark.parametrize(
    "spoken", [str, lambda code: f"{code[:4]} {code[4:]}", lambda code: code.translate({48 + n: 0xFF10 + n for n in range(10)})]
)
def test_a_code_as_people_type_it(counter, spoken):
    ticket, _, code = waiting(counter)
    assert counter.requests.verify_contact(ticket.number.lower(), spoken(code)).state == "received"
    assert counter.requests.verify_contact(ticket.number, code).state == "received", "sent twice by the page, told the same"


def test_a_code_is_good_for_ten_minutes(counter):
    ticket, _, code = waiting(counter)
    counter.later(minutes=10)
    with pytest.raises(RefusedError):
        counter.requests.verify_contact(ticket.number, code)


def test_a_code_is_good_for_five_tries(counter):
    ticket, _, code = waiting(counter)
    for _ in range(4):
        with pytest.raises(RefusedError):
            counter.requests.verify_contact(ticket.number, wrong(code))
    assert counter.requests.verify_contact(ticket.number, code)
    ticket, _, code = waiting(counter)
    for _ in range(5):
        with pytest.raises(RefusedError):
            counter.requests.verify_contact(ticket.number, wrong(code))
    with pytest.raises(RefusedError):
        counter.requests.verify_contact(ticket.number, code)


def test_codes_of_other_tickets_and_purposes_are_no_good(counter):
    one, _, first = waiting(counter)
    two, _, second = waiting(counter)
    with pytest.raises(RefusedError):
        counter.requests.verify_contact(one.number, second)
    with pytest.raises(RefusedError):
        counter.requests.status(two.number, second)
    assert counter.requests.verify_contact(one.number, first)


def test_five_codes_a_day_for_a_ticket(counter):
    ticket, origin, _ = waiting(counter)
    assert [counter.give(ticket.number, origin).code_sent for _ in range(5)] == [True] * 4 + [False]
    counter.later(days=1)
    assert counter.give(ticket.number, origin).code_sent


def test_ten_codes_a_day_for_an_address_whatever_the_company(counter):
    sent = []
    for n in range(12):
        ticket, origin = counter.opened([*COMPANIES][n % 5])
        sent.append(counter.give(ticket.number, origin, email="Same@example.com").code_sent)
    assert sent == [True] * 10 + [False] * 2
    ticket, origin = counter.opened()
    assert counter.give(ticket.number, origin, email="other@example.com").code_sent


def test_a_new_code_for_a_mail_that_did_not_come(counter):
    ticket, origin, first = waiting(counter)
    assert counter.requests.resend_code(ticket.number, origin=origin)
    counter.mailer.deliver()
    with pytest.raises(RefusedError):
        counter.requests.verify_contact(ticket.number, first)
    assert [counter.requests.resend_code(ticket.number, link=counter.requests.make_link(ticket.number)) for _ in range(4)] == [True] * 3 + [
        False
    ]
    proven = counter.received()
    for number, proof in ((ticket.number, "sender-other"), (new_number(), origin), (proven.number, origin)):
        with pytest.raises(RefusedError):
            counter.requests.resend_code(number, origin=proof)


def test_a_code_is_nowhere_in_the_database_once_it_is_sent(counter):
    waiting(counter)
    assert {row.name for row in counter.rows(SealedField)} == {"email", "name"}
    code = counter.post.code()
    for table in (Code, Mail, Ticket, History):
        assert all(code not in str(vars(row)) for row in counter.rows(table))


# The state of a ticket.


def asked(counter, number):
    counter.requests.request_status_code(number)
    counter.mailer.deliver()
    return counter.post.code()


def test_the_state_is_told_once_for_number_and_code(counter):
    ticket = counter.received()
    arrived = counter.now
    counter.later(days=2)
    code = asked(counter, ticket.number)
    status = counter.requests.status(ticket.number, code)
    assert (status.state, status.since, status.type, status.company) == ("received", arrived, "disclosure", "lexus")
    with pytest.raises(RefusedError):
        counter.requests.status(ticket.number, code)


def test_no_code_for_a_number_without_ticket_or_without_proven_mailbox(counter):
    unproven, origin = counter.opened()
    counter.give(unproven.number, origin)
    by_phone, origin = counter.opened(channel="phone")
    counter.give(by_phone.number, origin, email=None, phone=PHONE)
    counter.mailer.deliver()
    before = len(counter.post.messages)
    for number in (unproven.number, by_phone.number, new_number(), "nonsense"):
        assert counter.requests.request_status_code(number) is None
    counter.mailer.deliver()
    assert len(counter.post.messages) == before
    assert counter.rows(CodeWish) == []


def statements(counter, act):
    """The statements that an act sends, and the error it ends in."""
    seen = []

    def note(_connection, _cursor, statement, *_rest):
        seen.append(statement)

    sa.event.listen(counter.database.engine, "before_cursor_execute", note)
    try:
        with pytest.raises(RefusedError) as caught:
            act()
    finally:
        sa.event.remove(counter.database.engine, "before_cursor_execute", note)
    return seen, (type(caught.value), caught.value.code, str(caught.value))


def test_a_wrong_number_and_a_wrong_code_look_alike_down_to_the_statements(counter):
    ticket = counter.received()
    code = asked(counter, ticket.number)
    unknown = new_number()
    for act in (counter.requests.status, counter.requests.verify_contact):
        for number in (ticket.number, unknown):  # the first try at a number makes its row
            with pytest.raises(RefusedError):
                act(number, wrong(code))
        of_ticket = statements(counter, lambda act=act: act(ticket.number, wrong(code)))
        of_nothing = statements(counter, lambda act=act: act(unknown, wrong(code)))
        assert of_ticket[1] == of_nothing[1]
        assert of_ticket[0] == of_nothing[0]
        assert any(statement.startswith("UPDATE ticket_code") for statement in of_nothing[0])


def test_asking_for_a_status_code_sends_the_same_statements_for_every_number(counter):
    ticket, sent = counter.received(), []

    def note(_connection, _cursor, statement, *_rest):
        sent[-1].append(statement)

    sa.event.listen(counter.database.engine, "before_cursor_execute", note)
    for number in (ticket.number, new_number()):
        sent.append([])
        counter.requests.request_status_code(number)
    sa.event.remove(counter.database.engine, "before_cursor_execute", note)
    assert sent[0] == sent[1] != []


def test_asking_often_sends_no_more_than_five_codes_a_day(counter):
    ticket = counter.received()
    before = len(counter.post.messages)
    for _ in range(8):
        counter.requests.request_status_code(ticket.number)
        counter.mailer.deliver()
    assert len(counter.post.messages) == before + 5


# Duplicates.


def test_a_second_request_of_the_same_person_is_linked_and_told_and_kept(counter):
    first = counter.received()
    counter.later(hours=1)
    second = counter.received(email=EMAIL.upper())
    assert second.duplicate_of == first.number
    assert second.state == "received"
    assert [view.number for view in counter.staff.list(OFFICER)] == [second.number, first.number]
    assert counter.received(type_="deletion").duplicate_of is None
    assert counter.received("jamil").duplicate_of is None


def test_whoever_has_not_proven_the_mailbox_learns_nothing_of_earlier_tickets(counter):
    counter.received()
    ticket, origin = counter.opened()
    assert counter.give(ticket.number, origin).duplicate_of is None
    first, origin = counter.opened(channel="phone")
    counter.give(first.number, origin, email=None, phone=PHONE)
    again, origin = counter.opened(channel="phone")
    assert counter.give(again.number, origin, email=None, phone=PHONE).duplicate_of is None
    assert counter.staff.show(again.number, OFFICER)[0].duplicate_of == first.number, "staff see it"


def test_a_representative_of_two_people_makes_no_duplicate(counter):
    tickets = []
    for represented in ("山田一郎", "山田二郎", "山田一郎"):
        ticket, origin = counter.opened(relation="mandated_representative")
        counter.give(ticket.number, origin, represented_name=represented)
        counter.mailer.deliver()
        tickets.append(counter.requests.verify_contact(ticket.number, counter.post.code()))
    assert [ticket.duplicate_of for ticket in tickets] == [None, None, tickets[0].number]


def test_an_ended_ticket_is_no_earlier_one(counter):
    first = counter.received()
    counter.staff.move(first.number, "withdrawn", OFFICER)
    assert counter.received().duplicate_of is None


# Staff.


def worked(counter, number):
    counter.staff.move(number, "awaiting_form_or_documents", OPERATOR)
    counter.staff.move(number, "identity_check", OPERATOR, documents_at=counter.now)
    return counter.staff.move(number, "in_review", OFFICER)


def test_a_ticket_worked_to_its_end_with_its_mails(counter):
    number = counter.received(lang="ja").number
    worked(counter, number)
    counter.later(days=3)
    counter.staff.move(number, "answered_refused", OFFICER, reason="hinders_business", notice_date=DAY + timedelta(days=3))
    closed = counter.staff.move(number, "closed", OPERATOR)
    counter.mailer.deliver()
    assert (closed.state, closed.reason, closed.notice_date) == ("closed", "hinders_business", DAY + timedelta(days=3))
    assert closed.closed_at == closed.answered_at == counter.now
    history = counter.staff.show(number, OFFICER)[1]
    assert [move.to_state for move in history] == [
        "awaiting_contact", "awaiting_contact_verification", "received", "awaiting_form_or_documents", "identity_check", "in_review",
        "answered_refused", "closed",
    ]  # fmt: skip
    assert history[-2].facts == {"reason": "hinders_business", "notice_date": "2026-11-05"}
    assert [mail.kind for mail in counter.rows(Mail)] and sorted(mail.kind for mail in counter.rows(Mail)) == [
        "closed", "code_contact", "decision", "documents_needed", "received",
    ]  # fmt: skip
    decision = next(message for message in counter.post.messages if "判断" in message["Subject"])
    assert "業務の適正な実施" in decision.get_content()
    assert "第33条" in decision.get_content()


def test_a_change_made_meanwhile_is_noticed(counter):
    number = counter.received().number
    seen = counter.staff.show(number, OFFICER)[0].version
    counter.staff.assign(number, "op-1", OFFICER)
    with pytest.raises(ConflictError):
        counter.staff.move(number, "awaiting_form_or_documents", OFFICER, version=seen)
    counter.staff.move(number, "awaiting_form_or_documents", OFFICER, version=seen + 1)


def test_notes_are_sealed_and_kept_in_order(counter):
    number = counter.received().number
    counter.staff.note(number, f"{NAME}様より電話", OPERATOR)
    counter.staff.note(number, "second", OPERATOR)
    assert counter.staff.reveal(number, "note", OFFICER) == (f"{NAME}様より電話", "second")
    assert counter.staff.show(number, OFFICER)[0].has == ("email", "name", "note")
    for text, code in (("  ", "empty"), ("x" * 4_001, "too_long")):
        with pytest.raises(RequestError) as caught:
            counter.staff.note(number, text, OPERATOR)
        assert caught.value.code == code


def test_dates_move_the_clocks(counter):
    number = counter.received().number
    arrived = counter.now - timedelta(hours=30)
    view = counter.staff.set_dates(number, OFFICER, arrived_at=arrived)
    assert view.arrived_at == arrived
    assert view.clocks.suit_alert.date() == date(2026, 11, 16)
    with pytest.raises(RequestError):
        counter.staff.set_dates(number, OFFICER, documents_at=counter.now + timedelta(seconds=1))


ACTS = {
    "show": lambda staff, number, actor: staff.show(number, actor),
    "reveal": lambda staff, number, actor: staff.reveal(number, "email", actor),
    "move": lambda staff, number, actor: staff.move(number, "withdrawn", actor),
    "note": lambda staff, number, actor: staff.note(number, "x", actor),
    "assign": lambda staff, number, actor: staff.assign(number, "x", actor),
    "date": lambda staff, number, actor: staff.set_dates(number, actor),
    "export": lambda staff, number, actor: staff.export(number, actor),
    "erase": lambda staff, number, actor: staff.erase(number, actor),
}
OFFICERS_ALONE = {"reveal", "export", "erase"}


@pytest.mark.parametrize("act", ACTS)
def test_who_may_do_what(counter, act):
    number = counter.received().number
    for actor in (OTHER_OFFICER, AUDITOR, ADMIN, Actor("x", "operator", frozenset()), *([OPERATOR] if act in OFFICERS_ALONE else [])):
        with pytest.raises(ForbiddenError) as caught:
            ACTS[act](counter.staff, number, actor)
        assert caught.value.entry.actor == actor
    assert counter.staff.show(number, OFFICER)[0].state == "received", "nothing was done"
    with pytest.raises(UnknownTicketError):
        ACTS[act](counter.staff, new_number(), OFFICER)
    with pytest.raises(RequestError if act == "erase" else UnknownTicketError):
        ACTS[act](counter.staff, number if act == "erase" else "nonsense", OFFICER)


def test_lists_hold_tickets_of_own_companies_alone(counter):
    mine, other = counter.received().number, counter.received("jamil").number
    assert [view.number for view in counter.staff.list(OPERATOR)] == [mine]
    assert [view.number for view in counter.staff.list(OTHER_OFFICER, Filters(contact=EMAIL))] == [other]
    assert counter.staff.list(Actor("x", "operator", frozenset())) == ()
    for filters in (Filters(company="jamil"), Filters(company="jamil", contact=EMAIL)):
        with pytest.raises(ForbiddenError):
            counter.staff.list(OPERATOR, filters)
    for actor in (AUDITOR, ADMIN):
        with pytest.raises(ForbiddenError):
            counter.staff.list(actor)
    for actor in (OPERATOR, AUDITOR, ADMIN):
        with pytest.raises(ForbiddenError):
            counter.staff.csv(actor)


def test_the_log_is_for_auditors_and_of_their_companies(counter):
    mine, other = counter.received().number, counter.received("jamil").number
    auditor = Actor("au-2", "auditor", frozenset({"lexus"}))
    numbers = {entry.number for entry in counter.staff.log(auditor)}
    assert mine in numbers
    assert other not in numbers
    assert {entry.number for entry in counter.staff.log(auditor, LogFilters(number=mine))} == {mine}
    assert counter.staff.log(auditor, LogFilters(number=other)) == ()
    assert [entry.seq for entry in counter.staff.log(auditor, LogFilters(after=2, limit=1))] == [3]
    for actor in (OPERATOR, OFFICER, ADMIN):
        with pytest.raises(ForbiddenError):
            counter.staff.log(actor)


def test_keys_are_rotated_by_admins_alone(counter):
    counter.received()
    for actor in (OPERATOR, OFFICER, AUDITOR):
        with pytest.raises(ForbiddenError):
            counter.staff.rotate_keys(actor)
    assert counter.staff.rotate_keys(ADMIN).resealed == 2
    assert [row.action for row in counter.rows(Audit)][-2:] == ["rotation_begun", "rotated"]


def test_filters_and_pages(counter):
    numbers = []
    for n in range(5):
        numbers.insert(0, counter.received(email=f"n{n}@example.com").number)
        counter.later(seconds=1)
    counter.staff.move(numbers[0], "withdrawn", OFFICER)
    counter.staff.assign(numbers[1], "op-7", OFFICER)

    def listed(**filters):
        return [view.number for view in counter.staff.list(OFFICER, Filters(**filters))]

    assert listed(limit=2) == numbers[:2]
    assert listed(limit=2, after=numbers[1]) == numbers[2:4]
    assert listed(state="withdrawn") == listed(is_open=False) == numbers[:1]
    assert listed(is_open=True) == numbers[1:]
    assert listed(assignee="op-7") == numbers[1:2]
    assert listed(type="deletion") == []
    assert listed(contact="Ｎ３＠example.com") == numbers[1:2]
    assert listed(contact=NAME) == numbers
    assert listed(contact="nobody@example.com") == listed(contact="09012345678") == []


def test_the_export_holds_everything_that_is_held(counter):
    ticket, origin = counter.opened(relation="legal_representative")
    counter.give(ticket.number, origin, represented_name="山田太郎")
    counter.mailer.deliver()
    counter.requests.verify_contact(ticket.number, counter.post.code())
    counter.staff.note(ticket.number, "a note", OPERATOR)
    export = counter.staff.export(ticket.number, OFFICER)
    assert export["personal"] == {"name": [NAME], "email": [EMAIL], "represented_name": ["山田太郎"], "note": ["a note"]}
    assert export["ticket"]["number"] == ticket.number
    assert export["purpose_notice"]["text"]
    assert [row["to"] for row in export["history"]] == ["awaiting_contact", "awaiting_contact_verification", "received"]
    assert [mail["kind"] for mail in export["mails"]] == ["code_contact", "received"]
    assert json.loads(json.dumps(export)) == export


@pytest.mark.parametrize("about", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "=cmd|' /C calc'!A0", 'x,"y"'])
def test_no_cell_of_the_table_is_a_formula(counter, about):
    counter.requests.open(RequestDraft("lexus", "deletion", "self", "email", "ja", "s", "i", about=about))
    counter.staff.assign(counter.rows(Ticket)[0].number, "\t=1", OFFICER)
    header, row = list(csv.reader(io.StringIO(counter.staff.csv(OFFICER))))
    cells = dict(zip(header, row, strict=True))
    assert all(not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)
    assert cells["about"].lstrip("'") == about.strip()
    assert cells["assignee"] == "'\t=1"
    counter.staff.assign(counter.rows(Ticket)[0].number, " =1", OFFICER)
    assert '"\' =1"' in counter.staff.csv(OFFICER)
    assert NAME not in str(row)


# The end.


def personal_rows(counter, number):
    (ticket,) = counter.rows(Ticket, Ticket.number == number)
    by_ticket = [row for table in (SealedField, BlindIndex, Mail) for row in counter.rows(table, table.ticket_id == ticket.id)]
    return by_ticket + [row for table in (Code, CodeWish) for row in counter.rows(table, table.number == number)]


def test_what_nobody_proved_expires_after_seven_days(counter):
    never, _ = counter.opened()
    given, origin = counter.opened()
    counter.give(given.number, origin)
    held, _ = counter.opened()
    counter.staff.move(held.number, "on_hold", OFFICER, reason="awaiting_person")
    proven = counter.received()
    counter.later(days=6, hours=23)
    assert (counter.retention.run().expired, len(personal_rows(counter, given.number)) > 0) == (0, True)
    counter.later(hours=1)
    assert counter.retention.run().expired == 3
    again = counter.retention.run()
    assert (again.expired, again.shredded, again.codes) == (0, 0, 0)
    for ticket in (never, given, held):
        assert counter.staff.show(ticket.number, OFFICER)[0].state == "expired_unverified"
        assert personal_rows(counter, ticket.number) == []
    assert counter.staff.reveal(proven.number, "name", OFFICER) == (NAME,)


def test_ended_tickets_are_shredded_in_their_companys_time_and_leave_a_skeleton(counter, database_url, tmp_path):
    counter = Counter(database_url, counter.ring, keep_days={"lexus": 30})
    number, other = counter.received().number, counter.received("jamil").number
    worked(counter, number)
    counter.staff.note(number, "a note", OPERATOR)
    counter.staff.move(number, "answered_fulfilled", OFFICER)
    counter.staff.move(number, "closed", OFFICER)
    counter.staff.move(other, "withdrawn", OTHER_OFFICER)
    counter.mailer.deliver()
    counter.later(days=29, hours=23)
    assert counter.retention.run().shredded == 0
    counter.later(hours=1)
    assert [counter.retention.run().shredded for _ in range(2)] == [1, 0]
    assert personal_rows(counter, number) == []
    view, history = counter.staff.show(number, OFFICER)
    assert (view.state, view.about, view.shredded_at) == ("closed", None, counter.now)
    assert len(history) == 8
    assert counter.office.audit.verify().is_sound
    assert counter.staff.export(number, OFFICER)["personal"] == {}
    assert personal_rows(counter, other)
    for act in (lambda: counter.staff.note(number, "x", OFFICER), lambda: counter.staff.move(number, "in_review", OFFICER)):
        with pytest.raises(RequestError) as caught:
            act()
        assert caught.value.code == "shredded"
    counter.later(days=365)
    assert counter.retention.run().shredded == 1
    counter.database.engine.dispose()


def test_erasure_before_its_time(counter):
    number = counter.received().number
    with pytest.raises(RequestError) as caught:
        counter.staff.erase(number, OFFICER)
    assert caught.value.code == "not_ended"
    counter.staff.move(number, "withdrawn", OFFICER)
    counter.staff.erase(number, OFFICER)
    counter.staff.erase(number, OFFICER)
    assert personal_rows(counter, number) == []


def test_rows_of_wrong_numbers_are_forgotten(counter):
    for _ in range(3):
        with pytest.raises(RefusedError):
            counter.requests.status(new_number(), "12345678")
    assert len(counter.rows(Code)) == 3
    counter.later(days=2)
    assert counter.retention.run().codes == 3


# Nothing personal where it does not belong.


def test_nothing_personal_in_logs_or_in_the_clear(counter, caplog, database_url, tmp_path):
    caplog.set_level(logging.DEBUG)
    counter.database.engine.echo = False
    number = counter.received().number
    counter.staff.note(number, f"{NAME} {PHONE}", OPERATOR)
    counter.post.failures = [TransportError("SMTPDataError 451", False)]
    asked_mail = counter.requests.request_status_code(number)
    assert asked_mail is None
    counter.mailer.deliver()
    counter.retention.run()
    written = " ".join(record.getMessage() + str(vars(record)) for record in caplog.records)
    secrets = (NAME, EMAIL, EMAIL.lower(), PHONE, "Yamada")
    assert "was not sent" in written
    assert all(secret not in written for secret in secrets)
    tables = (Ticket, SealedField, BlindIndex, Code, History, Mail)
    kept = " ".join(str(vars(row)) for table in tables for row in counter.rows(table))
    assert all(secret not in kept for secret in secrets)
    if database_url.startswith("sqlite"):
        for file in tmp_path.glob("requests.db*"):
            assert all(secret.encode() not in file.read_bytes() for secret in secrets)


def test_a_contact_is_not_printed_by_accident():
    assert NAME not in repr(Contact(NAME, EMAIL))
    assert "@" not in f"{Contact(NAME, EMAIL)}"
