"""How fast the look-up answers: the engine and a page of results, with our corpus and with a synthetic one of any size.

    .venv/bin/python tools/bench_lookup.py                    # our corpus, the trained model of the present content
    .venv/bin/python tools/bench_lookup.py --clauses 10000    # a synthetic corpus as well, with a model trained on it

A query is timed once as it is new, and once again for each company, as somebody refines it. Pages are asked of the console's own
application in this process, with a session in a database: everything but the network.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import itertools
import os
import random
import re
import secrets
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from madoguchi import LANGUAGES
from madoguchi.corpus import Clause, Company, Corpus, Document, shared_corpus
from madoguchi.lookup import Lookup, read, say_entry

if TYPE_CHECKING:
    from madoguchi.store import Database

QUERIES = (
    "レクサスに電話すると録音されますか",
    "手数料はいくらですか",
    "回答までどれくらいかかりますか",
    "個人情報を第三者に提供していますか",
    "クッキー",
    "共同利用",
    "くっきーを拒否したい",
    "本人確認書類は何が必要ですか",
    "問い合わせ窓口の電話番号",
    "0800-500-5577",
    "保存期間",
    "未成年の情報は",
    "海外に送られますか",
    "ダイレクトメールを止めたい",
    "データを消してほしい",
    "第三者提",
    "ろくおんされますか",
    "プライバシーポリシーはいつ変わりましたか",
    "トヨタメトロジック",
    "車の位置情報は取得されますか",
    "天気はどうですか",
    "担当者と話したい",
    "SSLで暗号化されていますか",
    "IPアドレスは何に使われますか",
    "ＡＩの学習に使われますか",
    "are calls recorded when I phone the desk",
    "how much does a request cost",
    "how long does Infiniti take to answer",
    "cookies",
    "opt out of sharing",
    "who is responsible for joint use",
    "can I get a copy of my data",
    "what documents prove my identity",
    "two weeks",
    "privacy_policy@mail.nissan.co.jp",
    "is my data sent abroad",
    "children's data",
    "delete my account",
    "retention period",
    "bost",
    "GCLID",
    "what's the weather",
    "does Jamil share my phone number",
    "Mitsui Sumitomo",
    "how are customers told about changes",
    "third party prov",
    "security of my data at G-Link",
    "complaints",
    "IP address",
    "contact",
)

_SYLLABLES = "アサナラミトキリノセルカモヴェゼニコ"


def our_lookup() -> Lookup:
    """The look-up of our corpus, with the model of the present content where it has been trained."""
    from madoguchi.supervisor import model_path

    corpus, path = shared_corpus(), model_path()
    return Lookup(corpus, read(path, corpus) if path.exists() else None)


def synthetic(corpus: Corpus, clauses: int, seed: int = 1) -> Corpus:
    """A corpus of so many clauses: companies whose policies are those of ours with names, numbers and products of their own."""
    rng = random.Random(seed)  # noqa: S311 - to be repeatable
    documents: dict[str, Document] = {}
    companies: dict[str, Company] = {}
    count = 0
    for number, original in enumerate(itertools.cycle(corpus.documents.values())):
        if count >= clauses:
            break
        name = f"made-{number:04}"
        product = "".join(rng.choice(_SYLLABLES) for _ in range(5))
        latin = f"Zy{number:04}x"
        telephone = f"0{rng.randrange(120, 990)}-{rng.randrange(100, 999)}-{rng.randrange(1000, 9999)}"
        documents[name] = _renamed(corpus, original, name, {"ja": product, "en": latin}, telephone, clauses - count)
        count += len(documents[name].clauses)
        called = {"ja": f"{product}商事", "en": f"{latin} Motors"}
        companies[name] = Company(name, called, called, {lang: (called[lang],) for lang in LANGUAGES}, {}, (), (name,))
    return dataclasses.replace(corpus, companies=companies, documents=documents)


def _renamed(corpus: Corpus, original: Document, name: str, product: Mapping[str, str], telephone: str, most: int) -> Document:
    company = corpus.companies[original.company]

    def ours(text: str) -> str:
        for lang in LANGUAGES:
            text = text.replace(company.full[lang], product[lang])
        return re.sub(r"0[0-9]{2,3}-[0-9]{3}-[0-9]{4}", telephone, text)

    made: list[Clause] = []
    for clause in original.clauses[:most]:
        made.append(
            dataclasses.replace(
                clause,
                id=f"{name}/{clause.id.rpartition('/')[2]}",
                document=name,
                says={lang: ours(f"{clause.says[lang]} {product[lang]}") for lang in LANGUAGES},
                with_=(),
                also=(),
                facets=(),
                points=tuple(
                    dataclasses.replace(p, facets=(), says={lang: ours(p.says[lang]) for lang in LANGUAGES}) for p in clause.points
                ),
                asked_as={lang: tuple(f"{text} {product[lang]}" for text in clause.asked_as[lang][:2]) for lang in LANGUAGES},
            )
        )
    # Each company answers each facet once: what nothing answers falls to the first clause.
    made[0] = dataclasses.replace(made[0], facets=tuple(corpus.facets))
    return dataclasses.replace(
        original, id=name, company=name, source=tuple(ours(line) for line in original.source), clauses=tuple(made), gaps=()
    )


def trained(corpus: Corpus) -> Lookup:
    """A look-up of a synthetic corpus with a model of one phrasing a clause, languages by turns, and the dialogue's examples."""
    from madoguchi.text import clean
    from madoguchi.understanding import choices
    from madoguchi.understanding.encoder import encode_many, encoder_named
    from madoguchi.understanding.folds import dialogue_examples
    from madoguchi.understanding.inquiry import POLICY_QUESTION
    from madoguchi.understanding.knowledge import entry_column, intent_column, intents
    from madoguchi.understanding.learned import Example, Model
    from madoguchi.understanding.naming import Namer
    from madoguchi.understanding.understand import Understanding

    encoder, namer = encoder_named("use"), Namer(corpus)
    examples = list(intents(itertools.islice(((item.text, item.intent) for item in dialogue_examples()), 0, None, 3), namer))
    for number, entry in enumerate(corpus.entries.values()):
        lang = LANGUAGES[number % 2]
        targets = {intent_column(POLICY_QUESTION): 1.0, entry_column(corpus.company_of(entry).id, entry.id): 1.0}
        examples.append(Example(clean(entry.asked_as[lang][0]), targets, POLICY_QUESTION))
    started = time.perf_counter()
    dense = encode_many(encoder, [example.text for example in examples])
    encoded = time.perf_counter()
    model = Model.train(examples, dense)
    print(
        f"  trained: {len(examples)} sentences, {len(model.columns)} columns; encoded in {encoded - started:.0f} s, "
        f"solved in {time.perf_counter() - encoded:.0f} s; solution of {len(examples) * len(model.columns) * 4 / 2**20:.0f} MiB"
    )
    return Lookup(corpus, Understanding(corpus, model, encoder, choices.table(corpus)))


