"""The bench's own environment: peers that are no dependencies of the product, installed from locked versions with hashes."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

from bench.common import BENCH, say

VENV = BENCH / ".venv"
PYTHON = VENV / "bin" / "python"
NLPJS = BENCH / "nlpjs"


def _digest(*paths: Path) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def _once(stamp: Path, digest: str, command: list[str], folder: Path) -> bool:
    """Run a command where its inputs have changed since it last went well; returns whether it is done."""
    if stamp.exists() and stamp.read_text(encoding="ascii") == digest:
        return True
    try:
        done = subprocess.run(command, cwd=folder, check=False, stdout=subprocess.DEVNULL)  # noqa: S603
    except OSError:
        return False
    if done.returncode:
        return False
    stamp.write_text(digest, encoding="ascii")
    return True


def python() -> Path | None:
    """The Python that has fastText and py-spy; None, and a word about it, where they cannot be installed."""
    locked = BENCH / "requirements.txt"
    if not PYTHON.exists():
        say("making the bench's environment")
        venv.create(VENV, with_pip=True)
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", str(locked)]
    if _once(VENV / ".installed", _digest(locked), command, BENCH):
        return PYTHON
    say("fastText and py-spy cannot be installed here; what needs them is skipped")
    return None


def nlpjs() -> Path | None:
    """The folder in which nlp.js is installed; None, and a word about it, where it cannot be."""
    digest = _digest(NLPJS / "package.json", NLPJS / "package-lock.json")
    if _once(NLPJS / "node_modules" / ".installed", digest, ["npm", "ci", "--no-audit", "--no-fund", "--silent"], NLPJS):
        return NLPJS
    say("nlp.js cannot be installed here (node and npm are needed); it is skipped")
    return None


if __name__ == "__main__":
    sys.exit(0 if python() and nlpjs() else 1)
