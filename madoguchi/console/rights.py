"""Which roles may use which part of the console. Over what they may do with a ticket, `madoguchi.requests.actors` decides besides."""

from __future__ import annotations

from collections.abc import Mapping

from madoguchi.requests import Role

_ALL: frozenset[Role] = frozenset({"operator", "privacy_officer", "auditor", "admin"})
_STAFF: frozenset[Role] = frozenset({"operator", "privacy_officer"})

RIGHTS: Mapping[str, frozenset[Role]] = {
    "own": _ALL,
    "lookup": _ALL,
    "chats": _STAFF,
    "requests": _STAFF,
    "reports": _ALL,
    "review": frozenset({"operator", "privacy_officer", "admin"}),
    "audit": frozenset({"auditor"}),
    "people": frozenset({"admin"}),
}
"""By part of the console, the roles that may use it; `own` is one's own account."""
