"""What every comparison shares: machine and versions, medians with spread, tables, result files, memory, plots."""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from madoguchi.settings import ROOT
from madoguchi.supervisor import content_hash

RESULTS = ROOT / "docs" / "benchmarks"
BENCH = ROOT / "bench"

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")
"""Okabe and Ito's colours, which colour-blind people can tell apart."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
HATCHES = ("", "//", "..", "xx", "\\\\", "++", "--", "oo")

Raw = dict[str, Any]
"""Results as they stand in a JSON file."""


class Spread(NamedTuple):
    """Several measurements of one thing."""

    median: float
    low: float
    high: float
    number: int

    def text(self, digits: int = 1, unit: str = "") -> str:
        """The median, and the lowest and highest in brackets where there are several."""
        return f"{self.median:,.{digits}f}{unit}" + (
            f" [{self.low:,.{digits}f}-{self.high:,.{digits}f}]" if self.number > 1 and self.low != self.high else ""
        )


def spread(values: Iterable[float]) -> Spread:
    """Median, lowest and highest of some measurements."""
    found = list(values)
    return Spread(statistics.median(found), min(found), max(found), len(found))


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Ours divided by theirs, run by run: the first of the one by the first of the other, which were measured side by side."""
    return spread(mine / other for mine, other in zip(ours, theirs))


def percentile(values: Sequence[float], share: float) -> float:
    """The value under which a share of the values lies (the nearest one that was measured)."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, max(0, round(share * len(ranked) + 0.5) - 1))]


def machine() -> dict[str, str]:
    """The machine and what ran on it, for people; no names of users, hosts or folders."""
    cpu = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor() or "unknown",
    )
    total = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "processor": cpu,
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{total / 1024**2:.0f} GB",
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "load at the start": f"{os.getloadavg()[0]:.1f}",
        "content": content_hash(),
    }


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def versions(*packages: str) -> dict[str, str]:
    """The installed version of each package."""
    return {name: importlib.metadata.version(name) for name in packages}


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown; the first column is text, the others are set to the right."""
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def provenance(results: Raw) -> str:
    """The paragraph that says on what and with what was measured."""
    of = results["machine"]
    named = ", ".join(f"{name} {version}" for name, version in sorted(results["versions"].items()))
    remarks = [
        "A quick run: numbers that show only that the bench works." if results.get("quick") else "",
        results.get("remark", ""),
        "The machine was busy: what is said of times and turns a second means little."
        if float(of["load at the start"]) > 0.7 * float(of["cores"])
        else "",
    ]
    return (
        f"Measured on {of['date']}: {of['processor']}, {of['cores']} cores, {of['memory']}, {of['system']}, Python {of['python']}; "
        f"load when it began {of['load at the start']}. Content {of['content']}. {named}{'.' if named else ''}"
        + "".join(f" **{remark}**" for remark in remarks if remark)
    )


def keep(name: str, results: Raw) -> None:
    """Write raw results to docs/benchmarks/NAME.json."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(results, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def kept(name: str) -> Raw:
    """Read docs/benchmarks/NAME.json; none yet is an empty one."""
    path = RESULTS / f"{name}.json"
    if not path.exists():
        return {}
    found: Raw = json.loads(path.read_text(encoding="utf-8"))
    return found


def page(name: str, parts: Iterable[str]) -> None:
    """Write docs/benchmarks/NAME.md from its paragraphs."""
    (RESULTS / f"{name}.md").write_text("\n\n".join(part.strip() for part in parts) + "\n", encoding="utf-8")


def say(text: str) -> None:
    """Tell whoever waits."""
    sys.stderr.write(f"bench: {text}\n")
    sys.stderr.flush()


def arguments(doc: str | None) -> argparse.ArgumentParser:
    """The switches that all comparisons have."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--quick", action="store_true", help="little data and few rounds: shows that the bench works, nothing else")
    parser.add_argument("--render", action="store_true", help="write tables and plots anew from the kept raw results, measure nothing")
    parser.add_argument("--remark", help="what else the page is to say of how it was measured, such as what ran beside it; with --render")
    return parser


def finish(name: str, remark: str | None, render: Callable[[Raw], None]) -> None:
    """Keep a remark with the raw results, and write the page from them where there are any."""
    if remark is not None:
        keep(name, {**kept(name), "remark": remark})
    found = kept(name)
    if found:
        render(found)


def descendants(pid: int) -> list[int]:
    """A process and everything that it started."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text(encoding="ascii").split()
        except OSError:
            continue
        for child in children:
            found += descendants(int(child))
    return found


def memory_mb(pids: Iterable[int]) -> float:
    """Memory of processes together in MB; pages that several share are counted once among them (proportional set size)."""
    total = 0
    for pid in pids:
        for line in _lines(f"/proc/{pid}/smaps_rollup"):
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024


def busy_seconds(pids: Iterable[int]) -> float:
    """Time on the processor that processes have used so far; a loaded machine changes it little."""
    ticks = 0
    for pid in pids:
        for line in _lines(f"/proc/{pid}/stat")[:1]:
            fields = line.rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def plain_environment() -> dict[str, str]:
    """The environment of every process that is measured: no telemetry, quiet, this checkout first."""
    return {
        **os.environ,
        "RASA_TELEMETRY_ENABLED": "false",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONWARNINGS": "ignore",
        "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
        "TQDM_DISABLE": "1",
        "PYTHONPATH": str(ROOT),
    }


def plotting() -> Any:
    """Matplotlib's pyplot, set up for files that are read beside text."""
    import matplotlib as mpl  # type: ignore[import-untyped]

    mpl.use("Agg")
    from matplotlib import pyplot

    pyplot.rcParams.update(
        {
            "figure.dpi": 110,
            "font.size": 10,
            "axes.grid": True,
            "grid.alpha": 0.3,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "legend.frameon": False,
            "svg.hashsalt": "bench",
        }
    )
    return pyplot


def save_plot(pyplot: Any, name: str) -> None:
    """Write the current figure to docs/benchmarks/NAME.svg, the same bytes for the same numbers, and close it."""
    pyplot.tight_layout()
    pyplot.savefig(RESULTS / f"{name}.svg", metadata={"Date": None, "Creator": None})
    pyplot.close()


def geometric_slope(sizes: Sequence[float], values: Sequence[float]) -> float:
    """The exponent b of the least-squares fit value = a x size^b."""
    import numpy as np

    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def shares(counts: Mapping[str, int]) -> list[tuple[str, float]]:
    """Counts as shares of their sum, the largest first."""
    total = sum(counts.values()) or 1
    return sorted(((name, count / total) for name, count in counts.items()), key=lambda item: -item[1])
