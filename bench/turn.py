"""One turn: what a client sees of the product's Rasa alone, of the product through its gateway, and of the bot of `rasa init`.

    python -m bench.turn [--rounds 3] [--bot FOLDER] [--before FOLDER] [--profile] [--quick] [--render]

Servers are started on free ports with data directories of their own, and measured one at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from bench import common, environment, flame
from bench.servers import Running, init_bot, make_init_bot, product
from madoguchi.supervisor import model_path

NAME = "turn"
LEVELS = (1, 8, 32, 128)
TURNS = {1: 60, 8: 160, 32: 320, 128: 640}
CONVERSATION = 5
"""Turns of one conversation under load; then the client begins another."""
LATE = range(192, 208)
"""Turns 193 to 208 of one conversation, whose median stands for turn 200."""
EARLY = range(6, 14)
"""Turns 7 to 14 of others, whose median stands for turn 10: each comes right after a late one and asks the same."""
WARM = 20
SAMPLED_TURNS = 200
WAITED = 25

OURS = (
    ("どんな個人情報を集めていますか", "jamil"),
    ("What do you use my data for?", "infiniti"),
    ("第三者に提供しますか", "lexus"),
    ("How long does it take to answer a disclosure request?", "jin-jidosha"),
    ("クッキーは使われていますか", "g-link"),
    ("Do you share my phone number with insurers?", "jamil"),
    ("問い合わせ先を教えてください", "infiniti"),
    ("Is my IP address recorded?", "lexus"),
)
"""Questions of policies, each answered by a custom action."""
THEIRS = ("hello", "I am very sad", "no", "are you a bot?", "I am doing great", "goodbye")
"""What the bot of `rasa init` knows; each is answered by a prepared utterance, without an action server."""

TITLES: Mapping[str, str] = {
    "ours": "Madoguchi, Rasa alone (SQLite)",
    "before": "Madoguchi before, Rasa alone (SQLite)",
    "gateway": "Madoguchi through the gateway (SQLite)",
    "init-sqlite": "`rasa init` bot, SQLite",
    "init-memory": "`rasa init` bot, in memory",
}
Prepare = Callable[[aiohttp.ClientSession, str], Awaitable[None]]
Turn = Callable[[aiohttp.ClientSession, str, int], Awaitable[None]]
"""Has one turn of a conversation answered: session, conversation, number of the turn."""


_ALONE = "The flame graph alone, made with `python -m bench.turn --profile`; `python -m bench.turn` measures the rest."


_DONE = """
Before: the state in which the product was first measured. Since then Rasa runs without TensorFlow, of which no component of the
product uses any part; a conversation is read by two prepared statements and its new events are written by one, on a connection
that stays open; the class of an event is looked up once for each name; replies of the action server are checked by a compiled
validator; what is known of the examples lies in memory as one message reads it; the terms of one message are weighted without
scikit-learn's machinery for many; the sentences of a message are embedded together, without setting the limit of threads each time;
debug lines are dropped before they are put together, and nothing is copied for them; the model holds 320 of the embedding's 512 axes,
and what its examples teach and not each column of it, which is half as much to read with each message; the action server is told the
events since the message and not those of the turns before, on a connection that is kept; neither server stops to look for garbage in
what it loaded at its start; of a conversation one whole turn is read, with the last value of each slot before it, which an index finds;
and a conversation is copied by its state and not by going through its events again.
The answers are the same but for the axes of the embedding, with which 5,052 instead of 5,056 of 6,156 held-back phrasings are
understood (docs/understanding.md).
"""


class TurnError(RuntimeError):
    """A turn had no proper answer."""


def ours_turn(port: int) -> Turn:
    """A turn with the product's Rasa by its REST channel."""

    async def turn(session: aiohttp.ClientSession, conversation: str, number: int) -> None:
        text, site = OURS[number % len(OURS)]
        body = {"sender": conversation, "message": text, "metadata": {"site": site}}
        async with session.post(f"http://127.0.0.1:{port}/webhooks/rest/webhook", json=body) as response:
            found = await response.json()
            if response.status != 200 or not any("answer" in (message.get("custom") or {}) for message in found):
                raise TurnError(f"status {response.status}")

    return turn


