"""Who acts on tickets, and what each role may do (issue 5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from .errors import ForbiddenError

Role = Literal["operator", "privacy_officer", "auditor", "admin", "system"]

_STAFF: frozenset[Role] = frozenset({"operator", "privacy_officer"})
_OFFICER: frozenset[Role] = frozenset({"privacy_officer"})
RIGHTS: Mapping[str, frozenset[Role]] = {
    "list": _STAFF,
    "show": _STAFF,
    "move": _STAFF,
    "note": _STAFF,
    "assign": _STAFF,
    "date": _STAFF,
    "reveal": _OFFICER,
    "find": _OFFICER,
    "export": _OFFICER,
    "csv": _OFFICER,
    "erase": _OFFICER,
    "rotate": frozenset({"admin"}),
    "audit": frozenset({"auditor"}),
}
"""The roles that may do a thing. An operator works tickets without their personal data; the system may do all that it does itself."""


@dataclass(frozen=True)
class Actor:
    """Whoever does something.

    Attributes:
        id: as the audit log names them; for people their account, never their mail address.
        companies: whose tickets they may touch; of no account for the system.
    """

    id: str
    role: Role
    companies: frozenset[str] = frozenset()

    @property
    def is_system(self) -> bool:
        """Whether this is the product itself."""
        return self.role == "system"

    def require(self, action: str, company: str | None = None, number: str | None = None) -> None:
        """Check a right, and that a ticket is of an own company: another's would be a provision to a third party (Act, art. 27).

        Raises:
            ForbiddenError: the role or the company does not fit.
        """
        if self.is_system:
            return
        if self.role not in RIGHTS[action] or (company is not None and company not in self.companies):
            raise ForbiddenError(self, action, number)


SYSTEM = Actor("system", "system")
CUSTOMER = Actor("customer", "system")
"""The customer, as far as the product acts for them; the audit log tells the two apart by the id."""
