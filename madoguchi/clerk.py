"""Work on tickets from the command line, for staff without the console; whoever may run it may do what a privacy officer may."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator
from datetime import date
from typing import Any

from madoguchi.office import office_of
from madoguchi.requests import Actor, Filters, Head, Office, RequestError, Role, Staff
from madoguchi.requests.clocks import japan_midnight
from madoguchi.settings import Settings

_WIDTHS = (20, 12, 20, 30, 12)


class AuditProblemError(RequestError):
    """The audit log was tampered with."""


def _office() -> Office:
    office = office_of(Settings.load())
    office.database.migrate()
    return office


def _actor(office: Office, role: Role = "privacy_officer") -> Actor:
    return Actor(f"shell:{getpass.getuser()}", role, frozenset(office.companies))


def listed(filters: Filters) -> Iterator[str]:
    """A line a ticket: number, company, type, state, opened."""
    office = _office()
    for view in Staff(office).list(_actor(office), filters):
        cells = (view.number, view.company, view.type, view.state, f"{view.opened_at:%Y-%m-%d}")
        yield "  ".join(cell.ljust(width) for cell, width in zip(cells, _WIDTHS)).rstrip()


def shown(number: str) -> str:
    """A ticket with its history, as JSON, without its personal fields.

    Raises:
        UnknownTicketError: there is none of that number.
    """
    office = _office()
    view, history = Staff(office).show(number, _actor(office))
    return _json({"ticket": vars(view), "history": [vars(moved) for moved in history]})


def moved(number: str, to: str, reason: str | None, notice_date: date | None, documents: date | None) -> str:
    """Move a ticket; returns its new state.

    Raises:
        IllegalMoveError, UnknownTicketError: the message says what is missing.
    """
    office = _office()
    documents_at = japan_midnight(documents) if documents else None
    return Staff(office).move(number, to, _actor(office), reason=reason, notice_date=notice_date, documents_at=documents_at).state


def noted(number: str, text: str) -> None:
    """Add a sealed note to a ticket.

    Raises:
        UnknownTicketError: there is none of that number.
    """
    office = _office()
    Staff(office).note(number, text, _actor(office))


def exported(number: str) -> str:
    """Everything held on a ticket as JSON, its personal fields opened; the audit log records it.

    Raises:
        UnknownTicketError: there is none of that number.
    """
    office = _office()
    return _json(Staff(office).export(number, _actor(office)))


def rotated() -> str:
    """Seal every personal field anew with a new key, audited; returns what was done."""
    office = _office()
    done = Staff(office).rotate_keys(_actor(office, "admin"))
    return f"sealed {done.resealed} field(s) anew; dropped {len(done.dropped)} old key(s)"


def head() -> str:
    """The end of the audit log, to be kept elsewhere: against it `verified` finds a cut tail."""
    return str(_office().audit.head())


def verified(exported_head: str | None) -> str:
    """Check the audit log; returns how many entries there are.

    Args:
        exported_head: as `head` printed it earlier.

    Raises:
        AuditProblemError: what is wrong, by entry.
    """
    kept = Head.parse(exported_head) if exported_head else None
    if exported_head and kept is None:
        raise AuditProblemError("bad_head", "the exported head is of the form NUMBER:HMAC, as `madoguchi audit head` prints it")
    verdict = _office().audit.verify(kept)
    if not verdict.is_sound:
        raise AuditProblemError("audit", "the audit log is not sound:\n" + "\n".join(verdict.problems))
    return f"{verdict.entries} entries, sound"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=lambda other: getattr(other, "__dict__", None) or str(other)) + "\n"