def init_turn(port: int) -> Turn:
    """A turn with the bot of `rasa init`; in a long conversation its learned policy now and then says nothing, which counts as a turn."""

    async def turn(session: aiohttp.ClientSession, conversation: str, number: int) -> None:
        body = {"sender": conversation, "message": THEIRS[number % len(THEIRS)]}
        async with session.post(f"http://127.0.0.1:{port}/webhooks/rest/webhook", json=body) as response:
            await response.read()
            if response.status != 200:
                raise TurnError(f"status {response.status}")

    return turn


class Gateway:
    """Turns through the gateway: a message is posted, and the answer awaited by a long poll, as the page does without streams."""

    def __init__(self, port: int) -> None:
        self._base = f"http://127.0.0.1:{port}/api"
        self._tokens: dict[str, str] = {}

    async def prepare(self, session: aiohttp.ClientSession, conversation: str) -> None:
        """Open a conversation; not part of a turn."""
        async with session.post(f"{self._base}/conversations", json={"lang": "ja"}) as response:
            self._tokens[conversation] = (await response.json())["token"]

    async def turn(self, session: aiohttp.ClientSession, conversation: str, number: int) -> None:
        """One turn."""
        text, site = OURS[number % len(OURS)]
        bearer = {"Authorization": f"Bearer {self._tokens[conversation]}"}
        body = {"client_id": uuid.uuid4().hex, "text": f"{NAMED[site]}: {text}"}
        url = f"{self._base}/conversation/messages"
        async with session.post(url, json=body, headers=bearer) as response:
            if response.status != 202:
                raise TurnError(f"status {response.status}")
            mine = (await response.json())["seq"]
        until = time.monotonic() + 120
        while time.monotonic() < until:
            async with session.get(url, params={"after": str(mine), "wait": str(WAITED)}, headers=bearer) as response:
                found = (await response.json())["messages"]
            if any(message["kind"] in PROPER for message in found):
                return
            if found:
                raise TurnError(f"kind {found[0]['kind']}")
        raise TurnError("no answer")


PROPER = frozenset({"answer", "not_stated", "clarify", "ask_company"})
"""Kinds of a reply that was understood and composed; others are failures or notes of the gateway."""
NAMED = {"jamil": "Jamil Shoji", "infiniti": "Infiniti", "lexus": "LEXUS", "jin-jidosha": "Jin Jidosha", "g-link": "G-Link"}


def _conversations() -> Iterator[str]:
    while True:
        yield f"bench-{uuid.uuid4().hex}"


async def load(turn: Turn, prepare: Prepare | None, clients: int, turns: int) -> dict[str, Any]:
    """So many clients at once, each holding conversations of `CONVERSATION` turns, one turn after the other, without pauses."""
    times: list[float] = []
    failures = 0
    names = _conversations()
    each = max(1, turns // clients)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=180), trust_env=False) as session:

        async def client(first: int) -> None:
            nonlocal failures
            for number in range(each):
                if number % CONVERSATION == 0:
                    conversation = next(names)
                    if prepare is not None:
                        await prepare(session, conversation)
                began = time.perf_counter()
                try:
                    await turn(session, conversation, first + number)
                except (TurnError, aiohttp.ClientError, asyncio.TimeoutError, LookupError):
                    failures += 1
                else:
                    times.append(1000 * (time.perf_counter() - began))

        began = time.perf_counter()
        await asyncio.gather(*(client(i) for i in range(clients)))
        seconds = time.perf_counter() - began
    if not times:
        raise TurnError("no turn was answered")
    return {
        "p50": common.percentile(times, 0.5),
        "p95": common.percentile(times, 0.95),
        "p99": common.percentile(times, 0.99),
        "a_second": len(times) / seconds,
        "turns": len(times),
        "failures": failures,
    }


async def long_conversation(turn: Turn, prepare: Prepare | None, late: range) -> dict[str, list[float]]:
    """The times in ms of one conversation's turns (`long`), and of turns of young ones (`young`), each right after one of `late`."""
    times: dict[str, list[float]] = {"long": [], "young": []}
    names = _conversations()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=180), trust_env=False) as session:

        async def begun(turns: int) -> str:
            conversation = next(names)
            if prepare is not None:
                await prepare(session, conversation)
            for number in range(turns):
                await timed(conversation, number)
            return conversation

        async def timed(conversation: str, number: int) -> float:
            began = time.perf_counter()
            await turn(session, conversation, number)
            return round(1000 * (time.perf_counter() - began), 2)

        conversation = await begun(0)
        times["long"] = [await timed(conversation, number) for number in range(late.start)]
        for number in late:
            if (number - late.start) % len(EARLY) == 0:
                young = await begun(EARLY.start)
            times["long"].append(await timed(conversation, number))
            times["young"].append(await timed(young, number))
    return times


