"""The life of a ticket: its states, the moves between them and what each move asks for (issue 5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from . import law
from .actors import Actor
from .clocks import japan_day
from .errors import Entry, IllegalMoveError
from .tables import History, Ticket

AWAITING_CONTACT = "awaiting_contact"
AWAITING_VERIFICATION = "awaiting_contact_verification"
RECEIVED = "received"
NEEDS_ROUTING = "needs_routing"
AWAITING_DOCUMENTS = "awaiting_form_or_documents"
IDENTITY_CHECK = "identity_check"
IN_REVIEW = "in_review"
FULFILLED = "answered_fulfilled"
PARTLY = "answered_partly"
REFUSED = "answered_refused"
NO_DATA = "no_data_found"
CLOSED = "closed"
WITHDRAWN = "withdrawn"
DUPLICATE = "duplicate_of"
ON_HOLD = "on_hold"
EXPIRED = "expired_unverified"

UNVERIFIED = frozenset({AWAITING_CONTACT, AWAITING_VERIFICATION})
DECISIONS = frozenset({FULFILLED, PARTLY, REFUSED, NO_DATA})
OPEN = UNVERIFIED | {RECEIVED, NEEDS_ROUTING, AWAITING_DOCUMENTS, IDENTITY_CHECK, IN_REVIEW, ON_HOLD}
ENDED = frozenset({CLOSED, WITHDRAWN, DUPLICATE, EXPIRED})
REASONED = frozenset({PARTLY, REFUSED, NO_DATA})
_BY_A_PERSON = DECISIONS | {IDENTITY_CHECK, IN_REVIEW, CLOSED}
ASIDE = frozenset({WITHDRAWN, DUPLICATE, ON_HOLD})

MOVES: Mapping[str, frozenset[str]] = {
    AWAITING_CONTACT: frozenset({AWAITING_VERIFICATION, RECEIVED, NEEDS_ROUTING, EXPIRED}) | ASIDE,
    AWAITING_VERIFICATION: frozenset({RECEIVED, NEEDS_ROUTING, EXPIRED}) | ASIDE,
    # A company may check who asks before it wants a form (`jin-jidosha/rights`), or want none.
    RECEIVED: frozenset({NEEDS_ROUTING, AWAITING_DOCUMENTS, IDENTITY_CHECK}) | ASIDE,
    NEEDS_ROUTING: frozenset({AWAITING_DOCUMENTS, IDENTITY_CHECK}) | ASIDE,
    AWAITING_DOCUMENTS: frozenset({IDENTITY_CHECK}) | ASIDE,
    IDENTITY_CHECK: frozenset({AWAITING_DOCUMENTS, IN_REVIEW}) | ASIDE,
    IN_REVIEW: DECISIONS | ASIDE,
    FULFILLED: frozenset({CLOSED, IN_REVIEW}),
    PARTLY: frozenset({CLOSED, IN_REVIEW}),
    REFUSED: frozenset({CLOSED, IN_REVIEW}),
    NO_DATA: frozenset({CLOSED, IN_REVIEW}),
    CLOSED: frozenset({IN_REVIEW}),
    # Back to where they were, and nowhere else; from on hold also aside, or to expiry where the contact was never proven.
    ON_HOLD: frozenset({WITHDRAWN, DUPLICATE, EXPIRED}) | (OPEN - {ON_HOLD}),
    WITHDRAWN: OPEN - {ON_HOLD},
    DUPLICATE: OPEN - {ON_HOLD},
    EXPIRED: frozenset(),
}
"""Where a ticket may go from a state; `move` asks for more."""

STATES = tuple(MOVES)


@dataclass(frozen=True)
class Facts:
    """What a move is told.

    Attributes:
        reason: of a decision other than to fulfil (law.yml `reasons`), or of waiting (`holds`).
        notice_date: when the person was notified of it, in Japan.
        duplicate_of: the ticket that this one repeats.
        documents_at: when form or documents came in.
    """

    reason: str | None = None
    notice_date: date | None = None
    duplicate_of: Ticket | None = None
    documents_at: datetime | None = None


NO_FACTS = Facts()


@dataclass(frozen=True)
class Choice:
    """A move that somebody may make of a ticket as it is.

    Attributes:
        to: the state.
        wants: the facts that it is not made without, by their names in `Facts`.
        reasons: ids of the reasons that fit, for a decision (law.yml `reasons`) or for waiting (`holds`).
    """

    to: str
    wants: frozenset[str]
    reasons: tuple[str, ...]


def choices(ticket: Ticket, actor: Actor, now: datetime) -> tuple[Choice, ...]:
    """The moves that an actor may make of a ticket as it is, in the order of a ticket's life; facts apart, `move` takes each of them."""
    return tuple(_choice(ticket, to, now) for to in STATES if _barred(ticket, to, actor) is None)


def problem(ticket: Ticket, to: str, actor: Actor, now: datetime, facts: Facts = NO_FACTS) -> tuple[str, str] | None:
    """The code and the words of what is wrong with a move; None where nothing is."""
    return _barred(ticket, to, actor) or _missing_fact(ticket, to, now, facts)


