"""Contact details: what is asked for, and whether it can be used. Nothing is looked up in any network."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, fields
from typing import Literal

from .errors import ContactError

Channel = Literal["email", "phone", "letter"]
CHANNELS: tuple[Channel, ...] = ("email", "phone", "letter")

_LONGEST = {"name": 100, "represented_name": 100, "email": 254, "phone": 40, "address": 300}
_WANTED_FOR: dict[str, str] = {"email": "email", "phone": "phone", "letter": "address"}
_CARRIERS = re.compile(
    r"@(?:[a-z0-9-]+\.)*(?:docomo\.ne\.jp|ezweb\.ne\.jp|au\.com|softbank\.ne\.jp|vodafone\.ne\.jp|disney\.ne\.jp|willcom\.com|ymobile\.ne\.jp)$"
)
"""Japanese carriers gave out addresses with two dots together or a dot before the @, which no standard allows and which work."""


@dataclass(frozen=True, repr=False)
class Contact:
    """Who asks and how to reach them; nothing of it is printed by accident.

    Attributes:
        name: a name or another way to address the person.
        address: for letters, or where the company posts a form.
        represented_name: whose data it is about, where a representative asks.
    """

    name: str
    email: str | None = None
    phone: str | None = None
    address: str | None = None
    represented_name: str | None = None

    def __repr__(self) -> str:
        given = [item.name for item in fields(self) if getattr(self, item.name)]
        return f"Contact({', '.join(given)})"


def checked(contact: Contact, channel: str, is_represented: bool, takes_address: bool) -> Contact:
    """The contact as it is kept: cleaned, the mail address and the telephone number in their normal form.

    Args:
        contact: as it was entered.
        channel: the one that the customer chose; what another one would need is not asked for.
        is_represented: whether somebody asks for another person.
        takes_address: whether a postal address may be given although the answer does not go by letter.

    Raises:
        ContactError: by field, why it cannot be used.
    """
    values = {item.name: _cleaned(getattr(contact, item.name)) for item in fields(contact)}
    wanted = {"name", _WANTED_FOR[channel]} | ({"represented_name"} if is_represented else set())
    allowed = wanted | ({"address"} if takes_address else set())
    problems = {}
    for name, value in values.items():
        if not value:
            if name in wanted:
                problems[name] = "missing"
        elif name not in allowed:
            problems[name] = "not_asked"
        elif len(value) > _LONGEST[name]:
            problems[name] = "too_long"
    for name, normal in (("email", _email), ("phone", _phone)):
        if values[name] and name not in problems:
            values[name] = normal(values[name]) or ""
            if not values[name]:
                problems[name] = "invalid"
    if problems:
        raise ContactError(problems)
    return Contact(
        values["name"], values["email"] or None, values["phone"] or None, values["address"] or None, values["represented_name"] or None
    )


def split_address(email: str) -> tuple[str, str]:
    """The part of a mail address before the @ and the one after it."""
    local, _, domain = email.rpartition("@")
    return local, domain


def _cleaned(value: str | None) -> str:
    normal = unicodedata.normalize("NFKC", (value or "")[:2_000])
    kept = "".join(" " if char in "\t\r\n" else char for char in normal if char in "\t\r\n" or unicodedata.category(char)[0] != "C")
    return " ".join(kept.split())


def _email(raw: str) -> str | None:
    from email_validator import EmailNotValidError, validate_email  # with the first form: it takes a while, as does phonenumbers

    try:
        return validate_email(raw, check_deliverability=False, allow_smtputf8=False).normalized
    except EmailNotValidError:
        pass
    lowered = raw.lower()
    if not _CARRIERS.search(lowered):
        return None
    local, domain = split_address(lowered)
    regular = re.sub(r"\.+", ".", local).strip(".")
    try:
        validate_email(f"{regular}@{domain}", check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        return None
    return f"{local}@{domain}"


def _phone(raw: str) -> str | None:
    import phonenumbers

    try:
        number = phonenumbers.parse(raw, "JP")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def looked_up(text: str) -> list[tuple[str, str]]:
    """What a search for a contact looks for: kinds of fields and values, in the form in which they are kept."""
    cleaned = _cleaned(text)
    if "@" in cleaned:
        return [("email", _email(cleaned) or cleaned)]
    if (phone := _phone(cleaned)) is not None:
        return [("phone", phone)]
    return [("name", cleaned), ("represented_name", cleaned)]
