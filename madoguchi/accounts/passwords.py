"""Passwords: how they are kept, which ones are taken, and those that an administrator hands out."""

from __future__ import annotations

import secrets
import threading
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from .errors import AccountError

SHORTEST, LONGEST = 12, 200
_FEWEST_DIFFERENT = 6
_START_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # without those that look like others when somebody reads them aloud or copies them

_hasher = PasswordHasher()
_turn = threading.BoundedSemaphore(4)
"""Each hash takes 64 MiB for a moment: as many at once as a machine bears, whoever asks."""


def hashed(password: str) -> str:
    """A password as it is kept."""
    with _turn:
        return _hasher.hash(_normal(password))


@cache
def _nobody() -> str:
    return hashed(secrets.token_hex())


def matches(kept: str | None, password: str) -> bool:
    """Whether it is the password. Takes equally long where there is none, so that nobody learns which names there are."""
    nobody = _nobody()  # made before the measured part, whoever asks first
    try:
        with _turn:
            _hasher.verify(kept or nobody, _normal(password[: LONGEST + 1]))
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None


def is_outdated(kept: str) -> bool:
    """Whether a hash was made with other parameters than today's, so that it is made anew at the next sign-in."""
    return _hasher.check_needs_rehash(kept)


def check(password: str, name: str) -> None:
    """Refuse what is too easy to guess: length counts, not which kinds of characters there are.

    Raises:
        AccountError: `password_short`, `password_long`, `password_simple` (few different characters), `password_name`.
    """
    normal = _normal(password)
    if len(normal) < SHORTEST:
        raise AccountError("password_short", f"a password has at least {SHORTEST} characters")
    if len(normal) > LONGEST:
        raise AccountError("password_long", f"a password has at most {LONGEST} characters")
    if len(set(normal.casefold())) < _FEWEST_DIFFERENT:
        raise AccountError("password_simple", f"a password has at least {_FEWEST_DIFFERENT} different characters")
    if name.casefold() in normal.casefold():
        raise AccountError("password_name", "a password does not hold the name of its account")


def start_password() -> str:
    """A password to hand out once, of about 79 bits: four groups of four."""
    return "-".join("".join(secrets.choice(_START_LETTERS) for _ in range(4)) for _ in range(4))


def _normal(password: str) -> str:
    # The same keys give full-width or half-width letters, as the input method pleases.
    return unicodedata.normalize("NFKC", password)
