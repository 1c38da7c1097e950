"""Tables as pages and spreadsheets show them, and the geometry of plots; scripts and inline styles have no part in it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["text", "count", "bar", "share", "days"]

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 960, 220, 44, 24, 10


@dataclass(frozen=True)
class Column:
    """A column of a table; of kind `bar` its numbers are drawn too, `share` holds a part of one, `days` may be None."""

    name: str
    kind: Kind = "text"


@dataclass(frozen=True)
class Table:
    """A table of a report.

    Attributes:
        id: what its file is named by.
        examples: by row, words of customers; they are on the page alone and in no file.
    """

    id: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    examples: Mapping[int, Sequence[str]] = field(default_factory=dict)

    @property
    def tops(self) -> Sequence[float]:
        """The greatest number of each column, for its bars."""
        return [
            max((row[place] or 0 for row in self.rows), default=0) if column.kind == "bar" else 0
            for place, column in enumerate(self.columns)
        ]

    @property
    def plain(self) -> list[list[Any]]:
        """Its names and rows, shares as percentages."""
        kinds = [column.kind for column in self.columns]
        shown = [[_plain(value, kind) for value, kind in zip(row, kinds)] for row in self.rows]
        return [[column.name for column in self.columns], *shown]


@dataclass(frozen=True)
class Bar:
    """A part of a stacked column: which series, and where it is drawn."""

    series: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Plot:
    """Stacked columns over time.

    Attributes:
        grid: height and number of each line across.
        ticks: place and label below.
    """

    bars: Sequence[Bar]
    grid: Sequence[tuple[float, int]]
    ticks: Sequence[tuple[float, str]]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    base: float = HEIGHT - BOTTOM


def stacked(labels: Sequence[str], series: Sequence[str], counts: Sequence[Mapping[str, int]]) -> Plot:
    """Columns of the counts of each series, one a label, the first series at the bottom."""
    most = max((sum(each.get(name, 0) for name in series) for each in counts), default=0)
    step = _step(most)
    highest = max(1, math.ceil(most / step)) * step
    room, base = HEIGHT - BOTTOM - TOP, HEIGHT - BOTTOM
    pitch = (WIDTH - LEFT) / max(1, len(labels))
    width = min(pitch * 0.8, 48)
    bars = []
    for place, each in enumerate(counts):
        below = 0
        for name in series:
            if count := each.get(name, 0):
                tall = count / highest * room
                below += count
                bars.append(
                    Bar(name, _r(LEFT + pitch * place + (pitch - width) / 2), _r(base - below / highest * room), _r(width), _r(tall))
                )
    every = math.ceil(len(labels) / 12)
    ticks = [(_r(LEFT + pitch * (n + 0.5)), label) for n, label in enumerate(labels) if n % every == 0]
    grid = [(_r(base - number / highest * room), number) for number in range(0, highest + 1, step)]
    return Plot(bars, grid, ticks)


def _step(highest: int) -> int:
    """The first of 1, 2, 5, 10, 20, … of which four reach the highest count."""
    return next(step for n in itertools.count() for step in (10**n, 2 * 10**n, 5 * 10**n) if 4 * step >= highest)


def _r(number: float) -> float:
    return round(number, 2)


def _plain(value: Any, kind: Kind) -> Any:
    if value is None:
        return ""
    if kind == "share":
        return f"{value * 100:.1f}%"
    return f"{value:.1f}" if kind == "days" else value
