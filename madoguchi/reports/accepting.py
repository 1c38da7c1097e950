"""`madoguchi corpus accept`: from wordings that staff accepted to lines in the files that the bot learns from.

A file changes by the new lines alone: each goes after the last phrasing of its list, and what is read from the file afterwards has to
be what was read before with that phrasing added, or nothing is written.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from madoguchi import LANGUAGES, Language, MadoguchiError
from madoguchi.corpus import load
from madoguchi.understanding.duplicates import SAME_MEANING
from madoguchi.understanding.encoder import Encoder, encode_many

from .review import Accepted, Review
from .scope import Scope
from .wordings import learned, repeated

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTENT = "out_of_scope"


class AcceptError(MadoguchiError):
    """A file is not of the shape that can be added to; the message names it."""


@dataclass(frozen=True)
class Outcome:
    """What became of a wording: the file it was written into, or why it was not."""

    accepted: Accepted
    file: Path | None
    problem: str = ""


def accept(review: Review, root: Path, encoder: Encoder, questions: Path | None = None) -> list[Outcome]:
    """Write every wording that waits into the files below a folder, and mark it as written.

    Args:
        root: the repository, or a copy of its `policies` and `data`.
        encoder: compares meanings; one without dimensions leaves words alone to be compared.
        questions: held-out questions (JSON lines with `text` or `turns`), none of which may be learned.

    Raises:
        AcceptError, CorpusError: a file cannot be read or added to; what was written before it is marked.
    """
    held_out = list(_held_out(questions)) if questions is not None else []
    files = _Files(root)
    outcomes = []
    for each in reversed(review.accepted(Scope(None, has_words=False), is_written=False)):
        problem = _problem(each, files, encoder, held_out)
        if problem:
            outcomes.append(Outcome(each, None, problem))
            continue
        path = files.path(each)
        if not files.has(each):
            _add(path, each)
            files.added.append(each)
        review.mark_written([each.id])
        outcomes.append(Outcome(each, path))
    return outcomes


class _Files:
    """What the bot learns from, read once, and what was added since."""

    def __init__(self, root: Path) -> None:
        self.corpus = load(root / "policies")
        self.added: list[Accepted] = []
        self._root = root
        self._out_of_scope = {lang: list(_examples(root, lang)) for lang in LANGUAGES}

    def path(self, each: Accepted) -> Path:
        """The file that a wording belongs into."""
        if each.entry is None:
            return self._root / "data" / "nlu" / each.lang / "out_of_scope.yml"
        return self._root / "policies" / self.corpus.entries[each.entry].document / "clauses.yml"

    def has(self, each: Accepted) -> bool:
        """Whether a wording stands there already, word by word."""
        there = self._out_of_scope[each.lang] if each.entry is None else self.corpus.entries[each.entry].asked_as[each.lang]
        return each.text in there

    def known(self, each: Accepted) -> list[tuple[str, str]]:
        """What a wording must not repeat."""
        added = [
            other
            for other in self.added
            if other.lang == each.lang and (each.company == other.company or None in (each.company, other.company))
        ]
        return [
            *learned(self.corpus, each.company, each.entry, each.lang),
            *((_INTENT, text) for text in self._out_of_scope[each.lang]),
            *((other.entry or _INTENT, other.text) for other in added),
        ]


def report(outcomes: Sequence[Outcome], root: Path) -> str:
    """What was done and what to do next, for people."""
    written = [each for each in outcomes if each.file is not None]
    refused = [each for each in outcomes if each.file is None]
    lines = [f"{each.file.relative_to(root)}: {each.accepted.entry or _INTENT} ({each.accepted.lang}): {each.accepted.text}"
             for each in written if each.file is not None]  # fmt: skip
    lines += [f"not written: {each.accepted.text}: {each.problem}; withdraw it in the console's review" for each in refused]
    if written:
        lines.append(f"{len(written)} phrasing(s) written. Next: `make test` (checks the corpus and trains), then commit.")
    if not outcomes:
        lines.append("nothing waits to be written")
    return "".join(f"{line}\n" for line in lines)


def _held_out(path: Path) -> Iterator[tuple[str, str]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip():
            item = json.loads(line)
            yield from ((str(item.get("id", "?")), turn["text"]) for turn in item.get("turns") or [item])


def _problem(each: Accepted, files: _Files, encoder: Encoder, held_out: Sequence[tuple[str, str]]) -> str:
    """Why a wording is not to be learned; empty where it is."""
    if (found := repeated(each.text, held_out)) is not None:
        return f"it is nearly the held-out question {found}"
    if each.entry is not None and each.entry not in files.corpus.entries:
        return f"there is no {each.entry} any more"
    if files.has(each):
        return ""  # written by a run that ended before it was marked
    known = files.known(each)
    if (owner := repeated(each.text, known)) is not None:
        return f"it is nearly a phrasing of {owner}"
    if encoder.dimensions:
        rows = encode_many(encoder, [each.text, *(text for _, text in known)])
        alike = rows[1:] @ rows[0]
        if len(alike) and float(alike.max()) >= SAME_MEANING:
            owner, text = known[int(alike.argmax())]
            return f"it means the same as a phrasing of {owner}: {text}"
    return ""


def _examples(root: Path, lang: Language) -> Iterator[str]:
    """What is out of scope, in a language."""
    for path in sorted((root / "data" / "nlu" / lang).glob("*.yml")):
        for block in yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)["nlu"]:  # noqa: S506 - a safe loader, in C where there is one
            if block["intent"] == _INTENT:
                yield from (line.strip().removeprefix("- ") for line in block["examples"].splitlines() if line.strip())


def _add(path: Path, each: Accepted) -> None:
    """Add a wording to a file by one new line.

    Raises:
        AcceptError: the file has no list that it could go into, or another content would change.
    """
    with path.open(encoding="utf-8", newline="") as file:
        before = file.read()
    if not before.endswith("\n"):
        raise AcceptError(f"{path}: does not end with a line break; add one")
    insert: Callable[[str, Accepted], tuple[str, Any]] = _with_phrasing if each.entry is not None else _with_example
    try:
        after, wanted = insert(before, each)
        is_right = yaml.load(after, Loader=_Loader) == wanted  # noqa: S506 - a safe loader, in C where there is one
    except (LookupError, ValueError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise AcceptError(f"{path}: no list of phrasings for {each.entry or _INTENT} ({each.lang}) that a line can be added to") from error
    if not is_right:
        raise AcceptError(f"{path}: cannot be added to without changing something else; add the phrasing by hand")
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(after, encoding="utf-8", newline="")
    draft.chmod(path.stat().st_mode)
    draft.replace(path)


def _with_phrasing(source: str, each: Accepted) -> tuple[str, Any]:
    """A file of clauses with a phrasing more, and what is to be read from it."""
    wanted = yaml.load(source, Loader=_Loader)  # noqa: S506 - as above
    tree = yaml.compose(source, Loader=_Loader)
    for part in ("clauses", "gaps"):
        for content, node in zip(wanted.get(part) or (), _child(tree, part).value if part in wanted else ()):
            if content["id"] != each.entry:
                continue
            listed = _child(_child(node, "asked_as"), each.lang)
            if listed.flow_style:
                raise LookupError(each.entry)
            content["asked_as"][each.lang].append(each.text)
            last = listed.value[-1]
            lines = source.splitlines(keepends=True)
            lead = lines[last.start_mark.line][: last.start_mark.column]
            return _inserted(lines, last.end_mark.line, f"{lead}{_scalar(each.text)}"), wanted
    raise LookupError(each.entry)


def _with_example(source: str, each: Accepted) -> tuple[str, Any]:
    """A file of examples with one more for the intent, and what is to be read from it."""
    wanted = yaml.load(source, Loader=_Loader)  # noqa: S506 - as above
    place = [block["intent"] for block in wanted["nlu"]].index(_INTENT)
    wanted["nlu"][place]["examples"] += f"- {each.text}\n"
    node = _child(_child(yaml.compose(source, Loader=_Loader), "nlu").value[place], "examples")
    lines = source.splitlines(keepends=True)
    last = max(n for n in range(node.start_mark.line + 1, node.end_mark.line) if lines[n].strip())
    lead = lines[last][: lines[last].index("- ") + 2]
    return _inserted(lines, last, f"{lead}{each.text}"), wanted


def _child(node: Any, key: str) -> Any:
    return {name.value: value for name, value in node.value}[key]


def _inserted(lines: list[str], after: int, line: str) -> str:
    """A text with a line more, which ends as the line before it does."""
    end = lines[after][len(lines[after].rstrip("\r\n")) :]
    return "".join([*lines[: after + 1], line + end, *lines[after + 1 :]])


def _scalar(text: str) -> str:
    """A text as an item of a list, without quotes where it reads back as it is."""
    try:
        is_plain = yaml.load(f"- {text}", Loader=_Loader) == [text]  # noqa: S506 - as above
    except yaml.YAMLError:
        is_plain = False
    return text if is_plain else "'" + text.replace("'", "''") + "'"
