"""What mails say and do not say, and the queue they go through."""

import re
import stat
from datetime import timedelta

import pytest
import yaml

from madoguchi.requests import Mailer, OutboxTransport
from madoguchi.requests import mail as mail_module
from madoguchi.requests import wording as wording_module
from madoguchi.requests.mail import Letter, TransportError, written
from madoguchi.requests.mailer import BACKOFF, LEASE
from madoguchi.requests.service import TYPES
from madoguchi.requests.states import STATES
from madoguchi.requests.tables import FAILED, QUEUED, SENDING, SENT, Mail, SealedField

from .requests_counter import COMPANIES, EMAIL, NAME, OFFICER, START, new_counter

KINDS = ("code_contact", "code_status", "received", "needs_routing", "documents_needed", "decision", "closed")
# Neither days, nor free, nor acceptance, nor deletion, in any wording that a careless edit would bring in.
PROMISES = re.compile(
    r"[0-9一二三四五六七八九十]\s*(?:日|営業日|週間|か月|ヶ月)|日以内|以内に|無料|無償|受理|承りました|受け付けました|削除(?:いた)?します|消去(?:いた)?します"
    r"|\bdays?\b|\bweeks?\b|\bfree\b|free of charge|\baccept|will be (?:deleted|erased|met|fulfilled)|will delete|guarantee|必ず",
    re.IGNORECASE,
)


@pytest.fixture
def counter(tmp_path):
    return new_counter(tmp_path)


def letter(kind, lang, **values):
    given = {
        "mail_id": "0123", "kind": kind, "lang": lang, "to": EMAIL, "number": "D-7K3M-92QX-4T6B-J", "company": "G-Link",
        "request_type": "disclosure", "operator": "Example Operator", "created_at": START, "facts": {"state": "answered_fulfilled"},
        "code": "01234567", "minutes": 10,
    }  # fmt: skip
    return Letter(**given | values)


# Wording.


