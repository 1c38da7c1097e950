"""Whose conversations somebody may know of."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa


@dataclass(frozen=True)
class Scope:
    """Of which companies, and whether customers' words may be read.

    Attributes:
        companies: by id; None for every company. What belongs to no company is in it unless `is_narrow`.
        has_words: whether what customers typed, masked, may be read.
        is_narrow: whether what belongs to no company is left out.
    """

    companies: frozenset[str] | None
    has_words: bool
    is_narrow: bool = False

    def only(self, company: str) -> Scope:
        """One company of it alone; nothing where it is none of it."""
        within = self.companies is None or company in self.companies
        return Scope(frozenset({company} if within else ()), self.has_words, is_narrow=True)

    def holds(self, company: str | None) -> bool:
        """Whether something of a company, or of none, is in it."""
        if company is None:
            return not self.is_narrow
        return self.companies is None or company in self.companies

    def where(self, column: Any) -> Any:
        """The same as a condition on a column that holds a company or NULL."""
        if self.companies is None:
            return sa.true()
        own = column.in_(sorted(self.companies))
        return own if self.is_narrow else sa.or_(own, column.is_(None))

    def listed(self, companies: Collection[str]) -> list[str]:
        """Those companies that are in it, in their order."""
        return [company for company in companies if self.holds(company)]
