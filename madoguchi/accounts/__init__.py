"""Accounts of staff: who they are, how they sign in, what a session is (issue 6)."""

from .errors import AccountError, WaitError
from .register import ROLES, ROLES_WITH_COMPANIES, AccountView, Register
from .service import Accounts, AccountSettings, Client, Identity, Own, has_accounts
from .sessions import HalfSignedIn, Opened, SessionView, SignedIn, browser_of

__all__ = [
    "ROLES",
    "ROLES_WITH_COMPANIES",
    "AccountError",
    "AccountSettings",
    "AccountView",
    "Accounts",
    "Client",
    "HalfSignedIn",
    "Identity",
    "Opened",
    "Own",
    "Register",
    "SessionView",
    "SignedIn",
    "WaitError",
    "browser_of",
    "has_accounts",
]