class Face(NamedTuple):
    """A way in to a running server.

    Attributes:
        running: the server.
        turn, prepare: one turn, and what comes before a conversation.
        with_gateway: whether the gateway's process counts for memory and processor.
    """

    running: Running
    turn: Turn
    prepare: Prepare | None = None
    with_gateway: bool = False

    def busy(self) -> float:
        return self.running.busy(self.with_gateway)

    def memory(self) -> float:
        return self.running.memory(self.with_gateway)


def _faces(started: contextlib.ExitStack, bot: Path, before: Path | None) -> dict[str, Face]:
    """Start every server, one after the other, and warm each way in."""
    faces: dict[str, Face] = {}

    def add(name: str, face: Face) -> None:
        asyncio.run(load(face.turn, face.prepare, 1, WARM))
        faces[name] = face

    common.say("  the product")
    ours = started.enter_context(product())
    add("ours", Face(ours, ours_turn(ours.rasa_port)))
    gateway = Gateway(int(ours.gateway_port or 0))
    add("gateway", Face(ours, gateway.turn, gateway.prepare, with_gateway=True))
    if before is not None:
        common.say("  the product before")
        earlier = started.enter_context(product(before))
        add("before", Face(earlier, ours_turn(earlier.rasa_port)))
    for store in ("sqlite", "memory"):
        common.say(f"  rasa init, {store}")
        theirs = started.enter_context(init_bot(bot, store))
        add(f"init-{store}", Face(theirs, init_turn(theirs.rasa_port), with_gateway=True))
    return faces


def _round(faces: Mapping[str, Face], quick: bool) -> dict[str, Any]:
    """Every server at one level, then at the next: what is compared is measured within a minute, since machines change their speed."""
    found: dict[str, Any] = {name: {"ready": face.running.seconds, "memory": face.memory(), "levels": {}} for name, face in faces.items()}
    for level in LEVELS[:2] if quick else LEVELS:
        for name, face in faces.items():
            busy = face.busy()
            of_level = asyncio.run(load(face.turn, face.prepare, level, 2 * level if quick else TURNS[level]))
            of_level["cpu_ms"] = 1000 * (face.busy() - busy) / (of_level["turns"] + of_level["failures"])
            found[name]["levels"][str(level)] = of_level
            common.say(f"  {level} at once, {name}: {of_level['p50']:.0f} ms p50, {of_level['a_second']:.1f} turns/s")
    for name, face in faces.items():
        common.say(f"  a long conversation, {name}")
        found[name] |= asyncio.run(long_conversation(face.turn, face.prepare, range(16, 24) if quick else LATE))
        found[name]["memory_after"] = face.memory()
    return found


def measure(rounds: int, quick: bool, made: Path | None = None, before: Path | None = None) -> common.Raw:
    """Each round starts every server anew and measures them in turn.

    Args:
        made: the folder of a bot that `rasa init` made before.
        before: an earlier checkout of the product with its trained model.
    """
    results: common.Raw = {
        "machine": common.machine(),
        "versions": common.versions("rasa", "rasa-sdk", "tensorflow", "sanic", "starlette", "uvicorn", "SQLAlchemy", "aiohttp"),
        "quick": quick,
        "rounds": [],
    }
    if not model_path().exists():
        raise SystemExit("bench: no model for the present content; run `madoguchi train` first")
    with tempfile.TemporaryDirectory() as folder:
        if made is None:
            common.say("rasa init makes its bot")
        bot = made or make_init_bot(Path(folder))
        for number in range(rounds):
            common.say(f"round {number + 1} of {rounds}")
            with contextlib.ExitStack() as started:
                faces = _faces(started, bot, before)
                results["rounds"].append(_round(faces, quick))
                common.keep(NAME, results)
    with product() as running:
        _warm(running)
        results["profile"] = profile(running, quick)
        common.keep(NAME, results)
    return results


