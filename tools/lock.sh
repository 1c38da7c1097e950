#!/bin/sh
# Locks the requirements anew, with hashes and without any registry's address. Needs uv.
set -eu
cd "$(dirname "$0")/.."
lock() { uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command tools/lock.sh "$@"; }
lock pyproject.toml -o requirements.txt
lock --extra dev pyproject.toml -o requirements-dev.all
# The development lock holds only what the product's own does not.
python3 - <<'PY'
import re
def blocks(name):
    return {b.split("==")[0]: b for b in re.split(r"\n(?=[A-Za-z0-9])", open(name, encoding="utf-8").read()) if "==" in b}
own, all_ = blocks("requirements.txt"), blocks("requirements-dev.all")
with open("requirements-dev.txt", "w", encoding="utf-8") as out:
    out.write("# By tools/lock.sh: what tests and lint need beside requirements.txt.\n")
    out.writelines(all_[name].rstrip() + "\n" for name in sorted(all_.keys() - own.keys()))
PY
rm requirements-dev.all
lock requirements-build.in -o requirements-build.txt
