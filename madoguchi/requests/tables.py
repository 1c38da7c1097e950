"""The tables of data subject requests (issue 5). Personal data stands in `SealedField` alone, sealed; everything else may be read."""

from __future__ import annotations

import sqlalchemy as sa

from madoguchi.store import Base, Json, UtcDateTime

QUEUED, SENDING, SENT, FAILED, DROPPED = "queued", "sending", "sent", "failed", "dropped"


class Ticket(Base):
    """One request of one person to one company.

    Attributes:
        number: what the customer knows the ticket by.
        about: what it concerns, in the customer's words, masked.
        ground: for deletion and cease of use, what the customer bases it on, as far as they said.
        held_from: the state that a ticket on hold, withdrawn or marked as a duplicate was in before.
        duplicate_of: an earlier ticket of probably the same person; a link alone, until staff move the ticket to that state.
        origin, instance: Rasa's sender and the form's run in it; together they make the opening idempotent. Gone when shredded.
        link_hash, link_until: of the one-time link to the contact form.
        notice_version, notice_text: the purpose notice as it was seen before the first personal field (Act, art. 21(2)).
        arrived_at: when the contact was complete, or as staff put it right when the formal request arrived.
        shredded_at: when the personal fields were destroyed.
        version: raised by every change.
    """

    __tablename__ = "ticket"
    __table_args__ = (
        sa.UniqueConstraint("origin", "instance", name="uq_ticket_origin_instance"),
        sa.Index("ix_ticket_company_opened_at", "company", "opened_at"),
        sa.Index("ix_ticket_company_state_opened_at", "company", "state", "opened_at"),
        sa.Index("ix_ticket_state_opened_at", "state", "opened_at"),
    )

    id = sa.Column(sa.String(32), primary_key=True)
    number = sa.Column(sa.String(18), nullable=False, unique=True)
    company = sa.Column(sa.String(40), nullable=False)
    type = sa.Column(sa.String(24), nullable=False)
    relation = sa.Column(sa.String(24), nullable=False)
    channel = sa.Column(sa.String(8), nullable=False)
    about = sa.Column(sa.Text)
    ground = sa.Column(sa.String(24))
    lang = sa.Column(sa.String(2), nullable=False)
    state = sa.Column(sa.String(32), nullable=False)
    held_from = sa.Column(sa.String(32))
    reason = sa.Column(sa.String(40))
    notice_date = sa.Column(sa.Date)
    duplicate_of = sa.Column(sa.String(32), sa.ForeignKey("ticket.id"))
    assignee = sa.Column(sa.String(64))
    origin = sa.Column(sa.String(64))
    instance = sa.Column(sa.String(64))
    contact_verified = sa.Column(sa.Boolean, nullable=False, default=False)
    link_hash = sa.Column(sa.String(64), unique=True)
    link_until = sa.Column(UtcDateTime)
    notice_version = sa.Column(sa.String(32))
    notice_text = sa.Column(sa.Text)
    opened_at = sa.Column(UtcDateTime, nullable=False)
    arrived_at = sa.Column(UtcDateTime)
    documents_at = sa.Column(UtcDateTime)
    answered_at = sa.Column(UtcDateTime)
    closed_at = sa.Column(UtcDateTime)
    shredded_at = sa.Column(UtcDateTime)
    version = sa.Column(sa.Integer, nullable=False, default=1)


class SealedField(Base):
    """A personal value, readable with the key ring alone and in this row alone.

    Attributes:
        name: `name`, `email`, `phone`, `address`, `represented_name`, `note`; `code_contact`, `code_status` until that mail is sent.
        position: counts notes and codes; 0 for the others.
    """

    __tablename__ = "sealed_field"
    __table_args__ = (sa.Index("ix_sealed_field_key_id", "key_id"),)

    ticket_id = sa.Column(sa.String(32), sa.ForeignKey("ticket.id", ondelete="CASCADE"), primary_key=True)
    name = sa.Column(sa.String(24), primary_key=True)
    position = sa.Column(sa.Integer, primary_key=True, autoincrement=False)
    key_id = sa.Column(sa.String(16), nullable=False)
    nonce = sa.Column(sa.LargeBinary, nullable=False)
    ciphertext = sa.Column(sa.LargeBinary, nullable=False)

    @property
    def place(self) -> str:
        """Where the value stands; it opens nowhere else."""
        return f"sealed_field|{self.name}|{self.ticket_id}/{self.position}"


class SealedSecret(Base):
    """A secret that belongs to no ticket, such as the second factor of an account; sealed like personal fields, and rotated with them.

    Attributes:
        owner: the id of what it belongs to; rows of owners that are gone are deleted by whoever deletes the owner.
    """

    __tablename__ = "sealed_secret"
    __table_args__ = (sa.Index("ix_sealed_secret_key_id", "key_id"),)

    owner = sa.Column(sa.String(64), primary_key=True)
    name = sa.Column(sa.String(24), primary_key=True)
    key_id = sa.Column(sa.String(16), nullable=False)
    nonce = sa.Column(sa.LargeBinary, nullable=False)
    ciphertext = sa.Column(sa.LargeBinary, nullable=False)

    @property
    def place(self) -> str:
        """Where the value stands; it opens nowhere else."""
        return f"sealed_secret|{self.name}|{self.owner}"


