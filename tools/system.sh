#!/bin/sh
# What tests need from the system: a browser, a font with Japanese, PostgreSQL. Installed where this runs as root on Debian or
# Ubuntu; named otherwise, and the tests that need it are skipped with that reason.
set -eu
say() { printf 'madoguchi: %s\n' "$*" >&2; }
missing=""
command -v chromium >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 || missing="$missing chromium"
{ command -v fc-list >/dev/null 2>&1 && [ -n "$(fc-list :lang=ja 2>/dev/null)" ]; } || missing="$missing fontconfig fonts-noto-cjk"
{ command -v postgres >/dev/null 2>&1 && [ -x "$(readlink -f "$(command -v postgres)")" ]; } || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing="$missing postgresql"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    say "installing for the tests:$missing"
    apt-get update -qq || true
    # shellcheck disable=SC2086  # the names are words of their own
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null || say "could not install:$missing; tests that need them are skipped"
else
    say "not here, so tests that need them are skipped:$missing"
fi
