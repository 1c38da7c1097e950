"""Clauses by the thousand, made of parts: for measuring growth, not for meaning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice, product
from typing import NamedTuple

from madoguchi.corpus import Clause, Corpus, Document, load
from madoguchi.corpus.model import Text

_DATA = (
    ("氏名", "name"), ("住所", "home address"), ("電話番号", "telephone number"),
    ("メールアドレス", "e-mail address"), ("生年月日", "date of birth"),
    ("性別", "gender"), ("職業", "occupation"), ("勤務先", "employer"), ("免許証番号", "driving licence number"),
    ("車台番号", "chassis number"),
    ("登録番号", "registration number"), ("購入履歴", "purchase history"), ("点検記録", "inspection record"), ("走行距離", "mileage"),
    ("位置情報", "location"), ("閲覧履歴", "browsing history"), ("IPアドレス", "IP address"), ("端末の種類", "kind of device"),
    ("口座番号", "bank account number"), ("信用情報", "credit record"), ("保険契約", "insurance contract"), ("通話録音", "call recording"),
    ("映像", "camera footage"), ("アンケートの回答", "survey answers"), ("家族構成", "family members"),
)  # fmt: skip
_ACTS = (
    ("取得", "collection"), ("利用", "use"), ("保管", "storage"), ("提供", "provision"), ("委託", "entrusting"), ("共同利用", "joint use"),
    ("開示", "disclosure"), ("訂正", "correction"), ("削除", "deletion"), ("利用停止", "suspension"),
    ("匿名加工", "anonymisation"), ("分析", "analysis"),
    ("暗号化", "encryption"), ("移転", "transfer"), ("照合", "matching"), ("公表", "publication"), ("複製", "copying"), ("監査", "audit"),
    ("更新", "update"), ("廃棄", "disposal"),
)  # fmt: skip
_PARTIES = (
    ("販売店", "dealers"), ("保険会社", "insurers"), ("親会社", "the parent company"), ("金融機関", "banks"),
    ("配送業者", "carriers"), ("整備工場", "garages"),
    ("広告会社", "advertisers"), ("調査会社", "research firms"), ("行政機関", "authorities"), ("裁判所", "courts"), ("警察", "the police"),
    ("海外の拠点", "offices abroad"), ("コールセンター", "call centres"), ("クラウド事業者", "cloud providers"),
    ("決済会社", "payment services"),
    ("印刷会社", "printers"), ("弁護士", "lawyers"), ("監査法人", "auditors"), ("提携先", "partners"), ("輸入業者", "importers"),
)  # fmt: skip

MOST = len(_DATA) * len(_ACTS) * len(_PARTIES)


class Asked(NamedTuple):
    """A question in other words than those learned, with its company and the clause that it asks for."""

    text: str
    language: str
    company: str
    entry: str


def _combinations(count: int) -> Iterator[tuple[tuple[str, str], tuple[str, str], tuple[str, str]]]:
    if count > MOST:
        raise ValueError(f"{MOST} clauses at most")
    # The data first, so that few clauses are about many things, as in a policy.
    for party, act, data in islice(product(_PARTIES, _ACTS, _DATA), count):
        yield data, act, party


def corpus_of(count: int) -> Corpus:
    """A corpus of the product's companies with so many clauses in all, each of two sentences (its title in both languages)."""
    real = load()
    companies = list(real.companies.values())
    clauses: dict[str, list[Clause]] = {company.id: [] for company in companies}
    topic = next(iter(real.topics))
    for i, (data, act, party) in enumerate(_combinations(count)):
        company = companies[i % len(companies)].id
        title: Text = {"ja": f"{party[0]}への{data[0]}の{act[0]}", "en": f"{act[1]} of the {data[1]} with {party[1]}"}
        made = Clause(f"{company}/c{i}", company, (1, 1), (topic,), title, title, (), (), (), (), {"ja": (), "en": ()})
        clauses[company].append(made)
    documents = {
        company.id: Document(company.id, company.id, "ja", company.full, (), ("",), tuple(clauses[company.id]), ()) for company in companies
    }
    made_companies = {company.id: replace(company, documents=(company.id,)) for company in companies}
    return Corpus(made_companies, documents, {}, real.topics, real.names)


def questions_of(count: int, wanted: int) -> Sequence[Asked]:
    """Questions of clauses spread over the corpus of that size, half of them in each language."""
    companies = list(load().companies)
    found: list[Asked] = []
    every = max(1, count // wanted)
    for i, (data, act, party) in enumerate(_combinations(count)):
        if i % every == 0 and len(found) < wanted:
            texts = (
                f"{data[0]}を{party[0]}に関して{act[0]}することはありますか",
                f"Is there any {act[1]} of my {data[1]} as regards {party[1]}?",
            )
            language = len(found) % 2
            company = companies[i % len(companies)]
            found.append(Asked(texts[language], ("ja", "en")[language], company, f"{company}/c{i}"))
    return found