class BlindIndex(Base):
    """What a ticket can be found by although its fields are sealed: keyed hashes, different for each company."""

    __tablename__ = "blind_index"
    __table_args__ = (sa.Index("ix_blind_index_company_kind_hash", "company", "kind", "hash"),)

    ticket_id = sa.Column(sa.String(32), sa.ForeignKey("ticket.id", ondelete="CASCADE"), primary_key=True)
    kind = sa.Column(sa.String(24), primary_key=True)
    company = sa.Column(sa.String(40), nullable=False)
    hash = sa.Column(sa.String(64), nullable=False)


class Code(Base):
    """The code that is good for a number at present, if any, and how often one was tried and sent.

    Kept by number, not by ticket: trying a number that no ticket has writes the same row, so that nobody can tell the two apart.

    Attributes:
        purpose: `contact` proves the mailbox when the contact is given, `status` shows the ticket's state.
        issued: how many codes there have been; numbers the mails.
        sends, sends_since: codes within the present day.
    """

    __tablename__ = "ticket_code"

    number = sa.Column(sa.String(18), primary_key=True)
    purpose = sa.Column(sa.String(8), primary_key=True)
    hash = sa.Column(sa.String(64))
    expires_at = sa.Column(UtcDateTime)
    tries = sa.Column(sa.Integer, nullable=False, default=0)
    issued = sa.Column(sa.Integer, nullable=False, default=0)
    sends = sa.Column(sa.Integer, nullable=False, default=0)
    sends_since = sa.Column(UtcDateTime)
    active_at = sa.Column(UtcDateTime, nullable=False, index=True)


class CodeWish(Base):
    """Somebody asked for a status code; whether there is such a ticket is looked up later, so that asking takes the same time."""

    __tablename__ = "code_wish"

    id = sa.Column(sa.Integer, primary_key=True)
    number = sa.Column(sa.String(18), nullable=False)
    at = sa.Column(UtcDateTime, nullable=False)


class History(Base):
    """A move of a ticket; `facts` holds codes, dates and numbers of tickets, nothing personal."""

    __tablename__ = "ticket_history"

    id = sa.Column(sa.Integer, primary_key=True)
    ticket_id = sa.Column(sa.String(32), sa.ForeignKey("ticket.id"), nullable=False, index=True)
    at = sa.Column(UtcDateTime, nullable=False)
    actor = sa.Column(sa.String(64), nullable=False)
    from_state = sa.Column(sa.String(32))
    to_state = sa.Column(sa.String(32), nullable=False)
    facts = sa.Column(Json, nullable=False)


class Audit(Base):
    """One act in the chain of acts; `detail` is canonical JSON as text, because the bytes are what the HMAC covers."""

    __tablename__ = "audit"

    seq = sa.Column(sa.Integer, primary_key=True, autoincrement=False)
    at = sa.Column(UtcDateTime, nullable=False)
    actor = sa.Column(sa.String(64), nullable=False)
    role = sa.Column(sa.String(16), nullable=False)
    action = sa.Column(sa.String(32), nullable=False)
    number = sa.Column(sa.String(18), index=True)
    detail = sa.Column(sa.Text, nullable=False)
    prev = sa.Column(sa.String(64), nullable=False)
    hmac = sa.Column(sa.String(64), nullable=False)


class Mail(Base):
    """A mail to be sent once. Who it goes to stands in the ticket's sealed field and is read when it is sent.

    Attributes:
        key: what the mail is about; a second mail about the same is not kept.
        recipient: keyed hash of the address it was meant for; where the address has changed since, the mail is dropped.
        facts: codes that the wording needs.
        lease_until: while a process is sending it.
        problem: the kind of the last failure, never its text, which could hold an address.
    """

    __tablename__ = "mail"
    __table_args__ = (
        sa.Index("ix_mail_state_next_try_at", "state", "next_try_at"),
        sa.Index("ix_mail_recipient_created_at", "recipient", "created_at"),
    )

    id = sa.Column(sa.String(32), primary_key=True)
    key = sa.Column(sa.String(80), nullable=False, unique=True)
    ticket_id = sa.Column(sa.String(32), sa.ForeignKey("ticket.id", ondelete="CASCADE"), nullable=False, index=True)
    kind = sa.Column(sa.String(24), nullable=False)
    lang = sa.Column(sa.String(2), nullable=False)
    facts = sa.Column(Json, nullable=False)
    recipient = sa.Column(sa.String(64), nullable=False)
    state = sa.Column(sa.String(8), nullable=False)
    tries = sa.Column(sa.Integer, nullable=False, default=0)
    next_try_at = sa.Column(UtcDateTime, nullable=False)
    expires_at = sa.Column(UtcDateTime)
    lease_until = sa.Column(UtcDateTime)
    problem = sa.Column(sa.String(64))
    created_at = sa.Column(UtcDateTime, nullable=False)
    sent_at = sa.Column(UtcDateTime)