class Taken(NamedTuple):
    """Seconds by the clock, and of the processor: the latter are the same on a busy machine."""

    clock: float
    processor: float


@contextlib.contextmanager
def measured(into: list[Taken]) -> Iterator[None]:
    """Measure what is done within."""
    started, worked = time.perf_counter(), time.process_time()
    yield
    into.append(Taken(time.perf_counter() - started, time.process_time() - worked))


def summary(taken: Iterable[Taken]) -> str:
    """p50 and p95 in milliseconds, by the clock and of the processor."""
    clock, processor = (np.array(column) * 1000 for column in zip(*taken, strict=True))
    parts = [
        f"{name} p50 {np.percentile(of, 50):6.1f}  p95 {np.percentile(of, 95):6.1f} ms"
        for name, of in (("clock", clock), ("processor", processor))
    ]
    return f"{'   '.join(parts)}   ({len(clock)})"


def engine(lookup: Lookup, queries: Sequence[str] = QUERIES, rounds: int = 3) -> dict[str, list[Taken]]:
    """What each query takes: when it is new, put into words, and refined by a company."""
    now = datetime.now(timezone.utc)
    taken: dict[str, list[Taken]] = {"new query": [], "its results in words": [], "the same, by company": []}
    companies = list(lookup.corpus.companies)[:5]
    for number, query in itertools.product(range(rounds), queries):
        asked = query + " !" * number  # new to the memory of what was understood
        with measured(taken["new query"]):
            found = lookup.search(asked, now=now)
        with measured(taken["its results in words"]):
            for hit in (*found.hits, *found.apart):
                say_entry(lookup.corpus, hit.entry, found.query, now=now)
        for company in companies:
            with measured(taken["the same, by company"]):
                lookup.search(asked, company, now=now)
    return taken


