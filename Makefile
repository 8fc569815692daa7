# make demo needs git, make and python3-venv, no root and, once, a package index. Nothing is installed outside this folder.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help env demo examples test test-fast soak bench lint clean

DEMO ?= demo-out
EXAMPLES ?= examples-out
BENCH ?= bench-out/bench.json
SECONDS ?= 60

help: ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile

env: ## .venv with every extra and the tools of a developer
	@scripts/make-env all

demo: ## the story of three erasures, from order to receipt [DEMO=DIR] [KEEP_BEFORE=1] [WORKERS=3]
	@scripts/make-env demo
	@.venv/bin/expunge demo "$(DEMO)" $(if $(filter-out 0,$(KEEP_BEFORE)),--keep-before) $(if $(filter-out 0,$(WORKERS)),--workers "$(WORKERS)")

examples: env ## three worked examples, a voice, cameras, whereabouts, each with a page [EXAMPLES=DIR]
	@set -e; for name in voice camera whereabouts; do .venv/bin/python -m examples.$$name "$(EXAMPLES)/$$name"; done

test: env ## a sample of everything in minutes, and core on the other Python where it is installed
	@scripts/test

test-fast: env ## while you work: no servers, no kills, under two minutes
	@scripts/test fast

soak: env ## what repeats, enumerates or waits, and the whole other Python [SECONDS=60: for each property]
	@SOAK_SECONDS="$(SECONDS)" scripts/test soak

bench: env ## measured numbers beside their anchors [BENCH=FILE.json], and a table beside it
	@.venv/bin/python -m bench --out "$(BENCH)"

lint: env ## ruff and mypy
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy

clean: ## remove what was made here
	@rm -rf build .venv demo-out examples-out bench-out .mypy_cache .ruff_cache .pytest_cache .hypothesis
