"""Mails of tickets over a real SMTP server on the loopback address."""

import logging
import socket
import threading
from email import message_from_bytes
from email.policy import SMTP

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from madoguchi.requests import Mailer, SmtpTransport
from madoguchi.requests.mail import TransportError
from madoguchi.requests.tables import Mail

from ..conftest import free_port
from ..unit.requests_counter import EMAIL, Post, new_counter


class Inbox:
    """Keeps what comes in, or answers as told."""

    def __init__(self):
        self.envelopes = []
        self.answers = {}

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802 - aiosmtpd's name
        if answer := self.answers.get("RCPT"):
            return f"{answer} <{address}> refused"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 - aiosmtpd's name
        if answer := self.answers.get("DATA"):
            return f"{answer} not now for {envelope.rcpt_tos[0]}"
        self.envelopes.append(envelope)
        return "250 OK"


@pytest.fixture
def inbox():
    handler = Inbox()
    controller = Controller(handler, hostname="127.0.0.1", port=free_port())
    controller.start()
    handler.port = controller.port
    yield handler
    controller.stop()


@pytest.fixture
def counter(tmp_path):
    return new_counter(tmp_path)


def mailer(counter, port, **how):
    return Mailer(counter.office, SmtpTransport("127.0.0.1", port, **how), "noreply@madoguchi.example")


def test_a_ticket_from_its_code_to_its_mail(counter, inbox):
    ticket, origin = counter.opened(lang="ja")
    counter.give(ticket.number, origin)
    assert mailer(counter, inbox.port).deliver().sent == 1
    (envelope,) = inbox.envelopes
    assert envelope.rcpt_tos == [EMAIL]
    assert envelope.mail_from == "noreply@madoguchi.example"
    post = Post()
    post.messages.append(message_from_bytes(envelope.content, policy=SMTP))
    assert post.messages[0]["Subject"] == "【確認コード】ご連絡先の確認のお願い"
    assert counter.requests.verify_contact(ticket.number, post.code()).state == "received"
    assert mailer(counter, inbox.port).deliver().sent == 1
    assert mailer(counter, inbox.port).deliver().sent == 0
    assert len(inbox.envelopes) == 2


def test_an_old_carrier_address_reaches_its_mailbox(counter, inbox):
    ticket, origin = counter.opened()
    counter.give(ticket.number, origin, email="ha..nako.@docomo.ne.jp")
    assert mailer(counter, inbox.port).deliver().sent == 1
    assert inbox.envelopes[0].rcpt_tos == ["ha..nako.@docomo.ne.jp"]
    assert b'To: "ha..nako."@docomo.ne.jp' in inbox.envelopes[0].content


@pytest.mark.parametrize(
    ("where", "answer", "state", "problem"),
    [
        ("RCPT", "550", "failed", "SMTPRecipientsRefused 550"),
        ("RCPT", "451", "queued", "SMTPRecipientsRefused 451"),
        ("DATA", "554", "failed", "SMTPDataError 554"),
        ("DATA", "452", "queued", "SMTPDataError 452"),
    ],
)
def test_what_the_server_refuses(counter, inbox, caplog, where, answer, state, problem):
    caplog.set_level(logging.DEBUG, logger="madoguchi")
    ticket, origin = counter.opened()
    counter.give(ticket.number, origin)
    inbox.answers[where] = answer
    mailer(counter, inbox.port).deliver()
    (mail,) = counter.rows(Mail)
    assert (mail.state, mail.problem) == (state, problem)
    ours = [record for record in caplog.records if record.name.startswith("madoguchi")]
    assert ours
    assert all(EMAIL not in record.getMessage() + str(vars(record)) for record in ours)
    inbox.answers.clear()
    counter.later(minutes=2)
    assert mailer(counter, inbox.port).deliver().sent == (1 if state == "queued" else 0)


def test_an_error_carries_no_address_in_its_chain(counter, inbox):
    counter.received()
    inbox.answers["RCPT"] = "550"
    message = counter.post.messages[0]
    with pytest.raises(TransportError) as caught:
        SmtpTransport("127.0.0.1", inbox.port).send("x", message)
    error = caught.value
    assert EMAIL not in str(error)
    assert error.__cause__ is None
    assert error.__suppress_context__


def test_no_server_is_tried_again(counter):
    ticket, origin = counter.opened()
    counter.give(ticket.number, origin)
    assert mailer(counter, free_port()).deliver().postponed == 1
    assert counter.rows(Mail)[0].problem == "ConnectionRefusedError"


def test_a_server_that_hangs_up_is_tried_again(counter):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()

        def hang_up():
            server.accept()[0].close()

        threading.Thread(target=hang_up, daemon=True).start()
        ticket, origin = counter.opened()
        counter.give(ticket.number, origin)
        assert mailer(counter, server.getsockname()[1]).deliver().postponed == 1
    assert counter.rows(Mail)[0].problem in {"SMTPServerDisconnected", "ConnectionResetError"}


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_user_and_password(counter):
    handler, known = Inbox(), (b"madoguchi", b"right")
    controller = Controller(
        handler, hostname="127.0.0.1", port=free_port(), auth_require_tls=False, auth_required=True,
        authenticator=lambda _s, _e, _n, _m, data: AuthResult(success=(data.login, data.password) == known, handled=False),
    )  # fmt: skip
    controller.start()
    try:
        ticket, origin = counter.opened()
        counter.give(ticket.number, origin)
        assert mailer(counter, controller.port, user="madoguchi", password="wrong").deliver().postponed == 1
        assert counter.rows(Mail)[0].problem == "SMTPAuthenticationError 535"
        counter.later(minutes=1)
        assert mailer(counter, controller.port, user="madoguchi", password="right").deliver().sent == 1
    finally:
        controller.stop()
    assert len(handler.envelopes) == 1
    assert "right" not in repr(SmtpTransport("h", 25, "u", "right"))