def move(session: Session, ticket: Ticket, to: str, actor: Actor, now: datetime, facts: Facts = NO_FACTS) -> None:
    """Move a ticket whose row is locked, and keep the move in its history.

    Raises:
        IllegalMoveError: the table has no such move, the actor may not make it, or a fact is missing; the ticket is as before.
    """
    found = problem(ticket, to, actor, now, facts)
    if found is not None:
        code, message = found
        known = to if to in MOVES else "unknown"
        raise IllegalMoveError(
            code, message, Entry(actor, "illegal_move", ticket.number, {"from": ticket.state, "to": known, "code": code})
        )
    before, held_from = ticket.state, ticket.held_from
    kept: dict[str, Any] = {}
    if to in ASIDE:
        ticket.held_from = held_from if before == ON_HOLD else before
    else:
        ticket.held_from = None
    ticket.reason = kept["reason"] = facts.reason if to in REASONED | {ON_HOLD} else ticket.reason if to == CLOSED else None
    if to in DECISIONS:
        ticket.notice_date, ticket.answered_at = facts.notice_date, now
        kept["notice_date"] = facts.notice_date.isoformat() if facts.notice_date else None
    elif to in OPEN:
        ticket.notice_date = ticket.answered_at = None
    if to == DUPLICATE and facts.duplicate_of is not None:
        ticket.duplicate_of = facts.duplicate_of.id
        kept["duplicate_of"] = facts.duplicate_of.number
    elif before == DUPLICATE:
        ticket.duplicate_of = None
    if facts.documents_at is not None:
        ticket.documents_at = facts.documents_at
        kept["documents_at"] = facts.documents_at.isoformat()
    ticket.closed_at = now if to in ENDED else None
    ticket.state = to
    ticket.version += 1
    session.add(
        History(
            ticket_id=ticket.id, at=now, actor=actor.id, from_state=before, to_state=to,
            facts={name: fact for name, fact in kept.items() if fact is not None},
        )
    )  # fmt: skip


def _choice(ticket: Ticket, to: str, now: datetime) -> Choice:
    wants = {"reason"} if to == ON_HOLD else {"reason", "notice_date"} if to in REASONED else {"duplicate_of"} if to == DUPLICATE else set()
    if _wants_documents(ticket, to):
        wants.add("documents_at")
    return Choice(to, frozenset(wants), _fitting(ticket, to, now))


def _fitting(ticket: Ticket, to: str, now: datetime) -> tuple[str, ...]:
    return tuple(law.holds()) if to == ON_HOLD else tuple(reason.id for reason in law.reasons_for(ticket.type, to, japan_day(now)))


def _wants_documents(ticket: Ticket, to: str) -> bool:
    return ticket.state == AWAITING_DOCUMENTS and to == IDENTITY_CHECK and ticket.documents_at is None


def _barred(ticket: Ticket, to: str, actor: Actor) -> tuple[str, str] | None:
    """What is wrong with a move whatever its facts are."""
    if to not in MOVES.get(ticket.state, ()):
        return "no_such_move", f"a ticket does not go from {ticket.state} to {to if to in MOVES else 'a state that does not exist'}"
    if ticket.shredded_at is not None:
        return "shredded", "the personal fields of this ticket were destroyed; it stays as it is"
    return _wrong_place(ticket, to) or _wrong_actor(ticket, to, actor)


def _wrong_place(ticket: Ticket, to: str) -> tuple[str, str] | None:
    back = ticket.state in ASIDE and to not in ASIDE
    if back and to == EXPIRED:
        return None if ticket.held_from in UNVERIFIED else ("not_unverified", "only a ticket without a proven contact expires")
    if back and to != ticket.held_from:
        return "not_held_from", f"this ticket goes back to {ticket.held_from} and nowhere else"
    return None


def _wrong_actor(ticket: Ticket, to: str, actor: Actor) -> tuple[str, str] | None:
    is_of_company = actor.role in {"operator", "privacy_officer"} and ticket.company in actor.companies
    if ticket.state not in OPEN and to != CLOSED and not (is_of_company and actor.role == "privacy_officer"):
        return "officer_needed", "only a privacy officer of the company reopens a ticket"
    if to in _BY_A_PERSON and not is_of_company:
        return "person_needed", "from the identity check on, a person of the company moves the ticket"
    automatic = to == EXPIRED or (ticket.state in UNVERIFIED and to not in ASIDE)
    if automatic and not actor.is_system:
        return "system_only", "proving the contact and expiry happen by themselves"
    return None


def _missing_fact(ticket: Ticket, to: str, now: datetime, facts: Facts) -> tuple[str, str] | None:
    fitting = _fitting(ticket, to, now)
    if to == ON_HOLD and facts.reason not in fitting:
        return "reason_needed", f"give a reason for waiting: {', '.join(fitting)}"
    if to in REASONED:
        if facts.reason not in fitting:
            return "reason_needed", f"give a reason that fits this request: {', '.join(fitting)}"
        if facts.notice_date is None:
            return "notice_date_needed", "give the date on which the person was notified"
        if not japan_day(ticket.opened_at) <= facts.notice_date <= japan_day(now):
            return "notice_date_wrong", "the date of the notice lies between the ticket's opening and today, in Japan"
    if to == DUPLICATE:
        other = facts.duplicate_of
        if other is None or other.id == ticket.id or other.company != ticket.company or other.state == DUPLICATE:
            return "duplicate_needed", "name another ticket of the same company that is no duplicate itself"
    if facts.documents_at is not None and facts.documents_at > now:
        return "documents_in_future", "form and documents cannot come in later than now"
    if _wants_documents(ticket, to) and facts.documents_at is None:
        return "documents_needed", "say when form and documents came in"
    return None
