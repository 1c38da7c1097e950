"""What a mail says, and the two ways it goes: over SMTP, or into a folder of .eml files."""

from __future__ import annotations

import os
import smtplib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Protocol

from madoguchi import Language
from madoguchi.answers.phrases import Phrases

from . import law
from .contacts import split_address
from .errors import RequestError
from .wording import phrase

mail_phrase = Phrases(Path(__file__).with_name("mails.yml"))

_SECONDS = 30
_PERMANENT = 500


class TransportError(RequestError):
    """A mail did not go; says what kind of failure it was and nothing of whom it was for.

    Attributes:
        problem: the failure's kind, such as `SMTPDataError 554`.
        is_permanent: whether trying again is of no use.
    """

    def __init__(self, problem: str, is_permanent: bool) -> None:
        self.problem = problem
        self.is_permanent = is_permanent
        super().__init__("mail_not_sent", f"a mail was not sent ({problem}); check the settings of the mail server")


class Transport(Protocol):
    """A way for mails to go."""

    def send(self, mail_id: str, message: EmailMessage) -> None:
        """Send one mail to its one recipient.

        Raises:
            TransportError: it did not go.
        """


@dataclass(frozen=True, repr=False)
class SmtpTransport:
    """Over a mail server; a connection for each mail."""

    host: str
    port: int = 25
    user: str | None = None
    password: str | None = None
    starttls: bool = False

    def send(self, mail_id: str, message: EmailMessage) -> None:
        sender, recipient = (_specified(message[name].addresses[0].addr_spec) for name in ("From", "To"))
        try:
            with smtplib.SMTP(self.host, self.port, timeout=_SECONDS) as server:
                if self.starttls:
                    server.starttls()
                if self.user is not None:
                    server.login(self.user, self.password or "")
                server.send_message(message, sender, [recipient])
        # The errors' own words hold the recipient's address: they go no further, not as a cause either.
        except smtplib.SMTPRecipientsRefused as error:
            code = min(code for code, _ in error.recipients.values())
            raise TransportError(f"SMTPRecipientsRefused {code}", code >= _PERMANENT) from None
        except (smtplib.SMTPAuthenticationError, smtplib.SMTPConnectError, smtplib.SMTPHeloError) as error:
            raise TransportError(f"{type(error).__name__} {error.smtp_code}", is_permanent=False) from None
        except smtplib.SMTPResponseException as error:
            raise TransportError(f"{type(error).__name__} {error.smtp_code}", error.smtp_code >= _PERMANENT) from None
        except (smtplib.SMTPException, OSError) as error:
            raise TransportError(type(error).__name__, is_permanent=False) from None


@dataclass(frozen=True)
class OutboxTransport:
    """Into a folder, one file a mail, which only its owner reads; the same mail again replaces its file."""

    folder: Path

    def send(self, mail_id: str, message: EmailMessage) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            made = self.folder / f".{mail_id}"
            descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(message.as_bytes())
            made.replace(self.folder / f"{mail_id}.eml")
        except OSError as error:
            raise TransportError(type(error).__name__, is_permanent=False) from None

    def purge(self, before: datetime) -> int:
        """Delete mails written before a time, which hold addresses; returns how many."""
        old = [file for file in self.folder.glob("*.eml") if file.stat().st_mtime < before.timestamp()]
        for file in old:
            file.unlink(missing_ok=True)
        return len(old)


@dataclass(frozen=True, repr=False)
class Letter:
    """All that a mail is written from; never printed, because of the address."""

    mail_id: str
    kind: str
    lang: Language
    to: str
    number: str
    company: str
    request_type: str
    operator: str
    created_at: datetime
    facts: Mapping[str, Any]
    code: str = ""
    minutes: int = 0


@dataclass(frozen=True)
class Words:
    """What the person reads of a mail."""

    lang: Language
    subject: str
    body: str


def worded(letter: Letter) -> Words:
    """The words of a mail; they do not depend on whom it is for."""
    lang = letter.lang
    values = {
        "operator": letter.operator, "company": letter.company, "number": letter.number, "code": letter.code, "minutes": letter.minutes,
        "type": phrase(f"type_{letter.request_type}", lang), "outcome": _outcome(letter),
    }  # fmt: skip
    body = mail_phrase(f"{letter.kind}_body", lang, **values) + mail_phrase("signature", lang, **values)
    return Words(lang, mail_phrase(f"{letter.kind}_subject", lang, **values), body)


def written(letter: Letter, sender: str) -> EmailMessage:
    """The mail; the same letter gives the same Message-ID, by which a mail server or reader can tell that it came twice.

    Args:
        letter: see there.
        sender: the address mails come from.
    """
    words = worded(letter)
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = _specified(letter.to)
    message["Subject"] = words.subject
    message["Date"] = format_datetime(letter.created_at)
    message["Message-ID"] = f"<{letter.mail_id}@{split_address(sender)[1]}>"
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = words.lang
    message.set_content(words.body, charset="utf-8")
    return message


def _specified(email: str) -> str:
    """A mail address as standards write it: what an old carrier address has before its @ needs quotes (the library reads them away)."""
    local, domain = split_address(email)
    return f'"{local}"@{domain}' if ".." in local or local.startswith(".") or local.endswith(".") else email


def _outcome(letter: Letter) -> str:
    if letter.kind != "decision":
        return ""
    outcome = phrase(f"state_{letter.facts['state']}", letter.lang)
    if not letter.facts.get("reason"):
        return outcome
    reason = law.reason(letter.facts["reason"])
    return mail_phrase("decision_reason", letter.lang, outcome=outcome, reason=reason.says[letter.lang], article=reason.article)
