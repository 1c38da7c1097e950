# `make help` says what there is. Everything runs in .venv, which `make setup` makes.
PY := .venv/bin/python
export RASA_TELEMETRY_ENABLED := false
export PYTHONWARNINGS := ignore
export SQLALCHEMY_SILENCE_UBER_WARNING := 1
export TF_CPP_MIN_LOG_LEVEL := 3
# Each process would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE
DEV_SET ?= ../shared/eval/dev.jsonl

.PHONY: help run test train chat lint format eval bench setup setup-dev lock clean
.DEFAULT_GOAL := help

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

run: setup  ## set everything up and start the whole product
	@$(PY) -m madoguchi run

test: setup-dev lint  ## set everything up, lint, and run every test
	@tools/system.sh
	@$(PY) -m madoguchi train
	@$(PY) -m pytest

train: setup  ## train a model where something changed
	@$(PY) -m madoguchi train

chat: setup  ## talk to the running assistant in this terminal
	@$(PY) -m madoguchi chat

lint: setup-dev  ## formatting, types, layers, corpus
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .
	@$(PY) -m mypy
	@.venv/bin/lint-imports
	@$(PY) -m madoguchi corpus check

format: setup-dev  ## format the code
	@$(PY) -m ruff format .
	@$(PY) -m ruff check --fix .

eval: setup  ## score the running assistant on the development set, then folds over the phrasings
	@tools/eval.sh "$(DEV_SET)"

bench: setup  ## the comparisons of bench/README.md; hours on two cores
	@$(PY) -m madoguchi train
	@$(PY) -m bench.understanding
	@$(PY) -m bench.hint3
	@$(PY) -m bench.growth
	@$(PY) -m bench.tickets
	@$(PY) -m bench.turn

setup:
	@tools/setup.sh run

setup-dev:
	@tools/setup.sh dev

lock:  ## lock the requirements anew (needs uv)
	@tools/lock.sh

clean:  ## remove models, caches and the environment
	rm -rf .venv models .rasa .mypy_cache .ruff_cache .pytest_cache
