"""How a system is run: once to learn and once to answer, each in a fresh process. Needs nothing but the standard library.

    python -m bench.workers.NAME learn|answer JOB.json FOLDER RESULT.json

A job holds `tasks`: name → {"train": [[bare, words, language, label] …], "test": [[bare, words, language] …]}; `timed`: for each
message that is timed, [[task, bare, words, language] …], what has to be asked to understand it; `also`: the same, timed apart;
`rounds`; and `settings`.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

Scores = Mapping[str, float]
Sentence = Sequence[str]
"""bare, words, language"""
SMALLEST = 1e-5
"""Scores under this are left out of results."""


class System(Protocol):
    """A system that learns to label sentences."""

    def learn(self, tasks: Mapping[str, Any], folder: Path, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """Learn every task, keep what was learned in a folder, and return facts for the results."""
        ...

    def load(self, tasks: Sequence[str], folder: Path, settings: Mapping[str, Any]) -> None:
        """Read what was learned."""
        ...

    def scores(self, task: str, sentences: Sequence[Sentence]) -> Sequence[Scores]:
        """A score for each label, for each sentence; `=` names the label decided for where that is not the one scored highest."""
        ...


def resident_mb() -> float:
    """Memory of this process now."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def run(system: System) -> None:
    """Do what the command line says."""
    phase, job_path, folder, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4])
    job = json.loads(job_path.read_text(encoding="utf-8"))
    found: dict[str, Any] = {}
    if phase == "learn":
        started = time.perf_counter()
        found["facts"] = dict(system.learn(job["tasks"], folder, job["settings"]))
        found["seconds"] = time.perf_counter() - started
        found["cpu_seconds"] = time.process_time()  # of all threads; a loaded machine changes it little
        found["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    else:
        started = time.perf_counter()
        system.load(list(job["tasks"]), folder, job["settings"])
        found["load_seconds"] = time.perf_counter() - started
        found["latency_ms"] = [_round(system, job["timed"]) for _ in range(job["rounds"] + 1)][1:]  # the first warms up
        found["also_ms"] = [_round(system, job.get("also", ())) for _ in range(job["rounds"] + 1)][1:]
        found["held_mb"] = resident_mb()
        found["tasks"] = {name: [_rounded(scores) for scores in system.scores(name, task["test"])] for name, task in job["tasks"].items()}
    out.write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")


def _rounded(scores: Scores) -> dict[str, Any]:
    return {
        label: score if isinstance(score, str) else round(float(score), 6)
        for label, score in scores.items()
        if isinstance(score, str) or score > SMALLEST
    }


def _round(system: System, timed: Sequence[Sequence[Sequence[str]]]) -> list[float]:
    times = []
    for message in timed:
        started = time.perf_counter()
        for task, *sentence in message:
            system.scores(task, [sentence])
        times.append(1000 * (time.perf_counter() - started))
    return times