def _warm(running: Running) -> None:
    asyncio.run(load(ours_turn(running.rasa_port), None, 1, WARM))


def profile(running: Running, quick: bool) -> dict[str, Any]:
    """Sample Rasa and the action server during turns one after the other; nothing where py-spy cannot."""
    python = environment.python()
    if python is None:
        return {}
    turns = 20 if quick else SAMPLED_TURNS
    processes = {"Rasa": running.rasa(), "action server": running.action_server()}
    with tempfile.TemporaryDirectory() as folder:
        recorders = {name: flame.record(python, pid, Path(folder) / name) for name, pid in processes.items() if pid}
        time.sleep(2)
        before = running.busy(False)
        found = asyncio.run(load(ours_turn(running.rasa_port), None, 1, turns))
        busy = running.busy(False) - before
        samples = {name: flame.finish(recorder, Path(folder) / name) for name, recorder in recorders.items()}
    whole = {(name, *stack): count for name, stacks in samples.items() for stack, count in stacks.items()}
    if not whole:
        common.say("py-spy may not look into processes here; no flame graph")
        return {}
    return {
        "turns": turns,
        "p50": found["p50"],
        "cpu_ms": 1000 * busy / turns,
        "rate": flame.RATE,
        "samples": {name: sum(stacks.values()) for name, stacks in samples.items()},
        "tree": flame.raw_of(flame.tree_of(whole), max(1, sum(whole.values()) // 2000)),
    }


def _titles(results: common.Raw) -> dict[str, str]:
    return {name: title for name, title in TITLES.items() if name in results["rounds"][0]}


def _values(results: common.Raw, name: str, of: Callable[[Mapping[str, Any]], float]) -> list[float]:
    return [of(found[name]) for found in results["rounds"] if name in found]


def _at(level: str, key: str) -> Callable[[Mapping[str, Any]], float]:
    """Reads a figure of a number of concurrent conversations."""
    return lambda found: float(found["levels"][level][key])


def _of(key: str) -> Callable[[Mapping[str, Any]], float]:
    """Reads a figure of a server."""
    return lambda found: float(found[key])


def _early(found: Mapping[str, Any]) -> float:
    return common.spread(found["young"]).median


def _late(found: Mapping[str, Any]) -> float:
    return common.spread(found["long"][-len(found["young"]) :]).median


def render(results: common.Raw) -> None:
    """Write docs/benchmarks/turn.md and its plot."""
    if not results.get("rounds"):
        common.page(NAME, ["# One turn", _ALONE, common.provenance(results["profile"] | {"versions": {}}), _parts(results)])
        return
    _plot(results)
    levels = sorted(results["rounds"][0]["ours"]["levels"], key=int)
    parts = [
        "# One turn",
        common.provenance(results),
        f"`python -m bench.turn`. {len(results['rounds'])} round(s); in each, every server is started anew, and all are measured at one "
        f"number of conversations before the next, one at a time. Medians of the "
        "rounds, with the lowest and highest in brackets. Client and servers share the machine.",
        "![Latency and throughput by concurrent conversations](turn.svg)",
        "## Against the aims (both on SQLite; the lower the better but for turns a second)",
        _aims(results, levels),
        *(["## What the work on it brought", _DONE, _before(results, levels)] if "before" in results["rounds"][0] else []),
        "## Turns as a client sees them",
        *[_level(results, level) for level in levels],
        "## Start, memory, long conversations",
        _costs(results),
        "## Where the time of a turn goes",
        _parts(results),
        "## How it was done",
        f"""
- Each client holds conversations of {CONVERSATION} turns, one turn after the other without pauses; then it begins another. Turns:
  {", ".join(f"{results['rounds'][0]['ours']['levels'][level]['turns']} at {level}" for level in levels)}.
- Our turns are policy questions in both languages; each is understood, goes to the action server and is answered with its source. The
  bot of `rasa init` answers with prepared utterances and calls no action server: it does less in a turn.
- Through the gateway a turn is a posted message and a long poll for its answer; two databases are written, limits are lifted.
- Ready: from the start of the first process to the first answered message. Memory: proportional set size of all processes after
  {WARM} turns (for *Rasa alone*: Rasa and action server), and after all loads. The servers that are not measured at the moment wait.
- Turn 10 and 200: medians of turns {LATE.start + 1} to {LATE.stop} of one conversation and, each right after one of these and with the
  same question, of turns {EARLY.start + 1} to {EARLY.stop} of others: a machine that changes its speed changes it for both.
- `rasa init` is started as it comes, with TensorFlow's own choice of threads; its SQLite store by `endpoints.yml`.
""",
    ]
    common.page(NAME, parts)


class Figure(NamedTuple):
    """A row of the tables that compare two."""

    what: str
    of: Callable[[Mapping[str, Any]], float]
    digits: int
    aim: str = ""
    holds: Callable[[float], bool] = bool


def _figures(levels: Sequence[str]) -> list[Figure]:
    return [
        *(Figure(f"p50 at {level}, ms", _at(level, "p50"), 0, "at most 0.5", lambda r: r <= 0.5) for level in levels),
        Figure(f"processor time of a turn at {levels[0]}, ms", _at(levels[0], "cpu_ms"), 1),
        *(Figure(f"turns a second at {level}", _at(level, "a_second"), 1, "at least 2", lambda r: r >= 2) for level in levels),
        Figure("memory, MB", _of("memory"), 0, "at most 0.65", lambda r: r <= 0.65),
        Figure("time to ready, s", _of("ready"), 1, "at most 0.5", lambda r: r <= 0.5),
    ]


def _aims(results: common.Raw, levels: Sequence[str]) -> str:
    rows: list[list[object]] = []
    for figure in _figures(levels):
        ours, theirs = _values(results, "ours", figure.of), _values(results, "init-sqlite", figure.of)
        ratio = common.ratios(ours, theirs)
        verdict = ("yes" if figure.holds(ratio.median) else "**no**") if figure.aim else ""
        of_both = [common.spread(values).text(figure.digits) for values in (ours, theirs)]
        rows.append([figure.what, *of_both, ratio.text(2), figure.aim, verdict])
    own = common.ratios(_values(results, "ours", _late), _values(results, "ours", _early))
    other = common.ratios(_values(results, "init-sqlite", _late), _values(results, "init-sqlite", _early))
    rows.append(["turn 200 by turn 10", own.text(2), other.text(2), "", "at most 1.2", "yes" if own.median <= 1.2 else "**no**"])
    return common.table(["", "Madoguchi, Rasa alone", "`rasa init`", "ratio", "aim", "reached"], rows)


def _before(results: common.Raw, levels: Sequence[str]) -> str:
    rows: list[list[object]] = []
    for figure in [*_figures(levels), Figure("turn 10, ms", _early, 0), Figure("turn 200, ms", _late, 0)]:
        before, after = _values(results, "before", figure.of), _values(results, "ours", figure.of)
        of_both = [common.spread(values).text(figure.digits) for values in (before, after)]
        rows.append([figure.what, *of_both, common.ratios(after, before).text(2)])
    return common.table(["", "before", "after", "ratio"], rows)


def _level(results: common.Raw, level: str) -> str:
    rows = []
    for name, title in _titles(results).items():
        failures = sum(found[name]["levels"][level]["failures"] for found in results["rounds"])
        figures = (("p50", 0), ("p95", 0), ("p99", 0), ("a_second", 1), ("cpu_ms", 1))
        rows.append([title, *[common.spread(_values(results, name, _at(level, key))).text(digits) for key, digits in figures], failures])
    return common.table([f"{level} at once", "p50, ms", "p95, ms", "p99, ms", "turns a second", "processor, ms a turn", "failed"], rows)


def _costs(results: common.Raw) -> str:
    rows = []
    for name, title in _titles(results).items():
        measured = (
            (_of("ready"), 1),
            (_of("memory"), 0),
            (_of("memory_after"), 0),
            (_early, 0),
            (_late, 0),
            ((lambda found: _late(found) / _early(found)), 2),
        )
        rows.append([title, *[common.spread(_values(results, name, of)).text(digits) for of, digits in measured]])
    return common.table(["", "ready, s", "memory, MB", "after the loads, MB", "turn 10, ms", "turn 200, ms", "ratio"], rows)


def _parts(results: common.Raw) -> str:
    profile = results.get("profile")
    if not profile:
        return "No flame graph: py-spy could not look into the processes."
    tree = flame.tree_from(profile["tree"])
    each = f" ({profile['cpu_ms']:.0f} ms of the processor each)" if "cpu_ms" in profile else ""
    title = f"Madoguchi: {profile['turns']} turns one after the other; Rasa and action server"
    flame.draw(tree, title, common.RESULTS / "turn-flame.svg")
    ranked = common.shares(flame.by_part(tree))
    named = [name for name, _ in ranked if name != flame.OTHER][:3]
    return "\n\n".join(
        [
            f"{profile['turns']} turns one after the other{each}, sampled {profile['rate']} "
            "times a second in Rasa and action server. Samples in which a process waits for a request or for the other one do not count; "
            "those in which it waits for the disk do. "
            f"The three costliest named parts: **{named[0]}**, **{named[1]}**, **{named[2]}**.",
            common.table(["part", "share"], [[name, f"{100 * share:.1f} %"] for name, share in ranked]),
            "[Flame graph](turn-flame.svg); the text of a box appears when the pointer rests on it.",
        ]
    )


def _plot(results: common.Raw) -> None:
    pyplot = common.plotting()
    _, axes = pyplot.subplots(1, 3, figsize=(13, 4))
    levels = sorted(int(level) for level in results["rounds"][0]["ours"]["levels"])
    for i, (name, title) in enumerate(_titles(results).items()):
        style: dict[str, Any] = {"color": common.COLOURS[i], "marker": common.MARKERS[i], "label": title.replace("`", "")}
        for axis, key in ((axes[0], "p50"), (axes[1], "a_second")):
            spreads = [common.spread(_values(results, name, _at(str(level), key))) for level in levels]
            axis.plot(levels, [s.median for s in spreads], **style)
            axis.fill_between(levels, [s.low for s in spreads], [s.high for s in spreads], color=common.COLOURS[i], alpha=0.15)
        longs = [found[name]["long"] for found in results["rounds"]]
        middle = [common.spread(times).median for times in zip(*longs)]
        smooth = [common.spread(middle[max(0, k - 4) : k + 5]).median for k in range(len(middle))]
        axes[2].plot(range(1, len(smooth) + 1), smooth, color=common.COLOURS[i], linestyle=("-", "--", "-.", ":", "-")[i])
    for axis in axes[:2]:
        axis.set_xscale("log", base=2)
        axis.set_xticks(levels, [str(level) for level in levels])
        axis.set_xlabel("concurrent conversations")
    axes[0].set_yscale("log")
    axes[0].set_ylabel("a turn, p50, ms")
    axes[1].set_ylabel("turns a second")
    axes[1].set_ylim(bottom=0)
    axes[2].set_xlabel("turn of one conversation")
    axes[2].set_ylabel("ms (running median)")
    axes[2].set_ylim(bottom=0)
    axes[0].legend(fontsize=8)
    common.save_plot(pyplot, NAME)


def main() -> None:
    """Measure, or render what was measured."""
    parser = common.arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", action="store_true", help="make the flame graph alone; the kept measurements stay")
    parser.add_argument("--before", type=Path, help="an earlier checkout with its trained model, measured beside this one")
    parser.add_argument("--bot", type=Path, help="a folder in which `rasa init` made and trained its bot before")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that servers are stopped on the way out
    if chosen.profile:
        with product() as running:
            _warm(running)
            found = profile(running, chosen.quick)
            common.keep(NAME, {**common.kept(NAME), "profile": found | {"machine": common.machine()}})
    elif not chosen.render:
        measure(1 if chosen.quick else chosen.rounds, chosen.quick, chosen.bot, chosen.before)
    common.finish(NAME, chosen.remark, render)


if __name__ == "__main__":
    main()
