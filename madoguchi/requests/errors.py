"""Why something about a ticket is refused. No message holds personal data or what was sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from madoguchi import MadoguchiError

if TYPE_CHECKING:
    from .actors import Actor


class RequestError(MadoguchiError):
    """A refusal; `code` is stable, and what a page or a reply words."""

    def __init__(self, code: str, message: str | None = None) -> None:
        self.code = code
        super().__init__(message or code)


class RefusedError(RequestError):
    """A ticket's number, a code or a link does not hold; which of them, and whether there is such a ticket, is not told."""

    def __init__(self) -> None:
        super().__init__("refused", "the number and the code do not belong together, or the code is no longer good; ask for a new code")


class ContactError(RequestError):
    """Contact details cannot be used.

    Attributes:
        problems: by field `missing`, `too_long`, `invalid` or `not_asked`.
    """

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__("contact_invalid", "; ".join(f"{name}: {problem}" for name, problem in problems.items()))


class UnknownTicketError(RequestError):
    """Staff named a ticket that does not exist."""

    def __init__(self) -> None:
        super().__init__("unknown_ticket", "there is no ticket of that number; check it against the list")


class ConflictError(RequestError):
    """A ticket was changed since it was shown."""

    def __init__(self) -> None:
        super().__init__("conflict", "somebody else changed this ticket meanwhile; look at it again")


@dataclass(frozen=True)
class Entry:
    """What the audit log is to hold of one act.

    Attributes:
        number: of the ticket; None where the act concerns several.
        detail: names and codes, never personal data.
    """

    actor: Actor
    action: str
    number: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


class AuditedError(RequestError):
    """A refusal that the audit log keeps, although the transaction it came up in is rolled back."""

    def __init__(self, code: str, message: str, entry: Entry) -> None:
        self.entry = entry
        super().__init__(code, message)


class ForbiddenError(AuditedError):
    """An actor has no right to this act, or none over tickets of that company."""

    def __init__(self, actor: Actor, action: str, number: str | None = None) -> None:
        entry = Entry(actor, "forbidden", number, {"wanted": action})
        super().__init__("forbidden", f"{actor.role} may not do that here ({action}); somebody of that company with the right may", entry)


class IllegalMoveError(AuditedError):
    """A ticket may not go from its state to that one, or a fact is missing; `code` says which."""

    def __init__(self, code: str, message: str, entry: Entry) -> None:
        super().__init__(code, message, entry)
