"""The second factor: codes that an app makes from the time (RFC 6238), and recovery codes for when the app is gone."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import unicodedata
from datetime import datetime

import pyotp
import segno

ISSUER = "Madoguchi"
_STEP_SECONDS = 30
_DIGITS = re.compile(r"[0-9]{6}")
_SPARE_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_SPARE = re.compile(f"[{_SPARE_LETTERS}]{{10}}")
HOW_MANY = 10


def new_secret() -> str:
    """160 random bits in base 32."""
    return pyotp.random_base32()


def step_of(secret: str, typed: str, now: datetime, last: int) -> int | None:
    """The time step whose code was typed: the present one, or one beside it, as clocks differ; None where it is none of them.

    Args:
        secret: of the account.
        typed: as it was entered.
        now: the present.
        last: the step whose code was taken last; its code and those before it are not good any more.
    """
    code, present = _cleaned(typed), int(now.timestamp()) // _STEP_SECONDS
    if not _DIGITS.fullmatch(code):
        return None
    totp = pyotp.TOTP(secret)
    fitting = [step for step in (present - 1, present, present + 1) if hmac.compare_digest(totp.generate_otp(step), code)]
    return next((step for step in fitting if step > last), None)


def qr_code(secret: str, name: str) -> str:
    """An `<svg>` that an app reads the secret from; attributes only, so that a strict content policy lets it be."""
    uri = pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)
    return str(
        segno.make(uri, micro=False, error="m").svg_inline(scale=4, border=4, dark="#000", light="#fff", svgclass=None, lineclass=None)
    )


def grouped(secret: str) -> str:
    """A secret as somebody types it: in groups of four."""
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))


def new_spares() -> list[str]:
    """Recovery codes of about 49 bits each."""
    letters = ["".join(secrets.choice(_SPARE_LETTERS) for _ in range(10)) for _ in range(HOW_MANY)]
    return [f"{code[:5]}-{code[5:]}" for code in letters]


def spare_hash(key: bytes, account_id: str, typed: str) -> str | None:
    """A recovery code as it is kept; None where it is of another form."""
    code = _cleaned(typed).lower()
    if not _SPARE.fullmatch(code):
        return None
    return hmac.new(key, f"recovery\0{account_id}\0{code}".encode(), hashlib.sha256).hexdigest()


def _cleaned(typed: str) -> str:
    return re.sub(r"[\s\-\u2010-\u2015\u2212\u30fc]+", "", unicodedata.normalize("NFKC", typed[:40]))
