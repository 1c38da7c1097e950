#!/bin/sh
# Scores the assistant on a set of labelled questions, where it is there, and prints accuracy on folds of the phrasings.
#   tools/eval.sh QUESTIONS.jsonl
# Uses the assistant that runs; starts one for the time of the measurement where none does.
set -eu
cd "$(dirname "$0")/.."
questions="$1"
port="${MADOGUCHI_RASA_PORT:-5005}"
alive() { .venv/bin/python -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:$port/webhooks/rest/', timeout=2)" 2>/dev/null; }
if [ -f "$questions" ]; then
    started=
    if ! alive; then
        .venv/bin/python -m madoguchi run > .madoguchi-eval.log 2>&1 &
        started=$!
        trap 'kill $started 2>/dev/null; wait $started 2>/dev/null || true; rm -f .madoguchi-eval.log' EXIT
        until alive; do
            kill -0 "$started" 2>/dev/null || { tail -n 5 .madoguchi-eval.log >&2; exit 1; }
            sleep 1
        done
    fi
    .venv/bin/python "$(dirname "$questions")/score.py" "$questions" --url "http://127.0.0.1:$port" --show 30
else
    echo "eval: $questions is not here, so only the folds are measured" >&2
fi
.venv/bin/python -m madoguchi folds