@pytest.mark.parametrize("lang", ["ja", "en"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_mail_promises_anything(kind, lang):
    for company in COMPANIES.values():
        for type_ in set(TYPES) - {"deletion", "stop_use"}:  # the request's own name may stand in it
            message = written(letter(kind, lang, company=company[lang], request_type=type_), "noreply@madoguchi.example")
            found = PROMISES.search(message.get_content() + message["Subject"])
            assert found is None, found


def test_no_sentence_of_the_core_promises_anything():
    for name, texts in wording_module.phrase.all.items():
        if name in {"promise_infiniti", "statutory"}:  # the policy's words, and the Act's
            continue
        for text in texts.values():
            assert PROMISES.search(text) is None, (name, text)


def test_the_check_for_promises_finds_them():
    for text in (
        "10日以内に",
        "無料です",
        "請求を受理しました",
        "削除します",
        "within 10 days",
        "free of charge",
        "It was accepted",
        "will be deleted",
    ):
        assert PROMISES.search(text), text


@pytest.mark.parametrize("file", [mail_module.mail_phrase, wording_module.phrase])
def test_both_languages_have_the_same_placeholders(file):
    for name, texts in yaml.safe_load(file.file.read_text(encoding="utf-8")).items():
        assert set(texts) == {"ja", "en"}, name
        ja, en = (sorted(re.findall(r"\{(\w+)\}", texts[lang])) for lang in ("ja", "en"))
        assert set(ja) == set(en), name


def test_every_state_and_type_has_its_words():
    assert {f"state_{state}" for state in STATES} | {f"type_{type_}" for type_ in TYPES} <= set(wording_module.phrase.all)


@pytest.mark.parametrize("kind", ["code_contact", "code_status"])
def test_a_code_mail_says_that_it_proves_the_mailbox_alone(kind):
    ja = written(letter(kind, "ja"), "noreply@madoguchi.example").get_content()
    en = written(letter(kind, "en"), "noreply@madoguchi.example").get_content()
    assert "01234567" in ja
    assert "01234567" in en
    assert "ご本人であることの確認ではありません" in ja
    assert "does not confirm your identity" in en


def test_a_mail_as_it_goes_out():
    message = written(letter("received", "ja"), "noreply@madoguchi.example")
    assert message["To"].addresses[0].addr_spec == EMAIL
    assert message["Message-ID"] == "<0123@madoguchi.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime == START
    assert "Example Operator" in message.get_content()
    assert message.as_bytes() == written(letter("received", "ja"), "noreply@madoguchi.example").as_bytes()


def test_a_decision_with_its_reason_and_one_without():
    facts = {"state": "answered_refused", "reason": "no_ground"}
    text = written(letter("decision", "en", facts=facts), "noreply@madoguchi.example").get_content()
    assert "recorded as refused" in text
    assert "art. 35" in text
    plain = written(letter("decision", "en"), "noreply@madoguchi.example").get_content()
    assert "recorded as fulfilled" in plain
    assert "Reason" not in plain


def test_no_mail_holds_the_name_or_what_was_typed(counter):
    counter.received()
    assert counter.post.messages
    assert all(NAME not in message.get_content() for message in counter.post.messages)


# The queue.


def test_nothing_is_sent_twice(counter):
    counter.received()
    before = len(counter.post.messages)
    again = Mailer(counter.office, counter.post, "noreply@madoguchi.example")
    assert again.deliver().sent == counter.mailer.deliver().sent == 0
    assert len(counter.post.messages) == before
    assert {mail.state for mail in counter.rows(Mail)} == {SENT}


def test_a_failure_is_tried_again_later_and_later_and_given_up(counter):
    ticket = counter.received()
    counter.staff.move(ticket.number, "awaiting_form_or_documents", OFFICER)
    counter.post.failures = [TransportError("SMTPDataError 451", False)] * 20
    for pause in BACKOFF:
        assert counter.mailer.deliver().postponed == 1
        counter.later(seconds=pause.total_seconds() - 1)
        assert counter.mailer.deliver() == type(counter.mailer.deliver())()
        counter.later(seconds=1)
    assert counter.mailer.deliver().failed == 1
    counter.later(days=30)
    assert counter.mailer.deliver().failed == 0
    (mail,) = counter.rows(Mail, Mail.kind == "documents_needed")
    assert (mail.state, mail.problem, mail.tries) == (FAILED, "SMTPDataError 451", len(BACKOFF) + 1)


def test_a_permanent_failure_is_given_up_at_once(counter):
    ticket, origin = counter.opened()
    counter.give(ticket.number, origin)
    counter.post.failures = [TransportError("SMTPRecipientsRefused 550", True)]
    assert counter.mailer.deliver().failed == 1
    assert counter.mailer.deliver().sent == 0
    assert {row.name for row in counter.rows(SealedField)} == {"email", "name"}, "the code is gone"


def test_a_code_that_has_grown_too_old_is_not_sent(counter):
    ticket, origin = counter.opened()
    counter.give(ticket.number, origin)
    counter.later(minutes=10)
    assert counter.mailer.deliver().sent == 0
    assert [mail.state for mail in counter.rows(Mail)] == ["dropped"]
    assert {row.name for row in counter.rows(SealedField)} == {"email", "name"}


def test_a_mail_is_not_sent_to_another_address_than_it_was_meant_for(counter):
    ticket = counter.received()
    counter.staff.move(ticket.number, "awaiting_form_or_documents", OFFICER)
    (row,) = counter.rows(SealedField, SealedField.name == "email")
    with counter.database.write() as session:
        counter.office.seals.put(session, row.ticket_id, "email", "other@example.com")
    assert counter.mailer.deliver().sent == 0
    assert [mail.state for mail in counter.rows(Mail, Mail.kind == "documents_needed")] == ["dropped"]


class KilledError(BaseException):
    """What kill -9 looks like from inside."""


def test_whoever_dies_between_sending_and_marking_sends_again_under_the_same_id(counter):
    ticket, origin = counter.opened()
    counter.give(ticket.number, origin)
    counter.post.failures = [KilledError()]
    with pytest.raises(KilledError):
        counter.mailer.deliver()
    assert [mail.state for mail in counter.rows(Mail)] == [SENDING]
    assert counter.mailer.deliver().sent == 0, "another process leaves it alone for as long as the first may be sending"
    counter.later(seconds=LEASE.total_seconds() + 1)
    assert counter.mailer.deliver().sent == 1
    first, second = counter.post.messages
    assert first["Message-ID"] == second["Message-ID"]
    assert first.as_bytes() == second.as_bytes()
    assert counter.requests.verify_contact(ticket.number, counter.post.code())


def test_a_mail_of_a_ticket_that_is_shredded_while_it_is_sent(counter):
    ticket = counter.received()
    counter.staff.move(ticket.number, "awaiting_form_or_documents", OFFICER)
    send = counter.post.send

    def shredding(mail_id, message):
        counter.staff.move(ticket.number, "withdrawn", OFFICER)
        counter.staff.erase(ticket.number, OFFICER)
        send(mail_id, message)

    counter.post.send = shredding
    assert counter.mailer.deliver().sent == 1
    assert counter.rows(Mail) == []


def test_a_mail_whose_field_does_not_open_stops_nobody(counter, caplog):
    broken, origin = counter.opened()
    counter.give(broken.number, origin)
    row = counter.rows(SealedField, SealedField.name == "email")[0]
    with counter.database.write() as session:
        session.get(SealedField, (row.ticket_id, "email", 0)).ciphertext = b"x" * 40
    fine, origin = counter.opened()
    counter.give(fine.number, origin, email="other@example.com")
    assert counter.mailer.deliver().sent == 1
    assert sorted(mail.state for mail in counter.rows(Mail)) == [FAILED, SENT]
    assert "SealError" in caplog.text


def test_an_idle_round_takes_no_lock(counter):
    counter.received()
    with counter.database.write():
        assert counter.mailer.deliver().sent == 0


# The outbox.


def test_the_outbox_keeps_a_file_a_mail_for_its_owner_alone(counter, tmp_path):
    outbox = OutboxTransport(tmp_path / "outbox")
    ticket, origin = counter.opened()
    counter.give(ticket.number, origin)
    mailer = Mailer(counter.office, outbox, "noreply@madoguchi.example")
    assert mailer.deliver().sent == 1
    (file,) = (tmp_path / "outbox").iterdir()
    assert file.suffix == ".eml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert EMAIL.encode() in file.read_bytes()
    written_at = counter.clock().fromtimestamp(file.stat().st_mtime, counter.clock().tzinfo)
    assert outbox.purge(written_at - timedelta(days=1)) == 0
    assert outbox.purge(written_at + timedelta(days=1)) == 1
    assert list((tmp_path / "outbox").iterdir()) == []


def test_an_outbox_that_cannot_be_written_is_tried_again(counter, tmp_path):
    (tmp_path / "outbox").write_text("a file, not a folder")
    ticket, origin = counter.opened()
    counter.give(ticket.number, origin)
    mailer = Mailer(counter.office, OutboxTransport(tmp_path / "outbox"), "noreply@madoguchi.example")
    assert mailer.deliver().postponed == 1
    assert [mail.state for mail in counter.rows(Mail)] == [QUEUED]
