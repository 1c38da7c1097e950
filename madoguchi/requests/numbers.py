"""Numbers of tickets: `D-XXXX-XXXX-XXXX-C`, 60 random bits and a check character, sayable by telephone.

Nothing can be read off a number: no date, no company, no counter. One mistyped character is found before any query.
"""

from __future__ import annotations

import re
import secrets
import unicodedata

from stdnum import luhn

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base32: no I, L, O, U."""

_LENGTH = 12
_MISREAD = str.maketrans("OIL", "011")
_NOT_WRITTEN = re.compile(r"[\s\-\u2010-\u2015\u2212\u30fc\u00ad]+")
_WRITTEN = re.compile(f"D([{ALPHABET}]{{{_LENGTH + 1}}})")


def new_number() -> str:
    """A number that nobody can guess."""
    return _printed("".join(secrets.choice(ALPHABET) for _ in range(_LENGTH)))


def parse(text: str) -> str | None:
    """The number that was typed or read out, in its printed form; None where it cannot be one.

    Case, full width, missing or other dashes, spaces, and O, I and L for 0 and 1 are put right.
    """
    bare = _NOT_WRITTEN.sub("", unicodedata.normalize("NFKC", text[:100])).upper()
    found = _WRITTEN.fullmatch(bare[:1] + bare[1:].translate(_MISREAD))
    if found is None or not luhn.is_valid(found.group(1), ALPHABET):
        return None
    return _printed(found.group(1)[:_LENGTH])


def _printed(body: str) -> str:
    parts = [body[start : start + 4] for start in range(0, _LENGTH, 4)]
    return "-".join(["D", *parts, luhn.calc_check_digit(body, ALPHABET)])
