"""What the dialogue tests look for in a reply."""

import csv
import re
from functools import lru_cache
from pathlib import Path

POLICIES = Path(__file__).resolve().parents[2] / "policies"
COMPANIES = ("lexus", "g-link", "jamil", "infiniti", "jin-jidosha")

CONTACTS = {
    "lexus": r"0800[-ー ]?500[-ー ]?5577",
    "jamil": r"03[-ー ]?5945[-ー ]?0121",
    "infiniti": r"privacy_policy@mail\.nissan\.co\.jp",
}

NOT_STATED = {
    "ja": re.compile(
        r"(?:記載(?:が|は|され)?|述べられ|示され|書かれ|挙げられ)"
        r"(?:て(?:い|は)?)?(?:あり|い)?ません"
    ),
    "en": re.compile(
        r"\b(?:do|does|is|are)(?: not|n't) (?:\w+ )?(?:state|mention|name|say|give|list|specify|in the text)"
        r"|not stated|no [\w ,-]+ (?:(?:is|are) (?:given|named|stated)|follows?)"
    ),
}

DAYS = re.compile(
    r"[0-9０-９一二三四五六七八九十]+\s*(?:営業日|日間|日以内|日(?=で|以)|週間|か月|ヶ月)"
    r"|(?:\d+|two|three|thirty|fourteen)[ -](?:business )?(?:day|week|month)s?",
    re.I,
)
FREE = re.compile(r"無料(?!か)|\bfree\b(?! or)|free of charge|no (?:charge|cost)", re.I)
AMOUNT = re.compile(r"[0-9０-９,]+\s*(?:円|yen\b)|[¥￥]\s*[0-9]", re.I)


def says_not_stated(text, language):
    return bool(NOT_STATED[language].search(text))


def foreign_contact(text, company):
    """The first contact in a text that is not the company's own, or None."""
    for owner, pattern in CONTACTS.items():
        found = re.search(pattern, text)
        if found and owner != company:
            return found.group()
    return None


def tells_of_recording(text, language):
    """Whether a text that gives LEXUS's number says that calls are recorded and the caller's number is displayed."""
    if language == "ja":
        return "録音" in text and "番号" in text and "表示" in text
    return "recorded" in text and "display" in text


def documents_of(company):
    return ("lexus", "lexus-web") if company == "lexus" else (company,)


@lru_cache(maxsize=1)
def _lines():
    with (POLICIES / "clauses.tsv").open(encoding="utf-8", newline="") as file:
        return {row["clause"]: row["lines"] for row in csv.DictReader(file, delimiter="\t")}


def source_of(clause):
    """The printed lines of a clause, blank ones left out, read from the published text itself."""
    first, _, last = _lines()[clause].partition("-")
    document = POLICIES / clause.split("/")[0] / "source.txt"
    lines = document.read_text(encoding="utf-8").split("\n")[int(first) - 1 : int(last or first)]
    return [line for line in lines if line.strip()]


def check_reply(turn, company, language):
    """What holds for every reply about one company."""
    assert turn.answer["language"] == language
    assert turn.answer["company"] == company, turn.text
    assert turn.text.strip()
    assert foreign_contact(turn.text, company) is None, turn.text
    assert all(cited.split("/")[0] in documents_of(company) for cited in turn.citations), turn.citations
    if turn.kind == "not_stated":
        assert says_not_stated(turn.text, language), turn.text
    if re.search(CONTACTS["lexus"], turn.text):
        assert tells_of_recording(turn.text, language), turn.text
