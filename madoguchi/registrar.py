"""Accounts of staff from the command line; whoever may run it may do what an administrator may."""

from __future__ import annotations

import getpass
from collections.abc import Iterator

from madoguchi.accounts import Register
from madoguchi.office import office_of
from madoguchi.requests import Actor
from madoguchi.settings import Settings

_WIDTHS = (24, 16, 34, 12, 0)


def _register() -> Register:
    office = office_of(Settings.load())
    office.database.migrate()
    return Register(office)


def _actor() -> Actor:
    return Actor(f"shell:{getpass.getuser()}"[:64], "admin")


def listed() -> Iterator[str]:
    """A line an account: name, role, companies, state, last sign-in."""
    for view in _register().all(_actor()):
        state = "deactivated" if not view.is_active else "start" if view.start_until else "active"
        last = f"{view.signed_in_at:%Y-%m-%d}" if view.signed_in_at else "never"
        cells = (view.name, view.role, ",".join(view.companies) or "-", state, last)
        yield "  ".join(cell.ljust(width) for cell, width in zip(cells, _WIDTHS)).rstrip()


def first_admin(name: str) -> str:
    """Make the first administrator; returns what to tell them.

    Raises:
        AccountError: there is one already, or the name cannot be used.
    """
    return _handed_out(_register().first_admin(_actor(), name))


def reset_password(name: str) -> str:
    """Give an account a new start password; returns what to tell them.

    Raises:
        AccountError: there is no such account, or it has no password.
    """
    register, actor = _register(), _actor()
    return _handed_out(register.reset_password(actor, register.find(actor, name).id))


def reset_second_factor(name: str) -> str:
    """Take the second factor away from an account.

    Raises:
        AccountError: there is no such account.
    """
    register, actor = _register(), _actor()
    register.reset_second_factor(actor, register.find(actor, name).id)
    return "the second factor and the recovery codes are gone, and all sessions have ended"


def end_sessions(name: str) -> str:
    """End all sessions of an account.

    Raises:
        AccountError: there is no such account.
    """
    register, actor = _register(), _actor()
    return f"ended {register.end_sessions(actor, register.find(actor, name).id)} session(s)"


def _handed_out(password: str) -> str:
    at = Settings.load().console_url
    return f"start password, shown this once: {password}\nsign in at {at} within 7 days; it has to be changed there"
