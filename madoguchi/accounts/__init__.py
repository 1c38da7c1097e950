"""Accounts of staff: who they are, how they sign in, what a session is (issue 6)."""

from .errors import AccountError
from .service import Accounts, SignedIn

__all__ = ["AccountError", "Accounts", "SignedIn"]
