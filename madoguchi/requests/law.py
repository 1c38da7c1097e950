"""The Act as far as tickets need it: the duty behind each request type, and the reasons for a decision, both dated (law.yml)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from madoguchi import LANGUAGES, Language

_FILE = Path(__file__).with_name("law.yml")


@dataclass(frozen=True)
class Duty:
    """What a request type rests on.

    Attributes:
        has_suit: whether a suit needs a prior demand and two weeks from its arrival (art. 39).
        fee: whether the Act lets a company take one: `may` or `none`.
    """

    type: str
    article: str
    valid_from: date
    valid_to: date | None
    has_suit: bool
    fee: str


@dataclass(frozen=True)
class Reason:
    """Why a request is refused, answered in part or without data, with the article it rests on."""

    id: str
    article: str
    valid_from: date
    valid_to: date | None
    states: frozenset[str]
    types: frozenset[str]
    says: Mapping[Language, str]


@dataclass(frozen=True)
class _Law:
    duties: tuple[Duty, ...]
    reasons: tuple[Reason, ...]
    holds: Mapping[str, Mapping[Language, str]]


@lru_cache(maxsize=1)
def _law() -> _Law:
    raw: Mapping[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return _Law(
        duties=tuple(
            Duty(row["type"], row["article"], row["valid_from"], row.get("valid_to"), row["suit"], row["fee"]) for row in raw["duties"]
        ),
        reasons=tuple(
            Reason(
                row["id"], row["article"], row["valid_from"], row.get("valid_to"), frozenset(row["states"]), frozenset(row["types"]),
                {lang: row[lang] for lang in LANGUAGES},
            )
            for row in raw["reasons"]
        ),
        holds={row["id"]: {lang: row[lang] for lang in LANGUAGES} for row in raw["holds"]},
    )  # fmt: skip


def _holds_on(row: Duty | Reason, day: date) -> bool:
    return row.valid_from <= day and (row.valid_to is None or day <= row.valid_to)


def duty(request_type: str, day: date) -> Duty:
    """The duty behind a request type on a day.

    Raises:
        KeyError: no such type, or no law of that day in the table.
    """
    for row in _law().duties:
        if row.type == request_type and _holds_on(row, day):
            return row
    raise KeyError(request_type)


def reasons_for(request_type: str, state: str, day: date) -> tuple[Reason, ...]:
    """The reasons that staff may give for a decision on a day."""
    return tuple(row for row in _law().reasons if request_type in row.types and state in row.states and _holds_on(row, day))


def reason(reason_id: str) -> Reason:
    """A reason by its id, whenever it held.

    Raises:
        KeyError: no such reason.
    """
    return {row.id: row for row in _law().reasons}[reason_id]


def holds() -> Mapping[str, Mapping[Language, str]]:
    """Why a ticket may wait, by id, in both languages."""
    return _law().holds
