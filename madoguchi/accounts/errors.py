"""What can be wrong with an account or a sign-in. No message holds a name, a password or a code."""

from __future__ import annotations

from madoguchi import MadoguchiError


class AccountError(MadoguchiError):
    """Something that is not done; `code` says which, by which pages choose their sentence."""

    def __init__(self, code: str, message: str = "") -> None:
        self.code = code
        super().__init__(message or code)


class WaitError(AccountError):
    """Too many tries; nobody is let try for a while.

    Attributes:
        seconds: until the next one.
        is_first: whether this is the first one since the wait began.
    """

    def __init__(self, seconds: int, is_first: bool) -> None:
        self.seconds = seconds
        self.is_first = is_first
        super().__init__("wait", f"too many tries; wait {seconds} s")
