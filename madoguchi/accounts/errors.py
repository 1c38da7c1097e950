"""What can be wrong with an account or a sign-in."""

from __future__ import annotations

from madoguchi import MadoguchiError


class AccountError(MadoguchiError):
    """Something that is not done; `code` says which, by which pages choose their sentence."""

    def __init__(self, code: str, message: str = "") -> None:
        self.code = code
        super().__init__(message or code)
