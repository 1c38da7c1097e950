"""The console's sentences: both languages, with the same placeholders, and whatever a page of requests may have to say."""

import re
from pathlib import Path
from string import Formatter

import pytest

from madoguchi.console.wording import _FOLDER, area
from madoguchi.requests.clocks import CLOCKS
from madoguchi.requests.service import GROUNDS, RELATIONS, TYPES
from madoguchi.requests.staff import PERSONAL_FIELDS
from madoguchi.requests.states import STATES
from madoguchi.requests.wording import phrase

AREAS = sorted(path.stem for path in _FOLDER.glob("*.yml"))


@pytest.mark.parametrize("name", AREAS)
def test_both_languages_have_the_same_placeholders(name):
    for key, says in area(name).all.items():
        assert set(says) == {"ja", "en"}, key
        assert all(says.values()), key
        ja, en = ({field for _, field, _, _ in Formatter().parse(says[lang]) if field} for lang in ("ja", "en"))
        assert ja == en, key


def test_whatever_a_request_may_be_has_its_words():
    known = area("tickets").all
    wanted = [f"state_{state}" for state in STATES]
    wanted += [f"field_{name}" for name in PERSONAL_FIELDS]
    wanted += [f"relation_{name}" for name in RELATIONS] + [f"ground_{name}" for name in GROUNDS]
    wanted += [f"{when}_{clock}" for clock in CLOCKS for when in ("clock", "at", "late", "today", "left")]
    assert not [name for name in wanted if name not in known]
    assert all(f"type_{name}" in phrase.all for name in TYPES)


def test_every_refusal_of_a_move_has_its_words():
    from madoguchi.requests import staff, states

    codes = set()
    for module in (states, staff):
        text = Path(module.__file__).read_text(encoding="utf-8")
        codes |= set(re.findall(r"return \(?\"(\w+)\", f?\"", text)) | set(re.findall(r"RequestError\(\s*\"(\w+)\"", text))
    assert {"reason_needed", "officer_needed", "not_colleague"} <= codes
    assert not [code for code in codes - {"unknown_field", "not_unverified"} if f"problem_{code}" not in area("tickets").all]