def as_typed(queries: Sequence[str]) -> Iterator[str]:
    """Queries as they grow under somebody's hands: after two letters, half of it, all of it."""
    for query in queries:
        yield from dict.fromkeys((query[:2], query[: len(query) // 2], query))


async def pages(queries: Sequence[str] = QUERIES) -> list[Taken]:
    """What a page of results takes, of the console's application with a database of its own."""
    import httpx

    from madoguchi.console.app import create
    from madoguchi.gateway.runtime import Runtime
    from madoguchi.settings import Settings
    from madoguchi.supervisor import model_path

    os.environ["MADOGUCHI_MODEL"] = model_path().name
    with tempfile.TemporaryDirectory(prefix="madoguchi-bench-") as folder:
        runtime = Runtime(Settings.load({**os.environ, "MADOGUCHI_DATA_DIR": folder, "DATABASE_URL": f"sqlite:///{folder}/bench.db"}))
        app = create(runtime)
        name, password = _account(runtime.database)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8081", timeout=120) as client:
            await client.post("/sign-in", data={"name": name, "password": password})
            page = (await client.get("/")).text
            csrf = re.search(r'name="csrf" value="([^"]+)"', page)
            headers = {"X-CSRF-Token": csrf.group(1) if csrf else "", "HX-Request": "true"}
            while "data-state=" in (await client.post("/lookup", data={"q": "x"}, headers=headers)).text:
                await asyncio.sleep(0.5)
            taken: list[Taken] = []
            for query in as_typed(queries):
                with measured(taken):
                    response = await client.post("/lookup", data={"q": query, "company": ""}, headers=headers)
                response.raise_for_status()
        return taken


def _account(database: Database) -> tuple[str, str]:
    from madoguchi.accounts.passwords import hashed
    from madoguchi.accounts.service import new_account

    name, password = "bench", secrets.token_urlsafe()
    with database.write() as session:
        session.add(new_account(name, "auditor", (), "Bench", "ja", datetime.now(timezone.utc), password_hash=hashed(password)))
    return name, password


def resident() -> int:
    """Memory of this process in MiB."""
    pages_used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages_used * os.sysconf("SC_PAGE_SIZE") // 2**20


def main() -> int:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--clauses", type=int, default=0, help="size of a synthetic corpus")
    arguments.add_argument("--rounds", type=int, default=3)
    chosen = arguments.parse_args()
    before = resident()
    started = time.perf_counter()
    words = Lookup(shared_corpus())
    print(f"our corpus: words read in {time.perf_counter() - started:.1f} s, {resident() - before} MiB")
    _report("words alone", engine(words, rounds=chosen.rounds))
    before, started = resident(), time.perf_counter()
    ours = our_lookup()
    print(f"model loaded in {time.perf_counter() - started:.1f} s, {resident() - before} MiB with its encoder and libraries")
    _report("with the model" if ours.is_learned else "no model has been trained", engine(ours, rounds=chosen.rounds))
    print(f"a page of results as one types: {summary(asyncio.run(pages()))}")
    if chosen.clauses:
        corpus = synthetic(shared_corpus(), chosen.clauses)
        print(f"synthetic corpus: {len(corpus.entries)} clauses, {len(corpus.companies)} companies")
        before, started = resident(), time.perf_counter()
        made = Lookup(corpus)
        print(f"  words read in {time.perf_counter() - started:.1f} s, {resident() - before} MiB")
        _report("words alone", engine(made, rounds=chosen.rounds))
        _report("with the model", engine(trained(corpus), rounds=chosen.rounds))
    return 0


def _report(name: str, taken: Mapping[str, Sequence[Taken]]) -> None:
    print(f"  {name}:")
    for what, each in taken.items():
        print(f"    {what:24} {summary(each)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
