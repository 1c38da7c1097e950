#!/bin/sh
# Makes .venv with Python 3.10 and the locked requirements; does nothing where that has been done.
#   tools/setup.sh [run|dev]      dev adds what tests and lint need
set -eu
cd "$(dirname "$0")/.."
kind="${1:-run}"
say() { printf 'madoguchi: %s\n' "$*" >&2; }

# A path entry may be a shim without a Python behind it, so each candidate is run.
works() { "$@" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 10))' >/dev/null 2>&1; }

find_python() {
    for candidate in "${MADOGUCHI_PYTHON:-}" python3.10 python3 python; do
        if [ -n "$candidate" ] && works "$candidate"; then echo "$candidate"; return; fi
    done
    for candidate in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.10*/bin/python3.10 /usr/local/bin/python3.10 /opt/*/bin/python3.10; do
        if [ -x "$candidate" ] && works "$candidate"; then echo "$candidate"; return; fi
    done
    if command -v uv >/dev/null 2>&1; then
        candidate="$(uv python find 3.10 2>/dev/null || { uv python install 3.10 >/dev/null 2>&1 && uv python find 3.10 2>/dev/null; } || true)"
        if [ -n "$candidate" ] && works "$candidate"; then echo "$candidate"; return; fi
    fi
}

if [ ! -x .venv/bin/python ] || ! works .venv/bin/python; then
    python="$(find_python)"
    if [ -z "$python" ]; then
        say "Python 3.10 is needed (Rasa 3.6 runs on no later one) and was not found."
        say "Get it with 'uv python install 3.10', 'pyenv install 3.10' or your system's packages, or name it: MADOGUCHI_PYTHON=/path/to/python3.10 make run"
        exit 1
    fi
    say "making .venv with $python"
    rm -rf .venv
    "$python" -m venv .venv
fi

files="requirements-build.txt requirements.txt"
[ "$kind" = dev ] && files="$files requirements-dev.txt"
stamp=".venv/.installed"
for file in $files; do
    sum="$(.venv/bin/python -c 'import hashlib,sys; print(hashlib.sha256(open(sys.argv[1],"rb").read()).hexdigest())' "$file") $file"
    if ! grep -qxF "$sum" "$stamp" 2>/dev/null; then
        say "installing $file (once; the first time takes some minutes)"
        # Without build isolation, so that the few source packages are built by the locked build requirements.
        .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --require-hashes -r "$file"
        grep -v " $file\$" "$stamp" 2>/dev/null > "$stamp.new" || true
        echo "$sum" >> "$stamp.new"
        mv "$stamp.new" "$stamp"
    fi
done
# The repository itself, by a path file: nothing to build, and the stock commands find `madoguchi` and `actions`.
site="$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')"
[ -f "$site/madoguchi.pth" ] || pwd > "$site/madoguchi.pth"
if [ ! -x .venv/bin/madoguchi ]; then
    printf '#!/bin/sh\nexec "%s/.venv/bin/python" -m madoguchi "$@"\n' "$(pwd)" > .venv/bin/madoguchi
    chmod +x .venv/bin/madoguchi
fi
